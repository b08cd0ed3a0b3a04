/* SPDX-License-Identifier: Apache-2.0 */
/* From a system call's number to its handler, by syscalls.def. */
#include "guest/linux/syscall.h"

#include "guest/linux/fs/transfer_fault.h"
#include "guest/linux/mm/layout.h"
#include "guest/linux/mm/memory.h"

#include <asm/unistd.h>

static const char *name_of_call(uint64_t nr)
{
	switch (nr) {
#define NAME(number, name) \
	case number:       \
		return #name;
#include "gen/syscall_names.h"
	default:
		return "unknown";
	}
}

enum { KNOWN_MAX = 512 };

static __attribute__((cold, noinline)) int64_t not_implemented(uint64_t nr)
{
	static uint64_t logged[KNOWN_MAX / 64];
	if (nr == __NR_rseq) /* every C library asks, and does without */
		return -ENOSYS;
	if (nr < KNOWN_MAX) {
		if (logged[nr / 64] >> nr % 64 & 1)
			return -ENOSYS;
		logged[nr / 64] |= 1UL << nr % 64;
	}
	lib_log("system call %lu (%s) is not implemented", nr, name_of_call(nr));
	return -ENOSYS;
}

/* By a container's profile: bit n is that something is said of system call n. */
static uint64_t ruled[KNOWN_MAX / 64];

void syscall_start(const struct mote_boot *boot)
{
	const struct mote_boot_call_rule *r = (const void *)boot_string(boot->call_rules);
	for (uint32_t i = 0; i < boot->call_rulec; i++)
		if (r[i].nr < KNOWN_MAX)
			ruled[r[i].nr / 64] |= 1UL << r[i].nr % 64;
}

/* Whether the profile refuses it, and with what. */
static __attribute__((cold, noinline)) bool is_refused(const struct syscall *s, int64_t *rc)
{
	const struct mote_boot_call_rule *r = (const void *)boot_string(process.boot->call_rules);
	bool refused = false;
	for (uint32_t i = 0; i < process.boot->call_rulec; i++) {
		if (r[i].nr != s->nr)
			continue;
		if (r[i].kind == MOTE_BOOT_CALL_ALLOWED && r[i].value == s->arg[0])
			return false;
		if (r[i].kind == MOTE_BOOT_CALL_REFUSED) {
			*rc = -(int64_t)r[i].value;
			refused = true;
		}
	}
	return refused;
}

#define ARGS0
#define ARGS1(a)                (a) s->arg[0]
#define ARGS2(a, b)             ARGS1(a), (b)s->arg[1]
#define ARGS3(a, b, c)          ARGS2(a, b), (c)s->arg[2]
#define ARGS4(a, b, c, d)       ARGS3(a, b, c), (d)s->arg[3]
#define ARGS5(a, b, c, d, e)    ARGS4(a, b, c, d), (e)s->arg[4]
#define ARGS6(a, b, c, d, e, f) ARGS5(a, b, c, d, e), (f)s->arg[5]

/* Hot, as linux_syscall is: next to the way in and out. */
static __attribute__((hot)) int64_t dispatch(const struct syscall *s)
{
	switch (s->nr) {
#define CALL(name, restart, args) \
	case __NR_##name:         \
		return sys_##name(args);
#define SAME(name, handler, restart, args) \
	case __NR_##name:                  \
		return sys_##handler(args);
#include "guest/linux/syscalls.def"
	default:
		return not_implemented(s->nr);
	}
}

/*
 * The host does not know that the stack grows, and it looks at all buffers before it does
 * anything.
 */
static __attribute__((cold, noinline)) int64_t run_after_fault(const struct syscall *s, int64_t rc)
{
	struct syscall shorter = {.nr = 0};
	if (rc == -EFAULT && memory_stack_grow_whole())
		rc = dispatch(s);
	if (rc != -EFAULT && rc != -EINVAL)
		return rc;
	rc = transfer_fault(rc, s, &shorter);
	return rc == 0 && shorter.arg[2] ? dispatch(&shorter) : rc;
}

__attribute__((hot)) int64_t syscall_run(const struct syscall *s)
{
	int64_t rc;
	if (s->nr < KNOWN_MAX && (ruled[s->nr / 64] >> s->nr % 64 & 1) && is_refused(s, &rc))
		return rc;
	rc = dispatch(s);
	if (rc == -EFAULT || rc == -EINVAL)
		rc = run_after_fault(s, rc);
	return rc;
}

enum restart syscall_restart(uint64_t nr)
{
	switch (nr) {
#define CALL(name, restart, args) \
	case __NR_##name:         \
		return RESTART_##restart;
#define SAME(name, handler, restart, args) \
	case __NR_##name:                  \
		return RESTART_##restart;
#include "guest/linux/syscalls.def"
	default:
		return RESTART_NONE;
	}
}
