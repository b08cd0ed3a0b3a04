/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The instructions' rows (opcodes.def) as tables. A byte or number that stands twice does not
 * compile.
 */
#include "guest/wasm/module/opcodes.h"

const struct wasm_opcode wasm_opcodes[256] = {
#define OP(byte, name, imm, class_, operation_, operand_, result_, feature_, constant_) \
	[byte] = {.class = CLASS_##class_,                                              \
		  .operation = OPERATION_##operation_,                                  \
		  .operand = OPERAND_##operand_,                                        \
		  .result = OPERAND_##result_,                                          \
		  .immediate = IMM_##imm,                                               \
		  .feature = FEATURE_##feature_,                                        \
		  .constant = FEATURE_##constant_},
#include "guest/wasm/module/opcodes.def"
};

static const struct wasm_opcode behind_fb[WASM_FB_COUNT] = {
#define OP_FB(number, name, imm, class_, feature_, constant_) \
	[number] = {.class = CLASS_##class_,                  \
		    .immediate = IMM_##imm,                   \
		    .feature = FEATURE_##feature_,            \
		    .constant = FEATURE_##constant_},
#include "guest/wasm/module/opcodes.def"
};

static const struct wasm_opcode behind_fc[WASM_FC_COUNT] = {
#define OP_FC(number, name, imm, class_, operation_, operand_, result_, feature_) \
	[number] = {.class = CLASS_##class_,                                      \
		    .operation = OPERATION_##operation_,                          \
		    .operand = OPERAND_##operand_,                                \
		    .result = OPERAND_##result_,                                  \
		    .immediate = IMM_##imm,                                       \
		    .feature = FEATURE_##feature_},
#include "guest/wasm/module/opcodes.def"
};

static const struct wasm_vector_op behind_fd[WASM_FD_COUNT] = {
#define OP_FD(number, name, shape_, scalar_, lanes_, natural_, feature_) \
	[number] = {.shape = SIMD_##shape_,                              \
		    .scalar = OPERAND_##scalar_,                         \
		    .lanes = lanes_,                                     \
		    .natural = natural_,                                 \
		    .feature = FEATURE_##feature_},
#include "guest/wasm/module/opcodes.def"
};

static const struct wasm_atomic_op behind_fe[WASM_FE_COUNT] = {
#define OP_FE(number, name, kind_, type_, bytes) \
	[number] = {.kind = ATOMIC_##kind_, .type = OPERAND_##type_, .natural = OPERATION_##bytes},
#include "guest/wasm/module/opcodes.def"
};

const struct wasm_opcode *wasm_opcode_fb(uint32_t number)
{
	static const struct wasm_opcode illegal;
	return number < WASM_FB_COUNT ? &behind_fb[number] : &illegal;
}

const struct wasm_opcode *wasm_opcode_fc(uint32_t number)
{
	static const struct wasm_opcode illegal;
	return number < WASM_FC_COUNT ? &behind_fc[number] : &illegal;
}

const struct wasm_vector_op *wasm_vector_op(uint32_t number)
{
	static const struct wasm_vector_op illegal;
	return number < WASM_FD_COUNT ? &behind_fd[number] : &illegal;
}

const struct wasm_atomic_op *wasm_atomic_op(uint32_t number)
{
	static const struct wasm_atomic_op illegal;
	return number < WASM_FE_COUNT ? &behind_fe[number] : &illegal;
}
