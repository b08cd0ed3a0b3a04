/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values of components as text, by their types: words with a space between.
 *
 *   numbers         decimal; of floats and chars, the bits; bool 0 or 1
 *   string          "x" and its UTF-8 in hexadecimal
 *   list, map       how many, then each
 *   record, tuple   its parts
 *   variant, enum   "c" and the case's name; then what it has
 *   option, result  0 or 1: none or some, ok or error; then what it has
 *   own             what represents it; results alone
 *   flags           how many are set, then their names
 */
#ifndef MOTE_TEST_COMPONENT_VALUES_H
#define MOTE_TEST_COMPONENT_VALUES_H

#include "guest/component/component.h"
#include "guest/component/layout.h"

#include <stdio.h>

struct values {
	const struct ctype *type; /* of the function */
	const char *in;           /* the arguments */
	FILE *out;                /* for the result */
};

/* For component_call(); the context is a struct values. What is not a value of the type ends the
 * program. */
void values_lower(void *context, struct component_call *callee, void *params);
void values_lift(void *context, struct component_call *callee, const void *result);

#endif
