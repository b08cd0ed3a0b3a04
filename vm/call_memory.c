/* SPDX-License-Identifier: Apache-2.0 */
/* Host calls that change the guest's mappings. The work is memory.c's; here arguments get their meaning. */
#include "vm/internal.h"

#include <errno.h>

_Static_assert(MEMORY_READ == (int)MOTE_PROT_READ && MEMORY_WRITE == (int)MOTE_PROT_WRITE &&
		       MEMORY_EXEC == (int)MOTE_PROT_EXEC,
	       "the guest's protection bits are memory.h's");

enum { PROT_ALL = MOTE_PROT_READ | MOTE_PROT_WRITE | MOTE_PROT_EXEC };

/* x86 pages that can be written or executed can be read too. */
static int check_prot(uint32_t prot)
{
	return prot & ~(uint32_t)PROT_ALL ? -EINVAL : 0;
}

int64_t host_mem_map(struct vm *vm, const struct call_mem_map *a)
{
	uint32_t prot = a->prot & ~(uint32_t)MOTE_MAP_FILL;
	int rc = check_prot(prot) ?: memory_map(&vm->memory, gva(a->addr), a->bytes, prot);
	if (rc == 0 && (a->prot & MOTE_MAP_FILL))
		memory_fill(&vm->memory, gva(a->addr), a->bytes);
	return rc;
}

int64_t host_mem_unmap(struct vm *vm, const struct call_mem_unmap *a)
{
	return memory_unmap(&vm->memory, gva(a->addr), a->bytes);
}

int64_t host_mem_protect(struct vm *vm, const struct call_mem_protect *a)
{
	return check_prot(a->prot) ?: memory_protect(&vm->memory, gva(a->addr), a->bytes, a->prot);
}

int64_t host_mem_map_payload(struct vm *vm, const struct call_mem_map_payload *a)
{
	uint64_t mapped = (vm->payload_bytes + MOTE_PAGE - 1) & ~(uint64_t)(MOTE_PAGE - 1);
	if (check_prot(a->prot) || a->from % MOTE_PAGE || a->from > mapped || a->bytes > mapped - a->from)
		return -EINVAL;
	gpa_t from = {vm->payload.v + a->from};
	return memory_map_fixed(&vm->memory, gva(a->addr), from, a->bytes, a->prot);
}

int64_t host_mem_zero(struct vm *vm, const struct call_mem_zero *a)
{
	return memory_zero(&vm->memory, gva(a->addr), a->bytes);
}
