/* SPDX-License-Identifier: Apache-2.0 */
/* Debian's wasi-libc has none: see sjlj.c. */
#ifndef MOTE_TEST_LUA_SETJMP_H
#define MOTE_TEST_LUA_SETJMP_H

typedef struct {
	unsigned id, value;
	void *env;
} jmp_buf[1];
int setjmp(jmp_buf) __attribute__((returns_twice));
_Noreturn void longjmp(jmp_buf, int);

#endif
