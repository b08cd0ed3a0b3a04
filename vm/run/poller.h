/* SPDX-License-Identifier: Apache-2.0 */
/* Host calls without exits: the thread that polls for them, and what the vCPU's thread tells it. */
#ifndef MOTE_VM_RUN_POLLER_H
#define MOTE_VM_RUN_POLLER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct vcpu;

struct vm_ring {
	bool off;     /* not wanted, or impossible here */
	bool started; /* there is a poller, and `lock` counts; of the vCPU's thread */
	pthread_t thread;
	pthread_mutex_t lock; /* guards struct vm: held by the vCPU's thread outside KVM_RUN */
	_Atomic int state;    /* futex word: enum state */
	_Atomic bool crowded; /* others want the poller's CPU, or it is not there when it should be */
	_Atomic uint64_t window; /* cycles without a call until the poller sleeps; set when it is woken */
	uint64_t served;      /* calls carried out by the poller; lock */
	bool declined;	      /* the last one was not for it; lock */
	int jail_rc;	      /* of the poller, until it is joined */
	uint32_t how;	      /* jail_how_make's, for the poller's paths: this thread's, or made for it */
	long displaced;	      /* of the poller: involuntary context switches so far */
	/* Of the vCPU's thread. */
	bool woken; /* and not yet judged by what it did */
	unsigned run, needed, misses;
	uint64_t last; /* when the guest went on after a call, in cycles */
	uint64_t exit_cycles; /* least from there to the next doorbell */
	uint64_t served_before, rest_us, rest_until;
};

/*
 * All on the vCPU's thread. Around KVM_RUN: the poller works only between ring_entering and ring_left.
 * ring_doorbell: a call came that way; pollable when the poller could have carried it out. ring_replied:
 * the guest goes on.
 */
void ring_entering(struct vcpu *vcpu);
void ring_left(struct vcpu *vcpu);
void ring_doorbell(struct vcpu *vcpu, bool pollable);
/* True when the poller has carried out the call that the doorbell was rung for. */
bool ring_answered(struct vcpu *vcpu);
void ring_replied(struct vcpu *vcpu);
/* Ends the poller; it starts again when that pays. */
void ring_stop(struct vcpu *vcpu);

#endif
