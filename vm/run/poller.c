/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The poller: a thread that carries out host calls while the vCPU runs, for as long as they come
 * close together (abi/layout.h has the states of the call slot).
 *
 * Two threads, one vCPU. Once the poller is there, its lock guards all of struct vcpu and struct
 * vm: the vCPU's thread holds it whenever it is outside KVM_RUN, the poller while it carries out a
 * call. So two handlers never run at once, and scratch memory and descriptors need no lock of their
 * own. Calls that wait, change memory or belong to a thread (timers, signals) are declined and come
 * by the doorbell.
 *
 * Polling must pay: the thread takes a CPU. Awake, it falls asleep once no call has come for about
 * as long as an exit takes, so it costs at most about twice what it saves. It is woken when calls
 * come by doorbells in quick succession, at the earliest after a rest. How long that rest is
 * follows from one measured quantity, as with KVM's halt polling: the calls that the last waking
 * served. If they were worth it the rest shrinks to none; if not it grows, and by more if others
 * wanted the CPU.
 */
#include "vm/run/poller.h"

#include "base/thread.h"
#include "vm/internal.h"
#include "vm/jail/jail.h"
#include "vm/memory/guest_copy.h"

#include <errno.h>
#include <linux/futex.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { STACK_BYTES = 256 << 10 };

struct bounds_us {
	uint64_t least, most;
};

static const struct {
	struct bounds_us
		idle; /* polling without a call, until asleep: an exit's time within these */
	uint64_t
		first_idle_us; /* the same just after waking: the guest has yet to leave its exit */
	uint64_t request_us;   /* the guest waits for its request to be claimed */
	uint64_t claimed_us;   /* the guest waits awake for a claimed call */
	uint64_t late_us; /* an iteration that takes longer was interrupted, perhaps by others */
	unsigned start_after_calls; /* close ones, until the thread is started */
	unsigned wake_after_calls;  /* close ones, until it is woken */
	unsigned missed_calls;      /* doorbells while it is awake, until it counts as displaced */
	uint64_t pays_calls;        /* served in a waking that was worth it */
	uint64_t pays_long_calls;   /* and that was, although others wanted the CPU in the end */
	struct bounds_us rest_after_useless, rest_after_displaced;
} limits = {
	.idle = {5, 100},
	.first_idle_us = 400,
	.request_us = 15,
	.claimed_us = 200,
	.late_us = 700,
	.start_after_calls = 64,
	.wake_after_calls = 8,
	.missed_calls = 4,
	.pays_calls = 64,
	.pays_long_calls = 6400,
	.rest_after_useless = {200, 100000},
	.rest_after_displaced = {20000, 2000000},
};

/* --- the poller --- */

static void set_polling(struct vcpu *vcpu, uint32_t on)
{
	__atomic_store_n(&vcpu->area->slot.polling, on, __ATOMIC_SEQ_CST);
}

/* As the guest sees it, which can write it too. */
static bool is_polling(const struct vcpu *vcpu)
{
	return __atomic_load_n(&vcpu->area->slot.polling, __ATOMIC_RELAXED) != 0;
}

/* Carries out the guest's request, if it is still there. */
static void serve_request(struct vcpu *vcpu)
{
	struct poller *p = &vcpu->poller;
	uint32_t request = MOTE_SLOT_REQUEST, *state = &vcpu->area->slot.state;
	pthread_mutex_lock(&p->lock);
	if (atomic_load_explicit(&p->state, memory_order_relaxed) == POLLER_AWAKE &&
	    __atomic_compare_exchange_n(state, &request, MOTE_SLOT_CLAIMED, false, __ATOMIC_ACQUIRE,
					__ATOMIC_RELAXED)) {
		uint32_t reply = MOTE_SLOT_DECLINED;
		bool done = hostcall_serve_polled(vcpu);
		p->served += done;
		p->declined = !done;
		if (done)
			reply = MOTE_SLOT_DONE;
		__atomic_store_n(state, reply, __ATOMIC_RELEASE);
	}
	pthread_mutex_unlock(&p->lock);
}

/* Whether others have had this thread's CPU since it last asked. */
static bool lost_cpu(long *switches)
{
	struct rusage u;
	if (getrusage(RUSAGE_THREAD, &u) < 0)
		return true;
	bool lost = u.ru_nivcsw != *switches;
	*switches = u.ru_nivcsw;
	return lost;
}

/* Polls until idle, displaced or told to stop by the state. */
static void poll_slot(struct vcpu *vcpu)
{
	struct poller *p = &vcpu->poller;
	uint64_t idle = clock_cycles(&vcpu->clock, limits.first_idle_us);
	const uint64_t late = clock_cycles(&vcpu->clock, limits.late_us);
	uint64_t last_call = mote_arch_cycles(), before = last_call;
	long switches = 0;
	(void)!lost_cpu(&switches); /* from here on */
	while (atomic_load_explicit(&p->state, memory_order_relaxed) == POLLER_AWAKE) {
		uint32_t state = __atomic_load_n(&vcpu->area->slot.state, __ATOMIC_RELAXED);
		if (state == MOTE_SLOT_REQUEST)
			serve_request(vcpu);
		uint64_t now = mote_arch_cycles();
		if (now - before > late && lost_cpu(&switches)) {
			atomic_store(&p->displaced, true);
			return;
		}
		if (state == MOTE_SLOT_REQUEST) {
			last_call = now;
			idle = atomic_load_explicit(&p->idle_cycles, memory_order_relaxed);
		} else if (now - last_call > idle) {
			return;
		}
		before = now;
		mote_arch_relax();
	}
}

static void *poller_main(void *arg)
{
	struct vcpu *vcpu = arg;
	struct poller *p = &vcpu->poller;
	struct err e = {0};
	guest_copy_unblocked(true); /* thread_start() leaves SIGBUS so */
	p->jail_rc = jail_enter_poller(p->how, &e);
	if (p->jail_rc < 0)
		return NULL;
	for (;;) {
		int state = atomic_load(&p->state), awake = POLLER_AWAKE;
		if (state == POLLER_STOPPING)
			return NULL;
		if (state == POLLER_ASLEEP) {
			syscall(SYS_futex, &p->state, FUTEX_WAIT_PRIVATE, state, NULL, NULL, 0);
			continue;
		}
		set_polling(vcpu, 1);
		poll_slot(vcpu);
		set_polling(vcpu, 0);
		atomic_compare_exchange_strong(&p->state, &awake, POLLER_ASLEEP);
	}
}

/* --- the vCPU's thread --- */

static void set_state(struct poller *p, enum poller_state state)
{
	atomic_store(&p->state, state);
	syscall(SYS_futex, &p->state, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

/* Whether this thread may use more than one CPU: else nobody could answer it while it waits. */
static bool has_other_cpu(void)
{
	cpu_set_t set;
	return sched_getaffinity(0, sizeof(set), &set) == 0 && CPU_COUNT(&set) > 1;
}

static int start_thread(struct vcpu *vcpu)
{
	struct poller *p = &vcpu->poller;
	atomic_store(&p->state, POLLER_AWAKE);
	pthread_mutex_init(&p->lock, NULL);
	pthread_mutex_lock(&p->lock);
	int rc = thread_start_with_stack(&p->thread, STACK_BYTES, poller_main, vcpu);
	if (rc < 0)
		pthread_mutex_unlock(&p->lock);
	p->started = rc == 0;
	return rc;
}

static int start(struct vcpu *vcpu)
{
	struct poller *p = &vcpu->poller;
	if (!has_other_cpu())
		return -ENOTSUP;
	if (jail_entered()) {
		p->how = jail_how_own();
	} else {
		p->how = jail_how_make();
		if (!p->how)
			return -errno;
	}
	clock_know_rate(vcpu);
	vcpu->area->slot = (struct mote_call_slot){
		.request_cycles = (uint32_t)clock_cycles(&vcpu->clock, limits.request_us),
		.claimed_cycles = (uint32_t)clock_cycles(&vcpu->clock, limits.claimed_us),
	};
	dirty_forget(&vcpu->vm->memory.dirty); /* the poller writes memory, too */
	return start_thread(vcpu);
}

/* How long the poller polls without a call: about what it saves, an exit. */
static uint64_t idle_cycles(const struct vcpu *vcpu)
{
	uint64_t least = clock_cycles(&vcpu->clock, limits.idle.least);
	uint64_t most = clock_cycles(&vcpu->clock, limits.idle.most);
	uint64_t exit = vcpu->poller.least_gap;
	if (exit < least)
		return least;
	if (exit < most)
		return exit;
	return most;
}

static void shrink_rest(struct poller *p)
{
	p->rest_us = 0;
	p->rest_until = 0;
}

static void grow_rest(struct vcpu *vcpu, struct bounds_us bounds)
{
	struct poller *p = &vcpu->poller;
	p->rest_us *= 2;
	if (p->rest_us < bounds.least)
		p->rest_us = bounds.least;
	if (p->rest_us > bounds.most)
		p->rest_us = bounds.most;
	p->rest_until = mote_arch_cycles() + clock_cycles(&vcpu->clock, p->rest_us);
}

/* The poller has fallen asleep: what it served decides how long it rests. */
static void judge(struct vcpu *vcpu)
{
	struct poller *p = &vcpu->poller;
	uint64_t served = p->served - p->served_before;
	p->woken = false;
	p->close_calls = 0;
	if (atomic_exchange(&p->displaced, false)) {
		if (served >= limits.pays_long_calls)
			shrink_rest(p);
		grow_rest(vcpu, limits.rest_after_displaced);
	} else if (served >= limits.pays_calls) {
		shrink_rest(p);
	} else {
		grow_rest(vcpu, limits.rest_after_useless);
	}
}

static void wake(struct vcpu *vcpu)
{
	struct poller *p = &vcpu->poller;
	p->close_calls = p->missed = 0;
	p->woken = true;
	p->served_before = p->served;
	atomic_store_explicit(&p->idle_cycles, idle_cycles(vcpu), memory_order_relaxed);
	if (p->started)
		set_state(p, POLLER_AWAKE);
	else
		p->off = start(vcpu) < 0;
}

/* Whether the guest came back so soon that the poller, if awake, would not have fallen asleep. */
static bool came_soon(struct vcpu *vcpu)
{
	struct poller *p = &vcpu->poller;
	if (p->least_gap == 0 || p->gap < p->least_gap)
		p->least_gap = p->gap;
	return p->gap < p->least_gap + idle_cycles(vcpu);
}

/* A call came by the doorbell although it need not. */
static void count_call(struct vcpu *vcpu, bool declined)
{
	struct poller *p = &vcpu->poller;
	bool soon = came_soon(vcpu);
	if (p->woken) {
		/* The guest gave up on a poller that said it was there. */
		if (!declined && p->was_polling && ++p->missed >= limits.missed_calls) {
			set_state(p, POLLER_ASLEEP);
			atomic_store(&p->displaced, true);
		}
		return;
	}
	unsigned needed = limits.start_after_calls;
	if (p->started)
		needed = limits.wake_after_calls;
	p->close_calls++;
	if (!soon)
		p->close_calls = 0;
	if (p->close_calls >= needed && mote_arch_cycles() > p->rest_until)
		wake(vcpu);
}

bool poller_doorbell(struct vcpu *vcpu)
{
	struct poller *p = &vcpu->poller;
	if (p->off)
		return false;
	p->gap = mote_arch_cycles() - p->replied_at;
	p->was_polling = p->woken && is_polling(vcpu);
	return p->started && __atomic_exchange_n(&vcpu->area->slot.state, MOTE_SLOT_FREE,
						 __ATOMIC_ACQ_REL) == MOTE_SLOT_DONE;
}

void poller_replied(struct vcpu *vcpu, bool pollable)
{
	struct poller *p = &vcpu->poller;
	if (p->off)
		return;
	bool declined = p->declined;
	p->declined = false;
	if (p->woken && atomic_load_explicit(&p->state, memory_order_relaxed) != POLLER_AWAKE)
		judge(vcpu);
	if (pollable)
		count_call(vcpu, declined);
	p->replied_at = mote_arch_cycles();
}

void poller_entering(struct vcpu *vcpu)
{
	if (vcpu->poller.started)
		pthread_mutex_unlock(&vcpu->poller.lock);
}

void poller_left(struct vcpu *vcpu)
{
	if (vcpu->poller.started)
		pthread_mutex_lock(&vcpu->poller.lock);
}

void poller_stop(struct vcpu *vcpu)
{
	struct poller *p = &vcpu->poller;
	if (!p->started)
		return;
	set_state(p, POLLER_STOPPING);
	pthread_mutex_unlock(
		&p->lock); /* it may be about to claim a call, and will find that it must not */
	pthread_join(p->thread, NULL);
	pthread_mutex_destroy(&p->lock);
	bool off = p->off || p->jail_rc < 0;
	if (p->how != jail_how_own())
		jail_how_free(p->how);
	*p = (struct poller){.off = off};
	vcpu->area->slot = (struct mote_call_slot){0};
}
