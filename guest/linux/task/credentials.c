/* SPDX-License-Identifier: Apache-2.0 */
/* The process's credentials: what they are, how they change, what execve makes of them. */
#include "guest/linux/task/credentials.h"

#include "guest/linux/syscall.h"

#include <linux/capability.h>
#include <linux/securebits.h>

enum { GROUPS_MAX = MOTE_IN_MAX / sizeof(uint32_t), LINUX_GROUPS_MAX = 65536 };

/* Once they were set; before that the boot information's. */
static uint32_t groups[GROUPS_MAX], group_count;
static bool groups_set;

static void set_all(uint32_t ids[ID_KINDS], uint32_t id)
{
	for (int i = 0; i < ID_KINDS; i++)
		ids[i] = id;
}

void credentials_start(const struct mote_boot *boot)
{
	struct credentials *c = &process.credentials;
	set_all(c->uid, boot->uid);
	set_all(c->gid, boot->gid);
	c->capabilities = boot->capabilities;
	process.no_new_privs = boot->flags & MOTE_BOOT_NO_NEW_PRIVS;
}

bool capable(uint32_t capability)
{
	return process.credentials.capabilities.effective >> capability & 1;
}

static struct mote_ids ids_of(const struct credentials *c)
{
	struct mote_ids ids = {
		.permitted = c->capabilities.permitted,
		.effective = c->capabilities.effective,
	};
	_Static_assert(sizeof(ids.uid) == sizeof(c->uid), "the same kinds, in the same order");
	memcpy(ids.uid, c->uid, sizeof(ids.uid));
	memcpy(ids.gid, c->gid, sizeof(ids.gid));
	return ids;
}

int64_t credentials_commit(const struct credentials *next)
{
	const struct mote_ids before = ids_of(&process.credentials), after = ids_of(next);
	if (memcmp(&before, &after, sizeof(before)) != 0) {
		int64_t rc = mote_set_ids(mote_area(), &after);
		if (rc < 0)
			return rc;
	}
	process.credentials = *next;
	return 0;
}

/*
 * A program of root's has what the bounding set leaves it, others what is ambient. What the process
 * had given up, the new program does not have again either, as with no_new_privs: the host's thread
 * has given it up for good.
 */
void credentials_exec(void)
{
	struct credentials next = process.credentials;
	struct mote_capabilities *c = &next.capabilities;
	const uint64_t before = c->permitted;
	const bool root_counts = !(next.securebits & SECBIT_NOROOT);
	const bool root = root_counts && next.uid[ID_EFFECTIVE] == 0;
	next.uid[ID_SAVED] = next.uid[ID_FILES] = next.uid[ID_EFFECTIVE];
	next.gid[ID_SAVED] = next.gid[ID_FILES] = next.gid[ID_EFFECTIVE];
	c->permitted = c->ambient;
	if (root || (root_counts && next.uid[ID_REAL] == 0))
		c->permitted |= (c->bounding | c->inheritable) & before;
	c->effective = root ? c->permitted : c->ambient;
	next.securebits &= ~(uint32_t)SECBIT_KEEP_CAPS;
	if (credentials_commit(&next) < 0)
		lib_error("%s: its credentials cannot change at execve", program_name());
}

/* --- supplementary groups --- */

uint32_t credentials_groups(const uint32_t **list)
{
	if (groups_set) {
		*list = groups;
		return group_count;
	}
	*list = (const uint32_t *)(const void *)boot_string(process.boot->groups);
	return process.boot->groupc;
}

bool credentials_in_group(uint32_t group)
{
	const uint32_t *list, count = credentials_groups(&list);
	for (uint32_t i = 0; i < count; i++)
		if (list[i] == group)
			return true;
	return false;
}

int64_t sys_getgroups(int capacity, uint64_t to)
{
	const uint32_t *list, count = credentials_groups(&list);
	if (capacity < 0 || (capacity && (uint32_t)capacity < count))
		return -EINVAL;
	if (capacity && put_user(to, list, count * sizeof(*list)) < 0)
		return -EFAULT;
	return count;
}

/* A heap's root sinks to its place among the first `count`. */
static void sink(uint32_t *list, uint32_t at, uint32_t count)
{
	for (uint32_t child; (child = 2 * at + 1) < count; at = child) {
		if (child + 1 < count && list[child + 1] > list[child])
			child++;
		if (list[at] >= list[child])
			return;
		const uint32_t low = list[at];
		list[at] = list[child];
		list[child] = low;
	}
}

static void sort(uint32_t *list, uint32_t count)
{
	for (uint32_t i = count / 2; i-- > 0;)
		sink(list, i, count);
	for (uint32_t last = count; last-- > 1;) {
		const uint32_t most = list[0];
		list[0] = list[last];
		list[last] = most;
		sink(list, 0, last);
	}
}

int64_t sys_setgroups(uint64_t count, uint64_t from)
{
	uint32_t *next = (uint32_t *)(void *)this_thread()->scratch->copy;
	const uint64_t bytes = count * sizeof(*next);
	_Static_assert(sizeof(groups) <= sizeof(((struct scratch *)0)->copy), "");
	if (!capable(CAP_SETGID))
		return -EPERM;
	if (count > LINUX_GROUPS_MAX)
		return -EINVAL;
	if (count > GROUPS_MAX)
		return -ENOMEM;
	if (get_user(next, from, bytes) < 0)
		return -EFAULT;
	int64_t rc = mote_set_groups(mote_area(), next, bytes);
	if (rc < 0)
		return rc;
	memcpy(groups, next, bytes);
	sort(groups, (uint32_t)count);
	group_count = (uint32_t)count;
	groups_set = true;
	return 0;
}
