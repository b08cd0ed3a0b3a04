/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The working set of guests that go on from an image: what they use at once, recorded from one and
 * prefetched for the next ones, which then do not fault for each page. Pages that are written;
 * pages that are read next to each other; and large pages of which much is read, whose contents are
 * copied to where the host has large pages too.
 *
 * A page that is read is copied so that KVM maps it together with its neighbours: at a fault it
 * maps up to eight pages, aligned, as far as the host could write each of them at once. Which pages
 * are read is seen in the guest's own page tables, where the processor (or KVM's shadow paging)
 * marks the entries that it uses. A guest can write any marks there, which costs the next ones time
 * and memory within bounds, and nothing else.
 */
#ifndef MOTE_VM_MEMORY_WORKING_SET_H
#define MOTE_VM_MEMORY_WORKING_SET_H

#include "vm/memory/image.h"

enum { WORKING_SET_EXTENTS_MAX = 256, WORKING_SET_LARGE_MAX = 16 };

/* Files hold it as it is. */
struct working_set {
	uint32_t count, large_count;
	struct memory_extent extents[WORKING_SET_EXTENTS_MAX];
	uint64_t large[WORKING_SET_LARGE_MAX]; /* guest-physical */
};

/*
 * Takes the marks from the guest's page tables of a memory into which an image without a working
 * set was just restored, so that it can be recorded what is read; end undoes that. The guest does
 * not run meanwhile.
 */
void working_set_sample(const struct memory_image *i, struct memory *m);
void working_set_end_sample(struct memory *m);
/*
 * Records what a memory that the image was restored into has written since, if that is not known
 * yet; with `large`, what large pages it has read too, for a memory that is never reset to the
 * image.
 */
void working_set_record(struct memory_image *i, const struct memory *m, bool large);
/*
 * Takes a working set of unknown origin (copied). False if it leads out of the image or is too
 * large; it can cost time, and nothing else.
 */
bool working_set_install(struct memory_image *i, const struct working_set *w) must_check;
/* Populates a memory into which the image has just been restored. 0 or -errno. */
int working_set_prefetch(const struct memory_image *i, struct memory *m) must_check;

#endif
