/* SPDX-License-Identifier: Apache-2.0 */
/*
 * System calls that may wait in the kernel for something that never comes: reading and writing
 * terminals, pipes and devices. A kick (kick.c) ends such a call, also one that arrives just
 * before the call begins.
 */
#ifndef MOTE_VM_RUN_BLOCKING_H
#define MOTE_VM_RUN_BLOCKING_H

#include <stdbool.h>

struct vcpu;
struct iovec;

/*
 * The vCPU's thread makes the system call nr with the kick signal unblocked. What the call returns,
 * or a negative errno; -EINTR when a kick came first, which may have been a timer's: the caller
 * looks at vcpu_interrupted() and calls again. What was transferred before a kick is the result, as
 * with every signal.
 */
long blocking_call(long nr, long a, long b, long c, long d);
/*
 * For a caller that must not wait longer than a moment: from blocking_brake() on a timer kicks, and
 * then blocking_braked() is true, until blocking_release(). 0 or -errno.
 */
int blocking_brake(struct vcpu *vcpu) __attribute__((warn_unused_result));
bool blocking_braked(const struct vcpu *vcpu);
void blocking_release(struct vcpu *vcpu);
/* readv or writev that gives up after that moment: -EAGAIN when nothing could be transferred. */
long blocking_transfer_briefly(struct vcpu *vcpu, long nr, int fd, const struct iovec *v,
			       int count);

/* The kick's handler calls this with its ucontext_t. */
void blocking_on_kick(void *context);

#endif
