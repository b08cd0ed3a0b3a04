/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pre-pass over a body: how often each local is used, uses in loops counting more, and which
 * locals get registers for the whole function. Checks nothing and stops at what it does not know:
 * the pass that compiles refuses it.
 */
#include "guest/wasm/singlepass/compiler.h"

enum { LOOP_SHIFT = 3, LOOP_LEVELS = 4, WEIGHT_MAX = 1 << 28, LOCAL_REGS_MAX = 16, OPEN_LOOPS = 8 };

/*
 * Sums after the locals' weights, for functions that have few: of calls, and one that is not read.
 */
enum { SHORT_LOCALS = 128, SUM_UNREAD = SHORT_LOCALS, SUM_CALLS, SHORT_SUMS };

/* What the pre-pass does at an instruction, besides skipping its immediates. */
enum scan_role {
	ROLE_PLAIN,
	ROLE_REFUSED, /* stops: it cannot be skipped */
	ROLE_LOCAL,
	ROLE_CALL, /* of a function or a helper: registers of locals are stored around it */
	ROLE_TAIL_CALL,
	ROLE_BLOCK,
	ROLE_TRY,
	ROLE_LOOP,
	ROLE_END,
	ROLE_TABLE,
	ROLE_FLOAT_CONST,
	ROLE_CONVERT,
	ROLE_PREFIX_FB,
	ROLE_PREFIX_FC,
	ROLE_PREFIX_FD,
	ROLE_PREFIX_FE,
};

/* Of each enum wasm_class; those that are not here are plain. */
static const uint8_t roles[CLASSES] = {
	[CLASS_ILLEGAL] = ROLE_REFUSED,
	[CLASS_UNSUPPORTED] = ROLE_REFUSED,
	[CLASS_LOCAL] = ROLE_LOCAL,
	[CLASS_CALL] = ROLE_CALL,
	[CLASS_CALL_INDIRECT] = ROLE_CALL,
	[CLASS_CALL_REF] = ROLE_CALL,
	[CLASS_TABLE_ACCESS] = ROLE_CALL,
	[CLASS_MEMORY_GROW] = ROLE_CALL,
	[CLASS_REF_FUNC] = ROLE_CALL,
	[CLASS_BULK] = ROLE_CALL,
	[CLASS_THROW] = ROLE_CALL,
	[CLASS_THROW_REF] = ROLE_CALL,
	[CLASS_RETHROW] = ROLE_CALL,
	[CLASS_TAIL_CALL] = ROLE_TAIL_CALL,
	[CLASS_TAIL_CALL_INDIRECT] = ROLE_TAIL_CALL,
	[CLASS_TAIL_CALL_REF] = ROLE_TAIL_CALL,
	[CLASS_BLOCK] = ROLE_BLOCK,
	[CLASS_LOOP] = ROLE_LOOP,
	[CLASS_TRY_TABLE] = ROLE_TRY,
	[CLASS_TRY] = ROLE_TRY,
	[CLASS_END] = ROLE_END,
	[CLASS_DELEGATE] = ROLE_END,
	[CLASS_BR_TABLE] = ROLE_TABLE,
	[CLASS_FLOAT_CONST] = ROLE_FLOAT_CONST,
	[CLASS_CONVERT] = ROLE_CONVERT,
	[CLASS_ARRAY_NEW] = ROLE_CALL,
	[CLASS_ARRAY_BULK] = ROLE_CALL,
	[CLASS_PREFIX_FB] = ROLE_PREFIX_FB,
	[CLASS_PREFIX_FC] = ROLE_PREFIX_FC,
	[CLASS_PREFIX_FD] = ROLE_PREFIX_FD,
	[CLASS_PREFIX_FE] = ROLE_PREFIX_FE,
};

struct scan {
	struct compiler *c;
	const uint8_t *p, *end;
	uint32_t depth, loops; /* blocks, and loops among them */
	uint32_t weight;
	uint32_t calls;             /* weighted */
	bool is_short;              /* scan_short() is at work */
	bool floats;                /* constants */
	uint32_t loop_count, stops; /* stops: calls and br_tables */
	struct {
		uint32_t number, stops;
	} open[OPEN_LOOPS]; /* the loops that are open */
};

/* --- immediates --- */

static bool skip_leb(struct scan *s)
{
	while (s->p < s->end)
		if (!(*s->p++ & LEB_MORE))
			return true;
	return false;
}

static bool read_leb(struct scan *s, uint32_t *v)
{
	*v = 0;
	for (unsigned shift = 0; s->p < s->end; shift += 7) {
		uint8_t b = *s->p++;
		if (shift < 32)
			*v |= (uint32_t)(b & 0x7f) << shift;
		if (!(b & LEB_MORE))
			return true;
	}
	return false;
}

static bool skip_bytes(struct scan *s, uint64_t bytes)
{
	if (bytes > (uint64_t)(s->end - s->p))
		return false;
	s->p += bytes;
	return true;
}

static bool skip_memarg(struct scan *s)
{
	uint32_t align;
	return read_leb(s, &align) && (!(align & MEMARG_HAS_MEMORY) || skip_leb(s)) && skip_leb(s);
}

static bool skip_labels(struct scan *s)
{
	uint32_t n;
	if (!read_leb(s, &n))
		return false;
	for (uint64_t i = 0; i <= n; i++)
		if (!skip_leb(s))
			return false;
	return true;
}

/* Does a reference type of several bytes begin so? */
static bool is_long_type(uint8_t byte)
{
	return byte == TYPE_REF || byte == TYPE_REF_NULL;
}

/* A value type or a block's. */
static bool skip_type(struct scan *s)
{
	bool is_long = s->p < s->end && is_long_type(*s->p);
	return skip_leb(s) && (!is_long || skip_leb(s));
}

static bool skip_types(struct scan *s)
{
	uint32_t n;
	if (!read_leb(s, &n))
		return false;
	while (n-- > 0)
		if (!skip_type(s))
			return false;
	return true;
}

static bool skip_catches(struct scan *s)
{
	uint32_t n;
	if (!skip_type(s) || !read_leb(s, &n))
		return false;
	for (uint32_t i = 0; i < n; i++) {
		bool has_tag = s->p < s->end && *s->p < 2;
		if (!skip_bytes(s, 1) || (has_tag && !skip_leb(s)) || !skip_leb(s))
			return false;
	}
	return true;
}

static bool skip_immediates(struct scan *s, enum wasm_immediate immediate)
{
	switch (immediate) {
	case IMM_NONE:
		return true;
	case IMM_INDEX:
	case IMM_S32:
	case IMM_S64:
	case IMM_HEAPTYPE:
	case IMM_PREFIX:
		return skip_leb(s);
	case IMM_BLOCKTYPE:
		return skip_type(s);
	case IMM_TWO_INDICES:
		return skip_leb(s) && skip_leb(s);
	case IMM_TYPES:
		return skip_types(s);
	case IMM_BYTES_4:
		return skip_bytes(s, 4);
	case IMM_BYTES_8:
		return skip_bytes(s, 8);
	case IMM_MEMARG:
		return skip_memarg(s);
	case IMM_LABELS:
		return skip_labels(s);
	case IMM_CAST:
		return skip_bytes(s, 1) && skip_leb(s) && skip_leb(s) && skip_leb(s);
	case IMM_CATCHES:
		return skip_catches(s);
	}
	return false;
}

/* After the prefix. */
static bool skip_simd(struct scan *s)
{
	uint32_t n;
	if (!read_leb(s, &n))
		return false;
	switch ((enum simd_shape)wasm_vector_op(n)->shape) {
	case SIMD_ILLEGAL:
		return false;
	case SIMD_LOAD:
	case SIMD_STORE:
		return skip_memarg(s);
	case SIMD_LOAD_LANE:
	case SIMD_STORE_LANE:
		return skip_memarg(s) && skip_bytes(s, 1);
	case SIMD_EXTRACT:
	case SIMD_REPLACE:
		return skip_bytes(s, 1);
	case SIMD_CONST:
	case SIMD_SHUFFLE:
		return skip_bytes(s, 16);
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

/* The same of atomic instructions. */
static bool skip_atomic(struct scan *s)
{
	uint32_t n;
	if (!read_leb(s, &n) || wasm_atomic_op(n)->kind == ATOMIC_ILLEGAL)
		return false;
	return wasm_atomic_op(n)->kind == ATOMIC_FENCE ? skip_bytes(s, 1) : skip_memarg(s);
}

/* --- one instruction --- */

static void add(uint32_t *to, uint32_t weight)
{
	if (*to < WEIGHT_MAX)
		*to += weight;
}

static uint32_t stops(const struct scan *s)
{
	if (!s->is_short)
		return s->stops;
	return s->stops + s->c->scan.weights[SUM_CALLS];
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
		s->c->loop.plain |= 1ull << (s->loop_count - 1);
}

static uint32_t weight_in(uint32_t loops)
{
	if (loops > LOOP_LEVELS)
		loops = LOOP_LEVELS;
	return 1u << LOOP_SHIFT * loops;
}

static bool open_block(struct scan *s, bool loop)
{
	if (s->depth == CONTROL_MAX)
		return false;
	s->c->scan.blocks[s->depth++] = loop;
	if (loop)
		open_loop(s);
	s->loops += loop;
	s->weight = weight_in(s->loops);
	return true;
}

static bool close_block(struct scan *s)
{
	if (s->depth == 0) /* blocks outside of loops may not have been counted */
		return s->is_short;
	if (s->c->scan.blocks[--s->depth]) {
		s->loops--;
		close_loop(s);
	}
	s->weight = weight_in(s->loops);
	return true;
}

static void count_call(struct scan *s)
{
	add(&s->calls, s->weight);
	s->stops++;
}

/*
 * Its handlers load what a call stores, so a function that has one is one with calls. Outside of
 * loops the ends of blocks are not seen by scan_short().
 */
static bool open_try(struct scan *s)
{
	add(&s->calls, 1);
	s->stops++;
	return (s->is_short && !s->loops) || open_block(s, false);
}

static bool count_local(struct scan *s)
{
	uint32_t n;
	if (!read_leb(s, &n) || n >= s->c->fn.local_count)
		return false;
	if (n < WASM_SCAN_LOCALS) {
		if (!s->c->scan.weights[n])
			s->c->scan.watched[s->c->scan.watched_count++] = (uint16_t)n;
		add(&s->c->scan.weights[n], s->weight);
	}
	return true;
}

static bool scan_prefixed(struct scan *s, enum scan_role prefix)
{
	uint32_t n;
	if (!read_leb(s, &n))
		return false;
	const struct wasm_opcode *o =
		prefix == ROLE_PREFIX_FB ? wasm_opcode_fb(n) : wasm_opcode_fc(n);
	if (roles[o->class] == ROLE_REFUSED)
		return false;
	if (roles[o->class] == ROLE_CALL)
		count_call(s);
	return skip_immediates(s, o->immediate);
}

static bool scan_one(struct scan *s)
{
	const struct wasm_opcode *o = &wasm_opcodes[*s->p++];
	switch ((enum scan_role)roles[o->class]) {
	case ROLE_LOCAL:
		return count_local(s);
	case ROLE_CALL:
		count_call(s);
		break;
	case ROLE_TABLE:
		s->stops++;
		break;
	case ROLE_FLOAT_CONST:
		s->floats = true;
		break;
	case ROLE_BLOCK:
	case ROLE_LOOP:
		if (!open_block(s, o->class == CLASS_LOOP))
			return false;
		break;
	case ROLE_TRY:
		if (!open_try(s))
			return false;
		break;
	case ROLE_END:
		return close_block(s) && skip_immediates(s, o->immediate);
	case ROLE_PREFIX_FB:
	case ROLE_PREFIX_FC:
		return scan_prefixed(s, roles[o->class]);
	case ROLE_PREFIX_FD:
		return skip_simd(s);
	case ROLE_PREFIX_FE:
		return skip_atomic(s);
	case ROLE_REFUSED:
		return false;
	case ROLE_PLAIN:
	case ROLE_TAIL_CALL:
	case ROLE_CONVERT:
		break;
	}
	return skip_immediates(s, o->immediate);
}

/* --- short instructions --- */

/*
 * A word for each opcode says how an instruction of up to 4 bytes is skipped, and nearly all are:
 * those without immediates, and with one or two numbers of one byte each.
 *
 *    31       24 23                        8 7      6 5          0
 *   +-----------+---------------------------+-----+---+------------+
 *   |    sum    |         long bits         |local| 0 |  length    |
 *   +-----------+---------------------------+-----+---+------------+
 *
 * length      of the instruction, in bits: 8, 16 or 24
 * local       the second byte is a local's index: its weight is added to
 * long bits   set in the instruction's second or third byte if it is not short after all: a
 *             number's next byte follows, or a memarg names a memory
 * sum         what the weight is added to, unless it is a local's: SUM_CALLS or SUM_UNREAD
 *
 * 0 is for instructions that are never short. So nothing is branched on but whether it is short.
 */
enum { SHORT_LENGTH = 0x3f, SHORT_LOCAL = 0x80, SHORT_LONG_BITS = 0xffff00, SHORT_SUM_SHIFT = 24 };
enum { LONG_IN_SECOND = 0x8000, LONG_IN_THIRD = 0x800000, LONG_MEMORY = MEMARG_HAS_MEMORY << 8 };
#define SHORT_WORD(bytes, long_bits, sum) \
	(8u * (bytes) | (long_bits) | (uint32_t)(sum) << SHORT_SUM_SHIFT)
#define NEVER_SHORT 0u

/* By the immediates. */
#define WORD_NONE        SHORT_WORD(1, 0, SUM_UNREAD)
#define WORD_INDEX       SHORT_WORD(2, LONG_IN_SECOND, SUM_UNREAD)
#define WORD_S32         WORD_INDEX
#define WORD_S64         WORD_INDEX
#define WORD_BLOCKTYPE   WORD_INDEX
#define WORD_HEAPTYPE    WORD_INDEX
#define WORD_MEMARG      SHORT_WORD(3, LONG_IN_SECOND | LONG_MEMORY | LONG_IN_THIRD, SUM_UNREAD)
#define WORD_TWO_INDICES NEVER_SHORT
#define WORD_BYTES_4     NEVER_SHORT
#define WORD_BYTES_8     NEVER_SHORT
#define WORD_LABELS      NEVER_SHORT
#define WORD_TYPES       NEVER_SHORT
#define WORD_CATCHES     NEVER_SHORT
#define WORD_CAST        NEVER_SHORT
#define WORD_PREFIX      NEVER_SHORT
/* By the class. */
#define WORD_LOCAL (SHORT_WORD(2, LONG_IN_SECOND, 0) | SHORT_LOCAL)
#define WORD_CALL  SHORT_WORD(2, LONG_IN_SECOND, SUM_CALLS)
#define CALLS_WITH_INDEX(class)                                                                 \
	((class) == CLASS_CALL || (class) == CLASS_CALL_REF || (class) == CLASS_TABLE_ACCESS || \
	 (class) == CLASS_MEMORY_GROW || (class) == CLASS_REF_FUNC || (class) == CLASS_THROW || \
	 (class) == CLASS_RETHROW)
#define OPENS_ODDLY(class) \
	((class) == CLASS_LOOP || (class) == CLASS_TRY || (class) == CLASS_TRY_TABLE)
#define WORD(class, word)                                                                 \
	((class) == CLASS_UNSUPPORTED || OPENS_ODDLY(class) || (class) == CLASS_THROW_REF \
		 ? NEVER_SHORT                                                            \
	 : (class) == CLASS_LOCAL  ? WORD_LOCAL                                           \
	 : CALLS_WITH_INDEX(class) ? WORD_CALL                                            \
				   : (word))
#define WORD_IN_LOOP(class, word)                                                    \
	((class) == CLASS_BLOCK || (class) == CLASS_END || (class) == CLASS_DELEGATE \
		 ? NEVER_SHORT                                                       \
		 : WORD(class, word))

static const uint32_t shorts_in_loops[256] = {
#define OP(byte, name, imm, class, ...) [byte] = WORD_IN_LOOP(CLASS_##class, WORD_##imm),
#include "guest/wasm/module/opcodes.def"
};
/*
 * Outside of loops it does not matter where blocks begin and end; but in modules that have
 * reference types of several bytes, shorts_in_loops is for all code.
 */
static const uint32_t shorts[256] = {
#define OP(byte, name, imm, class, ...) [byte] = WORD(CLASS_##class, WORD_##imm),
#include "guest/wasm/module/opcodes.def"
};

/* Bodies whose weights need no look whether their sums fit 32 bits. */
enum { SHORT_BODY_BYTES = 1 << 19 };
_Static_assert((uint64_t)SHORT_BODY_BYTES << LOOP_SHIFT * LOOP_LEVELS <= 1ull << 31 &&
		       SHORT_SUMS < WASM_SCAN_LOCALS && SHORT_SUMS <= 256,
	       "sums fit");

static inline uint32_t short_length(uint32_t word)
{
	return word & SHORT_LENGTH;
}

static inline bool is_short(uint32_t word, uint64_t bytes)
{
	return word != NEVER_SHORT && !(bytes & word & SHORT_LONG_BITS);
}

static inline void weigh(uint32_t *weights, uint32_t word, uint64_t bytes, uint32_t weight)
{
	uint32_t only_locals = 0 - (word / SHORT_LOCAL & 1);
	uint32_t local = (uint32_t)(bytes >> 8) & 0xff & only_locals;
	weights[local | word >> SHORT_SUM_SHIFT] += weight;
}

/* A block in a loop, or its end. Returns how many bytes it has, 0 for other instructions. */
static inline uint32_t skip_block(struct scan *s, uint32_t bytes)
{
	uint8_t *blocks = s->c->scan.blocks, op = (uint8_t)bytes;
	if (op == WASM_OP_END && s->depth > 0 && !blocks[s->depth - 1]) {
		s->depth--;
		return 1;
	}
	if ((op == WASM_OP_BLOCK || op == WASM_OP_IF) && !(bytes & LONG_IN_SECOND) &&
	    !is_long_type((uint8_t)(bytes >> 8)) && s->depth < CONTROL_MAX) {
		blocks[s->depth++] = 0;
		return 2;
	}
	return 0;
}

/* One number of several bytes. Returns where it ends, or NULL if that is the body's end. */
static inline const uint8_t *skip_long(const uint8_t *p, const uint8_t *end)
{
	while (p < end && *p & LEB_MORE)
		p++;
	return p < end ? p + 1 : NULL;
}

/*
 * The next 8 bytes; those after the body's end belong to no instruction and no number. At least a
 * module's first 8 bytes are before any body.
 */
static inline uint64_t window(const uint8_t *p, const uint8_t *end)
{
	uint64_t bytes, left = (uint64_t)(end - p);
	if (__builtin_expect(left >= 8, 1)) {
		memcpy(&bytes, p, 8);
		return bytes;
	}
	memcpy(&bytes, end - 8, 8);
	if (!left)
		return ~0ull;
	return bytes >> (64 - 8 * left) | ~0ull << 8 * left;
}

/* An instruction that is not short. Returns where it ends, or NULL if only scan_one() can tell. */
static const uint8_t *skip_other(struct scan *s, const uint8_t *p, uint32_t word, uint64_t bytes)
{
	if (word == NEVER_SHORT) {
		uint32_t skipped = skip_block(s, (uint32_t)bytes);
		return skipped ? p + skipped : NULL;
	}
	/* In a local's or memory's instruction a number of several bytes is rare. */
	if (short_length(word) != 16 || word & SHORT_LOCAL)
		return NULL;
	s->c->scan.weights[word >> SHORT_SUM_SHIFT] += s->weight;
	return skip_long(p + 1, s->end);
}

/*
 * Stops at the first instruction that only scan_one() can skip. Its loop is a large part of the
 * whole pre-pass, and branches in it would be mispredicted. What takes the time is the way from an
 * instruction's first byte to the next one's, so that two or three of them are in one load.
 */
static void scan_short(struct scan *s)
{
	const uint8_t *p = s->p, *end = s->end;
	const uint32_t *table = s->loops || s->c->m->long_types ? shorts_in_loops : shorts;
	uint32_t weight = s->weight, *weights = s->c->scan.weights;
	for (;;) {
		uint64_t bytes = window(p, end);
		uint32_t word = table[bytes & 0xff];
		if (__builtin_expect(is_short(word, bytes), 1)) {
			uint32_t length = short_length(word);
			weigh(weights, word, bytes, weight);
			bytes >>= length;
			word = table[bytes & 0xff];
			if (__builtin_expect(is_short(word, bytes), 1)) {
				length += short_length(word);
				weigh(weights, word, bytes, weight);
				bytes >>= short_length(word);
				word = table[bytes & 0xff];
				uint32_t all = length + short_length(word);
				bool third = is_short(word, bytes) && all <= 64;
				if (__builtin_expect(third, 1)) {
					length = all;
					weigh(weights, word, bytes, weight);
				}
				p += length / 8;
				continue;
			}
			p += length / 8;
		}
		const uint8_t *behind = skip_other(s, p, word, bytes);
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
	add(&s->calls, c->scan.weights[SUM_CALLS]);
	c->scan.weights[SUM_CALLS] = c->scan.weights[SUM_UNREAD] = 0;
	c->scan.watched_count = 0;
	for (uint32_t i = 0; i < c->fn.local_count; i++) {
		c->scan.watched[c->scan.watched_count] = (uint16_t)i;
		c->scan.watched_count += c->scan.weights[i] > 0;
	}
}

/* --- for loops (loop.c) --- */

bool scan_index(const uint8_t **p, const uint8_t *end, uint32_t *index)
{
	if (end - *p >= 2 && (*p)[1] < LEB_MORE) { /* the usual */
		*index = (*p)[1];
		*p += 2;
		return true;
	}
	struct scan s = {.p = *p + 1, .end = end};
	if (!read_leb(&s, index))
		return false;
	*p = s.p;
	return true;
}

/* The usual: numbers of one byte. Returns how many bytes it has, 0 if skip_plain() has to tell. */
static inline uint32_t plain_bytes(const uint8_t *p, const uint8_t *end)
{
	const struct wasm_opcode *o = &wasm_opcodes[*p];
	uint8_t role = roles[o->class];
	if (role != ROLE_PLAIN && role != ROLE_BLOCK)
		return 0;
	if (o->immediate == IMM_NONE)
		return 1;
	if (o->immediate == IMM_MEMARG)
		return end - p >= 3 && p[1] < MEMARG_HAS_MEMORY && p[2] < LEB_MORE ? 3 : 0;
	if (o->immediate == IMM_BLOCKTYPE && end - p >= 2 && is_long_type(p[1]))
		return 0;
	if (o->immediate == IMM_BLOCKTYPE || o->immediate == IMM_INDEX || o->immediate == IMM_S32 ||
	    o->immediate == IMM_S64)
		return end - p >= 2 && p[1] < LEB_MORE ? 2 : 0;
	return 0;
}

static bool skip_plain(struct scan *s)
{
	const struct wasm_opcode *o = &wasm_opcodes[*s->p++];
	switch ((enum scan_role)roles[o->class]) {
	case ROLE_PLAIN:
	case ROLE_FLOAT_CONST:
	case ROLE_BLOCK:
		return skip_immediates(s, o->immediate);
	case ROLE_CONVERT:
		return !is_converted_by_helper(o);
	case ROLE_PREFIX_FB:
	case ROLE_PREFIX_FC:
		return scan_prefixed(s, roles[o->class]) && s->stops == 0;
	case ROLE_PREFIX_FD:
		return skip_simd(s);
	case ROLE_PREFIX_FE:
		return skip_atomic(s);
	case ROLE_REFUSED:
	case ROLE_LOCAL:
	case ROLE_CALL:
	case ROLE_TAIL_CALL:
	case ROLE_TRY:
	case ROLE_LOOP:
	case ROLE_END:
	case ROLE_TABLE:
		break;
	}
	return false;
}

bool scan_plain(const uint8_t **p, const uint8_t *end)
{
	uint32_t bytes = plain_bytes(*p, end);
	if (bytes) {
		*p += bytes;
		return true;
	}
	struct scan s = {.p = *p, .end = end};
	if (!skip_plain(&s))
		return false;
	*p = s.p;
	return true;
}

/* --- registers for locals --- */

struct candidates {
	uint32_t local[LOCAL_REGS_MAX], count;
};

/* Keeps the heaviest, in order. */
static void keep_candidate(const struct compiler *c, struct candidates *k, uint32_t max,
			   uint32_t local)
{
	uint32_t weight = c->scan.weights[local], at = k->count;
	if (k->count == max) {
		if (weight <= c->scan.weights[k->local[max - 1]])
			return;
		at = max - 1;
	} else {
		k->count++;
	}
	for (; at > 0 && weight > c->scan.weights[k->local[at - 1]]; at--)
		k->local[at] = k->local[at - 1];
	k->local[at] = local;
}

/* In the order of preference: the first four are destroyed by calls. */
static const uint8_t local_int_regs[] = {RSI, R8, R9, R10, RDI, RBX, RBP, R12, R13};

static void assign_reg(struct compiler *c, uint32_t local, unsigned reg)
{
	c->fn.locals[local].reg = (uint8_t)reg;
	c->fn.local_of[reg] = local;
	c->fn.local_regs |= BIT(reg);
}

/* A parameter stays in its register, if that may hold a local. */
static unsigned preferred(const struct compiler *c, uint32_t local)
{
	uint32_t ints = 0;
	if (local >= c->fn.type->param_count)
		return X64_NONE;
	for (uint32_t i = 0; i < local; i++)
		ints += !type_is_float(c->fn.type->params[i]);
	if (ints >= ARG_INTS)
		return X64_NONE;
	return int_args[ints];
}

static void assign_int_regs(struct compiler *c, const struct candidates *k, uint32_t calls)
{
	for (uint32_t i = 0; i < k->count; i++) {
		uint32_t local = k->local[i], weight = c->scan.weights[local];
		/* A register that calls destroy is stored and loaded at each. */
		uint32_t allowed = 0;
		if (weight > 2 * calls)
			allowed |= CALLER_SAVED;
		if (weight > 2)
			allowed |= CALLEE_SAVED;
		allowed &= INTS & ~c->fn.local_regs;
		unsigned want = preferred(c, local);
		if (want != X64_NONE && (allowed & BIT(want))) {
			assign_reg(c, local, want);
			continue;
		}
		/* If there are calls, those that survive them are for the heaviest. */
		for (uint32_t j = 0; j < sizeof local_int_regs; j++) {
			unsigned reg = local_int_regs[calls ? sizeof local_int_regs - 1 - j : j];
			if (allowed & BIT(reg)) {
				assign_reg(c, local, reg);
				break;
			}
		}
	}
}

static void assign_float_regs(struct compiler *c, const struct candidates *k, uint32_t calls)
{
	unsigned reg = XMM4;
	for (uint32_t i = 0; i < k->count; i++)
		if (c->scan.weights[k->local[i]] > 2 * calls)
			assign_reg(c, k->local[i], reg++);
}

void scan_body(struct compiler *c)
{
	struct scan s = {.c = c, .p = c->r.p, .end = c->r.end, .depth = 1, .weight = 1};
	struct candidates ints = {.count = 0}, floats = {.count = 0};
	while (c->scan.watched_count > 0) /* of the function before */
		c->scan.weights[c->scan.watched[--c->scan.watched_count]] = 0;
	c->scan.blocks[0] = 0;
	c->loop.plain = 0;
	c->loop.count = 0;
	if (c->fn.local_count <= SHORT_LOCALS && s.end - s.p <= SHORT_BODY_BYTES)
		scan_all_short(&s);
	while (s.p < s.end && scan_one(&s))
		;
	c->fn.local_regs = 0;
	c->fn.has_calls = s.calls > 0;
	for (uint32_t i = 0; i < c->scan.watched_count; i++) {
		uint32_t local = c->scan.watched[i];
		if (type_is_float(c->fn.locals[local].type))
			keep_candidate(c, &floats, 10, local);
		else
			keep_candidate(c, &ints, sizeof local_int_regs, local);
	}
	assign_int_regs(c, &ints, s.calls);
	assign_float_regs(c, &floats, s.calls);
	uint32_t assigned = 0;
	for (uint32_t m = c->fn.local_regs; m; m &= m - 1)
		assigned++;
	c->loop.wanted = s.floats || c->scan.watched_count > assigned;
}
