/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Snapshots: a sandbox that is ready for calls, frozen. Sandboxes are set back to it in microseconds, and
 * new ones are created from it without the program's own start:
 *
 *     mote_sandbox_init(first, &error);                       compiles, initialises
 *     mote_sandbox_snapshot(first, &snapshot, &error);
 *     mote_sandbox_call(first, …); mote_sandbox_restore(first, snapshot, &error); …
 *     mote_sandbox_from(snapshot, &options, &other, &error);  ready for calls at once
 *
 * A snapshot holds the guest's memory and registers, and nothing of the host's: descriptors are those of
 * the sandbox that is restored or created. File positions of those are not set back.
 *
 * Random and time: after a restore, and in each sandbox made from a snapshot, the host's clocks and random
 * bytes are as fresh as ever. What the guest itself has drawn before the snapshot is the same in all of
 * them: keys and the seeds of generators of its own. mote_guest_generation() tells it to draw anew.
 *
 * Threads: a snapshot is immutable; any number of threads may use one at once.
 */
#ifndef MOTE_SNAPSHOT_H
#define MOTE_SNAPSHOT_H

#include <mote/mote.h>

#ifdef __cplusplus
extern "C" {
#endif

struct mote_snapshot;

/*
 * Freezes a sandbox after mote_sandbox_init or between two calls; it can go on. Release with
 * mote_snapshot_free. Errors: EINVAL not initialised, or inside a host function; ENOTRECOVERABLE poisoned;
 * EBUSY the guest has files or sockets open beyond those it was given (the text names one); E2BIG too
 * many page tables; ENOMEM.
 */
MOTE_API int mote_sandbox_snapshot(struct mote_sandbox *sandbox, struct mote_snapshot **snapshot,
				   struct mote_error *error);
/*
 * Sets a sandbox back to a snapshot of it, or of another sandbox with the same descriptors. It may be
 * poisoned, or have ended; afterwards it is ready for calls. EINVAL: inside a host function of it. EBADF:
 * other descriptors. After any other error it is poisoned.
 */
MOTE_API int mote_sandbox_restore(struct mote_sandbox *sandbox, struct mote_snapshot *snapshot,
				  struct mote_error *error);
/*
 * Creates a sandbox that is ready for calls. Of the options count: memory_bytes (default: as the first
 * sandbox's; enough for what the snapshot uses), call_bytes_max (the same; of a snapshot that was loaded both are at most
 * the defaults of mote_options, since anybody may have made it), stdio and dirs (as many and of the same kinds as the first
 * sandbox's), network, functions, limits, log. Program, arguments and environment are the snapshot's.
 */
MOTE_API int mote_sandbox_from(struct mote_snapshot *snapshot, const struct mote_options *options,
			       struct mote_sandbox **sandbox, struct mote_error *error);
/*
 * Writes a snapshot as an OCI image layout, a folder that appears at `path` complete or not at all: manifest,
 * config, and one layer with the guest's memory and state. EEXIST: there is something at path.
 */
MOTE_API int mote_snapshot_save(struct mote_snapshot *snapshot, const char *path, struct mote_error *error);
/*
 * Reads one that mote_snapshot_save wrote. EINVAL, blame MOTE_BLAME_CONFIG: it was cut, altered or made by
 * something else, or it is of another build of Mote or of a CPU with other features; the text says which. The
 * folder may come from anywhere: a wrong one can make guests that misbehave, and no more.
 */
MOTE_API int mote_snapshot_load(const char *path, struct mote_snapshot **snapshot, struct mote_error *error);
/*
 * The same for a folder from somebody else, which takes memory and processor time by its size: EFBIG if its layer
 * has more than bytes_max bytes.
 */
MOTE_API int mote_snapshot_load_max(const char *path, uint64_t bytes_max, struct mote_snapshot **snapshot,
				    struct mote_error *error);
/* Gives up the caller's hold; sandboxes that use it keep theirs. Accepts NULL. */
MOTE_API void mote_snapshot_free(struct mote_snapshot *snapshot);

#ifdef __cplusplus
}
#endif
#endif
