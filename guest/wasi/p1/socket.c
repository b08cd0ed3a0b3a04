/* SPDX-License-Identifier: Apache-2.0 */
/* sock_*: on listeners given at the start and what they accept. */
#include "guest/wasi/wasi.h"

#define LX_MSG_PEEK 0x2
#define LX_MSG_TRUNC 0x20
#define LX_MSG_NOSIGNAL 0x4000

static uint32_t get_socket(uint32_t fd, uint64_t rights, struct wasi_fd **f)
{
	uint32_t e = wasi_fd_get(fd, 0, f);
	if (!e)
		e = wasi_fd_see(fd, *f);
	if (!e && (*f)->type != WASI_FILETYPE_SOCKET_STREAM &&
	    (*f)->type != WASI_FILETYPE_SOCKET_DGRAM)
		e = WASI_NOTSOCK;
	return e ? e : wasi_fd_get(fd, rights, f);
}

uint32_t wasi_sock_accept(struct wasm_instance *inst, uint32_t fd, uint32_t flags,
			  uint32_t accepted)
{
	struct wasi_fd *f;
	uint32_t e = get_socket(fd, WASI_RIGHT_SOCK_ACCEPT, &f);
	void *to = wasi_span(inst, accepted, sizeof(uint32_t));
	if (e || !to)
		return e ? e : WASI_FAULT;
	if (flags & ~(uint32_t)WASI_FDFLAG_NONBLOCK)
		return WASI_INVAL;
	int64_t rc = mote_accept(wasi_area, (int32_t)fd, flags ? LX_O_NONBLOCK : 0, NULL);
	struct wasi_fd made = {
		.open = true,
		.type = WASI_FILETYPE_SOCKET_STREAM,
		.fdflags = (uint8_t)flags,
		.base = f->base & ~WASI_RIGHT_SOCK_ACCEPT,
	};
	e = wasi_fd_add(rc, &made);
	if (!e)
		wasi_put32(to, (uint32_t)rc);
	return e;
}

/* Until the vectors are full (WAITALL), the peer has shut down or something fails; what came before
 * counts. */
static int64_t receive_all(uint32_t fd, const struct mote_iovec *from, uint64_t count,
			   uint32_t flags)
{
	int64_t total = 0;
	for (uint64_t i = 0; i < count; i++) {
		struct mote_iovec v = from[i];
		while (v.len) {
			int64_t rc = mote_recv(wasi_area, (int32_t)fd, &v, 1, flags, NULL);
			if (rc <= 0)
				return total ? total : rc;
			total += rc;
			v.base += (uint64_t)rc;
			v.len -= (uint64_t)rc;
		}
	}
	return total;
}

uint32_t wasi_sock_recv(struct wasm_instance *inst, uint32_t fd, uint32_t iovs, uint32_t iovs_len,
			uint32_t riflags, uint32_t nread, uint32_t roflags)
{
	struct wasi_fd *f;
	const struct mote_iovec *v;
	uint64_t count, bytes;
	uint32_t e = get_socket(fd, WASI_RIGHT_FD_READ, &f);
	if (!e)
		e = wasi_iovecs(inst, iovs, iovs_len, &v, &count, &bytes);
	void *n = wasi_span(inst, nread, sizeof(uint32_t)),
	     *ro = wasi_span(inst, roflags, sizeof(uint16_t));
	if (e || !n || !ro)
		return e ? e : WASI_FAULT;
	if (riflags & ~(uint32_t)(WASI_RI_PEEK | WASI_RI_WAITALL))
		return WASI_INVAL;
	uint32_t flags = riflags & WASI_RI_PEEK ? LX_MSG_PEEK : 0;
	bool datagrams = f->type == WASI_FILETYPE_SOCKET_DGRAM;
	/* For datagrams: the whole length, so that a cut one is noticed. On streams it would
	 * discard. */
	if (datagrams)
		flags |= LX_MSG_TRUNC;
	int64_t rc = riflags == WASI_RI_WAITALL && !datagrams
			     ? receive_all(fd, v, count, flags)
			     : mote_recv(wasi_area, (int32_t)fd, v, count, flags, NULL);
	if (rc < 0)
		return wasi_errno(rc);
	bool cut = (uint64_t)rc > bytes;
	wasi_put32(n, (uint32_t)(cut ? bytes : (uint64_t)rc));
	wasi_put16(ro, cut ? WASI_RO_TRUNCATED : 0);
	return WASI_SUCCESS;
}

uint32_t wasi_sock_send(struct wasm_instance *inst, uint32_t fd, uint32_t iovs, uint32_t iovs_len,
			uint32_t siflags, uint32_t nwritten)
{
	struct wasi_fd *f;
	const struct mote_iovec *v;
	uint64_t count, bytes;
	uint32_t e = get_socket(fd, WASI_RIGHT_FD_WRITE, &f);
	if (!e)
		e = wasi_iovecs(inst, iovs, iovs_len, &v, &count, &bytes);
	void *n = wasi_span(inst, nwritten, sizeof(uint32_t));
	if (e || !n)
		return e ? e : WASI_FAULT;
	if (siflags)
		return WASI_INVAL;
	int64_t rc = mote_send(wasi_area, (int32_t)fd, v, count, LX_MSG_NOSIGNAL, NULL);
	if (rc >= 0)
		wasi_put32(n, (uint32_t)rc);
	return wasi_errno(rc);
}

uint32_t wasi_sock_shutdown(struct wasm_instance *inst, uint32_t fd, uint32_t how)
{
	(void)inst;
	struct wasi_fd *f;
	uint32_t e = get_socket(fd, WASI_RIGHT_SOCK_SHUTDOWN, &f);
	if (e)
		return e;
	if (how == 0 || how & ~(uint32_t)(WASI_SD_RD | WASI_SD_WR))
		return WASI_INVAL;
	/* RD, WR, both are Linux's 0, 1, 2. */
	return wasi_errno(mote_shutdown(wasi_area, (int32_t)fd, how - 1));
}
