/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Code on the stack, without a PT_GNU_STACK that asks for it: it cannot be executed.
 * cases: cflags -Wl,-z,noexecstack
 */
#include "stack_executable.c"
