/* SPDX-License-Identifier: Apache-2.0 */
/*
 * path_* and fd_readdir. The host resolves every path below the directory's descriptor and lets
 * none leave it; here are rights, flags and the errors that WASI programs expect.
 */
#include "guest/wasi/p1/link.h"
#include "guest/wasi/p1/p1.h"

#include <linux/errno.h>
#include <linux/fcntl.h>

static uint32_t get_path(const struct wasm_instance *inst, struct p1_path *p, uint32_t at,
			 uint32_t len)
{
	*p = (struct p1_path){.at = wasi_span(inst, at, len), .len = len};
	if (!p->at)
		return WASI_FAULT;
	return WASI_SUCCESS;
}

/* The directory with its rights, then the path. */
static uint32_t begin_path(const struct wasm_instance *inst, uint32_t fd, uint64_t rights,
			   struct p1_path *p, uint32_t at, uint32_t len)
{
	struct p1_fd *f;
	uint32_t e = p1_fd_get(fd, 0, &f);
	if (!e && p1_is_no_directory(f))
		return WASI_NOTDIR;
	if (!e)
		e = p1_fd_get(fd, rights, &f);
	if (!e)
		e = get_path(inst, p, at, len);
	if (e)
		return e;
	p->fd = fd;
	p->resolve = p1_path_resolve(f->resource->preopen, p);
	p1_cwd_resolve(p);
	return WASI_SUCCESS;
}

static uint32_t resolve_of(const struct p1_path *p, uint32_t lookup)
{
	if (lookup & WASI_LOOKUP_SYMLINK_FOLLOW)
		return p->resolve;
	return p->resolve | MOTE_RESOLVE_NOFOLLOW;
}

/* --- opening --- */

static uint32_t access_mode(uint32_t oflags, uint64_t base)
{
	/* Who truncates a file opens it for writing, whether or not the program may write then. */
	if (!(base & WASI_RIGHT_FD_WRITE) && !(oflags & WASI_OFLAG_TRUNC))
		return O_RDONLY;
	if (base & WASI_RIGHT_FD_READ)
		return O_RDWR;
	return O_WRONLY;
}

/* Adds a host's flag for each of the program's. */
struct flag {
	uint32_t wasi, host;
};

static uint32_t map_flags(const struct flag *map, size_t count, uint32_t flags)
{
	uint32_t host = 0;
	for (size_t i = 0; i < count; i++)
		if (flags & map[i].wasi)
			host |= map[i].host;
	return host;
}

static uint32_t host_open_flags(uint32_t oflags, uint64_t base, uint32_t fdflags)
{
	static const struct flag for_opening[] = {
		{WASI_OFLAG_CREAT, O_CREAT},
		{WASI_OFLAG_EXCL, O_EXCL},
		{WASI_OFLAG_TRUNC, O_TRUNC},
		{WASI_OFLAG_DIRECTORY, O_DIRECTORY},
	};
	static const struct flag for_descriptor[] = {
		{WASI_FDFLAG_APPEND, O_APPEND},
		{WASI_FDFLAG_NONBLOCK, O_NONBLOCK},
		{WASI_FDFLAG_DSYNC, O_DSYNC},
		{WASI_FDFLAG_SYNC | WASI_FDFLAG_RSYNC, O_SYNC},
	};
	return access_mode(oflags, base) |
	       map_flags(for_opening, sizeof(for_opening) / sizeof(for_opening[0]), oflags) |
	       map_flags(for_descriptor, sizeof(for_descriptor) / sizeof(for_descriptor[0]),
			 fdflags);
}

/* What the directory itself must allow for such an open. */
static uint64_t rights_to_open(uint32_t oflags)
{
	uint64_t rights = WASI_RIGHT_PATH_OPEN;
	if (oflags & WASI_OFLAG_CREAT)
		rights |= WASI_RIGHT_PATH_CREATE_FILE;
	if (oflags & WASI_OFLAG_TRUNC)
		rights |= WASI_RIGHT_PATH_FILESTAT_SET_SIZE;
	return rights;
}

/* What its inheriting rights must hold besides what is asked for. */
static uint64_t rights_to_inherit(uint32_t fdflags)
{
	uint64_t rights = 0;
	if (fdflags & WASI_FDFLAG_DSYNC)
		rights |= WASI_RIGHT_FD_DATASYNC;
	if (fdflags & (WASI_FDFLAG_SYNC | WASI_FDFLAG_RSYNC))
		rights |= WASI_RIGHT_FD_SYNC;
	return rights;
}

/* A duplicate of one of the program's descriptors, for what it can do. */
static int64_t open_own(int32_t fd, uint32_t flags)
{
	struct p1_fd *f;
	struct mote_stat st;
	if (p1_fd_get((uint32_t)fd, 0, &f))
		return -ENOENT;
	int64_t rc = mote_fstat(mote_area(), fd, &st);
	const int64_t has = mote_get_flags(mote_area(), fd), wanted = flags & O_ACCMODE;
	if (rc < 0 || has < 0)
		return rc < 0 ? rc : has;
	const enum resource_type type = resource_type_of_mode(st.mode);
	if ((flags & O_DIRECTORY) && type != RESOURCE_DIRECTORY)
		return -ENOTDIR;
	if ((has & O_ACCMODE) != O_RDWR && (has & O_ACCMODE) != wanted && type != RESOURCE_OTHER)
		return -EACCES;
	if ((flags & O_TRUNC) && type == RESOURCE_REGULAR_FILE)
		rc = mote_ftruncate(mote_area(), fd, 0);
	if (rc < 0)
		return rc;
	return mote_dup(mote_area(), fd, 0);
}

static int64_t open_path(const struct p1_path *p, uint32_t lookup, uint32_t flags)
{
	const uint32_t mode = 0666 & ~wasi.boot->umask;
	struct link_end end;
	int64_t rc = mote_open(mote_area(), (int32_t)p->fd, p->at, p->len, resolve_of(p, lookup),
			       flags, mode);
	if (rc >= 0 || !(lookup & WASI_LOOKUP_SYMLINK_FOLLOW))
		return rc;
	rc = link_follow(p, rc, &end);
	if (rc < 0)
		return rc;
	if (end.own >= 0)
		return open_own(end.own, flags);
	return mote_open(mote_area(), (int32_t)p->fd, end.path, strlen(end.path),
			 MOTE_RESOLVE_BENEATH, flags, mode);
}

uint32_t p1_path_open(const struct wasm_instance *inst, uint32_t fd, uint32_t lookup, uint32_t path,
		      uint32_t path_len, uint32_t oflags, uint64_t base, uint64_t inheriting,
		      uint32_t fdflags, uint32_t opened)
{
	struct p1_path p;
	struct p1_fd *dir;
	uint32_t e = begin_path(inst, fd, rights_to_open(oflags), &p, path, path_len);
	void *to = wasi_span(inst, opened, sizeof(uint32_t));
	if (!e)
		e = p1_fd_get(fd, 0, &dir);
	if (!e && !to)
		e = WASI_FAULT;
	if (e)
		return e;
	if (oflags & ~(uint32_t)WASI_OFLAGS_ALL || fdflags & ~(uint32_t)WASI_FDFLAGS_ALL)
		return WASI_INVAL;
	base &= WASI_RIGHTS_ALL;
	inheriting &= WASI_RIGHTS_ALL;
	if ((base | inheriting | rights_to_inherit(fdflags)) & ~dir->inheriting)
		return WASI_NOTCAPABLE;
	int64_t rc = open_path(&p, lookup, host_open_flags(oflags, base, fdflags));
	const struct p1_fd f = {
		.fdflags = (uint8_t)fdflags,
		.base = base,
		.inheriting = inheriting,
	};
	enum resource_type type = RESOURCE_UNKNOWN;
	if (oflags & WASI_OFLAG_DIRECTORY)
		type = RESOURCE_DIRECTORY;
	e = p1_fd_add(rc, type, &f);
	if (!e)
		wasi_store32(to, (uint32_t)rc);
	return e;
}

/* --- what a path leads to --- */

static int64_t stat_of_path(const struct p1_path *p, uint32_t lookup, struct mote_stat *st)
{
	struct link_end end;
	int64_t rc =
		mote_stat(mote_area(), (int32_t)p->fd, p->at, p->len, resolve_of(p, lookup), st);
	if (rc >= 0 || !(lookup & WASI_LOOKUP_SYMLINK_FOLLOW))
		return rc;
	rc = link_follow(p, rc, &end);
	if (rc < 0)
		return rc;
	if (end.own >= 0)
		return mote_fstat(mote_area(), end.own, st);
	return mote_stat(mote_area(), (int32_t)p->fd, end.path, strlen(end.path),
			 MOTE_RESOLVE_BENEATH, st);
}

uint32_t p1_path_stat(const struct wasm_instance *inst, uint32_t fd, uint32_t lookup, uint32_t path,
		      uint32_t path_len, struct wasi_filestat *out)
{
	struct p1_path p;
	struct mote_stat st;
	uint32_t e = begin_path(inst, fd, WASI_RIGHT_PATH_FILESTAT_GET, &p, path, path_len);
	if (e)
		return e;
	int64_t rc = stat_of_path(&p, lookup, &st);
	if (rc < 0)
		return p1_path_errno(rc);
	p1_filestat(out, &st);
	return WASI_SUCCESS;
}

uint32_t p1_path_filestat_get(const struct wasm_instance *inst, uint32_t fd, uint32_t lookup,
			      uint32_t path, uint32_t path_len, uint32_t stat)
{
	struct wasi_filestat out;
	void *to = wasi_span(inst, stat, sizeof(out));
	if (!to)
		return WASI_FAULT;
	uint32_t e = p1_path_stat(inst, fd, lookup, path, path_len, &out);
	if (!e)
		memcpy(to, &out, sizeof(out));
	return e;
}

uint32_t p1_path_filestat_set_times(const struct wasm_instance *inst, uint32_t fd, uint32_t lookup,
				    uint32_t path, uint32_t path_len, uint64_t atim, uint64_t mtim,
				    uint32_t flags)
{
	struct p1_path p;
	struct mote_time t[2];
	uint32_t e = begin_path(inst, fd, WASI_RIGHT_PATH_FILESTAT_SET_TIMES, &p, path, path_len);
	if (!e)
		e = p1_set_times(t, atim, mtim, flags);
	if (e)
		return e;
	return p1_path_errno(mote_utimens(mote_area(), (int32_t)p.fd, p.at, p.len,
					  resolve_of(&p, lookup), &t[0], &t[1]));
}

uint32_t p1_path_readlink(const struct wasm_instance *inst, uint32_t fd, uint32_t path,
			  uint32_t path_len, uint32_t buf, uint32_t buf_len, uint32_t used)
{
	struct p1_path p;
	uint32_t e = begin_path(inst, fd, WASI_RIGHT_PATH_READLINK, &p, path, path_len);
	void *to = wasi_span(inst, buf, buf_len), *n = wasi_span(inst, used, sizeof(uint32_t));
	if (!e && (!to || !n))
		e = WASI_FAULT;
	if (e)
		return e;
	int64_t rc = mote_readlink(mote_area(), (int32_t)p.fd, p.at, p.len, p.resolve, to, buf_len);
	if (rc >= 0)
		wasi_store32(n, (uint32_t)rc);
	return p1_path_errno(rc);
}

/* --- changing directories --- */

uint32_t p1_path_create_directory(const struct wasm_instance *inst, uint32_t fd, uint32_t path,
				  uint32_t path_len)
{
	struct p1_path p;
	uint32_t e = begin_path(inst, fd, WASI_RIGHT_PATH_CREATE_DIRECTORY, &p, path, path_len);
	if (e)
		return e;
	return p1_path_errno(mote_mkdir(mote_area(), (int32_t)p.fd, p.at, p.len, p.resolve,
					0777 & ~wasi.boot->umask));
}

uint32_t p1_path_remove_directory(const struct wasm_instance *inst, uint32_t fd, uint32_t path,
				  uint32_t path_len)
{
	struct p1_path p;
	uint32_t e = begin_path(inst, fd, WASI_RIGHT_PATH_REMOVE_DIRECTORY, &p, path, path_len);
	if (e)
		return e;
	return p1_path_errno(
		mote_unlink(mote_area(), (int32_t)p.fd, p.at, p.len, p.resolve, AT_REMOVEDIR));
}

uint32_t p1_path_unlink_file(const struct wasm_instance *inst, uint32_t fd, uint32_t path,
			     uint32_t path_len)
{
	struct p1_path p;
	uint32_t e = begin_path(inst, fd, WASI_RIGHT_PATH_UNLINK_FILE, &p, path, path_len);
	if (e)
		return e;
	return p1_path_errno(mote_unlink(mote_area(), (int32_t)p.fd, p.at, p.len, p.resolve, 0));
}

/* A link to an absolute path would lead out of every directory that a program can have. */
uint32_t p1_path_symlink(const struct wasm_instance *inst, uint32_t target, uint32_t target_len,
			 uint32_t fd, uint32_t path, uint32_t path_len)
{
	struct p1_path p, t;
	uint32_t e = begin_path(inst, fd, WASI_RIGHT_PATH_SYMLINK, &p, path, path_len);
	if (!e)
		e = get_path(inst, &t, target, target_len);
	if (e)
		return e;
	if (t.len && t.at[0] == '/')
		return WASI_PERM;
	return p1_path_errno(
		mote_symlink(mote_area(), t.at, t.len, (int32_t)p.fd, p.at, p.len, p.resolve));
}

/* The host resolves both paths of a call in the same way. */
static uint32_t resolve_both(const struct p1_path *a, const struct p1_path *b)
{
	return a->resolve & b->resolve; /* BENEATH is 0 */
}

/* Whether a path leads out of its directory: what EXDEV means of two paths is not clear without. */
static bool escapes(const struct p1_path *p)
{
	struct mote_stat st;
	return mote_stat(mote_area(), (int32_t)p->fd, p->at, p->len, resolve_of(p, 0), &st) ==
	       -EXDEV;
}

static uint32_t two_paths_errno(int64_t rc, const struct p1_path *p, const struct p1_path *to)
{
	if (rc == -EXDEV && !escapes(p) && !escapes(to))
		return WASI_XDEV;
	return p1_path_errno(rc);
}

uint32_t p1_path_rename(const struct wasm_instance *inst, uint32_t old_fd, uint32_t old_path,
			uint32_t old_path_len, uint32_t new_fd, uint32_t new_path,
			uint32_t new_path_len)
{
	struct p1_path old, new;
	uint32_t e = begin_path(inst, old_fd, WASI_RIGHT_PATH_RENAME_SOURCE, &old, old_path,
				old_path_len);
	if (!e)
		e = begin_path(inst, new_fd, WASI_RIGHT_PATH_RENAME_TARGET, &new, new_path,
			       new_path_len);
	if (e)
		return e;
	int64_t rc = mote_rename(mote_area(), (int32_t)old.fd, old.at, old.len, (int32_t) new.fd,
				 new.at, new.len, resolve_both(&old, &new), 0);
	return two_paths_errno(rc, &old, &new);
}

uint32_t p1_path_link(const struct wasm_instance *inst, uint32_t old_fd, uint32_t old_lookup,
		      uint32_t old_path, uint32_t old_path_len, uint32_t new_fd, uint32_t new_path,
		      uint32_t new_path_len)
{
	struct p1_path old, new;
	uint32_t e =
		begin_path(inst, old_fd, WASI_RIGHT_PATH_LINK_SOURCE, &old, old_path, old_path_len);
	if (!e)
		e = begin_path(inst, new_fd, WASI_RIGHT_PATH_LINK_TARGET, &new, new_path,
			       new_path_len);
	if (e)
		return e;
	/* As everywhere: a link is made to a symlink itself, never to what that leads to. */
	if (old_lookup & WASI_LOOKUP_SYMLINK_FOLLOW)
		return WASI_INVAL;
	int64_t rc = mote_link(mote_area(), (int32_t)old.fd, old.at, old.len, (int32_t) new.fd,
			       new.at, new.len, resolve_both(&old, &new) | MOTE_RESOLVE_NOFOLLOW);
	return two_paths_errno(rc, &old, &new);
}

/* --- fd_readdir --- */

/*
 * A cookie is the number of entries before it. The host's are of 64 bits, and a program that keeps
 * one in a long, as telldir() does, would lose half of it. Continuing where the last call ended
 * takes the host's cookie from there; any other place is found by reading from the beginning.
 */
#define ENTRIES_BYTES 8192

struct listing {
	struct p1_fd *f;
	uint8_t *to; /* the program's buffer */
	uint64_t len, used;
	uint64_t first; /* the cookie asked for */
	uint64_t next;  /* cookies after the entry read last */
	int64_t next_host;
};

static void put(struct listing *l, const void *bytes, uint64_t n)
{
	if (n > l->len - l->used)
		n = l->len - l->used;
	memcpy(l->to + l->used, bytes, n);
	l->used += n;
}

/* DT_* are S_IF* >> 12. */
static uint8_t filetype_of_entry(uint8_t type)
{
	return p1_filetype(resource_type_of_mode((uint32_t)type << 12));
}

/* Entries in the host's order; the last one is cut at the end of the program's buffer. */
static void put_entries(struct listing *l, const uint8_t *entries, uint64_t bytes)
{
	for (uint64_t at = 0; at < bytes && l->used < l->len;) {
		const struct mote_dirent *from = (const void *)(entries + at);
		at += from->reclen;
		l->next_host = from->cookie;
		if (l->next++ < l->first)
			continue;
		struct wasi_dirent d = {
			.next = l->next,
			.ino = from->ino,
			.namlen = (uint32_t)strlen(from->name),
			.type = filetype_of_entry(from->type),
		};
		bool whole = sizeof(d) + d.namlen <= l->len - l->used;
		put(l, &d, sizeof(d));
		put(l, from->name, d.namlen);
		if (whole) {
			l->f->listed = l->next;
			l->f->listed_host = l->next_host;
		}
	}
}

static uint32_t list_directory(struct listing *l, uint32_t fd)
{
	static uint64_t entries[ENTRIES_BYTES / sizeof(uint64_t)];
	if (l->first == l->f->listed) {
		l->next = l->f->listed;
		l->next_host = l->f->listed_host;
	}
	while (l->used < l->len) {
		/* About as much as fits: what does not is read again. */
		uint64_t want = l->len - l->used;
		if (want < 512)
			want = 512;
		if (want > ENTRIES_BYTES || l->next < l->first)
			want = ENTRIES_BYTES;
		int64_t rc = mote_readdir(mote_area(), (int32_t)fd, l->next_host, entries, want);
		if (rc <= 0)
			return p1_errno(rc);
		put_entries(l, (const uint8_t *)entries, (uint64_t)rc);
	}
	return WASI_SUCCESS;
}

uint32_t p1_fd_readdir(const struct wasm_instance *inst, uint32_t fd, uint32_t buf,
		       uint32_t buf_len, uint64_t cookie, uint32_t used)
{
	struct p1_fd *f;
	uint32_t e = p1_fd_get(fd, 0, &f);
	if (!e && p1_is_no_directory(f))
		return WASI_NOTDIR;
	if (!e)
		e = p1_fd_get(fd, WASI_RIGHT_FD_READDIR, &f);
	struct listing l = {
		.f = f,
		.to = wasi_span(inst, buf, buf_len),
		.len = buf_len,
		.first = cookie,
	};
	void *n = wasi_span(inst, used, sizeof(uint32_t));
	if (!e && (!l.to || !n))
		e = WASI_FAULT;
	if (!e)
		e = list_directory(&l, fd);
	if (!e)
		wasi_store32(n, (uint32_t)l.used);
	return e;
}
