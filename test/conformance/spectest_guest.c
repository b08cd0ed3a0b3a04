/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The test suite's runner as a guest runtime: guest/wasi's way onto the stack, its platform and
 * faults, and a packed script where a module would be.
 */
#include "spectest.h"

#include "guest/wasi/space.h"
#include "guest/wasi/start.h"
#include "guest/wasi/state.h"

struct wasi_state wasi;

void spectest_out(const char *line, size_t bytes)
{
	lib_write(1, line, bytes);
}

const uint8_t *spectest_keep(const uint8_t *module, uint32_t bytes)
{
	(void)bytes;
	return module;
}

void wasi_start(const struct mote_boot *boot, struct mote_area *area)
{
	(void)area;
	if (!wasi_prepare(boot))
		lib_panic("no memory for a stack");
}

_Noreturn void wasi_main(void)
{
	int status = spectest_run((const uint8_t *)MOTE_PROGRAM_VA, wasi.boot->program_bytes);
	for (;;)
		(void)mote_exit(mote_area(), status);
}
