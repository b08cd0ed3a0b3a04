/* SPDX-License-Identifier: Apache-2.0 */
/* JSON documents by jansson, with bounds that it does not have. Syntax: RFC 8259. */
#include "oci/json.h"

#include "base/io.h"

#include <errno.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* --- parsing --- */

static int too_large(const char *name, struct err *e)
{
	return err_set(e, ERR_CONFIG, EFBIG, "%s is larger than %lu MiB", name,
		       JSON_BYTES_MAX >> 20);
}

/*
 * jansson allocates some hundred bytes a value and recurses a level a bracket. Both are counted
 * here before it sees the text: each value but a container's first has a comma before it.
 */
static int check_size(const char *bytes, size_t len, const char *name, struct err *e)
{
	size_t depth = 0, values = 1;
	bool in_string = false;
	for (size_t i = 0; i < len; i++) {
		char c = bytes[i];
		if (in_string) {
			if (c == '\\')
				i++;
			else if (c == '"')
				in_string = false;
			continue;
		}
		if (c == '"')
			in_string = true;
		if (c == '[' || c == '{')
			depth++;
		if (c == '[' || c == '{' || c == ',')
			values++;
		if ((c == ']' || c == '}') && depth > 0)
			depth--;
		if (depth > JSON_DEPTH_MAX)
			return err_set(e, ERR_CONFIG, EINVAL,
				       "%s: byte %zu: nested deeper than %d levels", name, i,
				       JSON_DEPTH_MAX);
		if (values > JSON_VALUES_MAX)
			return err_set(e, ERR_CONFIG, E2BIG, "%s: byte %zu: more than %d values",
				       name, i, JSON_VALUES_MAX);
	}
	return 0;
}

static size_t digits_end(const char *bytes, size_t i, size_t len)
{
	while (i < len && bytes[i] >= '0' && bytes[i] <= '9')
		i++;
	return i;
}

/* The digits from `i` to `end` are those of an integer, not of a fraction or an exponent. */
static bool is_integer(const char *bytes, size_t i, size_t end, size_t len)
{
	if (i > 0 && strchr(".eE+", bytes[i - 1]))
		return false;
	return end == len || !strchr(".eE", bytes[end]);
}

/*
 * jansson refuses integers past int64_t, but "no limit" is written as 2^64 - 1 by some. Such become
 * INT64_MAX, in place: a run of digits that is too large is never shorter than INT64_MAX's.
 */
static void clamp_integer(char *digits, size_t count)
{
	static const char most[] = "9223372036854775807";
	const size_t most_count = sizeof(most) - 1;
	if (*digits == '0' || count < most_count ||
	    (count == most_count && memcmp(digits, most, count) <= 0))
		return;
	memcpy(digits, most, most_count);
	memset(digits + most_count, ' ', count - most_count);
}

static void clamp_integers(char *bytes, size_t len)
{
	bool in_string = false;
	for (size_t i = 0; i < len; i++) {
		if (bytes[i] == '"') {
			in_string = !in_string;
		} else if (in_string) {
			if (bytes[i] == '\\')
				i++;
		} else if (bytes[i] >= '0' && bytes[i] <= '9') {
			size_t end = digits_end(bytes, i, len);
			if (is_integer(bytes, i, end, len))
				clamp_integer(bytes + i, end - i);
			i = end - 1;
		}
	}
}

int json_parse(const char *bytes, size_t len, const char *name, struct json_t **out, struct err *e)
{
	if (len > JSON_BYTES_MAX)
		return too_large(name, e);
	int rc = check_size(bytes, len, name, e);
	if (rc < 0)
		return rc;
	cleanup_free char *copy = malloc(len + 1);
	if (!copy)
		return err_sys(e, ENOMEM, "%s", name);
	memcpy(copy, bytes, len);
	clamp_integers(copy, len);
	json_error_t je;
	json_t *root = json_loadb(copy, len, JSON_REJECT_DUPLICATES, &je);
	if (!root && json_error_code(&je) == json_error_out_of_memory)
		return err_sys(e, ENOMEM, "%s", name);
	if (!root)
		return err_set(e, ERR_CONFIG, EINVAL, "%s: line %d, column %d: %s", name, je.line,
			       je.column, je.text);
	*out = root;
	return 0;
}

int json_read_file(int dirfd, const char *name, struct json_t **out, struct err *e)
{
	cleanup_free char *bytes = NULL;
	size_t len;
	int rc = io_read_file(dirfd, name, JSON_BYTES_MAX, &bytes, &len);
	if (rc == -EFBIG)
		return too_large(name, e);
	if (rc == -ENOENT || rc == -EISDIR)
		return err_set(e, ERR_CONFIG, -rc, "%s: %s", name, strerror(-rc));
	if (rc < 0)
		return err_sys(e, -rc, "%s", name);
	return json_parse(bytes, len, name, out, e);
}

struct json_t *json_hold(struct json_t *root)
{
	return json_incref(root);
}

void json_free(struct json_t *root)
{
	json_decref(root);
}

/* --- errors --- */

static void append(char *to, size_t size, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static void append(char *to, size_t size, const char *fmt, ...)
{
	size_t len = strlen(to);
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(to + len, size - len, fmt, ap);
	va_end(ap);
}

/* "a.b[3]"; names that are not the project's own are cut to a length. Nothing for the top. */
static void put_path(const struct json *at, char *to, size_t size)
{
	if (!at->parent)
		return;
	put_path(at->parent, to, size);
	if (!at->key)
		append(to, size, "[%zu]", at->index);
	else if (*to)
		append(to, size, ".%.64s", at->key);
	else
		append(to, size, "%.64s", at->key);
}

static void fail_at(const struct json *at, int code, const char *why)
{
	struct json_document *d = at->document;
	char path[300] = "";
	if (d->rc < 0)
		return;
	put_path(at, path, sizeof(path));
	if (*path)
		append(path, sizeof(path), ": ");
	d->rc = err_set(d->err, ERR_CONFIG, code, "%.100s: %s%s", d->file, path, why);
	err_clean(d->err); /* names come from the file */
}

/* A member, or the cursor itself; absent after an error. */
static struct json look_up(const struct json *object, const char *key)
{
	struct json at = *object;
	if (key != JSON_SELF)
		at = (struct json){
			.document = object->document,
			.parent = object,
			.key = key,
			.value = json_object_get(object->value, key),
		};
	if (object->document->rc < 0 || json_is_null(at.value))
		at.value = NULL;
	return at;
}

void json_fail(const struct json *object, const char *key, int code, const char *fmt, ...)
{
	const struct json at = look_up(object, key);
	char why[256];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	fail_at(&at, code, why);
}

void json_no_memory(const struct json *at, const char *what)
{
	struct json_document *d = at->document;
	if (d->rc == 0)
		d->rc = err_sys(d->err, ENOMEM, "%s", what);
}

/*
 * Whether there is a value of the kind. An element and the top cannot be missing, only of the wrong
 * kind.
 */
static bool check_kind(const struct json *at, enum json_need need, bool is_kind, const char *must)
{
	if (at->value) {
		if (!is_kind)
			fail_at(at, EINVAL, must);
		return is_kind;
	}
	if (need == JSON_REQUIRED) {
		if (at->key)
			fail_at(at, EINVAL, "is missing");
		else
			fail_at(at, EINVAL, must);
	}
	return false;
}

/* --- cursors --- */

struct json json_top(struct json_document *d)
{
	return (struct json){.document = d, .value = d->root};
}

bool json_get_string(const struct json *object, const char *key, enum json_need need,
		     size_t max_bytes, const char **out)
{
	const struct json at = look_up(object, key);
	if (!check_kind(&at, need, json_is_string(at.value), "must be a string"))
		return false;
	size_t n = json_string_length(at.value);
	if (n > max_bytes) {
		json_fail(&at, JSON_SELF, ENAMETOOLONG, "has %zu bytes; at most %zu are possible",
			  n, max_bytes);
		return false;
	}
	*out = json_string_value(at.value);
	return true;
}

bool json_get_int(const struct json *object, const char *key, enum json_need need, int64_t min,
		  int64_t max, int64_t *out)
{
	const struct json at = look_up(object, key);
	if (!check_kind(&at, need, json_is_integer(at.value), "must be an integer"))
		return false;
	int64_t v = json_integer_value(at.value);
	if (v < min || v > max) {
		json_fail(&at, JSON_SELF, ERANGE, "is %lld; it must be from %lld to %lld",
			  (long long)v, (long long)min, (long long)max);
		return false;
	}
	*out = v;
	return true;
}

bool json_get_bool(const struct json *object, const char *key, enum json_need need, bool *out)
{
	const struct json at = look_up(object, key);
	if (!check_kind(&at, need, json_is_boolean(at.value), "must be true or false"))
		return false;
	*out = json_is_true(at.value);
	return true;
}

bool json_get_absolute_path(const struct json *object, const char *key, enum json_need need,
			    size_t max_bytes, const char **out)
{
	const char *path;
	if (!json_get_string(object, key, need, max_bytes, &path))
		return false;
	if (*path != '/') {
		json_fail(object, key, EINVAL, "must be an absolute path, not '%.100s'", path);
		return false;
	}
	*out = path;
	return true;
}

bool json_get_object(const struct json *object, const char *key, enum json_need need,
		     struct json *out)
{
	*out = look_up(object, key);
	if (check_kind(out, need, json_is_object(out->value), "must be an object"))
		return true;
	out->value = NULL;
	return false;
}

bool json_get_array(const struct json *object, const char *key, enum json_need need, size_t max,
		    struct json *out)
{
	*out = look_up(object, key);
	if (check_kind(out, need, json_is_array(out->value), "must be an array") &&
	    json_check_count(out, max))
		return true;
	out->value = NULL;
	return false;
}

size_t json_count(const struct json *container)
{
	return json_object_size(container->value) + json_array_size(container->value);
}

bool json_check_count(const struct json *container, size_t max)
{
	const char *what = json_is_array(container->value) ? "elements" : "members";
	size_t n = json_count(container);
	if (n <= max)
		return true;
	json_fail(container, JSON_SELF, E2BIG, "has %zu %s; at most %zu are possible", n, what,
		  max);
	return false;
}

bool json_element(const struct json *array, size_t i, struct json *out)
{
	if (array->document->rc < 0 || i >= json_array_size(array->value))
		return false;
	*out = (struct json){
		.document = array->document,
		.parent = array,
		.index = i,
		.value = json_array_get(array->value, i),
	};
	return true;
}

bool json_next_member(const struct json *object, void **at, struct json *out)
{
	json_t *all = (json_t *)(uintptr_t)object->value; /* jansson's iterators are not const */
	if (object->document->rc < 0 || !all)
		return false;
	if (*at)
		*at = json_object_iter_next(all, *at);
	else
		*at = json_object_iter(all);
	if (!*at)
		return false;
	*out = (struct json){
		.document = object->document,
		.parent = object,
		.key = json_object_iter_key(*at),
		.value = json_object_iter_value(*at),
	};
	return true;
}

bool json_get_strings(const struct json *object, const char *key, enum json_need need, size_t max,
		      size_t max_bytes, const char ***out, size_t *count)
{
	struct json list, item;
	if (!json_get_array(object, key, need, max, &list))
		return false;
	cleanup_free const char **strings = calloc(json_count(&list) + 1, sizeof(*strings));
	if (!strings) {
		json_no_memory(&list, "a list of strings");
		return false;
	}
	size_t n = 0;
	while (json_element(&list, n, &item) &&
	       json_get_string(&item, JSON_SELF, JSON_REQUIRED, max_bytes, &strings[n]))
		n++;
	if (list.document->rc < 0)
		return false;
	*out = take_ptr(strings);
	*count = n;
	return true;
}

void json_refuse_members(const struct json *object, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct json at = look_up(object, names[i]);
		if (!at.value)
			continue;
		if (!json_is_object(at.value) && !json_is_array(at.value))
			fail_at(&at, EINVAL, "must be an object or an array");
		else if (json_count(&at) > 0)
			fail_at(&at, ENOSYS, "Mote does not support it");
	}
}
