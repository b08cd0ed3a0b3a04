/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The instructions by name and what is known of each: generated from opcodes.def, which explains
 * the columns.
 */
#ifndef MOTE_GUEST_WASM_MODULE_OPCODES_H
#define MOTE_GUEST_WASM_MODULE_OPCODES_H

#include <stdint.h>

#include "guest/wasm/module/features.h"
#include "guest/wasm/wasm.h"

enum wasm_op {
#define OP(byte, name, ...) WASM_OP_##name = byte,
#include "guest/wasm/module/opcodes.def"
};

/* Behind WASM_OP_PREFIX_FB, as a number. */
enum wasm_op_fb {
#define OP_FB(number, name, ...) WASM_FB_##name = number,
#include "guest/wasm/module/opcodes.def"
	WASM_FB_COUNT
};

/* Behind WASM_OP_PREFIX_FC, as a number. */
enum wasm_op_fc {
#define OP_FC(number, name, ...) WASM_FC_##name = number,
#include "guest/wasm/module/opcodes.def"
	WASM_FC_COUNT
};

/* Behind WASM_OP_PREFIX_FD, as a number. */
enum wasm_op_fd {
#define OP_FD(number, name, ...) WASM_FD_##name = number,
#include "guest/wasm/module/opcodes.def"
	WASM_FD_COUNT
};

/* Behind WASM_OP_PREFIX_FE, as a number. */
enum wasm_op_fe {
#define OP_FE(number, name, ...) WASM_FE_##name = number,
#include "guest/wasm/module/opcodes.def"
	WASM_FE_COUNT
};

/* What follows an opcode. Indices and numbers are in LEB128. */
enum wasm_immediate {
	IMM_NONE,
	IMM_INDEX,
	IMM_TWO_INDICES,
	IMM_S32,
	IMM_S64,
	IMM_BYTES_4,
	IMM_BYTES_8,
	IMM_MEMARG,    /* alignment, perhaps a memory's index, offset */
	IMM_BLOCKTYPE, /* a value type, or a function type's index */
	IMM_LABELS,    /* how many, so many labels, and the default */
	IMM_CATCHES,   /* a block type, how many, and each: kind, perhaps a tag, label */
	IMM_TYPES,     /* how many (1), and value types */
	IMM_HEAPTYPE,
	IMM_CAST,   /* a byte of flags, a label, and two heap types */
	IMM_PREFIX, /* the number of an instruction */
};

/* Instructions that are checked and compiled alike. */
enum wasm_class {
	CLASS_ILLEGAL, /* no instruction of any version */
	CLASS_UNSUPPORTED,
	CLASS_UNREACHABLE,
	CLASS_NOP,
	CLASS_BLOCK,
	CLASS_LOOP,
	CLASS_ELSE,
	CLASS_END,
	CLASS_BR,
	CLASS_BR_IF,
	CLASS_BR_TABLE,
	CLASS_RETURN,
	CLASS_TRY_TABLE,
	CLASS_THROW,
	CLASS_THROW_REF,
	CLASS_TRY, /* this and the following: the legacy encoding */
	CLASS_CATCH,
	CLASS_DELEGATE,
	CLASS_RETHROW,
	CLASS_CALL,
	CLASS_CALL_INDIRECT,
	CLASS_CALL_REF,
	CLASS_TAIL_CALL,
	CLASS_TAIL_CALL_INDIRECT,
	CLASS_TAIL_CALL_REF,
	CLASS_DROP,
	CLASS_SELECT,
	CLASS_SELECT_TYPED,
	CLASS_LOCAL,
	CLASS_GLOBAL,
	CLASS_TABLE_ACCESS,
	CLASS_LOAD,
	CLASS_STORE,
	CLASS_MEMORY_SIZE,
	CLASS_MEMORY_GROW,
	CLASS_CONST,
	CLASS_FLOAT_CONST,
	CLASS_TEST,
	CLASS_COMPARE,
	CLASS_FLOAT_COMPARE,
	CLASS_COUNT,
	CLASS_ARITHMETIC,
	CLASS_MULTIPLY,
	CLASS_DIVIDE,
	CLASS_SHIFT,
	CLASS_FLOAT_UNARY,
	CLASS_FLOAT_BINARY,
	CLASS_CONVERT,
	CLASS_SATURATE,
	CLASS_REF_NULL,
	CLASS_REF_IS_NULL,
	CLASS_REF_FUNC,
	CLASS_REF_EQ,
	CLASS_STRUCT_NEW, /* this and the following after 0xfb */
	CLASS_STRUCT_GET,
	CLASS_STRUCT_SET,
	CLASS_ARRAY_NEW,
	CLASS_ARRAY_FIXED,
	CLASS_ARRAY_GET,
	CLASS_ARRAY_SET,
	CLASS_ARRAY_LEN,
	CLASS_ARRAY_BULK,
	CLASS_REF_TEST,
	CLASS_REF_CAST,
	CLASS_BR_ON_CAST,
	CLASS_REF_CONVERT,
	CLASS_REF_I31,
	CLASS_I31_GET,
	CLASS_REF_AS_NON_NULL,
	CLASS_BR_ON_NULL,
	CLASS_BR_ON_NON_NULL,
	CLASS_BULK, /* whole pieces of memories and tables, segments */
	CLASS_TABLE_SIZE,
	CLASS_WIDE, /* integers of 128 bits as pairs */
	CLASS_PREFIX_FB,
	CLASS_PREFIX_FC,
	CLASS_PREFIX_FD,
	CLASS_PREFIX_FE,
	CLASSES
};

enum wasm_operation {
	OPERATION_NONE = 0,
	/* Of accesses: log2 of the bytes. */
	OPERATION_BYTES_1 = 0,
	OPERATION_BYTES_2,
	OPERATION_BYTES_4,
	OPERATION_BYTES_8,
	/* Of integers and floats. */
	OPERATION_ADD,
	OPERATION_SUB,
	OPERATION_MUL,
	OPERATION_MUL_S,
	OPERATION_MUL_U,
	OPERATION_DIV,
	OPERATION_MIN,
	OPERATION_MAX,
	OPERATION_COPYSIGN,
	OPERATION_AND,
	OPERATION_OR,
	OPERATION_XOR,
	OPERATION_DIV_S,
	OPERATION_DIV_U,
	OPERATION_REM_S,
	OPERATION_REM_U,
	OPERATION_SHL,
	OPERATION_SHR_S,
	OPERATION_SHR_U,
	OPERATION_ROTL,
	OPERATION_ROTR,
	OPERATION_CLZ,
	OPERATION_CTZ,
	OPERATION_POPCNT,
	OPERATION_ABS,
	OPERATION_NEG,
	OPERATION_CEIL,
	OPERATION_FLOOR,
	OPERATION_TRUNC,
	OPERATION_NEAREST,
	OPERATION_SQRT,
	/* Comparisons. */
	OPERATION_EQZ,
	OPERATION_EQ,
	OPERATION_NE,
	OPERATION_LT,
	OPERATION_GT,
	OPERATION_LE,
	OPERATION_GE,
	OPERATION_LT_S,
	OPERATION_LT_U,
	OPERATION_GT_S,
	OPERATION_GT_U,
	OPERATION_LE_S,
	OPERATION_LE_U,
	OPERATION_GE_S,
	OPERATION_GE_U,
	/* Conversions; TRUNC_S and TRUNC_U also of those that saturate. */
	OPERATION_WRAP,
	OPERATION_EXTEND_S,
	OPERATION_EXTEND_U,
	OPERATION_TRUNC_S,
	OPERATION_TRUNC_U,
	OPERATION_CONVERT_S,
	OPERATION_CONVERT_U,
	OPERATION_DEMOTE,
	OPERATION_PROMOTE,
	OPERATION_REINTERPRET,
	OPERATION_EXTEND8_S,
	OPERATION_EXTEND16_S,
	OPERATION_EXTEND32_S,
	OPERATIONS
};

/* enum wasm_type, or none: there is no such operand, or other things decide its type. */
enum wasm_operand_type {
	OPERAND_NONE = 0,
	OPERAND_I32 = WASM_I32,
	OPERAND_I64 = WASM_I64,
	OPERAND_F32 = WASM_F32,
	OPERAND_F64 = WASM_F64,
	OPERAND_FUNCREF = WASM_FUNCREF,
};

struct wasm_opcode {
	uint8_t class;     /* enum wasm_class */
	uint8_t operation; /* enum wasm_operation */
	uint8_t operand;   /* enum wasm_operand_type */
	uint8_t result;
	uint8_t immediate; /* enum wasm_immediate */
	uint8_t feature;   /* enum wasm_feature_id */
	uint8_t constant;
	uint8_t unused;
};

extern const struct wasm_opcode wasm_opcodes[256];
/* The row after 0xfb; its class is CLASS_ILLEGAL if there is none. */
const struct wasm_opcode *wasm_opcode_fb(uint32_t number);
/* The row after 0xfc; its class is CLASS_ILLEGAL if there is none. */
const struct wasm_opcode *wasm_opcode_fc(uint32_t number);

/*
 * Operands and immediates of vector instructions; v is v128, s the scalar of struct wasm_vector_op.
 */
enum simd_shape {
	SIMD_ILLEGAL = 0,
	SIMD_UNARY,      /* v -> v */
	SIMD_BINARY,     /* v v -> v */
	SIMD_TERNARY,    /* v v v -> v */
	SIMD_SHIFT,      /* v i32 -> v */
	SIMD_TEST,       /* v -> i32 */
	SIMD_SPLAT,      /* s -> v */
	SIMD_EXTRACT,    /* v -> s, a lane */
	SIMD_REPLACE,    /* v s -> v, a lane */
	SIMD_LOAD,       /* address -> v, a memarg */
	SIMD_STORE,      /* address v -> , a memarg */
	SIMD_LOAD_LANE,  /* address v -> v, a memarg and a lane */
	SIMD_STORE_LANE, /* address v -> , a memarg and a lane */
	SIMD_CONST,      /* -> v, 16 bytes */
	SIMD_SHUFFLE,    /* v v -> v, 16 lanes */
};

struct wasm_vector_op {
	uint8_t shape;
	uint8_t scalar;  /* enum wasm_type, of s */
	uint8_t lanes;   /* lane immediates are below */
	uint8_t natural; /* log2 of the bytes accessed */
	uint8_t feature;
};

/* The row after 0xfd; its shape is SIMD_ILLEGAL if there is none. */
const struct wasm_vector_op *wasm_vector_op(uint32_t number);

/* Atomic instructions; m is what is in memory. All but the fence have a memarg and an address. */
enum atomic_kind {
	ATOMIC_ILLEGAL = 0,
	ATOMIC_FENCE,  /* a byte follows */
	ATOMIC_NOTIFY, /* address i32 -> i32 */
	ATOMIC_WAIT,   /* address m i64 -> i32 */
	ATOMIC_LOAD,   /* address -> m */
	ATOMIC_STORE,  /* address m -> */
	ATOMIC_ADD,    /* this and those up to XCHG: address m -> m, which was there before */
	ATOMIC_SUB,
	ATOMIC_AND,
	ATOMIC_OR,
	ATOMIC_XOR,
	ATOMIC_XCHG,
	ATOMIC_CMPXCHG, /* address m m -> m */
};

struct wasm_atomic_op {
	uint8_t kind;
	uint8_t type;    /* enum wasm_type, of m */
	uint8_t natural; /* log2 of the bytes accessed */
};

/* The row after 0xfe; its kind is ATOMIC_ILLEGAL if there is none. */
const struct wasm_atomic_op *wasm_atomic_op(uint32_t number);

#endif
