/* SPDX-License-Identifier: Apache-2.0 */
/* JSON documents by jansson, with bounds that it does not have. Syntax: RFC 8259. */
#include "oci/json.h"

#include "base/io.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

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
		else if (c == '[' || c == '{')
			depth++, values++;
		else if (c == ',')
			values++;
		else if ((c == ']' || c == '}') && depth > 0)
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

/*
 * jansson refuses integers past int64_t, but "no limit" is written as 2^64 - 1 by some. Such become
 * INT64_MAX, in place: a run of digits that is too large is never shorter than INT64_MAX's.
 */
static void clamp_integers(char *bytes, size_t len)
{
	static const char most[] = "9223372036854775807";
	const size_t digits = sizeof(most) - 1;
	bool in_string = false;
	for (size_t i = 0; i < len; i++) {
		if (in_string || bytes[i] < '0' || bytes[i] > '9') {
			if (in_string && bytes[i] == '\\')
				i++;
			else if (bytes[i] == '"')
				in_string = !in_string;
			continue;
		}
		size_t end = i;
		while (end < len && bytes[end] >= '0' && bytes[end] <= '9')
			end++;
		bool whole = (i == 0 || !strchr(".eE+", bytes[i - 1])) &&
			     (end == len || !strchr(".eE", bytes[end]));
		if (whole && bytes[i] != '0' &&
		    (end - i > digits ||
		     (end - i == digits && memcmp(bytes + i, most, digits) > 0))) {
			memcpy(bytes + i, most, digits);
			memset(bytes + i + digits, ' ', end - i - digits);
		}
		i = end - 1;
	}
}

int json_parse(const char *bytes, size_t len, const char *name, json_t **out, struct err *e)
{
	if (len > JSON_BYTES_MAX)
		return err_set(e, ERR_CONFIG, EFBIG, "%s is larger than %lu MiB", name,
			       JSON_BYTES_MAX >> 20);
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

int json_read_file(int dirfd, const char *name, json_t **out, struct err *e)
{
	cleanup_free char *bytes = NULL;
	size_t len;
	int rc = io_read_file(dirfd, name, JSON_BYTES_MAX, &bytes, &len);
	if (rc == -EFBIG)
		return err_set(e, ERR_CONFIG, EFBIG, "%s is larger than %lu MiB", name,
			       JSON_BYTES_MAX >> 20);
	if (rc == -ENOENT || rc == -EISDIR)
		return err_set(e, ERR_CONFIG, -rc, "%s: %s", name, strerror(-rc));
	if (rc < 0)
		return err_sys(e, -rc, "%s", name);
	return json_parse(bytes, len, name, out, e);
}

struct json_at json_member(const struct json_at *object, const char *key)
{
	return (struct json_at){
		.parent = object, .key = key, .value = json_object_get(object->value, key)};
}

struct json_at json_element(const struct json_at *array, size_t i)
{
	return (struct json_at){
		.parent = array, .index = i, .value = json_array_get(array->value, i)};
}

static size_t append(char *to, size_t at, size_t room, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
static size_t append(char *to, size_t at, size_t room, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(to + at, room - at, fmt, ap);
	va_end(ap);
	if (n < 0)
		return at;
	return (size_t)n >= room - at ? room - 1 : at + (size_t)n;
}

/* "FILE: a.b[3]: "; names that are not the project's own are cut to a length. */
static size_t put_path(const struct json_at *at, char *to, size_t room)
{
	if (!at->parent)
		return append(to, 0, room, "%.100s: ", at->key);
	size_t n = put_path(at->parent, to, room);
	bool first = !at->parent->parent;
	if (!first)
		n -= 2; /* the ": " of the parent */
	if (!at->key)
		return append(to, n, room, "[%zu]: ", at->index);
	return append(to, n, room, "%s%.64s: ", first ? "" : ".", at->key);
}

int json_fail(const struct json_at *at, struct err *e, int code, const char *fmt, ...)
{
	char path[300], why[256];
	put_path(at, path, sizeof(path));
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	err_set(e, ERR_CONFIG, code, "%s%s", path, why);
	/* Names come from the file: what could forge a log line goes. */
	for (char *c = e ? e->text : why; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
	return -code;
}

static bool absent(const struct json_at *at)
{
	return !at->value || json_is_null(at->value);
}

int json_get_object(const struct json_at *at, struct err *e)
{
	if (absent(at))
		return 0;
	return json_is_object(at->value) ? 1 : json_fail(at, e, EINVAL, "must be an object");
}

int json_get_array(const struct json_at *at, size_t max, size_t *count, struct err *e)
{
	if (absent(at))
		return 0;
	if (!json_is_array(at->value))
		return json_fail(at, e, EINVAL, "must be an array");
	size_t n = json_array_size(at->value);
	if (n > max)
		return json_fail(at, e, E2BIG, "has %zu elements; at most %zu are possible", n,
				 max);
	*count = n;
	return 1;
}

int json_get_string(const struct json_at *at, size_t max_bytes, const char **out, struct err *e)
{
	if (absent(at))
		return 0;
	if (!json_is_string(at->value))
		return json_fail(at, e, EINVAL, "must be a string");
	size_t n = json_string_length(at->value);
	if (n > max_bytes)
		return json_fail(at, e, ENAMETOOLONG, "has %zu bytes; at most %zu are possible", n,
				 max_bytes);
	*out = json_string_value(at->value);
	return 1;
}

int json_get_int(const struct json_at *at, int64_t min, int64_t max, int64_t *out, struct err *e)
{
	if (absent(at))
		return 0;
	if (!json_is_integer(at->value))
		return json_fail(at, e, EINVAL, "must be an integer");
	int64_t v = json_integer_value(at->value);
	if (v < min || v > max)
		return json_fail(at, e, ERANGE, "is %lld; it must be from %lld to %lld",
				 (long long)v, (long long)min, (long long)max);
	*out = v;
	return 1;
}

int json_get_bool(const struct json_at *at, bool *out, struct err *e)
{
	if (absent(at))
		return 0;
	if (!json_is_boolean(at->value))
		return json_fail(at, e, EINVAL, "must be true or false");
	*out = json_is_true(at->value);
	return 1;
}

int json_get_strings(const struct json_at *at, size_t max, size_t max_bytes, const char ***out,
		     size_t *count, struct err *e)
{
	size_t n;
	int rc = json_get_array(at, max, &n, e);
	if (rc <= 0)
		return rc;
	cleanup_free const char **list = calloc(n + 1, sizeof(*list));
	if (!list)
		return err_sys(e, ENOMEM, "%zu strings", n);
	for (size_t i = 0; i < n; i++) {
		struct json_at s = json_element(at, i);
		rc = json_get_string(&s, max_bytes, &list[i], e);
		if (rc == 0)
			rc = json_fail(&s, e, EINVAL, "must be a string");
		if (rc < 0)
			return rc;
	}
	*out = take_ptr(list);
	*count = n;
	return 1;
}
