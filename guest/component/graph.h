/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a component consists of, once it is validated: its definitions in order, with operands by
 * index. Each makes one entry of the index space of its sort, so that an instance of the component
 * is these spaces, filled from the first definition to the last (instantiate.c).
 */
#ifndef MOTE_GUEST_COMPONENT_GRAPH_H
#define MOTE_GUEST_COMPONENT_GRAPH_H

#include "guest/component/names.h"

enum definition_kind {
	DEFINE_MODULE,
	DEFINE_CORE_INSTANCE, /* of a module, with core instances for its imports' modules */
	DEFINE_CORE_EXPORTS,  /* a core instance that consists of what is there */
	DEFINE_COMPONENT,
	DEFINE_INSTANCE, /* of a component, with what its imports get */
	DEFINE_EXPORTS,  /* an instance that consists of what is there */
	DEFINE_ALIAS_EXPORT,
	DEFINE_ALIAS_CORE_EXPORT,
	DEFINE_ALIAS_OUTER,
	DEFINE_TYPE,
	DEFINE_LIFT,
	DEFINE_LOWER,
	DEFINE_BUILTIN,
	DEFINE_IMPORT,
	DEFINE_EXPORT,
};

/* By the names of arguments or exports. */
struct operand {
	struct wasm_name name;
	enum component_sort sort;
	uint32_t index;
};

enum string_encoding { STRING_UTF8, STRING_UTF16, STRING_LATIN1_UTF16 };

/* A lift, a lower or a built-in. An index that it has not is COMPONENT_NONE. */
struct canon {
	const struct ctype *type; /* the function's, or the resource's that a built-in is for */
	const struct wasm_functype
		*core;    /* of the core function that a lower or a built-in makes */
	uint8_t builtin;  /* its byte */
	uint8_t slot;     /* of a context */
	uint8_t encoding; /* enum string_encoding */
	bool is_async;
	bool byte_pages; /* of the memory */
	uint32_t function, memory, realloc, post_return;
};

struct definition {
	uint8_t kind; /* enum definition_kind */
	uint8_t sort; /* enum component_sort */
	/*
	 * The module, component, instance or item that it is made of; a resource's destructor, or
	 * COMPONENT_NONE.
	 */
	uint32_t index;
	uint32_t count;        /* of the operands; of an outer alias, how many scopes outward */
	struct wasm_name name; /* of an export that is aliased, or as imported or exported */
	/* The type, instance's type, or what an import or export is; NULL: a core module. */
	const struct ctype *type;
	union {
		struct wasm_module *module;
		const struct graph *component;
		const struct canon *canon;
		const struct operand *operands;
	};
	const struct core_externs *core_exports; /* DEFINE_CORE_EXPORTS: in the operands' order */
};

struct graph {
	struct definition *list;
	uint32_t count, capacity;
	uint32_t entries[SORTS];  /* of each index space in the end */
	const struct ctype *type; /* the component's */
	bool has_context;         /* context.get or context.set is among its built-ins */
};

#endif
