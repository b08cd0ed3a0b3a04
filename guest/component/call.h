/* SPDX-License-Identifier: Apache-2.0 */
/* Calls between instances of components, for the files that pass values (CanonicalABI.md). */
#ifndef MOTE_GUEST_COMPONENT_CALL_H
#define MOTE_GUEST_COMPONENT_CALL_H

#include "guest/component/instance.h"
#include "guest/component/layout.h"

/* Whose memory and handles one side of a call has. */
struct component_call {
	struct component_instance *inst; /* NULL: the host's side */
	const struct canon_options *options;
	struct borrows *borrows; /* the call that borrows are lent to: the callee's side */
};

/* Values on their way from one side to the other. */
struct passage {
	struct component *of;
	struct component_call from, to;
};

/* Ends the outermost call. */
_Noreturn void component_trap(struct component *c, const char *format, ...);

/* The flat values of a function's parameters; more than FLAT_MAX are passed in memory. */
uint32_t flat_params(const struct ctype *func);
/*
 * Into the callee and those around it, but for those that are around the caller as well; NULL: from
 * outside. Traps if one of them has been entered.
 */
void instance_enter(struct component_instance *callee, const struct component_instance *caller);
void instance_leave(struct component_instance *callee, const struct component_instance *caller);

/* --- flat.c: flat values to memory's layout and back; pointers stay what they are --- */

/* As many bytes as flat values can take in memory. */
enum { FLAT_BYTES = 8 * (FLAT_MAX + 2) };
/* Words in order; what they say of cases is checked. */
struct words {
	struct component *of;
	const uint64_t *in;
	uint64_t *out;
	uint32_t at;
};
void flat_to_memory(struct words *w, const struct ctype *t, uint8_t *to);
void memory_to_flat(struct words *w, const struct ctype *t, const uint8_t *from);
/* Of all parameters or parts, one after the other. */
void flat_to_tuple(struct words *w, const struct ctype *t, uint8_t *to);
void tuple_to_flat(struct words *w, const struct ctype *t, const uint8_t *from);

/* --- pass.c: values in memory from one side to the other --- */

/* `a` is the type as the one side sees it, `b` as the other: they differ in resources' numbers. */
void pass_value(const struct passage *p, const struct ctype *a, const struct ctype *b,
		const uint8_t *from, uint8_t *to);
void pass_tuple(const struct passage *p, const struct ctype *a, const struct ctype *b,
		const uint8_t *from, uint8_t *to);
/* A handle: the index on the other side, or what represents it there. */
uint32_t pass_handle(const struct passage *p, const struct ctype *a, const struct ctype *b,
		     uint32_t index);
/* Bytes of a side's memory; traps with `what`, or because of alignment. */
uint8_t *side_span(const struct component_call *side, uint32_t at, uint64_t bytes, uint32_t align,
		   const char *what);
/* The same of what its realloc gives. */
uint8_t *side_realloc(const struct component_call *side, uint32_t old, uint32_t old_bytes,
		      uint32_t align, uint64_t bytes, uint32_t *at);
uint32_t own_lift(const struct component_call *side, const struct resource_type *type,
		  uint32_t index);
uint32_t own_lower(const struct component_call *side, const struct resource_type *type,
		   uint32_t rep);
uint32_t borrow_lift(const struct component_call *side, const struct resource_type *type,
		     uint32_t index);
/* The handle; traps if it is not of that type. */
struct handle *handle_of(struct component_instance *inst, const struct resource_type *type,
			 uint32_t index);

/* --- strings.c --- */

struct text {
	const uint8_t *at;
	uint32_t units;
	enum simple_encoding { TEXT_UTF8, TEXT_UTF16, TEXT_LATIN1 } encoding;
	bool was_compact; /* from a side whose strings are latin1+utf16 */
};
/* A string that lies in a side's memory as pointer and length; checked. */
struct text text_lift(const struct component_call *side, uint32_t at, uint32_t tagged_units);
/* Copies it into a side's memory, in its encoding: pointer and length. */
void text_lower(const struct component_call *side, const struct text *text, uint32_t out[2]);
/* As UTF-8; how many bytes, or -1 if they do not fit. */
int64_t text_to_utf8(struct component *c, const struct text *text, uint8_t *to, uint64_t size);

#endif
