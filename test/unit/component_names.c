/* SPDX-License-Identifier: Apache-2.0 */
/* Names of imports and exports of components: which are some, and which two conflict. */
#include "guest/component/names.h"

#include <criterion/criterion.h>
#include <stdio.h>

static struct wasm_name name_of(const char *text)
{
	return (struct wasm_name){text, (uint32_t)strlen(text)};
}

Test(component_names, forms)
{
	static const struct {
		const char *text;
		enum name_form form;
	} cases[] = {
		{"a", NAME_LABEL},
		{"A", NAME_LABEL},
		{"a1-2-3", NAME_LABEL},
		{"m1x3d-4CR0NYMS", NAME_LABEL},
		{"is-XML", NAME_LABEL},
		{"", NAME_INVALID},
		{"1-2", NAME_INVALID},
		{"a-", NAME_INVALID},
		{"-a", NAME_INVALID},
		{"a--b", NAME_INVALID},
		{"aB", NAME_INVALID},
		{"a_b", NAME_INVALID},
		{"[constructor]r", NAME_CONSTRUCTOR},
		{"[constructor]r.x", NAME_INVALID},
		{"[method]r.f", NAME_METHOD},
		{"[static]r-R.f-F", NAME_STATIC},
		{"[method]r", NAME_INVALID},
		{"[method]r.", NAME_INVALID},
		{"[method].f", NAME_INVALID},
		{"[method]r.f.g", NAME_INVALID},
		{"[async]f", NAME_INVALID},
		{"wasi:io/streams", NAME_INTERFACE},
		{"a-b:c-d/e-F", NAME_INTERFACE},
		{"A:b/c", NAME_INVALID},
		{"a:B/c", NAME_INVALID},
		{"a:b", NAME_INVALID},
		{"a:b/", NAME_INVALID},
		{"a:b/c/d", NAME_INVALID},
		{"a:b:c/d", NAME_INVALID},
		{"a:b/c@", NAME_INVALID},
		{"a:b/c@1", NAME_INTERFACE},
		{"a:b/c@0.2", NAME_INTERFACE},
		{"a:b/c@0.0.3", NAME_INTERFACE},
		{"a:b/c@1.2", NAME_INVALID},
		{"a:b/c@0", NAME_INVALID},
		{"a:b/c@01.2.3", NAME_INVALID},
		{"a:b/c@1.2.3", NAME_INTERFACE},
		{"a:b/c@1.2.3-rc.1+build.007", NAME_INTERFACE},
		{"a:b/c@1.2.3-rc.01", NAME_INVALID},
		{"a:b/c@1.2.3-", NAME_INVALID},
		{"a:b/c@1.2.3+", NAME_INVALID},
		{"a:b/c@1.2.3+a..b", NAME_INVALID},
		{"a:b/c@1.2.3 ", NAME_INVALID},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		cr_expect(name_parse(name_of(cases[i].text)).form == cases[i].form, "%s: %d",
			  cases[i].text, name_parse(name_of(cases[i].text)).form);
}

/* The Explainer's own lists. */
Test(component_names, strong_uniqueness)
{
	static const char *const unique[] = {
		"foo",        "foo-bar", "[constructor]foo", "[method]foo.bar", "[static]foo.baz",
		"foo:bar/baz"};
	static const struct {
		const char *text;
		size_t with;
	} conflicts[] = {
		{"foo", 0},
		{"FOO", 0},
		{"foo-BAR", 1},
		{"[constructor]FOO", 2},
		{"[method]foo.BAR", 3},
		{"[static]foo.bar", 3},
		{"[method]foo.baz", 4},
		{"[method]foo.foo", 0},
		{"[static]foo-BAR.FOO-bar", 1},
		{"foo:bar/BAZ", 5},
	};
	const size_t count = sizeof(unique) / sizeof(*unique);
	for (size_t i = 0; i < count; i++)
		for (size_t k = 0; k < count; k++)
			cr_expect(name_conflicts(name_of(unique[i]), name_of(unique[k])) ==
					  (i == k),
				  "%s, %s", unique[i], unique[k]);
	for (size_t i = 0; i < sizeof(conflicts) / sizeof(*conflicts); i++)
		for (size_t k = 0; k < count; k++)
			cr_expect(name_conflicts(name_of(conflicts[i].text), name_of(unique[k])) ==
					  (k == conflicts[i].with),
				  "%s, %s", conflicts[i].text, unique[k]);
}

/* A list finds what was put into it, and nothing else, as it grows. */
Test(component_names, lists)
{
	static char text[2000][8];
	struct externs list = {0};
	struct arena arena;
	struct wasm_error error;
	struct failure fail = {.error = &error};
	cr_assert(arena_open(&arena, 1 << 24));
	cr_assert(wasm_jump_set(&fail.jump) == 0, "%s", error.message);
	for (unsigned i = 0; i < 2000; i++) {
		snprintf(text[i], sizeof(text[i]), "n%u", i);
		cr_assert(!externs_find(&list, name_of(text[i])), "%s before", text[i]);
		cr_assert(externs_add(&list, &arena, &fail, name_of(text[i])), "%s", text[i]);
	}
	for (unsigned i = 0; i < 2000; i++) {
		cr_assert(externs_find(&list, name_of(text[i])) == &list.list[i], "%s", text[i]);
		cr_assert(!externs_add(&list, &arena, &fail, name_of(text[i])), "%s", text[i]);
	}
	cr_assert(!externs_find(&list, name_of("N1")), "names are looked up as they are");
	cr_assert(!externs_add(&list, &arena, &fail, name_of("N1")), "and conflict in any case");
	arena_close(&arena);
}
