/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One vCPU of a VM and the thread that runs it: everything that exists once for each vCPU. What the
 * VM's vCPUs share is struct vm (internal.h).
 *
 * A vCPU belongs to one thread at a time, the one in vm_resume; the fields are its own but where
 * they say otherwise. While the vCPU is in KVM_RUN the poller (run/poller.h) carries out calls for
 * it: its lock then guards what a host call uses, here and in struct vm.
 */
#ifndef MOTE_VM_VCPU_H
#define MOTE_VM_VCPU_H

#include "abi/layout.h"
#include "vm/arch/clock.h"
#include "vm/hostcall/hostcall.h"
#include "vm/kvm/vcpu.h"
#include "vm/run/poller.h"
#include "vm/vm.h"

#include <signal.h>
#include <stdatomic.h>
#include <time.h>

/*
 * The layout of the kernel window and of a snapshot's file is ready for more, the rest of Mote is
 * not yet.
 */
enum { VM_VCPUS_MAX = 1 };

#define VCPU_SCRATCH_BYTES (2 * 4096 + MOTE_IN_MAX + 1024)

/* A timer that kicks the vCPU's thread, which makes it when it is first set and ends it. */
struct vcpu_timer {
	timer_t id;
	bool made, armed;
	_Atomic bool fired; /* set by the kick's handler */
};

struct vcpu {
	struct vm *vm;
	struct kvm_vcpu kvm;    /* its descriptor, run page and registers */
	struct mote_area *area; /* host address; the guest writes it at any time it runs */
	gva_t area_va;
	/* its state page holds the registers of the VM's snapshot (arch_vcpu_keep) */
	bool state_kept;
	struct vm_clock clock; /* the page of the area that tells the time */
	struct poller poller;  /* of its call slot */
	bool on_poller;        /* the call under way is the poller's: it may not wait */
	bool second_try;       /* the call under way lacked memory, and all there is was found */
	struct vm_counters counters;
	struct {
		uint64_t by_exit, polled;
	} call_counters[HOSTCALL_NUMBERS];

	/* Its thread: from vm_resume to the next stop. */
	_Atomic int running_tid; /* thread in vm_resume, 0: none; any thread reads it */
	_Atomic bool kicked;     /* since the last vm_resume; any thread sets it */
	bool may_pend;   /* signals other than kicks: a host call that may raise SIGPIPE, a timer */
	uint64_t thread; /* of the last vm_resume, as dirty_thread() numbers them, and its tid */
	int tid;
	int timers_of; /* thread that the timers are made for once and for all (vm_jail), or 0 */
	/* signals blocked while the vCPU runs or a handler waits: others interrupt */
	sigset_t wait_mask;
	sigset_t kvm_mask; /* what KVM_RUN was last told of that */
	bool kvm_mask_set;
	sigset_t saved_mask; /* the thread's before vm_resume */

	/* Timers and the limit of CPU time belong to the thread. */
	struct vcpu_timer alarm, deadline, flush, brake;
	/* the guest's alarm between two runs */
	uint64_t alarm_left_ns, alarm_interval_ns, alarm_left_at;
	uint64_t cpu_since; /* the thread's CPU time when vm->cpu_left_ns was that of the limit */

	/* Owned: a FIFO that the poller has opened for a call that it left to this thread. */
	int fifo;
	bool has_fifo;
	/* One decoded host call. */
	enum outcome_kind outcome; /* call_defer(), call_stop() */
	/* hostcall/file.c: of a long transfer, in one system call; 0: as yet unknown */
	size_t piece_bytes;
	bool found_ready; /* by this call's last wait */
	size_t scratch_used;
	struct iovec iov[HOSTCALL_IOV_MAX];
	_Alignas(16) uint8_t scratch[VCPU_SCRATCH_BYTES];
};

/* Where its area is in the guest. */
static inline gva_t vcpu_area_va(unsigned index)
{
	return gva(MOTE_AREAS_VA + index * (uint64_t)MOTE_AREA_BYTES);
}

/*
 * Carries out the host call that is in its area; it may be the one before which the guest stopped.
 */
void vcpu_serve_call(struct vcpu *vcpu);
/* Runs the guest until it ends or stops. */
int vcpu_loop(struct vcpu *vcpu, struct err *e) must_check;
/*
 * The waits of host calls. 0 when the descriptor has one of the events (or an error), or the time
 * is over; -EINTR when a signal is pending or the guest is to end; on the poller call_defer()
 * instead of waiting.
 */
int vcpu_wait_fd(struct vcpu *vcpu, int host, short events) must_check;
int vcpu_wait(struct vcpu *vcpu, int64_t ns) must_check;
/*
 * As vcpu_wait_fd, until a time on CLOCK_MONOTONIC (INT64_MAX: no limit): 1 for events, 0 for the
 * time.
 */
int vcpu_wait_fd_until(struct vcpu *vcpu, int host, short events, int64_t until) must_check;

#endif
