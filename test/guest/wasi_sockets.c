/* SPDX-License-Identifier: Apache-2.0 */
/* A server on a listener given as descriptor 3; the test connects to it and says what it must see.
 */
#include "wasi_check.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <wasi/api.h>

__attribute__((import_module("wasi_snapshot_preview1"), import_name("sock_accept"))) int
raw_sock_accept(int fd, int flags, __wasi_fd_t *accepted);

#define LISTENER 3

int main(void)
{
	char buf[64];
	__wasi_fd_t fd;
	__wasi_fdstat_t st;
	__wasi_size_t n;
	__wasi_roflags_t ro;
	__wasi_prestat_t pre;
	CHECK(__wasi_fd_prestat_get(LISTENER, &pre) == __WASI_ERRNO_BADF);
	CHECK(__wasi_fd_fdstat_get(LISTENER, &st) == 0 &&
	      st.fs_filetype == __WASI_FILETYPE_SOCKET_STREAM);
	struct pollfd p = {.fd = LISTENER, .events = POLLIN};
	CHECK(poll(&p, 1, -1) == 1);
	CHECK(raw_sock_accept(LISTENER, 0, &fd) == 0);
	CHECK(__wasi_fd_fdstat_get(fd, &st) == 0 &&
	      st.fs_filetype == __WASI_FILETYPE_SOCKET_STREAM && st.fs_flags == 0);
	int s = (int)fd;
	CHECK(recv(s, buf, sizeof(buf), MSG_PEEK) > 0 && buf[0] == 'h');
	/* The test sends "hello" and later ", world". */
	__wasi_iovec_t v[2] = {{.buf = (uint8_t *)buf, .buf_len = 7},
			       {.buf = (uint8_t *)buf + 7, .buf_len = 5}};
	CHECK(__wasi_sock_recv(fd, v, 2, __WASI_RIFLAGS_RECV_WAITALL, &n, &ro) == 0 && n == 12 &&
	      ro == 0);
	CHECK(memcmp(buf, "hello, world", 12) == 0);
	CHECK(send(s, "answer", 6, 0) == 6 && write(s, "!", 1) == 1);
	CHECK(__wasi_sock_shutdown(fd, 0) == __WASI_ERRNO_INVAL && shutdown(s, SHUT_WR) == 0);
	CHECK(send(s, "x", 1, 0) == -1 && errno == EPIPE);
	CHECK(read(s, buf, sizeof(buf)) == 0 && close(s) == 0);
	CHECK(raw_sock_accept(LISTENER, __WASI_FDFLAGS_NONBLOCK, &fd) == 0 &&
	      (fcntl((int)fd, F_GETFL) & O_NONBLOCK));
	CHECK(read((int)fd, buf, sizeof(buf)) == -1 && errno == EAGAIN);
	CHECK(raw_sock_accept(LISTENER, 64, &fd) == __WASI_ERRNO_INVAL &&
	      raw_sock_accept(2, 0, &fd) == __WASI_ERRNO_NOTSOCK);
	return 0;
}
