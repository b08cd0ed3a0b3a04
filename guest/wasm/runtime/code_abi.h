/* SPDX-License-Identifier: Apache-2.0 */
/* What compiled code reads of the runtime's structures, and which functions of it it calls. */
#ifndef MOTE_GUEST_WASM_RUNTIME_CODE_ABI_H
#define MOTE_GUEST_WASM_RUNTIME_CODE_ABI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "guest/wasm/arch.h"
#include "guest/wasm/arena.h"
#include "guest/wasm/module/types.h"
#include "guest/wasm/wasm.h"

struct passive_elem;
struct wasm_store;

/* A function as others see it: what funcrefs and tables point to. The offsets are below. */
struct wasm_func {
	const void *code;
	uint32_t type_id;
	uint32_t index; /* in its instance's module */
	struct wasm_instance *instance;
	wasm_host_fn host;
	const struct wasm_functype *type;
	/* host functions: parameters that the SysV ABI passes on the stack */
	uint32_t host_stack_words;
	uint32_t host_result_i32;
};

struct wasm_memory {
	uint8_t *base;
	uint64_t pages, max_pages;
	uint64_t page_bytes;
	struct wasm_limits type;  /* as declared, for import matching */
	struct wasm_memory *next; /* of those of the store that belong to no instance */
};

struct wasm_table {
	void **elems;
	uint64_t size, max;
	struct wasm_limits limits; /* as declared, for import matching */
	uint32_t type;
	uint64_t reserved_bytes, committed_bytes;
	struct wasm_table *next; /* as with memories */
};

struct wasm_global {
	union wasm_value value;
	uint32_t type;
	bool is_mutable;
	struct wasm_global *next; /* of those of the store that belong to no instance */
};

/* Its address is what it is: two of one type are different tags. */
struct wasm_tag {
	const struct wasm_functype *type;
	const struct wasm_module *module; /* that made it, for its name */
	uint32_t index;
};

/*
 * An object of the heap. A structure has its fields at the offsets in its type, an array its
 * elements from the first word on. Of a free one the first word is the next one of its list.
 */
struct object {
	uint32_t type_id; /* 0: it is free */
	uint32_t length;  /* of an array, in elements */
	uint64_t words[];
};

/* An exception is one too; its type is its tag's. */
struct wasm_exception {
	uint32_t type_id, unused;
	const struct wasm_tag *tag;
	uint64_t values[]; /* of the tag's type, one after the other, as in operands' slots */
};

/*
 * Sizes of objects: up to HEAP_SMALL_MAX 8 bytes apart, then four for each power of two, up to
 * HEAP_CLASSED_MAX; larger objects are of no class.
 */
enum {
	HEAP_OBJECT_MIN = 16,
	HEAP_SMALL_MAX = 128,
	HEAP_CLASSED_MAX = 1 << 15,
	HEAP_SMALL_CLASSES = HEAP_SMALL_MAX / 8 - 1,
	HEAP_CLASSES = HEAP_SMALL_CLASSES + 4 * 8
};
static inline uint32_t heap_class(uint64_t bytes)
{
	if (bytes <= HEAP_OBJECT_MIN)
		return 0;
	if (bytes <= HEAP_SMALL_MAX)
		return (uint32_t)(bytes + 7) / 8 - 2;
	if (bytes > HEAP_CLASSED_MAX)
		return HEAP_CLASSES;
	uint32_t power = 56 - (uint32_t)__builtin_clzll(bytes - 1); /* 128 to 255: 0 */
	return HEAP_SMALL_CLASSES + 4 * power + ((uint32_t)((bytes - 1) >> (5 + power)) & 3);
}

/* The beginning of a store's heap. */
struct heap_cells {
	const void *refill, *barrier;              /* code: arch.h */
	const struct deftype *const *const *types; /* by id; the table moves when it grows */
	uint64_t base;                             /* a reference less it is an offset */
	uint64_t marking; /* not 0: the barrier is to be called before references are overwritten */
	struct object *free[HEAP_CLASSES + 1]; /* lists; the last is for large objects */
	uint64_t large_bytes;                  /* how large one is to be */
};

/*
 * In a register of its own while compiled code runs. After the header come the tables at the
 * offsets in struct wasm_module.
 */
struct wasm_instance {
	uint8_t *memory0;
	uintptr_t stack_limit;
	const void *helper_glue;
	const void *const *helpers;
	struct wasm_module *module;
	struct wasm_store *store;
	uint64_t memory64_end; /* WASM_MEMORY64_END_BYTES, for comparisons */
	void *env;
	struct wasm_func *funcs; /* records of own functions, made when first asked for */
	struct passive_elem *elems;
	uint32_t *data_bytes;               /* of each data segment; 0 once dropped */
	struct wasm_memory *memory_storage; /* its own ones, and behind them its own tables */
	struct heap_cells *heap; /* of the store; NULL if the module has no types of objects */
	struct arena arena;
	struct wasm_instance *next; /* of the store */
};
/* A memory's cell and a table's cell in an instance. */
struct memory_cell {
	uint8_t *base;
	struct wasm_memory *memory;
};
struct table_cell {
	void **elems;
	struct wasm_table *table;
};

enum {
	INSTANCE_MEMORY0 = 0,
	INSTANCE_STACK_LIMIT = 8,
	INSTANCE_GLUE = 16,
	INSTANCE_HELPERS = 24,
	INSTANCE_STORE = 40, /* entry.S reads it, compiled code does not */
	INSTANCE_MEMORY64_END = 48,
	INSTANCE_HEAP = 96,
	FUNC_CODE = 0,
	FUNC_TYPE_ID = 8,
	FUNC_INSTANCE = 16,
	FUNC_HOST = 24,
	FUNC_TYPE = 32,
	FUNC_HOST_WORDS = 40,
	FUNC_HOST_I32 = 44,
	MEMORY_PAGES = 8,
	TABLE_SIZE = 8,
	GLOBAL_STRIDE = 32,
	EXCEPTION_VALUES = 16,
	OBJECT_TYPE = 0,
	OBJECT_LENGTH = 4,
	OBJECT_WORDS = 8,
	CELLS_REFILL = 0,
	CELLS_BARRIER = 8,
	CELLS_TYPES = 16,
	CELLS_BASE = 24,
	CELLS_MARKING = 32,
	CELLS_FREE = 40,
	CELLS_LARGE_BYTES = CELLS_FREE + 8 * (HEAP_CLASSES + 1),
	DEFTYPE_DEPTH = 52,
	DEFTYPE_SUPERS = 56,
};
_Static_assert(offsetof(struct wasm_instance, memory0) == INSTANCE_MEMORY0, "layout");
_Static_assert(offsetof(struct wasm_instance, stack_limit) == INSTANCE_STACK_LIMIT, "layout");
_Static_assert(offsetof(struct wasm_instance, helper_glue) == INSTANCE_GLUE, "layout");
_Static_assert(offsetof(struct wasm_instance, helpers) == INSTANCE_HELPERS, "layout");
_Static_assert(offsetof(struct wasm_instance, store) == INSTANCE_STORE, "layout");
_Static_assert(offsetof(struct wasm_instance, memory64_end) == INSTANCE_MEMORY64_END, "layout");
_Static_assert(offsetof(struct wasm_instance, heap) == INSTANCE_HEAP, "layout");
_Static_assert(offsetof(struct object, length) == OBJECT_LENGTH &&
		       offsetof(struct object, words) == OBJECT_WORDS,
	       "layout");
_Static_assert(offsetof(struct heap_cells, refill) == CELLS_REFILL &&
		       offsetof(struct heap_cells, barrier) == CELLS_BARRIER &&
		       offsetof(struct heap_cells, types) == CELLS_TYPES &&
		       offsetof(struct heap_cells, base) == CELLS_BASE &&
		       offsetof(struct heap_cells, marking) == CELLS_MARKING &&
		       offsetof(struct heap_cells, free) == CELLS_FREE &&
		       offsetof(struct heap_cells, large_bytes) == CELLS_LARGE_BYTES,
	       "layout");
_Static_assert(offsetof(struct wasm_func, code) == FUNC_CODE, "layout");
_Static_assert(offsetof(struct wasm_func, type_id) == FUNC_TYPE_ID, "layout");
_Static_assert(offsetof(struct wasm_func, instance) == FUNC_INSTANCE, "layout");
_Static_assert(offsetof(struct wasm_func, host) == FUNC_HOST, "layout");
_Static_assert(offsetof(struct wasm_func, type) == FUNC_TYPE, "layout");
_Static_assert(offsetof(struct deftype, depth) == DEFTYPE_DEPTH, "layout");
_Static_assert(offsetof(struct deftype, supers) == DEFTYPE_SUPERS, "layout");
_Static_assert(offsetof(struct wasm_func, host_stack_words) == FUNC_HOST_WORDS, "layout");
_Static_assert(offsetof(struct wasm_func, host_result_i32) == FUNC_HOST_I32, "layout");
_Static_assert(offsetof(struct wasm_memory, pages) == MEMORY_PAGES, "layout");
_Static_assert(offsetof(struct wasm_table, size) == TABLE_SIZE, "layout");
_Static_assert(offsetof(struct wasm_exception, values) == EXCEPTION_VALUES, "layout");
_Static_assert(sizeof(struct wasm_global) == GLOBAL_STRIDE, "layout");

/* Functions that compiled code calls, by number (runtime/helpers.c). */
enum helper {
	HELPER_MEMORY_GROW,
	HELPER_MEMORY_COPY,
	HELPER_MEMORY_FILL,
	HELPER_MEMORY_INIT,
	HELPER_DATA_DROP,
	HELPER_TABLE_GET,
	HELPER_TABLE_SET,
	HELPER_TABLE_GROW,
	HELPER_TABLE_FILL,
	HELPER_TABLE_COPY,
	HELPER_TABLE_INIT,
	HELPER_ELEM_DROP,
	HELPER_REF_FUNC,
	HELPER_TRUNC,  /* (enum truncation, bits): traps as the standard says */
	HELPER_THROW,  /* (tag, address of its values): does not return */
	HELPER_REF_IS, /* in XMM15 and XMM14: reference, type; in R11 whether it is of the type */
	HELPER_THROW_REF, /* (exception): traps if it is null, does not return */
	/* Of the following the first argument is the address of the operands, in slots. */
	HELPER_ARRAY_NEW,       /* (value length, type) */
	HELPER_ARRAY_NEW_ZERO,  /* (length, type) */
	HELPER_ARRAY_NEW_DATA,  /* (from length, type, segment) */
	HELPER_ARRAY_NEW_ELEM,  /* the same */
	HELPER_ARRAY_FILL,      /* (array at value length, type) */
	HELPER_ARRAY_COPY,      /* (to at from at length, type) */
	HELPER_ARRAY_INIT_DATA, /* (array at from length, type, segment) */
	HELPER_ARRAY_INIT_ELEM, /* the same */
	HELPER_COUNT,
};
enum truncation { TRUNC_UNSIGNED = 1, TRUNC_FROM_F64 = 2, TRUNC_TO_I64 = 4 };
extern const void *const wasm_helpers[HELPER_COUNT];

/* Words of the arguments that find no register. */
uint32_t functype_stack_words(const struct wasm_functype *t);

#endif
