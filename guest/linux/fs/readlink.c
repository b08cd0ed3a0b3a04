/* SPDX-License-Identifier: Apache-2.0 */
/* Reading symbolic links. */
#include "guest/linux/fs/lookup.h"
#include "guest/linux/proc/proc.h"
#include "guest/linux/syscall.h"

#include <linux/fcntl.h>

/* As much of a text as fits: its length. */
static int64_t put_text(uint64_t to, uint64_t capacity, const char *text)
{
	uint64_t len = strnlen(text, capacity);
	if (put_user(to, text, len) < 0)
		return -EFAULT;
	return (int64_t)len;
}

static int64_t put_link(uint64_t to, uint64_t capacity, const char *synthetic)
{
	char target[PATH_MAX];
	if (proc_link(synthetic, target))
		return put_text(to, capacity, target);
	return proc_descriptor(synthetic) >= 0 ? -ENOENT : -EINVAL;
}

static int64_t readlink_here(const struct resolved_path *p, uint64_t to, uint64_t capacity)
{
	if (p->proc[0])
		return put_link(to, capacity, p->proc);
	char target[PATH_MAX];
	const int64_t len = mote_readlink(mote_area(), p->base, p->rest, rest_len(p),
					  p->resolve & MOTE_RESOLVE_IN_ROOT, target,
					  min_u64(capacity, sizeof(target)));
	if (len > 0 && put_user(to, target, (uint64_t)len) < 0)
		return -EFAULT;
	return len;
}

int64_t sys_readlinkat(int dirfd, uint64_t path, uint64_t to, uint64_t capacity)
{
	struct resolved_path p;
	if (capacity == 0 || capacity > INT32_MAX)
		return -EINVAL;
	const uint32_t empty = dirfd == AT_FDCWD ? 0 : AT_EMPTY_PATH;
	int64_t rc = lookup_with_flags(&p, dirfd, path, AT_SYMLINK_NOFOLLOW | empty);
	const bool itself = rc == 0 && p.own >= 0 && p.is_descriptor;
	if (rc == 0 && p.own >= 0)
		rc = lookup_link(&p);
	if (rc < 0)
		return rc;
	do
		rc = readlink_here(&p, to, capacity);
	while (lookup_retry(&p, rc));
	rc = lookup_result(&p, rc);
	return itself && rc == -EINVAL ? -ENOENT : rc;
}
