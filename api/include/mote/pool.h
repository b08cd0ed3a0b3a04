/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pools: sandboxes made from a snapshot, ready before they are asked for. A thread of the pool makes them,
 * when fewer than half are left. One that is given back is set back by the thread that gives it, which
 * takes some tens of microseconds and is cheaper than waking another.
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
	struct mote_snapshot *snapshot;     /* required; the pool has its own hold on it */
	const struct mote_options *sandbox; /* required, as for mote_sandbox_from; borrowed until mote_pool_free,
					       and all that it points to */
	unsigned ready;                     /* how many are kept ready; default 4, at most 4,096 */
};

/* Release with mote_pool_free. The first sandboxes are made after it has returned. */
MOTE_API int mote_pool_new(const struct mote_pool_options *options, struct mote_pool **pool, struct mote_error *error);
/*
 * A sandbox as mote_sandbox_from makes it; one that is ready or, where none is, one made now. The caller's,
 * until mote_pool_give or mote_sandbox_free.
 */
MOTE_API int mote_pool_take(struct mote_pool *pool, struct mote_sandbox **sandbox, struct mote_error *error);
/* Gives one back (taken), whatever has become of it: nothing of its calls stays. Accepts NULL. */
MOTE_API void mote_pool_give(struct mote_pool *pool, struct mote_sandbox *sandbox);
/* How many are ready now. */
MOTE_API unsigned mote_pool_ready(struct mote_pool *pool);
/* Frees the sandboxes in it; those taken stay their takers'. Nobody else may use the pool. Accepts NULL. */
MOTE_API void mote_pool_free(struct mote_pool *pool);

/*
 * Lets the process keep up to `count` VMs of freed sandboxes for new ones, of any program: closing a VM
 * takes the kernel milliseconds when many do it, and creating one costs more than a start in it. A thread of
 * libmote empties them: memory is replaced and every register set anew, so that nothing of the former guest
 * is left. Without it (0, the default) the thread that frees a sandbox closes its VM. Each kept VM has about
 * 0.8 MiB of memory, most of it the kernel's. Not for processes that go on after fork() without exec.
 */
MOTE_API int mote_keep_vms(unsigned count, struct mote_error *error);

#ifdef __cplusplus
}
#endif
#endif
