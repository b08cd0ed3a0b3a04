/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Types of components. A type is a node that is never changed; others share it. A node's address is
 * its identity where names count (external visibility); where types are compared, their structure
 * and the numbers of their resources count.
 */
#ifndef MOTE_GUEST_COMPONENT_TYPES_H
#define MOTE_GUEST_COMPONENT_TYPES_H

#include "guest/component/limits.h"
#include "guest/wasm/arena.h"
#include "guest/wasm/bytes.h"
#include "guest/wasm/wasm.h"

#define COMPONENT_NONE UINT32_MAX

enum ctype_kind {
#define TYPE(byte, name, text) CTYPE_##name,
#include "guest/component/types.def"
	CTYPE_KINDS
};
#define CTYPE_PRIMITIVES (CTYPE_ERROR_CONTEXT + 1)

/* Flat values of one type or of parameters (Canonical ABI, "Flattening"): letters of core types. */
enum { FLAT_MAX = 16, FLAT_ASYNC_PARAMS = 4, FLAT_LETTERS = 20 };
struct flat {
	uint8_t count; /* more than FLAT_MAX: nobody asks how many */
	char letter[FLAT_LETTERS];
};

struct ctype;

/* A field, case, label or parameter. */
struct ctype_member {
	struct wasm_name name;
	const struct ctype *type; /* NULL: it has none */
};

enum component_sort {
	SORT_CORE_MODULE,
	SORT_FUNC,
	SORT_TYPE,
	SORT_COMPONENT,
	SORT_INSTANCE,
	SORT_CORE_FUNC,
	SORT_CORE_TABLE,
	SORT_CORE_MEMORY,
	SORT_CORE_GLOBAL,
	SORT_CORE_TAG,
	SORT_CORE_TYPE,
	SORT_CORE_INSTANCE,
	SORTS
};

/* A core module's import or export. */
struct core_extern {
	struct wasm_name module; /* of an import */
	struct wasm_name name;
	struct wasm_externtype type;
};

/* From names to positions in a list: open addressing, of position + 1. */
struct name_index {
	uint32_t *cell;
	uint32_t cells;      /* a power of two */
	uint32_t name_bytes; /* of all names together */
};

struct core_externs {
	struct core_extern *list;
	uint32_t count, capacity;
	struct name_index index;
};

/* Of a core module; an instance of it has the exports. */
struct module_type {
	struct core_externs imports, exports;
};

/* What an index of a component's index spaces means, but for core functions and the like. */
struct item {
	enum component_sort sort;
	union {
		const struct ctype *type;         /* SORT_FUNC to SORT_INSTANCE: of what it is */
		const struct module_type *module; /* SORT_CORE_MODULE */
	};
};

struct extern_item {
	struct wasm_name name;
	struct item item;
};

struct externs {
	struct extern_item *list;
	uint32_t count, capacity;
	struct name_index index; /* strongly unique (names.h) */
};

struct ctype {
	uint8_t kind;
	bool is_async;   /* a function */
	bool borrows;    /* contains a borrow */
	bool has_handle; /* contains an own or borrow */
	bool has_stream; /* contains a stream, future or error context */
	bool has_map;
	bool points;       /* contains a list or string: needs memory */
	bool params_point; /* a function: one of its parameters does */
	/* Contains a resource or an imported type: instantiation gives it others. */
	bool is_open;
	uint8_t depth;
	uint8_t align, align64;  /* in memory, as the sizes below */
	uint32_t bytes, bytes64; /* in memory; with 64-bit pointers */
	struct flat flat;        /* a function's: its parameters */
	uint32_t count;
	const struct ctype_member *members;
	/* a function's result, a handle's resource; NULL: none */
	const struct ctype *of;
	uint32_t length;   /* of a list of fixed length */
	uint32_t resource; /* its number */
	uint32_t lowest;   /* number of a resource in it; COMPONENT_NONE: it has none */
	/*
	 * A component's or instance's type: numbers of the resources that it binds, of which each
	 * use has others; none: first is COMPONENT_NONE.
	 */
	uint32_t first, end;
	struct externs imports, exports;
	/* Substitution (substitute.c): the image of this node in the run of this number. */
	uint32_t run;
	const struct ctype *image;
};

static inline bool ctype_is_value(const struct ctype *t)
{
	return t->kind < CTYPE_RESOURCE;
}

/* Whether it refers to resources that it does not bind itself. */
static inline bool ctype_has_free_resource(const struct ctype *t)
{
	return t->lowest != COMPONENT_NONE && t->lowest < t->first;
}

const char *ctype_name(const struct ctype *t);
extern const struct ctype ctype_primitive[CTYPE_PRIMITIVES];
/* The kind that a byte begins, or CTYPE_KINDS. */
enum ctype_kind ctype_kind_of(uint8_t byte);

/*
 * Fills in what follows from the parts of a value type: sizes, flat form, depth, flags. False: it
 * is larger than may be.
 */
bool ctype_complete(struct ctype *t);
/* The flags alone, for functions, components and instances. */
void ctype_gather(struct ctype *t);
/* Appends the flat values of one; NULL has none. */
void flat_add(struct flat *f, const struct ctype *t);
/* The core type that a letter stands for. */
uint32_t flat_core_type(char letter);

#endif
