/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scheduling and priorities, as far as one thread on one CPU can tell: what is set is kept and
 * shown. The host schedules the vCPU by the container's configuration alone; what would promise
 * more than that (real-time classes, another CPU) is refused as it is to a user without rights.
 */
#include "guest/linux/syscall.h"
#include "guest/linux/task/credentials.h"

#include <linux/capability.h>
#include <linux/ioprio.h>
#include <linux/membarrier.h>
#include <linux/resource.h>
#include <linux/sched.h>
#include <linux/sched/types.h>

enum { NICE_MAX = 19, NICE_MIN = -20, RESET_ON_FORK = 0x40000000, SLICE_NS = 4000000 };

static int32_t niceness;
static uint32_t policy; /* SCHED_NORMAL, SCHED_BATCH or SCHED_IDLE */
static int32_t io_priority;

static bool is_self(int pid)
{
	return pid == 0 || pid == (int32_t)process.boot->pid;
}

/* --- niceness --- */

/* Processes, groups and users: there is one process, and it is in all of its own. */
static int64_t check_who(uint32_t which, int who)
{
	if (which > PRIO_USER)
		return -EINVAL;
	if (which == PRIO_USER ? who == 0 || (uint32_t)who == process.credentials.uid[ID_REAL]
			       : is_self(who))
		return 0;
	return -ESRCH;
}

int64_t sys_getpriority(uint32_t which, int who)
{
	int64_t rc = check_who(which, who);
	if (rc < 0)
		return rc;
	return NICE_MAX + 1 - niceness;
}

int64_t sys_setpriority(uint32_t which, int who, int value)
{
	int64_t rc = check_who(which, who);
	if (rc < 0)
		return rc;
	if (value > NICE_MAX)
		value = NICE_MAX;
	if (value < NICE_MIN)
		value = NICE_MIN;
	if (value < niceness && !capable(CAP_SYS_NICE))
		return -EACCES;
	niceness = value;
	return 0;
}

int64_t sys_ioprio_get(int which, int who)
{
	if (which != IOPRIO_WHO_PROCESS && which != IOPRIO_WHO_PGRP && which != IOPRIO_WHO_USER)
		return -EINVAL;
	return is_self(who) || which == IOPRIO_WHO_USER ? io_priority : -ESRCH;
}

int64_t sys_ioprio_set(int which, int who, int value)
{
	const int class = value >> IOPRIO_CLASS_SHIFT;
	int64_t rc = sys_ioprio_get(which, who);
	if (rc < 0)
		return rc;
	if (class == IOPRIO_CLASS_RT)
		return -EPERM;
	if (class != IOPRIO_CLASS_NONE && class != IOPRIO_CLASS_BE && class != IOPRIO_CLASS_IDLE)
		return -EINVAL;
	io_priority = value;
	return 0;
}

/* --- scheduling classes --- */

static int64_t check_policy(uint32_t wanted, uint32_t priority)
{
	switch (wanted & ~(uint32_t)RESET_ON_FORK) {
	case SCHED_NORMAL:
	case SCHED_BATCH:
	case SCHED_IDLE:
		return priority == 0 ? 0 : -EINVAL;
	case SCHED_FIFO:
	case SCHED_RR:
		return priority >= 1 && priority <= 99 ? -EPERM : -EINVAL;
	case SCHED_DEADLINE:
		return -EPERM;
	default:
		return -EINVAL;
	}
}

static int64_t set_policy(int pid, uint32_t wanted, uint64_t param_at)
{
	int32_t priority;
	if (!param_at || pid < 0)
		return -EINVAL;
	if (get_user(&priority, param_at, sizeof(priority)) < 0)
		return -EFAULT;
	if (!is_self(pid))
		return -ESRCH;
	int64_t rc = check_policy(wanted, (uint32_t)priority);
	if (rc == 0)
		policy = wanted;
	return rc;
}

int64_t sys_sched_setscheduler(int pid, uint32_t wanted, uint64_t param_at)
{
	return set_policy(pid, wanted, param_at);
}

int64_t sys_sched_setparam(int pid, uint64_t param_at)
{
	return set_policy(pid, policy, param_at);
}

int64_t sys_sched_getscheduler(int pid)
{
	if (pid < 0)
		return -EINVAL;
	return is_self(pid) ? (int64_t)policy : -ESRCH;
}

int64_t sys_sched_getparam(int pid, uint64_t to)
{
	const int32_t priority = 0;
	if (pid < 0 || !to)
		return -EINVAL;
	if (!is_self(pid))
		return -ESRCH;
	return put_user(to, &priority, sizeof(priority));
}

int64_t sys_sched_getattr(int pid, uint64_t to, uint32_t size, uint32_t flags)
{
	const struct sched_attr attr = {
		.size = SCHED_ATTR_SIZE_VER1,
		.sched_policy = policy & ~(uint32_t)RESET_ON_FORK,
		.sched_nice = niceness,
	};
	if (pid < 0 || flags || size < SCHED_ATTR_SIZE_VER0)
		return -EINVAL;
	if (!is_self(pid))
		return -ESRCH;
	return put_user(to, &attr, min_u64(size, SCHED_ATTR_SIZE_VER1));
}

int64_t sys_sched_get_priority_max(uint32_t of)
{
	if (of == SCHED_FIFO || of == SCHED_RR)
		return 99;
	return of == SCHED_NORMAL || of == SCHED_BATCH || of == SCHED_IDLE || of == SCHED_DEADLINE
		       ? 0
		       : -EINVAL;
}

int64_t sys_sched_get_priority_min(uint32_t of)
{
	const int64_t most = sys_sched_get_priority_max(of);
	return most > 0 ? 1 : most;
}

int64_t sys_sched_rr_get_interval(int pid, uint64_t to)
{
	const struct mote_time slice = {.nsec = SLICE_NS};
	if (pid < 0)
		return -EINVAL;
	if (!is_self(pid))
		return -ESRCH;
	return put_user(to, &slice, sizeof(slice));
}

/* --- the one CPU --- */

int64_t sys_sched_getaffinity(int pid, uint64_t bytes, uint64_t to)
{
	const uint64_t first_cpu = 1;
	if (bytes < sizeof(first_cpu) || bytes % sizeof(first_cpu))
		return -EINVAL;
	if (!is_self(pid))
		return -ESRCH;
	if (put_user(to, &first_cpu, sizeof(first_cpu)) < 0)
		return -EFAULT;
	return sizeof(first_cpu);
}

int64_t sys_sched_setaffinity(int pid, uint64_t bytes, uint64_t from)
{
	uint8_t first = 0;
	if (bytes > 0 && get_user(&first, from, sizeof(first)) < 0)
		return -EFAULT;
	if (!is_self(pid))
		return -ESRCH;
	return first & 1 ? 0 : -EINVAL;
}

/* Nobody else could see memory in another order. */
int64_t sys_membarrier(uint32_t command, uint32_t flags)
{
	const uint32_t known = MEMBARRIER_CMD_GLOBAL | MEMBARRIER_CMD_GLOBAL_EXPEDITED |
			       MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED |
			       MEMBARRIER_CMD_PRIVATE_EXPEDITED |
			       MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED;
	if (flags || (command & ~known) || (command & (command - 1)))
		return -EINVAL;
	return command == MEMBARRIER_CMD_QUERY ? known : 0;
}
