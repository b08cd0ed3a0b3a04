/* SPDX-License-Identifier: Apache-2.0 */
/* What code that was built with -fstack-protector for Linux expects: a word at FS + 0x28. */
#include "guest/wasi/start.h"
#include "guest/wasi/state.h"

void wasi_guard_stack(void)
{
	static struct {
		uint8_t others[0x28];
		uint64_t guard;
	} thread;
	memcpy(&thread.guard, wasi.boot->random, sizeof(thread.guard));
	__asm__ volatile("wrfsbase %0" : : "r"(&thread));
}
