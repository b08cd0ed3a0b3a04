/* SPDX-License-Identifier: Apache-2.0 */
/* A module: its sections as tables, and its machine code. */
#ifndef MOTE_GUEST_WASM_MODULE_MODULE_H
#define MOTE_GUEST_WASM_MODULE_MODULE_H

#include <stdbool.h>
#include <stdint.h>

#include "guest/wasm/arena.h"
#include "guest/wasm/bytes.h"
#include "guest/wasm/module/limits.h"
#include "guest/wasm/module/reader.h"
#include "guest/wasm/module/types.h"
#include "guest/wasm/wasm.h"

#define WASM_NONE UINT32_MAX

enum { WASM_KINDS = WASM_KIND_TAG + 1 };

struct global_type {
	uint32_t type;
	bool is_mutable;
	const uint8_t *init; /* NULL: imported */
};

struct table_type {
	struct wasm_limits limits;
	uint32_t type;
	const uint8_t *init; /* initial element, NULL for null */
};

/* The code of a try's body, by offsets. Those of a module are in the order of their starts. */
struct try_range {
	uint32_t start, end;
	uint32_t outer;  /* the one around it in its function, or WASM_NONE */
	uint32_t next;   /* which one takes what this one does not catch */
	uint32_t clause; /* the first */
};

struct catch_clause {
	uint32_t tag;     /* WASM_NONE: it catches all */
	uint32_t handler; /* offset of the code */
	uint32_t next;    /* clause of the same try, or WASM_NONE */
};

struct import {
	struct wasm_name module, name;
	enum wasm_kind kind;
	uint32_t index; /* in its kind's index space */
	uint32_t offset;
};

struct export
{
	struct wasm_name name;
	enum wasm_kind kind;
	uint32_t index;
};

enum segment_mode { SEGMENT_ACTIVE, SEGMENT_PASSIVE, SEGMENT_DECLARATIVE };

struct elem_segment {
	enum segment_mode mode;
	uint32_t type;
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

	const struct deftype **types;
	uint32_t type_count;
	uint32_t open_types; /* of the recursion group that is being decoded, after the others */
	bool long_types;     /* reference types of several bytes have been read */
	bool has_objects;    /* it defines types of structures or arrays */

	uint32_t import_count, export_count;
	struct import *imports;
	struct export *exports;
	uint32_t *export_hash; /* export index + 1; a power of two of them */
	uint32_t export_hash_mask;

	/* Index spaces: imports first. */
	uint32_t func_count, imported_funcs;
	uint32_t *func_type;    /* type index */
	uint32_t *func_body;    /* own functions: offset of the body in the module's bytes */
	uint32_t *func_end;     /* offset after the body */
	uint32_t *func_code;    /* own functions: offset of the machine code's first byte */
	uint32_t *func_entry;   /* and of the place to call */
	uint32_t *func_frame;   /* the compiler's: how to leave it (tier_frame()) */
	uint8_t *func_declared; /* bit: ref.func may name it */
	uint32_t table_count, imported_tables;
	struct table_type *tables;
	uint32_t memory_count, imported_memories;
	bool checked_memories; /* not all are of 32-bit addresses and pages of 64 KiB */
	uint32_t main_memory;  /* exported as "memory", else 0 */
	struct wasm_limits *memories;
	uint32_t global_count, imported_globals;
	struct global_type *globals;
	uint32_t tag_count, imported_tags;
	uint32_t *tags; /* type index */

	uint32_t start; /* WASM_NONE: none */
	uint32_t elem_count;
	struct elem_segment *elems;
	uint32_t data_count;
	bool has_data_count;
	struct data_segment *datas;
	const uint8_t *names, *names_end; /* contents of the name section */

	/* Offsets of the cells in an instance. */
	uint32_t memory_cells, table_cells, func_cells, tag_cells, global_cells, instance_bytes;

	struct arena tries_arena, clauses_arena; /* open only if the module has such */
	struct try_range *tries;
	struct catch_clause *clauses;
	uint32_t try_count, clause_count;

	uint8_t *space; /* one reservation for the beginning of `arena` and the machine code */
	uint64_t space_bytes;
	uint8_t *code;
	uint64_t code_bytes, code_committed, code_reserved;
	uint32_t code_entries; /* end of the last function */
	struct wasm_store *store;
	struct wasm_module *next; /* of the store */
};

/* The type of addresses in a memory, of indices into a table, and of their sizes. */
static inline uint32_t limits_address(const struct wasm_limits *limits)
{
	return limits->is_64 ? WASM_I64 : WASM_I32;
}

static inline const struct wasm_functype *module_func_type(const struct wasm_module *m,
							   uint32_t func)
{
	return &m->types[m->func_type[func]]->func;
}

static inline const struct wasm_functype *module_tag_type(const struct wasm_module *m, uint32_t tag)
{
	return &m->types[m->tags[tag]]->func;
}

static inline void module_declare_func(struct wasm_module *m, uint32_t func)
{
	m->func_declared[func / 8] |= (uint8_t)(1 << func % 8);
}

static inline bool module_func_is_declared(const struct wasm_module *m, uint32_t func)
{
	return m->func_declared[func / 8] >> func % 8 & 1;
}

/* module/sections.c: decodes and checks all but function bodies. A failure ends in r->fail. */
void module_decode(struct wasm_module *m, struct reader *r);
/* module/type_section.c: the same of the type section, which the reader is at. */
void module_decode_types(struct wasm_module *m, struct reader *r);
/* Of a function's type what follows its form. The type is known from now on: it is the table's. */
const struct wasm_functype *module_read_functype(struct reader *r, struct wasm_module *m,
						 bool is_final);
/*
 * What an import is, from its kind on, as the types of modules in components say it too. The
 * module's types are those that it may name.
 */
void module_read_externtype(struct reader *r, struct wasm_module *m, struct wasm_externtype *t);
/* From the name section, or an import's or export's name; bytes is 0 if it has none. */
struct wasm_name module_tag_name(const struct wasm_module *m, uint32_t tag);
/* Of whatever bytes; 0 if they have no code section. What is wrong with them is found later. */
uint64_t module_code_section_bytes(const uint8_t *bytes, uint64_t size);

/*
 * module/exports.c: the hash cell of a name: its export's index + 1, or 0 in the cell that it would
 * get.
 */
uint32_t *module_export_cell(const struct wasm_module *m, struct wasm_name name);

#endif
