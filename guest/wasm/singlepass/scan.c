/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A look at a body before it is compiled: how often each local is used, uses in loops counting
 * more, and which locals get registers for the whole function. Checks nothing and stops at whatever
 * is odd: the pass that compiles refuses it.
 */
#include "guest/wasm/singlepass/compiler.h"

enum { LOOP_SHIFT = 3, LOOP_LEVELS = 4, WEIGHT_MAX = 1 << 28, HOMES_MAX = 16, OPEN_LOOPS = 8 };

/* Weights behind those of the locals of functions that have few. */
enum { SHORT_LOCALS = 128, SHORT_NOBODY = SHORT_LOCALS, SHORT_CALLS, SHORT_SUMS };

enum immediate {
	IMM_NONE,
	IMM_LEB,
	IMM_LEB2,
	IMM_MEMARG,
	IMM_4,
	IMM_8,
	IMM_BLOCK,
	IMM_TABLE,
	IMM_TYPES,
	IMM_ODD,
	IMM_LOCAL,
	IMM_CALL,
	IMM_CALL2,
	IMM_FC,
	IMM_SIMD,
	IMM_END,
	IMM_LOOP,
	IMM_HELPER,
};

static const uint8_t immediates[256] = {
	[0x02] = IMM_BLOCK,
	[0x03] = IMM_LOOP,
	[0x04] = IMM_BLOCK,
	[0x06 ... 0x0a] = IMM_ODD,
	[0x0b] = IMM_END,
	[0x0c] = IMM_LEB,
	[0x0d] = IMM_LEB,
	[0x0e] = IMM_TABLE,
	[0x10] = IMM_CALL,
	[0x11] = IMM_CALL2,
	[0x12] = IMM_LEB,
	[0x13] = IMM_LEB2,
	[0x14 ... 0x19] = IMM_ODD,
	[0x1c] = IMM_TYPES,
	[0x1d ... 0x1f] = IMM_ODD,
	[0x20 ... 0x22] = IMM_LOCAL,
	[0x23 ... 0x24] = IMM_LEB,
	[0x25 ... 0x26] = IMM_CALL,
	[0x27] = IMM_ODD,
	[0x28 ... 0x3e] = IMM_MEMARG,
	[0x3f] = IMM_LEB,
	[0x40] = IMM_CALL,
	[0x41] = IMM_LEB,
	[0x42] = IMM_LEB,
	[0x43] = IMM_4,
	[0x44] = IMM_8,
	[0xa8 ... 0xab] = IMM_HELPER,
	[0xae ... 0xb1] = IMM_HELPER,
	[0xc5 ... 0xcf] = IMM_ODD,
	[0xd0] = IMM_LEB,
	[0xd2] = IMM_CALL,
	[0xd3 ... 0xfb] = IMM_ODD,
	[0xfc] = IMM_FC,
	[0xfd] = IMM_SIMD,
	[0xfe ... 0xff] = IMM_ODD,
};

struct scan {
	struct compiler *c;
	const uint8_t *p, *end;
	uint32_t depth, loops; /* blocks, and loops among them */
	uint32_t weight;
	uint32_t calls; /* weighted */
	bool is_short;	/* scan_short() goes over it */
	bool floats;	/* constants */
	uint32_t loop_count, stops; /* stops: calls and br_tables */
	struct {
		uint32_t number, stops;
	} open[OPEN_LOOPS]; /* the loops that are open */
};

static bool skip_leb(struct scan *s)
{
	while (s->p < s->end)
		if (!(*s->p++ & 0x80))
			return true;
	return false;
}

static bool take_leb(struct scan *s, uint32_t *v)
{
	*v = 0;
	for (unsigned shift = 0; s->p < s->end; shift += 7) {
		uint8_t b = *s->p++;
		if (shift < 32)
			*v |= (uint32_t)(b & 0x7f) << shift;
		if (!(b & 0x80))
			return true;
	}
	return false;
}

static bool skip(struct scan *s, uint64_t bytes)
{
	if (bytes > (uint64_t)(s->end - s->p))
		return false;
	s->p += bytes;
	return true;
}

static void add(uint32_t *to, uint32_t weight)
{
	if (*to < WEIGHT_MAX)
		*to += weight;
}

static uint32_t stops(const struct scan *s)
{
	return s->stops + (s->is_short ? s->c->weights[SHORT_CALLS] : 0);
}

static void open_loop(struct scan *s)
{
	if (s->loops < OPEN_LOOPS) {
		s->open[s->loops].number = s->loop_count;
		s->open[s->loops].stops = stops(s);
	}
	s->loop_count++;
}

/* Neither a loop nor a call nor a br_table was in it. */
static void close_loop(struct scan *s)
{
	if (s->loops < OPEN_LOOPS && s->open[s->loops].number + 1 == s->loop_count &&
	    s->open[s->loops].stops == stops(s) && s->loop_count <= 64)
		s->c->plain_loops |= 1ull << (s->loop_count - 1);
}

static bool open_block(struct scan *s, bool loop)
{
	if (s->depth == CONTROL_MAX - 1)
		return false;
	s->c->scan_blocks[s->depth++] = loop;
	if (loop)
		open_loop(s);
	s->loops += loop;
	s->weight = 1u << LOOP_SHIFT * (s->loops < LOOP_LEVELS ? s->loops : LOOP_LEVELS);
	return skip_leb(s);
}

static bool close_block(struct scan *s)
{
	if (s->depth == 0) /* blocks outside of loops may not have been counted */
		return s->is_short;
	if (s->c->scan_blocks[--s->depth]) {
		s->loops--;
		close_loop(s);
	}
	s->weight = 1u << LOOP_SHIFT * (s->loops < LOOP_LEVELS ? s->loops : LOOP_LEVELS);
	return true;
}

static bool memarg(struct scan *s)
{
	uint32_t align;
	return take_leb(s, &align) && (!(align & 64) || skip_leb(s)) && skip_leb(s);
}

static bool table(struct scan *s)
{
	uint32_t n;
	s->stops++;
	if (!take_leb(s, &n))
		return false;
	for (uint64_t i = 0; i <= n; i++)
		if (!skip_leb(s))
			return false;
	return true;
}

static bool simd(struct scan *s)
{
	uint32_t n;
	if (!take_leb(s, &n))
		return false;
	switch ((enum simd_shape)simd_op(n)->shape) {
	case SIMD_ILLEGAL:
		return false;
	case SIMD_LOAD:
	case SIMD_STORE:
		return memarg(s);
	case SIMD_LOAD_LANE:
	case SIMD_STORE_LANE:
		return memarg(s) && skip(s, 1);
	case SIMD_EXTRACT:
	case SIMD_REPLACE:
		return skip(s, 1);
	case SIMD_CONST:
	case SIMD_SHUFFLE:
		return skip(s, 16);
	case SIMD_UNARY:
	case SIMD_BINARY:
	case SIMD_TERNARY:
	case SIMD_SHIFT:
	case SIMD_TEST:
	case SIMD_SPLAT:
		return true;
	}
	return false;
}

static bool prefix_fc(struct scan *s)
{
	static const uint8_t lebs[] = {[8] = 2, 1, 2, 1, 2, 1, 2, 1, 1, 1};
	uint32_t n;
	if (!take_leb(s, &n) || n >= sizeof lebs)
		return false;
	if (n >= 8 && n != 16) { /* neither a conversion nor table.size */
		add(&s->calls, s->weight);
		s->stops++;
	}
	for (unsigned i = 0; i < lebs[n]; i++)
		if (!skip_leb(s))
			return false;
	return true;
}

static bool call(struct scan *s, bool two)
{
	add(&s->calls, s->weight);
	s->stops++;
	return skip_leb(s) && (!two || skip_leb(s));
}

static bool scan_one(struct scan *s)
{
	uint32_t n;
	switch ((enum immediate)immediates[*s->p++]) {
	case IMM_NONE:
		return true;
	case IMM_LOCAL:
		if (!take_leb(s, &n) || n >= s->c->local_count)
			return false;
		if (n < WASM_SCAN_LOCALS) {
			if (!s->c->weights[n])
				s->c->watched[s->c->watched_count++] = (uint16_t)n;
			add(&s->c->weights[n], s->weight);
		}
		return true;
	case IMM_LEB:
		return skip_leb(s);
	case IMM_LEB2:
		return skip_leb(s) && skip_leb(s);
	case IMM_MEMARG:
		return memarg(s);
	case IMM_4:
		s->floats = true;
		return skip(s, 4);
	case IMM_8:
		s->floats = true;
		return skip(s, 8);
	case IMM_BLOCK:
		return open_block(s, false);
	case IMM_LOOP:
		return open_block(s, true);
	case IMM_END:
		return close_block(s);
	case IMM_TABLE:
		return table(s);
	case IMM_TYPES:
		return skip_leb(s) && skip_leb(s);
	case IMM_CALL:
		return call(s, false);
	case IMM_CALL2:
		return call(s, true);
	case IMM_HELPER:
		return true;
	case IMM_FC:
		return prefix_fc(s);
	case IMM_SIMD:
		return simd(s);
	case IMM_ODD:
		return false;
	}
	return false;
}

/*
 * How instructions of up to 4 bytes are passed over, which are nearly all: those without immediates, and with one or two
 * numbers of a byte each. The lowest byte has the length in bits, the highest where the weight is added: for what is no
 * local and no call, where nobody looks. Between are the bits that must not be set in the instruction's bytes.
 */
enum { SHORT_LENGTH = 63, SHORT_LOCAL_BIT = 128, SHORT_BITS = 0xffff00 };
#define SHORT_NONE (SHORT_NOBODY * 0x1000000u | 8)
#define SHORT_LEB (SHORT_NOBODY * 0x1000000u | 0x8000 | 16)
#define SHORT_MEMARG (SHORT_NOBODY * 0x1000000u | 0x80c000 | 24)
#define SHORT_CALL (SHORT_CALLS * 0x1000000u | 0x8000 | 16)
#define SHORT_LOCAL (0x8000 | SHORT_LOCAL_BIT | 16)
#define OTHER 0u

#define SHORT_ROWS \
	[0x00 ... 0x01] = SHORT_NONE, [0x05] = SHORT_NONE, [0x0c ... 0x0d] = SHORT_LEB, [0x0f] = SHORT_NONE, \
	[0x10] = SHORT_CALL, [0x12] = SHORT_LEB, [0x1a ... 0x1b] = SHORT_NONE, [0x20 ... 0x22] = SHORT_LOCAL, \
	[0x23 ... 0x24] = SHORT_LEB, [0x28 ... 0x3e] = SHORT_MEMARG, [0x3f] = SHORT_LEB, \
	[0x41 ... 0x42] = SHORT_LEB, [0x45 ... 0xc4] = SHORT_NONE

static const uint32_t shorts_in_loops[256] = {SHORT_ROWS};
/* Where no loop is open it does not matter where blocks begin and end. */
static const uint32_t shorts[256] = {
	SHORT_ROWS, [0x02] = SHORT_LEB, [0x04] = SHORT_LEB, [0x0b] = SHORT_NONE};

/* Bodies whose weights need no look whether their sums fit 32 bits. */
enum { SHORT_BODY_BYTES = 1 << 19 };
_Static_assert((uint64_t)SHORT_BODY_BYTES << LOOP_SHIFT * LOOP_LEVELS <= 1ull << 31 &&
		       SHORT_SUMS < WASM_SCAN_LOCALS,
	       "sums fit");

/* A block that is no loop, or its end, in a loop. Returns how many bytes it has, 0 for whatever else there is. */
static inline uint32_t pass_block(struct scan *s, uint32_t bytes)
{
	uint8_t *blocks = s->c->scan_blocks, op = (uint8_t)bytes;
	if (op == 0x0b && s->depth > 0 && !blocks[s->depth - 1]) {
		s->depth--;
		return 1;
	}
	if ((op == 0x02 || op == 0x04) && !(bytes & 0x8000) && s->depth < CONTROL_MAX - 1) {
		blocks[s->depth++] = 0;
		return 2;
	}
	return 0;
}

/* One number of several bytes. Returns where it ends, or NULL where that is the body's end. */
static inline const uint8_t *pass_long(const uint8_t *p, const uint8_t *end)
{
	while (p < end && *p & 0x80)
		p++;
	return p < end ? p + 1 : NULL;
}

/* The next 8 bytes. Behind the body's end they are of no instruction and of no number. A module's first 8 bytes, at
 * least, are before any body. */
static inline uint64_t window(const uint8_t *p, const uint8_t *end)
{
	uint64_t bytes, left = (uint64_t)(end - p);
	if (__builtin_expect(left >= 8, 1)) {
		memcpy(&bytes, p, 8);
		return bytes;
	}
	memcpy(&bytes, end - 8, 8);
	return left ? bytes >> (64 - 8 * left) | ~0ull << 8 * left : ~0ull;
}

static inline bool is_short(uint32_t how, uint64_t bytes)
{
	return how != OTHER && !(bytes & how & SHORT_BITS);
}

static inline void weigh(uint32_t *weights, uint32_t how, uint64_t bytes, uint32_t weight)
{
	uint32_t local = (uint32_t)(bytes >> 8) & 0xff & (0 - (how / SHORT_LOCAL_BIT & 1));
	weights[local | how >> 24] += weight;
}

/* An instruction that is not short. Returns where it ends, or NULL where there is no way for it here. */
static const uint8_t *pass_other(struct scan *s, const uint8_t *p, uint32_t how, uint64_t bytes)
{
	if (how == OTHER) {
		uint32_t passed = pass_block(s, (uint32_t)bytes);
		return passed ? p + passed : NULL;
	}
	/* In a local's or memory's instruction a number of several bytes is rare. */
	if ((how & SHORT_LENGTH) != 16 || how & SHORT_LOCAL_BIT)
		return NULL;
	s->c->weights[how >> 24] += s->weight;
	return pass_long(p + 1, s->end);
}

/*
 * Stops at the first instruction that it has no way for. Its loop is a large part of the whole look, and branches in
 * it would be guessed wrong. What takes the time is the way from an instruction's first byte to the next one's, so
 * that two or three of them are in one load.
 */
static void scan_short(struct scan *s)
{
	const uint8_t *p = s->p, *end = s->end;
	const uint32_t *table = s->loops ? shorts_in_loops : shorts;
	uint32_t weight = s->weight, *weights = s->c->weights;
	for (;;) {
		uint64_t bytes = window(p, end);
		uint32_t how = table[bytes & 0xff];
		if (__builtin_expect(is_short(how, bytes), 1)) {
			uint32_t length = how & SHORT_LENGTH;
			weigh(weights, how, bytes, weight);
			bytes >>= length;
			how = table[bytes & 0xff];
			if (__builtin_expect(is_short(how, bytes), 1)) {
				length += how & SHORT_LENGTH;
				weigh(weights, how, bytes, weight);
				bytes >>= how & SHORT_LENGTH;
				how = table[bytes & 0xff];
				uint32_t all = length + (how & SHORT_LENGTH);
				bool third = is_short(how, bytes) && all <= 64;
				if (__builtin_expect(third, 1)) {
					length = all;
					weigh(weights, how, bytes, weight);
				}
				p += length / 8;
				continue;
			}
			p += length / 8;
		}
		const uint8_t *behind = pass_other(s, p, how, bytes);
		if (!behind)
			break;
		p = behind;
	}
	s->p = p;
}

/* All over a body, and the locals that are used into `watched`. */
static void scan_all_short(struct scan *s)
{
	struct compiler *c = s->c;
	s->is_short = true;
	do
		scan_short(s);
	while (s->p < s->end && scan_one(s));
	s->is_short = false;
	add(&s->calls, c->weights[SHORT_CALLS]);
	c->weights[SHORT_CALLS] = c->weights[SHORT_NOBODY] = 0;
	c->watched_count = 0;
	for (uint32_t i = 0; i < c->local_count; i++) {
		c->watched[c->watched_count] = (uint16_t)i;
		c->watched_count += c->weights[i] > 0;
	}
}

bool scan_index(const uint8_t **p, const uint8_t *end, uint32_t *index)
{
	if (end - *p >= 2 && (*p)[1] < 0x80) { /* the usual */
		*index = (*p)[1];
		*p += 2;
		return true;
	}
	struct scan s = {.p = *p + 1, .end = end};
	if (!take_leb(&s, index))
		return false;
	*p = s.p;
	return true;
}

/* The usual: numbers of one byte. Returns how many bytes it has, 0 where the long way tells. */
static inline uint32_t plain_bytes(const uint8_t *p, const uint8_t *end)
{
	uint8_t how = immediates[*p];
	if (how == IMM_NONE)
		return 1;
	if (how == IMM_MEMARG)
		return end - p >= 3 && p[1] < 0x40 && p[2] < 0x80 ? 3 : 0;
	if (how == IMM_BLOCK || (how == IMM_LEB && *p != 0x12))
		return end - p >= 2 && p[1] < 0x80 ? 2 : 0;
	return 0;
}

bool scan_plain(const uint8_t **p, const uint8_t *end)
{
	uint32_t bytes = plain_bytes(*p, end);
	if (bytes) {
		*p += bytes;
		return true;
	}
	struct scan s = {.p = *p, .end = end};
	switch ((enum immediate)immediates[**p]) {
	case IMM_NONE:
	case IMM_MEMARG:
	case IMM_4:
	case IMM_8:
	case IMM_TYPES:
	case IMM_FC:
	case IMM_SIMD:
		break;
	case IMM_LEB:
		if (**p == 0x12)
			return false;
		break;
	case IMM_HELPER: /* i64.trunc_f32_u, i64.trunc_f64_u */
		if (**p == 0xaf || **p == 0xb1)
			return false;
		break;
	case IMM_BLOCK:
		s.p++;
		if (!skip_leb(&s))
			return false;
		*p = s.p;
		return true;
	case IMM_LEB2:
	case IMM_TABLE:
	case IMM_ODD:
	case IMM_LOCAL:
	case IMM_CALL:
	case IMM_CALL2:
	case IMM_END:
	case IMM_LOOP:
		return false;
	}
	if (!scan_one(&s) || s.calls > 0)
		return false;
	*p = s.p;
	return true;
}

struct candidates {
	uint32_t local[HOMES_MAX], count;
};

/* Keeps the heaviest, in order. */
static void consider(const struct compiler *c, struct candidates *k, uint32_t max, uint32_t local)
{
	uint32_t weight = c->weights[local], at = k->count;
	if (k->count == max) {
		if (weight <= c->weights[k->local[max - 1]])
			return;
		at = max - 1;
	} else {
		k->count++;
	}
	for (; at > 0 && weight > c->weights[k->local[at - 1]]; at--)
		k->local[at] = k->local[at - 1];
	k->local[at] = local;
}

/* In the order in which they are given away; those behind `callee` survive calls. */
static const uint8_t int_homes[] = {RSI, R8, R9, R10, RDI, RBX, RBP, R12, R13};

static void give(struct compiler *c, uint32_t local, unsigned reg)
{
	c->locals[local].home = (uint8_t)reg;
	c->home_of[reg] = local;
	c->homes |= BIT(reg);
}

/* A parameter stays where it comes, if that may be a home. */
static unsigned preferred(const struct compiler *c, uint32_t local)
{
	uint32_t ints = 0;
	if (local >= c->type->param_count)
		return X64_NONE;
	for (uint32_t i = 0; i < local; i++)
		ints += !type_is_float(c->type->params[i]);
	return ints < ARG_INTS ? int_args[ints] : X64_NONE;
}

static void give_ints(struct compiler *c, const struct candidates *k, uint32_t calls)
{
	for (uint32_t i = 0; i < k->count; i++) {
		uint32_t local = k->local[i], weight = c->weights[local];
		/* A home that calls destroy is stored and loaded at each. */
		uint32_t allowed = weight > 2 * calls ? (uint32_t)HOMES_CALLER : 0;
		if (weight > 2)
			allowed |= HOMES_CALLEE;
		allowed &= INTS & ~c->homes;
		unsigned want = preferred(c, local);
		if (want != X64_NONE && (allowed & BIT(want))) {
			give(c, local, want);
			continue;
		}
		/* With calls about, those that survive them are for the heaviest. */
		for (uint32_t j = 0; j < sizeof int_homes; j++) {
			unsigned reg = int_homes[calls ? sizeof int_homes - 1 - j : j];
			if (allowed & BIT(reg)) {
				give(c, local, reg);
				break;
			}
		}
	}
}

static void give_floats(struct compiler *c, const struct candidates *k, uint32_t calls)
{
	unsigned reg = XMM4;
	for (uint32_t i = 0; i < k->count; i++)
		if (c->weights[k->local[i]] > 2 * calls)
			give(c, k->local[i], reg++);
}

void scan_body(struct compiler *c)
{
	struct scan s = {.c = c, .p = c->r.p, .end = c->r.end, .depth = 1, .weight = 1};
	struct candidates ints = {.count = 0}, floats = {.count = 0};
	while (c->watched_count > 0) /* of the function before */
		c->weights[c->watched[--c->watched_count]] = 0;
	c->scan_blocks[0] = 0;
	c->plain_loops = 0;
	c->loop_count = 0;
	if (c->local_count <= SHORT_LOCALS && s.end - s.p <= SHORT_BODY_BYTES)
		scan_all_short(&s);
	while (s.p < s.end && scan_one(&s))
		;
	c->homes = 0;
	c->has_calls = s.calls > 0;
	for (uint32_t i = 0; i < c->watched_count; i++) {
		uint32_t local = c->watched[i];
		if (type_is_float(c->locals[local].type))
			consider(c, &floats, 10, local);
		else
			consider(c, &ints, sizeof int_homes, local);
	}
	give_ints(c, &ints, s.calls);
	give_floats(c, &floats, s.calls);
	uint32_t given = 0;
	for (uint32_t m = c->homes; m; m &= m - 1)
		given++;
	c->wants_loops = s.floats || c->watched_count > given;
}
