/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the compiler's files share: its state while it compiles one function body. DESIGN.md
 * explains values, registers and the frame.
 */
#ifndef MOTE_GUEST_WASM_COMPILER_H
#define MOTE_GUEST_WASM_COMPILER_H

#include "guest/wasm/module/features.h"
#include "guest/wasm/module/module.h"
#include "guest/wasm/module/opcodes.h"
#include "guest/wasm/module/types.h"
#include "guest/wasm/platform.h"
#include "guest/wasm/runtime/code_abi.h"
#include "guest/wasm/tier.h"
#include "guest/wasm/x86_64/cpu.h"
#include "guest/wasm/x86_64/simd.h"
#include "guest/wasm/x86_64/x64.h"

enum { HEIGHT_MAX = 1 << 16, CONTROL_MAX = 1 << 17, FIXED_SLOTS = FRAME_FIXED_SLOTS, UNKNOWN = 0 };
/* The outermost struct control's opcode. */
enum { FUNCTION_BODY = 0 };
enum { POOL_MAX = 256, LOOP_REGS_MAX = 16, SCRATCH_BYTES = 0x3000000 };
enum { LOCALS_USUAL = 2560, CONTROLS_USUAL = 4096 };
/* Of the stack, besides the tables: what the compiler calls. */
enum { TABLES_SPARE_BYTES = 0x8000 };

#define BIT(r) (1u << (r))
#define INTS   0x0000ffffu
#define FLOATS 0xffff0000u
/* Only for operands: results, divisions and shifts need them. */
#define TEMPS (BIT(RAX) | BIT(RCX) | BIT(RDX) | 0x000f0000u)
/* For locals, or for operands if no local has them. A call destroys them. */
#define CALLER_SAVED (BIT(RSI) | BIT(R8) | BIT(R9) | BIT(R10) | 0x3ff00000u)
/* For locals only. A function saves those that it uses. */
#define CALLEE_SAVED (BIT(RBX) | BIT(RBP) | BIT(RDI) | BIT(R12) | BIT(R13))
/* Scratch inside one instruction: R11, XMM14, XMM15. */
enum { SCRATCH = R11, FLOAT_SCRATCH = XMM15, FLOAT_SCRATCH2 = XMM14 };

/* Conditions that are two of the CPU's: equal and ordered, or not. */
enum { CC_FEQ = 16, CC_FNE = 17 };

enum location {
	AT_SLOT,  /* in the frame, in its own slot */
	AT_CONST, /* bits */
	AT_REG,   /* in a register of its own */
	AT_LOCAL, /* what the local holds at present */
	AT_FLAGS, /* i32: a condition in the flags; on top, for the next instruction */
	AT_HIGH,  /* the upper half of the v128 below */
	/* in linear memory, at c->regs.pending; only while compile_insn() compiles its taker */
	AT_MEM,
};

struct value {
	uint8_t location;
	uint8_t reg;   /* AT_REG; AT_FLAGS: the condition */
	uint16_t at;   /* AT_SLOT: height; AT_LOCAL: index */
	uint32_t type; /* or UNKNOWN */
	uint64_t bits; /* AT_MEM: the registers that its address holds */
};

struct local {
	uint32_t type;
	uint32_t slot; /* counted from the first local's */
	uint16_t refs; /* AT_LOCAL among the operands, which are fewer than HEIGHT_MAX */
	uint8_t reg;   /* that holds it, or X64_NONE */
};

_Static_assert(HEIGHT_MAX - 1 <= UINT16_MAX && WASM_MAX_LOCALS + 64 <= UINT16_MAX,
	       "struct value has them in 16 bits, and struct local counts operands");

/* A block being compiled. */
struct control {
	uint8_t op;       /* of the block, the loop, the if or its else, or FUNCTION_BODY */
	bool unreachable; /* the standard's: operands of any type can be popped */
	bool entry_dead;  /* its beginning is unreachable */
	uint32_t height;  /* of the operands below its parameters */
	uint32_t param_count, result_count;
	const uint32_t *params, *results;
	uint32_t only_result;   /* results may point to it */
	uint32_t set_locals;    /* of those without a default, when the block began */
	uint32_t start;         /* loop: where it begins */
	uint32_t patches;       /* jumps to its end: a list through their distances, 0 ends it */
	uint32_t entries;       /* of br_tables that lead to its end: a list through them */
	uint32_t otherwise;     /* if: jumps to its else, a list */
	uint32_t stub, stub_of; /* br_table: code of this target, and of which table */
	/* Rows of the module's tables, or WASM_NONE: the try whose body the code here is in, the
	 * block's own, and of a legacy one the clause that came last. */
	uint32_t try, own_try, last_clause;
	uint32_t number; /* legacy try: among all, from 1 on */
};

/* What a block takes and leaves. */
struct block_type {
	const uint32_t *params, *results; /* no results: only_result */
	uint32_t param_count, result_count;
	uint32_t only_result;
};

/*
 * What a function's compilation fills from the beginning. It fits the stack of a guest, and only
 * the head of each is touched; functions with more locals or deeper blocks than usual get a table
 * from the arena.
 */
struct tables {
	uint32_t weights[WASM_SCAN_LOCALS];
	uint16_t watched[WASM_SCAN_LOCALS];
	struct local locals[LOCALS_USUAL];
	struct control controls[CONTROLS_USUAL];
	struct value stack[HEIGHT_MAX];
};
/* What is used first lies in few pages: in a guest's first compilation each costs a fault. */
_Static_assert(offsetof(struct tables, controls) % WASM_PAGE_BYTES == 0 &&
		       offsetof(struct tables, stack) % WASM_PAGE_BYTES == 0,
	       "pages");

/* A register that holds a local or a constant while a loop is compiled. */
struct loop_reg {
	uint64_t bits;    /* of a constant */
	uint32_t local;   /* a constant's comes after the function's */
	uint32_t evicted; /* the local that has it outside of the loop, or WASM_NONE */
	uint8_t reg;
	bool is_set; /* in the loop */
};

/* The operands at this point of the function. */
struct operand_stack {
	struct value *at;
	uint32_t height, highest; /* in slots; a v128 has two */
	uint32_t flushed;         /* below, all values are in slots or constants */
};

struct registers {
	uint32_t free, owned;   /* unused ones, and those of values on the stack */
	uint32_t hint;          /* the local whose register result_reg() gave, or WASM_NONE */
	uint32_t owner[32];     /* of an owned one: its value's height */
	struct x64_mem pending; /* where the value AT_MEM is */
};

struct control_stack {
	struct control *at, *top; /* all, and the innermost */
	uint32_t depth, capacity;
};

/* What is known of the function being compiled. */
struct function {
	const struct wasm_functype *type;
	uint32_t func; /* in the index space */
	struct local *locals;
	uint32_t locals_capacity;
	uint32_t local_count, local_slots;
	uint32_t local_regs;   /* registers that hold locals */
	uint32_t local_of[32]; /* which */
	uint32_t fixed_slots;  /* below the locals' */
	uint32_t adjust;       /* bytes that RSP is lower than in the body */
	uint32_t entry;        /* where it is called */
	uint32_t frame;        /* bytes from RSP to the return address */
	uint32_t frame_at;     /* where the frame's size is patched in */
	bool has_calls;
	bool framed;                /* some slot of the frame is used */
	uint32_t traps[WASM_TRAPS]; /* jumps to a trap: lists */
	/* Locals without a default value that have one now, in the order in which they were set. */
	uint16_t *set_locals;
	uint32_t set_count;
};

/* 8-byte constants after the function's code. */
struct pool {
	uint32_t count;
	uint32_t uses[POOL_MAX]; /* lists of the instructions that read them */
	uint64_t bits[POOL_MAX];
};

/* What the pre-pass finds out of a function's loops, and the loop that has registers of its own. */
struct loop_state {
	bool wanted;    /* some local has no register, or there are constants of floats */
	uint64_t plain; /* bits: the first 64 loops that neither call nor have a loop inside */
	uint32_t count; /* so far */
	uint32_t depth; /* of the loop that has registers of its own, or 0 */
	uint32_t reg_count, constants;
	struct loop_reg regs[LOOP_REGS_MAX];
};

/* The pre-pass's own tables. */
struct scan_state {
	uint32_t *weights; /* of locals; those that are not 0 are watched */
	uint16_t *watched;
	uint32_t watched_count;
	uint8_t *blocks; /* in the memory of the operands, of which there are none then */
};

/* locate.c: the end of the code looked for, the instruction it is of, and the jump to it. */
struct locate_state {
	uint32_t target, found_jump;
	const uint8_t *found;
};

/* Lists of types that were compared, and match: how many are noted. */
enum { MATCHED_SETS = 128, MATCHED_WAYS = 8 };

/* What nearly every instruction uses comes first. The rest is by lifetime. */
struct compiler {
	/* Of the module. */
	struct x64 x;
	const uint8_t *code_end; /* of what is writable */
	struct wasm_module *m;
	/* Of the instruction. */
	struct reader r;
	bool dead; /* unreachable: what is emitted is discarded */
	struct operand_stack stack;
	struct control_stack control;
	struct registers regs;
	/* Of the function. */
	struct function fn;
	struct loop_state loop;
	struct scan_state scan;
	struct pool pool;
	/* Of the module again. */
	uint32_t br_tables;  /* so far */
	struct arena *arena; /* opened when it is needed */
	struct failure *fail;
	struct simd_emitter simd;
	struct simd_constants constants; /* of simd */
	struct locate_state locate;
	uint32_t try_number;     /* of the last; a function that is compiled again has others */
	struct wasm_jump *again; /* compiles the module once more */
	uint32_t *caught_by; /* of each tag: the try that caught it last; NULL before the first */
	struct matched_lists {
		const uint32_t *types[MATCHED_WAYS], *of[MATCHED_WAYS];
		unsigned count;
	} matched[MATCHED_SETS]; /* by both; match_lists */
	uint64_t compared;       /* types of lists that differ */
	uint64_t long_lists;     /* operands of long lists, as often as they were looked at */
	uint32_t void_types[1];
};

struct memarg {
	uint32_t memory;
	uint16_t bytes; /* accessed */
	bool checked;   /* the memory's reservation is not enough */
	uint64_t offset;
};
enum { MEMARG_HAS_MEMORY = 0x40 }; /* in the alignment: a memory's index follows it */

/* A value on its way to a register. */
struct move {
	struct value v;
	uint8_t dst;
};

/* Code goes to `at` from now on, and none of it has constants yet. */
static inline void begin_code(struct compiler *c, uint8_t *at)
{
	c->x.p = at;
	c->constants.count = 0;
	c->simd = (struct simd_emitter){.x = &c->x,
					.constants = &c->constants,
					.code = c->m->code,
					.cpu = c->m->options.cpu};
}

/*
 * func_frame of a module: the frame's bytes, and which of CALLEE_SAVED it saves, a bit for each.
 */
enum { FRAME_BYTES_BITS = 24 };
_Static_assert(8ull * (WASM_MAX_LOCALS * 2 + HEIGHT_MAX + 16) < 1u << FRAME_BYTES_BITS, "they fit");
static inline uint32_t frame_word(uint32_t bytes, uint32_t saved)
{
	_Static_assert(CALLEE_SAVED == (BIT(RBX) | BIT(RBP) | BIT(RDI) | BIT(R12) | BIT(R13)) &&
			       KEPT_REGS == 5,
		       "struct unwind");
	uint32_t kept = (saved >> RBX & 1) | (saved >> RBP & 1) << 1 | (saved >> RDI & 1) << 2 |
			(saved >> R12 & 3) << 3;
	return bytes | kept << FRAME_BYTES_BITS;
}
static inline uint32_t frame_word_bytes(uint32_t word)
{
	return word & ((1u << FRAME_BYTES_BITS) - 1);
}
static inline uint32_t frame_word_kept(uint32_t word)
{
	return word >> FRAME_BYTES_BITS;
}

static inline uint32_t here(const struct compiler *c)
{
	return (uint32_t)(c->x.p - c->m->code);
}

static inline struct control *top(struct compiler *c)
{
	return c->control.top;
}

/* --- hot: what nearly every instruction does, with its usual case inline --- */

/* compile.c; the others are values.c's */
void commit_more_code(struct compiler *c, uint64_t bytes);
void push_other(struct compiler *c, uint8_t location, uint32_t type, unsigned reg, uint32_t at,
		uint64_t bits);
void count_operands(struct compiler *c, uint32_t n);
void push_many_slots(struct compiler *c, const uint32_t *types, uint32_t n);
uint32_t slots_of_many(const uint32_t *types, uint32_t n);
void check_many(struct compiler *c, const uint32_t *types, uint32_t n);
void drop_above(struct compiler *c, uint32_t height);

/* In one store, so that a load of the whole finds it. */
static inline void put_value(struct value *to, unsigned location, uint32_t type, unsigned reg,
			     uint32_t at, uint64_t bits)
{
	uint64_t head = location | (uint64_t)reg << 8 | (uint64_t)at << 16 | (uint64_t)type << 32;
	_Static_assert(offsetof(struct value, reg) == 1 && offsetof(struct value, at) == 2 &&
			       offsetof(struct value, type) == 4 &&
			       offsetof(struct value, bits) == 8,
		       "layout");
	memcpy(to, &head, sizeof(head));
	to->bits = bits;
}

/* The four types of numbers. */
static inline bool is_usual_type(uint32_t type)
{
	return (type & ~3u) == WASM_F64;
}

static inline void push(struct compiler *c, uint8_t location, uint32_t type, unsigned reg,
			uint32_t at, uint64_t bits)
{
	uint32_t height = c->stack.height;
	if (__builtin_expect(!is_usual_type(type) || height >= HEIGHT_MAX - 1, 0)) {
		push_other(c, location, type, reg, at, bits);
		return;
	}
	put_value(&c->stack.at[height], location, type, reg, at, bits);
	c->stack.height = ++height;
	if (height > c->stack.highest)
		c->stack.highest = height;
}

static inline void push_const(struct compiler *c, uint32_t type, uint64_t bits)
{
	push(c, AT_CONST, type, 0, c->stack.height, bits);
}

static inline void push_local(struct compiler *c, uint32_t local)
{
	struct local *l = &c->fn.locals[local];
	if (__builtin_expect(c->dead, 0)) {
		push(c, AT_SLOT, l->type, 0, c->stack.height, 0);
		return;
	}
	l->refs++;
	push(c, AT_LOCAL, l->type, 0, local, 0);
}

static inline void push_slots(struct compiler *c, const uint32_t *types, uint32_t n)
{
	if (n)
		push_many_slots(c, types, n);
}

static inline uint32_t slots_of(const uint32_t *types, uint32_t n)
{
	return n ? slots_of_many(types, n) : 0;
}

static inline uint32_t slots_of_type(uint32_t type)
{
	return 1u + (type == WASM_V128);
}

static inline void swap_values(struct value *a, struct value *b)
{
	struct value t = *a;
	*a = *b;
	*b = t;
}

/* The top operands must be of these types; a polymorphic stack is made to be. */
static inline void check_top(struct compiler *c, const uint32_t *types, uint32_t n)
{
	if (n)
		check_many(c, types, n);
}

static inline void truncate_stack(struct compiler *c, uint32_t height)
{
	if (c->stack.height > height || c->stack.flushed > height)
		drop_above(c, height);
}

static inline void reserve_code_bytes(struct compiler *c, uint64_t bytes)
{
	if (__builtin_expect((uint64_t)(c->code_end - c->x.p) < bytes, 0))
		commit_more_code(c, bytes);
}

/* Before what emits no more than an instruction's code. */
static inline void reserve_code(struct compiler *c)
{
	reserve_code_bytes(c, WASM_CODE_INSN_BYTES);
}

static inline uint32_t class_of(uint32_t type)
{
	return type_is_float(type) ? FLOATS : INTS;
}

static inline bool is_wide(uint32_t type)
{
	return type != WASM_I32 && type != WASM_F32;
}

static inline struct x64_mem slot(struct compiler *c, uint32_t n)
{
	c->fn.framed |= !c->dead;
	return x64_at(RSP, (int32_t)(8 * n + c->fn.adjust));
}

static inline struct x64_mem operand_slot(struct compiler *c, uint32_t height)
{
	return slot(c, c->fn.fixed_slots + c->fn.local_slots + height);
}

static inline struct x64_mem local_mem(struct compiler *c, uint32_t local)
{
	return slot(c, c->fn.fixed_slots + c->fn.locals[local].slot);
}

static inline void release(struct compiler *c, const struct value *v)
{
	if (v->location == AT_REG)
		c->regs.free |= BIT(v->reg);
	else if (v->location == AT_MEM)
		c->regs.free |= (uint32_t)v->bits;
}

/* The register that a value is in already, or X64_NONE. */
static inline unsigned reg_of(const struct compiler *c, const struct value *v)
{
	if (v->location == AT_REG)
		return v->reg;
	return v->location == AT_LOCAL ? c->fn.locals[v->at].reg : X64_NONE;
}

/* compile.c */
void compiler_init(struct compiler *c, struct tables *t);
void compile_function(struct compiler *c, uint32_t own);
void compile_insn(struct compiler *c, uint8_t op);      /* its opcode has been read */
void *scratch_need(struct compiler *c, uint64_t bytes); /* zeroed; as long as the compilation */
/* The opcode, of one byte, that has been read is refused if its feature is not enabled. */
void need_opcode(struct compiler *c, enum wasm_feature_id feature);
_Noreturn void fail_invalid(const struct compiler *c, const char *what);

/* values.c: registers and operands. */
void push_slot(struct compiler *c, uint32_t type);
void push_reg(struct compiler *c, uint32_t type, unsigned reg);
void push_condition(struct compiler *c, unsigned cc);
void push_popped(struct compiler *c, const struct value *v); /* popped just before */
struct value pop_value(struct compiler *c, uint32_t want);
unsigned pop_condition(struct compiler *c);
unsigned alloc_reg(struct compiler *c, uint32_t mask);
/* This register; what is in it moves, and so does `other`, which has been popped. */
void alloc_fixed(struct compiler *c, unsigned reg, struct value *other);
void load_to(struct compiler *c, const struct value *v, unsigned reg);
/* The register that a value is in, or SCRATCH, which it is loaded to. */
unsigned reg_or_scratch(struct compiler *c, const struct value *v);
/* A whole cell. */
void load_mem(struct compiler *c, uint32_t type, unsigned reg, struct x64_mem from);
unsigned to_reg(struct compiler *c, struct value *v); /* to read */
unsigned to_own(struct compiler *c, struct value *v); /* to change */
void to_fixed(struct compiler *c, struct value *v, unsigned reg, struct value *other);
unsigned pop_to_reg(struct compiler *c, uint32_t type, struct value *v);
void store_value(struct compiler *c, const struct value *v, struct x64_mem to);
void stack_flush(struct compiler *c);
void stack_flush_all(struct compiler *c, uint32_t from); /* constants above too */
void spill_below(struct compiler *c, uint32_t height);
void materialise_local(struct compiler *c, uint32_t local);
unsigned result_reg(struct compiler *c, uint32_t type);
unsigned alloc_result(struct compiler *c, uint32_t type);
void push_result(struct compiler *c, uint32_t type, unsigned reg);
void emit_value(struct compiler *c, uint32_t op, unsigned w, unsigned reg, const struct value *v);
void move_all(struct compiler *c, struct move *moves, uint32_t n);
/* The address of an operand that is in no register; pool_used() must follow a constant's reader. */
struct x64_mem value_mem(struct compiler *c, const struct value *v);
/* Can the constant be an operand in memory? Then it is listed. */
bool pool_holds(struct compiler *c, uint64_t bits);
void pool_used(struct compiler *c, uint64_t bits);
void push_mem(struct compiler *c, uint32_t type, struct x64_mem at, uint32_t held);

/* scan.c */
void scan_body(struct compiler *c);
/* Skips an instruction's opcode and index. */
bool scan_index(const uint8_t **p, const uint8_t *end, uint32_t *index);
/* Skips an instruction of a loop; false if it is a loop, a call, a br_table or unknown. */
bool scan_plain(const uint8_t **p, const uint8_t *end);

/* loop.c */
/* Before the loop's label, with all operands in slots. */
void loop_enter(struct compiler *c, bool without_values);
void loop_leave(struct compiler *c); /* before a jump out of it */
void loop_end(struct compiler *c);   /* at its end */
/* The local that stands for a constant in this loop, or WASM_NONE. */
uint32_t loop_constant(const struct compiler *c, uint32_t type, uint64_t bits);
static inline bool leaves_loop(const struct compiler *c, const struct control *k)
{
	/* A return needs no locals. */
	return k > c->control.at && (uint32_t)(k - c->control.at) + 1 < c->loop.depth;
}

/* control.c */
/* Whether a list of types stands for another one that is as long. */
bool match_lists(struct compiler *c, const uint32_t *types, uint32_t count, const uint32_t *of);
struct control *push_control(struct compiler *c, uint8_t op, const struct block_type *t);
/* Reads a block's type; its parameters go to slots and are popped. */
struct block_type begin_block_operands(struct compiler *c);
/* Of a block with a second part: what its first part leaves, and back to the block's beginning. */
void end_first_part(struct compiler *c, struct control *k);
struct control *label_at(struct compiler *c, uint32_t n);
void set_unreachable(struct compiler *c);
static inline uint32_t label_count(const struct control *k)
{
	return k->op == WASM_OP_LOOP ? k->param_count : k->result_count;
}
static inline const uint32_t *label_types(const struct control *k)
{
	return k->op == WASM_OP_LOOP ? k->params : k->results;
}
/* Of a label: it takes one value, in result_register(). */
static inline bool takes_register(const struct control *k)
{
	return k->op != WASM_OP_LOOP && k->result_count == 1;
}
static inline unsigned result_register(uint32_t type)
{
	return type_is_float(type) ? XMM0 : RAX;
}
void jump_to(struct compiler *c, struct control *k);
void emit_branch(struct compiler *c, struct control *k);
void begin_block(struct compiler *c, uint8_t op);
void handle_else(struct compiler *c);
void end_block(struct compiler *c);
void handle_br_if(struct compiler *c);
/* A branch if the condition holds; what the label takes stays, and has the label's types. */
void branch_if(struct compiler *c, struct control *k, unsigned cc);
void handle_br_table(struct compiler *c);
void handle_select(struct compiler *c, uint32_t type);
void add_patch(struct compiler *c, uint32_t *list); /* for the distance just emitted */
void patch_list(struct compiler *c, uint32_t list);
void patch_list_to(struct compiler *c, uint32_t list, uint32_t to);
void trap_if(struct compiler *c, enum x64_cc cc, enum wasm_trap_code code);

/* exception.c */
void handle_try_table(struct compiler *c);
void handle_throw(struct compiler *c);
void handle_throw_ref(struct compiler *c);
void handle_try(struct compiler *c);
void handle_catch(struct compiler *c, uint8_t op);
void handle_delegate(struct compiler *c);
void handle_rethrow(struct compiler *c);
bool is_legacy_try(const struct control *k);
void end_try(struct compiler *c, struct control *k);
void drop_exception_slot(struct compiler *c, const struct control *k);

/* call.c */
extern const uint8_t int_args[ARG_INTS];
/* Registers of locals around what destroys them. */
void save_caller_saved(struct compiler *c);
void load_caller_saved(struct compiler *c);
void handle_call(struct compiler *c, bool tail);
void handle_call_indirect(struct compiler *c, bool tail);
void handle_call_ref(struct compiler *c, bool tail);
void emit_return(struct compiler *c);
/* Pops operands of these types as the first arguments; constants follow. A result is left in RAX.
 */
void call_helper(struct compiler *c, enum helper n, const uint32_t *types, uint32_t count,
		 const uint32_t *constants, uint32_t constant_count);
void push_call_result(struct compiler *c, uint32_t type); /* from RAX or XMM0 */
int32_t table_cell(const struct compiler *c, uint32_t table);

/* memory.c */
const struct wasm_limits *need_memory(const struct compiler *c, uint32_t index);
struct x64_mem pop_address(struct compiler *c, struct memarg a, struct value *base);
/* The same in a register of its own; it must be a multiple of the bytes. R11 is free behind it. */
struct x64_mem pop_aligned(struct compiler *c, struct memarg a, struct value *base);
struct memarg read_memarg(struct compiler *c, uint32_t natural);
void handle_load(struct compiler *c, uint8_t op);
void handle_store(struct compiler *c, uint8_t op);
void handle_local(struct compiler *c, uint8_t op);
void handle_global(struct compiler *c, uint8_t op);
void handle_memory_size(struct compiler *c, uint8_t op);

/* bulk.c */
void handle_fc(struct compiler *c);
void handle_table_access(struct compiler *c, uint8_t op);

/* object.c: after 0xfb */
void handle_object(struct compiler *c, uint32_t op);

/* reference.c */
void handle_ref(struct compiler *c, uint8_t op);
void handle_as_non_null(struct compiler *c);
void handle_fb(struct compiler *c);
void handle_ref_eq(struct compiler *c);
void handle_br_on_null(struct compiler *c);
void handle_br_on_non_null(struct compiler *c);

/* number.c */
void handle_test(struct compiler *c, uint32_t type);
void handle_compare(struct compiler *c, const struct wasm_opcode *o);
void handle_count(struct compiler *c, const struct wasm_opcode *o);
void handle_arithmetic(struct compiler *c, const struct wasm_opcode *o);
void handle_multiply(struct compiler *c, uint32_t type);
void handle_divide(struct compiler *c, const struct wasm_opcode *o);
void handle_shift(struct compiler *c, const struct wasm_opcode *o);

/* float.c */
void handle_float_compare(struct compiler *c, const struct wasm_opcode *o);
void handle_float_unary(struct compiler *c, const struct wasm_opcode *o);
void handle_float_binary(struct compiler *c, const struct wasm_opcode *o);
void handle_convert(struct compiler *c, const struct wasm_opcode *o);
/* Of conversions: those that are calls. */
bool is_converted_by_helper(const struct wasm_opcode *o);
void handle_wide(struct compiler *c, const struct wasm_opcode *o);
void handle_saturate(struct compiler *c, const struct wasm_opcode *o);

/* vector.c */
void handle_simd(struct compiler *c);

/* atomic.c */
void handle_atomic(struct compiler *c);

#endif
