/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The watchdog's thread and its list. Whether a limit has expired is decided by the vCPU thread:
 * the deadline that the watchdog goes by may be that of an earlier call, which costs a check and no
 * more.
 */
#include "vm/run/watchdog.h"

#include "base/thread.h"
#include "base/time.h"
#include "vm/internal.h"
#include "vm/jail/jail.h"
#include "vm/run/kick.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>

#define NS 1000000000UL

enum { STACK_BYTES = 64 << 10 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t earlier;
static pthread_once_t once = PTHREAD_ONCE_INIT;
/* Guarded by lock. */
static bool running;
static struct vm *first;
/* When the thread looks next, at the latest; written by it alone. */
static _Atomic uint64_t wakes_at = WATCHDOG_NEVER;

/* --- the thread --- */

/* Kicks what is due; the earliest of the others. */
static uint64_t look_at_all(void)
{
	uint64_t now = time_monotonic_ns(), next = WATCHDOG_NEVER;
	for (struct vm *vm = first; vm; vm = vm->watchdog.next) {
		uint64_t due = atomic_load(&vm->watchdog.due);
		if (due <= now &&
		    atomic_compare_exchange_strong(&vm->watchdog.due, &due, WATCHDOG_NEVER)) {
			atomic_store(&vm->watchdog.look, true);
			vm_kick(vm);
		} else if (due < next) {
			next = due;
		}
	}
	return next;
}

/* A VM stores its time and then looks at wakes_at; here it is the other way round: one of both sees
 * the other's. */
static void update_wakes_at(void)
{
	uint64_t next = look_at_all();
	for (;;) {
		atomic_store(&wakes_at, next);
		uint64_t again = look_at_all();
		if (again >= next)
			return;
		next = again;
	}
}

static void *watchdog_main(void *arg)
{
	(void)arg;
	pthread_mutex_lock(&lock);
	for (;;) {
		update_wakes_at();
		uint64_t until = atomic_load(&wakes_at);
		struct timespec t = {.tv_sec = (time_t)(until / NS), .tv_nsec = (long)(until % NS)};
		if (until == WATCHDOG_NEVER)
			pthread_cond_wait(&earlier, &lock);
		else
			pthread_cond_timedwait(&earlier, &lock, &t);
	}
	return NULL;
}

/* --- starting it --- */

static void before_fork(void)
{
	pthread_mutex_lock(&lock);
}

static void after_fork(void)
{
	pthread_mutex_unlock(&lock);
}

static void make_condition(void)
{
	pthread_condattr_t attr;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&earlier, &attr);
	pthread_condattr_destroy(&attr);
}

/* The child has no such thread, and VMs of its own only. */
static void in_child(void)
{
	running = false;
	first = NULL;
	atomic_store(&wakes_at, WATCHDOG_NEVER);
	make_condition();
	pthread_mutex_unlock(&lock);
}

static void prepare(void)
{
	make_condition();
	pthread_atfork(before_fork, after_fork, in_child);
}

/*
 * Next to real-time threads, which a guest may keep busy, it must be one, and ahead of them. (Not
 * in a filter, which allows no such thing: there it has its creator's priority.)
 */
static void set_priority(pthread_attr_t *attr)
{
	struct sched_param p = {0};
	int policy = SCHED_OTHER;
	if (!jail_entered())
		policy = sched_getscheduler(0);
	if (policy != SCHED_FIFO && policy != SCHED_RR)
		return;
	p.sched_priority = sched_get_priority_max(policy);
	pthread_attr_setinheritsched(attr, PTHREAD_EXPLICIT_SCHED);
	pthread_attr_setschedpolicy(attr, policy);
	pthread_attr_setschedparam(attr, &p);
}

static int start_with(pthread_attr_t *attr)
{
	pthread_t thread;
	pthread_attr_setdetachstate(attr, PTHREAD_CREATE_DETACHED);
	int rc = -pthread_attr_setstacksize(attr, STACK_BYTES);
	if (rc < 0)
		return rc;
	set_priority(attr);
	rc = thread_start(&thread, attr, watchdog_main, NULL);
	if (rc == -EPERM) { /* that priority is not for this process: the same as this thread's */
		pthread_attr_setinheritsched(attr, PTHREAD_INHERIT_SCHED);
		rc = thread_start(&thread, attr, watchdog_main, NULL);
	}
	return rc;
}

static int start(void)
{
	pthread_attr_t attr;
	int rc = -pthread_attr_init(&attr);
	if (rc < 0)
		return rc;
	rc = start_with(&attr);
	pthread_attr_destroy(&attr);
	return rc;
}

/* --- VMs --- */

int watchdog_join(struct vm *vm)
{
	if (vm->watchdog.joined)
		return 0;
	pthread_once(&once, prepare);
	pthread_mutex_lock(&lock);
	int rc = 0;
	if (!running)
		rc = start();
	if (rc == 0) {
		running = vm->watchdog.joined = true;
		atomic_store(&vm->watchdog.due, WATCHDOG_NEVER);
		vm->watchdog.next = first;
		first = vm;
	}
	pthread_mutex_unlock(&lock);
	return rc;
}

void watchdog_leave(struct vm *vm)
{
	if (!vm->watchdog.joined)
		return;
	pthread_mutex_lock(&lock);
	for (struct vm **at = &first; *at; at = &(*at)->watchdog.next)
		if (*at == vm) {
			*at = vm->watchdog.next;
			break;
		}
	vm->watchdog.joined = false;
	pthread_mutex_unlock(&lock);
}

void watchdog_at(struct vm *vm, uint64_t due_ns)
{
	atomic_store(&vm->watchdog.due, due_ns);
	if (due_ns >= atomic_load(&wakes_at))
		return;
	pthread_mutex_lock(&lock);
	pthread_cond_signal(&earlier);
	pthread_mutex_unlock(&lock);
}
