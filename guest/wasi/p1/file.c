/* SPDX-License-Identifier: Apache-2.0 */
/* fd_*: reading, writing and changing open files. */
#include "guest/lib/output.h"
#include "guest/wasi/p1/p1.h"

/* --- reading and writing --- */

struct transfer {
	struct p1_fd *f;
	const struct mote_iovec *v;
	uint64_t count, bytes;
	void *done; /* receives the number of bytes */
	/* the vectors as the host gets them, MOTE_IOV_ONE */
	const struct mote_iovec *passed;
	uint64_t passed_count;
};

static uint32_t begin_transfer(const struct wasm_instance *inst, struct transfer *t, uint32_t fd,
			       uint64_t rights, uint32_t iovs, uint32_t iovs_len, uint32_t done)
{
	uint32_t e = p1_fd_get(fd, rights, &t->f);
	if (!e)
		e = p1_iovecs(inst, iovs, iovs_len, &t->v, &t->count, &t->bytes);
	t->done = wasi_span(inst, done, sizeof(uint32_t));
	if (!e && !t->done)
		e = WASI_FAULT;
	if (e)
		return e;
	t->passed = t->v;
	t->passed_count = t->count;
	if (t->count == 1) {
		t->passed = (const void *)t->v[0].base;
		t->passed_count = MOTE_IOV_ONE | t->v[0].len;
	}
	return 0;
}

static uint32_t finish_transfer(const struct transfer *t, int64_t rc)
{
	if (rc >= 0)
		wasi_store32(t->done, (uint32_t)rc);
	return p1_errno(rc);
}

uint32_t p1_fd_read(const struct wasm_instance *inst, uint32_t fd, uint32_t iovs, uint32_t iovs_len,
		    uint32_t nread)
{
	struct transfer t;
	uint32_t e = begin_transfer(inst, &t, fd, WASI_RIGHT_FD_READ, iovs, iovs_len, nread);
	if (e)
		return e;
	return finish_transfer(&t, mote_readv(mote_area(), (int32_t)fd, t.passed, t.passed_count));
}

uint32_t p1_fd_pread(const struct wasm_instance *inst, uint32_t fd, uint32_t iovs,
		     uint32_t iovs_len, uint64_t offset, uint32_t nread)
{
	struct transfer t;
	uint32_t e = begin_transfer(inst, &t, fd, WASI_RIGHT_FD_READ | WASI_RIGHT_FD_SEEK, iovs,
				    iovs_len, nread);
	if (e)
		return e;
	return finish_transfer(
		&t, mote_preadv(mote_area(), (int32_t)fd, t.passed, t.passed_count, offset));
}

/* A small write to standard output may wait in the area. False: it is to be a host call. */
static bool buffer_output(uint32_t fd, const struct transfer *t)
{
	struct mote_area *area = mote_area();
	uint32_t len;
	if (!output_is_open(area, fd, t->bytes))
		return false;
	do {
		uint8_t *to = output_reserve(area, fd, t->bytes, &len);
		if (!to)
			return false;
		for (uint64_t i = 0; i < t->count; i++) {
			memcpy(to, (const void *)t->v[i].base, t->v[i].len);
			to += t->v[i].len;
		}
	} while (!output_publish(area, t->bytes, len));
	return true;
}

uint32_t p1_fd_write(const struct wasm_instance *inst, uint32_t fd, uint32_t iovs,
		     uint32_t iovs_len, uint32_t nwritten)
{
	struct transfer t;
	uint32_t e = begin_transfer(inst, &t, fd, WASI_RIGHT_FD_WRITE, iovs, iovs_len, nwritten);
	if (e)
		return e;
	if (buffer_output(fd, &t))
		return finish_transfer(&t, (int64_t)t.bytes);
	return finish_transfer(&t, mote_writev(mote_area(), (int32_t)fd, t.passed, t.passed_count));
}

uint32_t p1_fd_pwrite(const struct wasm_instance *inst, uint32_t fd, uint32_t iovs,
		      uint32_t iovs_len, uint64_t offset, uint32_t nwritten)
{
	struct transfer t;
	uint32_t e = begin_transfer(inst, &t, fd, WASI_RIGHT_FD_WRITE | WASI_RIGHT_FD_SEEK, iovs,
				    iovs_len, nwritten);
	if (e)
		return e;
	return finish_transfer(
		&t, mote_pwritev(mote_area(), (int32_t)fd, t.passed, t.passed_count, offset));
}

/* --- position --- */

/* Whence has Linux's numbers. */
enum { SEEK_CURRENT = 1, SEEK_END = 2 };

static uint32_t seek(const struct wasm_instance *inst, uint32_t fd, uint64_t right, int64_t offset,
		     uint32_t whence, uint32_t position)
{
	struct p1_fd *f;
	void *to = wasi_span(inst, position, sizeof(uint64_t));
	uint32_t e = p1_fd_get(fd, 0, &f);
	/* Linux would move in a directory, and a pipe has no position: errors depend on types. */
	if (!e)
		e = p1_refresh_type(fd, f);
	if (!e && f->resource->type != RESOURCE_DIRECTORY &&
	    f->resource->type != RESOURCE_REGULAR_FILE && !(f->base & right))
		return WASI_SPIPE;
	if (!e)
		e = p1_fd_get(fd, right, &f);
	if (e)
		return e;
	if (!to)
		return WASI_FAULT;
	int64_t rc = mote_lseek(mote_area(), (int32_t)fd, offset, whence);
	if (rc >= 0)
		wasi_store64(to, (uint64_t)rc);
	return p1_errno(rc);
}

/* The right to seek implies the right to tell. */
static uint64_t right_to_tell(uint32_t fd)
{
	struct p1_fd *f;
	if (p1_fd_get(fd, WASI_RIGHT_FD_SEEK, &f) == WASI_SUCCESS)
		return WASI_RIGHT_FD_SEEK;
	return WASI_RIGHT_FD_TELL;
}

uint32_t p1_fd_seek(const struct wasm_instance *inst, uint32_t fd, uint64_t offset, uint32_t whence,
		    uint32_t position)
{
	uint64_t right = WASI_RIGHT_FD_SEEK;
	if (whence > SEEK_END)
		return WASI_INVAL;
	if (whence == SEEK_CURRENT && offset == 0)
		right = right_to_tell(fd);
	return seek(inst, fd, right, (int64_t)offset, whence, position);
}

uint32_t p1_fd_tell(const struct wasm_instance *inst, uint32_t fd, uint32_t position)
{
	return seek(inst, fd, right_to_tell(fd), 0, SEEK_CURRENT, position);
}

/* --- the file as a whole --- */

uint32_t p1_fd_advise(const struct wasm_instance *inst, uint32_t fd, uint64_t offset, uint64_t len,
		      uint32_t advice)
{
	(void)inst;
	/* WASI's normal, sequential, random, willneed, dontneed, noreuse in Linux's numbers. */
	static const uint8_t host_advice[] = {0, 2, 1, 3, 4, 5};
	struct p1_fd *f;
	uint32_t e = p1_fd_get(fd, WASI_RIGHT_FD_ADVISE, &f);
	if (e)
		return e;
	if (advice >= sizeof(host_advice) || offset > INT64_MAX || len > INT64_MAX)
		return WASI_INVAL;
	return p1_errno(mote_fadvise(mote_area(), (int32_t)fd, offset, len, host_advice[advice]));
}

uint32_t p1_fd_allocate(const struct wasm_instance *inst, uint32_t fd, uint64_t offset,
			uint64_t len)
{
	(void)inst;
	struct p1_fd *f;
	uint32_t e = p1_fd_get(fd, WASI_RIGHT_FD_ALLOCATE, &f);
	if (e)
		return e;
	return p1_errno(mote_fallocate(mote_area(), (int32_t)fd, 0, offset, len));
}

uint32_t p1_fd_datasync(const struct wasm_instance *inst, uint32_t fd)
{
	(void)inst;
	struct p1_fd *f;
	uint32_t e = p1_fd_get(fd, WASI_RIGHT_FD_DATASYNC, &f);
	/* C libraries ask for it only to write; to sync is more. */
	if (e == WASI_NOTCAPABLE)
		e = p1_fd_get(fd, WASI_RIGHT_FD_SYNC, &f);
	if (e)
		return e;
	return p1_errno(mote_fsync(mote_area(), (int32_t)fd, 1));
}

uint32_t p1_fd_sync(const struct wasm_instance *inst, uint32_t fd)
{
	(void)inst;
	struct p1_fd *f;
	uint32_t e = p1_fd_get(fd, WASI_RIGHT_FD_SYNC, &f);
	if (e)
		return e;
	return p1_errno(mote_fsync(mote_area(), (int32_t)fd, 0));
}

uint32_t p1_fd_stat(uint32_t fd, struct wasi_filestat *out)
{
	struct p1_fd *f;
	struct mote_stat st;
	uint32_t e = p1_fd_get(fd, WASI_RIGHT_FD_FILESTAT_GET, &f);
	if (e)
		return e;
	int64_t rc = mote_fstat(mote_area(), (int32_t)fd, &st);
	if (rc < 0)
		return p1_errno(rc);
	p1_cache_type(f, st.mode);
	p1_filestat(out, &st);
	return WASI_SUCCESS;
}

uint32_t p1_fd_filestat_get(const struct wasm_instance *inst, uint32_t fd, uint32_t stat)
{
	struct wasi_filestat out;
	void *to = wasi_span(inst, stat, sizeof(out));
	if (!to)
		return WASI_FAULT;
	uint32_t e = p1_fd_stat(fd, &out);
	if (!e)
		memcpy(to, &out, sizeof(out));
	return e;
}

uint32_t p1_fd_filestat_set_size(const struct wasm_instance *inst, uint32_t fd, uint64_t size)
{
	(void)inst;
	struct p1_fd *f;
	uint32_t e = p1_fd_get(fd, WASI_RIGHT_FD_FILESTAT_SET_SIZE, &f);
	if (e)
		return e;
	return p1_errno(mote_ftruncate(mote_area(), (int32_t)fd, size));
}

uint32_t p1_fd_filestat_set_times(const struct wasm_instance *inst, uint32_t fd, uint64_t atim,
				  uint64_t mtim, uint32_t flags)
{
	(void)inst;
	struct p1_fd *f;
	struct mote_time t[2];
	uint32_t e = p1_fd_get(fd, WASI_RIGHT_FD_FILESTAT_SET_TIMES, &f);
	if (!e)
		e = p1_set_times(t, atim, mtim, flags);
	if (e)
		return e;
	return p1_errno(mote_futimens(mote_area(), (int32_t)fd, &t[0], &t[1]));
}
