/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading directories: the host reads from a cookie on, the program from where its descriptor is.
 */
#include "guest/linux/fs/dir_cookie.h"

#include "guest/linux/fs/fd_paths.h"
#include "guest/linux/syscall.h"

static int64_t cookies[DESCRIPTORS_MAX];

int64_t dir_cookie(int32_t fd)
{
	if (fd < 0 || fd >= DESCRIPTORS_MAX)
		return 0;
	return cookies[fd];
}

void dir_cookie_set(int32_t fd, int64_t cookie)
{
	if (fd >= 0 && fd < DESCRIPTORS_MAX)
		cookies[fd] = cookie;
}

/* No header for programs has it. */
struct linux_dirent64 {
	uint64_t ino;
	int64_t off;
	uint16_t reclen;
	uint8_t type;
	char name[];
};
enum { NAME_BYTES_MAX = 264 };

/* Lays out one entry at `to`: its bytes, 0 if it does not fit, or -EFAULT. */
static int64_t put_entry(uint64_t to, uint64_t capacity, const struct mote_dirent *d)
{
	_Alignas(8) uint8_t entry[sizeof(struct linux_dirent64) + NAME_BYTES_MAX] = {0};
	struct linux_dirent64 *e = (void *)entry;
	uint64_t name = strlen(d->name) + 1,
		 len = (offsetof(struct linux_dirent64, name) + name + 7) & ~7UL;
	if (len > capacity)
		return 0;
	e->ino = d->ino;
	e->off = d->cookie;
	e->reclen = (uint16_t)len;
	e->type = d->type;
	memcpy(e->name, d->name, name);
	if (put_user(to, entry, len) < 0)
		return -EFAULT;
	return (int64_t)len;
}

int64_t sys_getdents64(int fd, uint64_t to, uint32_t capacity)
{
	struct scratch *scratch = this_thread()->scratch;
	uint64_t bytes = sizeof(scratch->entries), used = 0;
	if (fd < 0 || fd >= DESCRIPTORS_MAX)
		return -EBADF;
	if (bytes > capacity)
		bytes = capacity;
	int64_t got = mote_readdir(mote_area(), fd, cookies[fd], scratch->entries, bytes);
	if (got <= 0)
		return got;
	for (int64_t at = 0; at < got;) {
		const struct mote_dirent *d = (const void *)(scratch->entries + at);
		int64_t len = put_entry(to + used, capacity - used, d);
		if (len < 0)
			return len;
		if (len == 0)
			break;
		used += (uint64_t)len;
		cookies[fd] = d->cookie;
		at += d->reclen;
	}
	if (used == 0)
		return -EINVAL;
	return (int64_t)used;
}
