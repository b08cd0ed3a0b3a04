/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The process's capabilities (capabilities(7)): what they are, giving them up, keeping them. They
 * are config.json's. Those that a host call goes by, the host's thread has too and gives up with
 * them; others are the guest's own matter.
 */
#include "guest/linux/syscall.h"
#include "guest/linux/task/credentials.h"

#include <linux/capability.h>
#include <linux/prctl.h>
#include <linux/securebits.h>

#define ALL_CAPABILITIES (UINT64_MAX >> (63 - CAP_LAST_CAP))

/* --- capget, capset --- */

static int64_t read_header(uint64_t header_at, uint32_t *words, int *pid)
{
	struct __user_cap_header_struct header;
	if (get_user(&header, header_at, sizeof(header)) < 0)
		return -EFAULT;
	*pid = header.pid;
	*words = _LINUX_CAPABILITY_U32S_3;
	if (header.version == _LINUX_CAPABILITY_VERSION_1)
		*words = _LINUX_CAPABILITY_U32S_1;
	else if (header.version != _LINUX_CAPABILITY_VERSION_2 &&
		 header.version != _LINUX_CAPABILITY_VERSION_3)
		*words = 0;
	if (*words)
		return 0;
	header.version = _LINUX_CAPABILITY_VERSION_3;
	if (put_user(header_at, &header.version, sizeof(header.version)) < 0)
		return -EFAULT;
	return -EINVAL;
}

static bool is_self(int pid)
{
	return pid == 0 || pid == (int32_t)process.boot->pid;
}

int64_t sys_capget(uint64_t header_at, uint64_t to)
{
	const struct mote_capabilities *c = &process.credentials.capabilities;
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
	uint32_t words;
	int pid;
	int64_t rc = read_header(header_at, &words, &pid);
	if (rc == -EINVAL && !to)
		return 0; /* it only asked for the version */
	if (rc < 0)
		return rc;
	if (pid < 0)
		return -EINVAL;
	if (!is_self(pid))
		return -ESRCH;
	for (uint32_t i = 0; i < _LINUX_CAPABILITY_U32S_3; i++)
		data[i] = (struct __user_cap_data_struct){
			.effective = (uint32_t)(c->effective >> 32 * i),
			.permitted = (uint32_t)(c->permitted >> 32 * i),
			.inheritable = (uint32_t)(c->inheritable >> 32 * i),
		};
	return put_user_optional(to, data, words * sizeof(data[0]));
}

static bool within(uint64_t set, uint64_t of)
{
	return !(set & ~of);
}

static bool may_become(const struct mote_capabilities *now, const struct mote_capabilities *next)
{
	if (!capable(CAP_SETPCAP) && !within(next->inheritable, now->inheritable | now->permitted))
		return false;
	return within(next->inheritable, now->inheritable | now->bounding) &&
	       within(next->permitted, now->permitted) && within(next->effective, next->permitted);
}

int64_t sys_capset(uint64_t header_at, uint64_t from)
{
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {{0}};
	struct credentials next = process.credentials;
	struct mote_capabilities *c = &next.capabilities;
	uint32_t words;
	int pid;
	int64_t rc = read_header(header_at, &words, &pid);
	if (rc < 0)
		return rc;
	if (!is_self(pid))
		return -EPERM;
	if (get_user(data, from, words * sizeof(data[0])) < 0)
		return -EFAULT;
	c->effective = (data[0].effective | (uint64_t)data[1].effective << 32) & ALL_CAPABILITIES;
	c->permitted = (data[0].permitted | (uint64_t)data[1].permitted << 32) & ALL_CAPABILITIES;
	c->inheritable =
		(data[0].inheritable | (uint64_t)data[1].inheritable << 32) & ALL_CAPABILITIES;
	if (!may_become(&process.credentials.capabilities, c))
		return -EPERM;
	c->ambient &= c->permitted & c->inheritable;
	return credentials_commit(&next);
}

/* --- prctl --- */

static int64_t drop_bounding(uint64_t capability)
{
	struct credentials next = process.credentials;
	if (!capable(CAP_SETPCAP))
		return -EPERM;
	if (capability > CAP_LAST_CAP)
		return -EINVAL;
	next.capabilities.bounding &= ~(1UL << capability);
	return credentials_commit(&next);
}

static int64_t set_keep(uint64_t keep)
{
	struct credentials next = process.credentials;
	if (keep > 1)
		return -EINVAL;
	if (next.securebits & SECBIT_KEEP_CAPS_LOCKED)
		return -EPERM;
	next.securebits &= ~(uint32_t)SECBIT_KEEP_CAPS;
	if (keep)
		next.securebits |= SECBIT_KEEP_CAPS;
	return credentials_commit(&next);
}

/* A bit that is locked stays, and so does its lock. */
static int64_t set_securebits(uint64_t bits)
{
	struct credentials next = process.credentials;
	const uint32_t now = next.securebits, locks = SECURE_ALL_LOCKS;
	const uint64_t known = SECURE_ALL_LOCKS | SECURE_ALL_BITS;
	if (((now & locks) >> 1 & (now ^ bits)) || (now & locks & ~bits) || (bits & ~known) ||
	    !capable(CAP_SETPCAP))
		return -EPERM;
	next.securebits = (uint32_t)bits;
	return credentials_commit(&next);
}

static int64_t raise_ambient(struct credentials *next, uint64_t bit)
{
	struct mote_capabilities *c = &next->capabilities;
	if (!within(bit, c->permitted & c->inheritable) ||
	    (next->securebits & SECBIT_NO_CAP_AMBIENT_RAISE))
		return -EPERM;
	c->ambient |= bit;
	return credentials_commit(next);
}

static int64_t change_ambient(uint64_t operation, uint64_t capability, bool rest_is_zero)
{
	struct credentials next = process.credentials;
	struct mote_capabilities *c = &next.capabilities;
	if (!rest_is_zero)
		return -EINVAL;
	if (operation == PR_CAP_AMBIENT_CLEAR_ALL) {
		if (capability)
			return -EINVAL;
		c->ambient = 0;
		return credentials_commit(&next);
	}
	if (capability > CAP_LAST_CAP)
		return -EINVAL;
	const uint64_t bit = 1UL << capability;
	switch (operation) {
	case PR_CAP_AMBIENT_IS_SET:
		return (c->ambient & bit) != 0;
	case PR_CAP_AMBIENT_RAISE:
		return raise_ambient(&next, bit);
	case PR_CAP_AMBIENT_LOWER:
		c->ambient &= ~bit;
		return credentials_commit(&next);
	default:
		return -EINVAL;
	}
}

int64_t capability_prctl(uint32_t option, uint64_t arg, uint64_t second, bool rest_is_zero)
{
	const struct credentials *c = &process.credentials;
	switch (option) {
	case PR_CAPBSET_READ:
		return arg <= CAP_LAST_CAP ? (int64_t)(c->capabilities.bounding >> arg & 1)
					   : -EINVAL;
	case PR_CAPBSET_DROP:
		return drop_bounding(arg);
	case PR_GET_KEEPCAPS:
		return (c->securebits & SECBIT_KEEP_CAPS) != 0;
	case PR_SET_KEEPCAPS:
		return set_keep(arg);
	case PR_GET_SECUREBITS:
		return c->securebits;
	case PR_SET_SECUREBITS:
		return set_securebits(arg);
	case PR_CAP_AMBIENT:
		return change_ambient(arg, second, rest_is_zero);
	default:
		return -ENOSYS;
	}
}
