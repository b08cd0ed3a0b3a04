/* SPDX-License-Identifier: Apache-2.0 */
/* fd_*: closing, renumbering, and what preview 1 knows of a descriptor. */
#include "guest/wasi/p1/p1.h"

#include <linux/fcntl.h>

uint32_t p1_fd_close(const struct wasm_instance *inst, uint32_t fd)
{
	(void)inst;
	struct p1_fd *f;
	uint32_t e = p1_fd_get(fd, 0, &f);
	if (e)
		return e;
	resource_forget(fd);
	return p1_errno(mote_close(mote_area(), (int32_t)fd));
}

/* `to` must be open: a number can be taken over, not invented. */
uint32_t p1_fd_renumber(const struct wasm_instance *inst, uint32_t fd, uint32_t to)
{
	(void)inst;
	struct p1_fd *f, *t;
	uint32_t e = p1_fd_get(fd, 0, &f);
	if (!e)
		e = p1_fd_get(to, 0, &t);
	if (e || fd == to)
		return e;
	int64_t rc = mote_dup_to(mote_area(), (int32_t)fd, (int32_t)to);
	if (rc < 0)
		return p1_errno(rc);
	struct resource *resource = t->resource;
	*resource = *f->resource;
	*t = *f;
	t->resource = resource;
	resource_forget(fd);
	return p1_errno(mote_close(mote_area(), (int32_t)fd));
}

uint32_t p1_fd_prestat_get(const struct wasm_instance *inst, uint32_t fd, uint32_t prestat)
{
	struct p1_fd *f;
	uint32_t e = p1_fd_get(fd, 0, &f);
	if (e || !f->resource->preopen)
		return WASI_BADF;
	struct wasi_prestat p = {.name_len = (uint32_t)strlen(f->resource->preopen)};
	void *to = wasi_span(inst, prestat, sizeof(p));
	if (!to)
		return WASI_FAULT;
	memcpy(to, &p, sizeof(p));
	return WASI_SUCCESS;
}

uint32_t p1_fd_prestat_dir_name(const struct wasm_instance *inst, uint32_t fd, uint32_t path,
				uint32_t path_len)
{
	struct p1_fd *f;
	uint32_t e = p1_fd_get(fd, 0, &f);
	if (e || !f->resource->preopen)
		return WASI_BADF;
	size_t len = strlen(f->resource->preopen);
	if (path_len < len)
		return WASI_NAMETOOLONG;
	void *to = wasi_span(inst, path, len);
	if (!to)
		return WASI_FAULT;
	memcpy(to, f->resource->preopen, len);
	return WASI_SUCCESS;
}

uint32_t p1_fd_fdstat_get(const struct wasm_instance *inst, uint32_t fd, uint32_t stat)
{
	struct p1_fd *f;
	void *to = wasi_span(inst, stat, sizeof(struct wasi_fdstat));
	uint32_t e = p1_fd_get(fd, 0, &f);
	if (!e && !to)
		e = WASI_FAULT;
	if (!e)
		e = p1_refresh_type(fd, f);
	if (e)
		return e;
	struct wasi_fdstat s = {
		.filetype = p1_filetype(f->resource->type),
		.flags = f->fdflags,
		.rights_base = f->base,
		.rights_inheriting = f->inheriting,
	};
	memcpy(to, &s, sizeof(s));
	return WASI_SUCCESS;
}

/* The synchronous modes are chosen when a file is opened; Linux cannot change them later. */
uint32_t p1_fd_fdstat_set_flags(const struct wasm_instance *inst, uint32_t fd, uint32_t flags)
{
	(void)inst;
	const uint32_t fixed = WASI_FDFLAG_DSYNC | WASI_FDFLAG_RSYNC | WASI_FDFLAG_SYNC;
	struct p1_fd *f;
	uint32_t e = p1_fd_get(fd, WASI_RIGHT_FD_FDSTAT_SET_FLAGS, &f);
	if (e)
		return e;
	if (flags & ~(uint32_t)WASI_FDFLAGS_ALL || (flags & fixed) != (f->fdflags & fixed))
		return WASI_INVAL;
	uint32_t host = 0;
	if (flags & WASI_FDFLAG_APPEND)
		host |= O_APPEND;
	if (flags & WASI_FDFLAG_NONBLOCK)
		host |= O_NONBLOCK;
	int64_t rc = mote_set_flags(mote_area(), (int32_t)fd, host);
	if (rc < 0)
		return p1_errno(rc);
	f->fdflags = (uint8_t)flags;
	return WASI_SUCCESS;
}

/* Rights can only be dropped. */
uint32_t p1_fd_fdstat_set_rights(const struct wasm_instance *inst, uint32_t fd, uint64_t base,
				 uint64_t inheriting)
{
	(void)inst;
	struct p1_fd *f;
	uint32_t e = p1_fd_get(fd, 0, &f);
	if (!e)
		e = p1_refresh_type(fd, f);
	if (e)
		return e;
	if (base & ~f->base || inheriting & ~f->inheriting)
		return WASI_NOTCAPABLE;
	f->base = base;
	f->inheriting = inheriting;
	return WASI_SUCCESS;
}
