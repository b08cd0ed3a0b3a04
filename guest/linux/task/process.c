/* SPDX-License-Identifier: Apache-2.0 */
/*
 * System calls on the process and the system: its end, the other processes that it cannot have, and
 * its attributes.
 */
#include "guest/linux/event_file.h"
#include "guest/linux/mm/memory.h"
#include "guest/linux/syscall.h"
#include "guest/linux/task/credentials.h"
#include "guest/linux/time.h"

#include <linux/personality.h>
#include <linux/prctl.h>
#include <linux/random.h>
#include <linux/resource.h>
#include <linux/sched.h>
#include <linux/sysinfo.h>
#include <linux/time.h>
#include <linux/utsname.h>
#include <linux/wait.h>

int64_t sys_zero(void)
{
	return 0;
}

int64_t sys_exit(int status)
{
	return mote_exit(mote_area(), status);
}

/* --- what is not there --- */

enum refusal { REFUSED_PROCESS, REFUSED_THREAD, REFUSALS };

/* Each is reported to the user once. */
static int64_t refuse(enum refusal which)
{
	static const char *const sentences[REFUSALS] = {
		[REFUSED_PROCESS] = "fork is not implemented: a guest is one process; start the "
				    "other program in a "
				    "container of its own",
		[REFUSED_THREAD] = "threads are not implemented: a guest has one; build the "
				   "program without them",
	};
	static bool reported[REFUSALS];
	if (!reported[which])
		lib_error("%s: %s", program_name(), sentences[which]);
	reported[which] = true;
	return -ENOSYS;
}

/* A thread shares all; a child that only shares memory, as posix_spawn makes one, is a process. */
int64_t sys_clone(uint64_t flags)
{
	return refuse(flags & CLONE_THREAD ? REFUSED_THREAD : REFUSED_PROCESS);
}

int64_t sys_clone3(uint64_t args_at, uint64_t size)
{
	uint64_t flags; /* the first member of struct clone_args */
	if (size < CLONE_ARGS_SIZE_VER0)
		return -EINVAL;
	if (get_user(&flags, args_at, sizeof(flags)) < 0)
		return -EFAULT;
	return sys_clone(flags);
}

int64_t sys_wait4(int pid, uint64_t status, uint32_t options)
{
	const uint32_t known = WNOHANG | WUNTRACED | WCONTINUED | __WNOTHREAD | __WCLONE | __WALL;
	(void)status;
	if (options & ~known)
		return -EINVAL;
	return pid == INT32_MIN ? -ESRCH : -ECHILD;
}

int64_t sys_waitid(int kind, int id, uint64_t info, uint32_t options)
{
	const uint32_t states = WEXITED | WSTOPPED | WCONTINUED;
	const uint32_t known = states | WNOHANG | WNOWAIT | __WNOTHREAD | __WCLONE | __WALL;
	(void)info;
	if ((options & ~known) || !(options & states))
		return -EINVAL;
	switch (kind) {
	case P_ALL:
		return -ECHILD;
	case P_PID:
		return id > 0 ? -ECHILD : -EINVAL;
	case P_PGID:
		return id >= 0 ? -ECHILD : -EINVAL;
	case P_PIDFD:
		if (id < 0)
			return -EINVAL;
		return event_file(id) ? -ECHILD : -EBADF;
	default:
		return -EINVAL;
	}
}

/* --- attributes --- */

static int64_t set_name(uint64_t from)
{
	char name[sizeof(this_thread()->name)] = {0};
	for (size_t i = 0; i < sizeof(name) - 1; i++) {
		if (get_user(name + i, from + i, 1) < 0)
			return -EFAULT;
		if (!name[i])
			break;
	}
	thread_set_name(name);
	return 0;
}

/* As they were set: they are reported, and nothing else here depends on them. */
static struct {
	int32_t death_signal, subreaper;
	bool not_dumpable, no_large_pages;
	uint64_t timer_slack;
	uint32_t personality;
} attributes;

enum { TIMER_SLACK_NS = 50000 };

static int64_t put_number(uint64_t to, int32_t number)
{
	return put_user(to, &number, sizeof(number));
}

int64_t sys_prctl(uint32_t option, uint64_t arg, uint64_t second, uint64_t third, uint64_t fourth)
{
	const bool rest_is_zero = third == 0 && fourth == 0;
	int64_t rc = capability_prctl(option, arg, second, rest_is_zero);
	if (rc != -ENOSYS)
		return rc;
	switch (option) {
	case PR_SET_NAME:
		return set_name(arg);
	case PR_GET_NAME:
		return put_user(arg, this_thread()->name, sizeof(this_thread()->name));
	case PR_GET_DUMPABLE:
		return !attributes.not_dumpable;
	case PR_GET_NO_NEW_PRIVS:
		return arg || second || !rest_is_zero ? -EINVAL : process.no_new_privs;
	case PR_SET_NO_NEW_PRIVS:
		if (arg != 1 || second || !rest_is_zero)
			return -EINVAL;
		process.no_new_privs = true;
		return 0;
	case PR_SET_DUMPABLE:
		if (arg > 1)
			return -EINVAL;
		attributes.not_dumpable = arg == 0;
		return 0;
	case PR_SET_PDEATHSIG: /* the guest ends with what started it in any case */
		if (arg > SIGNALS)
			return -EINVAL;
		attributes.death_signal = (int32_t)arg;
		return 0;
	case PR_GET_PDEATHSIG:
		return put_number(arg, attributes.death_signal);
	case PR_SET_CHILD_SUBREAPER: /* of no children */
		attributes.subreaper = arg != 0;
		return 0;
	case PR_GET_CHILD_SUBREAPER:
		return put_number(arg, attributes.subreaper);
	case PR_SET_THP_DISABLE:
		attributes.no_large_pages = arg != 0;
		return 0;
	case PR_GET_THP_DISABLE:
		return attributes.no_large_pages;
	case PR_SET_TIMERSLACK:
		attributes.timer_slack = (int64_t)arg > 0 ? arg : TIMER_SLACK_NS;
		return 0;
	case PR_GET_TIMERSLACK:
		return attributes.timer_slack ? (int64_t)attributes.timer_slack : TIMER_SLACK_NS;
	case PR_GET_TSC:
		return put_number(arg, PR_TSC_ENABLE);
	case PR_SET_TIMING:
		return arg == PR_TIMING_STATISTICAL ? 0 : -EINVAL;
	case PR_GET_TIMING:
	case PR_GET_SECCOMP:
		return 0;
	case PR_GET_SPECULATION_CTRL: /* none can be controlled */
		return second || !rest_is_zero ? -EINVAL : -ENODEV;
	case PR_MCE_KILL_GET:
		return arg || second || !rest_is_zero ? -EINVAL : PR_MCE_KILL_DEFAULT;
	default:
		return -EINVAL;
	}
}

/* The execution domain is Linux's, with the flags that change nothing here. */
int64_t sys_personality(uint32_t domain)
{
	const uint32_t query = UINT32_MAX, before = attributes.personality;
	const uint32_t known = ADDR_NO_RANDOMIZE | ADDR_COMPAT_LAYOUT | STICKY_TIMEOUTS;
	if (domain == query)
		return before;
	if (domain & ~known)
		return -EINVAL;
	attributes.personality = domain;
	return before;
}

enum { ROBUST_LIST_BYTES = 3 * sizeof(uint64_t) }; /* struct robust_list_head */

/* What it lists nobody else could find at the thread's end. */
int64_t sys_set_robust_list(uint64_t head, uint64_t bytes)
{
	if (bytes != ROBUST_LIST_BYTES)
		return -EINVAL;
	process.robust_list = head;
	return 0;
}

int64_t sys_get_robust_list(int pid, uint64_t head_at, uint64_t bytes_at)
{
	const uint64_t bytes = ROBUST_LIST_BYTES;
	if (pid != 0 && pid != (int32_t)process.boot->pid)
		return -ESRCH;
	if (put_user(bytes_at, &bytes, sizeof(bytes)) < 0)
		return -EFAULT;
	return put_user(head_at, &process.robust_list, sizeof(process.robust_list));
}

int64_t sys_sched_yield(void)
{
	return mote_yield(mote_area());
}

int64_t sys_getcpu(uint64_t cpu, uint64_t node)
{
	const uint32_t first = 0;
	if (put_user_optional(cpu, &first, sizeof(first)) < 0)
		return -EFAULT;
	return put_user_optional(node, &first, sizeof(first));
}

int64_t sys_getrandom(uint64_t to, uint64_t bytes, uint32_t flags)
{
	const uint32_t both = GRND_RANDOM | GRND_INSECURE;
	if ((flags & ~(uint32_t)(GRND_NONBLOCK | GRND_RANDOM | GRND_INSECURE)) ||
	    (flags & both) == both)
		return -EINVAL;
	return mote_random(mote_area(), (void *)to, bytes);
}

int64_t sys_getrusage(int who, uint64_t to)
{
	struct rusage usage = {0};
	struct mote_time t;
	if (who != RUSAGE_SELF && who != RUSAGE_THREAD && who != RUSAGE_CHILDREN)
		return -EINVAL;
	if (who != RUSAGE_CHILDREN) {
		int64_t rc = mote_clock_get(mote_area(), CLOCK_THREAD_CPUTIME_ID, &t);
		if (rc < 0)
			return rc;
		usage.ru_utime.tv_sec = t.sec;
		usage.ru_utime.tv_usec = t.nsec / NS_PER_US;
		usage.ru_maxrss = (long)(memory_mapped_bytes() >> 10);
	}
	return put_user(to, &usage, sizeof(usage));
}

/* --- the system --- */

static void set_field(char to[__NEW_UTS_LEN + 1], const char *text)
{
	memcpy(to, text, strnlen(text, __NEW_UTS_LEN));
}

int64_t sys_uname(uint64_t to)
{
	struct new_utsname u = {.sysname = "Linux"};
	set_field(u.nodename, boot_string(process.boot->hostname));
	set_field(u.release, LINUX_RELEASE);
	set_field(u.version, LINUX_VERSION);
	set_field(u.machine, arch_platform());
	set_field(u.domainname, boot_string(process.boot->domainname));
	return put_user(to, &u, sizeof(u));
}

int64_t sys_sysinfo(uint64_t to)
{
	struct mote_time t;
	int64_t rc = mote_clock_get(mote_area(), CLOCK_BOOTTIME, &t);
	if (rc < 0)
		return rc;
	const struct sysinfo info = {
		.uptime = t.sec,
		.totalram = process.boot->memory_bytes,
		.freeram = process.boot->memory_bytes / 2,
		.procs = 1,
		.mem_unit = 1,
	};
	return put_user(to, &info, sizeof(info));
}
