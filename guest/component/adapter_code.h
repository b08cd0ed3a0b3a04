/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Code of adapters (DESIGN.md, "Adapters"): WebAssembly of our own, for the engine. What is emitted
 * goes into a buffer of a fixed size; what does not fit fails the whole adapter, which is then
 * interpreted.
 */
#ifndef MOTE_GUEST_COMPONENT_ADAPTER_CODE_H
#define MOTE_GUEST_COMPONENT_ADAPTER_CODE_H

#include "guest/component/instance.h"
#include "guest/component/layout.h"

/* Opcodes; those above 0xff have a prefix. */
enum code_op {
	OP_UNREACHABLE = 0x00,
	OP_BLOCK = 0x02,
	OP_LOOP = 0x03,
	OP_IF = 0x04,
	OP_ELSE = 0x05,
	OP_END = 0x0b,
	OP_BR = 0x0c,
	OP_BR_IF = 0x0d,
	OP_BR_TABLE = 0x0e,
	OP_RETURN = 0x0f,
	OP_CALL = 0x10,
	OP_DROP = 0x1a,
	OP_LOCAL_GET = 0x20,
	OP_LOCAL_SET = 0x21,
	OP_LOCAL_TEE = 0x22,
	OP_GLOBAL_GET = 0x23,
	OP_GLOBAL_SET = 0x24,
	OP_I32_LOAD = 0x28,
	OP_I64_LOAD = 0x29,
	OP_I32_LOAD8_U = 0x2d,
	OP_I32_LOAD16_U = 0x2f,
	OP_I64_LOAD8_U = 0x31,
	OP_I32_STORE = 0x36,
	OP_I64_STORE = 0x37,
	OP_I32_STORE8 = 0x3a,
	OP_I32_STORE16 = 0x3b,
	OP_MEMORY_SIZE = 0x3f,
	OP_I32_CONST = 0x41,
	OP_I64_CONST = 0x42,
	OP_F32_CONST = 0x43,
	OP_F64_CONST = 0x44,
	OP_I32_EQ = 0x46,
	OP_I32_NE = 0x47,
	OP_I32_LT_U = 0x49,
	OP_I32_GT_U = 0x4b,
	OP_I32_LE_U = 0x4d,
	OP_I32_GE_U = 0x4f,
	OP_I64_NE = 0x52,
	OP_I64_GT_U = 0x56,
	OP_I32_ADD = 0x6a,
	OP_I32_SUB = 0x6b,
	OP_I32_AND = 0x71,
	OP_I32_OR = 0x72,
	OP_I64_ADD = 0x7c,
	OP_I64_MUL = 0x7e,
	OP_I64_AND = 0x83,
	OP_I64_OR = 0x84,
	OP_I64_SHL = 0x86,
	OP_I64_SHR_U = 0x88,
	OP_I32_WRAP = 0xa7,
	OP_I64_EXTEND_U = 0xad,
	OP_I32_REINTERPRET = 0xbc,
	OP_I64_REINTERPRET = 0xbd,
	OP_F32_REINTERPRET = 0xbe,
	OP_F64_REINTERPRET = 0xbf,
	OP_I32_EXTEND8 = 0xc0,
	OP_I32_EXTEND16 = 0xc1,
	OP_MEMORY_COPY = 0xfc0a,
};
enum { BLOCK_EMPTY = 0x40, MEMARG_INDEX = 0x40 };

struct code_buffer {
	uint8_t *at;
	uint32_t bytes, size;
	bool is_full; /* and something was left out */
};

/* What it is adapted between. */
enum adapter_side_name { CALLER, CALLEE };
struct adapter_side {
	const struct ctype *type; /* of the function, as this side sees it */
	uint8_t encoding;         /* enum string_encoding */
	bool has_memory, has_realloc, has_context;
	bool byte_pages; /* of its memory */
};
struct adapter_spec {
	struct adapter_side side[2];
	bool has_post_return;
	uint32_t entered; /* how many instances its calls enter: the callee's first */
};

/* A handle's type on both sides, of a value that goes from the caller or back to it. */
struct adapter_handle {
	const struct ctype *from, *to;
	bool back;
};

/* What it calls: C, by (operation | operand << 8, two values). */
enum adapter_operation {
	ADAPTER_TRAP,   /* (enum adapter_trap) */
	ADAPTER_BEGIN,  /* a call that borrows */
	ADAPTER_FINISH, /* its end */
	ADAPTER_CHECK,  /* operand: the side; (pointer, length): traps unless it is UTF-8 */
	ADAPTER_TEXT,   /* operand: the side it is from; the same; pointer | length << 32 there */
	ADAPTER_HANDLE, /* operand: which struct adapter_handle; (index): the one there */
};
enum { ADAPTER_OPERAND_SHIFT = 8 };
enum adapter_trap {
	TRAP_LEAVE,
	TRAP_ENTER,
	TRAP_UNALIGNED,
	TRAP_PARAMETERS,
	TRAP_RESULT,
	TRAP_TEXT,
	TRAP_LIST,
	TRAP_LIST_BYTES,
	TRAP_REALLOC_ALIGN,
	TRAP_REALLOC_END,
	TRAP_CHAR,
	TRAP_CASE,
	ADAPTER_TRAPS
};

/*
 * A function of an adapter's module that several values may go through. With a tuple or a value it
 * takes the two addresses; with elements or text pointer and length, and it gives the pointer.
 */
enum piece_kind { PIECE_VALUE, PIECE_TUPLE, PIECE_ELEMENTS, PIECE_TEXT };
struct piece {
	const struct ctype *a, *b;
	uint8_t kind; /* enum piece_kind */
	bool back;
};

enum {
	ADAPTER_BYTES = 0x8000,
	ADAPTER_HEAD_BYTES = 0x1000,
	ADAPTER_PIECES = 256,
	ADAPTER_HANDLES = 64,
	ADAPTER_PAYLOADS = 64, /* cases of one variant that have something */
};

struct adapter_emitter {
	const struct adapter_spec *spec;
	struct code_buffer head, code; /* the module is the one and the other */
	bool has_failed;               /* it is to be interpreted */
	struct piece piece[ADAPTER_PIECES];
	uint32_t pieces;
	struct adapter_handle handle[ADAPTER_HANDLES];
	uint32_t handles;
	/* Indices of what is imported, and of the first piece. */
	uint32_t core, operation, realloc[2], post_return, adapter;
	uint32_t memory[2], state[2], context[2], outer, memories, globals;
	/* Locals of the function under way; `kept` are two. */
	uint32_t scratch, wide, last, kept, result;
	uint32_t inlined;      /* strings */
	uint32_t depth, traps; /* blocks around what is emitted; bits of the traps that it has */
	/* Values that are passed flat: where, and of which types. */
	uint32_t flat;
	const char *letter;
	uint8_t code_bytes[ADAPTER_BYTES], head_bytes[ADAPTER_HEAD_BYTES];
};

/* --- bytes --- */

void code_u8(struct code_buffer *b, uint32_t byte);
void code_u32(struct code_buffer *b, uint32_t v);
void code_s64(struct code_buffer *b, int64_t v);
/* A length in front of what comes: where it is, for the end. */
uint32_t code_begin(struct code_buffer *b);
void code_end(struct code_buffer *b, uint32_t begin);

/* --- instructions --- */

void emit_op(struct adapter_emitter *e, enum code_op op);
void emit_index(struct adapter_emitter *e, enum code_op op, uint32_t index);
void emit_i32(struct adapter_emitter *e, uint32_t v);
void emit_i64(struct adapter_emitter *e, uint64_t v);
/* Around the code of each function, which leaves what it gives on the stack. */
void emit_body_begin(struct adapter_emitter *e);
void emit_body_end(struct adapter_emitter *e);
/* Traps if the condition on the stack holds. */
void emit_trap_if(struct adapter_emitter *e, enum adapter_trap trap);
/* The first argument of a call of e->operation. */
void emit_operation(struct adapter_emitter *e, enum adapter_operation operation, uint32_t operand);

/* Bytes of a side's memory that the local `at` points to. */
struct span {
	uint32_t at, align;
	bool in_local;
	uint32_t bytes; /* or the local that has their number */
	enum adapter_trap unaligned, outside;
};
/* Whether their end is beyond the memory's, for a branch. */
void emit_is_outside(struct adapter_emitter *e, enum adapter_side_name side, const struct span *s);
/* Traps if they are not there. */
void emit_span(struct adapter_emitter *e, enum adapter_side_name side, const struct span *s);
/* Has them of a side's realloc, in whose instance's state no call may leave it. */
void emit_allocate(struct adapter_emitter *e, enum adapter_side_name side, const struct span *s);
/* A side's context is kept in two locals meanwhile, and is zero. */
void emit_context_begin(struct adapter_emitter *e, enum adapter_side_name side, uint32_t kept);
void emit_context_end(struct adapter_emitter *e, enum adapter_side_name side, uint32_t kept);
void emit_state(struct adapter_emitter *e, enum adapter_side_name side, enum instance_state state);
/* The index of a piece's function. */
uint32_t emit_piece(struct adapter_emitter *e, enum piece_kind kind, const struct ctype *a,
		    const struct ctype *b, bool back);

/* Flat values, where they are: from `at` on, among those of e->flat (adapter_flat.c). */
void emit_flat(struct adapter_emitter *e, const struct ctype *a, const struct ctype *b, bool back,
	       uint32_t at);
/* The functions of all pieces (adapter_pieces.c). */
void emit_pieces(struct adapter_emitter *e);

/* --- adapter_module.c --- */

/* The module, in e->head and e->code. False: it is to be interpreted. */
bool adapter_emit(struct adapter_emitter *e, const struct adapter_spec *spec);
/* Its imports have names of two bytes: which, and an index. */
enum adapter_import {
	IMPORT_CORE = 'f',
	IMPORT_OPERATION = 'o',
	IMPORT_REALLOC = 'r', /* these four: index is the side */
	IMPORT_MEMORY = 'm',
	IMPORT_STATE = 's',
	IMPORT_CONTEXT = 'c', /* and slot */
	IMPORT_POST_RETURN = 'p',
	IMPORT_OUTER = 'e', /* state of the instances that are entered, but for the callee's */
};
enum { IMPORT_INDEX = 1 }; /* the first index: names are text, of the deepest callee, too */
_Static_assert(IMPORT_INDEX + COMPONENT_MAX_INSTANTIATING < 0x80, "an index is a character");

#endif
