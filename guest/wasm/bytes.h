/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The functions over memory as the compiler knows them. A guest is compiled as freestanding, where
 * a memcpy of four bytes would be a call: of these, those of a fixed length are an instruction or
 * two.
 */
#ifndef MOTE_GUEST_WASM_BYTES_H
#define MOTE_GUEST_WASM_BYTES_H

#include <string.h>

#if !__STDC_HOSTED__
#define memcpy(...)  __builtin_memcpy(__VA_ARGS__)
#define memmove(...) __builtin_memmove(__VA_ARGS__)
#define memset(...)  __builtin_memset(__VA_ARGS__)
#define memcmp(...)  __builtin_memcmp(__VA_ARGS__)
#endif

#endif
