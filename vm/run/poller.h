/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Host calls without exits: the thread that busy-polls a vCPU's call slot (abi/layout.h), and when
 * it is started, woken and left asleep. poller.c has the policy.
 */
#ifndef MOTE_VM_RUN_POLLER_H
#define MOTE_VM_RUN_POLLER_H

#include "base/cleanup.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct vcpu;

enum poller_state { POLLER_ASLEEP, POLLER_AWAKE, POLLER_STOPPING };

struct poller {
	bool off;     /* not wanted, or impossible here */
	bool started; /* the thread is there, and `lock` counts; of the vCPU's thread */
	pthread_t thread;
	pthread_mutex_t lock;   /* guards vCPU and VM: held by the vCPU's thread outside KVM_RUN */
	_Atomic int state;      /* enum poller_state, a futex word; either thread */
	_Atomic bool displaced; /* others want its CPU, or it is not there when it should be; either
				   thread */
	_Atomic uint64_t idle_cycles; /* without a call, until it sleeps; set when it is woken */
	uint64_t served;              /* calls carried out so far; lock */
	bool declined;                /* the last one was for the vCPU's thread; lock */
	int jail_rc;                  /* of the thread, until it is joined */
	uint32_t how; /* jail_how_make's, for its paths: the vCPU thread's, or made for it */

	/* The policy's, of the vCPU's thread. Times in cycles. */
	bool woken;                   /* and not judged yet by what it did */
	bool was_polling;             /* at the last doorbell, the guest could see it awake */
	unsigned close_calls;         /* doorbells in quick succession */
	unsigned missed;              /* doorbells while it was awake */
	uint64_t replied_at;          /* when the guest went on after its last call */
	uint64_t gap;                 /* from then to the last doorbell */
	uint64_t least_gap;           /* what an exit costs, about */
	uint64_t served_before;       /* this waking */
	uint64_t rest_us, rest_until; /* the back-off */
};

/* All on the vCPU's thread. Around KVM_RUN: the poller works only between the two. */
void poller_entering(struct vcpu *vcpu);
void poller_left(struct vcpu *vcpu);
/* At a doorbell: true if the poller has carried out its call meanwhile. */
bool poller_doorbell(struct vcpu *vcpu) must_check;
/* The doorbell's call was carried out, and the guest goes on. pollable: the poller could have done
 * it. */
void poller_replied(struct vcpu *vcpu, bool pollable);
/* Ends the thread; it starts again when that pays. */
void poller_stop(struct vcpu *vcpu);

#endif
