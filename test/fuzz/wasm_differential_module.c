/* SPDX-License-Identifier: Apache-2.0 */
/* Random valid modules: their sections, the functions that run their code, and the bytes they are
 * written with. */
#include "wasm_differential_generator.h"

#include <stdlib.h>
#include <string.h>

/* --- bytes and numbers --- */

uint64_t random_next(struct random *r)
{
	uint64_t z = r->state += 0x9e3779b97f4a7c15;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

uint32_t random_below(struct random *r, uint32_t n)
{
	return (uint32_t)((random_next(r) >> 32) * n >> 32);
}

void bytes_put(struct bytes *b, const void *from, size_t n)
{
	if (n > b->capacity - b->n) {
		b->capacity = (b->n + n) * 2;
		b->p = realloc(b->p, b->capacity);
		if (!b->p)
			abort();
	}
	if (n)
		memcpy(b->p + b->n, from, n);
	b->n += n;
}

void bytes_u8(struct bytes *b, uint32_t v)
{
	uint8_t byte = (uint8_t)v;
	bytes_put(b, &byte, 1);
}

void bytes_uleb(struct bytes *b, uint64_t v)
{
	for (; v >= 0x80; v >>= 7)
		bytes_u8(b, (uint8_t)(v | 0x80));
	bytes_u8(b, (uint32_t)v);
}

void bytes_sleb(struct bytes *b, int64_t v)
{
	while (v < -64 || v > 63) {
		bytes_u8(b, (uint8_t)((v & 0x7f) | 0x80));
		v >>= 7;
	}
	bytes_u8(b, (uint8_t)(v & 0x7f));
}

/* --- constants --- */

void gen_i32_const(struct generator *g, int32_t v)
{
	gen_op(g, 0x41);
	bytes_sleb(g->code, v);
}

uint64_t gen_any_bits(struct generator *g)
{
	static const uint64_t edges[] = {0,
					 1,
					 2,
					 31,
					 32,
					 63,
					 0x7f,
					 0x80,
					 0xff,
					 0x7fff,
					 0x8000,
					 0xffff,
					 0x7fffffff,
					 0x80000000,
					 0xffffffff,
					 0x7fffffffffffffff,
					 0x8000000000000000,
					 0xffffffffffffffff};
	if (gen_chance(g, 2))
		return edges[gen_below(g, sizeof(edges) / sizeof(*edges))];
	return random_next(&g->r) >> gen_below(g, 64);
}

uint64_t gen_any_double(struct generator *g)
{
	static const uint64_t edges[] = {0,
					 0x8000000000000000,
					 0x3ff0000000000000,
					 0xbff0000000000000,
					 0x7ff0000000000000,
					 0xfff0000000000000,
					 0x7ff8000000000000,
					 0x41dfffffffc00000,
					 0x41e0000000000000,
					 0xc1e0000000000000,
					 0xc1e0000000200000,
					 0x41efffffffe00000,
					 0x43e0000000000000,
					 0xc3e0000000000000,
					 0x43f0000000000000,
					 0x3fe0000000000000,
					 1,
					 0x4330000000000001,
					 0x7fefffffffffffff};
	return gen_chance(g, 3) ? random_next(&g->r)
				: edges[gen_below(g, sizeof(edges) / sizeof(*edges))];
}

uint32_t gen_any_single(struct generator *g)
{
	static const uint32_t edges[] = {0,          0x80000000, 0x3f800000, 0xbf800000, 0x7f800000,
					 0xff800000, 0x7fc00000, 0x4f000000, 0xcf000000, 0x4effffff,
					 0x4f800000, 0x5f000000, 0xdf000000, 0x5f800000, 0x3f000000,
					 1,          0x7f7fffff, 0x4b000001};
	return gen_chance(g, 3) ? (uint32_t)random_next(&g->r)
				: edges[gen_below(g, sizeof(edges) / sizeof(*edges))];
}

void gen_constant(struct generator *g, uint8_t type)
{
	uint64_t bits;
	switch (type) {
	case I32:
		gen_i32_const(g, (int32_t)gen_any_bits(g));
		return;
	case I64:
		gen_op(g, 0x42);
		bytes_sleb(g->code, (int64_t)gen_any_bits(g));
		return;
	case F32:
		gen_op(g, 0x43);
		bits = gen_any_single(g);
		bytes_put(g->code, &bits, 4);
		return;
	case V128:
		gen_vector_constant(g);
		return;
	case EXNREF: /* only where a branch takes it: null */
		gen_op_index(g, 0xd0, EXNREF);
		return;
	default:
		gen_op(g, 0x44);
		bits = gen_any_double(g);
		bytes_put(g->code, &bits, 8);
	}
}

/* --- the module --- */

static void section(struct bytes *out, uint32_t id, struct bytes *content)
{
	bytes_u8(out, id);
	bytes_uleb(out, content->n);
	bytes_put(out, content->p, content->n);
	content->n = 0;
}

static void append_body(struct bytes *section_bytes, struct bytes *body)
{
	bytes_uleb(section_bytes, body->n);
	bytes_put(section_bytes, body->p, body->n);
	body->n = 0;
}

static void name(struct bytes *b, const char *s)
{
	bytes_uleb(b, strlen(s));
	bytes_put(b, s, strlen(s));
}

static void function_body(struct generator *g, const struct signature *s, struct bytes *body)
{
	uint32_t own = gen_below(g, g->locals_most + 1);
	memcpy(g->local, s->params, s->param_count);
	g->locals = s->param_count;
	bytes_uleb(body, own + 3);
	for (uint32_t i = 0; i < own; i++)
		g->local[g->locals++] = gen_any_type(g);
	g->scratch32 = g->locals;
	g->scratch64 = g->locals + 1;
	g->scratch_vector = g->locals + 2;
	for (uint32_t i = 0; i < own + 3; i++) {
		const uint8_t scratch[] = {F32, F64, g->vectors ? V128 : I64};
		bytes_uleb(body, 1);
		bytes_u8(body, i < own ? g->local[s->param_count + i] : scratch[i - own]);
	}
	g->code = body;
	g->budget = g->budget_most;
	g->label_count = 0;
	gen_push_label(g, s->results, s->result_count);
	gen_fuel(g);
	for (uint32_t n = 1 + gen_below(g, 8); n > 0; n--)
		gen_statement(g, g->depth);
	if (gen_chance(g, 3))
		gen_tail_call(g, g->depth - 2);
	for (uint32_t i = 0; i < s->result_count; i++)
		gen_expression(g, s->results[i], g->depth);
	bytes_u8(body, 0x0b);
}

/* The value on the stack goes into local 0, an i64; local 1 is a v128. */
static void mix(struct bytes *b, uint8_t type)
{
	static const uint8_t tail[] = {0x20, 0, 0x42, 7, 0x89, 0x85, 0x21, 0}, keep[] = {0x22, 1},
			     get[] = {0x20, 1}, extract[] = {0xfd, 0x1d};
	if (type == V128) { /* a half after the other */
		bytes_put(b, keep, sizeof(keep));
		bytes_put(b, extract, sizeof(extract));
		bytes_u8(b, 0);
		mix(b, I64);
		bytes_put(b, get, sizeof(get));
		bytes_put(b, extract, sizeof(extract));
		bytes_u8(b, 1);
	}
	if (type == F32)
		bytes_u8(b, 0xbc);
	if (type == F32 || type == I32)
		bytes_u8(b, 0xad);
	if (type == F64)
		bytes_u8(b, 0xbd);
	bytes_put(b, tail, sizeof(tail));
}

static void wrapper_body(struct generator *g, uint32_t func, struct bytes *body)
{
	const uint8_t local[] = {2, 1, I64, 1, g->vectors ? V128 : I64};
	static const uint8_t end[] = {0x20, 0, 0x0b};
	const struct signature *s = &g->types[g->func_type[func]];
	g->code = body;
	bytes_put(body, local, sizeof(local));
	for (uint32_t i = 0; i < s->param_count; i++)
		gen_constant(g, s->params[i]);
	gen_op_index(g, 0x10, 1 + func);
	for (uint32_t i = s->result_count; i-- > 0;)
		mix(body, s->results[i]);
	bytes_put(body, end, sizeof(end));
}

static void state_body(struct generator *g, struct bytes *body)
{
	const uint8_t local[] = {2, 1, I64, 1, g->vectors ? V128 : I64};
	static const uint8_t end[] = {0x20, 0, 0x0b};
	g->code = body;
	bytes_put(body, local, sizeof(local));
	for (uint32_t i = 0; i < g->globals; i++) {
		gen_op_index(g, 0x23, i);
		mix(body, g->global_type[i]);
	}
	for (uint32_t m = 0; m < g->memories; m++) {
		gen_op_index(g, 0x3f, m);
		mix(body, g->memory64[m] ? I64 : I32);
	}
	for (uint32_t t = 0; t < g->tables; t++) {
		gen_op_fc(g, 16);
		bytes_uleb(body, t);
		mix(body, g->table64[t] ? I64 : I32);
		for (uint32_t i = 0; i < TABLE_SIZE; i++) {
			gen_i32_const(g, (int32_t)i);
			gen_widen(g, g->table64[t]);
			gen_op_index(g, 0x25, t);
			gen_op(g, 0xd1);
			mix(body, I32);
		}
	}
	bytes_put(body, end, sizeof(end));
}

static void code_section(struct generator *g, struct bytes *s)
{
	struct bytes body = {0};
	bytes_uleb(s, 2 * g->funcs + 2);
	for (uint32_t i = 0; i < g->funcs; i++) {
		struct signature type =
			g->types[g->func_type[i]]; /* the table may grow meanwhile */
		function_body(g, &type, &body);
		append_body(s, &body);
	}
	for (uint32_t i = 0; i < g->funcs; i++) {
		wrapper_body(g, i, &body);
		append_body(s, &body);
	}
	static const uint8_t set[] = {0x24, 0, 0x0b};
	g->code = &body;
	bytes_u8(&body, 0);
	gen_i32_const(g, FUEL);
	bytes_put(&body, set, sizeof(set));
	append_body(s, &body);
	state_body(g, &body);
	append_body(s, &body);
	free(body.p);
}

static void type_section(const struct generator *g, struct bytes *s)
{
	bytes_uleb(s, g->type_count);
	for (uint32_t i = 0; i < g->type_count; i++) {
		const struct signature *t = &g->types[i];
		bytes_u8(s, 0x60);
		bytes_uleb(s, t->param_count);
		bytes_put(s, t->params, t->param_count);
		bytes_uleb(s, t->result_count);
		bytes_put(s, t->results, t->result_count);
	}
}

static void export(struct bytes *s, const char *prefix, int number, uint32_t kind, uint32_t index)
{
	char text[16];
	size_t n = strlen(prefix);
	memcpy(text, prefix, n + 1);
	if (number >= 0) {
		text[n] = (char)('0' + number);
		text[n + 1] = '\0';
	}
	name(s, text);
	bytes_u8(s, kind);
	bytes_uleb(s, index);
}

static void export_section(const struct generator *g, struct bytes *s)
{
	bytes_uleb(s, g->funcs + 2 + g->memories);
	for (uint32_t i = 0; i < g->funcs; i++)
		export(s, "w", (int)i, 0, 1 + g->funcs + i);
	export(s, "reset", -1, 0, 1 + 2 * g->funcs);
	export(s, "state", -1, 0, 2 + 2 * g->funcs);
	for (uint32_t i = 0; i < g->memories; i++)
		export(s, "m", (int)i, 2, i);
}

static void global_section(struct generator *g, struct bytes *s)
{
	g->code = s;
	bytes_uleb(s, g->globals);
	for (uint32_t i = 0; i < g->globals; i++) {
		bytes_u8(s, g->global_type[i]);
		bytes_u8(s, 1);
		gen_constant(g, g->global_type[i]);
		if (g->global_type[i] <= I32 && g->global_type[i] >= I64 &&
		    gen_chance(g, 4)) { /* extended constants */
			gen_constant(g, g->global_type[i]);
			bytes_u8(s, (g->global_type[i] == I32 ? 0x6a : 0x7c) + gen_below(g, 3));
		}
		bytes_u8(s, 0x0b);
	}
}

/* Where a segment goes, which is a constant expression. */
static void offset(struct generator *g, bool is_64, uint32_t at)
{
	gen_op(g, is_64 ? 0x42 : 0x41);
	bytes_sleb(g->code, at);
	bytes_u8(g->code, 0x0b);
}

/* An active segment with all functions, and a passive one; all may be named by ref.func. */
static void element_section(struct generator *g, struct bytes *s)
{
	bytes_uleb(s, 2);
	g->code = s;
	bytes_uleb(s, 0);
	offset(g, g->table64[0], 0);
	bytes_uleb(s, g->funcs);
	for (uint32_t i = 0; i < g->funcs; i++)
		bytes_uleb(s, 1 + i);
	bytes_uleb(s, 1);
	bytes_u8(s, 0);
	bytes_uleb(s, 4);
	for (uint32_t i = 0; i < 4; i++)
		bytes_uleb(s, 1 + gen_below(g, g->funcs));
}

static void data_section(struct generator *g, struct bytes *s)
{
	bytes_uleb(s, 2);
	g->code = s;
	bytes_uleb(s, 0);
	offset(g, g->memory64[0], gen_below(g, 60000));
	for (uint32_t segment = 0; segment < 2; segment++) {
		if (segment)
			bytes_uleb(s, 1);
		bytes_uleb(s, DATA_BYTES);
		for (uint32_t i = 0; i < DATA_BYTES; i++)
			bytes_u8(s, (uint32_t)random_next(&g->r));
	}
}

uint32_t generate_module(uint64_t seed, struct bytes *out, bool *vectors)
{
	static const uint8_t header[] = {0, 'a', 's', 'm', 1, 0, 0, 0};
	struct generator *g = calloc(1, sizeof(*g));
	struct bytes s = {0}, code = {0};
	if (!g)
		abort();
	g->r.state = seed * 0x9e3779b97f4a7c15 + 1;
	gen_style(g);
	g->funcs = 1 + gen_below(g, FUNCS_MAX);
	g->memories = gen_chance(g, 4) ? 2 : 1;
	g->tables = gen_chance(g, 4) ? 2 : 1;
	g->globals = 2 + gen_below(g, GLOBALS_MAX - 1);
	for (uint32_t i = 1; i < g->globals; i++)
		g->global_type[i] = gen_any_type(g);
	g->global_type[0] = I32;
	const struct signature host = {{I32, F64}, {I32}, 2, 1}, nothing = {0},
			       number = {.results = {I64}, .result_count = 1};
	uint32_t host_type = gen_type_index(g, &host), nothing_type = gen_type_index(g, &nothing),
		 number_type = gen_type_index(g, &number);
	for (uint32_t i = 0; i < g->funcs; i++) {
		struct signature type = gen_any_signature(g);
		if (i && gen_chance(g, 2)) { /* the results of another one, for tail calls */
			const struct signature *other = &g->types[g->func_type[gen_below(g, i)]];
			memcpy(type.results, other->results, sizeof(type.results));
			type.result_count = other->result_count;
		}
		g->func_type[i] = gen_type_index(g, &type);
	}
	for (uint32_t i = 0; i < g->tags; i++) {
		struct signature tag = {.param_count = gen_below(g, RESULTS_MAX)};
		for (uint32_t k = 0; k < tag.param_count; k++)
			tag.params[k] = gen_any_type(g);
		g->tag_type[i] = gen_type_index(g, &tag);
	}
	code_section(g, &code); /* first: blocks add types */

	bytes_put(out, header, sizeof(header));
	type_section(g, &s);
	section(out, 1, &s);
	bytes_uleb(&s, 1);
	name(&s, "h");
	name(&s, "h");
	bytes_u8(&s, 0);
	bytes_uleb(&s, host_type);
	section(out, 2, &s);
	bytes_uleb(&s, 2 * g->funcs + 2);
	for (uint32_t i = 0; i < g->funcs; i++)
		bytes_uleb(&s, g->func_type[i]);
	for (uint32_t i = 0; i < g->funcs; i++)
		bytes_uleb(&s, number_type);
	bytes_uleb(&s, nothing_type);
	bytes_uleb(&s, number_type);
	section(out, 3, &s);
	bytes_uleb(&s, g->tables);
	for (uint32_t i = 0; i < g->tables; i++) {
		const uint8_t table[] = {FUNCREF, g->table64[i] ? 5 : 1, TABLE_SIZE,
					 2 * TABLE_SIZE};
		bytes_put(&s, table, sizeof(table));
	}
	section(out, 4, &s);
	bytes_uleb(&s, g->memories);
	for (uint32_t i = 0; i < g->memories; i++) {
		const uint8_t memory[] = {g->memory64[i] ? 5 : 1, 1, 3};
		bytes_put(&s, memory, sizeof(memory));
	}
	section(out, 5, &s);
	if (g->tags) {
		bytes_uleb(&s, g->tags);
		for (uint32_t i = 0; i < g->tags; i++) {
			bytes_u8(&s, 0);
			bytes_uleb(&s, g->tag_type[i]);
		}
		section(out, 13, &s);
	}
	global_section(g, &s);
	section(out, 6, &s);
	export_section(g, &s);
	section(out, 7, &s);
	element_section(g, &s);
	section(out, 9, &s);
	bytes_uleb(&s, 2);
	section(out, 12, &s);
	section(out, 10, &code);
	data_section(g, &s);
	section(out, 11, &s);
	uint32_t funcs = g->funcs;
	*vectors = g->vectors;
	free(s.p);
	free(code.p);
	free(g);
	return funcs;
}
