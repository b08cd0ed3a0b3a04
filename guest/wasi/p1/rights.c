/* SPDX-License-Identifier: Apache-2.0 */
/* The rights of descriptors: preview 1's own table, next to that of the resources. */
#include "guest/wasi/host/fd_array.h"
#include "guest/wasi/p1/p1.h"
#include "guest/wasi/space.h"

#define RIGHTS_ANY                                                                   \
	(WASI_RIGHT_FD_READ | WASI_RIGHT_FD_WRITE | WASI_RIGHT_FD_FDSTAT_SET_FLAGS | \
	 WASI_RIGHT_FD_FILESTAT_GET | WASI_RIGHT_POLL_FD_READWRITE)
#define RIGHTS_SEEKABLE (RIGHTS_ANY | WASI_RIGHT_FD_SEEK | WASI_RIGHT_FD_TELL)
#define RIGHTS_SOCKET   (RIGHTS_ANY | WASI_RIGHT_SOCK_SHUTDOWN | WASI_RIGHT_SOCK_ACCEPT)
#define RIGHTS_FILE                                                                             \
	(RIGHTS_SEEKABLE | WASI_RIGHT_FD_DATASYNC | WASI_RIGHT_FD_SYNC | WASI_RIGHT_FD_ADVISE | \
	 WASI_RIGHT_FD_ALLOCATE | WASI_RIGHT_FD_FILESTAT_SET_SIZE |                             \
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

/* What is left of a descriptor's rights once its type is known. */
static const uint64_t rights_of_type[RESOURCE_TYPES] = {
	[RESOURCE_UNKNOWN] = WASI_RIGHTS_ALL,
	[RESOURCE_REGULAR_FILE] = RIGHTS_FILE,
	[RESOURCE_DIRECTORY] = RIGHTS_DIRECTORY,
	[RESOURCE_SYMLINK] = RIGHTS_SEEKABLE,
	[RESOURCE_TERMINAL] = RIGHTS_ANY, /* cannot be sought: C libraries tell it by that */
	[RESOURCE_CHARACTER_DEVICE] = RIGHTS_SEEKABLE,
	[RESOURCE_BLOCK_DEVICE] = RIGHTS_SEEKABLE,
	[RESOURCE_STREAM_SOCKET] = RIGHTS_SOCKET,
	[RESOURCE_DATAGRAM_SOCKET] = RIGHTS_SOCKET,
	[RESOURCE_OTHER] = RIGHTS_ANY,
};

_Static_assert(SPACE_P1_FDS + FD_ARRAY_MAX * sizeof(struct p1_fd) <= SPACE_FDS_END,
	       "the table fits");

static struct p1_fd first[FD_ARRAY_FIRST];
static struct fd_array table = FD_ARRAY(first, SPACE_P1_FDS);

static void drop_meaningless_rights(struct p1_fd *f)
{
	const enum resource_type type = f->resource->type;
	f->base &= rights_of_type[type];
	if (type != RESOURCE_UNKNOWN && type != RESOURCE_DIRECTORY)
		f->inheriting = 0;
}

static void add_open_at_start(uint32_t fd)
{
	const struct resource *r = resource_get(fd);
	if (!r)
		return;
	struct p1_fd *f = fd_array_extend(&table, fd);
	if (!f) {
		resource_forget(fd);
		return;
	}
	*f = (struct p1_fd){.base = rights_of_type[r->type]};
	if (r->preopen)
		f->inheriting = WASI_RIGHTS_ALL;
}

void p1_fds_init(void)
{
	const struct mote_preopen *p = (const void *)wasi_boot_string(wasi.boot->preopens);
	resources_init();
	p1_cwd_init();
	for (uint32_t fd = 0; fd < RESOURCES_STDIO; fd++)
		add_open_at_start(fd);
	for (uint32_t i = 0; i < wasi.boot->preopenc; i++)
		add_open_at_start(p[i].fd);
}

/*
 * Without a right to read or write, a descriptor behaves like one that was not opened for it
 * (EBADF); reading a directory as a file has an error of its own.
 */
static uint32_t lacks(const struct p1_fd *f, uint64_t rights)
{
	const uint64_t lacking = rights & ~f->base;
	if (!lacking)
		return WASI_SUCCESS;
	if (lacking & WASI_RIGHT_FD_WRITE)
		return WASI_BADF;
	if (f->resource->type == RESOURCE_DIRECTORY && lacking & ~RIGHTS_DIRECTORY & RIGHTS_FILE)
		return WASI_ISDIR;
	if (lacking & WASI_RIGHT_FD_READ)
		return WASI_BADF;
	return WASI_NOTCAPABLE;
}

uint32_t p1_fd_get(uint32_t fd, uint64_t rights, struct p1_fd **out)
{
	struct resource *r = resource_get(fd);
	struct p1_fd *f = fd_array_at(&table, fd);
	if (!r || !f)
		return WASI_BADF;
	f->resource = r;
	*out = f;
	return lacks(f, rights);
}

uint32_t p1_fd_add(int64_t fd, enum resource_type type, const struct p1_fd *entry)
{
	const struct resource r = {.open = true, .type = (uint8_t)type};
	if (fd < 0)
		return p1_path_errno(fd);
	struct p1_fd *f = NULL;
	if (fd < FD_ARRAY_MAX)
		f = fd_array_extend(&table, (uint32_t)fd);
	if (!f || !resource_add((uint32_t)fd, &r)) {
		(void)mote_close(mote_area(), (int32_t)fd);
		return WASI_MFILE;
	}
	*f = *entry;
	f->resource = resource_get((uint32_t)fd);
	drop_meaningless_rights(f);
	return WASI_SUCCESS;
}

uint32_t p1_refresh_type(uint32_t fd, struct p1_fd *f)
{
	const int64_t rc = resource_refresh_type(fd, f->resource);
	if (rc < 0)
		return p1_errno(rc);
	drop_meaningless_rights(f);
	return WASI_SUCCESS;
}

void p1_cache_type(struct p1_fd *f, uint32_t mode)
{
	resource_cache_type(f->resource, mode);
	drop_meaningless_rights(f);
}

bool p1_is_no_directory(const struct p1_fd *f)
{
	return f->resource->type != RESOURCE_UNKNOWN && f->resource->type != RESOURCE_DIRECTORY;
}
