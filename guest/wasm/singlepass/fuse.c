/* SPDX-License-Identifier: Apache-2.0 */
/* Which instructions can be done together with the one before: a table from module/opcodes.def. */
#include "guest/wasm/singlepass/fuse.h"

#define IF(condition, flags) ((condition) * (flags))
#define TYPE_BIT(type)                                                               \
	(IF((type) == OPERAND_I32, FUSE_I32) | IF((type) == OPERAND_I64, FUSE_I64) | \
	 IF((type) == OPERAND_F32, FUSE_F32) | IF((type) == OPERAND_F64, FUSE_F64))
#define ANY_TYPE             (FUSE_I32 | FUSE_I64 | FUSE_F32 | FUSE_F64)
#define IS_COMPARISON(class) ((class) == CLASS_COMPARE || (class) == CLASS_FLOAT_COMPARE)
#define IS_CONSTANT(class)   ((class) == CLASS_CONST || (class) == CLASS_FLOAT_CONST)
/* The x86-64 forms with a memory operand that costs no more than a register's. */
#define TAKES_MEMORY(class, operation)                                                   \
	((class) == CLASS_TEST || IS_COMPARISON(class) || (class) == CLASS_ARITHMETIC || \
	 (class) == CLASS_MULTIPLY ||                                                    \
	 ((class) == CLASS_FLOAT_BINARY && (operation) <= OPERATION_DIV))
#define COMMUTES(class, operation)                                                           \
	(TAKES_MEMORY(class, operation) && (class) != CLASS_TEST && !IS_COMPARISON(class) && \
	 (operation) != OPERATION_SUB && (operation) != OPERATION_DIV)
#define TAKES_CONDITION(op)                                                       \
	((op) == WASM_OP_IF || (op) == WASM_OP_BR_IF || (op) == WASM_OP_SELECT || \
	 (op) == WASM_OP_I32_EQZ)

#define ROW(op, class, operation, operand, result)                                                 \
	(IF(TAKES_MEMORY(class, operation), TYPE_BIT(operand)) |                                   \
	 IF(IS_CONSTANT(class), FUSE_PUSHES | TYPE_BIT(result)) |                                  \
	 IF((class) == CLASS_CONST, FUSE_SHORT_PUSH) |                                             \
	 IF((op) == WASM_OP_LOCAL_GET, FUSE_PUSHES | FUSE_SHORT_PUSH | ANY_TYPE) |                 \
	 IF(IS_COMPARISON(class), FUSE_COMPARES) | IF(COMMUTES(class, operation), FUSE_COMMUTES) | \
	 IF(TAKES_CONDITION(op), FUSE_CONDITION))

_Static_assert(OPERATION_ADD < OPERATION_DIV && OPERATION_SUB < OPERATION_DIV &&
		       OPERATION_MUL < OPERATION_DIV && OPERATION_MIN > OPERATION_DIV,
	       "floats with a memory operand are those up to div");

const uint16_t fusions[256] = {
#define OP(byte, name, imm, class, operation, operand, result, ...)                           \
	[byte] = ROW(WASM_OP_##name, CLASS_##class, OPERATION_##operation, OPERAND_##operand, \
		     OPERAND_##result),
#include "guest/wasm/module/opcodes.def"
};
