/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Snapshots of sandboxes that are ready for calls. Sandboxes are reset to a snapshot in
 * microseconds, and new ones are created from it without starting the program:
 *
 *     mote_sandbox_init(first, &error);                       compiles, initialises
 *     mote_sandbox_snapshot(first, &snapshot, &error);
 *     mote_sandbox_call(first, …); mote_sandbox_restore(first, snapshot, &error); …
 *     mote_sandbox_from(snapshot, &options, &other, &error);  ready for calls at once
 *
 * A snapshot contains the guest's memory and registers, and nothing of the host's: descriptors are
 * those of the sandbox that is restored or created. Their file positions are not restored.
 *
 * Random and time: after a restore, and in each sandbox made from a snapshot, clocks and random
 * bytes are the host's current ones. Random values that the guest has generated before the snapshot
 * are the same in all of them: keys, and the seeds of its generators. mote_guest_generation() tells
 * it when to generate them again.
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
 * Takes a snapshot of a sandbox after mote_sandbox_init or between two calls; the sandbox can be
 * used further. Release with mote_snapshot_free. Errors: EINVAL not initialised, or inside a host
 * function; ENOTRECOVERABLE poisoned; EBUSY the guest has files or sockets open other than its
 * preopened ones (the text names one); E2BIG too many page tables; ENOMEM.
 */
MOTE_API int mote_sandbox_snapshot(struct mote_sandbox *sandbox, struct mote_snapshot **snapshot,
				   struct mote_error *error);
/*
 * Resets a sandbox to a snapshot of it, or of another sandbox with the same descriptors. It may be
 * poisoned, or its guest may have ended; afterwards it is ready for calls. EINVAL: inside a host
 * function of it. EBADF: other descriptors. After any other error it is poisoned.
 */
MOTE_API int mote_sandbox_restore(struct mote_sandbox *sandbox, struct mote_snapshot *snapshot,
				  struct mote_error *error);
/*
 * Creates a sandbox that is ready for calls; release with mote_sandbox_free. These options are
 * used: memory_bytes (default: that of the first sandbox; it must be enough for what the snapshot
 * uses), call_bytes_max (the same), stdio and dirs (as many and of the same kinds as the first
 * sandbox's), network, functions, limits, log. For a snapshot that was loaded, which anybody may
 * have made, both defaults are at most those of mote_options. Program, arguments and environment
 * are the snapshot's.
 */
MOTE_API int mote_sandbox_from(struct mote_snapshot *snapshot, const struct mote_options *options,
			       struct mote_sandbox **sandbox, struct mote_error *error);
/*
 * Writes a snapshot as an OCI image layout, a directory that appears at `path` complete or not at
 * all: manifest, config, and one layer with the guest's memory and state. EEXIST: path exists.
 */
MOTE_API int mote_snapshot_save(struct mote_snapshot *snapshot, const char *path,
				struct mote_error *error);
/*
 * Reads one that mote_snapshot_save wrote; release with mote_snapshot_free. EINVAL, blame
 * MOTE_BLAME_CONFIG: it was truncated, altered or made by something else, or it is of another build
 * of Mote or of a CPU with other features; the text says which. The directory is untrusted: a
 * malicious one can make guests that misbehave, and nothing else.
 */
MOTE_API int mote_snapshot_load(const char *path, struct mote_snapshot **snapshot,
				struct mote_error *error);
/*
 * The same with a limit, since a layout takes memory and processor time by its size: EFBIG if its
 * layer has more than bytes_max bytes. Release with mote_snapshot_free.
 */
MOTE_API int mote_snapshot_load_max(const char *path, uint64_t bytes_max,
				    struct mote_snapshot **snapshot, struct mote_error *error);
/* Drops the caller's reference; sandboxes that use it keep theirs. Accepts NULL. */
MOTE_API void mote_snapshot_free(struct mote_snapshot *snapshot);

#ifdef __cplusplus
}
#endif
#endif
