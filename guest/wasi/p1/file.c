/* SPDX-License-Identifier: Apache-2.0 */
/* fd_*: reading, writing and changing open files. */
#include "guest/lib/output.h"
#include "guest/wasi/wasi.h"

/* --- reading and writing --- */

struct transfer {
	struct wasi_fd *f;
	const struct mote_iovec *v;
	uint64_t count, bytes;
	void *done; /* where the program wants the number of bytes */
};

static uint32_t begin(struct wasm_instance *inst, struct transfer *t, uint32_t fd, uint64_t rights,
		      uint32_t iovs, uint32_t iovs_len, uint32_t done)
{
	uint32_t e = wasi_fd_get(fd, rights, &t->f);
	if (!e)
		e = wasi_iovecs(inst, iovs, iovs_len, &t->v, &t->count, &t->bytes);
	t->done = wasi_span(inst, done, sizeof(uint32_t));
	return e ? e : t->done ? WASI_SUCCESS : WASI_FAULT;
}

static uint32_t finish(const struct transfer *t, int64_t rc)
{
	if (rc >= 0)
		wasi_put32(t->done, (uint32_t)rc);
	return wasi_errno(rc);
}

uint32_t wasi_fd_read(struct wasm_instance *inst, uint32_t fd, uint32_t iovs, uint32_t iovs_len,
		      uint32_t nread)
{
	struct transfer t;
	uint32_t e = begin(inst, &t, fd, WASI_RIGHT_FD_READ, iovs, iovs_len, nread);
	return e ? e : finish(&t, mote_readv(wasi_area, (int32_t)fd, t.v, t.count));
}

uint32_t wasi_fd_pread(struct wasm_instance *inst, uint32_t fd, uint32_t iovs, uint32_t iovs_len,
		       uint64_t offset, uint32_t nread)
{
	struct transfer t;
	uint32_t e =
		begin(inst, &t, fd, WASI_RIGHT_FD_READ | WASI_RIGHT_FD_SEEK, iovs, iovs_len, nread);
	return e ? e : finish(&t, mote_preadv(wasi_area, (int32_t)fd, t.v, t.count, offset));
}

/* A small write to standard output may wait in the area. False: it is to be a host call. */
static bool buffer_output(uint32_t fd, const struct transfer *t)
{
	struct mote_area *area = wasi_area;
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

uint32_t wasi_fd_write(struct wasm_instance *inst, uint32_t fd, uint32_t iovs, uint32_t iovs_len,
		       uint32_t nwritten)
{
	struct transfer t;
	uint32_t e = begin(inst, &t, fd, WASI_RIGHT_FD_WRITE, iovs, iovs_len, nwritten);
	if (e)
		return e;
	if (buffer_output(fd, &t))
		return finish(&t, (int64_t)t.bytes);
	return finish(&t, mote_writev(wasi_area, (int32_t)fd, t.v, t.count));
}

uint32_t wasi_fd_pwrite(struct wasm_instance *inst, uint32_t fd, uint32_t iovs, uint32_t iovs_len,
			uint64_t offset, uint32_t nwritten)
{
	struct transfer t;
	uint32_t e = begin(inst, &t, fd, WASI_RIGHT_FD_WRITE | WASI_RIGHT_FD_SEEK, iovs, iovs_len,
			   nwritten);
	return e ? e : finish(&t, mote_pwritev(wasi_area, (int32_t)fd, t.v, t.count, offset));
}

/* --- position --- */

static uint32_t seek(struct wasm_instance *inst, uint32_t fd, uint64_t right, int64_t offset,
		     uint32_t whence, uint32_t position)
{
	struct wasi_fd *f;
	void *to = wasi_span(inst, position, sizeof(uint64_t));
	uint32_t e = wasi_fd_get(fd, 0, &f);
	/* Linux would move in a directory, a pipe has no position: rights and error depend on the
	 * type. */
	if (!e)
		e = wasi_fd_see(fd, f);
	if (!e && f->type != WASI_FILETYPE_DIRECTORY && f->type != WASI_FILETYPE_REGULAR_FILE &&
	    !(f->base & right))
		return WASI_SPIPE;
	if (!e)
		e = wasi_fd_get(fd, right, &f);
	if (e)
		return e;
	if (!to)
		return WASI_FAULT;
	int64_t rc = mote_lseek(wasi_area, (int32_t)fd, offset, whence);
	if (rc >= 0)
		wasi_put64(to, (uint64_t)rc);
	return wasi_errno(rc);
}

/* Whence has Linux's numbers: set, current, end. */
uint32_t wasi_fd_seek(struct wasm_instance *inst, uint32_t fd, uint64_t offset, uint32_t whence,
		      uint32_t position)
{
	if (whence > 2)
		return WASI_INVAL;
	struct wasi_fd *f;
	bool tell = whence == 1 && offset == 0;
	uint64_t right = WASI_RIGHT_FD_SEEK;
	if (tell && wasi_fd_get(fd, WASI_RIGHT_FD_SEEK, &f) != WASI_SUCCESS)
		right = WASI_RIGHT_FD_TELL;
	return seek(inst, fd, right, (int64_t)offset, whence, position);
}

uint32_t wasi_fd_tell(struct wasm_instance *inst, uint32_t fd, uint32_t position)
{
	struct wasi_fd *f;
	/* The right to seek implies the right to tell. */
	bool seeks = wasi_fd_get(fd, WASI_RIGHT_FD_SEEK, &f) == WASI_SUCCESS;
	return seek(inst, fd, seeks ? WASI_RIGHT_FD_SEEK : WASI_RIGHT_FD_TELL, 0, 1, position);
}

/* --- the file as a whole --- */

uint32_t wasi_fd_advise(struct wasm_instance *inst, uint32_t fd, uint64_t offset, uint64_t len,
			uint32_t advice)
{
	(void)inst;
	/* WASI's normal, sequential, random, willneed, dontneed, noreuse in Linux's numbers. */
	static const uint8_t host_advice[] = {0, 2, 1, 3, 4, 5};
	struct wasi_fd *f;
	uint32_t e = wasi_fd_get(fd, WASI_RIGHT_FD_ADVISE, &f);
	if (e)
		return e;
	if (advice >= sizeof(host_advice) || offset > INT64_MAX || len > INT64_MAX)
		return WASI_INVAL;
	return wasi_errno(mote_fadvise(wasi_area, (int32_t)fd, offset, len, host_advice[advice]));
}

uint32_t wasi_fd_allocate(struct wasm_instance *inst, uint32_t fd, uint64_t offset, uint64_t len)
{
	(void)inst;
	struct wasi_fd *f;
	uint32_t e = wasi_fd_get(fd, WASI_RIGHT_FD_ALLOCATE, &f);
	return e ? e : wasi_errno(mote_fallocate(wasi_area, (int32_t)fd, 0, offset, len));
}

uint32_t wasi_fd_datasync(struct wasm_instance *inst, uint32_t fd)
{
	(void)inst;
	struct wasi_fd *f;
	uint32_t e = wasi_fd_get(fd, WASI_RIGHT_FD_DATASYNC, &f);
	return e ? e : wasi_errno(mote_fsync(wasi_area, (int32_t)fd, 1));
}

uint32_t wasi_fd_sync(struct wasm_instance *inst, uint32_t fd)
{
	(void)inst;
	struct wasi_fd *f;
	uint32_t e = wasi_fd_get(fd, WASI_RIGHT_FD_SYNC, &f);
	return e ? e : wasi_errno(mote_fsync(wasi_area, (int32_t)fd, 0));
}

uint32_t wasi_fd_filestat_get(struct wasm_instance *inst, uint32_t fd, uint32_t stat)
{
	struct wasi_fd *f;
	struct mote_stat st;
	struct wasi_filestat out;
	uint32_t e = wasi_fd_get(fd, WASI_RIGHT_FD_FILESTAT_GET, &f);
	void *to = wasi_span(inst, stat, sizeof(out));
	if (e || !to)
		return e ? e : WASI_FAULT;
	int64_t rc = mote_fstat(wasi_area, (int32_t)fd, &st);
	if (rc < 0)
		return wasi_errno(rc);
	wasi_fd_seen(f, st.mode);
	wasi_filestat(&out, &st);
	memcpy(to, &out, sizeof(out));
	return WASI_SUCCESS;
}

uint32_t wasi_fd_filestat_set_size(struct wasm_instance *inst, uint32_t fd, uint64_t size)
{
	(void)inst;
	struct wasi_fd *f;
	uint32_t e = wasi_fd_get(fd, WASI_RIGHT_FD_FILESTAT_SET_SIZE, &f);
	return e ? e : wasi_errno(mote_ftruncate(wasi_area, (int32_t)fd, size));
}

uint32_t wasi_fd_filestat_set_times(struct wasm_instance *inst, uint32_t fd, uint64_t atim,
				    uint64_t mtim, uint32_t flags)
{
	(void)inst;
	struct wasi_fd *f;
	struct mote_time t[2];
	uint32_t e = wasi_fd_get(fd, WASI_RIGHT_FD_FILESTAT_SET_TIMES, &f);
	if (!e)
		e = wasi_set_times(t, atim, mtim, flags);
	return e ? e : wasi_errno(mote_futimens(wasi_area, (int32_t)fd, &t[0], &t[1]));
}
