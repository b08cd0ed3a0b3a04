/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guests that own CPL 0 and all of their memory from their first instruction (guest/cpl0.c), one
 * life after the other: each is ended by its time limit if it does not end itself, and some are
 * frozen, copied and reset on the way. In every second life a thread changes the guest's memory
 * too, while the host looks at it.
 */
#include "security.h"
#include "workers.h"

#include "vm/snapshot/recycle.h"
#include "vm/snapshot/snapshot.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

SECURITY_IMAGE(cpl0);

#define LIFE_NS     (NS / 10) /* of CPU time, which other work on the machine does not take */
#define WALL_FACTOR 4
#define HANG_NS     (20 * NS)                                  /* of CPU time */
#define TEARDOWN_NS (security_options.emulated ? NS : NS / 10) /* of CPU time */
enum { LIVES_MAX = 1 << 20, WHOLE_EXITS = 10000000, TEARDOWN_WAITS = 16 };

/* What the child has done so far; shared with its parent. */
struct progress {
	_Atomic uint64_t exits, calls, snapshots, restores;
	_Atomic uint32_t lives, ended[8];
	_Atomic uint64_t latest_end_ns; /* behind a life's time limit */
	_Atomic uint32_t idle_lives;    /* VMs that never ran */
	_Atomic uint64_t teardown_cpu_us, teardown_waits, idle_waits; /* the most of one teardown */
	_Atomic uint32_t teardown_us[LIVES_MAX], idle_teardown_us[LIVES_MAX];
};
static struct progress *progress;

static void most(_Atomic uint64_t *at, uint64_t value)
{
	if (value > atomic_load(at))
		atomic_store(at, value);
}

/* --- the other writer of the guest's memory --- */

struct mutator {
	struct vm *vm;
	uint64_t random;
	_Atomic bool stop;
	pthread_t thread;
};

/*
 * The host takes guest memory away for moments (memory_invalidate): what is written then is left
 * out.
 */
static _Thread_local sigjmp_buf gone;
static _Thread_local bool mutating;
static struct sigaction handler_before;

static void on_segv(int signal)
{
	if (mutating)
		siglongjmp(gone, 1);
	/* Anywhere else it is the host's fault: again, for AddressSanitizer to report. */
	sigaction(signal, &handler_before, NULL);
}

static void *mutate(void *arg)
{
	struct mutator *m = arg;
	(void)sigsetjmp(gone, 1);
	mutating = true;
	volatile uint64_t *area = (volatile uint64_t *)(void *)m->vm->vcpus[0].area;
	volatile uint64_t *low = (volatile uint64_t *)(void *)m->vm->memory.hva;
	/* kernel pages and page tables are at the beginning */
	const uint64_t low_words = 64 * MOTE_PAGE / 8;
	while (!atomic_load_explicit(&m->stop, memory_order_relaxed)) {
		uint64_t r = security_random(&m->random),
			 v = r & 1 ? security_random(&m->random) : r >> 56;
		if (r & 0x7e)
			area[(r >> 8) % (512 / 8)] = v;
		else if (r & 0x700)
			area[(r >> 8) % (MOTE_AREA_BYTES / 8)] = v;
		else
			low[(r >> 12) % low_words] ^= 1UL << (v & 63);
		if (!(r >> 40 & 0xff))
			usleep(20);
	}
	return NULL;
}

static void mutator_start(struct mutator *m, struct vm *vm, uint64_t seed)
{
	*m = (struct mutator){.vm = vm, .random = seed + 1};
	if (pthread_create(&m->thread, NULL, mutate, m) != 0)
		security_die("starting a thread");
}

static void mutator_stop(struct mutator *m)
{
	atomic_store(&m->stop, true);
	pthread_join(m->thread, NULL);
}

/* --- one life --- */

/* How often this thread has given up the CPU by itself, to wait for something. */
static uint64_t waits(void)
{
	struct rusage usage;
	getrusage(RUSAGE_THREAD, &usage);
	return (uint64_t)usage.ru_nvcsw;
}

static void destroy(struct vm *vm, bool idle)
{
	const uint64_t began = security_now_ns(), waited = waits(),
		       cpu = (uint64_t)vm_now_ns(CLOCK_THREAD_CPUTIME_ID);
	vm_destroy(vm);
	const uint64_t cpu_us = ((uint64_t)vm_now_ns(CLOCK_THREAD_CPUTIME_ID) - cpu) / 1000,
		       us = (security_now_ns() - began) / 1000;
	most(&progress->teardown_cpu_us, cpu_us);
	most(idle ? &progress->idle_waits : &progress->teardown_waits, waits() - waited);
	uint32_t n = atomic_fetch_add(idle ? &progress->idle_lives : &progress->lives, 1);
	if (n < LIVES_MAX)
		atomic_store(idle ? &progress->idle_teardown_us[n] : &progress->teardown_us[n],
			     us > UINT32_MAX ? UINT32_MAX : (uint32_t)us);
}

static void count(struct vm *vm)
{
	struct vm_counters c;
	vm_count(vm, &c);
	atomic_fetch_add(&progress->exits, c.exits);
	atomic_fetch_add(&progress->calls, c.calls);
}

/* Runs until the end or the limit, with random answers; true when it waits and can be frozen. */
static bool run(struct vm *vm, uint64_t limit_ns, uint64_t *random, bool stop_waiting)
{
	const struct vm_limits limits = {.cpu_ns = limit_ns, .wall_ns = WALL_FACTOR * limit_ns};
	struct vm_outcome out = {.end = VM_WAITING};
	struct err e = {0};
	uint8_t answer[256];
	uint64_t began = security_now_ns();
	bool waiting = false;
	vm_begin(vm, &limits);
	while (!waiting && out.end == VM_WAITING) {
		/*
		 * KVM refuses some of what CPL 0 can bring about; that ends the guest, by an error.
		 */
		if (vm_resume(vm, &out, &e) < 0)
			out.end = 7;
		if (out.end != VM_WAITING)
			break;
		waiting = stop_waiting && (security_random(random) & 3) == 0;
		for (size_t i = 0; i < sizeof(answer); i += 8) {
			uint64_t r = security_random(random);
			memcpy(answer + i, &r, sizeof(r));
		}
		if (!waiting && vm_reply(vm, answer, 1 + *random % sizeof(answer), &e) < 0)
			break;
	}
	vm_finish(vm);
	uint64_t took = security_now_ns() - began;
	if (took > limits.wall_ns)
		most(&progress->latest_end_ns, took - limits.wall_ns);
	if (!waiting)
		atomic_fetch_add(&progress->ended[out.end & 7], 1);
	return waiting;
}

/* A copy of a frozen guest, and the guest itself reset. */
static void freeze(struct vm *vm, uint64_t *random)
{
	struct vm_snapshot *s = NULL;
	struct vm *copy = NULL;
	struct err e = {0};
	if (vm_snapshot_take(vm, &s, &e) < 0)
		return;
	atomic_fetch_add(&progress->snapshots, 1);
	if (security_vm_from(s, 64, &copy) == 0) {
		(void)run(copy, LIFE_NS / 8, random, false);
		if (vm_restore(copy, s, &e) == 0) {
			atomic_fetch_add(&progress->restores, 1);
			(void)run(copy, LIFE_NS / 8, random, false);
		}
		count(copy);
		destroy(copy, false);
	}
	if (vm_restore(vm, s, &e) == 0)
		atomic_fetch_add(&progress->restores, 1);
	vm_snapshot_drop(s);
}

static void live(uint64_t seed)
{
	char text[24],
		*argv[] = {text, security_options.emulated ? (char *)"emulated" : NULL, NULL};
	uint64_t random = seed * 0x9e3779b97f4a7c15 + 1;
	struct mutator m;
	snprintf(text, sizeof(text), "%lu", seed);
	struct vm *vm = security_vm(SECURITY_IMAGE_OF(cpl0), argv, 64, 0);
	vm_offer_calls(vm, 4096, false);
	security_start_at_cpl0(vm);
	if (seed & 1)
		mutator_start(&m, vm, seed);
	if (run(vm, LIFE_NS, &random, seed & 2)) {
		if (seed & 1)
			mutator_stop(&m);
		freeze(vm, &random);
		(void)run(vm, LIFE_NS / 4, &random, false);
	} else if (seed & 1) {
		mutator_stop(&m);
	}
	count(vm);
	destroy(vm, false);
	/* For comparison, one that never ran. */
	vm = security_vm(SECURITY_IMAGE_OF(cpl0), argv, 64, 0);
	destroy(vm, true);
}

/* --- all of them --- */

static uint64_t until_exits, until_ns;
static unsigned workers;

static void work(unsigned worker, struct security_step *step)
{
	uint64_t seed = security_options.seed + worker;
	sigaction(SIGSEGV, &(struct sigaction){.sa_handler = on_segv}, &handler_before);
	for (unsigned n = 0;
	     atomic_load(&progress->exits) < until_exits && security_now_ns() < until_ns;
	     n++, seed += workers) {
		/* With recycled VMs, which are emptied for the next guest, and without. */
		if (n % 64 == 0 && recycle_keep(n % 128 ? 2 : 0) < 0)
			security_die("keeping VMs");
		security_step_begin(step, seed);
		live(seed);
		security_step_end(step);
	}
	(void)!recycle_keep(0);
}

static int by_size(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;
	return *x < *y ? -1 : *x > *y;
}

struct times {
	uint32_t count, median, p99, longest;
};

static struct times times_of(uint32_t count, _Atomic uint32_t *times)
{
	uint32_t *us = (uint32_t *)times;
	if (count > LIVES_MAX)
		count = LIVES_MAX;
	if (count == 0)
		return (struct times){0};
	qsort(us, count, sizeof(*us), by_size);
	return (struct times){
		.count = count,
		.median = us[count / 2],
		.p99 = us[(uint64_t)count * 99 / 100],
		.longest = us[count - 1],
	};
}

/*
 * Work and waits are bounded. How long one wait for the kernel takes depends on what else the
 * machine does, so the times are only said: that of most is next to that of VMs that no guest had.
 */
static void report_teardown(void)
{
	const struct times t = times_of(atomic_load(&progress->lives), progress->teardown_us),
			   idle = times_of(atomic_load(&progress->idle_lives),
					   progress->idle_teardown_us);
	const uint64_t cpu = atomic_load(&progress->teardown_cpu_us),
		       waited = atomic_load(&progress->teardown_waits),
		       idle_waited = atomic_load(&progress->idle_waits);
	if (t.count == 0)
		return;
	security_report(
		cpu <= TEARDOWN_NS / 1000 && waited <= TEARDOWN_WAITS, "cpl0-teardown",
		"of %u at most %lu us of CPU time and %lu waits; median %u us, p99 %u us, "
		"longest %u us; of VMs that never ran at most %lu waits, median %u us, p99 %u "
		"us, longest %u us",
		t.count, cpu, waited, t.median, t.p99, t.longest, idle_waited, idle.median,
		idle.p99, idle.longest);
}

int main(int argc, char **argv)
{
	security_begin(argc, argv);
	progress = security_shared(sizeof(*progress));
	uint64_t began = security_now_ns();
	until_exits = security_options.whole ? WHOLE_EXITS : UINT64_MAX;
	if (security_options.count)
		until_exits = security_options.count;
	until_ns = began + (security_options.whole ? 36000 : 20) * NS;
	workers = security_worker_count();
	const char *wrong = security_work(workers, HANG_NS, work);
	double seconds = (double)(security_now_ns() - began) / 1e9;
	uint64_t done = atomic_load(&progress->exits);
	if (!wrong && security_options.whole && done < until_exits)
		wrong = "too few exits";
	security_report(
		!wrong, "cpl0",
		"%s%s%lu exits (%.0f/s) in %u lives, %lu calls, %lu snapshots, %lu restores; ends: "
		"%u by themselves, %u faults, %u limits, %u refused by KVM; latest end %lu ms "
		"behind its limit",
		wrong ? wrong : "", wrong ? "; " : "", done, (double)done / seconds,
		atomic_load(&progress->lives), atomic_load(&progress->calls),
		atomic_load(&progress->snapshots), atomic_load(&progress->restores),
		atomic_load(&progress->ended[VM_EXITED]) +
			atomic_load(&progress->ended[VM_SIGNALLED]),
		atomic_load(&progress->ended[VM_FAULTED]),
		atomic_load(&progress->ended[VM_TIMED_OUT]), atomic_load(&progress->ended[7]),
		atomic_load(&progress->latest_end_ns) / 1000000);
	report_teardown();
	return security_end();
}
