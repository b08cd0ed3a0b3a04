/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who the process is. It has the ids that it was started with; becoming who one is already is
 * allowed.
 */
#include "guest/linux/syscall.h"

int64_t sys_getpid(void)
{
	return process.boot->pid;
}

int64_t sys_getppid(void)
{
	return 0;
}

int64_t sys_getuid(void)
{
	return process.boot->uid;
}

int64_t sys_getgid(void)
{
	return process.boot->gid;
}

/* The process is the only one of its group, and both have its number. */
int64_t sys_setpgid(int pid, int group)
{
	const int own = (int32_t)process.boot->pid;
	if (group < 0)
		return -EINVAL;
	if (pid != 0 && pid != own)
		return -ESRCH;
	return group == 0 || group == own ? 0 : -EPERM;
}

int64_t sys_setgroups(uint64_t count, uint64_t from)
{
	uint32_t group;
	if (count > 1)
		return -EPERM;
	if (count == 0)
		return process.boot->groupc ? -EPERM : 0; /* the host's rights go by them */
	if (get_user(&group, from, sizeof(group)) < 0)
		return -EFAULT;
	return group == process.boot->gid ? 0 : -EPERM;
}

/* They follow the effective ids, and the result is what was before. */
int64_t sys_setfsuid(uint32_t id)
{
	(void)id;
	return process.boot->uid;
}

int64_t sys_setfsgid(uint32_t id)
{
	(void)id;
	return process.boot->gid;
}

/* In the order in which Linux has them. */
int64_t sys_getgroups(int capacity, uint64_t to)
{
	const uint32_t count = process.boot->groupc;
	if (capacity < 0 || (capacity && (uint32_t)capacity < count))
		return -EINVAL;
	if (capacity &&
	    put_user(to, boot_string(process.boot->groups), count * sizeof(uint32_t)) < 0)
		return -EFAULT;
	return count;
}

/* Real, effective and saved. */
static int64_t put_ids(uint32_t id, uint64_t real, uint64_t effective, uint64_t saved)
{
	const uint64_t to[3] = {real, effective, saved};
	for (int i = 0; i < 3; i++)
		if (put_user(to[i], &id, sizeof(id)) < 0)
			return -EFAULT;
	return 0;
}

int64_t sys_getresuid(uint64_t real, uint64_t effective, uint64_t saved)
{
	return put_ids(process.boot->uid, real, effective, saved);
}

int64_t sys_getresgid(uint64_t real, uint64_t effective, uint64_t saved)
{
	return put_ids(process.boot->gid, real, effective, saved);
}

/* -1 leaves an id as it is. */
static bool unchanged(uint32_t id, uint32_t own)
{
	return id == own || id == UINT32_MAX;
}

static int64_t set_ids(uint32_t own, uint32_t real, uint32_t effective, uint32_t saved)
{
	if (unchanged(real, own) && unchanged(effective, own) && unchanged(saved, own))
		return 0;
	return -EPERM;
}

int64_t sys_setuid(uint32_t id)
{
	return id == process.boot->uid ? 0 : -EPERM;
}

int64_t sys_setgid(uint32_t id)
{
	return id == process.boot->gid ? 0 : -EPERM;
}

int64_t sys_setreuid(uint32_t real, uint32_t effective)
{
	return set_ids(process.boot->uid, real, effective, UINT32_MAX);
}

int64_t sys_setregid(uint32_t real, uint32_t effective)
{
	return set_ids(process.boot->gid, real, effective, UINT32_MAX);
}

int64_t sys_setresuid(uint32_t real, uint32_t effective, uint32_t saved)
{
	return set_ids(process.boot->uid, real, effective, saved);
}

int64_t sys_setresgid(uint32_t real, uint32_t effective, uint32_t saved)
{
	return set_ids(process.boot->gid, real, effective, saved);
}
