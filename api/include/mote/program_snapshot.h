/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Programs frozen after their own start-up. A program is run up to a moment and written to a file; each start
 * from the file goes on from there, with other descriptors, clocks and random bytes.
 *
 *     mote_program_snapshot_take(&options, "stdin", "program.snapshot", &error);
 *     options.program_fd = open("program.snapshot", O_RDONLY | O_CLOEXEC);
 *     mote_program_snapshot_start(folder, &options, &sandbox, &error);
 *     mote_sandbox_run(sandbox, &result, &error);
 *
 * The moments:
 *   call:NAME   after the module's exported function NAME has returned, which has neither parameters nor
 *               results (Wizer's `wizer.initialize` is such a one). Each start then calls options.entry, by
 *               default wizer.resume where the module exports it, else _start, and has arguments,
 *               environment and directories of its own. Modules only.
 *   stdin       before the program first reads its standard input, or waits for it.
 *   open:PATH   before the program first opens the guest path PATH, which is absolute and below one of its
 *               directories. The file need not be there.
 * At the last two, arguments, environment, working directory and guest paths of directories stay what they
 * were; so does everything else that the program has found out by then.
 *
 * While the program is run to its moment, its standard input is an empty pipe, and its standard output and error
 * are pipes as well, whose contents are copied to options.stdio[2]: so what a program makes of a terminal or a
 * file it does not make.
 *
 * Random and time: each start has clocks and random bytes as fresh as ever. What the program itself has drawn
 * before its moment is the same in all starts: seeds of hash tables and of generators, keys.
 */
#ifndef MOTE_PROGRAM_SNAPSHOT_H
#define MOTE_PROGRAM_SNAPSHOT_H

#include <mote/mote.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Runs the program of `options` up to `moment` in a child process in its filter, and writes the file, which
 * appears complete or not at all, in the place of any that is there. Of the options, stdio[0], functions and
 * calls mean nothing; listeners are refused. The limit of time_limit_ns holds, default 300 s. Errors: EINVAL the
 * moment or an option is wrong; ENOEXEC the program cannot be run or has ended before its moment (the text says how);
 * EBUSY it had files or sockets open beyond those it was given (the text names one); those of writing files.
 * Forks: for programs with one thread.
 */
MOTE_API int mote_program_snapshot_take(const struct mote_options *options, const char *moment, const char *path,
					struct mote_error *error);
/* Whether a file is such a snapshot: 1 or 0. Looks at its first bytes. */
MOTE_API int mote_program_snapshot_is(int fd);
/*
 * As mote_sandbox_new for options.program_fd, a file that mote_program_snapshot_take has made. It is mapped, not
 * copied: whoever can write it can change the program, as with any program's file. Of snapshots of the moments
 * `stdin` and `open:`, argv has its name only, envp, cwd and entry are not set, there are no listeners, and
 * directories have the guest paths and kinds that they had when it was taken. memory_bytes is by default what it was
 * then, and at most the default of mote_options. EINVAL: other options, or it
 * was cut or altered, or is of another build of Mote or of a CPU with other features; the text says which.
 *
 * `folder`, which may be NULL, is one as mote_sandbox_new_cached has: what the first start touches of the program's
 * memory is noted there when its sandbox is freed, and the next ones have it ready.
 */
MOTE_API int mote_program_snapshot_start(const char *folder, const struct mote_options *options,
					 struct mote_sandbox **sandbox, struct mote_error *error);

#ifdef __cplusplus
}
#endif
#endif
