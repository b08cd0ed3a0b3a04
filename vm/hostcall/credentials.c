/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The guest's user, groups and capabilities, which are those of its thread: the host's kernel
 * decides what may become of them, and by them what the thread may do for the guest
 * (credentials(7)). System calls, since those of the C library change all threads of the process:
 * the polling thread was ended before (vcpu_serve_call) and begins with what the vCPU's thread then
 * has; the watchdog does nothing for a guest.
 *
 * Which capabilities are left after a change of ids the guest says: with PR_SET_KEEPCAPS the kernel
 * leaves all, and then takes away those that are not in the guest's set. What it says of ids that
 * change together with capabilities is what Linux allows a program: it has asked for
 * PR_SET_KEEPCAPS itself, or for securebits.
 */
#include "vm/internal.h"

#include <errno.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum id { REAL, EFFECTIVE, SAVED, FILE_SYSTEM };

/* A guest has chosen this thread's credentials: it is of no use for another one. */
static _Thread_local bool thread_changed;

static int get_capabilities(struct mote_ids *to)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct caps[2];
	if (syscall(SYS_capget, &head, caps) < 0)
		return -errno;
	to->permitted = caps[0].permitted | (uint64_t)caps[1].permitted << 32;
	to->effective = caps[0].effective | (uint64_t)caps[1].effective << 32;
	return 0;
}

int credentials_take(struct vm_credentials *c)
{
	struct mote_ids *now = &c->now;
	if (syscall(SYS_getresuid, &now->uid[REAL], &now->uid[EFFECTIVE], &now->uid[SAVED]) < 0 ||
	    syscall(SYS_getresgid, &now->gid[REAL], &now->gid[EFFECTIVE], &now->gid[SAVED]) < 0)
		return -errno;
	now->uid[FILE_SYSTEM] = (uint32_t)syscall(SYS_setfsuid, UINT32_MAX);
	now->gid[FILE_SYSTEM] = (uint32_t)syscall(SYS_setfsgid, UINT32_MAX);
	int rc = get_capabilities(now);
	c->own = rc == 0;
	return rc;
}

bool credentials_can_change(const struct vm_credentials *c)
{
	return c->own && c->now.permitted & (1UL << CAP_SETUID | 1UL << CAP_SETGID);
}

int credentials_check_thread(const struct vm_credentials *c)
{
	return thread_changed && !c->changed ? -EPERM : 0;
}

/* The result is the former id, whatever becomes of it. */
static int set_file_system_id(long call, uint32_t *now, uint32_t to)
{
	if (*now == to)
		return 0;
	syscall(call, to);
	if ((uint32_t)syscall(call, UINT32_MAX) != to)
		return -EPERM;
	*now = to;
	return 0;
}

static int set_three(long call, uint32_t now[4], const uint32_t to[4])
{
	if (memcmp(now, to, 3 * sizeof(*to)) == 0)
		return 0;
	if (syscall(call, to[REAL], to[EFFECTIVE], to[SAVED]) < 0)
		return -errno;
	memcpy(now, to, 3 * sizeof(*to));
	now[FILE_SYSTEM] = to[EFFECTIVE];
	return 0;
}

static int set_groups_ids(struct mote_ids *now, const struct mote_ids *to)
{
	int rc = set_three(SYS_setresgid, now->gid, to->gid);
	if (rc < 0)
		return rc;
	return set_file_system_id(SYS_setfsgid, &now->gid[FILE_SYSTEM], to->gid[FILE_SYSTEM]);
}

static int set_users_ids(struct mote_ids *now, const struct mote_ids *to)
{
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
		return -errno;
	int rc = set_three(SYS_setresuid, now->uid, to->uid);
	if (prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0) < 0 && rc == 0)
		rc = -errno;
	if (rc < 0)
		return rc;
	return set_file_system_id(SYS_setfsuid, &now->uid[FILE_SYSTEM], to->uid[FILE_SYSTEM]);
}

/* Of those that the thread is permitted: what it has given up it never has again. */
static int set_capabilities(struct mote_ids *now, const struct mote_ids *to)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct caps[2] = {0};
	const uint64_t permitted = to->permitted & now->permitted;
	const uint64_t effective = to->effective & permitted;
	for (int i = 0; i < 2; i++) {
		caps[i].permitted = (uint32_t)(permitted >> 32 * i);
		caps[i].effective = (uint32_t)(effective >> 32 * i);
	}
	if (syscall(SYS_capset, &head, caps) < 0)
		return -errno;
	now->permitted = permitted;
	now->effective = effective;
	return 0;
}

static bool ids_differ(const struct mote_ids *a, const struct mote_ids *b)
{
	return memcmp(a->uid, b->uid, sizeof(a->uid)) != 0 ||
	       memcmp(a->gid, b->gid, sizeof(a->gid)) != 0;
}

/* -1 stands for "unchanged" in system calls, and is nobody's. */
static bool has_no_id(const struct mote_ids *ids)
{
	for (int i = 0; i < 4; i++)
		if (ids->uid[i] == UINT32_MAX || ids->gid[i] == UINT32_MAX)
			return true;
	return false;
}

/* Capabilities last, whatever became of the ids: they never stay as PR_SET_KEEPCAPS left them. */
static int64_t change(struct vcpu *vcpu, const struct mote_ids *to)
{
	struct vm_credentials *c = &vcpu->vm->credentials;
	int rc = 0;
	vcpu->vm->credentials.changed = thread_changed = true;
	const bool ids = ids_differ(&c->now, to);
	if (ids) {
		rc = set_groups_ids(&c->now, to);
		if (rc == 0)
			rc = set_users_ids(&c->now, to);
	}
	const struct mote_ids *capabilities = to;
	if (rc < 0)
		capabilities = &c->now;
	if (set_capabilities(&c->now, capabilities) < 0) {
		vm_log(vcpu->vm, "guest: its capabilities cannot be taken away");
		vm_end(vcpu->vm, VM_SIGNALLED, SIGKILL);
	}
	/* Groups and capabilities that are given up change nothing else. */
	if (ids && c->on_change)
		c->on_change(c->arg);
	return rc;
}

int64_t host_set_ids(struct vcpu *vcpu, const struct call_set_ids *a)
{
	const struct vm_credentials *c = &vcpu->vm->credentials;
	if (!a->ids || has_no_id(a->ids))
		return -EINVAL;
	if (!c->own || (ids_differ(&c->now, a->ids) && !credentials_can_change(c)))
		return -EPERM;
	return change(vcpu, a->ids);
}

int64_t host_set_groups(struct vcpu *vcpu, const struct call_set_groups *a)
{
	const struct vm_credentials *c = &vcpu->vm->credentials;
	if (a->groups.len % sizeof(uint32_t))
		return -EINVAL;
	if (!credentials_can_change(c))
		return -EPERM;
	vcpu->vm->credentials.changed = thread_changed = true;
	if (syscall(SYS_setgroups, a->groups.len / sizeof(uint32_t), a->groups.data) < 0)
		return -errno;
	return 0;
}
