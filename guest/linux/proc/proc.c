/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptors of synthetic files. */
#include "guest/linux/proc/proc.h"

#include "guest/linux/fs/dir_entry.h"
#include "guest/linux/fs/fd_paths.h"
#include "guest/linux/fs/file_limit.h"
#include "guest/linux/fs/vector.h"
#include "guest/linux/net/files.h"
#include "guest/linux/proc/rules.h"
#include "guest/linux/proc/text.h"
#include "guest/linux/proc/tree.h"
#include "guest/linux/user.h"

#include <linux/fcntl.h>
#include <linux/fs.h>

int64_t proc_open(const char *path, uint32_t flags)
{
	const bool directory = proc_is_directory(path);
	if ((flags & O_CREAT) && (flags & O_EXCL))
		return -EEXIST;
	if (proc_is_link(path))
		return -ELOOP;
	if ((flags & O_ACCMODE) && directory)
		return -EISDIR;
	if (flags & O_ACCMODE)
		return proc_is_readonly(path) ? -EROFS : -EACCES;
	if (!directory && (flags & O_DIRECTORY))
		return -ENOTDIR;
	int64_t fd = descriptor_admit(mote_epoll_create(mote_area()));
	if (fd < 0)
		return fd;
	fd_set_path((int32_t)fd, path);
	int64_t rc = mote_set_flags(mote_area(), (int32_t)fd, O_NONBLOCK);
	if (rc == 0)
		rc = proc_file_set((int32_t)fd, path);
	if (rc < 0) {
		(void)!mote_close(mote_area(), (int32_t)fd);
		return rc;
	}
	return fd_set_close_on_exec(fd, flags & O_CLOEXEC);
}

/*
 * A part of the content: where it is and how much there is from an offset on, of which the program
 * takes at most `most` bytes.
 */
static uint64_t content(const struct proc_node *n, uint64_t offset, uint64_t most, const char **at)
{
	struct proc_text *t = (void *)this_thread()->scratch->copy;
	uint64_t bytes;
	_Static_assert(sizeof(*t) <= sizeof(((struct scratch *)0)->copy), "a text fits");
	if (n->kind == PROC_IS_NETWORK) {
		int64_t rc = net_file_read(n->file, offset, t->bytes, min_u64(most, PROC_TEXT_MAX));
		*at = t->bytes;
		return rc < 0 ? 0 : (uint64_t)rc;
	}
	if (n->from) {
		*at = (const char *)*n->from + offset;
		bytes = *n->to - *n->from;
	} else if (n->text) {
		*at = n->text + offset;
		bytes = strlen(n->text);
	} else {
		t->len = 0;
		n->make(t);
		*at = t->bytes + offset;
		bytes = t->len;
	}
	return offset < bytes ? bytes - offset : 0;
}

static int64_t copy_out(const char *at, uint64_t left, const struct mote_iovec *v, uint64_t count)
{
	uint64_t done = 0;
	for (uint64_t i = 0; i < count && done < left; i++) {
		struct mote_iovec piece;
		if (get_user(&piece, (uint64_t)&v[i], sizeof(piece)) < 0)
			return -EFAULT;
		uint64_t bytes = min_u64(piece.len, left - done);
		if (put_user(piece.base, at + done, bytes) < 0)
			return done ? (int64_t)done : -EFAULT;
		done += bytes;
	}
	return (int64_t)done;
}

int64_t proc_read(int64_t rc, int32_t fd, const struct mote_iovec *v, uint64_t count,
		  const uint64_t *offset)
{
	struct proc_open *file = proc_file(fd);
	const char *at;
	if (!file || rc >= 0)
		return rc;
	const struct proc_node *n = proc_node(file->path);
	if (!n || (n->kind != PROC_IS_FILE && n->kind != PROC_IS_NETWORK))
		return -EISDIR;
	const int64_t most = vector_bytes(v, count);
	if (most < 0)
		return most;
	uint64_t left = content(n, offset ? *offset : file->offset, (uint64_t)most, &at);
	rc = copy_out(at, left, v, count);
	if (rc > 0 && !offset)
		file->offset += (uint64_t)rc;
	return rc;
}

int64_t proc_seek(int32_t fd, int64_t offset, uint32_t whence)
{
	struct proc_open *file = proc_file(fd);
	int64_t to = offset;
	if (!file)
		return -EBADF;
	if (whence == SEEK_CUR)
		to += (int64_t)file->offset;
	else if (whence != SEEK_SET)
		return -EINVAL;
	if (to < 0)
		return -EINVAL;
	file->offset = (uint64_t)to;
	return to;
}

int64_t proc_list(int64_t rc, int32_t fd, uint64_t to, uint64_t capacity)
{
	struct proc_open *file = proc_file(fd);
	uint64_t used = 0;
	if (!file)
		return rc;
	if (!proc_is_directory(file->path))
		return -ENOTDIR;
	for (; file->offset < proc_entries_end(file->path); file->offset++) {
		union proc_entry e = {.d = {.ino = 0x10000 + file->offset}};
		if (!proc_entry_at(file->path, file->offset, &e))
			continue;
		e.d.cookie = (int64_t)file->offset + 1;
		int64_t len = dir_entry_put(to + used, capacity - used, &e.d);
		if (len < 0)
			return len;
		if (len == 0)
			return used ? (int64_t)used : -EINVAL;
		used += (uint64_t)len;
	}
	return (int64_t)used;
}
