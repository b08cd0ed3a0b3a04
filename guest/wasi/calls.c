/* SPDX-License-Identifier: Apache-2.0 */
/* Function calls of modules built with guest/sdk: the host call `exchange` as an import. */
#include "guest/wasi/calls.h"

#include "guest/wasi/wasi.h"

enum { LX_EFAULT = 14 };

uint32_t calls_exchange(struct wasm_instance *inst, uint32_t message, uint32_t bytes, uint32_t reply, uint32_t room)
{
	const void *from = wasi_span(inst, message, bytes);
	void *to = wasi_span(inst, reply, room);
	if (!from || !to)
		return (uint32_t)-LX_EFAULT;
	return (uint32_t)mote_exchange(wasi_area, (uint64_t)from, bytes, (uint64_t)to, room);
}
