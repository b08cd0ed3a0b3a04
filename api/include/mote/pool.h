/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pools of sandboxes that are created from a snapshot in advance, by a thread of the pool, when
 * fewer than half are left. A returned sandbox is reset by the thread that returns it, which takes
 * some tens of microseconds and is cheaper than waking another thread.
 *
 * Threads: any number may use one pool at once.
 */
#ifndef MOTE_POOL_H
#define MOTE_POOL_H

#include <mote/snapshot.h>

#ifdef __cplusplus
extern "C" {
#endif

struct mote_pool;

/* Begin with `struct mote_pool_options o = {.size = sizeof(o)}`. */
struct mote_pool_options {
	size_t size;
	struct mote_snapshot *snapshot; /* required; the pool has its own reference */
	const struct mote_options
		*sandbox; /* required, as for mote_sandbox_from; it and all that it points
					       to are borrowed until mote_pool_free */
	unsigned ready;   /* size of the pool; default 4, at most 4,096 */
};

/* Release with mote_pool_free. The first sandboxes are created after it has returned. */
MOTE_API int mote_pool_new(const struct mote_pool_options *options, struct mote_pool **pool,
			   struct mote_error *error);
/*
 * A sandbox as mote_sandbox_from creates it: from the pool or, if that is empty, created now. It is
 * the caller's until mote_pool_give or mote_sandbox_free.
 */
MOTE_API int mote_pool_take(struct mote_pool *pool, struct mote_sandbox **sandbox,
			    struct mote_error *error);
/* Returns one to the pool, in any state; no state of its calls survives. Accepts NULL. */
MOTE_API void mote_pool_give(struct mote_pool *pool, struct mote_sandbox *sandbox);
/* How many are in the pool now. */
MOTE_API unsigned mote_pool_ready(struct mote_pool *pool);
/*
 * Frees the sandboxes in it; those taken stay valid. Nobody else may use the pool meanwhile.
 * Accepts NULL.
 */
MOTE_API void mote_pool_free(struct mote_pool *pool);

/*
 * Lets the process recycle up to `count` VMs of freed sandboxes for new ones, of any program:
 * closing a VM takes the kernel milliseconds when many do it, and creating one costs more than a
 * start in it. A thread of libmote clears them: memory is replaced, or reset to the snapshot that
 * both its sandboxes are of, and every register is set, so that a recycled VM leaks nothing of its
 * former guest. A snapshot that was freed is not kept for their sake. Without it (0, the default)
 * the thread that frees a sandbox closes its VM. Each recycled VM has about 0.8 MiB of memory, most
 * of it the kernel's, and the pages of a snapshot that its guests have written. A child of fork(2)
 * begins without. EAGAIN: no thread could be started. Any thread.
 */
MOTE_API int mote_keep_vms(unsigned count, struct mote_error *error);

#ifdef __cplusplus
}
#endif
#endif
