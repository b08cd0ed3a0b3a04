/* SPDX-License-Identifier: Apache-2.0 */
/* Who the process is, and who it may become: credentials(7), setresuid(2), capabilities(7). */
#include "guest/linux/syscall.h"
#include "guest/linux/task/credentials.h"

#include <linux/capability.h>
#include <linux/securebits.h>

#define BIT(capability) (1UL << (capability))
/* Those that count for files, which come and go with the user of files. */
#define FILE_CAPABILITIES                                                                     \
	(BIT(CAP_CHOWN) | BIT(CAP_MKNOD) | BIT(CAP_DAC_OVERRIDE) | BIT(CAP_DAC_READ_SEARCH) | \
	 BIT(CAP_FOWNER) | BIT(CAP_FSETID) | BIT(CAP_LINUX_IMMUTABLE) | BIT(CAP_MAC_OVERRIDE))

int64_t sys_getpid(void)
{
	return process.boot->pid;
}

/* Of the only process there is, which leads its group and session. */
int64_t sys_getpgid(int pid)
{
	const int own = (int32_t)process.boot->pid;
	return pid == 0 || pid == own ? own : -ESRCH;
}

int64_t sys_getppid(void)
{
	return 0;
}

/* The process is the only one of its group, and both have its number. */
int64_t sys_setpgid(int pid, int group)
{
	const int own = (int32_t)process.boot->pid;
	if (group < 0 || pid < 0)
		return -EINVAL;
	if (pid != 0 && pid != own)
		return -ESRCH;
	return group == 0 || group == own ? 0 : -EPERM;
}

/* --- what the ids are --- */

int64_t sys_getuid(void)
{
	return process.credentials.uid[ID_REAL];
}

int64_t sys_geteuid(void)
{
	return process.credentials.uid[ID_EFFECTIVE];
}

int64_t sys_getgid(void)
{
	return process.credentials.gid[ID_REAL];
}

int64_t sys_getegid(void)
{
	return process.credentials.gid[ID_EFFECTIVE];
}

static int64_t put_ids(const uint32_t ids[ID_KINDS], uint64_t real, uint64_t effective,
		       uint64_t saved)
{
	const uint64_t to[3] = {real, effective, saved};
	for (int i = 0; i < 3; i++)
		if (put_user(to[i], &ids[i], sizeof(ids[i])) < 0)
			return -EFAULT;
	return 0;
}

int64_t sys_getresuid(uint64_t real, uint64_t effective, uint64_t saved)
{
	return put_ids(process.credentials.uid, real, effective, saved);
}

int64_t sys_getresgid(uint64_t real, uint64_t effective, uint64_t saved)
{
	return put_ids(process.credentials.gid, real, effective, saved);
}

/* --- rules that users and groups have in common --- */

/* Leaves an id as it is; it is nobody's. */
#define KEEP UINT32_MAX

static bool is_kept(uint32_t id)
{
	return id == KEEP;
}

/* Whether it is one of the first `kinds` that the process has. */
static bool is_own(const uint32_t ids[ID_KINDS], int kinds, uint32_t id)
{
	for (int i = 0; i < kinds; i++)
		if (ids[i] == id)
			return true;
	return false;
}

static void take(uint32_t *id, uint32_t to)
{
	if (!is_kept(to))
		*id = to;
}

/* The rule of set*id(2), setre*id(2) or setres*id(2): changes ids to what its arguments say. */
typedef int64_t id_rule(uint32_t ids[ID_KINDS], const uint32_t to[3], bool privileged);

static int64_t set_one(uint32_t ids[ID_KINDS], const uint32_t to[3], bool privileged)
{
	const uint32_t id = to[0];
	if (is_kept(id))
		return -EINVAL;
	if (privileged)
		ids[ID_REAL] = ids[ID_SAVED] = id;
	else if (id != ids[ID_REAL] && id != ids[ID_SAVED])
		return -EPERM;
	ids[ID_EFFECTIVE] = ids[ID_FILES] = id;
	return 0;
}

static int64_t set_two(uint32_t ids[ID_KINDS], const uint32_t to[3], bool privileged)
{
	const uint32_t real = to[0], effective = to[1], before = ids[ID_REAL];
	if (!privileged && !is_kept(real) && !is_own(ids, ID_SAVED, real))
		return -EPERM;
	if (!privileged && !is_kept(effective) && !is_own(ids, ID_FILES, effective))
		return -EPERM;
	take(&ids[ID_REAL], real);
	take(&ids[ID_EFFECTIVE], effective);
	if (!is_kept(real) || (!is_kept(effective) && effective != before))
		ids[ID_SAVED] = ids[ID_EFFECTIVE];
	ids[ID_FILES] = ids[ID_EFFECTIVE];
	return 0;
}

static int64_t set_three(uint32_t ids[ID_KINDS], const uint32_t to[3], bool privileged)
{
	for (int i = 0; i < 3 && !privileged; i++)
		if (!is_kept(to[i]) && !is_own(ids, ID_FILES, to[i]))
			return -EPERM;
	for (int i = 0; i < 3; i++)
		take(&ids[i], to[i]);
	ids[ID_FILES] = ids[ID_EFFECTIVE];
	return 0;
}

/* Changes the one of files if that is allowed, and says nothing of it. True if it changed. */
static bool set_files(uint32_t ids[ID_KINDS], uint32_t id, bool privileged)
{
	if (is_kept(id) || id == ids[ID_FILES] || (!privileged && !is_own(ids, ID_KINDS, id)))
		return false;
	ids[ID_FILES] = id;
	return true;
}

/* --- users: capabilities come and go with them --- */

static bool has_root(const uint32_t uid[ID_KINDS])
{
	return is_own(uid, ID_FILES, 0);
}

static int64_t commit_users(struct credentials *next)
{
	const struct credentials *now = &process.credentials;
	struct mote_capabilities *c = &next->capabilities;
	if (next->securebits & SECBIT_NO_SETUID_FIXUP)
		return credentials_commit(next);
	if (has_root(now->uid) && !has_root(next->uid)) {
		if (!(next->securebits & SECBIT_KEEP_CAPS))
			c->permitted = c->effective = 0;
		c->ambient = 0;
	}
	if (now->uid[ID_EFFECTIVE] == 0 && next->uid[ID_EFFECTIVE] != 0)
		c->effective = 0;
	if (now->uid[ID_EFFECTIVE] != 0 && next->uid[ID_EFFECTIVE] == 0)
		c->effective = c->permitted;
	return credentials_commit(next);
}

static int64_t change_users(id_rule *rule, uint32_t first, uint32_t second, uint32_t third)
{
	const uint32_t to[3] = {first, second, third};
	struct credentials next = process.credentials;
	int64_t rc = rule(next.uid, to, capable(CAP_SETUID));
	if (rc < 0)
		return rc;
	return commit_users(&next);
}

int64_t sys_setuid(uint32_t id)
{
	return change_users(set_one, id, KEEP, KEEP);
}

int64_t sys_setreuid(uint32_t real, uint32_t effective)
{
	return change_users(set_two, real, effective, KEEP);
}

int64_t sys_setresuid(uint32_t real, uint32_t effective, uint32_t saved)
{
	return change_users(set_three, real, effective, saved);
}

/* The result is what was before, whatever becomes of it. */
int64_t sys_setfsuid(uint32_t id)
{
	struct credentials next = process.credentials;
	struct mote_capabilities *c = &next.capabilities;
	const uint32_t before = next.uid[ID_FILES];
	if (!set_files(next.uid, id, capable(CAP_SETUID)))
		return before;
	if (!(next.securebits & SECBIT_NO_SETUID_FIXUP) && before == 0)
		c->effective &= ~FILE_CAPABILITIES;
	if (!(next.securebits & SECBIT_NO_SETUID_FIXUP) && id == 0)
		c->effective |= c->permitted & FILE_CAPABILITIES;
	(void)!credentials_commit(&next);
	return before;
}

/* --- groups --- */

static int64_t change_groups(id_rule *rule, uint32_t first, uint32_t second, uint32_t third)
{
	const uint32_t to[3] = {first, second, third};
	struct credentials next = process.credentials;
	int64_t rc = rule(next.gid, to, capable(CAP_SETGID));
	if (rc < 0)
		return rc;
	return credentials_commit(&next);
}

int64_t sys_setgid(uint32_t id)
{
	return change_groups(set_one, id, KEEP, KEEP);
}

int64_t sys_setregid(uint32_t real, uint32_t effective)
{
	return change_groups(set_two, real, effective, KEEP);
}

int64_t sys_setresgid(uint32_t real, uint32_t effective, uint32_t saved)
{
	return change_groups(set_three, real, effective, saved);
}

int64_t sys_setfsgid(uint32_t id)
{
	struct credentials next = process.credentials;
	const uint32_t before = next.gid[ID_FILES];
	if (set_files(next.gid, id, capable(CAP_SETGID)))
		(void)!credentials_commit(&next);
	return before;
}
