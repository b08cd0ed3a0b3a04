/* SPDX-License-Identifier: Apache-2.0 */
/*
 * path_* and fd_readdir. The host resolves every path below the directory's descriptor and lets
 * none leave it; here are rights, flags and the errors that WASI programs expect.
 */
#include "guest/wasi/wasi.h"

#define LX_EXDEV 18
#define LX_AT_REMOVEDIR 0x200
#define PATH_BYTES_MAX 4096 /* the host refuses longer ones */

/* A path in linear memory, handed to the host as it is: the host copies it once and bounds it. */
struct path {
	const char *at;
	uint64_t len;
	uint32_t resolve; /* MOTE_RESOLVE_BENEATH or MOTE_RESOLVE_IN_ROOT */
};

/* Whether a path stays below where it starts, as far as its own words go: neither absolute nor too
 * many `..`. */
static bool stays_inside(const struct path *p)
{
	uint64_t depth = 0;
	if (p->len == 0 || p->len > PATH_BYTES_MAX || p->at[0] == '/')
		return false;
	for (uint64_t i = 0, end; i < p->len; i = end + 1) {
		for (end = i; end < p->len && p->at[end] != '/';)
			end++;
		if (end - i == 2 && p->at[i] == '.' && p->at[i + 1] == '.') {
			if (depth-- == 0)
				return false;
		} else if (end > i && !(end - i == 1 && p->at[i] == '.')) {
			depth++;
		}
	}
	return true;
}

/*
 * Below the program's "/" a symlink is followed as Linux does it: an absolute one begins there, and
 * its
 * `..` is itself. Images are full of such links. Everywhere else they lead out and are refused.
 */
static uint32_t resolve_below(const struct wasi_fd *dir, const struct path *p)
{
	bool root = dir->preopen && strcmp(dir->preopen, "/") == 0;
	return root && stays_inside(p) ? MOTE_RESOLVE_IN_ROOT : MOTE_RESOLVE_BENEATH;
}

static uint32_t get_path(struct wasm_instance *inst, struct path *p, uint32_t at, uint32_t len)
{
	*p = (struct path){.at = wasi_span(inst, at, len), .len = len};
	return p->at ? WASI_SUCCESS : WASI_FAULT;
}

/* The directory with its rights, then the path. */
static uint32_t begin(struct wasm_instance *inst, uint32_t fd, uint64_t rights, struct path *p,
		      uint32_t at, uint32_t len)
{
	struct wasi_fd *f;
	uint32_t e = wasi_fd_get(fd, 0, &f);
	if (!e && f->type != WASI_TYPE_UNSEEN && f->type != WASI_FILETYPE_DIRECTORY)
		return WASI_NOTDIR;
	if (!e)
		e = wasi_fd_get(fd, rights, &f);
	if (!e)
		e = get_path(inst, p, at, len);
	if (!e)
		p->resolve = resolve_below(f, p);
	return e;
}

static uint32_t resolve_of(const struct path *p, uint32_t lookup)
{
	return p->resolve | (lookup & WASI_LOOKUP_SYMLINK_FOLLOW ? 0 : MOTE_RESOLVE_NOFOLLOW);
}

/* --- opening --- */

static uint32_t host_open_flags(uint32_t oflags, uint64_t base, uint32_t fdflags)
{
	/* Who cuts a file opens it for writing, whether or not the program may write then. */
	bool writes = base & WASI_RIGHT_FD_WRITE || oflags & WASI_OFLAG_TRUNC;
	uint32_t flags = !writes		     ? LX_O_RDONLY
			 : base & WASI_RIGHT_FD_READ ? LX_O_RDWR
						     : LX_O_WRONLY;
	return flags | (oflags & WASI_OFLAG_CREAT ? LX_O_CREAT : 0) |
	       (oflags & WASI_OFLAG_EXCL ? LX_O_EXCL : 0) |
	       (oflags & WASI_OFLAG_TRUNC ? LX_O_TRUNC : 0) |
	       (oflags & WASI_OFLAG_DIRECTORY ? LX_O_DIRECTORY : 0) |
	       (fdflags & WASI_FDFLAG_APPEND ? LX_O_APPEND : 0) |
	       (fdflags & WASI_FDFLAG_NONBLOCK ? LX_O_NONBLOCK : 0) |
	       (fdflags & WASI_FDFLAG_DSYNC ? LX_O_DSYNC : 0) |
	       (fdflags & (WASI_FDFLAG_SYNC | WASI_FDFLAG_RSYNC) ? LX_O_SYNC : 0);
}

/* What the directory itself must allow for such an open. */
static uint64_t rights_to_open(uint32_t oflags)
{
	return WASI_RIGHT_PATH_OPEN |
	       (oflags & WASI_OFLAG_CREAT ? WASI_RIGHT_PATH_CREATE_FILE : 0) |
	       (oflags & WASI_OFLAG_TRUNC ? WASI_RIGHT_PATH_FILESTAT_SET_SIZE : 0);
}

/* What its inheriting rights must hold besides what is asked for. */
static uint64_t rights_to_inherit(uint32_t fdflags)
{
	return (fdflags & WASI_FDFLAG_DSYNC ? WASI_RIGHT_FD_DATASYNC : 0) |
	       (fdflags & (WASI_FDFLAG_SYNC | WASI_FDFLAG_RSYNC) ? WASI_RIGHT_FD_SYNC : 0);
}

uint32_t wasi_path_open(struct wasm_instance *inst, uint32_t fd, uint32_t lookup, uint32_t path,
			uint32_t path_len, uint32_t oflags, uint64_t base, uint64_t inheriting,
			uint32_t fdflags, uint32_t opened)
{
	struct path p;
	struct wasi_fd *dir;
	uint32_t e = begin(inst, fd, rights_to_open(oflags), &p, path, path_len);
	void *to = wasi_span(inst, opened, sizeof(uint32_t));
	if (!e)
		e = wasi_fd_get(fd, 0, &dir);
	if (e || !to)
		return e ? e : WASI_FAULT;
	if (oflags & ~(uint32_t)WASI_OFLAGS_ALL || fdflags & ~(uint32_t)WASI_FDFLAGS_ALL)
		return WASI_INVAL;
	base &= WASI_RIGHTS_ALL;
	inheriting &= WASI_RIGHTS_ALL;
	if ((base | inheriting | rights_to_inherit(fdflags)) & ~dir->inheriting)
		return WASI_NOTCAPABLE;
	int64_t rc = mote_open(wasi_area, (int32_t)fd, p.at, p.len, resolve_of(&p, lookup),
			       host_open_flags(oflags, base, fdflags), 0666);
	struct wasi_fd f = {
		.open = true,
		.type = WASI_TYPE_UNSEEN,
		.fdflags = (uint8_t)fdflags,
		.base = base,
		.inheriting = inheriting,
	};
	if (oflags & WASI_OFLAG_DIRECTORY)
		wasi_fd_seen(&f, LX_S_IFDIR);
	e = wasi_fd_add(rc, &f);
	if (!e)
		wasi_put32(to, (uint32_t)rc);
	return e;
}

/* --- what a path leads to --- */

uint32_t wasi_path_filestat_get(struct wasm_instance *inst, uint32_t fd, uint32_t lookup,
				uint32_t path, uint32_t path_len, uint32_t stat)
{
	struct path p;
	struct mote_stat st;
	struct wasi_filestat out;
	uint32_t e = begin(inst, fd, WASI_RIGHT_PATH_FILESTAT_GET, &p, path, path_len);
	void *to = wasi_span(inst, stat, sizeof(out));
	if (e || !to)
		return e ? e : WASI_FAULT;
	int64_t rc = mote_stat(wasi_area, (int32_t)fd, p.at, p.len, resolve_of(&p, lookup), &st);
	if (rc < 0)
		return wasi_path_errno(rc);
	wasi_filestat(&out, &st);
	memcpy(to, &out, sizeof(out));
	return WASI_SUCCESS;
}

uint32_t wasi_path_filestat_set_times(struct wasm_instance *inst, uint32_t fd, uint32_t lookup,
				      uint32_t path, uint32_t path_len, uint64_t atim,
				      uint64_t mtim, uint32_t flags)
{
	struct path p;
	struct mote_time t[2];
	uint32_t e = begin(inst, fd, WASI_RIGHT_PATH_FILESTAT_SET_TIMES, &p, path, path_len);
	if (!e)
		e = wasi_set_times(t, atim, mtim, flags);
	if (e)
		return e;
	return wasi_path_errno(mote_utimens(wasi_area, (int32_t)fd, p.at, p.len,
					    resolve_of(&p, lookup), &t[0], &t[1]));
}

uint32_t wasi_path_readlink(struct wasm_instance *inst, uint32_t fd, uint32_t path,
			    uint32_t path_len, uint32_t buf, uint32_t buf_len, uint32_t used)
{
	struct path p;
	uint32_t e = begin(inst, fd, WASI_RIGHT_PATH_READLINK, &p, path, path_len);
	void *to = wasi_span(inst, buf, buf_len), *n = wasi_span(inst, used, sizeof(uint32_t));
	if (e || !to || !n)
		return e ? e : WASI_FAULT;
	int64_t rc = mote_readlink(wasi_area, (int32_t)fd, p.at, p.len, p.resolve, to, buf_len);
	if (rc >= 0)
		wasi_put32(n, (uint32_t)rc);
	return wasi_path_errno(rc);
}

/* --- changing directories --- */

uint32_t wasi_path_create_directory(struct wasm_instance *inst, uint32_t fd, uint32_t path,
				    uint32_t path_len)
{
	struct path p;
	uint32_t e = begin(inst, fd, WASI_RIGHT_PATH_CREATE_DIRECTORY, &p, path, path_len);
	return e ? e
		 : wasi_path_errno(
			   mote_mkdir(wasi_area, (int32_t)fd, p.at, p.len, p.resolve, 0777));
}

uint32_t wasi_path_remove_directory(struct wasm_instance *inst, uint32_t fd, uint32_t path,
				    uint32_t path_len)
{
	struct path p;
	uint32_t e = begin(inst, fd, WASI_RIGHT_PATH_REMOVE_DIRECTORY, &p, path, path_len);
	if (e)
		return e;
	return wasi_path_errno(
		mote_unlink(wasi_area, (int32_t)fd, p.at, p.len, p.resolve, LX_AT_REMOVEDIR));
}

uint32_t wasi_path_unlink_file(struct wasm_instance *inst, uint32_t fd, uint32_t path,
			       uint32_t path_len)
{
	struct path p;
	uint32_t e = begin(inst, fd, WASI_RIGHT_PATH_UNLINK_FILE, &p, path, path_len);
	return e ? e
		 : wasi_path_errno(mote_unlink(wasi_area, (int32_t)fd, p.at, p.len, p.resolve, 0));
}

/* A link to an absolute path would lead out of every directory that a program can have. */
uint32_t wasi_path_symlink(struct wasm_instance *inst, uint32_t target, uint32_t target_len,
			   uint32_t fd, uint32_t path, uint32_t path_len)
{
	struct path p, t;
	uint32_t e = begin(inst, fd, WASI_RIGHT_PATH_SYMLINK, &p, path, path_len);
	if (!e)
		e = get_path(inst, &t, target, target_len);
	if (e)
		return e;
	if (t.len && t.at[0] == '/')
		return WASI_PERM;
	return wasi_path_errno(
		mote_symlink(wasi_area, t.at, t.len, (int32_t)fd, p.at, p.len, p.resolve));
}

/* The host resolves both paths of a call in the same way. */
static uint32_t resolve_both(const struct path *a, const struct path *b)
{
	return a->resolve & b->resolve; /* BENEATH is 0 */
}

/* Whether a path leads out of its directory: what EXDEV means of two paths is not clear without. */
static bool escapes(uint32_t fd, const struct path *p)
{
	struct mote_stat st;
	return mote_stat(wasi_area, (int32_t)fd, p->at, p->len, resolve_of(p, 0), &st) == -LX_EXDEV;
}

static uint32_t two_paths_errno(int64_t rc, uint32_t fd, const struct path *p, uint32_t to_fd,
				const struct path *to)
{
	if (rc == -LX_EXDEV && !escapes(fd, p) && !escapes(to_fd, to))
		return WASI_XDEV;
	return wasi_path_errno(rc);
}

uint32_t wasi_path_rename(struct wasm_instance *inst, uint32_t old_fd, uint32_t old_path,
			  uint32_t old_path_len, uint32_t new_fd, uint32_t new_path,
			  uint32_t new_path_len)
{
	struct path old, new;
	uint32_t e =
		begin(inst, old_fd, WASI_RIGHT_PATH_RENAME_SOURCE, &old, old_path, old_path_len);
	if (!e)
		e = begin(inst, new_fd, WASI_RIGHT_PATH_RENAME_TARGET, &new, new_path,
			  new_path_len);
	if (e)
		return e;
	int64_t rc = mote_rename(wasi_area, (int32_t)old_fd, old.at, old.len, (int32_t)new_fd,
				 new.at, new.len, resolve_both(&old, &new), 0);
	return two_paths_errno(rc, old_fd, &old, new_fd, &new);
}

uint32_t wasi_path_link(struct wasm_instance *inst, uint32_t old_fd, uint32_t old_lookup,
			uint32_t old_path, uint32_t old_path_len, uint32_t new_fd,
			uint32_t new_path, uint32_t new_path_len)
{
	struct path old, new;
	uint32_t e = begin(inst, old_fd, WASI_RIGHT_PATH_LINK_SOURCE, &old, old_path, old_path_len);
	if (!e)
		e = begin(inst, new_fd, WASI_RIGHT_PATH_LINK_TARGET, &new, new_path, new_path_len);
	if (e)
		return e;
	/* As everywhere: a link is made to a symlink itself, never to what that leads to. */
	if (old_lookup & WASI_LOOKUP_SYMLINK_FOLLOW)
		return WASI_INVAL;
	int64_t rc = mote_link(wasi_area, (int32_t)old_fd, old.at, old.len, (int32_t)new_fd, new.at,
			       new.len, resolve_both(&old, &new) | MOTE_RESOLVE_NOFOLLOW);
	return two_paths_errno(rc, old_fd, &old, new_fd, &new);
}

/* --- fd_readdir --- */

/*
 * A cookie is the number of entries before it. The host's are of 64 bits, and a program that keeps
 * one in a long, as telldir() does, would lose half of it. Going on where the last call ended takes
 * the host's cookie from there; any other place is found by reading from the beginning.
 */
#define ENTRIES_BYTES 8192

struct listing {
	struct wasi_fd *f;
	uint8_t *to; /* the program's buffer */
	uint64_t len, used;
	uint64_t first; /* the cookie asked for */
	uint64_t next;	/* cookies after the entry read last */
	int64_t next_host;
};

static void put(struct listing *l, const void *bytes, uint64_t n)
{
	if (n > l->len - l->used)
		n = l->len - l->used;
	memcpy(l->to + l->used, bytes, n);
	l->used += n;
}

/* Entries as the host gives them; the last one is cut where the program's buffer ends. */
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
			.type = wasi_filetype((uint32_t)from->type
					      << 12), /* DT_* are S_IF* >> 12 */
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

static uint32_t list(struct listing *l, uint32_t fd)
{
	static uint64_t entries[ENTRIES_BYTES / sizeof(uint64_t)];
	if (l->first == l->f->listed) {
		l->next = l->f->listed;
		l->next_host = l->f->listed_host;
	}
	while (l->used < l->len) {
		/* No more than fits by and large: what does not is read again. */
		uint64_t want = l->len - l->used < 512 ? 512 : l->len - l->used;
		if (want > ENTRIES_BYTES || l->next < l->first)
			want = ENTRIES_BYTES;
		int64_t rc = mote_readdir(wasi_area, (int32_t)fd, l->next_host, entries, want);
		if (rc <= 0)
			return wasi_errno(rc);
		put_entries(l, (const uint8_t *)entries, (uint64_t)rc);
	}
	return WASI_SUCCESS;
}

uint32_t wasi_fd_readdir(struct wasm_instance *inst, uint32_t fd, uint32_t buf, uint32_t buf_len,
			 uint64_t cookie, uint32_t used)
{
	struct wasi_fd *f;
	uint32_t e = wasi_fd_get(fd, 0, &f);
	if (!e && f->type != WASI_TYPE_UNSEEN && f->type != WASI_FILETYPE_DIRECTORY)
		return WASI_NOTDIR;
	if (!e)
		e = wasi_fd_get(fd, WASI_RIGHT_FD_READDIR, &f);
	struct listing l = {
		.f = f, .to = wasi_span(inst, buf, buf_len), .len = buf_len, .first = cookie};
	void *n = wasi_span(inst, used, sizeof(uint32_t));
	if (e || !l.to || !n)
		return e ? e : WASI_FAULT;
	e = list(&l, fd);
	if (!e)
		wasi_put32(n, (uint32_t)l.used);
	return e;
}
