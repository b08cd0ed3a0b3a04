/* SPDX-License-Identifier: Apache-2.0 */
/* sock_*: on listeners that are open at the start, and what they accept. */
#include "guest/wasi/p1/p1.h"

#include <linux/fcntl.h>

#define LX_MSG_PEEK     0x2
#define LX_MSG_TRUNC    0x20
#define LX_MSG_NOSIGNAL 0x4000

static uint32_t get_socket(uint32_t fd, uint64_t rights, struct p1_fd **f)
{
	uint32_t e = p1_fd_get(fd, 0, f);
	if (!e)
		e = p1_refresh_type(fd, *f);
	if (!e && (*f)->resource->type != RESOURCE_STREAM_SOCKET &&
	    (*f)->resource->type != RESOURCE_DATAGRAM_SOCKET)
		e = WASI_NOTSOCK;
	if (!e)
		e = p1_fd_get(fd, rights, f);
	return e;
}

uint32_t p1_sock_accept(const struct wasm_instance *inst, uint32_t fd, uint32_t flags,
			uint32_t accepted)
{
	struct p1_fd *f;
	uint32_t e = get_socket(fd, WASI_RIGHT_SOCK_ACCEPT, &f);
	void *to = wasi_span(inst, accepted, sizeof(uint32_t));
	if (!e && !to)
		e = WASI_FAULT;
	if (e)
		return e;
	if (flags & ~(uint32_t)WASI_FDFLAG_NONBLOCK)
		return WASI_INVAL;
	uint32_t host_flags = 0;
	if (flags & WASI_FDFLAG_NONBLOCK)
		host_flags = O_NONBLOCK;
	const int64_t rc = mote_accept(mote_area(), (int32_t)fd, host_flags, NULL);
	const struct p1_fd connection = {
		.fdflags = (uint8_t)flags,
		.base = f->base & ~WASI_RIGHT_SOCK_ACCEPT,
	};
	e = p1_fd_add(rc, RESOURCE_STREAM_SOCKET, &connection);
	if (!e)
		wasi_store32(to, (uint32_t)rc);
	return e;
}

/* Until the vectors are full (WAITALL), the peer has shut down or something fails after the last
 * byte. */
static int64_t receive_all(uint32_t fd, const struct mote_iovec *from, uint64_t count,
			   uint32_t flags)
{
	int64_t total = 0;
	for (uint64_t i = 0; i < count; i++) {
		struct mote_iovec v = from[i];
		while (v.len) {
			int64_t rc = mote_recv(mote_area(), (int32_t)fd, &v, 1, flags, NULL);
			if (rc <= 0 && total > 0)
				return total;
			if (rc <= 0)
				return rc;
			total += rc;
			v.base += (uint64_t)rc;
			v.len -= (uint64_t)rc;
		}
	}
	return total;
}

uint32_t p1_sock_recv(const struct wasm_instance *inst, uint32_t fd, uint32_t iovs,
		      uint32_t iovs_len, uint32_t riflags, uint32_t nread, uint32_t roflags)
{
	struct p1_fd *f;
	const struct mote_iovec *v;
	uint64_t count, bytes;
	uint32_t e = get_socket(fd, WASI_RIGHT_FD_READ, &f);
	if (!e)
		e = p1_iovecs(inst, iovs, iovs_len, &v, &count, &bytes);
	void *n = wasi_span(inst, nread, sizeof(uint32_t)),
	     *ro = wasi_span(inst, roflags, sizeof(uint16_t));
	if (!e && (!n || !ro))
		e = WASI_FAULT;
	if (e)
		return e;
	if (riflags & ~(uint32_t)(WASI_RI_PEEK | WASI_RI_WAITALL))
		return WASI_INVAL;
	const bool datagrams = f->resource->type == RESOURCE_DATAGRAM_SOCKET;
	uint32_t flags = 0;
	if (riflags & WASI_RI_PEEK)
		flags |= LX_MSG_PEEK;
	/* For datagrams: the whole length, so that a cut one is noticed. On streams it would
	 * discard. */
	if (datagrams)
		flags |= LX_MSG_TRUNC;
	int64_t rc;
	if (riflags == WASI_RI_WAITALL && !datagrams)
		rc = receive_all(fd, v, count, flags);
	else
		rc = mote_recv(mote_area(), (int32_t)fd, v, count, flags, NULL);
	if (rc < 0)
		return p1_errno(rc);
	uint16_t truncated = 0;
	if ((uint64_t)rc > bytes) {
		truncated = WASI_RO_TRUNCATED;
		rc = (int64_t)bytes;
	}
	wasi_store32(n, (uint32_t)rc);
	wasi_store16(ro, truncated);
	return WASI_SUCCESS;
}

uint32_t p1_sock_send(const struct wasm_instance *inst, uint32_t fd, uint32_t iovs,
		      uint32_t iovs_len, uint32_t siflags, uint32_t nwritten)
{
	struct p1_fd *f;
	const struct mote_iovec *v;
	uint64_t count, bytes;
	uint32_t e = get_socket(fd, WASI_RIGHT_FD_WRITE, &f);
	if (!e)
		e = p1_iovecs(inst, iovs, iovs_len, &v, &count, &bytes);
	void *n = wasi_span(inst, nwritten, sizeof(uint32_t));
	if (!e && !n)
		e = WASI_FAULT;
	if (e)
		return e;
	if (siflags)
		return WASI_INVAL;
	int64_t rc = mote_send(mote_area(), (int32_t)fd, v, count, LX_MSG_NOSIGNAL, NULL);
	if (rc >= 0)
		wasi_store32(n, (uint32_t)rc);
	return p1_errno(rc);
}

uint32_t p1_sock_shutdown(const struct wasm_instance *inst, uint32_t fd, uint32_t how)
{
	(void)inst;
	struct p1_fd *f;
	uint32_t e = get_socket(fd, WASI_RIGHT_SOCK_SHUTDOWN, &f);
	if (e)
		return e;
	if (how == 0 || how & ~(uint32_t)(WASI_SD_RD | WASI_SD_WR))
		return WASI_INVAL;
	/* RD, WR, both are Linux's 0, 1, 2. */
	return p1_errno(mote_shutdown(mote_area(), (int32_t)fd, how - 1));
}
