/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A folder of compiled modules: a WebAssembly module that was run before starts from a snapshot of itself,
 * compiled and instantiated, which all processes that use it share through the page cache.
 */
#ifndef MOTE_CACHE_H
#define MOTE_CACHE_H

#include <mote/mote.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * As mote_sandbox_new, with the module's compiled form kept in `folder`, which is made where it is missing
 * (its parent must be there). Where the folder has none yet, a child process compiles the module in a
 * micro-VM of its own, in its filter and without any descriptor of the program's, and writes it. Nothing
 * but speed depends on the folder: where it cannot be used, the sandbox is made without.
 *
 * Modules are told apart by device, inode, size and times of their file; one that was changed within the
 * last two seconds is not kept. What is kept is of use to this build of Mote on a CPU with the same
 * features only. The folder has at most `max_bytes` (0: 1 GiB) after an addition; what was used least
 * recently goes first. Any number of processes may use one folder; all must be as trusted as this one, so it
 * must belong to the calling user and nobody else may write to it.
 *
 * Native programs, modules with a start function, and modules that cannot be compiled are not kept. Forks:
 * for programs with one thread.
 */
MOTE_API int mote_sandbox_new_cached(const char *folder, uint64_t max_bytes, const struct mote_options *options,
				     struct mote_sandbox **sandbox, struct mote_error *error);

#ifdef __cplusplus
}
#endif
#endif
