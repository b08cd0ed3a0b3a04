/* SPDX-License-Identifier: Apache-2.0 */
/* Host calls on AF_UNIX sockets: by files and by abstract names. */
#include "vm_calls.h"

#include <pthread.h>
#include <stddef.h>
#include <sys/syscall.h>

static struct mote_sockaddr *unix_name(const char *name, size_t bytes)
{
	static struct mote_sockaddr a;
	const struct sockaddr_un un = {.sun_family = AF_UNIX};
	memcpy(a.data, &un, sizeof(un));
	memcpy(a.data + offsetof(struct sockaddr_un, sun_path), name, bytes);
	a.len = (uint32_t)(offsetof(struct sockaddr_un, sun_path) + bytes);
	return put(&a, sizeof(a));
}

static int32_t unix_socket(void)
{
	int64_t fd = mote_socket(&area, AF_UNIX, SOCK_STREAM, 0);
	cr_assert(fd >= 0, "%ld", (long)fd);
	return (int32_t)fd;
}

/* A path leads to no socket outside, whichever way it goes there; nor does the other call. */
Test(vm_calls, sockets_by_files_stay_below_their_directory)
{
	struct sockaddr_un out = {.sun_family = AF_UNIX, .sun_path = "outside"};
	int l = socket(AF_UNIX, SOCK_STREAM, 0);
	cr_assert(bind(l, (struct sockaddr *)&out, sizeof(out)) == 0 && listen(l, 1) == 0);
	cr_assert(symlink("../outside", "rw/climbs") == 0);
	vm.paths = 3;
	int32_t fd = unix_socket();
	EXPECT(-EXDEV, mote_connect_file(&area, fd, RW, P("../outside"), 0));
	EXPECT(-EXDEV, mote_connect_file(&area, fd, RW, P("climbs"), 0));
	EXPECT(-ENOLINK, mote_connect_file(&area, fd, RW, P("climbs"), MOTE_RESOLVE_IN_ROOT));
	EXPECT(-EINVAL, mote_connect(&area, fd, unix_name("outside", 8)));
	EXPECT(-EINVAL, mote_bind(&area, fd, unix_name("x", 2)));
	EXPECT(-EXDEV, mote_bind_file(&area, fd, RW, P("../x"), 0, 0777, unix_name("../x", 5)));
	EXPECT(-EROFS, mote_bind_file(&area, fd, DIR_RO, P("x"), 0, 0777, unix_name("x", 2)));
	EXPECT(-EINVAL, mote_bind_file(&area, fd, RW, P("x"), 0, 0777, NULL));
	EXPECT(0, mote_bind_file(&area, fd, RW, P("x"), 0, 0700, unix_name("x", 2)));
	struct stat st;
	cr_expect(stat("rw/x", &st) == 0 && S_ISSOCK(st.st_mode) && (st.st_mode & 0777) == 0700);
	/* What cannot be opened has a mode all the same, if the kernel can change it. */
	bool possible = syscall(452 /* fchmodat2 */, -1, "", 0, 0) < 0 && errno != ENOSYS;
	EXPECT(possible ? 0 : -ENXIO, mote_chmod(&area, RW, P("x"), 0, 0640));
	cr_expect(stat("rw/x", &st) == 0 && (st.st_mode & 0777) == (possible ? 0640 : 0700));
	/* Directories for reading have none to talk to. */
	struct sockaddr_un ro = {.sun_family = AF_UNIX, .sun_path = "ro/s"};
	int server = socket(AF_UNIX, SOCK_STREAM, 0);
	cr_assert(bind(server, (struct sockaddr *)&ro, sizeof(ro)) == 0 && listen(server, 1) == 0);
	struct mote_iovec v = {.base = GUEST_AT, .len = 1};
	int32_t client = unix_socket();
	EXPECT(-EACCES, mote_connect_file(&area, client, DIR_RO, P("s"), 0));
	EXPECT(-EACCES, mote_send_file(&area, client, put(&v, sizeof(v)), 1, 0, DIR_RO, P("s"), 0));
	EXPECT(-ENOENT, mote_connect_file(&area, client, DIR_RO, P("none"), 0));
	close(server);
	vm.paths = 0;
	close(l);
}

/* The names of one VM are not those of another, nor of a process of the host's. */
Test(vm_calls, abstract_names_are_the_vms_own)
{
	struct sockaddr_un host = {.sun_family = AF_UNIX};
	const socklen_t len = offsetof(struct sockaddr_un, sun_path) + 10;
	int l = socket(AF_UNIX, SOCK_STREAM, 0);
	memcpy(host.sun_path, "\0mote-test", 10);
	cr_assert(bind(l, (struct sockaddr *)&host, len) == 0 && listen(l, 1) == 0);
	vm.paths = 3;
	for (uint64_t key = 0; key < 2; key++) {
		vm.container_key = key;
		int32_t fd = unix_socket(), other = unix_socket();
		EXPECT(-ECONNREFUSED, mote_connect(&area, fd, unix_name("\0mote-test", 10)));
		EXPECT(0, mote_bind(&area, fd, unix_name("\0mote-test", 10)));
		EXPECT(-EADDRINUSE, mote_bind(&area, other, unix_name("\0mote-test", 10)));
		EXPECT(0, mote_listen(&area, fd, 1));
		EXPECT(0, mote_connect(&area, other, unix_name("\0mote-test", 10)));
		struct mote_sockaddr name = {0};
		EXPECT(0, mote_sock_name(&area, fd, 0, (void *)AT_PAGE(0)));
		get(AT_PAGE(0), &name, sizeof(name));
		cr_expect(name.len == len && memcmp(name.data, &host, len) == 0);
		EXPECT(0, mote_close(&area, fd));
		EXPECT(0, mote_close(&area, other));
	}
	vm.container_key = 1;
	int32_t fd = unix_socket();
	EXPECT(0, mote_bind(&area, fd, unix_name("\0mote-test", 10)));
	vm.container_key = 3;
	int32_t other = unix_socket();
	EXPECT(-ECONNREFUSED, mote_connect(&area, other, unix_name("\0mote-test", 10)));
	vm.container_key = vm.paths = 0;
	close(l);
}

/* --- what waits without a descriptor --- */

static int32_t named(int kind, int number)
{
	char name[16];
	snprintf(name, sizeof(name), "s%d", number);
	const int64_t fd = mote_socket(&area, AF_UNIX, (uint32_t)kind, 0);
	cr_assert(fd >= 0, "%ld", (long)fd);
	const int64_t rc = mote_bind_file(&area, (int32_t)fd, RW, P(name), 0, 0700,
					  unix_name(name, strlen(name) + 1));
	if (rc == 0)
		return (int32_t)fd;
	EXPECT(0, mote_close(&area, (int32_t)fd));
	return (int32_t)rc;
}

/* Connections to a listener that nobody accepts, each of them closed here. */
static int connect_all(int number)
{
	char name[16];
	int n = 0;
	snprintf(name, sizeof(name), "s%d", number);
	for (int64_t rc = 0; rc == 0 && n < 5000; n++) {
		const int64_t fd = mote_socket(&area, AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
		rc = mote_connect_file(&area, (int32_t)fd, RW, P(name), 0);
		cr_expect(rc == 0 || rc == -EAGAIN, "%ld", (long)rc);
		EXPECT(0, mote_close(&area, (int32_t)fd));
	}
	return n - 1;
}

Test(vm_calls, few_connections_wait_where_descriptors_are_few)
{
	enum { MOST = 256 };
	vm.paths = 3;
	vm.fds.max = 1024;
	const int32_t a = named(SOCK_STREAM, 1), b = named(SOCK_STREAM, 2),
		      c = named(SOCK_STREAM, 3);
	EXPECT(0, mote_listen(&area, a, 99));
	EXPECT(0, mote_listen(&area, b, 4096));
	EXPECT(100, connect_all(1));
	EXPECT(MOST - 100, connect_all(2));
	EXPECT(-ENOMEM, mote_listen(&area, c, 0));
	/* By a duplicate as well, and what waits there goes on waiting. */
	const int32_t copy = (int32_t)mote_dup(&area, b, 0);
	EXPECT(0, mote_listen(&area, copy, 0));
	EXPECT(0, mote_close(&area, b));
	EXPECT(-ENOMEM, mote_listen(&area, c, 0));
	EXPECT(0, mote_close(&area, copy));
	EXPECT(0, mote_listen(&area, c, 4096));
	EXPECT(MOST - 100, connect_all(3));
	/* A listener of its own has all that it asks for elsewhere. */
	vm.fds.max = UINT32_MAX;
	EXPECT(0, mote_listen(&area, named(SOCK_STREAM, 4), 300));
	EXPECT(301, connect_all(4));
	vm.paths = 0;
}

Test(vm_calls, few_datagram_sockets_have_names_where_descriptors_are_few)
{
	enum { MOST = 16 };
	int32_t last = -1;
	vm.paths = 3;
	vm.fds.max = 1024;
	for (int i = 0; i < MOST; i++) {
		last = named(SOCK_DGRAM, i);
		cr_assert(last >= 0, "%d: %d", i, last);
	}
	EXPECT(-ENOMEM, named(SOCK_DGRAM, MOST));
	const int64_t fd = mote_socket(&area, AF_UNIX, SOCK_DGRAM, 0);
	EXPECT(-ENOMEM, mote_bind(&area, (int32_t)fd, unix_name("\0name", 5)));
	const int32_t copy = (int32_t)mote_dup(&area, last, 0);
	EXPECT(0, mote_close(&area, last));
	EXPECT(-ENOMEM, named(SOCK_DGRAM, MOST));
	EXPECT(0, mote_close(&area, copy));
	EXPECT(0, mote_bind(&area, (int32_t)fd, unix_name("\0name", 5)));
	EXPECT(-ENOMEM, named(SOCK_DGRAM, MOST));
	vm.fds.max = UINT32_MAX;
	cr_expect(named(SOCK_DGRAM, MOST) >= 0);
	vm.paths = 0;
}

Test(vm_calls, send_buffers_are_small_where_descriptors_are_few)
{
	const int asked = 1 << 20;
	int got;
	vm.paths = 3;
	vm.fds.max = 1024;
	const int32_t fd = unix_socket();
	EXPECT(0, mote_sock_setopt(&area, fd, SOL_SOCKET, SO_SNDBUF, put(&asked, sizeof(asked)),
				   sizeof(asked)));
	EXPECT(sizeof(got),
	       mote_sock_getopt(&area, fd, SOL_SOCKET, SO_SNDBUF, (void *)GUEST_AT, sizeof(got)));
	get(GUEST_AT, &got, sizeof(got));
	cr_expect(got <= 212992, "%d", got);
	vm.paths = 0;
}

/* --- a datagram to who has no space for it --- */

/* In place of the C library's: how often the host tries. */
static _Atomic unsigned tries;

ssize_t sendto(int fd, const void *bytes, size_t n, int flags, __CONST_SOCKADDR_ARG to,
	       socklen_t len)
{
	tries++;
	return syscall(SYS_sendto, fd, bytes, n, flags, to.__sockaddr__, len);
}

static void *drain(void *server)
{
	char bytes[8];
	usleep(200000);
	while (recv(*(int *)server, bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
		;
	return NULL;
}

/* It waits until there is some, and does not ask each moment. */
Test(vm_calls, a_datagram_waits_for_space)
{
	const struct sockaddr_un name = {.sun_family = AF_UNIX, .sun_path = "rw/datagrams"};
	struct mote_iovec v = {.base = GUEST_AT, .len = 1};
	int server = socket(AF_UNIX, SOCK_DGRAM, 0), filler = socket(AF_UNIX, SOCK_DGRAM, 0);
	pthread_t thread;
	cr_assert(bind(server, (const struct sockaddr *)&name, sizeof(name)) == 0);
	vm.paths = 3;
	for (uint64_t key = 0; key < 2; key++) {
		vm.container_key = key; /* the two ways in which files are found */
		while (sendto(filler, "x", 1, MSG_DONTWAIT, (const struct sockaddr *)&name,
			      sizeof(name)) == 1)
			;
		cr_assert(errno == EAGAIN, "%s", strerror(errno));
		int64_t fd = mote_socket(&area, AF_UNIX, SOCK_DGRAM, 0);
		cr_assert(fd >= 0, "%ld", (long)fd);
		EXPECT(-EAGAIN, mote_send_file(&area, (int32_t)fd, put(&v, sizeof(v)), 1,
					       MSG_DONTWAIT, RW, P("datagrams"), 0));
		tries = 0;
		cr_assert(pthread_create(&thread, NULL, drain, &server) == 0);
		EXPECT(1, mote_send_file(&area, (int32_t)fd, put(&v, sizeof(v)), 1, 0, RW,
					 P("datagrams"), 0));
		cr_expect(tries <= 3, "%lu: %u tries", (unsigned long)key, tries);
		cr_assert(pthread_join(thread, NULL) == 0);
		EXPECT(0, mote_close(&area, (int32_t)fd));
	}
	vm.container_key = vm.paths = 0;
	close(filler);
	close(server);
}
