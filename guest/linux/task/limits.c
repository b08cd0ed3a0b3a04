/* SPDX-License-Identifier: Apache-2.0 */
/* What the process may use. */
#include "guest/linux/task/limits.h"

#include "guest/linux/fs/fd_paths.h"
#include "guest/linux/mm/layout.h"
#include "guest/linux/syscall.h"
#include "guest/linux/task/credentials.h"
#include "guest/linux/timers.h"

#include <linux/capability.h>
#include <linux/mman.h>
#include <linux/resource.h>

#define NO_LIMIT                                 \
	{                                        \
		RLIM64_INFINITY, RLIM64_INFINITY \
	}

/* Until the boot information's are known; of the stack and descriptors what is usual. */
static struct rlimit64 limits[RLIM_NLIMITS] = {
	[RLIMIT_CPU] = NO_LIMIT,      [RLIMIT_FSIZE] = NO_LIMIT,
	[RLIMIT_DATA] = NO_LIMIT,     [RLIMIT_STACK] = {LINUX_STACK_BYTES, RLIM64_INFINITY},
	[RLIMIT_CORE] = {0, 0},       [RLIMIT_RSS] = NO_LIMIT,
	[RLIMIT_NPROC] = NO_LIMIT,    [RLIMIT_NOFILE] = {1024, 1024},
	[RLIMIT_MEMLOCK] = NO_LIMIT,  [RLIMIT_AS] = NO_LIMIT,
	[RLIMIT_LOCKS] = NO_LIMIT,    [RLIMIT_SIGPENDING] = NO_LIMIT,
	[RLIMIT_MSGQUEUE] = NO_LIMIT, [RLIMIT_NICE] = NO_LIMIT,
	[RLIMIT_RTPRIO] = NO_LIMIT,   [RLIMIT_RTTIME] = NO_LIMIT,
};

int64_t sys_mlockall(uint32_t flags)
{
	const uint32_t known = MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT;
	return flags && !(flags & ~known) && flags != MCL_ONFAULT ? 0 : -EINVAL;
}

/* Those that the operator has set, once: the boot information is not there before the start. */
static void take_boot_limits(void)
{
	static bool taken;
	const struct mote_boot_limit *l = (const void *)boot_string(process.boot->limits);
	for (uint32_t i = 0; !taken && i < process.boot->limitc; i++)
		if (l[i].resource < RLIM_NLIMITS)
			limits[l[i].resource] = (struct rlimit64){l[i].soft, l[i].hard};
	struct rlimit64 *files = &limits[RLIMIT_NOFILE]; /* no more than there can be */
	files->rlim_cur = min_u64(files->rlim_cur, DESCRIPTORS_MAX);
	files->rlim_max = min_u64(files->rlim_max, DESCRIPTORS_MAX);
	taken = true;
}

uint64_t limits_soft(uint32_t which)
{
	take_boot_limits();
	return limits[which].rlim_cur;
}

void limits_get(uint32_t which, uint64_t *soft, uint64_t *hard)
{
	take_boot_limits();
	*soft = limits[which].rlim_cur;
	*hard = limits[which].rlim_max;
}

static int64_t limit_set(uint32_t which, uint64_t from)
{
	struct rlimit64 next;
	if (get_user(&next, from, sizeof(next)) < 0)
		return -EFAULT;
	if (next.rlim_cur > next.rlim_max)
		return -EINVAL;
	if (next.rlim_max > limits[which].rlim_max && !capable(CAP_SYS_RESOURCE))
		return -EPERM;
	if (which == RLIMIT_NOFILE && next.rlim_max > DESCRIPTORS_MAX)
		return -EPERM;
	limits[which] = next;
	if (which == RLIMIT_CPU)
		timers_limit_cpu(next.rlim_cur, next.rlim_max);
	return 0;
}

void limits_start(void)
{
	const struct rlimit64 *cpu = &limits[RLIMIT_CPU];
	take_boot_limits();
	if (cpu->rlim_cur != RLIM64_INFINITY)
		timers_limit_cpu(cpu->rlim_cur, cpu->rlim_max);
}

int64_t sys_prlimit64(int pid, uint32_t which, uint64_t next, uint64_t old)
{
	if (pid != 0 && pid != (int32_t)process.boot->pid)
		return -ESRCH;
	if (which >= RLIM_NLIMITS)
		return -EINVAL;
	take_boot_limits();
	if (which == RLIMIT_CPU && limits[which].rlim_cur != RLIM64_INFINITY)
		limits[which].rlim_cur = min_u64(timers_cpu_limit(), limits[which].rlim_max);
	const struct rlimit64 before = limits[which];
	if (next) {
		int64_t rc = limit_set(which, next);
		if (rc < 0)
			return rc;
	}
	return put_user_optional(old, &before, sizeof(before));
}

int64_t sys_getrlimit(uint32_t which, uint64_t to)
{
	if (which >= RLIM_NLIMITS)
		return -EINVAL;
	return to ? sys_prlimit64(0, which, 0, to) : -EFAULT;
}

int64_t sys_setrlimit(uint32_t which, uint64_t from)
{
	if (!from)
		return -EFAULT;
	return sys_prlimit64(0, which, from, 0);
}
