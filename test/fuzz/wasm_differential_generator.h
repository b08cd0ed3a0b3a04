/* SPDX-License-Identifier: Apache-2.0 */
/* The generator of random modules: what its files share. */
#ifndef MOTE_TEST_WASM_DIFFERENTIAL_GENERATOR_H
#define MOTE_TEST_WASM_DIFFERENTIAL_GENERATOR_H

#include "wasm_differential.h"

#include <stdbool.h>

enum {
	I32 = 0x7f,
	I64 = 0x7e,
	F32 = 0x7d,
	F64 = 0x7c,
	V128 = 0x7b,
	FUNCREF = 0x70,
	EXNREF = 0x69,
	EMPTY = 0x40
};
enum {
	TYPES_MAX = 64,
	FUNCS_MAX = 6,
	PARAMS_MAX = 18, /* most functions have fewer than FEW */
	FEW = 7,
	RESULTS_MAX = 3,
	LOCALS_OWN_MAX = 60,
	LOCALS_MAX = LOCALS_OWN_MAX + PARAMS_MAX + 3, /* parameters, own ones, scratch */
	GLOBALS_MAX = 10,
	LABELS_MAX = 24,
	FUEL = 300,
	TABLE_SIZE = 8,
	DATA_BYTES = 24,
	TAGS_MAX = 4,
};

struct signature {
	uint8_t params[PARAMS_MAX], results[RESULTS_MAX];
	uint32_t param_count, result_count;
};

struct label {
	uint8_t types[RESULTS_MAX]; /* what a branch to it takes */
	uint32_t count;
};

struct generator {
	struct random r;
	struct signature types[TYPES_MAX];
	uint32_t type_count;
	uint32_t funcs, func_type[FUNCS_MAX]; /* generated ones; function 0 is the import */
	uint32_t globals;
	uint8_t global_type[GLOBALS_MAX];
	uint32_t memories, tables;
	bool memory64[2], table64[2];
	uint32_t tags, tag_type[TAGS_MAX]; /* none: nothing is thrown */
	bool legacy;                       /* and by the old instructions */
	/* What the functions are like: see gen_style(). */
	bool leaf, narrow, vectors;
	uint32_t locals_most;
	int depth, budget_most;
	/* Of the function under way. */
	struct bytes *code;
	uint8_t local[LOCALS_MAX];
	uint32_t locals, scratch32, scratch64, scratch_vector;
	struct label labels[LABELS_MAX];
	uint32_t label_count;
	int budget;
};

uint32_t gen_below(struct generator *g, uint32_t n);
bool gen_chance(struct generator *g, uint32_t in);
void gen_op(struct generator *g, uint32_t code);
void gen_op_index(struct generator *g, uint32_t code, uint32_t index);
uint32_t gen_any_single(struct generator *g);
uint64_t gen_any_double(struct generator *g);
uint64_t gen_any_bits(struct generator *g);
/* Code that leaves a value of a type. */
void gen_expression(struct generator *g, uint8_t type, int depth);
/* Code that leaves an address in a memory, which it returns. */
uint32_t gen_address(struct generator *g, int depth);
void gen_memarg(struct generator *g, uint32_t memory, uint32_t align_max);
/* What is on the stack, an i32, becomes an address or a size; and back. */
void gen_widen(struct generator *g, bool is_64);
void gen_narrow(struct generator *g, bool is_64);

/*
 * Chooses what the module's functions are like: half are a mixture of everything; the others have
 * many locals and large expressions, or call nothing and use few types, or both, so that compilers
 * keep much in registers.
 */
void gen_style(struct generator *g);
uint8_t gen_any_type(struct generator *g);
struct signature gen_any_signature(struct generator *g);
/* TYPES_MAX: it does not fit. */
uint32_t gen_type_index(struct generator *g, const struct signature *s);
void gen_op_fc(struct generator *g, uint32_t code);
void gen_i32_const(struct generator *g, int32_t v);
void gen_constant(struct generator *g, uint8_t type);
void gen_push_label(struct generator *g, const uint8_t *types, uint32_t count);
/* Without fuel the function returns, or now and then traps. */
void gen_fuel(struct generator *g);
void gen_statement(struct generator *g, int depth);
/* wasm_differential_exception.c: throws, or catches what is thrown in statements. */
void gen_exception(struct generator *g, int depth);
void gen_statements(struct generator *g, int depth);
/* Mostly a comparison; leaves an i32. */
void gen_condition(struct generator *g, int depth);
/* Sets a local of this type, or drops the value. */
void gen_keep(struct generator *g, uint8_t type);
void gen_tail_call(struct generator *g, int depth);

/* wasm_differential_atomic.c: an access with a result of this type, I32 or I64; one without. */
void gen_atomic(struct generator *g, uint8_t type, int depth);
void gen_atomic_statement(struct generator *g, int depth);

/* wasm_differential_vector.c */
void gen_vector_constant(struct generator *g);
void gen_vector_load(struct generator *g, int depth);
void gen_vector_store(struct generator *g, int depth);
/* A vector instruction with a result of this type; false: there is none. */
bool gen_vector_operation(struct generator *g, uint8_t type, int depth);

#endif
