/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/wasi/start.h"

#include "guest/wasi/space.h"
#include "guest/wasi/state.h"
#include "guest/wasm/platform.h"

static uint8_t fault_stack[16384] __attribute__((aligned(16)));

bool wasi_prepare(const struct mote_boot *boot)
{
	wasi.boot = boot;
	if (boot->magic != MOTE_BOOT_MAGIC || boot->abi_version != MOTE_ABI_VERSION)
		lib_panic("boot information of another version: %u", boot->abi_version);
	mote_area()->fault_stack_top = (uint64_t)(fault_stack + sizeof(fault_stack));
	mote_area()->fault_entry = (uint64_t)wasi_fault_entry;
	return platform_commit((void *)SPACE_STACK, SPACE_STACK_BYTES);
}
