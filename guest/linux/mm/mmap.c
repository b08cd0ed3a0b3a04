/* SPDX-License-Identifier: Apache-2.0 */
/* mmap: what is wrong with one before anything is changed, in Linux's order. */

#include "guest/linux/fs/descriptor.h"
#include "guest/linux/mm/layout.h"
#include "guest/linux/mm/memory.h"
#include "guest/linux/state.h"
#include "guest/linux/syscall.h"

#include <linux/fcntl.h>
#include <linux/mman.h>
#include <linux/stat.h>

#ifndef MAP_32BIT /* x86 alone has it */
#define MAP_32BIT 0
#endif

/* Those of MAP_SHARED, which MAP_SHARED_VALIDATE accepts and no others (LEGACY_MAP_MASK). */
enum {
	KNOWN_FLAGS = MAP_TYPE | MAP_FIXED | MAP_ANONYMOUS | MAP_32BIT | MAP_GROWSDOWN |
		      MAP_DENYWRITE | MAP_EXECUTABLE | MAP_LOCKED | MAP_NORESERVE | MAP_POPULATE |
		      MAP_NONBLOCK | MAP_STACK | MAP_HUGETLB | MAP_UNINITIALIZED | MAP_HUGE_2MB |
		      MAP_HUGE_1GB,
};
enum { DEVICE_ZERO = 0x105 };

static bool is_zero(const struct mote_stat *st)
{
	return S_ISCHR(st->mode) && st->rdev == DEVICE_ZERO;
}

static int64_t check_file(uint64_t bytes, uint32_t prot, uint32_t flags, int32_t fd,
			  uint64_t offset)
{
	const uint32_t type = flags & MAP_TYPE;
	const bool shared = type == MAP_SHARED || type == MAP_SHARED_VALIDATE;
	struct mote_stat st;
	int64_t rc = mote_fstat(mote_area(), fd, &st);
	if (rc < 0)
		return rc;
	const bool maps = S_ISREG(st.mode) || is_zero(&st);
	const uint64_t most = S_ISREG(st.mode) ? INT64_MAX : UINT64_MAX;
	if (offset > most || bytes > most - offset)
		return -EOVERFLOW;
	if (type == MAP_SHARED_VALIDATE && (flags & ~(uint32_t)(KNOWN_FLAGS | MAP_SYNC)))
		return -EOPNOTSUPP;
	if (shared && (prot & PROT_WRITE) && descriptor_check(fd, O_WRONLY) < 0)
		return -EACCES;
	if (type != MAP_PRIVATE && !shared)
		return -EINVAL;
	if (descriptor_check(fd, O_RDONLY) < 0)
		return -EACCES;
	if (!maps)
		return -ENODEV;
	if (flags & MAP_GROWSDOWN)
		return -EINVAL;
	/* As ext4 and XFS say it, which know the flag but have it for persistent memory alone. */
	return type == MAP_SHARED_VALIDATE && (flags & MAP_SYNC) ? -EOPNOTSUPP : 0;
}

static int64_t check_anonymous(uint32_t flags)
{
	const uint32_t type = flags & MAP_TYPE;
	if (type == MAP_SHARED && (flags & MAP_GROWSDOWN))
		return -EINVAL;
	return type == MAP_SHARED || type == MAP_PRIVATE ? 0 : -EINVAL;
}

static int64_t check_map(uint64_t addr, uint64_t bytes, uint32_t prot, uint32_t flags, int32_t fd,
			 uint64_t offset)
{
	const bool fixed = flags & (MAP_FIXED | MAP_FIXED_NOREPLACE);
	if (offset % MOTE_PAGE)
		return -EINVAL;
	if (!(flags & MAP_ANONYMOUS) && descriptor_check(fd, O_RDWR) < 0)
		return -EBADF;
	if (bytes == 0)
		return -EINVAL;
	bytes = page_up(bytes);
	if (bytes == 0 || bytes > LINUX_MMAP_TOP || (fixed && addr > MOTE_VA_END - bytes))
		return -ENOMEM;
	if (fixed && addr % MOTE_PAGE)
		return -EINVAL;
	if (fixed && addr == 0)
		return -EPERM;
	if (flags & MAP_ANONYMOUS)
		return check_anonymous(flags);
	return check_file(bytes, prot, flags, fd, offset);
}

/* Its mappings are as anonymous ones. */
static bool is_dev_zero(int32_t fd)
{
	struct mote_stat st;
	return mote_fstat(mote_area(), fd, &st) == 0 && is_zero(&st);
}

int64_t sys_mmap(uint64_t addr, uint64_t bytes, uint32_t prot, uint32_t flags, int fd,
		 uint64_t offset)
{
	int64_t rc = check_map(addr, bytes, prot, flags, fd, offset);
	if (rc < 0)
		return rc;
	if ((flags & MAP_32BIT) && !(flags & MAP_FIXED)) {
		lib_log("mmap: MAP_32BIT is not implemented");
		return -ENOMEM;
	}
	if (flags & MAP_HUGETLB) /* as on a machine that has reserved none */
		return -ENOMEM;
	if (!(flags & MAP_ANONYMOUS) && is_dev_zero(fd))
		flags |= MAP_ANONYMOUS;
	return memory_map_new(addr, bytes, prot, flags, fd, offset);
}
