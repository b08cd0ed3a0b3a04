/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The encoder's forms as a table: what the engine emits through x64_rr(), x64_rm() and their VEX
 * relatives, with the name that objdump gives. A new opcode needs a line here and nothing else.
 */
#ifndef MOTE_TEST_WASM_ENCODER_H
#define MOTE_TEST_WASM_ENCODER_H

#include "guest/wasm/x86_64/x64.h"

/*
 * Operands: g a general register of the form's width, d of 32 bits, q of 64, b of 8, h of 16, x
 * XMM, - none. mem is the size of a memory operand in its place: w by the form's width, b, h, d, q,
 * x, a bare address, 0 none.
 */
struct form {
	const char *name;
	uint32_t op;
	char reg, v, rm, mem;
	uint8_t widths;   /* W0, W1, WB: values of the 64-bit bit */
	uint8_t rm_first; /* as objdump prints them */
	int imm;          /* a byte that follows, or -1 */
};
enum { W0 = 1, W1 = 2, WB = 3 };

#define LOAD(name, op, reg, rm, mem, widths)               \
	{                                                  \
		name, op, reg, '-', rm, mem, widths, 0, -1 \
	}
#define STORE(name, op, reg, rm, mem, widths)              \
	{                                                  \
		name, op, reg, '-', rm, mem, widths, 1, -1 \
	}

static const struct form legacy_forms[] = {
	LOAD("mov", OP_MOV_LOAD, 'g', 'g', 'w', WB),
	STORE("mov", OP_MOV_STORE, 'g', 0, 'w', WB),
	STORE("mov", OP_MOV_STORE8, 'b', 0, 'b', W0),
	STORE("mov", OP_MOV_STORE16, 'h', 0, 'h', W0),
	LOAD("movzx", OP_MOVZX8, 'g', 'b', 'b', WB),
	LOAD("movzx", OP_MOVZX16, 'g', 'h', 'h', WB),
	LOAD("movsx", OP_MOVSX8, 'g', 'b', 'b', WB),
	LOAD("movsx", OP_MOVSX16, 'g', 'h', 'h', WB),
	LOAD("movsxd", OP_MOVSXD, 'g', 'd', 'd', W1),
	LOAD("lea", OP_LEA, 'g', 0, 'a', WB),
	STORE("test", OP_TEST, 'g', 'g', 'w', WB),
	STORE("xchg", OP_XCHG, 'g', 'g', 'w', WB),
	LOAD("imul", OP_IMUL, 'g', 'g', 'w', WB),
	LOAD("popcnt", OP_POPCNT, 'g', 'g', 'w', WB),
	LOAD("lzcnt", OP_LZCNT, 'g', 'g', 'w', WB),
	LOAD("tzcnt", OP_TZCNT, 'g', 'g', 'w', WB),
	LOAD("bsf", OP_BSF, 'g', 'g', 'w', WB),
	LOAD("bsr", OP_BSR, 'g', 'g', 'w', WB),
	LOAD("movaps", OP_MOVAPS, 'x', 'x', 'x', W0),
	LOAD("movups", OP_MOVUPS_LOAD, 'x', 'x', 'x', W0),
	STORE("movups", OP_MOVUPS_STORE, 'x', 0, 'x', W0),
	LOAD("movss", OP_MOVSS_LOAD, 'x', 'x', 'd', W0),
	STORE("movss", OP_MOVSS_STORE, 'x', 0, 'd', W0),
	LOAD("movsd", OP_MOVSD_LOAD, 'x', 'x', 'q', W0),
	STORE("movsd", OP_MOVSD_STORE, 'x', 0, 'q', W0),
	LOAD("movd", OP_MOVD_TO_XMM, 'x', 'd', 'd', W0),
	LOAD("movq", OP_MOVD_TO_XMM, 'x', 'q', 'q', W1),
	STORE("movd", OP_MOVD_FROM_XMM, 'x', 'd', 'd', W0),
	STORE("movq", OP_MOVD_FROM_XMM, 'x', 'q', 'q', W1),
	LOAD("movq", OP_MOVQ_LOAD, 'x', 'x', 'q', W0),
	LOAD("xorps", OP_XORPS, 'x', 'x', 'x', W0),
	LOAD("andps", OP_ANDPS, 'x', 'x', 'x', W0),
	LOAD("andnps", OP_ANDNPS, 'x', 'x', 'x', W0),
	LOAD("orps", OP_ORPS, 'x', 'x', 'x', W0),
	LOAD("ucomiss", OP_UCOMISS, 'x', 'x', 'd', W0),
	LOAD("ucomisd", OP_UCOMISD, 'x', 'x', 'q', W0),
	LOAD("addss", X64_OP(2, 1, 0x58), 'x', 'x', 'd', W0),
	LOAD("addsd", X64_OP(3, 1, 0x58), 'x', 'x', 'q', W0),
	LOAD("mulss", X64_OP(2, 1, 0x59), 'x', 'x', 'd', W0),
	LOAD("mulsd", X64_OP(3, 1, 0x59), 'x', 'x', 'q', W0),
	LOAD("subss", X64_OP(2, 1, 0x5c), 'x', 'x', 'd', W0),
	LOAD("subsd", X64_OP(3, 1, 0x5c), 'x', 'x', 'q', W0),
	LOAD("divss", X64_OP(2, 1, 0x5e), 'x', 'x', 'd', W0),
	LOAD("divsd", X64_OP(3, 1, 0x5e), 'x', 'x', 'q', W0),
	LOAD("minss", X64_OP(2, 1, 0x5d), 'x', 'x', 'd', W0),
	LOAD("minsd", X64_OP(3, 1, 0x5d), 'x', 'x', 'q', W0),
	LOAD("maxss", X64_OP(2, 1, 0x5f), 'x', 'x', 'd', W0),
	LOAD("maxsd", X64_OP(3, 1, 0x5f), 'x', 'x', 'q', W0),
	LOAD("sqrtss", X64_OP(2, 1, 0x51), 'x', 'x', 'd', W0),
	LOAD("sqrtsd", X64_OP(3, 1, 0x51), 'x', 'x', 'q', W0),
	LOAD("cvtsi2ss", X64_OP(2, 1, 0x2a), 'x', 'g', 0, WB),
	LOAD("cvtsi2sd", X64_OP(3, 1, 0x2a), 'x', 'g', 0, WB),
	LOAD("cvttss2si", X64_OP(2, 1, 0x2c), 'g', 'x', 'd', WB),
	LOAD("cvttsd2si", X64_OP(3, 1, 0x2c), 'g', 'x', 'q', WB),
	LOAD("cvtss2sd", X64_OP(2, 1, 0x5a), 'x', 'x', 'd', W0),
	LOAD("cvtsd2ss", X64_OP(3, 1, 0x5a), 'x', 'x', 'q', W0),
	{"roundss", X64_OP(1, 3, 0x0a), 'x', '-', 'x', 'd', W0, 0, 0x0b},
	{"roundsd", X64_OP(1, 3, 0x0b), 'x', '-', 'x', 'q', W0, 0, 0x09},
	{"imul", OP_IMUL_IMM8, 'g', '-', 'g', 'w', WB, 0, 0x7f},
};

#define VEX(name, op, mem)                              \
	{                                               \
		name, op, 'x', 'x', 'x', mem, W0, 0, -1 \
	} /* dst, a, b */
#define VEX2(name, op, mem)                             \
	{                                               \
		name, op, 'x', '-', 'x', mem, W0, 0, -1 \
	} /* dst, a */
#define VEX_IMM(name, op, imm)                           \
	{                                                \
		name, op, 'x', 'x', 'x', 'x', W0, 0, imm \
	} /* dst, a, b, imm */
#define VEX2_IMM(name, op, imm)                          \
	{                                                \
		name, op, 'x', '-', 'x', 'x', W0, 0, imm \
	}
#define P(byte)   X64_OP(1, 1, byte)
#define P38(byte) X64_OP(1, 2, byte)
#define P3A(byte) X64_OP(1, 3, byte)
#define NP(byte)  X64_OP(0, 1, byte)

static const struct form vex_forms[] = {
	VEX2("vmovups", OP_MOVUPS_LOAD, 'x'),
	{"vmovups", OP_MOVUPS_STORE, 'x', '-', 0, 'x', W0, 1, -1},
	VEX2("vmovaps", NP(0x28), 'x'),
	{"vmovss", OP_MOVSS_LOAD, 'x', '-', 0, 'd', W0, 0, -1},
	{"vmovsd", OP_MOVSD_LOAD, 'x', '-', 0, 'q', W0, 0, -1},
	{"vmovsd", X64_OP(3, 1, 0x10), 'x', 'x', 'x', 0, W0, 0, -1},
	{"vmovd", P(0x6e), 'x', '-', 'd', 'd', W0, 0, -1},
	{"vmovq", P(0x6e), 'x', '-', 'q', 'q', W1, 0, -1},
	{"vmovd", P(0x7e), 'x', '-', 'd', 'd', W0, 1, -1},
	{"vmovq", P(0x7e), 'x', '-', 'q', 'q', W1, 1, -1},
	VEX2("vmovddup", X64_OP(3, 1, 0x12), 'q'),
	VEX("vpand", P(0xdb), 'x'),
	VEX("vpandn", P(0xdf), 'x'),
	VEX("vpor", P(0xeb), 'x'),
	VEX("vpxor", P(0xef), 'x'),
	VEX("vpaddb", P(0xfc), 'x'),
	VEX("vpaddw", P(0xfd), 'x'),
	VEX("vpaddd", P(0xfe), 'x'),
	VEX("vpaddq", P(0xd4), 'x'),
	VEX("vpsubb", P(0xf8), 'x'),
	VEX("vpsubw", P(0xf9), 'x'),
	VEX("vpsubd", P(0xfa), 'x'),
	VEX("vpsubq", P(0xfb), 'x'),
	VEX("vpaddsb", P(0xec), 'x'),
	VEX("vpaddsw", P(0xed), 'x'),
	VEX("vpaddusb", P(0xdc), 'x'),
	VEX("vpaddusw", P(0xdd), 'x'),
	VEX("vpsubsb", P(0xe8), 'x'),
	VEX("vpsubsw", P(0xe9), 'x'),
	VEX("vpsubusb", P(0xd8), 'x'),
	VEX("vpsubusw", P(0xd9), 'x'),
	VEX("vpcmpeqb", P(0x74), 'x'),
	VEX("vpcmpeqw", P(0x75), 'x'),
	VEX("vpcmpeqd", P(0x76), 'x'),
	VEX("vpcmpeqq", P38(0x29), 'x'),
	VEX("vpcmpgtb", P(0x64), 'x'),
	VEX("vpcmpgtw", P(0x65), 'x'),
	VEX("vpcmpgtd", P(0x66), 'x'),
	VEX("vpcmpgtq", P38(0x37), 'x'),
	VEX("vpminub", P(0xda), 'x'),
	VEX("vpmaxub", P(0xde), 'x'),
	VEX("vpminsb", P38(0x38), 'x'),
	VEX("vpmaxsb", P38(0x3c), 'x'),
	VEX("vpminsw", P(0xea), 'x'),
	VEX("vpmaxsw", P(0xee), 'x'),
	VEX("vpminuw", P38(0x3a), 'x'),
	VEX("vpmaxuw", P38(0x3e), 'x'),
	VEX("vpminsd", P38(0x39), 'x'),
	VEX("vpmaxsd", P38(0x3d), 'x'),
	VEX("vpminud", P38(0x3b), 'x'),
	VEX("vpmaxud", P38(0x3f), 'x'),
	VEX("vpavgb", P(0xe0), 'x'),
	VEX("vpavgw", P(0xe3), 'x'),
	VEX("vpmullw", P(0xd5), 'x'),
	VEX("vpmulld", P38(0x40), 'x'),
	VEX("vpmulhw", P(0xe5), 'x'),
	VEX("vpmulhuw", P(0xe4), 'x'),
	VEX("vpmulhrsw", P38(0x0b), 'x'),
	VEX("vpmuludq", P(0xf4), 'x'),
	VEX("vpmuldq", P38(0x28), 'x'),
	VEX("vpmaddwd", P(0xf5), 'x'),
	VEX("vpmaddubsw", P38(0x04), 'x'),
	VEX("vpacksswb", P(0x63), 'x'),
	VEX("vpackuswb", P(0x67), 'x'),
	VEX("vpackssdw", P(0x6b), 'x'),
	VEX("vpackusdw", P38(0x2b), 'x'),
	VEX("vpunpcklbw", P(0x60), 'x'),
	VEX("vpunpckhbw", P(0x68), 'x'),
	VEX("vpunpcklwd", P(0x61), 'x'),
	VEX("vpunpckhwd", P(0x69), 'x'),
	VEX("vpunpckldq", P(0x62), 'x'),
	VEX("vpunpckhdq", P(0x6a), 'x'),
	VEX("vpunpcklqdq", P(0x6c), 'x'),
	VEX("vpunpckhqdq", P(0x6d), 'x'),
	VEX("vpshufb", P38(0x00), 'x'),
	VEX("vpsllw", P(0xf1), 'x'),
	VEX("vpslld", P(0xf2), 'x'),
	VEX("vpsllq", P(0xf3), 'x'),
	VEX("vpsrlw", P(0xd1), 'x'),
	VEX("vpsrld", P(0xd2), 'x'),
	VEX("vpsrlq", P(0xd3), 'x'),
	VEX("vpsraw", P(0xe1), 'x'),
	VEX("vpsrad", P(0xe2), 'x'),
	VEX2("vpabsb", P38(0x1c), 'x'),
	VEX2("vpabsw", P38(0x1d), 'x'),
	VEX2("vpabsd", P38(0x1e), 'x'),
	VEX2("vptest", P38(0x17), 'x'),
	VEX2("vpmovsxbw", P38(0x20), 'q'),
	VEX2("vpmovzxbw", P38(0x30), 'q'),
	VEX2("vpmovsxwd", P38(0x23), 'q'),
	VEX2("vpmovzxwd", P38(0x33), 'q'),
	VEX2("vpmovsxdq", P38(0x25), 'q'),
	VEX2("vpmovzxdq", P38(0x35), 'q'),
	VEX2("vpbroadcastb", P38(0x78), 'b'),
	VEX2("vpbroadcastw", P38(0x79), 'h'),
	VEX2("vbroadcastss", P38(0x18), 'd'),
	VEX("vaddps", NP(0x58), 'x'),
	VEX("vaddpd", P(0x58), 'x'),
	VEX("vsubps", NP(0x5c), 'x'),
	VEX("vsubpd", P(0x5c), 'x'),
	VEX("vmulps", NP(0x59), 'x'),
	VEX("vmulpd", P(0x59), 'x'),
	VEX("vdivps", NP(0x5e), 'x'),
	VEX("vdivpd", P(0x5e), 'x'),
	VEX("vminps", NP(0x5d), 'x'),
	VEX("vminpd", P(0x5d), 'x'),
	VEX("vmaxps", NP(0x5f), 'x'),
	VEX("vmaxpd", P(0x5f), 'x'),
	VEX2("vsqrtps", NP(0x51), 'x'),
	VEX2("vsqrtpd", P(0x51), 'x'),
	VEX2("vcvtdq2ps", NP(0x5b), 'x'),
	VEX2("vcvttps2dq", X64_OP(2, 1, 0x5b), 'x'),
	VEX2("vcvtdq2pd", X64_OP(2, 1, 0xe6), 'q'),
	VEX2("vcvttpd2dq", P(0xe6), 0),
	VEX2("vcvtps2pd", NP(0x5a), 'q'),
	VEX2("vcvtpd2ps", P(0x5a), 0),
	VEX("vaddss", X64_OP(2, 1, 0x58), 'd'),
	VEX("vaddsd", X64_OP(3, 1, 0x58), 'q'),
	VEX("vmulss", X64_OP(2, 1, 0x59), 'd'),
	VEX("vmulsd", X64_OP(3, 1, 0x59), 'q'),
	VEX("vsubss", X64_OP(2, 1, 0x5c), 'd'),
	VEX("vsubsd", X64_OP(3, 1, 0x5c), 'q'),
	VEX("vdivss", X64_OP(2, 1, 0x5e), 'd'),
	VEX("vdivsd", X64_OP(3, 1, 0x5e), 'q'),
	VEX("vminss", X64_OP(2, 1, 0x5d), 'd'),
	VEX("vminsd", X64_OP(3, 1, 0x5d), 'q'),
	VEX("vmaxss", X64_OP(2, 1, 0x5f), 'd'),
	VEX("vmaxsd", X64_OP(3, 1, 0x5f), 'q'),
	VEX("vunpcklps", NP(0x14), 'x'),
	{"vmovlhps", NP(0x16), 'x', 'x', 'x', 0, W0, 0, -1},
	{"vpmovmskb", P(0xd7), 'd', '-', 'x', 0, W0, 0, -1},
	{"vmovmskps", NP(0x50), 'd', '-', 'x', 0, W0, 0, -1},
	{"vmovmskpd", P(0x50), 'd', '-', 'x', 0, W0, 0, -1},
	VEX2_IMM("vpshufd", P(0x70), 0x4e),
	VEX2_IMM("vpshuflw", X64_OP(3, 1, 0x70), 0xe4),
	VEX2_IMM("vroundps", P3A(0x08), 0x0b),
	VEX2_IMM("vroundpd", P3A(0x09), 0x09),
	VEX_IMM("vshufps", NP(0xc6), 0x88),
	VEX_IMM("vpblendw", P3A(0x0e), 0xf0),
	VEX_IMM("vpalignr", P3A(0x0f), 0x08),
	VEX_IMM("vcmpeqps", NP(0xc2), -2 - 0),
	VEX_IMM("vcmpneqpd", P(0xc2), -2 - 4),
	VEX_IMM("vcmpgtps", NP(0xc2), -2 - 0x0e),
	{"vinsertps", P3A(0x21), 'x', 'x', 'x', 'd', W0, 0, 0x10},
	{"vpinsrb", P3A(0x20), 'x', 'x', 'd', 'b', W0, 0, 0x0f},
	{"vpinsrw", P(0xc4), 'x', 'x', 'd', 'h', W0, 0, 0x07},
	{"vpinsrd", P3A(0x22), 'x', 'x', 'd', 'd', W0, 0, 0x03},
	{"vpinsrq", P3A(0x22), 'x', 'x', 'q', 'q', W1, 0, 0x01},
	{"vpextrb", P3A(0x14), 'x', '-', 'd', 'b', W0, 1, 0x0f},
	{"vpextrw", P3A(0x15), 'x', '-', 'd', 'h', W0, 1, 0x07},
	{"vpextrd", P3A(0x16), 'x', '-', 'd', 'd', W0, 1, 0x03},
	{"vpextrq", P3A(0x16), 'x', '-', 'q', 'q', W1, 1, 0x01},
	{"vfmadd213ps", P38(0xa8), 'x', 'x', 'x', 'x', W0, 0, -1},
	{"vfmadd213pd", P38(0xa8), 'x', 'x', 'x', 'x', W1, 0, -1},
	{"vfnmadd213ps", P38(0xac), 'x', 'x', 'x', 'x', W0, 0, -1},
	{"vfnmadd213pd", P38(0xac), 'x', 'x', 'x', 'x', W1, 0, -1},
};

#undef P
#undef P38
#undef P3A
#undef NP

#endif
