/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Record locks of a guest (fcntl's F_SETLK, F_OFD_SETLK). The host's kernel keeps them, without a
 * limit, and some kernels charge them to no cgroup: so what a VM has is noted here as the kernel
 * has it, and there may be only so many.
 */
#ifndef MOTE_VM_HOSTCALL_RECORD_LOCKS_H
#define MOTE_VM_HOSTCALL_RECORD_LOCKS_H

struct vm;
struct record_locks; /* of a VM; NULL: it has never locked */

/* Forgets those of the VM; at its end, or for another guest. */
void record_locks_free(struct vm *vm);

#endif
