/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The poller: a thread that carries out host calls while the vCPU runs, for as long as they come close
 * together (abi/layout.h has the guest's side).
 *
 * Two threads, one vm. Once the poller is there, ring.lock guards all of struct vm: the vCPU's thread holds
 * it whenever it is outside KVM_RUN, the poller while it carries out a call. So a handler never runs beside
 * another, and scratch memory and descriptors need no lock of their own. Calls that wait, that change
 * memory or that belong to a thread (timers, signals) are declined and come by the doorbell.
 *
 * Polling must pay. The poller starts, and is woken, after a number of doorbells in quick succession; it
 * sleeps once no call came for about as long as an exit takes, so that it never takes much more than twice
 * the time that it saves. Where it is of no use (nobody asks, questions stay unanswered because
 * it waits for a CPU, or another thread wanted its CPU) it rests for a time that doubles.
 */
#include "vm/run/poller.h"

#include "base/thread.h"
#include "vm/memory/guest_copy.h"
#include "vm/internal.h"
#include "vm/jail/jail.h"

#include <errno.h>
#include <linux/futex.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
	POLL_MIN_US = 5,    /* without a call, until the poller sleeps: an exit's time within these bounds */
	POLL_MAX_US = 100,
	FIRST_US = 400,	    /* the same when it has just woken: the guest has yet to come back from its exit */
	ASK_US = 15,	    /* the guest waits for an awake poller to take its call */
	TAKE_US = 200,	    /* the guest waits awake for a call to be carried out */
	START_RUN = 64,	    /* doorbells in quick succession until the poller is started */
	WAKE_RUN = 8,	    /* and until it is woken */
	RUN_MAX = 4096,	    /* the latter, while it finds nothing to do */
	MISSES_MAX = 4,	    /* doorbells beside an awake poller */
	LATE_US = 700,	    /* an iteration that takes longer was interrupted, perhaps by others' work */
	REST_US = 20000,    /* at first */
	REST_MAX_US = 2000000,
	PAYS = 64,	    /* calls that make a poller's waking worth it */
	STACK_BYTES = 256 << 10,
};

enum state { ASLEEP, AWAKE, RESTING, STOPPING };

static uint64_t cycles(void)
{
	return __builtin_ia32_rdtsc();
}

/* --- the poller --- */

static void set_polling(struct vcpu *vcpu, uint32_t on)
{
	__atomic_store_n(&vcpu->area->ring.polling, on, __ATOMIC_SEQ_CST);
}

/* As the guest sees it, which can write it too. */
static uint32_t polling(const struct vcpu *vcpu)
{
	return __atomic_load_n(&vcpu->area->ring.polling, __ATOMIC_RELAXED);
}

/* Carries out the call that the guest has asked for, if it still wants it. */
static void answer(struct vcpu *vcpu)
{
	struct vm_ring *r = &vcpu->ring;
	uint32_t asked = MOTE_TURN_ASKED, *turn = &vcpu->area->ring.turn;
	pthread_mutex_lock(&r->lock);
	if (atomic_load_explicit(&r->state, memory_order_relaxed) == AWAKE &&
	    __atomic_compare_exchange_n(turn, &asked, MOTE_TURN_TAKEN, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) {
		bool done = hostcall_serve_polled(vcpu);
		r->served += done;
		r->declined = !done;
		__atomic_store_n(turn, done ? MOTE_TURN_DONE : MOTE_TURN_DECLINED, __ATOMIC_RELEASE);
	}
	pthread_mutex_unlock(&r->lock);
}

/* Whether others have had this thread's CPU since it last looked. */
static bool displaced(struct vm_ring *r)
{
	struct rusage u;
	if (getrusage(RUSAGE_THREAD, &u) < 0)
		return true;
	bool more = u.ru_nivcsw != r->displaced;
	r->displaced = u.ru_nivcsw;
	return more;
}

/* Until no call comes any more, others want the CPU, or the vCPU's thread says so. */
static void poll_calls(struct vcpu *vcpu)
{
	struct vm_ring *r = &vcpu->ring;
	uint64_t window = clock_cycles(&vcpu->clock, FIRST_US), late = clock_cycles(&vcpu->clock, LATE_US);
	uint64_t last = cycles(), before = last;
	(void)displaced(r);
	set_polling(vcpu, 1);
	while (atomic_load_explicit(&r->state, memory_order_relaxed) == AWAKE) {
		bool asked = __atomic_load_n(&vcpu->area->ring.turn, __ATOMIC_RELAXED) == MOTE_TURN_ASKED;
		if (asked)
			answer(vcpu);
		uint64_t now = cycles();
		if (now - before > late && displaced(r)) {
			atomic_store(&r->crowded, true);
			break;
		}
		if (asked) {
			last = now;
			window = atomic_load_explicit(&r->window, memory_order_relaxed);
		} else if (now - last > window) {
			break;
		}
		before = now;
		__builtin_ia32_pause();
	}
	set_polling(vcpu, 0);
}

static void *poller(void *arg)
{
	struct vcpu *vcpu = arg;
	struct vm_ring *r = &vcpu->ring;
	struct err e = {0};
	guest_copy_unblocked(true); /* start() */
	r->jail_rc = jail_enter_poller(r->how, &e);
	if (r->jail_rc < 0)
		return NULL;
	for (;;) {
		int state = atomic_load(&r->state);
		if (state == STOPPING)
			return NULL;
		if (state == AWAKE) {
			poll_calls(vcpu);
			int awake = AWAKE;
			atomic_compare_exchange_strong(&r->state, &awake, ASLEEP);
		} else {
			syscall(SYS_futex, &r->state, FUTEX_WAIT_PRIVATE, state, NULL, NULL, 0);
		}
	}
}

/* --- the vCPU's thread --- */

static void set_state(struct vm_ring *r, int state)
{
	atomic_store(&r->state, state);
	syscall(SYS_futex, &r->state, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

/* Whether this thread may use more than one CPU: else nobody could answer it while it waits. */
static bool other_cpu(void)
{
	cpu_set_t set;
	return sched_getaffinity(0, sizeof(set), &set) == 0 && CPU_COUNT(&set) > 1;
}

static int start(struct vcpu *vcpu)
{
	struct vm *vm = vcpu->vm;
	struct vm_ring *r = &vcpu->ring;
	if (!other_cpu())
		return -ENOTSUP;
	r->how = jail_entered() ? jail_how_own() : jail_how_make();
	if (!r->how && !jail_entered())
		return -errno;
	clock_know_rate(vcpu);
	vcpu->area->ring = (struct mote_ring){
		.ask_cycles = (uint32_t)clock_cycles(&vcpu->clock, ASK_US),
		.take_cycles = (uint32_t)clock_cycles(&vcpu->clock, TAKE_US),
	};
	pthread_attr_t attr;
	if (pthread_attr_init(&attr) != 0)
		return -ENOMEM;
	int rc = -pthread_attr_setstacksize(&attr, STACK_BYTES);
	atomic_store(&r->state, AWAKE);
	pthread_mutex_init(&r->lock, NULL);
	pthread_mutex_lock(&r->lock);
	if (rc == 0)
		rc = thread_start(&r->thread, &attr, poller, vcpu);
	pthread_attr_destroy(&attr);
	r->started = rc == 0;
	dirty_forget(&vm->memory.dirty); /* the poller writes memory, too */
	if (rc < 0)
		pthread_mutex_unlock(&r->lock);
	return rc;
}

/* How long the poller looks for the next call: what it saves is an exit; this is the shortest seen. */
static uint64_t window_of(const struct vcpu *vcpu)
{
	const struct vm_ring *r = &vcpu->ring;
	uint64_t least = clock_cycles(&vcpu->clock, POLL_MIN_US), most = clock_cycles(&vcpu->clock, POLL_MAX_US);
	return r->exit_cycles < least ? least : r->exit_cycles > most ? most : r->exit_cycles;
}

/* Whether the guest came back so soon that the poller would still have been awake. */
static bool came_soon(struct vcpu *vcpu, uint64_t now)
{
	struct vm_ring *r = &vcpu->ring;
	uint64_t gap = now - r->last;
	if (r->exit_cycles == 0 || gap < r->exit_cycles)
		r->exit_cycles = gap;
	return gap < r->exit_cycles + window_of(vcpu);
}

/* It has been of no use: next time later. */
static void rest(struct vcpu *vcpu, uint64_t now)
{
	struct vm_ring *r = &vcpu->ring;
	r->rest_us = r->rest_us ? r->rest_us * 2 : REST_US;
	if (r->rest_us > REST_MAX_US)
		r->rest_us = REST_MAX_US;
	r->rest_until = now + clock_cycles(&vcpu->clock, r->rest_us);
	r->run = 0;
}

/* What became of the poller's last waking decides when the next one is. */
static void judge(struct vcpu *vcpu, uint64_t now)
{
	struct vm_ring *r = &vcpu->ring;
	uint64_t served = r->served - r->served_before;
	r->served_before = r->served;
	r->woken = false;
	if (atomic_exchange(&r->crowded, false)) {
		if (served >= 100 * PAYS)
			r->rest_us = 0;
		rest(vcpu, now);
		return;
	}
	if (served >= PAYS) {
		r->needed = WAKE_RUN;
		r->rest_us = 0;
	} else if (r->needed < RUN_MAX) {
		r->needed *= 2;
	}
	r->run = 0;
}

static void wake(struct vcpu *vcpu)
{
	struct vm_ring *r = &vcpu->ring;
	r->run = 0;
	atomic_store_explicit(&r->window, window_of(vcpu), memory_order_relaxed);
	if (!r->started) {
		r->needed = WAKE_RUN;
		r->off = start(vcpu) < 0;
	} else {
		set_state(r, AWAKE);
	}
	r->woken = true;
	r->misses = 0;
}

void ring_doorbell(struct vcpu *vcpu, bool pollable)
{
	struct vm_ring *r = &vcpu->ring;
	if (r->off)
		return;
	uint64_t now = cycles();
	bool soon = came_soon(vcpu, now);
	bool declined = r->declined;
	r->declined = false;
	int state = atomic_load_explicit(&r->state, memory_order_relaxed);
	if (r->woken && state != AWAKE)
		judge(vcpu, now);
	/* The guest gave up on a poller that said it was there. */
	if (r->woken && pollable && !declined && polling(vcpu) && ++r->misses >= MISSES_MAX) {
		set_state(r, RESTING);
		atomic_store(&r->crowded, true);
	}
	if (!pollable || r->woken)
		return;
	r->run = soon ? r->run + 1 : 0;
	if (r->run >= (r->started ? r->needed : START_RUN) && now > r->rest_until)
		wake(vcpu);
}

void ring_entering(struct vcpu *vcpu)
{
	if (vcpu->ring.started)
		pthread_mutex_unlock(&vcpu->ring.lock);
}

void ring_left(struct vcpu *vcpu)
{
	if (vcpu->ring.started)
		pthread_mutex_lock(&vcpu->ring.lock);
}

bool ring_answered(struct vcpu *vcpu)
{
	return vcpu->ring.started &&
	       __atomic_exchange_n(&vcpu->area->ring.turn, MOTE_TURN_FREE, __ATOMIC_ACQ_REL) == MOTE_TURN_DONE;
}

void ring_replied(struct vcpu *vcpu)
{
	vcpu->ring.last = cycles();
}

void ring_stop(struct vcpu *vcpu)
{
	struct vm_ring *r = &vcpu->ring;
	if (!r->started)
		return;
	set_state(r, STOPPING);
	pthread_mutex_unlock(&r->lock); /* it may be about to take a call, and will find that it must not */
	pthread_join(r->thread, NULL);
	pthread_mutex_destroy(&r->lock);
	bool off = r->off || r->jail_rc < 0;
	if (r->how != jail_how_own())
		jail_how_free(r->how);
	*r = (struct vm_ring){.off = off};
	vcpu->area->ring = (struct mote_ring){0};
}
