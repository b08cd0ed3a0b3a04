/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/linux/fs/dir_entry.h"

#include "guest/linux/user.h"

/* No header for programs has it. */
struct linux_dirent64 {
	uint64_t ino;
	int64_t off;
	uint16_t reclen;
	uint8_t type;
	char name[];
};
enum { NAME_BYTES_MAX = 264 };

int64_t dir_entry_put(uint64_t to, uint64_t capacity, const struct mote_dirent *d)
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
