/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The encoder of x86-64 instructions against objdump: every form of the table (wasm_encoder.h) and
 * every function of x64.h, with all registers, both widths and the edges of displacements and
 * immediates. What should come out is written from the operands alone, so an encoding that means
 * something else, or has another length, does not agree.
 */
#include "wasm_encoder.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CODE_BYTES (16u << 20)
#define LINES      1000000u
#define SHOWN      12

/* clang-format off */
static const char *const names64[] = {"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
				      "r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15"};
/* clang-format on */
/* clang-format off */
static const char *const names32[] = {"eax", "ecx", "edx",  "ebx",  "esp",  "ebp",  "esi",  "edi",
				      "r8d", "r9d", "r10d", "r11d", "r12d", "r13d", "r14d", "r15d"};
/* clang-format on */
/* clang-format off */
static const char *const names16[] = {"ax",  "cx",  "dx",   "bx",   "sp",   "bp",   "si",   "di",
				      "r8w", "r9w", "r10w", "r11w", "r12w", "r13w", "r14w", "r15w"};
/* clang-format on */
/* clang-format off */
static const char *const names8[] = {"al",  "cl",  "dl",   "bl",   "spl",  "bpl",  "sil",  "dil",
				     "r8b", "r9b", "r10b", "r11b", "r12b", "r13b", "r14b", "r15b"};
/* clang-format on */
/* clang-format off */
static const char *const conditions[] = {"o", "no", "b", "ae", "e", "ne", "be", "a",
					 "s", "ns", "p", "np", "l", "ge", "le", "g"};
/* clang-format on */
static const int32_t displacements[] = {0,    1,    -1,     127,       128,
					-128, -129, 0x1000, INT32_MAX, INT32_MIN};
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Instructions under way: their code, and for each its offset and what objdump should say. */
static uint8_t *code;
static struct x64 x;
static struct {
	uint32_t at;
	char text[80];
} * expected;
static uint32_t count;

static void begin(void)
{
	code = malloc(CODE_BYTES);
	expected = malloc(LINES * sizeof(*expected));
	cr_assert(code && expected);
	x.p = code;
	count = 0;
}

/* Says what the instruction that is emitted next should be. */
__attribute__((format(printf, 1, 2))) static void expect(const char *format, ...)
{
	va_list args;
	cr_assert(count < LINES && (uint32_t)(x.p - code) < CODE_BYTES - 64);
	expected[count].at = (uint32_t)(x.p - code);
	va_start(args, format);
	vsnprintf(expected[count++].text, sizeof(expected[0].text), format, args);
	va_end(args);
}

static const char *general(unsigned w, unsigned r)
{
	return (w ? names64 : names32)[r];
}

/* A register operand; t holds its text if it is an XMM register. */
static const char *operand(char kind, unsigned w, unsigned r, char t[16])
{
	switch (kind) {
	case 'g':
		return general(w, r);
	case 'd':
		return names32[r];
	case 'q':
		return names64[r];
	case 'h':
		return names16[r];
	case 'b':
		return names8[r];
	default:
		snprintf(t, 16, "xmm%u", r);
		return t;
	}
}

static const char *pointer_size(char kind, unsigned w)
{
	switch (kind) {
	case 'b':
		return "BYTE PTR ";
	case 'h':
		return "WORD PTR ";
	case 'd':
		return "DWORD PTR ";
	case 'q':
		return "QWORD PTR ";
	case 'w':
		return w ? "QWORD PTR " : "DWORD PTR ";
	case 'x':
		return "XMMWORD PTR ";
	default:
		return "";
	}
}

static const char *memory(char kind, unsigned w, struct x64_mem m, char t[64])
{
	const char *size = pointer_size(kind, w);
	unsigned base = x64_mem_base(m);
	size_t n = (size_t)snprintf(t, 64, "%s[%s", size, base == X64_NONE ? "rip" : names64[base]);
	if (m.index != X64_NONE)
		n += (size_t)snprintf(t + n, 64 - n, "+%s*%d", names64[m.index], 1 << (m.sib >> 6));
	if (m.disp < 0 && base == X64_NONE)
		n += (size_t)snprintf(t + n, 64 - n, "+0x%" PRIx64, (uint64_t)(int64_t)m.disp);
	else if (m.disp < 0)
		n += (size_t)snprintf(t + n, 64 - n, "-0x%" PRIx32, 0 - (uint32_t)m.disp);
	else if (m.disp > 0)
		n += (size_t)snprintf(t + n, 64 - n, "+0x%" PRIx32, (uint32_t)m.disp);
	snprintf(t + n, 64 - n, "]");
	return t;
}

/* objdump's line as the operands alone would have it: one space, no comment, no displacement of 0.
 */
static void normalise(char *s)
{
	char *to = s, *comment = strchr(s, '#');
	if (comment)
		*comment = '\0';
	for (const char *from = s; *from; from++)
		if (!strncmp(from, "+0x0]", 5))
			from += 3;
		else if (*from != ' ' || (to > s && to[-1] != ' '))
			*to++ = *from;
	while (to > s && (to[-1] == ' ' || to[-1] == '\n'))
		to--;
	*to = '\0';
}

/* Compares what was emitted with objdump's view of it, and ends the round that begin() began. */
static void check(void)
{
	char path[] = "/tmp/mote-encoder-XXXXXX", command[256], line[256];
	uint32_t seen = 0, wrong = 0, bytes = (uint32_t)(x.p - code);
	int fd = mkstemp(path);
	cr_assert(fd >= 0 && write(fd, code, bytes) == (ssize_t)bytes);
	close(fd);
	snprintf(command, sizeof(command),
		 "objdump -D -w -b binary -m i386:x86-64 -M intel --no-show-raw-insn %s", path);
	FILE *objdump = popen(command, "r");
	cr_assert(objdump != NULL);
	while (fgets(line, sizeof(line), objdump)) {
		char *tab = strchr(line, '\t'), *end;
		unsigned long at = strtoul(line, &end, 16);
		if (!tab || end == line || *end != ':')
			continue;
		normalise(tab + 1);
		bool good = seen < count && expected[seen].at == at &&
			    !strcmp(expected[seen].text, tab + 1);
		if (!good && wrong++ < SHOWN)
			cr_log_error("%lx: objdump has '%s', expected %x '%s'", at, tab + 1,
				     seen < count ? expected[seen].at : 0,
				     seen < count ? expected[seen].text : "");
		seen++;
	}
	cr_assert_eq(pclose(objdump), 0, "objdump failed; is binutils installed?");
	unlink(path);
	free(code);
	free(expected);
	cr_assert_eq(wrong, 0, "%u of %u instructions are not what they should be", wrong, count);
	cr_assert(seen == count && count > 0, "objdump found %u instructions, not %u", seen, count);
}

/* --- the table --- */

static void expect_form(const struct form *f, const char *reg, const char *v, const char *rm)
{
	const char *first = f->rm_first ? rm : reg, *last = f->rm_first ? reg : rm;
	char imm[16] = "", middle[24] = "";
	if (f->imm >= 0)
		snprintf(imm, sizeof(imm), ",0x%x", f->imm);
	if (v)
		snprintf(middle, sizeof(middle), "%s,", v);
	expect("%s %s,%s%s%s", f->name, first, middle, last, imm);
}

/* The byte behind: -2 - n is n that objdump shows as part of the name. */
static void put_imm(const struct form *f)
{
	if (f->imm != -1)
		x64_u8(&x, (unsigned)(f->imm >= 0 ? f->imm : -2 - f->imm));
}

static void emit_registers(const struct form *f, bool vex, unsigned w, unsigned reg, unsigned v,
			   unsigned rm)
{
	char t[3][16];
	if (!f->rm)
		return;
	expect_form(f, operand(f->reg, w, reg, t[0]),
		    f->v == '-' ? NULL : operand(f->v, w, v, t[1]), operand(f->rm, w, rm, t[2]));
	if (vex)
		x64_vex_rrr(&x, f->op, w, reg, f->v == '-' ? 0 : v, rm);
	else
		x64_rr(&x, f->op, w, f->reg == 'x' ? reg + XMM0 : reg,
		       f->rm == 'x' ? rm + XMM0 : rm);
	put_imm(f);
}

static void emit_memory(const struct form *f, bool vex, unsigned w, unsigned reg, unsigned v,
			struct x64_mem m)
{
	char t[2][16], mem[64];
	if (!f->mem)
		return;
	expect_form(f, operand(f->reg, w, reg, t[0]),
		    f->v == '-' ? NULL : operand(f->v, w, v, t[1]), memory(f->mem, w, m, mem));
	if (vex)
		x64_vex_rrm(&x, f->op, w, reg, f->v == '-' ? 0 : v, m);
	else
		x64_rm(&x, f->op, w, f->reg == 'x' ? reg + XMM0 : reg, m);
	put_imm(f);
}

/* Each register in each place, each kind of address with each displacement. */
static void emit_form(const struct form *f, bool vex, unsigned w)
{
	for (unsigned reg = 0; reg < 16; reg++)
		for (unsigned rm = 0; rm < 16; rm++)
			emit_registers(f, vex, w, reg, (reg * 5 + rm) % 16, rm);
	for (unsigned i = 0; i < COUNT(displacements); i++) {
		for (unsigned base = 0; base < 16; base++)
			emit_memory(f, vex, w, (base * 7 + i) % 16, (base + i) % 16,
				    x64_at(base, displacements[i]));
		emit_memory(f, vex, w, i, 15 - i, x64_at(X64_NONE, displacements[i]));
		for (unsigned index = 0; index < 16; index++)
			if (index != RSP)
				emit_memory(f, vex, w, index, i,
					    x64_at_index((index * 3 + i) % 16, index,
							 (index + i) % 4, displacements[i]));
	}
}

static void emit_table(const struct form *forms, size_t n, bool vex)
{
	for (size_t i = 0; i < n; i++)
		for (unsigned w = 0; w < 2; w++)
			if (forms[i].widths & 1 << w)
				emit_form(&forms[i], vex, w);
}

Test(wasm_encoder, legacy_forms)
{
	begin();
	emit_table(legacy_forms, COUNT(legacy_forms), false);
	check();
}

Test(wasm_encoder, vex_forms)
{
	begin();
	emit_table(vex_forms, COUNT(vex_forms), true);
	check();
}

Test(wasm_encoder, every_address)
{
	static const struct form load = LOAD("mov", OP_MOV_LOAD, 'g', 'g', 'w', WB);
	static const struct form vector = VEX("vpaddd", X64_OP(1, 1, 0xfe), 'x');
	begin();
	for (unsigned i = 0; i < COUNT(displacements); i++)
		for (unsigned base = 0; base < 16; base++)
			for (unsigned index = 0; index < 16; index++)
				for (unsigned scale = 0; scale < 4 && index != RSP; scale++) {
					struct x64_mem m =
						x64_at_index(base, index, scale, displacements[i]);
					emit_memory(&load, false, scale & 1, (base + index) % 16, 0,
						    m);
					emit_memory(&vector, true, 0, index, base, m);
				}
	check();
}

/* --- forms with numbers in their opcodes --- */

static const char *const alu_names[] = {"add", "or", "adc", "sbb", "and", "sub", "xor", "cmp"};

Test(wasm_encoder, alu_conditions_and_groups)
{
	static const char *const group3[] = {"", "", "not", "neg", "mul", "imul", "div", "idiv"};
	char name[16];
	begin();
	for (unsigned n = 0; n < 8; n++) {
		struct form f = LOAD(alu_names[n], OP_ALU(n), 'g', 'g', 'w', WB);
		struct form s = STORE(alu_names[n], OP_ALU_STORE(n), 'g', 'g', 'w', WB);
		struct form s16 = STORE(alu_names[n], OP_ALU_STORE16(n), 'h', 0, 'h', W0);
		struct form s8 = STORE(alu_names[n], OP_ALU_STORE8(n), 'b', 0, 'b', W0);
		emit_table(&f, 1, false);
		emit_table(&s, 1, false);
		emit_table(&s16, 1, false);
		emit_table(&s8, 1, false);
	}
	for (unsigned cc = 0; cc < 16; cc++) {
		snprintf(name, sizeof(name), "cmov%s", conditions[cc]);
		struct form f = LOAD(name, OP_CMOV(cc), 'g', 'g', 'w', WB);
		emit_table(&f, 1, false);
		for (unsigned r = 0; r < 16; r++) {
			expect("set%s %s", conditions[cc], names8[r]);
			x64_rr(&x, OP_SETCC(cc), 0, 0, r);
		}
	}
	for (unsigned n = 2; n < 8; n++)
		for (unsigned w = 0; w < 2; w++)
			for (unsigned r = 0; r < 16; r++) {
				expect("%s %s", group3[n], general(w, r));
				x64_group3(&x, n, w, r);
			}
	check();
}

Test(wasm_encoder, shifts)
{
	static const char *const names[] = {[SHIFT_ROL] = "rol",
					    [SHIFT_ROR] = "ror",
					    [SHIFT_SHL] = "shl",
					    [SHIFT_SHR] = "shr",
					    [SHIFT_SAR] = "sar"};
	static const unsigned counts[] = {0, 1, 31, 63};
	begin();
	for (unsigned s = 0; s < COUNT(names); s++)
		for (unsigned w = 0; w < 2 && names[s]; w++)
			for (unsigned r = 0; r < 16; r++) {
				for (unsigned i = 0; i < COUNT(counts); i++) {
					expect("%s %s,0x%x", names[s], general(w, r), counts[i]);
					x64_shift_imm(&x, s, w, r, counts[i]);
					expect("rorx %s,%s,0x%x", general(w, 15 - r), general(w, r),
					       counts[i]);
					x64_rorx(&x, w, 15 - r, r, counts[i]);
				}
				expect("%s %s,cl", names[s], general(w, r));
				x64_shift_cl(&x, s, w, r);
				for (unsigned n = 0; n < 16 && s >= SHIFT_SHL; n++) {
					expect("%sx %s,%s,%s", names[s], general(w, n),
					       general(w, r), general(w, (r + n) % 16));
					x64_shiftx(&x, s, w, n, r, (r + n) % 16);
				}
			}
	check();
}

/* A fourth register in the byte behind, and shifts, whose number stands where another register
 * would. */
Test(wasm_encoder, vex_with_more)
{
	static const struct {
		const char *name;
		uint32_t op;
	} blends[] = {{"vblendvps", X64_OP(1, 3, 0x4a)},
		      {"vblendvpd", X64_OP(1, 3, 0x4b)},
		      {"vpblendvb", X64_OP(1, 3, 0x4c)}};
	static const char *const vector_shifts[4][3] = {[1] = {"vpsrlw", "vpsraw", "vpsllw"},
							[2] = {"vpsrld", "vpsrad", "vpslld"},
							[3] = {"vpsrlq", NULL, "vpsllq"}};
	begin();
	for (unsigned r = 0; r < 16; r++)
		for (unsigned n = 0; n < 16; n++) {
			for (unsigned i = 0; i < COUNT(blends); i++) {
				expect("%s xmm%u,xmm%u,xmm%u,xmm%u", blends[i].name, r, n, 15 - r,
				       15 - n);
				x64_vex_rrr(&x, blends[i].op, 0, r, n, 15 - r);
				x64_u8(&x, (15 - n) << 4);
			}
			for (unsigned size = 1; size < 4; size++)
				for (unsigned i = 0; i < 3 && vector_shifts[size][i]; i++) {
					expect("%s xmm%u,xmm%u,0x%x", vector_shifts[size][i], r, n,
					       (r + n) % 16);
					x64_vex_rrr(&x, X64_OP(1, 1, 0x70 + size), 0, 2 + 2 * i, r,
						    n);
					x64_u8(&x, (r + n) % 16);
				}
		}
	check();
}

/* --- immediates --- */

static const int32_t immediates[] = {1,   0,   -1,     127,        128,       -128,     -129,
				     255, 256, 0x7fff, 0x12345678, INT32_MAX, INT32_MIN};

/* As objdump shows a sign-extended immediate of an operand of so many bytes. */
static uint64_t shown(unsigned bytes, int64_t imm)
{
	return bytes == 8 ? (uint64_t)imm : (uint64_t)imm & ((1ull << 8 * bytes) - 1);
}

Test(wasm_encoder, immediates)
{
	begin();
	for (unsigned i = 0; i < COUNT(immediates); i++)
		for (unsigned w = 0; w < 2; w++)
			for (unsigned r = 0; r < 16; r++) {
				int32_t imm = immediates[i];
				uint64_t text = shown(w ? 8 : 4, imm);
				struct x64_mem m =
					x64_at_index(r, (r | 1) ^ 8, i % 4,
						     displacements[(r + i) % COUNT(displacements)]);
				char t[64];
				for (unsigned n = 0; n < 8; n++) {
					expect("%s %s,0x%" PRIx64, alu_names[n], general(w, r),
					       text);
					x64_alu_imm(&x, n, w, r, imm);
					expect("%s %s,0x%" PRIx64, alu_names[n],
					       memory('w', w, m, t), text);
					x64_alu_mem_imm(&x, n, w, m, imm);
				}
				expect("test %s,0x%" PRIx64, general(w, r), text);
				x64_test_imm(&x, w, r, imm);
				expect("imul %s,%s,0x%" PRIx64, general(w, r), general(w, 15 - r),
				       text);
				x64_rr(&x, OP_IMUL_IMM32, w, r, 15 - r);
				x64_u32(&x, (uint32_t)imm);
				if (imm == (int8_t)imm) {
					expect("imul %s,%s,0x%" PRIx64, general(w, r),
					       general(w, 15 - r), text);
					x64_rr(&x, OP_IMUL_IMM8, w, r, 15 - r);
					x64_u8(&x, (uint8_t)imm);
				}
			}
	check();
}

Test(wasm_encoder, moves_of_immediates)
{
	static const uint64_t wide[] = {0,
					1,
					0x7fffffff,
					0x80000000,
					0xffffffff,
					0x100000000,
					0x7fffffffffffffff,
					0x8000000000000000,
					0xffffffff7fffffff,
					0xffffffff80000000,
					UINT64_MAX};
	static const char kinds[] = "bhdq";
	begin();
	for (unsigned r = 0; r < 16; r++) {
		for (unsigned i = 0; i < COUNT(wide); i++) {
			bool low = wide[i] == (uint32_t)wide[i],
			     extended = wide[i] >= 0xffffffff80000000;
			expect("%s %s,0x%" PRIx64, low || extended ? "mov" : "movabs",
			       low ? names32[r] : names64[r], wide[i]);
			x64_mov_imm(&x, r, wide[i]);
		}
		for (unsigned i = 0; i < COUNT(immediates); i++)
			for (unsigned k = 0; k < 4; k++) {
				struct x64_mem m =
					x64_at(r, displacements[(r + i) % COUNT(displacements)]);
				char t[64];
				expect("mov %s,0x%" PRIx64, memory(kinds[k], 0, m, t),
				       shown(1u << k, immediates[i]));
				x64_mov_mem_imm(&x, 1u << k, m, immediates[i]);
			}
	}
	check();
}

/* --- what has functions of its own --- */

Test(wasm_encoder, stack_jumps_and_the_rest)
{
	static const uint32_t distances[] = {0, 1, 0x7f, 0x80, 0x12345, 0xfffffff0};
	begin();
	for (unsigned r = 0; r < 16; r++) {
		struct x64_mem m = x64_at_index(r, (r | 1) ^ 2, r % 4,
						displacements[r % COUNT(displacements)]);
		char t[64];
		expect("push %s", names64[r]);
		x64_push(&x, r);
		expect("pop %s", names64[r]);
		x64_pop(&x, r);
		expect("jmp %s", names64[r]);
		x64_jmp_reg(&x, r);
		expect("jmp %s", memory('q', 1, m, t));
		x64_jmp_mem(&x, m);
		expect("call %s", memory('q', 1, m, t));
		x64_call_mem(&x, m);
		expect("xor %s,%s", names32[r], names32[r]);
		x64_zero(&x, r);
		for (unsigned w = 0; w < 2; w++) {
			expect("mov %s,%s", general(w, r), general(w, 15 - r));
			x64_mov_rr(&x, w, r, 15 - r);
			expect("lea %s,%s", general(w, r), memory('a', w, m, t));
			x64_lea(&x, w, r, m);
		}
	}
	for (unsigned i = 0; i < COUNT(distances); i++) {
		uint64_t here = (uint64_t)(x.p - code) + 5;
		expect("jmp 0x%" PRIx64, here + (uint64_t)(int64_t)(int32_t)distances[i]);
		x64_jmp32(&x, distances[i]);
		here += 5;
		expect("call 0x%" PRIx64, here + (uint64_t)(int64_t)(int32_t)distances[i]);
		x64_call32(&x, distances[i]);
		for (unsigned cc = 0; cc < 16; cc++) {
			here += 6;
			expect("j%s 0x%" PRIx64, conditions[cc],
			       here + (uint64_t)(int64_t)(int32_t)distances[i]);
			x64_jcc32(&x, cc, distances[i]);
		}
	}
	for (unsigned cc = 0; cc <= 16; cc++) {
		expect("j%s 0x%" PRIx64, cc < 16 ? conditions[cc] : "mp",
		       (uint64_t)(x.p - code) + 2 + 10);
		uint8_t *from = cc < 16 ? x64_short_jcc(&x, cc) : x64_short_jmp(&x);
		expect("movabs r9,0x1122334455667788");
		x64_mov_imm(&x, R9, 0x1122334455667788);
		x64_here(&x, from);
	}
	expect("cdq");
	x64_cqo(&x, 0);
	expect("cqo");
	x64_cqo(&x, 1);
	expect("ret");
	x64_ret(&x, 0);
	expect("ret 0x128");
	x64_ret(&x, 0x128);
	expect("ud2");
	x64_ud2(&x, 0x90); /* its reason, a nop to objdump */
	x.p--;
	expect("nop");
	x.p++;
	check();
}
