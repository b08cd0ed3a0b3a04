/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which pages of a VM's memory differ from the snapshot that it was last set to. A reset copies
 * those back; finding them takes a look at the process's page map (6 us), so the tracker also says,
 * by the kernel's count of a thread's page faults (0.3 us), when a look would find the same pages
 * as the last.
 *
 * Why that is sound. (1) The memory is a private mapping of the snapshot's file: a page differs
 * from it only if the kernel has made it this process's own. (2) The kernel does so in a page fault
 * of the thread that writes the page, be it by an instruction, in a system call, or in KVM_RUN for
 * the guest, and counts faults for each thread; that all three ways are counted is tried once
 * (probe_ways). (3) One thread has written the memory since the last look: others call dirty_enter
 * or dirty_forget first. So if that thread's count is unchanged, no page has become the process's
 * own since. Those that were may have been written again without a fault, so all of them count as
 * dirty. (4) Pages leave the set by the host alone, which replaces mappings or drops pages; each
 * such place calls dirty_forget, or sets memory.changed, after which a memory is never reset.
 *
 * A second vCPU breaks (3), and whatever replaces this tracker then (KVM's dirty log, userfaultfd)
 * has the same three functions: begin, may_be_dirty, collect.
 */
#ifndef MOTE_VM_MEMORY_DIRTY_TRACKER_H
#define MOTE_VM_MEMORY_DIRTY_TRACKER_H

#include "base/cleanup.h"

#include <stdbool.h>
#include <stdint.h>

struct memory;

enum { DIRTY_PAGES_MAX = 2048 }; /* beyond, a reset drops all pages instead of copying these */

struct dirty_tracker {
	/* What the last look found. */
	uint32_t *frames; /* owned: page numbers, behind the system block */
	uint32_t count, capacity;
	uint64_t system_pages
		[4];   /* and which of the system block's 256: bit n of word m is 64m + n */
	bool complete; /* and these are all that there can be */
	/* Since when nothing else is dirty. */
	uint64_t thread; /* whose faults are counted, dirty_thread(); 0: nobody's, anything may be
			    dirty */
	uint64_t faults; /* its count then */
	bool away; /* the thread is elsewhere: its faults since away_faults are of other memory */
	uint64_t away_faults;
};

/* After a look, and once the memory is as the snapshot has it: the calling thread's faults count
 * from here. */
void dirty_begin(struct dirty_tracker *t);
/* Whether pages that the last look did not find may be dirty. */
bool dirty_may_be(const struct dirty_tracker *t);
/*
 * Looks for the dirty pages below guest-physical `end`. 0; -E2BIG: there are more than
 * DIRTY_PAGES_MAX; else -errno, and which are dirty is unknown.
 */
int dirty_collect(struct dirty_tracker *t, const struct memory *m, uint64_t end) must_check;
/* Anything may be dirty: the memory was set to another content, or another thread writes it. */
void dirty_forget(struct dirty_tracker *t);

/* The calling thread is about to write the memory, by itself or as its vCPU... */
void dirty_enter(struct dirty_tracker *t);
/* ...and has done so: until it comes back, its faults are of other memory. */
void dirty_leave(struct dirty_tracker *t);
/* The number of the calling thread: not 0, and never that of another one. */
uint64_t dirty_thread(void);
void dirty_free(struct dirty_tracker *t);

#endif
