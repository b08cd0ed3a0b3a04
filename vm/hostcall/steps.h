/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Host calls whose work grows with the size of a file, and which no signal ends in the kernel: made
 * in steps.
 */
#ifndef MOTE_VM_HOSTCALL_STEPS_H
#define MOTE_VM_HOSTCALL_STEPS_H

#include <stdint.h>
#include <sys/stat.h>

struct vcpu;

/*
 * ftruncate of a regular file whose state is *st, with vcpu_ending() asked between the steps:
 * -EINTR when the guest is to end. call_defer() on the poller when it takes more than one step, and
 * nothing was done.
 */
int vm_truncate(struct vcpu *vcpu, int host, const struct stat *st, uint64_t size)
	__attribute__((warn_unused_result));

#endif
