/* SPDX-License-Identifier: Apache-2.0 */
/* Dropping translations that KVM has, and contents of pages. */
#include "vm/memory/guest_copy.h"
#include "vm/memory/private.h"
#include "vm/memory/shared_file.h"

static bool take_away_and_give_back(uint8_t *at, uint64_t bytes)
{
	return mprotect(at, bytes, PROT_READ) == 0 &&
	       mprotect(at, bytes, PROT_READ | PROT_WRITE) == 0;
}

void memory_invalidate(struct memory *m, uint64_t gpa, uint64_t bytes)
{
	if (gpa >= m->end + m->spill_bytes) {
		m->broken |= !memory_shared_invalidate(m, gpa, bytes);
		return;
	}
	for (uint64_t done = 0, step; m->vm_fd >= 0 && done < bytes; done += step) {
		step = memory_step_bytes(bytes - done);
		/* It does not run again. */
		if (done > 0 && memory_ends_now(m)) {
			m->broken = true;
			return;
		}
		if (!take_away_and_give_back(m->hva + gpa + done, step)) {
			m->broken |= !memory_renew_slots(m);
			return;
		}
	}
}

static void invalidate_all(struct memory *m)
{
	memory_invalidate(m, 0, m->slot_end);
	m->broken |= !memory_shared_invalidate_all(m);
}

/*
 * Makes memory read as zero and gives it back. If a snapshot lies under it, that is replaced, which
 * `split` allows: dropping the guest's copy would bring the snapshot's contents up again.
 */
static void discard_some(struct memory *m, uint64_t gpa, uint64_t bytes, bool split)
{
	if (gpa >= m->backed_end) {
		madvise(m->hva + gpa, bytes, MADV_DONTNEED);
		return;
	}
	if (split && memory_map_anonymous(m, gpa, gpa + bytes) == 0)
		return;
	/* of a file that has become shorter: the guest ends when it uses it */
	(void)!guest_zero(m->hva + gpa, bytes);
	memory_invalidate(m, gpa, bytes);
}

/* One host mapping: its parts join. */
static void discard(struct memory *m, uint64_t gpa, uint64_t bytes)
{
	const bool split = gpa < m->backed_end && memory_may_split(m);
	for (uint64_t done = 0, step; done < bytes; done += step) {
		step = memory_step_bytes(bytes - done);
		/* It does not run again, and nobody sees what is not zero. */
		if (done > 0 && memory_ends_now(m)) {
			m->broken = true;
			return;
		}
		discard_some(m, gpa + done, step, split);
	}
}

/*
 * A guest decides how its pages are scattered: from so many runs on, all of its memory is
 * invalidated at once instead.
 */
enum { INVALIDATIONS_MAX = 64 };

static void end_run(struct memory_batch *b)
{
	if (b->bytes && b->discard)
		discard(b->m, b->gpa, b->bytes);
	else if (b->bytes && ++b->invalidations <= INVALIDATIONS_MAX)
		memory_invalidate(b->m, b->gpa, b->bytes);
	b->bytes = 0;
}

void memory_batch_end(struct memory_batch *b)
{
	end_run(b);
	if (b->invalidations > INVALIDATIONS_MAX)
		invalidate_all(b->m);
}

void memory_batch_add(struct memory_batch *b, uint64_t gpa, uint64_t bytes, bool discard)
{
	if (b->bytes && (b->discard != discard || b->gpa + b->bytes != gpa))
		end_run(b);
	if (!b->bytes)
		b->gpa = gpa;
	b->discard = discard;
	b->bytes += bytes;
}
