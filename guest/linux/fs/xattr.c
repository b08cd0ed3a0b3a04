/* SPDX-License-Identifier: Apache-2.0 */
/* Extended attributes: the host has them of open files. */
#include "guest/linux/fs/descriptor.h"
#include "guest/linux/fs/lookup.h"
#include "guest/linux/fs/user_path.h"
#include "guest/linux/syscall.h"

#include <linux/fcntl.h>

enum { NAME_BYTES = 256, VALUE_BYTES = 65536 };

/* A file to ask the host about. */
struct file {
	int64_t fd; /* the program's or ours; a negative errno: none */
	bool ours;
	bool none; /* a symlink or a socket, which has no attributes of the user's */
};

/* A descriptor; -ENXIO of a file of the runtime's own, as of a socket. */
static int64_t open_here(const struct resolved_path *p)
{
	if (p->own >= 0)
		return p->own;
	if (p->proc[0])
		return -ENXIO;
	return mote_open(mote_area(), p->base, p->rest, rest_len(p), p->resolve,
			 O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
}

static struct file file_of_descriptor(int32_t fd)
{
	const int64_t rc = descriptor_check(fd, O_RDWR);
	return (struct file){.fd = rc < 0 ? rc : fd};
}

static struct file file_of(uint64_t path, bool nofollow)
{
	struct resolved_path p;
	const enum lookup lookup = nofollow ? LOOKUP_NOFOLLOW : LOOKUP_FILE;
	struct file f = {.fd = lookup_user(&p, AT_FDCWD, path, lookup)};
	if (f.fd < 0)
		return f;
	do
		f.fd = open_here(&p);
	while (lookup_retry(&p, f.fd));
	f.ours = f.fd >= 0 && p.own < 0;
	f.none = (f.fd == -ELOOP && nofollow) || f.fd == -ENXIO;
	f.fd = lookup_result(&p, f.fd);
	return f;
}

/* The result of a call on it; `none` of one that has no attributes. */
static int64_t finish(const struct file *f, int64_t rc)
{
	if (f->ours)
		(void)!mote_close(mote_area(), (int32_t)f->fd);
	return rc;
}

/* Copies a name of the program: its length, or -EFAULT or -ERANGE. */
static int64_t get_name(char name[PATH_MAX], uint64_t from)
{
	int64_t len = user_path(name, from);
	if (len == -ENAMETOOLONG || len == 0 || len >= NAME_BYTES)
		return -ERANGE;
	return len;
}

/* Whether it is of one of the four kinds that Linux knows. */
static bool is_known(const char *name)
{
	static const char *const kinds[] = {"user.", "trusted.", "security.", "system."};
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strncmp(name, kinds[i], strlen(kinds[i])) == 0)
			return true;
	return false;
}

/* To the program what the host has answered; a capacity of 0 only asks how much it is. */
static int64_t hand_over(uint64_t to, const uint8_t *from, int64_t got, uint64_t capacity)
{
	if (got <= 0 || capacity == 0)
		return got;
	return put_user(to, from, (uint64_t)got) < 0 ? -EFAULT : got;
}

static int64_t get_of(const struct file *f, uint64_t name_at, uint64_t to, uint64_t bytes)
{
	char name[PATH_MAX];
	int64_t len = get_name(name, name_at);
	if (len < 0)
		return len;
	if (f->none)
		return is_known(name) ? -ENODATA : -EOPNOTSUPP;
	if (f->fd < 0)
		return f->fd;
	uint8_t *value = this_thread()->scratch->copy;
	const int64_t got = mote_xattr_get(mote_area(), (int32_t)f->fd, name, (uint64_t)len, value,
					   min_u64(bytes, VALUE_BYTES));
	return hand_over(to, value, got, bytes);
}

static int64_t set_of(const struct file *f, uint64_t name_at, uint64_t from, uint64_t bytes,
		      uint32_t flags)
{
	char name[PATH_MAX];
	int64_t len = get_name(name, name_at);
	if (flags & ~3U) /* XATTR_CREATE, XATTR_REPLACE */
		return -EINVAL;
	if (len < 0)
		return len;
	if (bytes > VALUE_BYTES)
		return -E2BIG;
	if (f->none)
		return is_known(name) ? -EPERM : -EOPNOTSUPP;
	if (f->fd < 0)
		return f->fd;
	return mote_xattr_set(mote_area(), (int32_t)f->fd, name, (uint64_t)len, (const void *)from,
			      bytes, flags);
}

static int64_t list_of(const struct file *f, uint64_t to, uint64_t bytes)
{
	if (f->none)
		return 0;
	if (f->fd < 0)
		return f->fd;
	uint8_t *names = this_thread()->scratch->copy;
	const int64_t got =
		mote_xattr_list(mote_area(), (int32_t)f->fd, names, min_u64(bytes, VALUE_BYTES));
	return hand_over(to, names, got, bytes);
}

static int64_t remove_of(const struct file *f, uint64_t name_at)
{
	char name[PATH_MAX];
	int64_t len = get_name(name, name_at);
	if (len < 0)
		return len;
	if (f->none)
		return is_known(name) ? -EPERM : -EOPNOTSUPP;
	if (f->fd < 0)
		return f->fd;
	return mote_xattr_remove(mote_area(), (int32_t)f->fd, name, (uint64_t)len);
}

int64_t sys_getxattr(uint64_t path, uint64_t name, uint64_t to, uint64_t bytes)
{
	const struct file f = file_of(path, false);
	return finish(&f, get_of(&f, name, to, bytes));
}

int64_t sys_lgetxattr(uint64_t path, uint64_t name, uint64_t to, uint64_t bytes)
{
	const struct file f = file_of(path, true);
	return finish(&f, get_of(&f, name, to, bytes));
}

int64_t sys_fgetxattr(int fd, uint64_t name, uint64_t to, uint64_t bytes)
{
	const struct file f = file_of_descriptor(fd);
	return get_of(&f, name, to, bytes);
}

int64_t sys_setxattr(uint64_t path, uint64_t name, uint64_t from, uint64_t bytes, uint32_t flags)
{
	const struct file f = file_of(path, false);
	return finish(&f, set_of(&f, name, from, bytes, flags));
}

int64_t sys_lsetxattr(uint64_t path, uint64_t name, uint64_t from, uint64_t bytes, uint32_t flags)
{
	const struct file f = file_of(path, true);
	return finish(&f, set_of(&f, name, from, bytes, flags));
}

int64_t sys_fsetxattr(int fd, uint64_t name, uint64_t from, uint64_t bytes, uint32_t flags)
{
	const struct file f = file_of_descriptor(fd);
	return set_of(&f, name, from, bytes, flags);
}

int64_t sys_listxattr(uint64_t path, uint64_t to, uint64_t bytes)
{
	const struct file f = file_of(path, false);
	return finish(&f, list_of(&f, to, bytes));
}

int64_t sys_llistxattr(uint64_t path, uint64_t to, uint64_t bytes)
{
	const struct file f = file_of(path, true);
	return finish(&f, list_of(&f, to, bytes));
}

int64_t sys_flistxattr(int fd, uint64_t to, uint64_t bytes)
{
	const struct file f = file_of_descriptor(fd);
	return list_of(&f, to, bytes);
}

int64_t sys_removexattr(uint64_t path, uint64_t name)
{
	const struct file f = file_of(path, false);
	return finish(&f, remove_of(&f, name));
}

int64_t sys_lremovexattr(uint64_t path, uint64_t name)
{
	const struct file f = file_of(path, true);
	return finish(&f, remove_of(&f, name));
}

int64_t sys_fremovexattr(int fd, uint64_t name)
{
	const struct file f = file_of_descriptor(fd);
	return remove_of(&f, name);
}
