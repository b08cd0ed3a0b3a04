/* SPDX-License-Identifier: Apache-2.0 */
/* Messages, and failures that end in one. */
#ifndef MOTE_GUEST_WASM_FORMAT_H
#define MOTE_GUEST_WASM_FORMAT_H

#include <stdarg.h>

#include "guest/wasm/arch.h"
#include "guest/wasm/wasm.h"

struct failure {
	struct wasm_error *error;
	struct wasm_jump jump;
};

/*
 * Formats %s, %u (uint32_t), %U (uint64_t), %x (uint32_t), %N (const struct wasm_name *, escaped).
 */
_Noreturn void wasm_fail(struct failure *fail, enum wasm_error_kind kind, uint64_t offset,
			 const char *format, ...);
/* The negative errno that a function returns whose error is of that kind. */
int wasm_error_number(enum wasm_error_kind kind);
void wasm_format(char *out, size_t size, const char *format, ...);
void wasm_vformat(char *out, size_t size, const char *format, va_list ap);

#endif
