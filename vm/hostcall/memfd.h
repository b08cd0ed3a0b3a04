/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files in memory that a guest has made (memfd_create). The host's kernel keeps them, and what a
 * guest without a cgroup puts into them would be without limit: so all of a VM's together may be as
 * large as its memory limit. What counts is their size, because a mapping fills them without a host
 * call.
 */
#ifndef MOTE_VM_HOSTCALL_MEMFD_H
#define MOTE_VM_HOSTCALL_MEMFD_H

#include "vm/hostcall/fdtable.h"

#include <stdint.h>

struct vm;
struct memfds; /* of a VM; NULL: it has made none */

#define MEMFD_CURRENT (-1) /* in place of an offset: the descriptor's own */

/*
 * Before a file of that descriptor, which has FD_MEMORY, is made `end` bytes long, or that many
 * bytes are written at the offset: 0; -ENOSPC: too many; or -errno.
 */
int memfd_admit(struct vm *vm, const struct fd_entry *e, uint64_t end) must_check;
int memfd_admit_write(struct vm *vm, const struct fd_entry *e, int64_t offset,
		      uint64_t bytes) must_check;
/* The same before memory past its end is allocated, up to `end`. */
int memfd_admit_kept(struct vm *vm, const struct fd_entry *e, uint64_t end) must_check;
/* It was set to a size that is not larger than it had: what was past its end is gone. */
void memfd_note_cut(const struct vm *vm, const struct fd_entry *e);
/* Whether it is sealed against being written by a mapping. */
bool memfd_is_sealed(const struct fd_entry *e);
/* Whether a file is one of the VM's, of which a descriptor of the host's is open. */
bool memfd_keeps(const struct vm *vm, uint64_t dev, uint64_t ino);
/* Lets go of those that the VM has; for its end, or for another guest. */
void memfds_free(struct vm *vm);

#endif
