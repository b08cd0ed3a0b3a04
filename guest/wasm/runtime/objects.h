/* SPDX-License-Identifier: Apache-2.0 */
/* What compiled code calls for structures, arrays and casts, and constant expressions use. */
#ifndef MOTE_GUEST_WASM_RUNTIME_OBJECTS_H
#define MOTE_GUEST_WASM_RUNTIME_OBJECTS_H

#include "guest/wasm/runtime/runtime.h"

/* Cells: one for each operand, two for a v128, the first the lowest. */
struct object *array_new(struct wasm_instance *i, const uint64_t *cells, uint64_t type);
struct object *array_new_zero(struct wasm_instance *i, const uint64_t *cells, uint64_t type);
struct object *array_new_data(struct wasm_instance *i, const uint64_t *cells, uint64_t type,
			      uint64_t segment);
struct object *array_new_elem(struct wasm_instance *i, const uint64_t *cells, uint64_t type,
			      uint64_t segment);
void array_fill(struct wasm_instance *i, const uint64_t *cells, uint64_t type);
void array_copy(struct wasm_instance *i, const uint64_t *cells, uint64_t type);
void array_init_data(struct wasm_instance *i, const uint64_t *cells, uint64_t type,
		     uint64_t segment);
void array_init_elem(struct wasm_instance *i, const uint64_t *cells, uint64_t type,
		     uint64_t segment);

/*
 * Of a constant expression: a structure or an array of these elements; default values if `cells`
 * is NULL. NULL: out of memory.
 */
struct object *constant_struct(struct wasm_instance *i, const struct deftype *t,
			       const union wasm_value *fields);
struct object *constant_array(struct wasm_instance *i, const struct deftype *t, uint32_t length,
			      const union wasm_value *elements, bool all_alike);

/* Whether a reference is of a type that its own one can be compared with, null too. */
bool ref_is_of(const struct wasm_store *s, uint64_t ref, uint32_t type);
bool ref_is(const struct wasm_instance *i, uint64_t ref, uint32_t type);

#endif
