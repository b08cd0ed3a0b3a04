/* SPDX-License-Identifier: Apache-2.0 */
/* Floating-point numbers and decimal text: the nearest number, the shortest text. */
#ifndef MOTE_GUEST_COMPONENT_DECIMAL_H
#define MOTE_GUEST_COMPONENT_DECIMAL_H

#include <stdbool.h>
#include <stdint.h>

/* Bits of an f32 or f64: how many are the fraction, and the largest finite number's. */
struct decimal_format {
	uint32_t fraction_bits;
	uint64_t largest;
};
extern const struct decimal_format decimal_f32, decimal_f64;

/*
 * The number nearest to a text as "12.5e-3", with neither sign nor spaces; too large ones are
 * infinite. False: it is not a number.
 */
bool decimal_parse(const struct decimal_format *f, const char *text, uint32_t bytes,
		   uint64_t *bits);
/* The shortest digits that parse to it, without an exponent: `bits` has no sign and is finite. */
enum { DECIMAL_TEXT_BYTES = 400 };
uint32_t decimal_text(const struct decimal_format *f, uint64_t bits, char out[DECIMAL_TEXT_BYTES]);

#endif
