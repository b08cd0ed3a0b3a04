/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The compiler's timing as a guest runtime: guest/wasi's platform, and a module that is compiled
 * and not run.
 */
#include "compile.h"

#include "guest/wasi/space.h"
#include "guest/wasi/start.h"
#include "guest/wasi/state.h"

#define RUNS            5
#define CLOCK_MONOTONIC 1

struct wasi_state wasi;

uint64_t compile_now_ns(void)
{
	struct mote_time t = {0};
	if (mote_clock_get(mote_area(), CLOCK_MONOTONIC, &t) < 0)
		lib_panic("no clock");
	return (uint64_t)t.sec * 1000000000u + (uint64_t)t.nsec;
}

void compile_out(const char *line, size_t bytes)
{
	lib_write(1, line, bytes);
}

void wasi_start(const struct mote_boot *boot, struct mote_area *area)
{
	(void)area;
	if (!wasi_prepare(boot))
		lib_panic("no memory for a stack");
}

/* Every page of the module is read once before, so that the time is the compiler's and not the
 * file's. */
static void touch(const uint8_t *module, uint64_t bytes)
{
	for (uint64_t at = 0; at < bytes; at += 4096)
		(void)*(volatile const uint8_t *)(module + at);
}

_Noreturn void wasi_main(void)
{
	const uint8_t *module = (const uint8_t *)MOTE_PROGRAM_VA;
	touch(module, wasi.boot->program_bytes);
	int status = compile_bench(module, wasi.boot->program_bytes, RUNS);
	for (;;)
		(void)mote_exit(mote_area(), status);
}
