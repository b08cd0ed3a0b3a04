/* SPDX-License-Identifier: Apache-2.0 */
/* See Documentation/userspace-api/landlock.rst and spec_ctrl.rst of the kernel. */
#include "base/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <linux/prctl.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* --- descriptors --- */

static int by_number(const void *a, const void *b)
{
	const int *x = a, *y = b;
	return (*x > *y) - (*x < *y);
}

int confine_descriptors(int *keep, size_t count)
{
	unsigned from = 0;
	qsort(keep, count, sizeof(*keep), by_number);
	for (size_t i = 0; i < count; i++) {
		if (keep[i] < 0)
			continue;
		unsigned fd = (unsigned)keep[i];
		if (fd > from && close_range(from, fd - 1, 0) < 0)
			return -errno;
		from = fd + 1;
	}
	if (close_range(from, ~0U, 0) < 0)
		return -errno;
	return 0;
}

/* --- Landlock --- */

/* Of versions that the C library's kernel headers may not know. */
#define FS_REFER            (1ULL << 13) /* 2 */
#define FS_TRUNCATE         (1ULL << 14) /* 3 */
#define FS_IOCTL_DEV        (1ULL << 15) /* 5 */
#define NET_BIND_TCP        (1ULL << 0)  /* 4 */
#define NET_CONNECT_TCP     (1ULL << 1)
#define SCOPE_ABSTRACT_UNIX (1ULL << 0) /* 6 */
#define SCOPE_SIGNAL        (1ULL << 1)

struct ruleset {
	uint64_t fs, net, scoped;
};

/* With version 1 no file could be renamed or linked from one directory to another. */
enum { ABI_MIN = 2 };

#define FS_READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
/*
 * What guests' host calls do below a directory. They make no devices, and execute nothing.
 */
#define FS_WRITE                                                                                \
	(FS_READ | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |              \
	 LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR |                         \
	 LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SYM |                            \
	 LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO | FS_REFER | FS_TRUNCATE | \
	 FS_IOCTL_DEV)

#define FS_FILE \
	(LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | FS_TRUNCATE | FS_IOCTL_DEV)

#ifdef __has_feature
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#endif
int confine_landlock_abi(void)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	if (abi < ABI_MIN)
		return 0;
	return (int)abi;
}

static struct ruleset handled(int abi, unsigned keeps)
{
	const bool network = keeps & CONFINE_KEEPS_NETWORK;
	struct ruleset r = {.fs = FS_TRUNCATE - 1};
	if (abi >= 3)
		r.fs |= FS_TRUNCATE;
	if (abi >= 4 && !network)
		r.net = NET_BIND_TCP | NET_CONNECT_TCP;
	if (abi >= 5)
		r.fs |= FS_IOCTL_DEV;
	if (abi >= 6 && !(keeps & CONFINE_KEEPS_SIGNALS))
		r.scoped = SCOPE_SIGNAL;
	if (abi >= 6 && !network)
		r.scoped |= SCOPE_ABSTRACT_UNIX;
	return r;
}

/* The structure as the kernel of that version knows it. */
static size_t ruleset_bytes(int abi)
{
	if (abi >= 6)
		return sizeof(struct ruleset);
	if (abi >= 4)
		return offsetof(struct ruleset, scoped);
	return offsetof(struct ruleset, net);
}

static int allow(int rules, int dir, uint64_t access)
{
	const struct landlock_path_beneath_attr beneath = {
		.allowed_access = access,
		.parent_fd = dir,
	};
	if (syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &beneath, 0) < 0)
		return -errno;
	return 0;
}

/* A file that is not there needs no rule. */
static int allow_files(int rules, int dir, const char *const *names, uint64_t access)
{
	for (; *names; names++) {
		cleanup_close int fd = openat(dir, *names, O_PATH | O_NOFOLLOW | O_CLOEXEC);
		int rc = fd < 0 ? 0 : allow(rules, fd, access);
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* Sanitizers look at the process and its threads in /proc when they report. */
static int allow_sanitizers(int rules)
{
#ifdef SANITIZED
	cleanup_close int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (proc >= 0)
		return allow(rules, proc, FS_READ);
#endif
	(void)rules;
	return 0;
}

int confine_files(const struct confine_dir *dirs, size_t count, unsigned keeps, struct err *e)
{
	int abi = confine_landlock_abi();
	if (abi == 0)
		return 0;
	const struct ruleset r = handled(abi, keeps);
	cleanup_close int rules =
		(int)syscall(SYS_landlock_create_ruleset, &r, ruleset_bytes(abi), 0);
	if (rules < 0)
		return err_sys(e, errno, "a set of Landlock rules");
	for (size_t i = 0; i < count; i++) {
		uint64_t access = dirs[i].readonly ? FS_READ : FS_WRITE;
		int rc;
		if (dirs[i].only)
			rc = allow_files(rules, dirs[i].fd, dirs[i].only, FS_FILE & r.fs);
		else
			rc = allow(rules, dirs[i].fd, access & r.fs);
		if (rc < 0)
			return err_sys(e, -rc, "Landlock's rule for directory %zu of the program",
				       i + 1);
	}
	int rc = allow_sanitizers(rules);
	if (rc < 0)
		return err_sys(e, -rc, "Landlock's rule for /proc");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    syscall(SYS_landlock_restrict_self, rules, 0) < 0)
		return err_sys(e, errno, "restricting the process by Landlock");
	return abi;
}

/* --- speculation --- */

/* 1: it is off for good, 0: it is not in this thread's control, or -errno. */
static int disable(unsigned long kind)
{
	int state = prctl(PR_GET_SPECULATION_CTRL, kind, 0, 0, 0);
	/* an old kernel, or one that decides for all threads */
	if (state < 0 || !(state & PR_SPEC_PRCTL))
		return 0;
	if (state & PR_SPEC_FORCE_DISABLE)
		return 1;
	if (prctl(PR_SET_SPECULATION_CTRL, kind, PR_SPEC_FORCE_DISABLE, 0, 0) < 0)
		return -errno;
	return 1;
}

int confine_speculation(struct err *e)
{
	static const struct {
		unsigned long kind;
		int flag;
	} kinds[] = {
		{PR_SPEC_STORE_BYPASS, CONFINE_STORE_BYPASS},
		{PR_SPEC_INDIRECT_BRANCH, CONFINE_INDIRECT_BRANCH},
	};
	int off = 0;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		int rc = disable(kinds[i].kind);
		if (rc < 0)
			return err_sys(e, -rc, "turning off speculation");
		if (rc)
			off |= kinds[i].flag;
	}
	return off;
}
