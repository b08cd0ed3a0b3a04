/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parts of the WebAssembly guest runtime share: the boot information and the instance's
 * latest stop. One instance runs in a VM, so there is one of it. The vCPU's area is found by
 * mote_area().
 */
#ifndef MOTE_WASI_STATE_H
#define MOTE_WASI_STATE_H

#include "abi/guest_calls.h"
#include "guest/lib/lib.h"
#include "guest/wasm/wasm.h"

struct wasi_state {
	const struct mote_boot *boot;
	bool reporting;   /* a trap: what the module says of itself is read, and may be anything */
	bool initialised; /* by the function of the module that a snapshot was taken after */
	/* How the latest call into the module ended, unless it returned. Too large for a stack. */
	struct wasm_stop stop;
};
extern struct wasi_state wasi;

static inline const char *wasi_boot_string(uint32_t offset)
{
	return (const char *)wasi.boot + offset;
}

/* The program's arguments, or its environment. */
struct wasi_strings {
	uint32_t count;
	const uint32_t *offsets; /* of each string, for wasi_boot_string */
};

static inline struct wasi_strings wasi_arguments(void)
{
	const void *offsets = wasi_boot_string(wasi.boot->argv);
	return (struct wasi_strings){.count = wasi.boot->argc, .offsets = offsets};
}

static inline struct wasi_strings wasi_environment(void)
{
	const void *offsets = wasi_boot_string(wasi.boot->envv);
	return (struct wasi_strings){.count = wasi.boot->envc, .offsets = offsets};
}

#endif
