/* SPDX-License-Identifier: Apache-2.0 */
/* Cursors in a JSON document, whose first error is kept. */
#include "oci/json.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

static struct err error;

static struct json_t *parse(const char *text)
{
	struct json_t *root = NULL;
	error = (struct err){0};
	cr_assert(json_parse(text, strlen(text), "doc", &root, &error) == 0, "%s: %s", text,
		  error.text);
	return root;
}

Test(oci_json, values_that_are_there)
{
	cleanup_json struct json_t *root =
		parse("{\"s\":\"text\",\"i\":7,\"b\":true,\"p\":\"/a/..b\",\"l\":[\"x\",\"y\"],"
		      "\"o\":{\"m\":[[1,2]]}}");
	struct json_document d = json_open(root, "doc", &error);
	const struct json top = json_top(&d);
	struct json o, m, inner, item;
	const char *s = NULL, *p = NULL;
	cleanup_free const char **l = NULL;
	int64_t i = 0, element = 0;
	size_t count = 0;
	bool b = false;
	cr_expect(json_get_string(&top, "s", JSON_REQUIRED, 4, &s) && strcmp(s, "text") == 0);
	cr_expect(json_get_int(&top, "i", JSON_REQUIRED, 7, 7, &i) && i == 7);
	cr_expect(json_get_bool(&top, "b", JSON_REQUIRED, &b) && b);
	cr_expect(json_get_absolute_path(&top, "p", JSON_REQUIRED, 9, &p) &&
		  strcmp(p, "/a/..b") == 0);
	cr_expect(json_get_strings(&top, "l", JSON_REQUIRED, 2, 1, &l, &count) && count == 2 &&
		  !l[2]);
	cr_expect(json_get_object(&top, "o", JSON_REQUIRED, &o) && json_count(&o) == 1);
	cr_expect(json_get_array(&o, "m", JSON_REQUIRED, 1, &m) && json_element(&m, 0, &item));
	cr_expect(json_get_array(&item, JSON_SELF, JSON_REQUIRED, 2, &inner) &&
		  json_element(&inner, 1, &item));
	cr_expect(json_get_int(&item, JSON_SELF, JSON_REQUIRED, 0, 9, &element) && element == 2);
	cr_expect(!json_element(&inner, 2, &item));
	cr_expect_eq(d.rc, 0);
	json_fail(&item, JSON_SELF, EINVAL, "why");
	cr_expect_str_eq(error.text, "doc: o.m[0][1]: why");
}

Test(oci_json, absent_and_null_leave_the_default)
{
	cleanup_json struct json_t *root = parse("{\"s\":null,\"o\":null}");
	struct json_document d = json_open(root, "doc", &error);
	const struct json top = json_top(&d);
	struct json o;
	const char *s = "default";
	int64_t i = 3;
	void *at = NULL;
	cr_expect(!json_get_string(&top, "s", JSON_OPTIONAL, 9, &s) && strcmp(s, "default") == 0);
	cr_expect(!json_get_object(&top, "o", JSON_OPTIONAL, &o) && json_count(&o) == 0);
	cr_expect(!json_get_int(&o, "i", JSON_OPTIONAL, 0, 9, &i) && i == 3);
	cr_expect(!json_next_member(&o, &at, &o));
	cr_expect_eq(d.rc, 0);
	cr_expect(!json_get_object(&top, "o", JSON_REQUIRED, &o));
	cr_expect(d.rc == -EINVAL && strcmp(error.text, "doc: o: is missing") == 0, "%s",
		  error.text);
}

Test(oci_json, the_first_error_is_kept)
{
	cleanup_json struct json_t *root = parse("{\"a\":{\"b\":\"text\",\"c\":1},\"l\":[1]}");
	struct json_document d = json_open(root, "doc", &error);
	const struct json top = json_top(&d);
	struct json a, item;
	int64_t i = 3;
	const char **list = NULL;
	size_t count = 9;
	cr_assert(json_get_object(&top, "a", JSON_REQUIRED, &a));
	cr_expect(!json_get_int(&a, "b", JSON_OPTIONAL, 0, 9, &i));
	cr_expect(d.rc == -EINVAL && strcmp(error.text, "doc: a.b: must be an integer") == 0, "%s",
		  error.text);
	/* Nothing is found, and no error replaces it. */
	cr_expect(!json_get_int(&a, "c", JSON_REQUIRED, 0, 9, &i) && i == 3);
	cr_expect(!json_get_strings(&top, "l", JSON_REQUIRED, 9, 9, &list, &count) && !list &&
		  count == 9);
	cr_expect(!json_get_array(&top, "l", JSON_REQUIRED, 0, &a) && !json_element(&a, 0, &item));
	json_fail(&top, "a", EPERM, "why");
	json_no_memory(&top, "memory");
	cr_expect(d.rc == -EINVAL && error.code == EINVAL && strstr(error.text, "a.b"), "%s",
		  error.text);
}

Test(oci_json, bounds_are_errors)
{
	static const char text[] =
		"{\"s\":\"text\",\"l\":[1,2],\"p\":\"/a/..\",\"q\":\"a\",\"long\\nkey\":1}";
	cleanup_json struct json_t *root = parse(text);
	const char *s;
	struct json l;
	struct json_document d = json_open(root, "doc", &error);
	const struct json top = json_top(&d);
	cr_expect(!json_get_string(&top, "s", JSON_OPTIONAL, 3, &s) && d.rc == -ENAMETOOLONG);
	d = json_open(root, "doc", &error);
	cr_expect(!json_get_array(&top, "l", JSON_OPTIONAL, 1, &l) && d.rc == -E2BIG);
	d = json_open(root, "doc", &error);
	cr_expect(json_get_absolute_path(&top, "p", JSON_OPTIONAL, 9, &s) && d.rc == 0);
	cr_expect_str_eq(s, "/a/..", "whoever uses it knows inside of what");
	d = json_open(root, "doc", &error);
	cr_expect(!json_get_absolute_path(&top, "q", JSON_OPTIONAL, 9, &s) &&
		  strstr(error.text, "must be an absolute path"));
	d = json_open(root, "doc", &error);
	json_fail(&top, "long\nkey", EINVAL, "why");
	cr_expect_str_eq(error.text, "doc: long?key: why");
	d = json_open(root, "doc", NULL);
	json_fail(&top, "s", EINVAL, "nobody reads it");
	cr_expect_eq(d.rc, -EINVAL);
}
