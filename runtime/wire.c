/* SPDX-License-Identifier: Apache-2.0 */
/* Framing of the messages between shim and monitor. */
#include "runtime/wire.h"

#include "base/io.h"
#include "base/reader.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

struct header {
	uint32_t type, len;
};

/* FAILED's body, whose text may be shorter. */
struct failure {
	uint32_t code, blame;
	char text[sizeof(((struct err *)NULL)->text)];
};

/* write(2), not send(2): a monitor sends EXIT from inside its jail. SIGPIPE is ignored on both
 * sides. */
int wire_send(int fd, enum wire_type type, const void *body, size_t len)
{
	if (len > WIRE_BODY_MAX)
		return -E2BIG;
	struct header h = {.type = type, .len = (uint32_t)len};
	uint8_t first[sizeof(h) + 512];
	size_t together = len < sizeof(first) - sizeof(h) ? len : 0;
	memcpy(first, &h, sizeof(h));
	if (together)
		memcpy(first + sizeof(h), body, together);
	int rc = io_write_all(fd, first, sizeof(h) + together);
	if (rc < 0 || together == len)
		return rc;
	return io_write_all(fd, body, len);
}

int wire_answer(int fd, enum wire_type type, uint32_t code)
{
	struct {
		struct header head;
		uint32_t code;
	} m = {{.type = type, .len = sizeof(code)}, code};
	ssize_t n = send(fd, &m, sizeof(m), MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n < 0)
		return -errno;
	if (n == sizeof(m))
		return 0;
	return -EAGAIN;
}

int wire_send_failure(int fd, const struct err *e)
{
	struct failure body = {.code = (uint32_t)e->code, .blame = e->blame};
	size_t text = strlen(e->text);
	memcpy(body.text, e->text, text);
	return wire_send(fd, WIRE_FAILED, &body, offsetof(struct failure, text) + text);
}

static int read_all(int fd, int timeout_ms, void *to, size_t len)
{
	for (size_t at = 0; at < len;) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		int ready = 1;
		if (timeout_ms >= 0)
			ready = poll(&p, 1, timeout_ms);
		if (ready == 0)
			return -ETIMEDOUT;
		ssize_t n = -1;
		if (ready > 0)
			n = read(fd, (uint8_t *)to + at, len - at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return -ECONNRESET;
		at += (size_t)n;
	}
	return 0;
}

int wire_receive(int fd, int timeout_ms, enum wire_type *type, struct buf *body)
{
	struct header h;
	int rc = read_all(fd, timeout_ms, &h, sizeof(h));
	if (rc < 0)
		return rc;
	if (h.type < WIRE_CONFIG || h.type >= WIRE_TYPES || h.len > WIRE_BODY_MAX)
		return -EBADMSG;
	body->len = 0;
	if (h.len) {
		uint8_t *at = buf_reserve(body, h.len);
		if (!at)
			return -errno;
		rc = read_all(fd, timeout_ms, at, h.len);
		if (rc < 0)
			return rc;
		body->len = h.len;
	}
	*type = (enum wire_type)h.type;
	return 0;
}

int wire_send_join(int fd, const int *fds, size_t count)
{
	struct header h = {.type = WIRE_JOIN};
	struct iovec iov = {.iov_base = &h, .iov_len = sizeof(h)};
	union {
		struct cmsghdr head;
		char capacity[CMSG_SPACE(WIRE_FDS_MAX * sizeof(int))];
	} control = {0};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
	if (count > WIRE_FDS_MAX)
		return -E2BIG;
	if (count) {
		control.head = (struct cmsghdr){
			.cmsg_level = SOL_SOCKET,
			.cmsg_type = SCM_RIGHTS,
			.cmsg_len = CMSG_LEN(count * sizeof(int)),
		};
		memcpy(CMSG_DATA(&control.head), fds, count * sizeof(int));
		m.msg_control = &control;
		m.msg_controllen = CMSG_SPACE(count * sizeof(int));
	}
	ssize_t n;
	do
		n = sendmsg(fd, &m, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	if (n == sizeof(h))
		return 0;
	return -EPIPE;
}

int wire_receive_join(int fd, int fds[WIRE_FDS_MAX], size_t *count)
{
	struct header h = {0};
	struct iovec iov = {.iov_base = &h, .iov_len = sizeof(h)};
	union {
		struct cmsghdr head;
		char capacity[CMSG_SPACE(WIRE_FDS_MAX * sizeof(int))];
	} control;
	struct msghdr m = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	ssize_t n;
	do
		n = recvmsg(fd, &m, MSG_WAITALL | MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	*count = 0;
	const struct cmsghdr *head = CMSG_FIRSTHDR(&m);
	if (head && head->cmsg_level == SOL_SOCKET && head->cmsg_type == SCM_RIGHTS) {
		*count = (head->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		memcpy(fds, CMSG_DATA(head), *count * sizeof(int));
	}
	if (n == 0)
		return -ECONNRESET;
	if (n != sizeof(h) || h.type != WIRE_JOIN || h.len != 0 || (m.msg_flags & MSG_CTRUNC))
		return -EBADMSG;
	return 0;
}

int wire_failure(const struct buf *body, struct err *e)
{
	struct reader r = reader_of(body->data, body->len);
	uint32_t code, blame;
	if (!reader_le32(&r, &code) || !reader_le32(&r, &blame) || code == 0 || code > 4095 ||
	    blame > ERR_PEER)
		return err_set(e, ERR_HOST, EBADMSG,
			       "the monitor failed; its message is malformed");
	return err_set(e, (enum err_blame)blame, (int)code, "%.*s",
		       (int)(r.left < 383 ? r.left : 383), (const char *)r.at);
}

int wire_failure_status(const struct err *e)
{
	if (e->blame == ERR_CONFIG && e->code == ENOENT)
		return WIRE_STATUS_NOT_FOUND;
	if (e->blame == ERR_CONFIG && (e->code == EACCES || e->code == ENOEXEC))
		return WIRE_STATUS_CANNOT_RUN;
	return WIRE_STATUS_HOST;
}
