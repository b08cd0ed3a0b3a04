/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory for what is only reserved, when it is used first: a guest may map much more than it has,
 * as on Linux, and pays for what it touches.
 *
 * A reservation is an entry of the host's page tables that is not present, at the highest level
 * that fits: 1 TiB takes two entries. Small mappings are not reserved while there is memory, since
 * a first access to what is reserved costs an exit. So accesses in rising order get more at a time,
 * from 4 KiB to 64 MiB; and when memory runs out, what was given and never used is reserved again.
 */
#ifndef MOTE_VM_MEMORY_COMMIT_H
#define MOTE_VM_MEMORY_COMMIT_H

#include "vm/memory/memory.h"

/*
 * Backs the page of an address that is reserved with at least this access, and some behind it. 0;
 * -ENOENT: it is not; -ENOMEM: the guest has no memory left; -EAGAIN: m->no_commits.
 */
int memory_commit(struct memory *m, gva_t at, unsigned access) must_check;
/*
 * Takes pages back that were never written, of the whole memory, and reserves them. The bytes that
 * it found; 0 if the process's page map cannot be read; -EINTR: the guest is to end. No host call's
 * spans may be in use.
 */
int64_t memory_reclaim(struct memory *m) must_check;

#endif
