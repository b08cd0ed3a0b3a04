/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exceptions in random modules, in one of the two encodings: a module that has both is refused by
 * V8. Some are caught in the function that throws, most in others, and some by nothing.
 */
#include "wasm_differential_generator.h"

#include <string.h>

enum { CATCH = 0, CATCH_REF, CATCH_ALL, CATCH_ALL_REF };

/* Now and then without a condition: what follows is unreachable then. */
static void throw_any(struct generator *g, int depth)
{
	uint32_t tag = gen_below(g, g->tags);
	struct signature s = g->types[g->tag_type[tag]];
	bool always = gen_chance(g, 6) || g->label_count + 1 >= LABELS_MAX;
	if (!always) {
		gen_condition(g, depth - 1);
		gen_op_index(g, 0x04, EMPTY);
		gen_push_label(g, NULL, 0);
	}
	for (uint32_t i = 0; i < s.param_count; i++)
		gen_expression(g, s.params[i], depth - 2);
	gen_op_index(g, 0x08, tag);
	if (always)
		return;
	g->label_count--;
	gen_op(g, 0x0b);
}

/* Values of a tag are kept, the last first. */
static void keep_all(struct generator *g, const struct signature *s)
{
	for (uint32_t i = s->param_count; i-- > 0;)
		gen_keep(g, s->params[i]);
}

/* A block with a try_table in it, whose clause leads to the block's end. */
static void catch_to_label(struct generator *g, int depth)
{
	uint32_t kind = gen_below(g, 4), tag = gen_below(g, g->tags);
	struct signature values = {0}, label;
	if (kind == CATCH || kind == CATCH_REF)
		values = g->types[g->tag_type[tag]];
	memset(&label, 0, sizeof(label));
	memcpy(label.results, values.params, values.param_count);
	label.result_count = values.param_count;
	if (kind == CATCH_REF || kind == CATCH_ALL_REF)
		label.results[label.result_count++] = EXNREF;
	uint32_t type = gen_type_index(g, &label);
	if (type == TYPES_MAX || g->label_count + 2 >= LABELS_MAX)
		return;
	gen_op(g, 0x02);
	bytes_sleb(g->code, type);
	gen_push_label(g, label.results, label.result_count);
	gen_op_index(g, 0x1f, EMPTY);
	bytes_uleb(g->code, 1);
	bytes_u8(g->code, kind);
	if (kind == CATCH || kind == CATCH_REF)
		bytes_uleb(g->code, tag);
	bytes_uleb(g->code, 0);
	gen_push_label(g, NULL, 0);
	gen_statements(g, depth - 1);
	g->label_count -= 2;
	gen_op(g, 0x0b);
	for (uint32_t i = 0; i < values.param_count; i++)
		gen_constant(g, values.params[i]);
	if (kind == CATCH_REF || kind == CATCH_ALL_REF)
		gen_op_index(g, 0xd0, EXNREF);
	gen_op(g, 0x0b);
	if (label.result_count > values.param_count)
		gen_op(g, gen_chance(g, 6) ? 0x0a : 0x1a); /* throw_ref, or drop */
	keep_all(g, &values);
}

/* try and its clauses; a rethrow is in a block of its own, so that the code after it is reached. */
static void catch_in_block(struct generator *g, int depth)
{
	uint32_t clauses = 1 + gen_below(g, 2);
	if (g->label_count + 2 >= LABELS_MAX)
		return;
	gen_op_index(g, 0x06, EMPTY);
	gen_push_label(g, NULL, 0);
	gen_statements(g, depth - 1);
	if (gen_chance(g, 6)) { /* to whoever takes it further out; 0 is the block around */
		g->label_count--;
		gen_op_index(g, 0x18, gen_below(g, g->label_count));
		return;
	}
	for (uint32_t i = 0; i < clauses; i++) {
		uint32_t tag = gen_below(g, g->tags);
		bool all = i == 1;
		if (all)
			gen_op(g, 0x19);
		else
			gen_op_index(g, 0x07, tag);
		if (!all)
			keep_all(g, &g->types[g->tag_type[tag]]);
		gen_statements(g, depth - 2);
		if (gen_chance(g, 4)) {
			gen_condition(g, depth - 2);
			gen_op_index(g, 0x04, EMPTY);
			gen_op_index(g, 0x09, 1);
			gen_op(g, 0x0b);
		}
	}
	g->label_count--;
	gen_op(g, 0x0b);
}

void gen_exception(struct generator *g, int depth)
{
	if (gen_chance(g, 2))
		throw_any(g, depth);
	else if (g->legacy)
		catch_in_block(g, depth);
	else
		catch_to_label(g, depth);
}
