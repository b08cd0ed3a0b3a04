/* SPDX-License-Identifier: Apache-2.0 */
/* What the validator's files share: scopes with their index spaces, and the state of a run. */
#ifndef MOTE_GUEST_COMPONENT_VALIDATOR_H
#define MOTE_GUEST_COMPONENT_VALIDATOR_H

#include "guest/component/graph.h"
#include "guest/wasm/module/module.h"
#include "guest/wasm/store.h"

/* An index space that holds addresses. */
struct space {
	const void **entry;
	uint32_t count, capacity;
};

/* Nodes of types that have a name from outside (Explainer.md, "External Visibility of Types"). */
struct node_set {
	const struct ctype **cell; /* open addressing */
	uint32_t cells, count;
};

enum scope_kind { SCOPE_COMPONENT, SCOPE_COMPONENT_TYPE, SCOPE_INSTANCE_TYPE };

/*
 * A component, or the type of one or of an instance, while it is read. Index spaces hold: struct
 * ctype for functions, types, components and instances; struct wasm_functype, struct
 * wasm_externtype, struct core_type, struct module_type and struct core_externs for core ones.
 */
struct scope {
	enum scope_kind kind;
	struct scope *outer;
	struct space space[SORTS];
	struct externs imports, exports;
	struct node_set imported, exported;
	uint32_t first_resource;
	struct graph *graph; /* SCOPE_COMPONENT; of a type there is none */
};

/* A core type that was defined: of a function, or of a module. */
struct core_type {
	const struct wasm_functype *func;
	const struct module_type *module;
};

/* The scope that defined a resource. */
struct resource {
	const struct scope *owner; /* NULL: it is abstract */
};

struct validator {
	struct reader r;
	struct arena arena;
	struct wasm_store *store; /* of the core modules */
	const struct wasm_options *options;
	struct scope *scope;
	uint32_t depth, modules, resources, runs;
	uint64_t work;
	struct resource *resource;
	uint32_t resource_capacity;
};

/* validator.c */
enum { COMPONENT_PREAMBLE_BYTES = 8 };
_Noreturn void invalid(struct validator *v, const char *format, ...);
/* The byte before what is read next is not one of those that may be there. */
_Noreturn void malformed(struct validator *v, const char *what, uint8_t byte);
void work(struct validator *v, uint64_t steps);
void *need(struct validator *v, uint64_t count, uint64_t bytes);
uint32_t read_vector(struct validator *v, uint32_t max, const char *what);
struct wasm_name read_label(struct validator *v, const char *what);
void space_add(struct validator *v, enum component_sort sort, const void *entry);
/* Notes what makes the entry that is added last to the index space of its sort. */
void define(struct validator *v, const struct definition *definition);
const void *space_get(struct validator *v, const struct scope *s, enum component_sort sort,
		      uint32_t index);
enum component_sort read_sort(struct validator *v, const char *what);
enum component_sort read_core_sort(struct validator *v, const char *what);
const char *sort_name(enum component_sort sort);
struct item read_item(struct validator *v, uint32_t *index);
const void *entry_of(const struct item *item);
uint32_t new_resource(struct validator *v, const struct scope *owner);
void scope_enter(struct validator *v, struct scope *s, enum scope_kind kind);
void scope_leave(struct validator *v);
struct ctype *new_type(struct validator *v, enum ctype_kind kind);
void check_depth(struct validator *v, const struct ctype *t);
/* Of functions, components, instances and resources: what follows from their parts. */
void finish_type(struct validator *v, struct ctype *t);
const struct ctype *type_at(struct validator *v, uint32_t index);
/* Nodes get images (substitute.c): in a new run, none has one. */
void image_begin(struct validator *v);
void image_set(struct validator *v, const struct ctype *node, const struct ctype *image);

/* extern.c */
enum { ATTRIBUTE_IMPLEMENTS, ATTRIBUTE_VERSION_SUFFIX, ATTRIBUTE_EXTERNAL_ID, ATTRIBUTES };
struct attributes {
	bool has[ATTRIBUTES];
	struct wasm_name text[ATTRIBUTES];
};
struct wasm_name read_extern_name(struct validator *v, struct attributes *a);
void check_attributes(struct validator *v, struct wasm_name name, const struct item *item,
		      const struct attributes *a);
void decode_alias(struct validator *v, bool in_type);
/* An import, or an export of a component's or an instance's type. */
void decode_extern(struct validator *v, bool is_import);
void decode_export(struct validator *v);

/* deftype.c */
const struct ctype *read_component_valtype(struct validator *v);
const struct ctype *read_result_list(struct validator *v);
void decode_type(struct validator *v);
/* A component's type from what its scope has. */
const struct ctype *scope_type(struct validator *v, const struct scope *s);

/* core.c */
void decode_core_module(struct validator *v, uint32_t bytes);
void decode_core_type(struct validator *v);
void decode_core_instance(struct validator *v);
bool module_fits(const struct module_type *have, const struct module_type *want);

/* canon.c */
void decode_canon(struct validator *v);

/* match.c */
/*
 * Matching: whether one thing may be where another is expected. Resources of the expected type that
 * are in the open range are bound to those that come.
 */
struct pair {
	uint32_t from, to; /* the same: it stays what it is */
};
struct match {
	struct validator *v;
	uint32_t first, end; /* the open range */
	bool outermost;      /* nodes that are imported get images (substitute.c) */
	struct pair *pairs;
	uint32_t count, capacity;
	/* It does not fit: why, at what name if any; or what was expected and what was found. */
	const char *why, *expected, *found;
	struct wasm_name name;
};
bool match_item(struct match *m, const struct item *have, const struct item *want);
uint32_t match_resource(const struct match *m, uint32_t resource);
/* Fails with what match_item() has found, of an import or export of this name. */
_Noreturn void match_fail(const struct match *m, const char *what, struct wasm_name name);

/* substitute.c */
/* Types with resources bound by `m`, and others of its open range being new ones. */
void substitute_externs(struct validator *v, const struct match *m, uint32_t base,
			const struct externs *from, struct externs *to);
/* An instance's or a component's type, as one use of it has it: it binds no resources any more. */
const struct ctype *use_instance(struct validator *v, const struct ctype *type, uint32_t *first,
				 uint32_t *end);

/* visible.c */
bool node_is_in(const struct node_set *s, const struct ctype *node);
void node_add(struct validator *v, struct node_set *s, const struct ctype *node);
/* Checks that all types in an import or export have names, and gives names to those that it has. */
void check_visible(struct validator *v, struct item *item, bool is_import);
void check_annotation(struct validator *v, struct wasm_name name, const struct item *item,
		      const struct externs *among);

#endif
