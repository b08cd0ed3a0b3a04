/* SPDX-License-Identifier: Apache-2.0 */
/* Structures that the engine's files share: modules, instances, readers, failure. */
#ifndef MOTE_GUEST_WASM_INTERNAL_H
#define MOTE_GUEST_WASM_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "guest/wasm/bytes.h"
#include "guest/wasm/module/limits.h"
#include "guest/wasm/platform.h"
#include "guest/wasm/wasm.h"

#define WASM_NONE UINT32_MAX

/* Where decoding and compiling go back to when they fail (entry.S). */
struct wasm_jump {
	uint64_t rbx, rbp, r12, r13, r14, r15, rsp, rip;
};
int wasm_jump_set(struct wasm_jump *jump) __attribute__((returns_twice));
_Noreturn void wasm_jump_to(struct wasm_jump *jump);

struct failure {
	struct wasm_error *error;
	struct wasm_jump jump;
};

/* Formats %s, %u (uint32_t), %U (uint64_t), %x (uint32_t), %N (const struct wasm_name *, escaped). */
_Noreturn void wasm_fail(struct failure *fail, enum wasm_error_kind kind, uint64_t offset,
			 const char *format, ...);
void wasm_format(char *out, size_t size, const char *format, ...);

/* Zeroed memory that is given back all at once; grows in steps inside its own reservation. */
struct arena {
	uint8_t *base;
	uint64_t used, committed, reserved, step;
	uint64_t more; /* while it lies in another's reservation: how large the one is that comes next */
};
bool arena_open(struct arena *arena, uint64_t reserve_bytes);
void arena_close(struct arena *arena);
/* 16-byte aligned; NULL when memory or the reservation is exhausted. */
void *arena_take(struct arena *arena, uint64_t bytes);
/* The same, and fails with WASM_ERROR_MEMORY. */
void *arena_need(struct arena *arena, struct failure *fail, uint64_t count, uint64_t bytes);

/* Bounded reader over a module's bytes; whatever is wrong ends in wasm_fail. */
struct reader {
	const uint8_t *p, *end;
	const uint8_t *base; /* of the module, for offsets */
	struct failure *fail;
};
static inline uint64_t reader_offset(const struct reader *r)
{
	return (uint64_t)(r->p - r->base);
}
_Noreturn void reader_fail(struct reader *r, enum wasm_error_kind kind, const char *what);
_Noreturn void reader_ended(struct reader *r);
uint32_t read_long_u32(struct reader *r); /* of whatever length */
int32_t read_long_s32(struct reader *r);

static inline uint8_t read_u8(struct reader *r)
{
	if (__builtin_expect(r->p == r->end, 0))
		reader_ended(r);
	return *r->p++;
}

/* Of one byte nearly always. */
static inline uint32_t read_u32(struct reader *r)
{
	if (__builtin_expect(r->p < r->end && *r->p < 0x80, 1))
		return *r->p++;
	return read_long_u32(r);
}

static inline int32_t read_s32(struct reader *r)
{
	if (__builtin_expect(r->p < r->end && *r->p < 0x80, 1))
		return (int8_t)(*r->p++ << 1) >> 1;
	return read_long_s32(r);
}

int64_t read_s33(struct reader *r);
int64_t read_s64(struct reader *r);
const uint8_t *read_bytes(struct reader *r, uint32_t bytes);
struct wasm_name read_name(struct reader *r);
uint8_t read_valtype(struct reader *r, const struct wasm_module *m);
uint8_t read_reftype(struct reader *r);
uint8_t read_heaptype(struct reader *r, const struct wasm_module *m);

/* A function as others see it: what funcrefs and tables point to. The offsets are in layout below. */
struct wasm_func {
	const void *code;
	uint32_t type_id;
	uint32_t index; /* in its instance's module */
	struct wasm_instance *instance;
	wasm_host_fn host;
	const struct wasm_functype *type;
	uint32_t host_stack_words; /* host functions: parameters that the SysV ABI passes on the stack */
	uint32_t host_result_i32;
};

struct wasm_memory {
	uint8_t *base;
	uint64_t pages, max_pages;
	uint64_t declared_max; /* as the type says, for import matching */
	bool has_max;
	bool standalone;
	wasm_grow_fn grow;
	void *grow_env;
};

struct wasm_table {
	void **elems;
	uint64_t size, max;
	uint64_t declared_max;
	bool has_max;
	bool standalone;
	uint8_t type;
	uint64_t reserved_bytes, committed_bytes;
};

struct wasm_global {
	union wasm_value value;
	uint8_t type;
	bool is_mutable;
	bool standalone;
};

struct passive_elem {
	void **values;
	uint32_t count; /* 0 once dropped */
};

/* R14 while compiled code runs. After the header come the tables at the offsets in struct wasm_module. */
struct wasm_instance {
	uint8_t *memory0;
	uintptr_t stack_limit;
	const void *helper_glue;
	const void *const *helpers;
	struct wasm_module *module;
	void *env;
	struct wasm_func *funcs; /* records of own functions, made when first asked for */
	struct passive_elem *elems;
	uint32_t *data_bytes; /* of each data segment; 0 once dropped */
	struct wasm_memory *memory_storage;
	struct wasm_table *table_storage;
	uint32_t own_memories, own_tables;
	uint64_t mapped_bytes;
	struct arena arena;
	bool pinned; /* others may refer to it: never freed */
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
	FUNC_CODE = 0,
	FUNC_TYPE_ID = 8,
	FUNC_INSTANCE = 16,
	FUNC_HOST = 24,
	FUNC_HOST_WORDS = 40,
	FUNC_HOST_I32 = 44,
	MEMORY_PAGES = 8,
	TABLE_SIZE = 8,
	GLOBAL_STRIDE = 32,
};
_Static_assert(offsetof(struct wasm_instance, memory0) == INSTANCE_MEMORY0, "layout");
_Static_assert(offsetof(struct wasm_instance, stack_limit) == INSTANCE_STACK_LIMIT, "layout");
_Static_assert(offsetof(struct wasm_instance, helper_glue) == INSTANCE_GLUE, "layout");
_Static_assert(offsetof(struct wasm_instance, helpers) == INSTANCE_HELPERS, "layout");
_Static_assert(offsetof(struct wasm_func, code) == FUNC_CODE, "layout");
_Static_assert(offsetof(struct wasm_func, type_id) == FUNC_TYPE_ID, "layout");
_Static_assert(offsetof(struct wasm_func, instance) == FUNC_INSTANCE, "layout");
_Static_assert(offsetof(struct wasm_func, host) == FUNC_HOST, "layout");
_Static_assert(offsetof(struct wasm_func, host_stack_words) == FUNC_HOST_WORDS, "layout");
_Static_assert(offsetof(struct wasm_func, host_result_i32) == FUNC_HOST_I32, "layout");
_Static_assert(offsetof(struct wasm_memory, pages) == MEMORY_PAGES, "layout");
_Static_assert(offsetof(struct wasm_table, size) == TABLE_SIZE, "layout");
_Static_assert(sizeof(struct wasm_global) == GLOBAL_STRIDE, "layout");

struct global_type {
	uint8_t type;
	bool is_mutable;
	const uint8_t *init; /* NULL: imported */
};

struct table_type {
	struct wasm_limits limits;
	uint8_t type;
	const uint8_t *init; /* initial element, NULL for null */
};

struct import {
	struct wasm_name module, name;
	enum wasm_kind kind;
	uint32_t index; /* in its kind's index space */
	uint32_t offset;
};

struct export {
	struct wasm_name name;
	enum wasm_kind kind;
	uint32_t index;
};

enum segment_mode { SEGMENT_ACTIVE, SEGMENT_PASSIVE, SEGMENT_DECLARATIVE };

struct elem_segment {
	enum segment_mode mode;
	uint8_t type;
	bool expressions;
	uint32_t table;
	uint32_t count;
	const uint8_t *offset; /* constant expression */
	const uint8_t *items;  /* LEB128 indices, or expressions */
};

struct data_segment {
	enum segment_mode mode;
	uint32_t memory;
	uint32_t bytes;
	const uint8_t *offset;
	const uint8_t *data;
};

struct wasm_module {
	struct arena arena;
	struct arena scratch; /* open only while its code is compiled */
	const uint8_t *bytes;
	uint64_t size;
	struct wasm_options options;

	struct wasm_functype *types;
	uint32_t type_count;

	uint32_t import_count, export_count;
	struct import *imports;
	struct export *exports;
	uint32_t *export_hash; /* export index + 1; a power of two of them */
	uint32_t export_hash_mask;

	/* Index spaces: imports first. */
	uint32_t func_count, imported_funcs;
	uint32_t *func_type;   /* type index */
	uint32_t *func_body;   /* own functions: offset of the body in the module's bytes */
	uint32_t *func_end;    /* offset after the body */
	uint32_t *func_code;   /* own functions: offset of the machine code's first byte */
	uint32_t *func_entry;  /* and of the place to call */
	uint32_t *func_frame;  /* bytes from RSP to the return address, inside it */
	uint8_t *func_declared; /* bit: ref.func may name it */
	uint32_t table_count, imported_tables;
	struct table_type *tables;
	uint32_t memory_count, imported_memories;
	struct wasm_limits *memories;
	uint32_t global_count, imported_globals;
	struct global_type *globals;

	uint32_t start; /* WASM_NONE: none */
	uint32_t elem_count;
	struct elem_segment *elems;
	uint32_t data_count;
	bool has_data_count;
	struct data_segment *datas;
	const uint8_t *names, *names_end; /* contents of the name section */

	/* Offsets of the cells in an instance. */
	uint32_t memory_cells, table_cells, func_cells, global_cells, instance_bytes;

	uint8_t *space; /* one reservation for the beginning of `arena` and the machine code */
	uint64_t space_bytes;
	uint8_t *code;
	uint64_t code_bytes, code_committed, code_reserved;
	uint32_t code_entries; /* end of the last function */
	struct wasm_module *next; /* in the list of modules that the fault handler searches */
	uint32_t instances;
};

static inline const struct wasm_functype *module_func_type(const struct wasm_module *m, uint32_t func)
{
	return &m->types[m->func_type[func]];
}

static inline bool type_is_ref(uint8_t type)
{
	return type == WASM_FUNCREF || type == WASM_EXTERNREF;
}

static inline bool type_is_float(uint8_t type)
{
	return type == WASM_F32 || type == WASM_F64 || type == WASM_V128;
}

/* const.c: checks a constant expression and, with an instance, evaluates it. */
void const_expr(struct reader *r, struct wasm_module *m, uint8_t type, uint32_t globals,
		struct wasm_instance *instance, union wasm_value *value);

/* compile.c */
struct code_place {
	uint32_t func;
	uint32_t offset;      /* in the module's bytes */
	uint32_t frame_bytes; /* from RSP to the return address at this place */
};
void compile_code(struct wasm_module *m, struct failure *fail, const uint8_t *section_end);
/* What a code address of the module belongs to; recompiles that function. False: no function's code. */
bool compile_locate(struct wasm_module *m, const uint8_t *code, struct code_place *place);

/* instance.c */
struct wasm_func *instance_func(struct wasm_instance *instance, uint32_t index);
static inline struct memory_cell *instance_memory(struct wasm_instance *i, uint32_t n)
{
	return (struct memory_cell *)(void *)((uint8_t *)i + i->module->memory_cells) + n;
}
static inline struct table_cell *instance_table(struct wasm_instance *i, uint32_t n)
{
	return (struct table_cell *)(void *)((uint8_t *)i + i->module->table_cells) + n;
}
static inline struct wasm_func **instance_import(struct wasm_instance *i, uint32_t n)
{
	return (struct wasm_func **)(void *)((uint8_t *)i + i->module->func_cells) + n;
}
struct wasm_global *instance_global(struct wasm_instance *instance, uint32_t index);
int64_t table_grow(struct wasm_table *table, uint64_t delta, void *value);

/* Functions that compiled code calls, by number (helpers.c). */
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
	HELPER_TRUNC,     /* (enum truncation, bits): traps where the standard says so */
	HELPER_COUNT,
};
enum truncation { TRUNC_UNSIGNED = 1, TRUNC_FROM_F64 = 2, TRUNC_TO_I64 = 4 };
extern const void *const wasm_helpers[HELPER_COUNT];

/* trap.c */
void trap_module_add(struct wasm_module *m);
void trap_module_remove(struct wasm_module *m);
_Noreturn void trap_raise(enum wasm_trap_code code);

/* call.c */
struct entry_frame { /* what wasm_enter takes */
	const void *code;
	struct wasm_instance *instance;
	uint64_t ints[5];
	const uint64_t *stack;
	uint64_t stack_words;
	uint64_t rax;
	uint8_t xmm[8][16];
	struct wasm_func *func;
};
_Static_assert(offsetof(struct entry_frame, rax) == 72 && offsetof(struct entry_frame, func) == 208, "entry.S");
void wasm_enter(struct entry_frame *f);
extern const uint8_t wasm_enter_return[], wasm_trap_landing[];
/* Where a call's arguments go: registers first, then the stack, in the order of the parameters. */
enum { ARG_INTS = 5, ARG_FLOATS = 8 };
uint32_t functype_stack_words(const struct wasm_functype *t);
/* trap.c: runs, and comes back here when a trap or an exit ends it. */
enum wasm_outcome trap_run(void (*run)(void *), void *arg, struct wasm_stop *stop);

/* entry.S */
extern const uint8_t wasm_host_glue[], wasm_helper_glue[];

#endif
