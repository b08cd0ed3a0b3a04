/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The SIMD emitter with any registers: each instruction gives what it gives with registers that are
 * all different, whatever the destination is the same as, and leaves all others alone. What an
 * instruction must give, the official test suite knows; here it runs with the registers that a
 * compiler may choose.
 */
#include "guest/wasm/wasm.h"
#include "guest/wasm/x86_64/cpu.h"
#include "guest/wasm/x86_64/simd.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { VECTORS = 14, GPRS = 5, CODE_BYTES = 1 << 16, TRIALS = 60, MEMORY = 64 };

/* What the code finds at RDI and leaves there. */
struct state {
	uint8_t vector[VECTORS][16];
	uint64_t gpr[GPRS], rax, rcx, rdx;
	uint8_t memory[MEMORY];
};

static const uint8_t gprs[GPRS] = {RSI, R8, R9, R10, R11};
static uint8_t *code;
static uint64_t seed = 1;

static uint64_t number(void)
{
	uint64_t z = seed += 0x9e3779b97f4a7c15;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static unsigned below(unsigned n)
{
	return (unsigned)(number() % n);
}

static void map_code(void)
{
	code = mmap(NULL, CODE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	cr_assert(code != MAP_FAILED);
}

static struct x64_mem at(size_t offset)
{
	return x64_at(RDI, (int32_t)offset);
}

static void move_all(struct x64 *x, bool store)
{
	for (unsigned i = 0; i < VECTORS; i++)
		x64_rm(x, store ? OP_MOVUPS_STORE : OP_MOVUPS_LOAD, 0, XMM0 + i,
		       at(offsetof(struct state, vector[i])));
	for (unsigned i = 0; i < GPRS; i++)
		x64_rm(x, store ? OP_MOV_STORE : OP_MOV_LOAD, 1, gprs[i],
		       at(offsetof(struct state, gpr[i])));
	x64_rm(x, store ? OP_MOV_STORE : OP_MOV_LOAD, 1, RAX, at(offsetof(struct state, rax)));
	x64_rm(x, store ? OP_MOV_STORE : OP_MOV_LOAD, 1, RCX, at(offsetof(struct state, rcx)));
	x64_rm(x, store ? OP_MOV_STORE : OP_MOV_LOAD, 1, RDX, at(offsetof(struct state, rdx)));
}

/* Runs one instruction between loading all registers and storing them. */
static void execute(const struct simd_code *insn, const struct simd_args *g, uint32_t cpu,
		    struct state *s)
{
	void (*run)(struct state *);
	struct x64 x = {code};
	struct simd_constants constants = {0};
	struct simd_emitter e = {.x = &x, .constants = &constants, .code = code, .cpu = cpu};
	cr_assert(mprotect(code, CODE_BYTES, PROT_READ | PROT_WRITE) == 0);
	x64_push(&x, RBX); /* so that no use of a constant is at offset 0 */
	move_all(&x, false);
	simd_emit(&e, insn, g);
	move_all(&x, true);
	x64_pop(&x, RBX);
	x64_ret(&x, 0);
	simd_flush(&e);
	cr_assert(x.p < code + CODE_BYTES);
	cr_assert(mprotect(code, CODE_BYTES, PROT_READ | PROT_EXEC) == 0);
	memcpy(&run, &code, sizeof(run));
	run(s);
}

static void fill(struct state *s)
{
	static const uint64_t edges[] = {0x7fc000003f800000, 0x8000000080000000, 0x7ff8000000000000,
					 0xffffffffffffffff, 0x4f0000004effffff, 0x7f807f80ff80ff80,
					 0x0001000180017fff};
	for (size_t i = 0; i < sizeof(*s); i += 8) {
		uint64_t v = below(4) ? number() : edges[below(7)];
		memcpy((uint8_t *)s + i, &v, 8);
	}
}

static bool is_float(uint8_t type)
{
	return type == WASM_F32 || type == WASM_F64;
}

static bool takes_gpr(const struct wasm_vector_op *op)
{
	return op->shape == SIMD_SHIFT ||
	       ((op->shape == SIMD_SPLAT || op->shape == SIMD_REPLACE) && !is_float(op->scalar));
}

static bool gives_gpr(const struct wasm_vector_op *op)
{
	return op->shape == SIMD_TEST || (op->shape == SIMD_EXTRACT && !is_float(op->scalar));
}

static uint8_t vector_of(unsigned i)
{
	return (uint8_t)(XMM0 + i);
}

/* The reference's operands: vectors 0, 1, 2, integer 1; its result in vector 3 or integer 2. */
static struct simd_args plain(const struct wasm_vector_op *op)
{
	struct simd_args g = {.dst = gives_gpr(op) ? R9 : XMM3, .a = XMM0, .b = XMM1, .c = XMM2};
	if (takes_gpr(op))
		*(op->shape == SIMD_SPLAT ? &g.a : &g.b) = R8;
	g.lane = op->lanes ? (uint8_t)below(op->lanes) : 0;
	g.mem = at(offsetof(struct state, memory) + 8);
	return g;
}

/* The same values in other registers. */
static void scatter(const struct wasm_vector_op *op, const struct simd_args *from,
		    struct simd_args *g, const struct state *in, struct state *s)
{
	unsigned places[3];
	*g = *from;
	for (unsigned i = 0; i < 3; i++) {
		bool taken;
		do {
			places[i] = below(VECTORS);
			taken = false;
			for (unsigned k = 0; k < i; k++)
				taken |= places[k] == places[i];
		} while (taken);
		memcpy(s->vector[places[i]], in->vector[i], 16);
	}
	g->a = vector_of(places[0]);
	g->b = vector_of(places[1]);
	g->c = vector_of(places[2]);
	g->dst = vector_of(below(3) ? places[below(3)] : below(VECTORS));
	if (takes_gpr(op)) {
		unsigned gpr = below(GPRS);
		s->gpr[gpr] = in->gpr[1];
		*(op->shape == SIMD_SPLAT ? &g->a : &g->b) = gprs[gpr];
		if (op->shape == SIMD_SHIFT && below(4) == 0) {
			g->b = RCX;
			s->rcx = in->gpr[1];
		}
	}
	if (gives_gpr(op))
		g->dst = below(6) ? gprs[below(GPRS)] : RAX;
}

static uint64_t *gpr_of(struct state *s, unsigned reg)
{
	for (unsigned i = 0; i < GPRS; i++)
		if (gprs[i] == reg)
			return &s->gpr[i];
	return &s->rax;
}

/* What the other registers hold must be what they held. */
static void check_others(uint32_t n, const struct wasm_vector_op *op, const struct simd_args *g,
			 const struct state *before, struct state *after)
{
	bool to_vector = op->shape != SIMD_STORE && op->shape != SIMD_STORE_LANE && !gives_gpr(op);
	for (unsigned i = 0; i < VECTORS; i++)
		if (!(to_vector && g->dst == XMM0 + i))
			cr_assert(memcmp(before->vector[i], after->vector[i], 16) == 0,
				  "0x%x changes xmm%u", n, i);
	for (unsigned i = 0; i < GPRS; i++)
		if (!(gives_gpr(op) && g->dst == gprs[i]))
			cr_assert(before->gpr[i] == after->gpr[i],
				  "0x%x changes integer register %u", n, gprs[i]);
	cr_assert(before->rcx == after->rcx && before->rdx == after->rdx, "0x%x changes RCX or RDX",
		  n);
	cr_assert(before->rax == after->rax || (gives_gpr(op) && g->dst == RAX), "0x%x changes RAX",
		  n);
}

static void compare(uint32_t n, const struct wasm_vector_op *op, uint32_t cpu)
{
	const struct simd_code *insn = simd_code(n);
	uint8_t bytes[16];
	struct state in, want, have, before;
	cr_assert(insn->how || insn->x64, "0x%x has no code", n);
	struct simd_args reference = plain(op), g;
	fill(&in);
	want = in;
	for (unsigned i = 0; i < 16; i++)
		bytes[i] = (uint8_t)below(op->lanes ? op->lanes : 256);
	reference.bytes = bytes;
	execute(insn, &reference, cpu, &want);
	check_others(n, op, &reference, &in, &want);
	fill(&have);
	memcpy(have.memory, in.memory, MEMORY);
	scatter(op, &reference, &g, &in, &have);
	if (op->shape == SIMD_SHIFT && below(3) == 0) {
		g.count_known = true;
		g.count = (uint32_t)in.gpr[1];
	}
	if (simd_takes_memory(insn) && below(3) == 0) {
		memcpy(have.memory + 8, in.vector[1], 16);
		memcpy(want.memory, have.memory, MEMORY);
		g.b_in_memory = true;
		g.mem = at(offsetof(struct state, memory) + 8);
	}
	before = have;
	execute(insn, &g, cpu, &have);
	check_others(n, op, &g, &before, &have);
	cr_assert(memcmp(want.memory, have.memory, MEMORY) == 0, "0x%x: what is in memory", n);
	if (op->shape == SIMD_STORE || op->shape == SIMD_STORE_LANE)
		return;
	if (gives_gpr(op)) {
		uint64_t a = *gpr_of(&want, reference.dst), b = *gpr_of(&have, g.dst);
		cr_assert(a == b, "0x%x into integer register %u: %lx, not %lx", n, g.dst, b, a);
		return;
	}
	size_t counts = 16;
	if (op->shape == SIMD_EXTRACT) /* of a scalar the rest is open */
		counts = op->scalar == WASM_F32 ? 4 : 8;
	cr_assert(memcmp(want.vector[3], have.vector[g.dst - XMM0], counts) == 0,
		  "0x%x xmm%d of xmm%d, xmm%d, xmm%d differs", n, g.dst - XMM0, g.a - XMM0,
		  g.b - XMM0, g.c - XMM0);
}

static void all(uint32_t cpu)
{
	unsigned compared = 0;
	map_code();
	for (uint32_t n = 0; n < WASM_FD_COUNT; n++)
		for (unsigned i = 0; wasm_vector_op(n)->shape != SIMD_ILLEGAL && i < TRIALS;
		     i++, compared++)
			compare(n, wasm_vector_op(n), cpu);
	munmap(code, CODE_BYTES);
	cr_assert(compared == TRIALS * (236 + 20));
}

Test(wasm_simd, any_registers)
{
	cr_assert(wasm_cpu_detect() & WASM_CPU_AVX);
	all(wasm_cpu_detect());
}

Test(wasm_simd, any_registers_with_avx_only)
{
	all(WASM_CPU_AVX);
}

/* Both ways of the CPU give the same, but for the fused multiplications. */
Test(wasm_simd, avx_gives_what_avx2_gives)
{
	map_code();
	for (uint32_t n = 0; n < WASM_FD_COUNT; n++) {
		const struct wasm_vector_op *op = wasm_vector_op(n);
		const struct simd_code *insn = simd_code(n);
		if (op->shape == SIMD_ILLEGAL || insn->how == HOW_MADD)
			continue;
		for (unsigned i = 0; i < TRIALS / 4; i++) {
			uint8_t bytes[16] = {0};
			struct simd_args g = plain(op);
			struct state old, new;
			g.bytes = bytes;
			fill(&old);
			new = old;
			execute(insn, &g, WASM_CPU_AVX, &old);
			execute(insn, &g, wasm_cpu_detect(), &new);
			cr_assert(memcmp(old.vector, new.vector, sizeof(old.vector)) == 0, "0x%x",
				  n);
		}
	}
	munmap(code, CODE_BYTES);
}

/* Swapped operands give the same where the emitter says so; no NaN is among these. */
Test(wasm_simd, some_commute)
{
	unsigned commuting = 0;
	map_code();
	for (uint32_t n = 0; n < WASM_FD_COUNT; n++) {
		const struct wasm_vector_op *op = wasm_vector_op(n);
		const struct simd_code *insn = simd_code(n);
		if (op->shape == SIMD_ILLEGAL || !simd_commutes(insn))
			continue;
		commuting++;
		cr_assert(op->shape == SIMD_BINARY && simd_takes_memory(insn));
		for (unsigned i = 0; i < TRIALS; i++) {
			struct simd_args g = plain(op), swapped = g;
			struct state one, two;
			fill(&one);
			for (unsigned k = 0; k < 32; k++)
				one.vector[k / 16][k % 16] =
					(k & 3) == 3 ? 0x3f : (uint8_t)number();
			two = one;
			swapped.a = g.b;
			swapped.b = g.a;
			execute(insn, &g, WASM_CPU_AVX, &one);
			execute(insn, &swapped, WASM_CPU_AVX, &two);
			cr_assert(memcmp(one.vector[3], two.vector[3], 16) == 0, "0x%x", n);
		}
	}
	cr_assert(commuting == 36, "%u", commuting);
	munmap(code, CODE_BYTES);
}

/* More constants than are kept for one function: they go behind a jump, and the code goes on. */
Test(wasm_simd, constants_behind_a_jump)
{
	void (*run)(struct state *);
	enum { COUNT = 5 * SIMD_CONSTANTS_MAX };
	struct state s;
	map_code();
	struct x64 x = {code};
	struct simd_constants constants = {0};
	struct simd_emitter e = {
		.x = &x, .constants = &constants, .code = code, .cpu = WASM_CPU_AVX};
	uint64_t sum = 0;
	x64_push(&x, RBX);
	x64_vex_rrr(&x, X64_OP(1, 1, 0xef), 0, XMM1, XMM1, XMM1);
	for (uint64_t i = 0; i < COUNT; i++) {
		uint64_t halves[2] = {1 + (i * 7 & 255), i << 32};
		simd_const(&e, XMM0, (const uint8_t *)halves);
		x64_vex_rrr(&x, X64_OP(1, 1, 0xd4), 0, XMM1, XMM1, XMM0); /* paddq */
		sum += halves[0];
	}
	x64_rm(&x, OP_MOVUPS_STORE, 0, XMM1, at(0));
	x64_pop(&x, RBX);
	x64_ret(&x, 0);
	simd_flush(&e);
	cr_assert(mprotect(code, CODE_BYTES, PROT_READ | PROT_EXEC) == 0);
	memcpy(&run, &code, sizeof(run));
	run(&s);
	uint64_t got[2];
	memcpy(got, s.vector[0], 16);
	cr_assert(got[0] == sum && got[1] == (uint64_t)COUNT * (COUNT - 1) / 2 << 32);
	munmap(code, CODE_BYTES);
}
