/* SPDX-License-Identifier: Apache-2.0 */
/* The table of what the program has open, and the types of its entries. */
#include "guest/wasi/host/resources.h"

#include "guest/lib/lib.h"
#include "guest/wasi/host/fd_array.h"
#include "guest/wasi/space.h"
#include "guest/wasi/state.h"

enum {
	LX_S_IFMT = 0170000,
	LX_S_IFCHR = 0020000,
	LX_S_IFDIR = 0040000,
	LX_S_IFBLK = 0060000,
	LX_S_IFREG = 0100000,
	LX_S_IFLNK = 0120000,
	LX_S_IFSOCK = 0140000,

	LX_SOL_SOCKET = 1,
	LX_SO_TYPE = 3,
	LX_SOCK_DGRAM = 2,
};

_Static_assert(SPACE_RESOURCES + FD_ARRAY_MAX * sizeof(struct resource) <= SPACE_P1_FDS,
	       "the table fits");

static struct resource first[FD_ARRAY_FIRST];
static struct fd_array table = FD_ARRAY(first, SPACE_RESOURCES);

/* --- entries --- */

struct resource *resource_get(uint32_t fd)
{
	struct resource *r = fd_array_at(&table, fd);
	if (!r || !r->open)
		return NULL;
	return r;
}

bool resource_add(uint32_t fd, const struct resource *r)
{
	struct resource *entry = fd_array_extend(&table, fd);
	if (!entry)
		return false;
	*entry = *r;
	return true;
}

void resource_forget(uint32_t fd)
{
	struct resource *r = resource_get(fd);
	if (r)
		r->open = false;
}

static struct resource preopened(const struct mote_preopen *p)
{
	struct resource r = {.open = true, .type = RESOURCE_STREAM_SOCKET};
	if (p->kind != MOTE_PREOPEN_LISTENER) {
		r.type = RESOURCE_DIRECTORY;
		r.preopen = wasi_boot_string(p->path);
	}
	return r;
}

void resources_init(void)
{
	const struct mote_preopen *p = (const void *)wasi_boot_string(wasi.boot->preopens);
	struct resource *entries = table.entries;
	for (uint32_t fd = RESOURCES_STDIO; fd < table.count; fd++)
		entries[fd].open = false;
	for (uint32_t fd = 0; fd < RESOURCES_STDIO; fd++)
		(void)resource_add(fd, &(struct resource){.open = true});
	for (uint32_t i = 0; i < wasi.boot->preopenc; i++) {
		const struct resource r = preopened(&p[i]);
		(void)resource_add(p[i].fd, &r);
	}
}

/* --- types --- */

enum resource_type resource_type_of_mode(uint32_t mode)
{
	switch (mode & LX_S_IFMT) {
	case LX_S_IFREG:
		return RESOURCE_REGULAR_FILE;
	case LX_S_IFDIR:
		return RESOURCE_DIRECTORY;
	case LX_S_IFLNK:
		return RESOURCE_SYMLINK;
	case LX_S_IFCHR:
		return RESOURCE_CHARACTER_DEVICE;
	case LX_S_IFBLK:
		return RESOURCE_BLOCK_DEVICE;
	case LX_S_IFSOCK:
		return RESOURCE_STREAM_SOCKET;
	default:
		return RESOURCE_OTHER;
	}
}

void resource_cache_type(struct resource *r, uint32_t mode)
{
	const enum resource_type type = resource_type_of_mode(mode);
	if (r->type != RESOURCE_UNKNOWN)
		return;
	if (type == RESOURCE_REGULAR_FILE || type == RESOURCE_DIRECTORY || type == RESOURCE_OTHER)
		r->type = (uint8_t)type;
}

static enum resource_type socket_type(uint32_t fd)
{
	int32_t kind = 0;
	int64_t rc = mote_sock_getopt(mote_area(), (int32_t)fd, LX_SOL_SOCKET, LX_SO_TYPE, &kind,
				      sizeof(kind));
	if (rc >= 0 && kind == LX_SOCK_DGRAM)
		return RESOURCE_DATAGRAM_SOCKET;
	return RESOURCE_STREAM_SOCKET;
}

int64_t resource_refresh_type(uint32_t fd, struct resource *r)
{
	struct mote_termios t;
	struct mote_stat st;
	if (r->type != RESOURCE_UNKNOWN)
		return 0;
	int64_t rc = mote_fstat(mote_area(), (int32_t)fd, &st);
	if (rc < 0)
		return rc;
	resource_cache_type(r, st.mode);
	if (r->type != RESOURCE_UNKNOWN)
		return 0;
	enum resource_type type = resource_type_of_mode(st.mode);
	if (type == RESOURCE_STREAM_SOCKET)
		type = socket_type(fd);
	else if (mote_tty_get(mote_area(), (int32_t)fd, &t) == 0)
		type = RESOURCE_TERMINAL;
	r->type = (uint8_t)type;
	return 0;
}
