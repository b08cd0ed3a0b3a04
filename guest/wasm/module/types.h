/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Types: their bytes (generated from types.def), the types that modules define, and which value can
 * stand for which (WebAssembly specification, 3.3: matching).
 */
#ifndef MOTE_GUEST_WASM_MODULE_TYPES_H
#define MOTE_GUEST_WASM_MODULE_TYPES_H

#include <stdbool.h>
#include <stdint.h>

#include "guest/wasm/wasm.h"

/* enum wasm_type has those of values that embedders know. */
enum wasm_type_byte {
#define TYPE(byte, name, ...) TYPE_##name = byte,
#include "guest/wasm/module/types.def"
};

enum wasm_type_kind {
	TYPE_KIND_NONE, /* no type begins so */
	TYPE_KIND_NUMBER,
	TYPE_KIND_VECTOR,
	TYPE_KIND_REFERENCE, /* or a heap type */
	TYPE_KIND_HEAP,      /* only a heap type */
	TYPE_KIND_FORM,      /* in the type section: what kind of type is defined */
	TYPE_KIND_PACKED,    /* only in fields */
	TYPE_KIND_BLOCK,     /* of a block that takes and leaves nothing */
};

struct wasm_type_row {
	uint8_t kind;
	uint8_t feature; /* enum wasm_feature_id */
};

extern const struct wasm_type_row wasm_types[256];

/* Further bits of value types. */
/* Of a local that has no default value: nothing has set it yet. */
#define TYPE_UNSET (1u << 29)
/* Of a defined type while its recursion group is decoded: which one of the group it is. */
#define TYPE_IN_GROUP (1u << 28)
#define TYPE_ID_BITS  (TYPE_IN_GROUP - 1)
/* A reference of unreachable code, which matches all others. */
#define TYPE_BOTTOM_REF (WASM_TYPE_NON_NULL | 1)

/* Of a structure; an array has one. */
struct field {
	uint32_t type; /* a value type, or TYPE_I8, TYPE_I16 */
	uint32_t is_mutable : 1;
	uint32_t offset : 31; /* in an object; of an array's first element */
};

/*
 * A type that some module has defined. It exists once in a process, as equal ones of whatever
 * modules have the same id: types are equal if their recursion groups are, which have consecutive
 * ids.
 */
struct deftype {
	struct wasm_functype func; /* of the other forms the id alone */
	const struct field *fields;
	uint32_t field_count;
	uint8_t form; /* TYPE_FORM_FUNC, TYPE_FORM_STRUCT or TYPE_FORM_ARRAY */
	bool is_final;
	uint32_t super; /* WASM_TYPE_DEFINED and its id, 0 if it has none */
	/* Types that it is of, the outermost first, and itself: depth + 1 ids. */
	uint32_t depth;
	const uint32_t *supers;
	/* Of the first one of a recursion group. */
	uint32_t group_types, group_hash;
	/*
	 * For the collector: which words of an object, those after its header, hold references; of
	 * an array 1 if its elements do. Those beyond the 64th word are found by the fields' types.
	 */
	uint64_t ref_map;
	uint32_t object_bytes; /* of a structure, its header included */
	bool has_far_refs;
};

struct reader;
/*
 * A recursion group that is being decoded: memory for its types, zeroed, and for what they consist
 * of. It is given back if the group is known already, or is not closed. Failures are the reader's.
 */
struct deftype *types_open(const struct reader *r, uint32_t count);
void *types_take(const struct reader *r, uint64_t bytes);
/* The group is complete: its types, or the equal ones that were there before. */
const struct deftype *types_close(const struct reader *r, struct deftype *group, uint32_t count);

const struct deftype *type_of_id(uint32_t type);
/* Where the table of types is: it moves when it grows. */
const struct deftype *const *const *types_by_id(void);

/* Whether a value of one type can stand for one of another. */
bool type_differs_but_matches(uint32_t type, uint32_t of);
static inline bool type_matches(uint32_t type, uint32_t of)
{
	return type == of || type_differs_but_matches(type, of);
}
/* Lists of types, one by one. */
bool types_match(const uint32_t *types, uint32_t count, const uint32_t *of, uint32_t of_count);
bool deftype_matches(const struct deftype *t, const struct deftype *of);

static inline bool type_is_ref(uint32_t type)
{
	return type & (WASM_TYPE_DEFINED | WASM_TYPE_NON_NULL) ||
	       (type >= TYPE_EXN && type <= TYPE_NOEXN);
}

static inline bool type_is_float(uint32_t type)
{
	return type == WASM_F32 || type == WASM_F64 || type == WASM_V128;
}

/* Without its nullability. */
static inline uint32_t type_heap(uint32_t ref)
{
	return ref & ~WASM_TYPE_NON_NULL;
}

/*
 * What a reference is in 64 bits: 0 is null; of the types below any, one with I31_BIT is an integer
 * of 31 bits, and all others are what the embedder has given as an externref.
 */
#define I31_BIT (1ull << 63)
static inline uint64_t i31_of(uint32_t v)
{
	return I31_BIT | (v & 0x7fffffffu);
}

/* The largest type that such a reference can be compared with, as one that may be null. */
uint32_t type_top(uint32_t ref);
/* References that may be to what is collected: all but those to functions. */
bool type_is_collected(uint32_t type);
/* Of a field or an element. */
uint32_t type_bytes(uint32_t type);
/* What a field is as an operand. */
static inline uint32_t type_unpacked(uint32_t type)
{
	return type == TYPE_I8 || type == TYPE_I16 ? (uint32_t)TYPE_I32 : type;
}
/* The other side's type of a reference that extern.convert_any or any.convert_extern gives. */
static inline uint32_t type_converted(uint32_t ref, uint32_t heap)
{
	return heap | (ref & WASM_TYPE_NON_NULL);
}

/* Whether a value of the type can be made of zeros. */
static inline bool type_has_default(uint32_t type)
{
	return !(type & WASM_TYPE_NON_NULL);
}

/* A reference to a defined type that is not null. */
static inline uint32_t type_ref_to(const struct wasm_functype *t)
{
	return WASM_TYPE_NON_NULL | WASM_TYPE_DEFINED | t->id;
}

/* What a function's type is in the table of types. */
static inline const struct deftype *functype_def(const struct wasm_functype *t)
{
	return (const struct deftype *)t;
}

#endif
