/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Host calls that change the guest's mappings. The work is memory/mapping.c's; here arguments get
 * their meaning.
 */
#include "base/time.h"
#include "vm/hostcall/memfd.h"
#include "vm/hostcall/resolve.h"
#include "vm/internal.h"
#include "vm/memory/shared_file.h"
#include "vm/run/signals.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

_Static_assert(MEMORY_READ == (int)MOTE_PROT_READ && MEMORY_WRITE == (int)MOTE_PROT_WRITE &&
		       MEMORY_EXEC == (int)MOTE_PROT_EXEC,
	       "the guest's protection bits are memory/memory.h's");

enum { PROT_ALL = MOTE_PROT_READ | MOTE_PROT_WRITE | MOTE_PROT_EXEC };

/*
 * x86 pages that can be written or executed can be read too. The WebAssembly engine's code is
 * written first and executed afterwards, and once it has sealed the VM there is no more of it: a
 * flaw of the engine's is not a way to new code.
 */
static int check_prot(const struct vm *vm, uint32_t prot)
{
	if (prot & ~(uint32_t)PROT_ALL)
		return -EINVAL;
	if (!(prot & MOTE_PROT_EXEC))
		return 0;
	if (vm->exec_sealed || (vm->wasm && prot & MOTE_PROT_WRITE))
		return -EACCES;
	return 0;
}

/* As vm.overcommit_memory 0 has it: a single mapping may not be larger than all there is. */
static int map_lazily(struct vm *vm, uint64_t addr, uint64_t bytes, uint32_t prot)
{
	bool all = prot & MOTE_MAP_NORESERVE;
	prot &= ~(uint32_t)(MOTE_MAP_LAZY | MOTE_MAP_NORESERVE);
	int rc = check_prot(vm, prot);
	if (rc < 0)
		return rc;
	if (vm->wasm)
		return -EINVAL;
	if (!all && bytes > vm->machine_bytes)
		return -ENOMEM;
	return memory_map_lazily(&vm->memory, gva(addr), bytes, prot);
}

static int map(struct vm *vm, uint64_t addr, uint64_t bytes, uint32_t prot)
{
	if (prot & MOTE_MAP_LAZY)
		return map_lazily(vm, addr, bytes, prot);
	bool fill = prot & MOTE_MAP_FILL;
	prot &= ~(uint32_t)MOTE_MAP_FILL;
	int rc = check_prot(vm, prot);
	if (rc == 0)
		rc = memory_map(&vm->memory, gva(addr), bytes, prot);
	if (rc == 0 && fill)
		memory_fill(&vm->memory, gva(addr), bytes);
	return rc;
}

static int map_program(struct vm *vm, uint64_t addr, uint64_t bytes, uint64_t from, uint32_t prot)
{
	uint64_t mapped = memory_page_up(vm->program_bytes);
	int rc = check_prot(vm, prot);
	if (rc < 0)
		return rc;
	/* It may be mapped twice: here for writing, there for executing. */
	if (vm->wasm && prot & MOTE_PROT_EXEC)
		return -EACCES;
	if (from % MOTE_PAGE || from > mapped || bytes > mapped - from)
		return -EINVAL;
	gpa_t at = {vm->program.v + from};
	return memory_map_fixed(&vm->memory, gva(addr), at, bytes, prot);
}

int64_t host_mem_map(struct vcpu *vcpu, const struct call_mem_map *a)
{
	struct vm *vm = vcpu->vm;
	return map(vm, a->addr, a->bytes, a->prot);
}

int64_t host_mem_unmap(struct vcpu *vcpu, const struct call_mem_unmap *a)
{
	struct vm *vm = vcpu->vm;
	return memory_unmap(&vm->memory, gva(a->addr), a->bytes);
}

int64_t host_mem_protect(struct vcpu *vcpu, const struct call_mem_protect *a)
{
	struct vm *vm = vcpu->vm;
	int rc = check_prot(vm, a->prot);
	if (rc < 0)
		return rc;
	return memory_protect(&vm->memory, gva(a->addr), a->bytes, a->prot);
}

int64_t host_mem_map_program(struct vcpu *vcpu, const struct call_mem_map_program *a)
{
	struct vm *vm = vcpu->vm;
	return map_program(vm, a->addr, a->bytes, a->from, a->prot);
}

int64_t host_mem_map_many(struct vcpu *vcpu, const struct call_mem_map_many *a)
{
	struct vm *vm = vcpu->vm;
	struct mote_mapping m;
	if (a->mappings.len % sizeof(m))
		return -EINVAL;
	for (size_t at = 0; at < a->mappings.len; at += sizeof(m)) {
		memcpy(&m, a->mappings.data + at, sizeof(m));
		int rc;
		if (at > 0 && vcpu_ending(vcpu))
			return -EINTR;
		if (m.from == MOTE_MAP_ZEROED)
			rc = map(vm, m.addr, m.bytes, m.prot);
		else
			rc = map_program(vm, m.addr, m.bytes, m.from, m.prot);
		if (rc < 0)
			return rc;
	}
	return 0;
}

int64_t host_mem_zero(struct vcpu *vcpu, const struct call_mem_zero *a)
{
	struct vm *vm = vcpu->vm;
	return memory_zero(&vm->memory, gva(a->addr), a->bytes);
}

int64_t host_mem_move(struct vcpu *vcpu, const struct call_mem_move *a)
{
	struct vm *vm = vcpu->vm;
	if (a->flags & ~(uint32_t)MOTE_MOVE_KEEP)
		return -EINVAL;
	return memory_move(&vm->memory, gva(a->addr), a->bytes, gva(a->to),
			   a->flags & MOTE_MOVE_KEEP);
}

int64_t host_mem_access(struct vcpu *vcpu, const struct call_mem_access *a)
{
	struct vm *vm = vcpu->vm;
	return memory_access_at(&vm->memory, gva(a->addr)) & PROT_ALL;
}

/*
 * Refuses what cannot be shared by this descriptor. *writes: whether the file may be written by it.
 * What was handed in for appending is not overwritten: mmap(2) would allow that.
 */
static int sharing_writes(const struct fd_entry *e, bool *writes)
{
	struct stat st;
	int flags = fcntl(e->host, F_GETFL), rc = resolve_stat(e->host, &st);
	if (rc < 0)
		return rc;
	if (flags < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -ENODEV;
	if (flags & O_PATH)
		return -EBADF;
	if ((flags & O_ACCMODE) == O_WRONLY)
		return -EACCES;
	*writes = (flags & O_ACCMODE) == O_RDWR && !(e->flags & FD_READONLY) &&
		  !((e->flags & FD_FIXED_STATE) && (flags & O_APPEND));
	return 0;
}

int64_t host_mem_share(struct vcpu *vcpu, const struct call_mem_share *a)
{
	struct vm *vm = vcpu->vm;
	const struct fd_entry *e = fdtable_get(&vm->fds, a->fd);
	bool writes = false;
	if (!e)
		return -EBADF;
	int rc = check_prot(vm, a->prot);
	if (rc == 0)
		rc = sharing_writes(e, &writes);
	if (rc < 0)
		return rc;
	if ((e->flags & FD_MEMORY) && memfd_is_sealed(e)) {
		if (a->prot & MOTE_PROT_WRITE)
			return -EPERM;
		writes = false;
	}
	return memory_share(&vm->memory, gva(a->addr), a->bytes, a->prot, e->host, a->offset,
			    writes);
}

int64_t host_mem_find(struct vcpu *vcpu, const struct call_mem_find *a)
{
	struct vm *vm = vcpu->vm;
	if (a->addr >= MOTE_VA_END)
		return -ENOENT;
	return memory_shared_find(&vm->memory, gva(a->addr & ~(uint64_t)(MOTE_PAGE - 1)));
}

/*
 * No signal ends msync, so it is asked for in steps, which become longer while they take little
 * time: each is an fsync of its own, and much of a large mapping may be clean.
 */
int64_t host_mem_sync(struct vcpu *vcpu, const struct call_mem_sync *a)
{
	const uint64_t least = 4UL << 20, most = 32UL << 20;
	const uint64_t quick_ns = 20000000, slow_ns = 100000000;
	struct vm *vm = vcpu->vm;
	uint64_t step = least;
	if ((a->addr | a->bytes) % MOTE_PAGE || a->addr > MOTE_VA_END ||
	    a->bytes > MOTE_VA_END - a->addr)
		return -EINVAL;
	for (uint64_t done = 0; done < a->bytes;) {
		uint64_t bytes = a->bytes - done, from_ns = time_monotonic_ns();
		if (bytes > step)
			bytes = step;
		int64_t n = memory_shared_sync(&vm->memory, gva(a->addr + done), bytes);
		if (n < 0)
			return n;
		done += (uint64_t)n;
		if (done < a->bytes && vcpu_ending(vcpu))
			return -EINTR;
		const uint64_t took_ns = time_monotonic_ns() - from_ns;
		if (took_ns > slow_ns)
			step = least;
		else if (took_ns < quick_ns && step < most)
			step *= 2;
	}
	return 0;
}

int64_t host_mem_seal(struct vcpu *vcpu, const struct call_mem_seal *a)
{
	struct vm *vm = vcpu->vm;
	(void)a;
	vm->exec_sealed = true;
	return 0;
}
