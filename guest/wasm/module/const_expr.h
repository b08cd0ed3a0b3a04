/* SPDX-License-Identifier: Apache-2.0 */
/* Constant expressions: initial values of globals and tables, offsets and elements of segments. */
#ifndef MOTE_GUEST_WASM_MODULE_CONST_EXPR_H
#define MOTE_GUEST_WASM_MODULE_CONST_EXPR_H

#include "guest/wasm/module/reader.h"

struct wasm_module;

#define CONST_DEPTH_MAX (WASM_MAX_FIXED_ARRAY + 256u)

/*
 * The expression at `r` must give the type; the reader is past it then. Globals decoded so far
 * may be named.
 */
void const_expr_check(struct reader *r, struct wasm_module *m, uint32_t type);

#endif
