/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of imports, exports and parts of types (Explainer.md, "Import and Export Definitions" and
 * "Name Uniqueness"), and lists that are looked up by them.
 */
#ifndef MOTE_GUEST_COMPONENT_NAMES_H
#define MOTE_GUEST_COMPONENT_NAMES_H

#include "guest/component/types.h"
#include "guest/wasm/format.h"

enum name_form {
	NAME_INVALID,
	NAME_LABEL,
	NAME_CONSTRUCTOR, /* [constructor]resource */
	NAME_METHOD,      /* [method]resource.function */
	NAME_STATIC,
	NAME_INTERFACE, /* namespace:package/interface, perhaps @version */
};

struct parsed_name {
	enum name_form form;
	struct wasm_name resource; /* of the annotated forms */
};

bool name_is_label(struct wasm_name name);
struct parsed_name name_parse(struct wasm_name name);
bool name_is_interface(struct wasm_name name);
/* A version by Semantic Versioning 2.0. */
bool name_is_version(struct wasm_name name);
bool name_same(struct wasm_name a, struct wasm_name b);
/* Whether two are not strongly unique. */
bool name_conflicts(struct wasm_name a, struct wasm_name b);

/* Steps of looking up or comparing names of so many bytes. */
static inline uint64_t name_steps(uint64_t bytes)
{
	return bytes / 16;
}

/* The entry of a name, or NULL. */
const struct extern_item *externs_find(const struct externs *e, struct wasm_name name);
/* Appends one; NULL: it is not strongly unique. */
struct extern_item *externs_add(struct externs *e, struct arena *arena, struct failure *fail,
				struct wasm_name name);

/* The same of core modules, by their two names and with plain equality. */
const struct core_extern *core_externs_find(const struct core_externs *e, struct wasm_name module,
					    struct wasm_name name);
struct core_extern *core_externs_add(struct core_externs *e, struct arena *arena,
				     struct failure *fail, struct wasm_name module,
				     struct wasm_name name);

/* Of a list of members, the one that conflicts with another one before it; NULL: none does. */
const struct ctype_member *members_conflict(const struct ctype_member *members, uint32_t count,
					    struct arena *arena, struct failure *fail);

/* An array that grows by doubling; `bytes` of an entry. */
void *array_grow(void *old, uint32_t count, uint32_t *capacity, uint32_t bytes, struct arena *arena,
		 struct failure *fail);

#endif
