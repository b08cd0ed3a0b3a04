/* SPDX-License-Identifier: Apache-2.0 */
/*
 * System calls. A call's handler is an ordinary function sys_NAME in the file of its subject, with
 * the types that syscalls.def gives it; addresses of the program are uint64_t.
 */
#ifndef MOTE_GUEST_LINUX_SYSCALL_H
#define MOTE_GUEST_LINUX_SYSCALL_H

#include "guest/linux/state.h"
#include "guest/linux/task/signal.h"
#include "guest/linux/user.h"

struct syscall {
	uint64_t nr;
	uint64_t arg[6];
};

#define ARGS0                              void
#define ARGS1(a)                           a
#define ARGS2(a, b)                        a, b
#define ARGS3(a, b, c)                     a, b, c
#define ARGS4(a, b, c, d)                  a, b, c, d
#define ARGS5(a, b, c, d, e)               a, b, c, d, e
#define ARGS6(a, b, c, d, e, f)            a, b, c, d, e, f
#define CALL(name, restart, args)          int64_t sys_##name(args);
#define SAME(name, handler, restart, args) int64_t sys_##handler(args);
#include "guest/linux/syscalls.def"
#undef ARGS0
#undef ARGS1
#undef ARGS2
#undef ARGS3
#undef ARGS4
#undef ARGS5
#undef ARGS6

/* Answers a call; one that is not there is -ENOSYS and one line in the log. */
/* Takes what a container's profile says of calls. */
void syscall_start(const struct mote_boot *boot);
int64_t syscall_run(const struct syscall *s);
/* What becomes of that call if a signal interrupted it. */
enum restart syscall_restart(uint64_t nr);

#endif
