/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Descriptors. The host keeps the open files and hands out their numbers, lowest first; here is
 * what WASI adds to each: rights, type and the paths of directories given at the start.
 */
#include "guest/wasi/wasi.h"

#include "guest/wasi/space.h"

#define FDS_FIRST 64
#define FDS_MAX 131072 /* as many as the host has at most */

#define LX_SOL_SOCKET 1
#define LX_SO_TYPE 3
#define LX_SOCK_DGRAM 2

#define RIGHTS_ANY                                                                                 \
	(WASI_RIGHT_FD_READ | WASI_RIGHT_FD_WRITE | WASI_RIGHT_FD_FDSTAT_SET_FLAGS |               \
	 WASI_RIGHT_FD_FILESTAT_GET | WASI_RIGHT_POLL_FD_READWRITE)
#define RIGHTS_SEEKABLE (RIGHTS_ANY | WASI_RIGHT_FD_SEEK | WASI_RIGHT_FD_TELL)
#define RIGHTS_SOCKET (RIGHTS_ANY | WASI_RIGHT_SOCK_SHUTDOWN | WASI_RIGHT_SOCK_ACCEPT)
#define RIGHTS_FILE                                                                                \
	(RIGHTS_SEEKABLE | WASI_RIGHT_FD_DATASYNC | WASI_RIGHT_FD_SYNC | WASI_RIGHT_FD_ADVISE |    \
	 WASI_RIGHT_FD_ALLOCATE | WASI_RIGHT_FD_FILESTAT_SET_SIZE |                                \
	 WASI_RIGHT_FD_FILESTAT_SET_TIMES)
#define RIGHTS_DIRECTORY                                                                           \
	(WASI_RIGHT_FD_FDSTAT_SET_FLAGS | WASI_RIGHT_FD_DATASYNC | WASI_RIGHT_FD_SYNC |            \
	 WASI_RIGHT_PATH_CREATE_DIRECTORY | WASI_RIGHT_PATH_CREATE_FILE |                          \
	 WASI_RIGHT_PATH_LINK_SOURCE | WASI_RIGHT_PATH_LINK_TARGET | WASI_RIGHT_PATH_OPEN |        \
	 WASI_RIGHT_FD_READDIR | WASI_RIGHT_PATH_READLINK | WASI_RIGHT_PATH_RENAME_SOURCE |        \
	 WASI_RIGHT_PATH_RENAME_TARGET | WASI_RIGHT_PATH_FILESTAT_GET |                            \
	 WASI_RIGHT_PATH_FILESTAT_SET_SIZE | WASI_RIGHT_PATH_FILESTAT_SET_TIMES |                  \
	 WASI_RIGHT_FD_FILESTAT_GET | WASI_RIGHT_FD_FILESTAT_SET_TIMES | WASI_RIGHT_PATH_SYMLINK | \
	 WASI_RIGHT_PATH_REMOVE_DIRECTORY | WASI_RIGHT_PATH_UNLINK_FILE |                          \
	 WASI_RIGHT_POLL_FD_READWRITE)

/* In the image at first; a program that opens more gets a table in memory of its own. */
static struct wasi_fd first[FDS_FIRST];
static struct wasi_fd *fds = first;
static uint32_t fds_len = FDS_FIRST;

static int grow(uint32_t need)
{
	uint32_t len = fds_len;
	while (len <= need)
		len *= 2;
	uint64_t held = fds == first ? 0 : fds_len * sizeof(*fds), bytes = len * sizeof(*fds);
	if (len > FDS_MAX || mote_mem_map(wasi_area, SPACE_FDS + held, bytes - held,
					  MOTE_PROT_READ | MOTE_PROT_WRITE) < 0)
		return -1;
	if (fds == first) {
		fds = (struct wasi_fd *)SPACE_FDS;
		memcpy(fds, first, sizeof(first));
	}
	fds_len = len;
	return 0;
}

void wasi_fds_init(void)
{
	const char *info = (const char *)wasi_boot;
	const struct mote_preopen *p = (const void *)(info + wasi_boot->preopens);
	for (uint32_t fd = 3; fd < fds_len; fd++)
		if (fds[fd].open) /* from before a snapshot */
			wasi_fd_forget(fd);
	for (uint32_t fd = 0; fd < 3; fd++)
		fds[fd] = (struct wasi_fd){
			.open = true, .type = WASI_TYPE_UNSEEN, .base = WASI_RIGHTS_ALL};
	for (uint32_t i = 0; i < wasi_boot->preopenc; i++) {
		if (p[i].fd >= fds_len && grow(p[i].fd) < 0)
			continue;
		bool dir = p[i].kind != MOTE_PREOPEN_LISTENER;
		fds[p[i].fd] = (struct wasi_fd){
			.open = true,
			.type = dir ? WASI_FILETYPE_DIRECTORY : WASI_FILETYPE_SOCKET_STREAM,
			.base = dir ? RIGHTS_DIRECTORY : RIGHTS_SOCKET,
			.inheriting = dir ? WASI_RIGHTS_ALL : 0,
			.preopen = dir ? info + p[i].path : NULL,
		};
	}
}

/*
 * Without a right to read or write, a descriptor behaves like one that was not opened for it
 * (EBADF); reading a directory as a file is a mistake of its own kind.
 */
static uint32_t missing(const struct wasi_fd *f, uint64_t rights)
{
	uint64_t lacking = rights & ~f->base;
	if (!lacking)
		return WASI_SUCCESS;
	if (f->type == WASI_FILETYPE_DIRECTORY && lacking & ~RIGHTS_DIRECTORY & RIGHTS_FILE)
		return lacking & WASI_RIGHT_FD_WRITE ? WASI_BADF : WASI_ISDIR;
	return lacking & (WASI_RIGHT_FD_READ | WASI_RIGHT_FD_WRITE) ? WASI_BADF : WASI_NOTCAPABLE;
}

uint32_t wasi_fd_get(uint32_t fd, uint64_t rights, struct wasi_fd **out)
{
	if (fd >= fds_len || !fds[fd].open)
		return WASI_BADF;
	*out = &fds[fd];
	return missing(*out, rights);
}

uint32_t wasi_fd_add(int64_t fd, const struct wasi_fd *entry)
{
	if (fd < 0)
		return wasi_path_errno(fd);
	if (fd >= FDS_MAX || (fd >= fds_len && grow((uint32_t)fd) < 0)) {
		(void)mote_close(wasi_area, (int32_t)fd);
		return WASI_MFILE;
	}
	fds[fd] = *entry;
	return WASI_SUCCESS;
}

void wasi_fd_forget(uint32_t fd)
{
	fds[fd].open = false;
}

static void settle(struct wasi_fd *f, uint8_t type, uint64_t rights)
{
	f->type = type;
	f->base &= rights;
	if (type != WASI_FILETYPE_DIRECTORY)
		f->inheriting = 0;
}

void wasi_fd_seen(struct wasi_fd *f, uint32_t mode)
{
	if (f->type != WASI_TYPE_UNSEEN)
		return;
	uint8_t type = wasi_filetype(mode);
	if (type == WASI_FILETYPE_REGULAR_FILE)
		settle(f, type, RIGHTS_FILE);
	else if (type == WASI_FILETYPE_DIRECTORY)
		settle(f, type, RIGHTS_DIRECTORY);
	else if (type == WASI_FILETYPE_UNKNOWN)
		settle(f, type, RIGHTS_ANY);
}

uint32_t wasi_fd_see(uint32_t fd, struct wasi_fd *f)
{
	if (f->type != WASI_TYPE_UNSEEN)
		return WASI_SUCCESS;
	struct mote_stat st;
	int64_t rc = mote_fstat(wasi_area, (int32_t)fd, &st);
	if (rc < 0)
		return wasi_errno(rc);
	wasi_fd_seen(f, st.mode);
	uint8_t type = wasi_filetype(st.mode);
	if (type == WASI_FILETYPE_SOCKET_STREAM) {
		int32_t kind = 0;
		rc = mote_sock_getopt(wasi_area, (int32_t)fd, LX_SOL_SOCKET, LX_SO_TYPE, &kind,
				      sizeof(kind));
		settle(f, rc >= 0 && kind == LX_SOCK_DGRAM ? WASI_FILETYPE_SOCKET_DGRAM : type,
		       RIGHTS_SOCKET);
	} else if (f->type == WASI_TYPE_UNSEEN) {
		/* A terminal is what cannot be sought: C libraries tell it by that. */
		struct mote_termios t;
		bool terminal = mote_tty_get(wasi_area, (int32_t)fd, &t) == 0;
		settle(f, type, terminal ? RIGHTS_ANY : RIGHTS_SEEKABLE);
	}
	return WASI_SUCCESS;
}

uint32_t wasi_fd_close(struct wasm_instance *inst, uint32_t fd)
{
	(void)inst;
	struct wasi_fd *f;
	uint32_t e = wasi_fd_get(fd, 0, &f);
	if (e)
		return e;
	wasi_fd_forget(fd);
	return wasi_errno(mote_close(wasi_area, (int32_t)fd));
}

/* `to` must be open: a number can be taken over, not invented. */
uint32_t wasi_fd_renumber(struct wasm_instance *inst, uint32_t fd, uint32_t to)
{
	(void)inst;
	struct wasi_fd *f, *t;
	uint32_t e = wasi_fd_get(fd, 0, &f);
	if (!e)
		e = wasi_fd_get(to, 0, &t);
	if (e || fd == to)
		return e;
	int64_t rc = mote_dup_to(wasi_area, (int32_t)fd, (int32_t)to);
	if (rc < 0)
		return wasi_errno(rc);
	*t = *f;
	wasi_fd_forget(fd);
	return wasi_errno(mote_close(wasi_area, (int32_t)fd));
}

uint32_t wasi_fd_prestat_get(struct wasm_instance *inst, uint32_t fd, uint32_t prestat)
{
	struct wasi_fd *f;
	uint32_t e = wasi_fd_get(fd, 0, &f);
	if (e || !f->preopen)
		return WASI_BADF;
	struct wasi_prestat p = {.name_len = (uint32_t)strlen(f->preopen)};
	void *to = wasi_span(inst, prestat, sizeof(p));
	if (!to)
		return WASI_FAULT;
	memcpy(to, &p, sizeof(p));
	return WASI_SUCCESS;
}

uint32_t wasi_fd_prestat_dir_name(struct wasm_instance *inst, uint32_t fd, uint32_t path,
				  uint32_t path_len)
{
	struct wasi_fd *f;
	uint32_t e = wasi_fd_get(fd, 0, &f);
	if (e || !f->preopen)
		return WASI_BADF;
	size_t len = strlen(f->preopen);
	if (path_len < len)
		return WASI_NAMETOOLONG;
	void *to = wasi_span(inst, path, len);
	if (!to)
		return WASI_FAULT;
	memcpy(to, f->preopen, len);
	return WASI_SUCCESS;
}

uint32_t wasi_fd_fdstat_get(struct wasm_instance *inst, uint32_t fd, uint32_t stat)
{
	struct wasi_fd *f;
	void *to = wasi_span(inst, stat, sizeof(struct wasi_fdstat));
	uint32_t e = wasi_fd_get(fd, 0, &f);
	if (!e)
		e = to ? wasi_fd_see(fd, f) : WASI_FAULT;
	if (e)
		return e;
	struct wasi_fdstat s = {
		.filetype = f->type,
		.flags = f->fdflags,
		.rights_base = f->base,
		.rights_inheriting = f->inheriting,
	};
	memcpy(to, &s, sizeof(s));
	return WASI_SUCCESS;
}

/* The synchronous modes are chosen when a file is opened; Linux cannot change them later. */
uint32_t wasi_fd_fdstat_set_flags(struct wasm_instance *inst, uint32_t fd, uint32_t flags)
{
	(void)inst;
	const uint32_t fixed = WASI_FDFLAG_DSYNC | WASI_FDFLAG_RSYNC | WASI_FDFLAG_SYNC;
	struct wasi_fd *f;
	uint32_t e = wasi_fd_get(fd, WASI_RIGHT_FD_FDSTAT_SET_FLAGS, &f);
	if (e)
		return e;
	if (flags & ~(uint32_t)WASI_FDFLAGS_ALL || (flags & fixed) != (f->fdflags & fixed))
		return WASI_INVAL;
	uint32_t host = (flags & WASI_FDFLAG_APPEND ? LX_O_APPEND : 0) |
			(flags & WASI_FDFLAG_NONBLOCK ? LX_O_NONBLOCK : 0);
	int64_t rc = mote_set_flags(wasi_area, (int32_t)fd, host);
	if (rc < 0)
		return wasi_errno(rc);
	f->fdflags = (uint8_t)flags;
	return WASI_SUCCESS;
}

/* Rights can only be given up. */
uint32_t wasi_fd_fdstat_set_rights(struct wasm_instance *inst, uint32_t fd, uint64_t base,
				   uint64_t inheriting)
{
	(void)inst;
	struct wasi_fd *f;
	uint32_t e = wasi_fd_get(fd, 0, &f);
	if (!e)
		e = wasi_fd_see(fd, f);
	if (e)
		return e;
	if (base & ~f->base || inheriting & ~f->inheriting)
		return WASI_NOTCAPABLE;
	f->base = base;
	f->inheriting = inheriting;
	return WASI_SUCCESS;
}
