/* SPDX-License-Identifier: Apache-2.0 */
/* Types as the binary format encodes them: generated from types.def. */
#ifndef MOTE_GUEST_WASM_MODULE_TYPES_H
#define MOTE_GUEST_WASM_MODULE_TYPES_H

#include <stdbool.h>
#include <stdint.h>

#include "guest/wasm/wasm.h"

/* enum wasm_type has those of values that the engine knows. */
enum wasm_type_byte {
#define TYPE(byte, name, ...) TYPE_##name = byte,
#include "guest/wasm/module/types.def"
};

enum wasm_type_kind {
	TYPE_KIND_NONE, /* no type begins so */
	TYPE_KIND_NUMBER,
	TYPE_KIND_VECTOR,
	TYPE_KIND_REFERENCE, /* or a heap type */
	TYPE_KIND_FORM,      /* in the type section: what kind of type is defined */
	TYPE_KIND_BLOCK,     /* of a block that takes and leaves nothing */
};

struct wasm_type_row {
	uint8_t kind;
	uint8_t feature; /* enum wasm_feature_id */
};

extern const struct wasm_type_row wasm_types[256];

/* Ids of function types, process-wide. False: too many. */
bool functype_intern(struct wasm_functype *type);

#endif
