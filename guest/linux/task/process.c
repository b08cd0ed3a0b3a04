/* SPDX-License-Identifier: Apache-2.0 */
/* System calls on the process: identity, limits, its end, and the others that it cannot have. */
#include "guest/linux/syscall.h"

SYSCALL(exit)
{
	return mote_exit(L.area, (int32_t)s->a);
}

SYSCALL(getpid)
{
	(void)s;
	return L.boot->pid;
}

SYSCALL(getppid)
{
	(void)s;
	return 0;
}

SYSCALL(getuid)
{
	(void)s;
	return L.boot->uid;
}

SYSCALL(getgid)
{
	(void)s;
	return L.boot->gid;
}

SYSCALL(zero)
{
	(void)s;
	return 0;
}

SYSCALL(getresuid)
{
	uint32_t id = L.boot->uid;
	return put_user(s->a, &id, 4) < 0 || put_user(s->b, &id, 4) < 0 ||
			       put_user(s->c, &id, 4) < 0
		       ? -E_FAULT
		       : 0;
}

SYSCALL(getresgid)
{
	uint32_t id = L.boot->gid;
	return put_user(s->a, &id, 4) < 0 || put_user(s->b, &id, 4) < 0 ||
			       put_user(s->c, &id, 4) < 0
		       ? -E_FAULT
		       : 0;
}

/* Becoming who one is already is allowed; anybody else is not. */
SYSCALL(setuid)
{
	return (uint32_t)s->a == L.boot->uid ? 0 : -E_PERM;
}

/* Both kinds of id: real, effective, saved; -1 leaves one as it is. */
static int64_t same_ids(const struct args *s, int count, uint32_t id)
{
	const uint64_t asked[3] = {s->a, s->b, s->c};
	for (int i = 0; i < count; i++)
		if ((uint32_t)asked[i] != id && (uint32_t)asked[i] != UINT32_MAX)
			return -E_PERM;
	return 0;
}

SYSCALL(setreuid)
{
	return same_ids(s, 2, L.boot->uid);
}

SYSCALL(setregid)
{
	return same_ids(s, 2, L.boot->gid);
}

SYSCALL(setresuid)
{
	return same_ids(s, 3, L.boot->uid);
}

SYSCALL(setresgid)
{
	return same_ids(s, 3, L.boot->gid);
}

SYSCALL(setgid)
{
	return (uint32_t)s->a == L.boot->gid ? 0 : -E_PERM;
}

SYSCALL(uname)
{
	static char u[6][65];
	const char *const fields[6] = {"Linux",	     boot_string(L.boot->hostname),
				       "6.1.0-mote", "#1 Mote " MOTE_VERSION,
				       "x86_64",     "(none)"};
	memset(u, 0, sizeof(u));
	for (int i = 0; i < 6; i++)
		memcpy(u[i], fields[i], strnlen(fields[i], 64));
	return put_user(s->a, u, sizeof(u));
}

struct linux_sysinfo {
	int64_t uptime;
	uint64_t loads[3], totalram, freeram, sharedram, bufferram, totalswap, freeswap;
	uint16_t procs, pad;
	uint64_t totalhigh, freehigh;
	uint32_t mem_unit;
};

SYSCALL(sysinfo)
{
	struct mote_time t;
	mote_clock_get(L.area, 7, &t);
	struct linux_sysinfo info = {.uptime = t.sec,
				     .totalram = L.boot->memory_bytes,
				     .freeram = L.boot->memory_bytes / 2,
				     .procs = 1,
				     .mem_unit = 1};
	return put_user(s->a, &info, sizeof(info));
}

/* RLIMIT_*: soft and hard. What is really limited is what the two say that are not infinite. */
enum { LIMIT_STACK = 3, LIMIT_CORE = 4, LIMIT_FILES = 7, LIMITS = 16 };
#define NO_LIMIT (~0UL)
static uint64_t limits[LIMITS][2] = {
	[0 ... LIMIT_STACK - 1] = {NO_LIMIT, NO_LIMIT},
	[LIMIT_STACK] = {LINUX_STACK_BYTES, LINUX_STACK_BYTES},
	[LIMIT_CORE] = {0, 0},
	[LIMIT_CORE + 1 ... LIMIT_FILES - 1] = {NO_LIMIT, NO_LIMIT},
	[LIMIT_FILES] = {DESCRIPTORS_MAX, DESCRIPTORS_MAX},
	[LIMIT_FILES + 1 ... LIMITS - 1] = {NO_LIMIT, NO_LIMIT},
};

static int64_t limit_set(uint32_t which, uint64_t from)
{
	uint64_t next[2];
	if (get_user(next, from, sizeof(next)) < 0)
		return -E_FAULT;
	if (next[0] > next[1])
		return -E_INVAL;
	if (next[1] > limits[which][1])
		return -E_PERM;
	memcpy(limits[which], next, sizeof(next));
	return 0;
}

static int64_t limit_of(uint32_t which, uint64_t next, uint64_t before)
{
	uint64_t now[2];
	if (which >= LIMITS)
		return -E_INVAL;
	memcpy(now, limits[which], sizeof(now));
	int64_t rc = next ? limit_set(which, next) : 0;
	return rc == 0 && before ? put_user(before, now, sizeof(now)) : rc;
}

SYSCALL(prlimit64)
{
	if ((int32_t)s->a != 0 && (int32_t)s->a != (int32_t)L.boot->pid)
		return -E_SRCH;
	return limit_of((uint32_t)s->b, s->c, s->d);
}

SYSCALL(getrlimit)
{
	return limit_of((uint32_t)s->a, 0, s->b);
}

SYSCALL(setrlimit)
{
	return s->b ? limit_of((uint32_t)s->a, s->b, 0) : -E_FAULT;
}

SYSCALL(getrusage)
{
	enum { CHILDREN = -1, SELF = 0, THREAD = 1, CPU_CLOCK = 3 };
	int32_t who = (int32_t)s->a;
	struct mote_time t;
	int64_t usage[18] = {0};
	if (who != SELF && who != THREAD && who != CHILDREN)
		return -E_INVAL;
	if (who != CHILDREN) {
		mote_clock_get(L.area, CPU_CLOCK, &t);
		usage[0] = t.sec;
		usage[1] = t.nsec / 1000;
	}
	return put_user(s->b, usage, sizeof(usage));
}

SYSCALL(getcpu)
{
	const uint32_t first = 0;
	if ((s->a && put_user(s->a, &first, sizeof(first)) < 0) ||
	    (s->b && put_user(s->b, &first, sizeof(first)) < 0))
		return -E_FAULT;
	return 0;
}

/* The execution domain is Linux's, and asking for that one changes nothing. */
SYSCALL(personality)
{
	uint32_t domain = (uint32_t)s->a;
	return domain == 0 || domain == UINT32_MAX ? 0 : -E_INVAL;
}

SYSCALL(sched_yield)
{
	(void)s;
	return mote_yield(L.area);
}

SYSCALL(sched_getaffinity)
{
	uint64_t one = 1;
	if (s->b < 8)
		return -E_INVAL;
	return put_user(s->c, &one, 8) < 0 ? -E_FAULT : 8;
}

SYSCALL(getrandom)
{
	return mote_random(L.area, (void *)s->a, s->b);
}

SYSCALL(arch_prctl)
{
	switch ((uint32_t)s->a) {
	case 0x1002: /* ARCH_SET_FS */
		__asm__ volatile("wrfsbase %0" : : "r"(s->b));
		return 0;
	case 0x1003: { /* ARCH_GET_FS */
		uint64_t base;
		__asm__ volatile("rdfsbase %0" : "=r"(base));
		return put_user(s->b, &base, 8);
	}
	case 0x1001: /* ARCH_SET_GS: the personality's */
		lib_log("arch_prctl(ARCH_SET_GS) is not implemented");
		return -E_PERM;
	default:
		return -E_INVAL;
	}
}

static int64_t set_name(uint64_t from)
{
	char name[sizeof(L.name)] = {0};
	for (size_t i = 0; i < sizeof(name) - 1; i++) {
		if (get_user(name + i, from + i, 1) < 0)
			return -E_FAULT;
		if (!name[i])
			break;
	}
	memcpy(L.name, name, sizeof(name));
	return 0;
}

SYSCALL(prctl)
{
	switch ((uint32_t)s->a) {
	case 15: /* PR_SET_NAME */
		return set_name(s->b);
	case 16: /* PR_GET_NAME */
		return put_user(s->b, L.name, 16);
	case 3: /* PR_GET_DUMPABLE */
		return 1;
	case 39: /* PR_GET_NO_NEW_PRIVS */
		return 1;
	case 4:	 /* PR_SET_DUMPABLE */
	case 38: /* PR_SET_NO_NEW_PRIVS */
		return 0;
	default:
		return -E_INVAL;
	}
}

/* With one thread nobody can wake a waiter: what would wait for ever is an error. */
SYSCALL(futex)
{
	uint32_t op = (uint32_t)s->b & 0x7f, value;
	struct mote_time t;
	if (op == 1 || op == 10) /* FUTEX_WAKE, FUTEX_WAKE_BITSET */
		return 0;
	if (op != 0 && op != 9)
		return -E_NOSYS;
	if (get_user(&value, s->a, 4) < 0)
		return -E_FAULT;
	if (value != (uint32_t)s->c)
		return -E_AGAIN;
	if (!s->d) {
		lib_error("%s: deadlock: its only thread waits for another one",
			  boot_string(L.boot->payload_path));
		mote_exit_signal(L.area, 6);
	}
	if (get_user(&t, s->d, sizeof(t)) < 0)
		return -E_FAULT;
	int64_t rc = mote_sleep(L.area, (uint32_t)s->b & 256 ? 0 : 1, op == 9, &t);
	return rc < 0 ? rc : -110; /* ETIMEDOUT */
}

static bool told[3];

static int64_t refuse_once(int which, const char *what)
{
	if (!told[which])
		lib_error("%s: %s", boot_string(L.boot->payload_path), what);
	told[which] = true;
	return -E_NOSYS;
}

SYSCALL(fork)
{
	(void)s;
	return refuse_once(0, "fork is not implemented: a guest is one process; start the other "
			      "program in a container of its own");
}

/* A thread shares all; a child that only shares memory, as posix_spawn makes one, is a process. */
SYSCALL(clone)
{
	enum { CLONE3 = 435, CLONE_THREAD = 0x10000 };
	uint64_t flags = s->a;
	if (s->nr == CLONE3 && get_user(&flags, s->a, sizeof(flags)) < 0)
		return -E_FAULT;
	if (flags & CLONE_THREAD)
		return refuse_once(1, "threads are not implemented: a guest has one; build the "
				      "program without them");
	return sys_fork(s);
}

SYSCALL(execve)
{
	(void)s;
	return refuse_once(
		2,
		"execve is not implemented: name the program itself as the container's entrypoint");
}

SYSCALL(wait4)
{
	(void)s;
	return -E_CHILD;
}
