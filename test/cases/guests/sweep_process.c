/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls of events, time, signals and the process with good and bad arguments.
 *
 * Not compared: what is documented not to be there, and which of two errors epoll_wait says of what
 * is not an epoll, and futex and getrandom of memory that is not there.
 *
 * cases: kernel 6.18 (the order in which errors are found differs from version to version)
 * cases: memory (each call has its files made again)
 * cases: filter grep -vE \
 * cases: filter -e '^epoll_p?wait2?\(read' \
 * cases: filter -e '^epoll_ctl\(0x1e, (0|4|-1), read' \
 * cases: filter -e '^futex\((null|kernel|unmapped), ' \
 * cases: filter -e '^getrandom\((edge|kernel), '
 */
#define _GNU_SOURCE
#include "sweep.h"

static const struct swept calls[] = {
	SWEEP(pipe2, "b{0,0x800,0x80000,1,-1}"),
	SWEEP(pipe, "b"),
	SWEEP(epoll_create, "{1,0,-1}"),
	SWEEP(epoll_create1, "{0,0x80000,0x800,-1}"),
	SWEEP(epoll_ctl, "{30,20,37,-1}{1,2,3,0,4,-1}fi"),
	SWEEP(epoll_wait, "fb{1,0,-1,0x10000000}{0}"),
	SWEEP(epoll_pwait, "fb{1,0,-1}{0}i{8,0,4,16}"),
	SWEEP(epoll_pwait2, "fb{1,0,-1}ti{8,4}"),
	SWEEP(eventfd2, "{0,1,-1}{0,1,0x800,0x80000,2,-1}"),
	SWEEP(signalfd4, "{-1,20,29,37}i{8,4,16,0}{0,0x800,0x80000,1,-1}"),
	SWEEP(timerfd_create, "{1,0,7,2,3,4,11,12,-1}{0,0x800,0x80000,1,-1}"),
	SWEEP(timerfd_settime, "f{0,1,2,3,4,-1}ib"),
	SWEEP_KEPT(timerfd_gettime, "fb"),
	SWEEP(inotify_init1, "{0,0x800,0x80000,1,-1}"),
	SWEEP(inotify_rm_watch, "f{0,1,-1}"),
	SWEEP(poll, "i{1,0,16,0x100000,-1}{0}"),
	SWEEP(ppoll, "i{1,0,0x100000,-1}ti{8,4,16}"),
	SWEEP(select, "{0,1,-1,2000}iiit"),
	SWEEP(memfd_create, "i{0,1,2,8,3,-1}"),
	SWEEP(memfd_create, "p{0,1}"),
	SWEEP_KEPT(clock_gettime, "{0,1,2,3,4,5,6,7,8,9,10,11,12,16,-1}b"),
	SWEEP_KEPT(clock_getres, "{0,1,2,3,4,5,6,7,8,9,10,11,12,16,-1}b"),
	SWEEP(clock_nanosleep, "{0,1,3,4,7,11,-1}{0,1,2,-1}ib"),
	SWEEP(nanosleep, "ib"),
	SWEEP_KEPT(gettimeofday, "b{0}"),
	SWEEP_KEPT(time, "b"),
	SWEEP_KEPT(times, "b"),
	SWEEP_KEPT(getitimer, "{0,1,2,3,-1}b"),
	SWEEP(setitimer, "{0,1,2,3,-1}ib"),
	SWEEP(timer_create, "{0,1,2,3,7,11}ib"),
	SWEEP(timer_settime, "{77,-1}{0,1,2,-1}ib"),
	SWEEP_KEPT(timer_gettime, "{77,-1}b"),
	SWEEP_KEPT(timer_getoverrun, "{77,-1}"),
	SWEEP(timer_delete, "{77,-1}"),
	SWEEP(rt_sigaction, "{10,0,9,19,32,64,65,-1}ib{8,0,4,16,-1}"),
	SWEEP(rt_sigprocmask, "{0,1,2,3,-1}ib{8,0,4,16,-1}"),
	SWEEP_KEPT(rt_sigpending, "b{8,0,4,9,-1}"),
	SWEEP(rt_sigtimedwait, "ibt{8,4,16}"),
	SWEEP(sigaltstack, "ib"),
	SWEEP(kill, "{0x7ffffff}{0,10,64,65,-1}"),
	SWEEP(tkill, "{0x7ffffff,0,-1}{0,10,65,-1}"),
	SWEEP(tgkill, "{0x7ffffff,0,-1}{0x7ffffff,0,-1}{0,10,65,-1}"),
	SWEEP(pidfd_open, "{0x7ffffff,0,-1}{0,0x800,1,-1}"),
	SWEEP(pidfd_send_signal, "f{0,10,65,-1}i{0,1}"),
	SWEEP(rt_sigqueueinfo, "{0x7ffffff,0,-1}{10,65}i"),
	SWEEP(wait4, "{-1,0,0x7ffffff}b{0,1,2,8,0x40000000,0x80000000,-1}{0}"),
	SWEEP(waitid, "{0,1,2,3,4,-1}{0,0x7ffffff,-1}{0}{4,5,0,1,0x1000004,-1}{0}"),
	SWEEP(futex, "i{1,0,0x81,5,7,8,9,10,13,14,-1}{1,-1}{0}{0}i"),
	SWEEP(set_robust_list, "{0,4096}{24,0,8,-1}"),
	SWEEP_KEPT(get_robust_list, "{0,0x7ffffff,-1}bb"),
	SWEEP(getgroups, "{0,1,-1,0x10000}b"),
	SWEEP(setgroups, "{0,1,-1,0x10001}i"),
	SWEEP_KEPT(getresuid, "bbb"),
	SWEEP_KEPT(getresgid, "bbb"),
	SWEEP_KEPT(getrlimit, "{0,7,15,16,-1}b"),
	SWEEP(prlimit64, "{0,0x7ffffff,-1}{7,16,-1}{0}b"),
	SWEEP_KEPT(getrusage, "{0,-1,1,2,-2}b"),
	SWEEP_KEPT(getpriority, "{0,1,2,3,-1}{0,0x7ffffff,-1}"),
	SWEEP(setpriority, "{0,1,3,-1}{0x7ffffff}{0,-1}"),
	SWEEP_KEPT(sched_getscheduler, "{0,0x7ffffff,-1}"),
	SWEEP_KEPT(sched_getparam, "{0,0x7ffffff,-1}b"),
	SWEEP(sched_setparam, "{0,0x7ffffff,-1}i"),
	SWEEP(sched_setscheduler, "{0,0x7ffffff,-1}{0,3,5}i"),
	SWEEP_KEPT(sched_get_priority_max, "{0,1,2,3,4,5,6,-1}"),
	SWEEP_KEPT(sched_get_priority_min, "{0,1,2,3,4,5,6,-1}"),
	SWEEP_KEPT(sched_rr_get_interval, "{0,0x7ffffff,-1}b"),
	SWEEP(sched_setaffinity, "{0,0x7ffffff,-1}{8,0,1}i"),
	SWEEP_KEPT(getcpu, "bb{0}"),
	SWEEP_KEPT(getrandom, "b{16,0}{0,1,2,4,3,6,8,-1}"),
	SWEEP_KEPT(uname, "b"),
	SWEEP_KEPT(sysinfo, "b"),
	SWEEP_KEPT(getpgid, "{0,0x7ffffff,-1}"),
	SWEEP_KEPT(getsid, "{0,0x7ffffff,-1}"),
	SWEEP(setpgid, "{0x7ffffff,-1}{0,-1}"),
	SWEEP(personality, "{-1}"),
	SWEEP_KEPT(membarrier, "{0,1,2,4,-1}{0,1,-1}"),
	SWEEP(mlockall, "{0,1,2,3,4,8,-1}"),
	SWEEP(capget, "bb"),
	SWEEP(capset, "bb"),
	SWEEP(prctl, "{1,2,3,4,5,7,8,9,13,14,15,16,21,23,25,27,28,29,34,36,37,"
		     "38,39,45,47,-1}{0,1,-1}{0,1}{0,1}{0}"),
	SWEEP(ioprio_get, "{0,1,2,4}{0,0x7ffffff,-1}"),
	SWEEP(execve, "pi{0}"),
	SWEEP(open_by_handle_at, "di{0,2}"),
};

int main(int argc, char **argv)
{
	return sweep(calls, sizeof(calls) / sizeof(calls[0]), argc, argv);
}
