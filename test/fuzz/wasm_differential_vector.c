/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Vector instructions of random modules. Relaxed ones, whose results are the engine's choice, are
 * left out, but for the fused multiplication, which is fused by both engines or by none.
 */
#include "wasm_differential_generator.h"

#include <string.h>

enum { INT, FLOAT32, FLOAT64 }; /* whether a result's NaNs are made canonical */

/* Ranges of codes: what they take besides vectors, how many vectors, and the lanes that an
 * immediate chooses from. */
struct vector_operators {
	uint8_t result, vectors, scalar, lanes;
	uint16_t first, last;
	uint8_t nan;
};

static const struct vector_operators operators[] = {
	{V128, 2, 0, 0, 14, 14, INT},       {V128, 0, I32, 0, 15, 17, INT},
	{V128, 0, I64, 0, 18, 18, INT},     {V128, 0, F32, 0, 19, 19, INT},
	{V128, 0, F64, 0, 20, 20, INT},     {I32, 1, 0, 16, 21, 22, INT},
	{V128, 1, I32, 16, 23, 23, INT},    {I32, 1, 0, 8, 24, 25, INT},
	{V128, 1, I32, 8, 26, 26, INT},     {I32, 1, 0, 4, 27, 27, INT},
	{V128, 1, I32, 4, 28, 28, INT},     {I64, 1, 0, 2, 29, 29, INT},
	{V128, 1, I64, 2, 30, 30, INT},     {F32, 1, 0, 4, 31, 31, INT},
	{V128, 1, F32, 4, 32, 32, INT},     {F64, 1, 0, 2, 33, 33, INT},
	{V128, 1, F64, 2, 34, 34, INT},     {V128, 2, 0, 0, 35, 76, INT},
	{V128, 2, 0, 0, 35, 76, INT},       {V128, 1, 0, 0, 77, 77, INT},
	{V128, 2, 0, 0, 78, 81, INT},       {V128, 3, 0, 0, 82, 82, INT},
	{I32, 1, 0, 0, 83, 83, INT},        {V128, 1, 0, 0, 94, 94, FLOAT32},
	{V128, 1, 0, 0, 95, 95, FLOAT64},   {V128, 1, 0, 0, 96, 98, INT},
	{I32, 1, 0, 0, 99, 100, INT},       {V128, 2, 0, 0, 101, 102, INT},
	{V128, 1, 0, 0, 103, 106, FLOAT32}, {V128, 1, I32, 0, 107, 109, INT},
	{V128, 2, 0, 0, 110, 115, INT},     {V128, 1, 0, 0, 116, 117, FLOAT64},
	{V128, 2, 0, 0, 118, 121, INT},     {V128, 1, 0, 0, 122, 122, FLOAT64},
	{V128, 2, 0, 0, 123, 123, INT},     {V128, 1, 0, 0, 124, 129, INT},
	{V128, 2, 0, 0, 130, 130, INT},     {I32, 1, 0, 0, 131, 132, INT},
	{V128, 2, 0, 0, 133, 134, INT},     {V128, 1, 0, 0, 135, 138, INT},
	{V128, 1, I32, 0, 139, 141, INT},   {V128, 2, 0, 0, 142, 147, INT},
	{V128, 1, 0, 0, 148, 148, FLOAT64}, {V128, 2, 0, 0, 149, 153, INT},
	{V128, 2, 0, 0, 155, 159, INT},     {V128, 1, 0, 0, 160, 161, INT},
	{I32, 1, 0, 0, 163, 164, INT},      {V128, 1, 0, 0, 167, 170, INT},
	{V128, 1, I32, 0, 171, 173, INT},   {V128, 2, 0, 0, 174, 174, INT},
	{V128, 2, 0, 0, 177, 177, INT},     {V128, 2, 0, 0, 181, 186, INT},
	{V128, 2, 0, 0, 188, 191, INT},     {V128, 1, 0, 0, 192, 193, INT},
	{I32, 1, 0, 0, 195, 196, INT},      {V128, 1, 0, 0, 199, 202, INT},
	{V128, 1, I32, 0, 203, 205, INT},   {V128, 2, 0, 0, 206, 206, INT},
	{V128, 2, 0, 0, 209, 209, INT},     {V128, 2, 0, 0, 213, 223, INT},
	{V128, 1, 0, 0, 224, 225, INT},     {V128, 1, 0, 0, 227, 227, FLOAT32},
	{V128, 2, 0, 0, 228, 233, FLOAT32}, {V128, 2, 0, 0, 234, 235, INT},
	{V128, 1, 0, 0, 236, 237, INT},     {V128, 1, 0, 0, 239, 239, FLOAT64},
	{V128, 2, 0, 0, 240, 245, FLOAT64}, {V128, 2, 0, 0, 246, 247, INT},
	{V128, 1, 0, 0, 248, 255, INT},     {V128, 3, 0, 0, 261, 262, FLOAT32},
	{V128, 3, 0, 0, 263, 264, FLOAT64},
};

static void op_fd(struct generator *g, uint32_t code)
{
	gen_op(g, 0xfd);
	bytes_uleb(g->code, code);
}

void gen_vector_constant(struct generator *g)
{
	uint32_t lanes = gen_below(g, 4);
	op_fd(g, 12);
	for (uint32_t i = 0; i < 2; i++) {
		uint64_t bits = lanes == 0   ? random_next(&g->r)
				: lanes == 1 ? gen_any_double(g)
				: lanes == 2 ? gen_any_single(g) | (uint64_t)gen_any_single(g) << 32
					     : gen_any_bits(g) | gen_any_bits(g) << 32;
		bytes_put(g->code, &bits, 8);
	}
}

static void lane_access(struct generator *g, uint32_t code, int depth)
{
	static const uint8_t align[] = {0, 1, 2, 3};
	uint32_t memory = gen_address(g, depth);
	gen_expression(g, V128, depth);
	op_fd(g, code);
	gen_memarg(g, memory, align[(code - 84) % 4]);
	bytes_u8(g->code, gen_below(g, 16u >> (code - 84) % 4));
}

void gen_vector_load(struct generator *g, int depth)
{
	static const uint8_t align[] = {4, 3, 3, 3, 3, 3, 3, 0, 1, 2, 3};
	uint32_t code = gen_below(g, 20);
	if (code >= 16) {
		lane_access(g, 84 + code - 16, depth);
		return;
	}
	uint32_t memory = gen_address(g, depth);
	code = code < 11 ? code : code < 14 ? 0 : 92 + code - 14;
	op_fd(g, code);
	gen_memarg(g, memory, code < 11 ? align[code] : code == 92 ? 2 : 3);
}

void gen_vector_store(struct generator *g, int depth)
{
	if (gen_chance(g, 2)) {
		lane_access(g, 88 + gen_below(g, 4), depth);
		return;
	}
	uint32_t memory = gen_address(g, depth);
	gen_expression(g, V128, depth);
	op_fd(g, 11);
	gen_memarg(g, memory, 4);
}

/* Lanes that are NaN become the canonical one: the others are chosen by comparison with themselves.
 */
static void canonical_lanes(struct generator *g, bool wide)
{
	const uint64_t nan = wide ? 0x7ff8000000000000 : 0x7fc000007fc00000;
	gen_op_index(g, 0x22, g->scratch_vector);
	op_fd(g, 12);
	bytes_put(g->code, &nan, 8);
	bytes_put(g->code, &nan, 8);
	gen_op_index(g, 0x20, g->scratch_vector);
	gen_op_index(g, 0x20, g->scratch_vector);
	op_fd(g, wide ? 71 : 65);
	op_fd(g, 82);
	g->budget += 6;
}

static void shuffle(struct generator *g, int depth)
{
	uint32_t kind = gen_below(g, 7), start = gen_below(g, 17), step = 1u << gen_below(g, 4);
	uint32_t swap = gen_chance(g, 2) ? 16 : 0, bits = (uint32_t)random_next(&g->r);
	gen_expression(g, V128, depth);
	if (gen_chance(g, 4)) { /* twice the same */
		gen_op_index(g, 0x22, g->scratch_vector);
		gen_op_index(g, 0x20, g->scratch_vector);
	} else {
		gen_expression(g, V128, depth);
	}
	op_fd(g, 13);
	for (uint32_t i = 0; i < 16; i++) {
		uint32_t lane = gen_below(g, 32), dword = (bits >> i / 4 * 2 & 3) * 4 + (i & 3);
		if (kind == 0) /* a window of both */
			lane = start + i;
		else if (kind == 1) /* interleaved */
			lane = (start & 8) + i / (2 * step) * step + i % step + 16 * (i / step & 1);
		else if (kind == 2) /* groups of four bytes of the first */
			lane = dword;
		else if (kind == 3) /* and half of them of the second */
			lane = dword + (i < 8 ? 0 : 16);
		else if (kind == 4) /* words where they are */
			lane = i + (bits >> i / 2 & 1) * 16;
		bytes_u8(g->code, (lane ^ swap) & 31);
	}
}

bool gen_vector_operation(struct generator *g, uint8_t type, int depth)
{
	const struct vector_operators *o;
	if (type == V128 && gen_chance(g, 16)) {
		shuffle(g, depth - 1);
		return true;
	}
	do
		o = &operators[gen_below(g, sizeof(operators) / sizeof(*operators))];
	while (o->result != type);
	uint32_t code = o->first + gen_below(g, (uint32_t)(o->last - o->first) + 1);
	for (uint32_t i = 0; i < o->vectors; i++)
		gen_expression(g, V128, depth - 1);
	if (o->scalar)
		gen_expression(g, o->scalar, depth - 1);
	op_fd(g, code);
	if (o->lanes)
		bytes_u8(g->code, gen_below(g, o->lanes));
	if (o->nan != INT)
		canonical_lanes(g, o->nan == FLOAT64);
	return true;
}
