/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bounded JSON documents and typed access to them, in which every error names the file and the path
 * of the value: "config.json: process.args[2]: must be a string". Whoever wrote the file controls
 * every byte.
 */
#ifndef MOTE_OCI_JSON_H
#define MOTE_OCI_JSON_H

#include "base/cleanup.h"
#include "base/err.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JSON_BYTES_MAX (4UL << 20)
#define JSON_DEPTH_MAX 32
#define JSON_VALUES_MAX 65536

/* A place in a document. It lives on the stack and borrows its parent: a chain up to the document.
 */
struct json_at {
	const struct json_at *parent; /* NULL: the document itself */
	const char *key;     /* its name in the parent; NULL: an element. The document: its file */
	size_t index;	     /* of an element */
	const json_t *value; /* borrowed; NULL where there is none */
};

#define cleanup_json cleanup_(json_decrefp) /* jansson's own */

/*
 * Parses len bytes; integers past INT64_MAX read as INT64_MAX. *out: a reference that the caller
 * drops with json_decref. name: for messages.
 */
int json_parse(const char *bytes, size_t len, const char *name, json_t **out,
	       struct err *e) must_check;
/* The same for a file below dirfd. */
int json_read_file(int dirfd, const char *name, json_t **out, struct err *e) must_check;

static inline struct json_at json_document(const json_t *root, const char *file)
{
	return (struct json_at){.key = file, .value = root};
}
struct json_at json_member(const struct json_at *object,
			   const char *key); /* value NULL where absent */
struct json_at json_element(const struct json_at *array, size_t i);

/* Fills *e with "FILE: PATH: sentence", blame ERR_CONFIG. Returns -code. */
int json_fail(const struct json_at *at, struct err *e, int code, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/*
 * Each returns 1 and sets *out, 0 where there is no value (or null) and leaves *out alone, or a
 * negative errno where the value is of another kind or out of bounds.
 */
int json_get_object(const struct json_at *at, struct err *e) must_check;
int json_get_array(const struct json_at *at, size_t max, size_t *count, struct err *e) must_check;
int json_get_string(const struct json_at *at, size_t max_bytes, const char **out,
		    struct err *e) must_check;
int json_get_int(const struct json_at *at, int64_t min, int64_t max, int64_t *out,
		 struct err *e) must_check;
int json_get_bool(const struct json_at *at, bool *out, struct err *e) must_check;
/* A NULL-terminated array, *out, that the caller frees; the strings are borrowed from the document.
 */
int json_get_strings(const struct json_at *at, size_t max, size_t max_bytes, const char ***out,
		     size_t *count, struct err *e) must_check;

#endif
