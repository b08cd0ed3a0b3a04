/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target: the description in a snapshot's file (mappings, free pages, descriptors, registers), which its digest
 * says nothing about: whoever makes the file makes the digest. What is accepted is put into a memory without KVM
 * and a table of descriptors.
 */
#include "../../vm/snapshot_file.c"

#include <sys/mman.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MEMORY_BYTES = 64 << 20 };

static void require(bool condition)
{
	if (!condition)
		abort();
}

/* Every run can be read and leads nowhere else. */
static void look_around(const struct memory_image *i, struct memory *m)
{
	uint8_t byte;
	for (uint32_t k = 0; k < i->run_count && k < 64; k++) {
		(void)!memory_read(m, gva(i->runs[k].va), &byte, 1);
		(void)!memory_read(m, gva(i->runs[k].va + i->runs[k].bytes - 1), &byte, 1);
		(void)!memory_write(m, gva(i->runs[k].va), "x", 1);
	}
	(void)!memory_map(m, gva(0x10000), 0x5000, MEMORY_READ | MEMORY_WRITE);
	(void)!memory_unmap(m, gva(0x10000), 0x5000);
}

static void use_memory(struct vm_snapshot *s)
{
	struct memory m;
	struct err e;
	s->memory.fd = memfd_create("fuzz", MFD_CLOEXEC);
	require(s->memory.fd >= 0 && ftruncate(s->memory.fd, (off_t)s->memory.shape.next) == 0);
	require(memory_image_view(&s->memory) == 0);
	require(memory_init(&m, -1, MEMORY_BYTES, &e) == 0);
	if (memory_image_put(&s->memory, &m) == 0) {
		look_around(&s->memory, &m);
		(void)!memory_image_put(&s->memory, &m);
	}
	memory_destroy(&m);
}

static void use_descriptors(const struct vm_snapshot *s)
{
	struct fdtable t = {.keep = true};
	for (uint32_t at = 0; at < 3; at++)
		require(fdtable_give(&t, fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 10), FD_STDIO, at) == 0);
	require(s->fd_count > 64 || fdtable_reset(&t, s->fds, s->fd_count) <= 0);
	fdtable_destroy(&t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct file_meta fixed;
	if (size < sizeof(fixed))
		return 0;
	struct vm_snapshot *s = calloc(1, sizeof(*s));
	require(s != NULL);
	s->refs = 1;
	s->memory.fd = -1;
	memcpy(&fixed, data, sizeof(fixed));
	s->state = fixed.state;
	s->memory.shape = fixed.memory;
	if (take_parts(s, &fixed, data + sizeof(fixed), size - sizeof(fixed)) == 0 && fds_good(s) &&
	    snapshot_check(s) == 0) {
		if (s->memory.shape.next <= MEMORY_BYTES)
			use_memory(s);
		use_descriptors(s);
		machine_state_sanitize(&s->state.cpu);
	}
	vm_snapshot_drop(s);
	return 0;
}
