/* SPDX-License-Identifier: Apache-2.0 */
/* What the compiler's files share: its state while it goes over one function body. */
#ifndef MOTE_GUEST_WASM_COMPILER_H
#define MOTE_GUEST_WASM_COMPILER_H

#include "internal.h"
#include "simd.h"
#include "x64.h"

enum { HEIGHT_MAX = 1 << 16, CONTROL_MAX = 1 << 14, FIXED_SLOTS = 2, UNKNOWN = 0 };
/* A v128 has two slots and two entries among the operands; this is its upper one. */
enum { V128_HIGH = 1 };

/* A block being compiled. */
struct control {
	uint8_t op; /* block 02, loop 03, if 04, else 05; 0: the function */
	bool unreachable;
	uint32_t height; /* of the operands below its parameters */
	uint32_t param_count, result_count;
	const uint8_t *params, *results;
	uint32_t start;	  /* loop: where it begins */
	uint32_t patches; /* jumps to its end: a list through their distances, 0 ends it */
	uint32_t otherwise; /* if: the jump to its else */
	uint32_t stub, stub_of; /* br_table: code of this target, and of which table */
};

struct compiler {
	struct wasm_module *m;
	struct failure *fail;
	struct reader r;
	struct x64 x;
	struct simd_emitter simd;
	const struct wasm_functype *type;
	uint32_t func; /* in the index space */
	uint8_t *locals;
	uint32_t *local_slot; /* of each local, counted from the first */
	uint32_t local_count, local_slots;
	uint8_t *operands; /* types, by slot */
	uint32_t height, highest; /* in slots */
	struct control *controls;
	uint32_t depth;
	uint32_t frame_at; /* where the frame's size is patched in, and where it is checked */
	uint32_t tables;   /* br_tables so far */
	uint8_t void_types[1];
};

struct memarg {
	uint32_t memory, offset;
};

uint32_t here(const struct compiler *c);
_Noreturn void invalid(struct compiler *c, const char *what);
void make_room(struct compiler *c, uint64_t bytes);
struct x64_mem slot(uint32_t n);
struct x64_mem operand_slot(const struct compiler *c, uint32_t height);
struct control *top(struct compiler *c);
uint32_t slots_of(const uint8_t *types, uint32_t n);
void push_type(struct compiler *c, uint8_t type);
uint8_t pop_any(struct compiler *c);
uint8_t pop_type(struct compiler *c, uint8_t want);
void pop_types(struct compiler *c, const uint8_t *types, uint32_t n);
void push_types(struct compiler *c, const uint8_t *types, uint32_t n);
void load(struct compiler *c, unsigned reg, uint32_t height);
void store(struct compiler *c, unsigned reg, uint32_t height);
void pop_to(struct compiler *c, uint8_t type, unsigned reg);
void push_from(struct compiler *c, uint8_t type, unsigned reg);
void pop_float(struct compiler *c, bool wide, unsigned xmm);
void push_float(struct compiler *c, bool wide, unsigned xmm);
void pop_vector(struct compiler *c, unsigned xmm);
void push_vector(struct compiler *c, unsigned xmm);
void trap_if(struct compiler *c, enum x64_cc cc, enum wasm_trap_code code);
struct control *push_control(struct compiler *c, uint8_t op, const uint8_t *params, uint32_t param_count,
				    const uint8_t *results, uint32_t result_count);
struct control *label(struct compiler *c, uint32_t n);
uint32_t label_count(const struct control *k);
const uint8_t *label_types(const struct control *k);
void set_unreachable(struct compiler *c);
void branch(struct compiler *c, struct control *k);
void begin_block(struct compiler *c, uint8_t op);
void handle_else(struct compiler *c);
void end_block(struct compiler *c);
void handle_br_if(struct compiler *c);
void handle_br_table(struct compiler *c);
void patch_list(struct compiler *c, uint32_t list);
void patch_to_here(struct compiler *c, uint32_t from);
void copy_words(struct compiler *c, struct x64_mem to, struct x64_mem from, uint32_t words);
void handle_call(struct compiler *c, bool tail);
void handle_call_indirect(struct compiler *c, bool tail);
void emit_return(struct compiler *c);
void call_helper(struct compiler *c, enum helper n);
int32_t table_cell(const struct compiler *c, uint32_t table);
uint32_t need_memory(struct compiler *c, uint32_t index);
struct x64_mem address(struct compiler *c, uint32_t align, uint32_t memory, uint32_t offset);
struct memarg read_memarg(struct compiler *c, uint32_t natural);
void handle_load(struct compiler *c, unsigned n);
void handle_store(struct compiler *c, unsigned n);
void handle_local(struct compiler *c, uint8_t op);
void handle_global(struct compiler *c, uint8_t op);
void handle_select(struct compiler *c, uint8_t type);
void handle_fc(struct compiler *c);
void handle_table_access(struct compiler *c, uint8_t op);
void handle_ref(struct compiler *c, uint8_t op);
void numeric(struct compiler *c, uint8_t op);
void conversion(struct compiler *c, uint8_t op);
void handle_simd(struct compiler *c);

void convert_by_helper(struct compiler *c, enum helper h, uint8_t from, uint8_t to, uint32_t operation);
extern const uint8_t int_args[ARG_INTS];

#endif
