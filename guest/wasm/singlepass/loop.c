/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Registers for one loop. A function's registers go to the locals that it uses most; an innermost
 * loop that calls nothing gets some of its own: for locals that it uses and that have none, and for
 * constants of floats, in registers that are free or hold locals that it does not use. Those are
 * stored before the loop and loaded on every edge out of it, where what the loop has set is stored.
 * A constant is a local of its own meanwhile, after the function's.
 */
#include "guest/wasm/singlepass/compiler.h"

enum { LOOP_BYTES_MAX = 2048, CANDIDATES_MAX = 24, CONSTANTS_MAX = 8, OPERAND_FLOATS = 2 };

struct candidate {
	uint64_t bits;  /* of a constant */
	uint32_t local; /* WASM_NONE: a constant */
	uint32_t uses;
	uint32_t type;
	bool is_set;
};

struct loop_uses {
	struct compiler *c;
	const uint8_t *p, *end;
	uint32_t used; /* registers of locals that the loop uses */
	uint32_t count;
	struct candidate found[CANDIDATES_MAX];
};

/* --- what the loop uses --- */

static void record_use(struct loop_uses *s, uint32_t local, uint32_t type, uint64_t bits,
		       bool is_set)
{
	uint32_t i = 0;
	while (i < s->count &&
	       (s->found[i].local != local || s->found[i].bits != bits || s->found[i].type != type))
		i++;
	if (i == CANDIDATES_MAX)
		return;
	if (i == s->count)
		s->found[s->count++] =
			(struct candidate){.bits = bits, .local = local, .type = type};
	s->found[i].uses++;
	s->found[i].is_set |= is_set;
}

static bool use_local(struct loop_uses *s)
{
	bool is_set = *s->p != WASM_OP_LOCAL_GET;
	uint32_t n = 0;
	if (!scan_index(&s->p, s->end, &n) || n >= s->c->fn.local_count)
		return false;
	const struct local *l = &s->c->fn.locals[n];
	if (l->reg != X64_NONE)
		s->used |= BIT(l->reg);
	else
		record_use(s, n, l->type, 0, is_set);
	return true;
}

static bool use_constant(struct loop_uses *s)
{
	bool wide = *s->p == WASM_OP_F64_CONST;
	uint32_t bytes = wide ? 8 : 4;
	uint64_t bits = 0;
	if ((uint64_t)(s->end - s->p) <= bytes)
		return false;
	memcpy(&bits, s->p + 1, bytes);
	record_use(s, WASM_NONE, wide ? WASM_F64 : WASM_F32, bits, false);
	s->p += 1 + bytes;
	return true;
}

/* False: it has a loop inside, calls, jumps by a table or is too long. */
static bool record_uses(struct loop_uses *s)
{
	for (uint32_t depth = 1; depth > 0;) {
		if (s->p >= s->end)
			return false;
		bool plain = true;
		uint8_t class = wasm_opcodes[*s->p].class;
		if (class == CLASS_LOCAL) {
			plain = use_local(s);
		} else if (class == CLASS_FLOAT_CONST) {
			plain = use_constant(s);
		} else if (class == CLASS_END) {
			depth--;
			s->p++;
		} else {
			depth += class == CLASS_BLOCK;
			plain = scan_plain(&s->p, s->end);
		}
		if (!plain)
			return false;
	}
	return true;
}

/* --- registers --- */

/* Those that operands can do without; the lowest floats are left to them. */
static uint32_t unused_regs(const struct compiler *c)
{
	uint32_t all = c->regs.free & CALLER_SAVED;
	for (int i = 0; i < OPERAND_FLOATS && (all & FLOATS); i++)
		all &= ~(all & FLOATS & -(all & FLOATS));
	return all;
}

/* The next most used candidate; those that are taken have no uses any more. */
static struct candidate *best(struct loop_uses *s)
{
	struct candidate *k = &s->found[0];
	for (uint32_t i = 1; i < s->count; i++)
		if (s->found[i].uses > k->uses)
			k = &s->found[i];
	return k;
}

static void assign_reg(struct compiler *c, unsigned reg, const struct candidate *k, bool borrowed)
{
	struct loop_reg *h = &c->loop.regs[c->loop.reg_count++];
	*h = (struct loop_reg){.bits = k->bits, .local = k->local, .evicted = WASM_NONE};
	h->reg = (uint8_t)reg;
	h->is_set = k->is_set;
	struct value v = {.location = AT_CONST, .type = k->type, .bits = k->bits};
	if (borrowed) {
		h->evicted = c->fn.local_of[reg];
		struct local *l = &c->fn.locals[h->evicted];
		struct value old = {.location = AT_REG, .type = l->type, .reg = (uint8_t)reg};
		store_value(c, &old, local_mem(c, h->evicted));
		l->reg = X64_NONE;
	} else {
		c->regs.free &= ~BIT(reg);
	}
	if (k->local != WASM_NONE) {
		v.location = AT_LOCAL;
		v.at = (uint16_t)k->local;
	} else {
		h->local = c->fn.local_count + c->loop.constants++;
		c->fn.locals[h->local] = (struct local){.type = k->type, .reg = X64_NONE};
	}
	load_to(c, &v, reg);
	c->fn.locals[h->local].reg = (uint8_t)reg;
}

static void assign_regs(struct compiler *c, struct loop_uses *s)
{
	uint32_t unused = unused_regs(c), borrowed = c->fn.local_regs & ~s->used;
	uint32_t constants = c->fn.locals_capacity - c->fn.local_count;
	if (constants > CONSTANTS_MAX)
		constants = CONSTANTS_MAX;
	for (uint32_t n = s->count; n > 0 && c->loop.reg_count < LOOP_REGS_MAX; n--) {
		struct candidate *k = best(s);
		uint32_t class = class_of(k->type), uses = k->uses, from = unused & class;
		k->uses = 0;
		if (k->local == WASM_NONE && c->loop.constants == constants)
			continue;
		if (!from && uses > 1)
			from = borrowed & class;
		if (!from)
			continue;
		unsigned reg = 31 - (unsigned)__builtin_clz(from);
		assign_reg(c, reg, k, borrowed & BIT(reg));
		unused &= ~BIT(reg);
		borrowed &= ~BIT(reg);
	}
}

/* --- for the compiler --- */

void loop_enter(struct compiler *c, bool without_values)
{
	uint32_t number = c->loop.count++;
	if (number > 63 || !(c->loop.plain >> number & 1) || c->dead || !c->loop.wanted ||
	    !without_values)
		return;
	struct loop_uses s;
	s.c = c;
	s.p = c->r.p;
	s.end = c->r.end;
	s.used = s.count = 0;
	if (s.end - s.p > LOOP_BYTES_MAX)
		s.end = s.p + LOOP_BYTES_MAX;
	c->loop.reg_count = c->loop.constants = 0;
	if (!record_uses(&s) || !s.count)
		return;
	assign_regs(c, &s);
	if (c->loop.reg_count)
		c->loop.depth = c->control.depth + 1;
}

void loop_leave(struct compiler *c)
{
	for (uint32_t i = 0; i < c->loop.reg_count; i++) {
		const struct loop_reg *h = &c->loop.regs[i];
		struct value now = {.location = AT_LOCAL, .type = c->fn.locals[h->local].type};
		now.at = (uint16_t)h->local;
		if (h->is_set)
			store_value(c, &now, local_mem(c, h->local));
		if (h->evicted == WASM_NONE)
			continue;
		struct value old = {.location = AT_LOCAL, .type = c->fn.locals[h->evicted].type};
		old.at = (uint16_t)h->evicted;
		load_to(c, &old, h->reg);
	}
}

void loop_end(struct compiler *c)
{
	if (!c->dead)
		loop_leave(c);
	for (uint32_t i = 0; i < c->loop.reg_count; i++) {
		const struct loop_reg *h = &c->loop.regs[i];
		c->fn.locals[h->local].reg = X64_NONE;
		if (h->evicted != WASM_NONE)
			c->fn.locals[h->evicted].reg = h->reg;
		else
			c->regs.free |= BIT(h->reg);
	}
	c->loop.depth = c->loop.constants = 0;
}

uint32_t loop_constant(const struct compiler *c, uint32_t type, uint64_t bits)
{
	if (!c->loop.depth)
		return WASM_NONE;
	for (uint32_t i = 0; i < c->loop.reg_count; i++) {
		const struct loop_reg *h = &c->loop.regs[i];
		if (h->local >= c->fn.local_count && h->bits == bits &&
		    c->fn.locals[h->local].type == type)
			return h->local;
	}
	return WASM_NONE;
}
