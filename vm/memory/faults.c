/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel's count of a thread's page faults, once it is known that it counts. */
#include "vm/memory/faults.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* Linux 5.14 */
#endif

enum { PAGE = 4096, PROBE_PAGES = 3 };

static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool counted;

uint64_t faults_thread(void)
{
	static _Atomic uint64_t last;
	static _Thread_local uint64_t mine;
	if (!mine)
		mine = atomic_fetch_add(&last, 1) + 1;
	return mine;
}

static bool faults_now(uint64_t *out)
{
	struct rusage u;
	if (getrusage(RUSAGE_THREAD, &u) < 0)
		return false;
	*out = (uint64_t)u.ru_minflt + (uint64_t)u.ru_majflt;
	return true;
}

/*
 * The three ways in which a thread makes a page its own: writing it, a system call that copies to
 * it, and one that takes the page itself, as KVM does for a guest.
 */
static bool probe_ways(uint8_t *pages)
{
	uint64_t before, written, copied, taken;
	if (!faults_now(&before))
		return false;
	*(volatile uint8_t *)pages = 1;
	if (!faults_now(&written) || getrandom(pages + PAGE, 1, 0) != 1 || !faults_now(&copied) ||
	    madvise(pages + 2 * PAGE, PAGE, MADV_POPULATE_WRITE) < 0 || !faults_now(&taken))
		return false;
	return before < written && written < copied && copied < taken;
}

static void probe(void)
{
	uint8_t *pages = mmap(NULL, PROBE_PAGES * PAGE, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (pages == MAP_FAILED)
		return;
	if (madvise(pages, PROBE_PAGES * PAGE, MADV_NOHUGEPAGE) == 0)
		counted = probe_ways(pages);
	munmap(pages, PROBE_PAGES * PAGE);
}

bool faults_count(uint64_t *out)
{
	pthread_once(&once, probe);
	return counted && faults_now(out);
}
