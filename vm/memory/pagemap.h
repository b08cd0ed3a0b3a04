/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The process's page map (Documentation/admin-guide/mm/pagemap.rst in the kernel's source): which
 * pages of a VM's memory are there, and which are this process's own. Any thread may call.
 */
#ifndef MOTE_VM_MEMORY_PAGEMAP_H
#define MOTE_VM_MEMORY_PAGEMAP_H

#include "vm/memory/memory.h"

/* Opens it, for a thread that may open nothing later. Without /proc that is not an error. */
void pagemap_prepare(void);
/* Whether it is open. */
bool pagemap_is_open(void);
/* The descriptor, borrowed, or -1 if it is not open. */
int pagemap_descriptor(void);

/*
 * Calls visit(arg, gpa) for each page in [from, end) that is the process's own, in order, until one
 * call is not 0, which is returned. Guest-physical; whole pages. -ENOSYS: there is no page map;
 * -EIO: it cannot be read.
 */
typedef int pagemap_visit(void *arg, uint64_t gpa);
int pagemap_each_private(const struct memory *m, uint64_t from, uint64_t end, pagemap_visit *visit,
			 void *arg) must_check;
/*
 * Whether each of `count` pages from gpa on has never been touched, or was discarded since. False:
 * it cannot be read.
 */
bool pagemap_untouched(const struct memory *m, uint64_t gpa, bool *untouched,
		       unsigned count) must_check;
/* Whether each of `count` pages from gpa on is present in the process. False: it cannot be read. */
bool pagemap_present(const struct memory *m, uint64_t gpa, bool *present,
		     unsigned count) must_check;

#endif
