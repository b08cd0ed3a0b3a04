/* SPDX-License-Identifier: Apache-2.0 */
/* Arrays by descriptor number: their growth. */
#include "guest/wasi/host/fd_array.h"

#include "abi/guest_calls.h"
#include "guest/lib/lib.h"
#include "guest/wasm/platform.h"

/* What is mapped already stays if it is. */
static bool grow(struct fd_array *a, uint32_t count)
{
	const bool in_image = a->entries == a->first;
	const uint64_t had = (uint64_t)a->count * a->entry_bytes;
	const uint64_t wanted = platform_page_up((uint64_t)count * a->entry_bytes);
	uint64_t mapped = 0;
	if (!in_image)
		mapped = platform_page_up(had);
	if (wanted > mapped && mote_mem_map(mote_area(), a->space + mapped, wanted - mapped,
					    MOTE_PROT_READ | MOTE_PROT_WRITE) < 0)
		return false;
	if (in_image) {
		a->entries = (void *)a->space;
		memcpy(a->entries, a->first, had);
	}
	a->count = count;
	return true;
}

void *fd_array_extend(struct fd_array *a, uint32_t fd)
{
	uint32_t count = a->count;
	if (fd >= FD_ARRAY_MAX)
		return NULL;
	while (count <= fd)
		count *= 2;
	if (count > a->count && !grow(a, count))
		return NULL;
	return fd_array_at(a, fd);
}
