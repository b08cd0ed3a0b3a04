/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bounded JSON documents, read by cursors that share one sticky error. Whoever wrote the file
 * controls every byte.
 *
 *     struct json_document d = json_open(root, "config.json", e);
 *     struct json top = json_top(&d), process;
 *     json_get_object(&top, "process", JSON_REQUIRED, &process);
 *     json_get_string(&process, "cwd", JSON_REQUIRED, PATH_BYTES, &cwd);
 *     return d.rc;
 *
 * The first error is kept, with the file and the path of the value in its text ("config.json:
 * process.args[2]: must be a string"); after it every call does nothing and finds nothing. So a
 * parser looks at d.rc once, at its end. A member that is null counts as absent.
 */
#ifndef MOTE_OCI_JSON_H
#define MOTE_OCI_JSON_H

#include "base/cleanup.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JSON_BYTES_MAX  (4UL << 20)
#define JSON_DEPTH_MAX  32
#define JSON_VALUES_MAX 65536

struct json_t; /* jansson's */

/*
 * Parses len bytes; integers past INT64_MAX read as INT64_MAX. *out: a reference that the caller
 * drops with json_free. name: for messages.
 */
int json_parse(const char *bytes, size_t len, const char *name, struct json_t **out,
	       struct err *e) must_check;
/* The same for a file below dirfd. */
int json_read_file(int dirfd, const char *name, struct json_t **out, struct err *e) must_check;
struct json_t *json_hold(struct json_t *root); /* another reference */
void json_free(struct json_t *root);           /* accepts NULL */
static inline void json_freep(struct json_t *const *root)
{
	json_free(*root);
}
#define cleanup_json cleanup_(json_freep)

/* A document while it is read. */
struct json_document {
	const struct json_t *root; /* borrowed */
	const char *file;          /* borrowed, for messages */
	struct err *err;           /* borrowed; may be NULL */
	int rc;                    /* 0, or the negative errno of the first error */
};

static inline struct json_document json_open(const struct json_t *root, const char *file,
					     struct err *e)
{
	return (struct json_document){.root = root, .file = file, .err = e};
}

/* A value in a document. It lives on the stack and borrows its parent: a chain up to the top. */
struct json {
	struct json_document *document;
	const struct json *parent;  /* NULL: the top */
	const char *key;            /* its name in the parent; NULL: an element, or the top */
	size_t index;               /* of an element */
	const struct json_t *value; /* borrowed; NULL: absent */
};

enum json_need { JSON_OPTIONAL, JSON_REQUIRED };

/* In place of a key: the cursor's own value. */
#define JSON_SELF ((const char *)NULL)

struct json json_top(struct json_document *d);

/*
 * Each looks at a member of `object` (or JSON_SELF) and says whether it is there, of the right kind
 * and within its bounds. If it is not, *out is left alone; if it is there and wrong, or absent and
 * JSON_REQUIRED, that is the document's error.
 */
bool json_get_string(const struct json *object, const char *key, enum json_need need,
		     size_t max_bytes, const char **out);
bool json_get_int(const struct json *object, const char *key, enum json_need need, int64_t min,
		  int64_t max, int64_t *out);
bool json_get_bool(const struct json *object, const char *key, enum json_need need, bool *out);
/* A string that begins with '/' and has no ".." component. */
bool json_get_absolute_path(const struct json *object, const char *key, enum json_need need,
			    size_t max_bytes, const char **out);
/* A NULL-terminated array that the caller frees; its strings are borrowed from the document. */
bool json_get_strings(const struct json *object, const char *key, enum json_need need, size_t max,
		      size_t max_bytes, const char ***out, size_t *count);

/*
 * A cursor on an object, or an array of at most `max` elements. *out is always set; absent if that
 * is false.
 */
bool json_get_object(const struct json *object, const char *key, enum json_need need,
		     struct json *out);
bool json_get_array(const struct json *object, const char *key, enum json_need need, size_t max,
		    struct json *out);
size_t json_count(const struct json *container); /* members or elements; 0 if it is absent */
/* At most `max` of them; more is an error. */
bool json_check_count(const struct json *container, size_t max);

/*
 * The i-th element of an array: `for (size_t i = 0; json_element(&list, i, &item); i++)`. False at
 * its end.
 */
bool json_element(const struct json *array, size_t i, struct json *out);
/*
 * The member after `*at` of an object: `for (void *at = NULL; json_next_member(&object, &at,
 * &member);)`.
 */
bool json_next_member(const struct json *object, void **at, struct json *out);

/* An error of a member (or JSON_SELF) that the parser itself finds. */
void json_fail(const struct json *object, const char *key, int code, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* An error of the host's memory. */
void json_no_memory(const struct json *at, const char *what);
/* For each member that is an object or an array with something in it: Mote does not support it. */
void json_refuse_members(const struct json *object, const char *const *names, size_t count);

#endif
