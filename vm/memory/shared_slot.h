/* SPDX-License-Identifier: Apache-2.0 */
/* The memory slots that shared files are in. */
#ifndef MOTE_VM_MEMORY_SHARED_SLOT_H
#define MOTE_VM_MEMORY_SHARED_SLOT_H

#include "vm/memory/shared_file.h"

struct memory_shared_file {
	uint64_t gpa, capacity; /* of the slot; 0 capacity: none */
	uint8_t *host;          /* owned, of `capacity` bytes */
	uint64_t va, bytes;     /* where the guest asked for it; 0 bytes: the slot is unused */
	uint64_t mapped;        /* bytes that page tables still have */
	bool moves;             /* with a range that is being moved */
	int prot;               /* the host's own */
	uint64_t dev, ino;      /* the file's */
};

/* A slot that no file has, of at least `bytes`. 0, -ENOMEM or -errno. */
int memory_shared_take(struct memory *m, uint64_t bytes,
		       struct memory_shared_file **out) must_check;
/* Nothing of its file can be reached any more. */
void memory_shared_leave(struct memory *m, struct memory_shared_file *s);
/* The file that has guest-physical memory; NULL: none. */
struct memory_shared_file *memory_shared_at(const struct memory *m, uint64_t gpa) must_check;

#endif
