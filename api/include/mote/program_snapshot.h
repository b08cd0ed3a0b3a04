/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Snapshots of programs after their start-up. A program is run up to a snapshot point and saved to
 * a file; each start from the file continues from there, with its own descriptors, clocks and
 * random bytes.
 *
 *     mote_program_snapshot_take(&options, "stdin", "program.snapshot", &error);
 *     options.program_fd = open("program.snapshot", O_RDONLY | O_CLOEXEC);
 *     mote_program_snapshot_start(cache, &options, &sandbox, &error);
 *     mote_sandbox_run(sandbox, &result, &error);
 *
 * The snapshot points:
 *   call:NAME   after the module's exported function NAME has returned, which has neither
 *               parameters nor results (as Wizer's `wizer.initialize`). Each start then calls
 *               options.entry, by default wizer.resume if the module exports it, else "" or
 *               _start, and has its own arguments, environment and directories. Modules and
 *               components only; wizer.initialize is wizer-initialize of a component, whose start
 *               is its run. A reactor's _initialize is called before NAME, and not again in a
 *               start.
 *   stdin       before the program first reads its standard input, or waits for it.
 *   open:PATH   before the program first opens the guest path PATH, which is absolute and below
 *               one of its directories. The file need not exist.
 * At the last two, arguments, environment, working directory and guest paths of directories are
 * those of the snapshot, as is everything else that the program has read before it.
 *
 * While the program is run to the snapshot point, its standard input is an empty pipe, and its
 * standard output and error are pipes whose contents are copied to options.stdio[2]. So it cannot
 * adapt to a terminal or a file that later runs may not have.
 *
 * Random and time: each start has the host's current clocks and random bytes. Random values that
 * the program has generated before the snapshot point are the same in all starts: keys, seeds of
 * hash tables and of generators.
 *
 * Threads: as in mote.h; mote_program_snapshot_take forks, and is for programs with one thread.
 */
#ifndef MOTE_PROGRAM_SNAPSHOT_H
#define MOTE_PROGRAM_SNAPSHOT_H

#include <mote/mote.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Runs the program of `options` up to `point` in a child process under seccomp, and writes the
 * file, which appears complete or not at all and replaces an existing one. stdio[0], functions and
 * the limits of calls are ignored; listeners are refused. time_limit_ns applies, default 300 s.
 * Errors: EINVAL the point or an option is invalid; ENOEXEC the program cannot be run or did not
 * reach the point (the text says how); EBUSY it had files or sockets open other than its preopened
 * ones (the text names one); those of writing files. Forks: for programs with one thread.
 */
MOTE_API int mote_program_snapshot_take(const struct mote_options *options, const char *point,
					const char *path, struct mote_error *error);
/* Whether a file is such a snapshot, by its first bytes: 1 or 0. */
MOTE_API int mote_program_snapshot_is(int fd);
/*
 * As mote_sandbox_new for options.program_fd, a file that mote_program_snapshot_take has made. It
 * is mapped, not copied: whoever can write it can change the program, as with any program's file.
 * For the points `stdin` and `open:`, argv has only the name, envp, cwd and entry are not set,
 * there are no listeners, and directories have the guest paths and kinds that they had when it was
 * taken. memory_bytes is by default what it was then, and at most the default of mote_options.
 * EINVAL: other options, or the file was truncated or altered, or is of another build of Mote or of
 * a CPU with other features; the text says which.
 *
 * `cache`, which may be NULL, is a directory as mote_sandbox_new_cached has: the working set of the
 * first start is recorded there when its sandbox is freed, and prefetched by the next ones.
 */
MOTE_API int mote_program_snapshot_start(const char *cache, const struct mote_options *options,
					 struct mote_sandbox **sandbox, struct mote_error *error);

#ifdef __cplusplus
}
#endif
#endif
