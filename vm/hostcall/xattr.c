/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Host calls on extended attributes, of open files. Only user.* is the guest's: the others mean
 * something to the host (capabilities, labels, access lists).
 */
#include "vm/hostcall/permit.h"
#include "vm/internal.h"

#include <errno.h>
#include <linux/limits.h>
#include <linux/xattr.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>

static bool begins(const char *name, const char *with)
{
	return strncmp(name, with, strlen(with)) == 0;
}

/* Takes a name: 0, or -errno as Linux says it of one that this process has no right to. */
static int take_name(const struct call_bytes *from, bool changes, char name[XATTR_NAME_MAX + 1])
{
	if (from->len == 0 || from->len > XATTR_NAME_MAX)
		return -ERANGE;
	memcpy(name, from->data, from->len);
	name[from->len] = '\0';
	if (strcmp(name, XATTR_USER_PREFIX) == 0)
		return -EINVAL;
	if (begins(name, XATTR_USER_PREFIX))
		return 0;
	if (begins(name, XATTR_SECURITY_PREFIX) || begins(name, XATTR_TRUSTED_PREFIX))
		return changes ? -EPERM : -ENODATA;
	return -EOPNOTSUPP;
}

static const struct fd_entry *entry_of(struct vcpu *vcpu, int32_t fd)
{
	return fdtable_get(&vcpu->vm->fds, fd);
}

int64_t host_xattr_get(struct vcpu *vcpu, const struct call_xattr_get *a)
{
	char name[XATTR_NAME_MAX + 1];
	const struct fd_entry *e = entry_of(vcpu, a->fd);
	if (!e)
		return -EBADF;
	int rc = take_name(&a->name, false, name);
	if (rc < 0)
		return rc;
	cleanup_free uint8_t *value = malloc(XATTR_SIZE_MAX);
	if (!value)
		return -ENOMEM;
	ssize_t n = fgetxattr(e->host, name, value, XATTR_SIZE_MAX);
	if (n < 0)
		return -errno;
	if (a->value.len == 0)
		return n;
	if ((size_t)n > a->value.len)
		return -ERANGE;
	vm_put(vcpu->vm, a->value.at, value, (uint64_t)n);
	return n;
}

int64_t host_xattr_set(struct vcpu *vcpu, const struct call_xattr_set *a)
{
	char name[XATTR_NAME_MAX + 1];
	const struct fd_entry *e = entry_of(vcpu, a->fd);
	if (!e)
		return -EBADF;
	if (a->flags & ~(uint32_t)(XATTR_CREATE | XATTR_REPLACE))
		return -EINVAL;
	int rc = take_name(&a->name, true, name);
	if (rc == 0)
		rc = permit_change_open(e);
	if (rc < 0)
		return rc;
	return sys_status(fsetxattr(e->host, name, a->value.data, a->value.len, (int)a->flags));
}

int64_t host_xattr_remove(struct vcpu *vcpu, const struct call_xattr_remove *a)
{
	char name[XATTR_NAME_MAX + 1];
	const struct fd_entry *e = entry_of(vcpu, a->fd);
	if (!e)
		return -EBADF;
	int rc = take_name(&a->name, true, name);
	if (rc == 0)
		rc = permit_change_open(e);
	if (rc < 0)
		return rc;
	return sys_status(fremovexattr(e->host, name));
}

/* Leaves the guest's names in a list of `bytes` bytes; what it has then. */
static size_t keep_user(char *list, size_t bytes)
{
	size_t kept = 0;
	for (size_t at = 0; at < bytes;) {
		size_t n = strnlen(list + at, bytes - at) + 1;
		if (at + n > bytes)
			break;
		if (begins(list + at, XATTR_USER_PREFIX)) {
			memmove(list + kept, list + at, n);
			kept += n;
		}
		at += n;
	}
	return kept;
}

int64_t host_xattr_list(struct vcpu *vcpu, const struct call_xattr_list *a)
{
	const struct fd_entry *e = entry_of(vcpu, a->fd);
	if (!e)
		return -EBADF;
	cleanup_free char *list = malloc(XATTR_LIST_MAX);
	if (!list)
		return -ENOMEM;
	ssize_t n = flistxattr(e->host, list, XATTR_LIST_MAX);
	if (n < 0)
		return -errno;
	size_t kept = keep_user(list, (size_t)n);
	if (a->names.len == 0)
		return (int64_t)kept;
	if (kept > a->names.len)
		return -ERANGE;
	vm_put(vcpu->vm, a->names.at, list, kept);
	return (int64_t)kept;
}
