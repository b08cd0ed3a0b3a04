/* SPDX-License-Identifier: Apache-2.0 */
/* Host calls on sockets: messages, streams, time limits, options. */
#include "vm/hostcall/network.h"
#include "vm/jail/jail.h"
#include "vm_calls.h"

#include <net/if.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>

Test(vm_calls, sockets_need_the_network)
{
	struct sockaddr_un local = {.sun_family = AF_UNIX, .sun_path = "/tmp/x"};
	struct mote_sockaddr a = {.len = sizeof(local)};
	memcpy(a.data, &local, sizeof(local));
	EXPECT(-EPERM, mote_socket(&area, AF_INET, SOCK_STREAM, 0));
	EXPECT(0, mote_socketpair(&area, AF_UNIX, SOCK_DGRAM, (void *)GUEST_AT, 8));
	int32_t pair[2];
	get(GUEST_AT, pair, sizeof(pair));
	EXPECT(-EAFNOSUPPORT, mote_bind(&area, pair[0], put(&a, sizeof(a))));
	vm.network = true;
	/* Without directories a guest names no files; paths are addresses of other calls alone. */
	EXPECT(-EAFNOSUPPORT, mote_socket(&area, AF_UNIX, SOCK_STREAM, 0));
	EXPECT(-EAFNOSUPPORT, mote_bind(&area, pair[0], put(&a, sizeof(a))));
	EXPECT(-EAFNOSUPPORT, mote_connect(&area, pair[0], put(&a, sizeof(a))));
	struct mote_iovec v = {.base = GUEST_AT, .len = 1};
	EXPECT(-EAFNOSUPPORT,
	       mote_send(&area, pair[0], put(&v, sizeof(v)), 1, 0, put(&a, sizeof(a))));
	EXPECT(-ENOPROTOOPT,
	       mote_sock_setopt(&area, pair[0], SOL_SOCKET, SO_PASSCRED, put("\1\0\0\0", 4), 4));
	EXPECT(-ENOTSOCK, mote_listen(&area, RW, 1));
	EXPECT(-EAFNOSUPPORT, mote_socket(&area, 16 /* AF_NETLINK */, SOCK_DGRAM, 0));
	EXPECT(-EPERM, mote_socket(&area, AF_INET, SOCK_RAW, 0));
}

/* A guest of the WebAssembly runtime has TCP and UDP with the network, and nothing without it. */
Test(vm_calls, sockets_of_modules)
{
	struct sockaddr_in local = {.sin_family = AF_INET,
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct mote_sockaddr a = {.len = sizeof(local)};
	const void *one = put("\1\0\0\0", 4);
	memcpy(a.data, &local, sizeof(local));
	vm.wasm = true;
	vm.network = true;
	const int32_t fd = (int32_t)mote_socket(&area, AF_INET, SOCK_STREAM, 0);
	EXPECT(0, mote_bind(&area, fd, put(&a, sizeof(a))));
	EXPECT(0, mote_sock_setopt(&area, fd, SOL_SOCKET, SO_KEEPALIVE, one, 4));
	EXPECT(-ENOPROTOOPT, mote_sock_setopt(&area, fd, IPPROTO_TCP, TCP_NODELAY, one, 4));
	EXPECT(0, mote_listen(&area, fd, 1));
	EXPECT(0, mote_sock_name(&area, fd, 0, (void *)GUEST_AT));
	vm.paths = JAIL_PATHS;
	EXPECT(-EAFNOSUPPORT, mote_socket(&area, AF_UNIX, SOCK_STREAM, 0));
	EXPECT(-ENOSYS, mote_socketpair(&area, AF_UNIX, SOCK_STREAM, (void *)GUEST_AT, 8));
	vm.network = false;
	a.len = sizeof(uint16_t);
	memset(a.data, 0, sizeof(a.data)); /* AF_UNSPEC */
	struct mote_iovec v = {.base = GUEST_AT, .len = 1};
	EXPECT(-EPERM, mote_socket(&area, AF_INET, SOCK_STREAM, 0));
	EXPECT(-EPERM, mote_bind(&area, fd, put(&a, sizeof(a))));
	EXPECT(-EPERM, mote_connect(&area, fd, put(&a, sizeof(a))));
	EXPECT(-EPERM, mote_send(&area, fd, put(&v, sizeof(v)), 1, 0, put(&a, sizeof(a))));
	EXPECT(-EPERM, mote_sock_setopt(&area, fd, SOL_SOCKET, SO_KEEPALIVE, one, 4));
	EXPECT(-EPERM, mote_listen(&area, fd, 1));
	EXPECT(-EPERM, mote_sock_name(&area, fd, 0, (void *)GUEST_AT));
}

/* --- what tells of the network --- */

static int64_t ask(int32_t fd, uint32_t request, struct mote_interface *i)
{
	void *at = put(i, sizeof(*i));
	int64_t rc = mote_interface(&area, fd, request, at, sizeof(*i), at, sizeof(*i));
	get((uint64_t)at, i, sizeof(*i));
	return rc;
}

Test(vm_calls, interfaces_are_asked_by_a_list_of_questions)
{
	struct mote_interface i = {.name = "lo"}, all[1];
	struct ifconf kernel = {0};
	uint32_t index;
	void *at = put(&i, sizeof(i));
	int32_t pair[2];
	EXPECT(0, mote_socketpair(&area, AF_UNIX, SOCK_STREAM, (void *)GUEST_AT, 8));
	get(GUEST_AT, pair, sizeof(pair));
	EXPECT(-EPERM, ask(pair[0], SIOCGIFINDEX, &i));
	EXPECT(-EPERM, mote_interface(&area, pair[0], SIOCGIFCONF, NULL, 0, at, 0));
	vm.network = true;
	EXPECT(-ENOTSOCK, ask(RW, SIOCGIFINDEX, &i));
	EXPECT(-EBADF, ask(CLOSED, SIOCGIFINDEX, &i));
	EXPECT(0, ask(pair[0], SIOCGIFINDEX, &i));
	memcpy(&index, i.data, sizeof(index));
	EXPECT(if_nametoindex("lo"), index);
	memset(i.name, 'x', sizeof(i.name)); /* no NUL */
	EXPECT(-ENODEV, ask(pair[0], SIOCGIFINDEX, &i));
	EXPECT(-EINVAL, mote_interface(&area, pair[0], SIOCGIFINDEX, at, 39, at, sizeof(i)));
	EXPECT(-EINVAL, mote_interface(&area, pair[0], SIOCGIFINDEX, at, sizeof(i), at, 39));
	static const uint32_t others[] = {SIOCSIFFLAGS, SIOCSIFADDR, SIOCSIFMTU, SIOCSIFHWADDR,
					  SIOCGIFBR,    FIONREAD,    TCGETS,     0};
	for (size_t k = 0; k < sizeof(others) / sizeof(others[0]); k++)
		EXPECT(-ENOTTY, ask(pair[0], others[k], &i));
	int64_t fd = mote_socket(&area, AF_INET, SOCK_DGRAM, 0);
	cr_assert(ioctl(fdtable_get(&vm.fds, (int32_t)fd)->host, SIOCGIFCONF, &kernel) == 0);
	EXPECT(kernel.ifc_len, mote_interface(&area, (int32_t)fd, SIOCGIFCONF, NULL, 0, at, 0));
	EXPECT(-EFAULT,
	       mote_interface(&area, (int32_t)fd, SIOCGIFCONF, NULL, 0, (void *)AT_PAGE(8), 40));
	if (kernel.ifc_len == 0)
		return;
	EXPECT(sizeof(i), mote_interface(&area, (int32_t)fd, SIOCGIFCONF, NULL, 0, at, 79));
	get((uint64_t)at, all, sizeof(all));
	cr_expect(if_nametoindex(all[0].name) != 0);
}

Test(vm_calls, files_of_the_network_are_those_of_a_list)
{
	struct err e = {0};
	char text[200] = "", got[sizeof(text)] = "";
	EXPECT(-EPERM, mote_net_file(&area, MOTE_NET_dev, 0, (void *)GUEST_AT, 100));
	vm.network = true;
	EXPECT(-ENOENT, mote_net_file(&area, MOTE_NET_dev, 0, (void *)GUEST_AT, 100));
	cr_assert(network_open(&vm, &e) == 0, "%s", e.text);
	int fd = open("/proc/thread-self/net/dev", O_RDONLY | O_CLOEXEC);
	cr_assert(read(fd, text, sizeof(text)) == sizeof(text));
	EXPECT(sizeof(text), mote_net_file(&area, MOTE_NET_dev, 0, (void *)GUEST_AT, sizeof(text)));
	get(GUEST_AT, got, sizeof(got));
	cr_expect(memcmp(text, got, sizeof(text)) == 0);
	EXPECT(50, mote_net_file(&area, MOTE_NET_dev, 100, (void *)GUEST_AT, 50));
	get(GUEST_AT, got, 50);
	cr_expect(memcmp(text + 100, got, 50) == 0);
	EXPECT(0, mote_net_file(&area, MOTE_NET_dev, MOTE_NET_SEEK_MAX, (void *)GUEST_AT, 50));
	EXPECT(0, mote_net_file(&area, MOTE_NET_dev, MOTE_NET_SEEK_MAX, (void *)GUEST_AT, 50));
	EXPECT(-ESPIPE,
	       mote_net_file(&area, MOTE_NET_dev, MOTE_NET_SEEK_MAX + 1, (void *)GUEST_AT, 50));
	EXPECT(-ESPIPE, mote_net_file(&area, MOTE_NET_dev, UINT64_MAX, (void *)GUEST_AT, 50));
	EXPECT(-ENOENT, mote_net_file(&area, MOTE_NET_FILES, 0, (void *)GUEST_AT, 50));
	EXPECT(-ENOENT, mote_net_file(&area, UINT32_MAX, 0, (void *)GUEST_AT, 50));
	EXPECT(-EFAULT, mote_net_file(&area, MOTE_NET_dev, 0, (void *)AT_PAGE(8), 50));
	network_free(&vm);
}

/* By it openat2 in a filter would find /proc/self/mem. */
Test(vm_calls, nothing_of_proc_is_open_in_a_filter)
{
	struct err e = {0};
	char link[64], to[64];
	network_prepare();
	network_prepare();
	cr_assert(vm_check_filter(&e) == 0);
	network_prepare();
	for (int fd = 3; fd < 64; fd++) {
		snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
		ssize_t n = readlink(link, to, sizeof(to) - 1);
		to[n < 0 ? 0 : n] = '\0';
		cr_expect(strcmp(to, "/proc") != 0);
	}
}

/* A pair of connected sockets that the guest has. */
static void make_pair(uint32_t type, int32_t pair[2])
{
	EXPECT(0, mote_socketpair(&area, AF_UNIX, type, (void *)GUEST_AT, 8));
	get(GUEST_AT, pair, 2 * sizeof(pair[0]));
}

Test(vm_calls, a_datagram_is_written_whole)
{
	int32_t pair[2];
	char got[8000];
	make_pair(SOCK_DGRAM, pair);
	struct mote_iovec v[2] = {{.base = AT_PAGE(1), .len = 5000},
				  {.base = AT_PAGE(1), .len = 2000}};
	EXPECT(7000, mote_writev(&area, pair[0], put(v, sizeof(v)), 2));
	cr_expect(recv(fdtable_get(&vm.fds, pair[1])->host, got, sizeof(got), MSG_DONTWAIT) ==
		  7000);
	EXPECT(0, mote_send(&area, pair[0], put(v, sizeof(v)), 0, 0, NULL));
	cr_expect(recv(fdtable_get(&vm.fds, pair[1])->host, got, sizeof(got), MSG_DONTWAIT) == 0);
}

static void *slowly(void *host)
{
	char bytes[5000];
	size_t got = 0;
	for (ssize_t n = 1; n > 0 && got < 800000; got += (size_t)n) {
		usleep(100);
		n = recv(*(int *)host, bytes, sizeof(bytes), 0);
	}
	for (int i = 0; i < 4; i++) {
		usleep(20000);
		got += send(*(int *)host, "quarter", 7, 0) == 7;
	}
	return (void *)got;
}

Test(vm_calls, streams_that_wait_transfer_all)
{
	int32_t pair[2];
	pthread_t thread;
	void *got;
	make_pair(SOCK_STREAM, pair);
	int host = fdtable_get(&vm.fds, pair[1])->host;
	struct mote_iovec v[100], all = {.base = AT_PAGE(1), .len = 28},
				  one = {.base = AT_PAGE(1), .len = 1};
	for (int i = 0; i < 100; i++)
		v[i] = (struct mote_iovec){.base = AT_PAGE(0), .len = i % 2 ? 3000 : 5000};
	cr_assert(pthread_create(&thread, NULL, slowly, &host) == 0);
	EXPECT(400000, mote_send(&area, pair[0], put(v, sizeof(v)), 100, 0, NULL));
	EXPECT(400000, mote_writev(&area, pair[0], put(v, sizeof(v)), 100));
	EXPECT(28, mote_recv(&area, pair[0], put(&all, sizeof(all)), 1, MSG_WAITALL, NULL));
	pthread_join(thread, &got);
	cr_expect((size_t)got == 800004, "%zu", (size_t)got);
	/* What cannot be had at once is not waited for. */
	EXPECT(-EAGAIN, mote_recv(&area, pair[0], put(&one, sizeof(one)), 1,
				  MSG_WAITALL | MSG_DONTWAIT, NULL));
	int64_t some = mote_send(&area, pair[0], put(v, sizeof(v)), 100, MSG_DONTWAIT, NULL);
	cr_expect(some > 0 && some < 400000, "%ld", (long)some);
	shutdown(host, SHUT_WR);
	EXPECT(0, mote_recv(&area, pair[0], put(&one, sizeof(one)), 1, MSG_WAITALL, NULL));
}

static int64_t now_ms(void)
{
	return vm_now_ns(CLOCK_MONOTONIC) / 1000000;
}

Test(vm_calls, time_limits_of_sockets)
{
	int32_t pair[2];
	make_pair(SOCK_STREAM, pair);
	struct timeval limit = {.tv_usec = 30000};
	struct mote_iovec v = {.base = AT_PAGE(1), .len = 4};
	EXPECT(0, mote_sock_setopt(&area, pair[0], SOL_SOCKET, SO_RCVTIMEO,
				   put(&limit, sizeof(limit)), sizeof(limit)));
	EXPECT(0, mote_sock_setopt(&area, pair[0], SOL_SOCKET, SO_SNDTIMEO,
				   put(&limit, sizeof(limit)), sizeof(limit)));
	int64_t before = now_ms();
	EXPECT(-EAGAIN, mote_recv(&area, pair[0], put(&v, sizeof(v)), 1, 0, NULL));
	EXPECT(-EAGAIN, mote_readv(&area, pair[0], put(&v, sizeof(v)), 1));
	v.len = 4 * MOTE_PAGE;
	int64_t sent = 0;
	for (int i = 0; i < 1000 && sent >= 0; i++)
		sent = mote_send(&area, pair[0], put(&v, sizeof(v)), 1, 0, NULL);
	EXPECT(-EAGAIN, sent);
	cr_expect(now_ms() - before >= 90, "%ld ms", (long)(now_ms() - before));
}

/* A guest cannot make the host wait in close, where no limit would end it. */
Test(vm_calls, close_does_not_linger)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(at);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	cr_assert(bind(listener, (struct sockaddr *)&at, len) == 0 && listen(listener, 1) == 0);
	cr_assert(getsockname(listener, (struct sockaddr *)&at, &len) == 0);
	vm.network = true;
	struct mote_sockaddr a = {.len = len};
	memcpy(a.data, &at, len);
	for (int wait = 0; wait < 2; wait++) {
		struct linger linger = {.l_onoff = 1, .l_linger = wait * 100};
		int32_t fd = (int32_t)mote_socket(&area, AF_INET, SOCK_STREAM, 0);
		EXPECT(0, mote_connect(&area, fd, put(&a, sizeof(a))));
		EXPECT(0, mote_sock_setopt(&area, fd, SOL_SOCKET, SO_LINGER,
					   put(&linger, sizeof(linger)), sizeof(linger)));
		struct mote_iovec v = {.base = AT_PAGE(0), .len = 4 * MOTE_PAGE};
		while (mote_send(&area, fd, put(&v, sizeof(v)), 1, MSG_DONTWAIT, NULL) > 0)
			;
		int64_t before = now_ms();
		EXPECT(0, mote_close(&area, fd));
		cr_expect(now_ms() - before < 50000, "%ld ms", (long)(now_ms() - before));
	}
	close(listener);
}

/* Pieces of memory that do not lie together on the host are one message all the same. */
Test(vm_calls, messages_in_pieces)
{
	const int types[] = {SOCK_DGRAM, SOCK_STREAM};
	for (size_t t = 0; t < 2; t++) {
		int32_t pair[2];
		EXPECT(0,
		       mote_socketpair(&area, AF_UNIX, (uint32_t)types[t], (void *)AT_PAGE(4), 8));
		get(AT_PAGE(4), pair, sizeof(pair));
		const char text[] = "one message in three";
		cr_assert(memory_write(&vm.memory, gva(AT_PAGE(0)), text, 20) == 0);
		struct mote_iovec out[3] = {
			{AT_PAGE(0), 4}, {AT_PAGE(0) + 4, 8}, {AT_PAGE(0) + 12, 8}};
		struct mote_iovec in[3] = {{AT_PAGE(2), 2}, {AT_PAGE(1), 10}, {AT_PAGE(10), 30}};
		EXPECT(20, mote_send(&area, pair[0], put(out, sizeof(out)), 3, 0, NULL));
		EXPECT(20, mote_recv(&area, pair[1], put(in, sizeof(in)), 3, 0, NULL));
		char got[21] = {0};
		get(AT_PAGE(2), got, 2);
		get(AT_PAGE(1), got + 2, 10);
		get(AT_PAGE(10), got + 12, 8);
		cr_expect_str_eq(got, text);
		EXPECT(-EAGAIN,
		       mote_recv(&area, pair[1], put(in, sizeof(in)), 3, MSG_DONTWAIT, NULL));
		int type = 0;
		EXPECT(4, mote_sock_getopt(&area, pair[0], SOL_SOCKET, SO_TYPE, (void *)AT_PAGE(0),
					   4));
		get(AT_PAGE(0), &type, sizeof(type));
		cr_expect(type == types[t]);
		EXPECT(0, mote_close(&area, pair[0]));
		EXPECT(0, mote_close(&area, pair[1]));
	}
}

Test(vm_calls, options_that_only_tell)
{
	int32_t pair[2];
	int one = 1;
	EXPECT(0, mote_socketpair(&area, AF_UNIX, SOCK_STREAM, (void *)AT_PAGE(4), 8));
	get(AT_PAGE(4), pair, sizeof(pair));
	EXPECT(-ENOPROTOOPT,
	       mote_sock_setopt(&area, pair[0], SOL_SOCKET, SO_TYPE, put(&one, 4), 4));
	EXPECT(-ENOPROTOOPT,
	       mote_sock_setopt(&area, pair[0], SOL_SOCKET, SO_BINDTODEVICE, put(&one, 4), 4));
	EXPECT(0, mote_sock_setopt(&area, pair[0], SOL_SOCKET, SO_KEEPALIVE, put(&one, 4), 4));
}

static const struct sockaddr_in *address_of(int host, struct sockaddr_in *address)
{
	socklen_t len = sizeof(*address);
	cr_assert(getsockname(host, (struct sockaddr *)address, &len) == 0);
	return address;
}

struct late_sender {
	struct sockaddr_in from, to;
};

static void *send_late(void *arg)
{
	const struct late_sender *s = arg;
	usleep(500000);
	const int host = socket(AF_INET, SOCK_DGRAM, 0);
	cr_assert(bind(host, (const struct sockaddr *)&s->from, sizeof(s->from)) == 0);
	cr_assert(sendto(host, "x", 1, 0, (const struct sockaddr *)&s->to, sizeof(s->to)) == 1);
	close(host);
	return NULL;
}

static int64_t cpu_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return t.tv_sec * 1000000000L + t.tv_nsec;
}

/* It is always ready for poll. */
Test(vm_calls, a_queue_of_errors_is_no_reason_to_try_again)
{
	const int one = 1, unused = socket(AF_INET, SOCK_DGRAM, 0);
	struct late_sender sender = {
		.from = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)}};
	struct mote_sockaddr to = {.len = sizeof(sender.from)};
	pthread_t thread;
	cr_assert(bind(unused, (const struct sockaddr *)&sender.from, sizeof(sender.from)) == 0);
	memcpy(to.data, address_of(unused, &sender.from), sizeof(sender.from));
	close(unused); /* nobody is there */
	vm.network = true;
	const int32_t fd = (int32_t)mote_socket(&area, AF_INET, SOCK_DGRAM, 0);
	const struct mote_iovec v = {.base = GUEST_AT, .len = 1};
	EXPECT(0, mote_sock_setopt(&area, fd, IPPROTO_IP, IP_RECVERR, put(&one, 4), 4));
	EXPECT(0, mote_connect(&area, fd, put(&to, sizeof(to))));
	address_of(fdtable_host(&vm.fds, fd), &sender.to);
	EXPECT(1, mote_send(&area, fd, put(&v, sizeof(v)), 1, 0, NULL));
	EXPECT(-ECONNREFUSED, mote_recv(&area, fd, put(&v, sizeof(v)), 1, 0, NULL));
	cr_assert(pthread_create(&thread, NULL, send_late, &sender) == 0);
	const int64_t before = cpu_ns();
	EXPECT(1, mote_recv(&area, fd, put(&v, sizeof(v)), 1, 0, NULL));
	cr_expect(cpu_ns() - before < 100000000, "%ld ns", (long)(cpu_ns() - before));
	pthread_join(thread, NULL);
}

/* --- calls that try again --- */

/*
 * The end of a connection on which the peer has announced an urgent byte and cannot send it: bytes
 * before it are there to be read. In the guest's table.
 */
static int32_t announced_only(int *peer)
{
	static const char bytes[30000];
	const int little = 4096, much = 1 << 20;
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(at);
	int listener = socket(AF_INET, SOCK_STREAM, 0), ahead = 0;
	*peer = socket(AF_INET, SOCK_STREAM, 0);
	cr_assert(setsockopt(listener, SOL_SOCKET, SO_RCVBUF, &little, sizeof(little)) == 0 &&
		  setsockopt(*peer, SOL_SOCKET, SO_SNDBUF, &much, sizeof(much)) == 0);
	cr_assert(bind(listener, (struct sockaddr *)&at, len) == 0 && listen(listener, 1) == 0 &&
		  getsockname(listener, (struct sockaddr *)&at, &len) == 0 &&
		  connect(*peer, (struct sockaddr *)&at, len) == 0);
	int host = accept(listener, NULL, NULL);
	cr_assert(host >= 0 && close(listener) == 0);
	cr_assert(send(*peer, bytes, sizeof(bytes), 0) == sizeof(bytes) &&
		  send(*peer, "!", 1, MSG_OOB) == 1);
	for (int i = 0; i < 1000 && !ahead; i++) {
		char c;
		usleep(10000);
		ahead = recv(host, &c, 1, MSG_OOB | MSG_DONTWAIT) < 0 && errno == EAGAIN;
	}
	cr_assert(ahead, "the kernel has said so");
	return fdtable_add(&vm.fds, host, FD_SOCKET, 0);
}

/* On the poller no limit would end a wait for it, and elsewhere it would take a CPU. */
Test(vm_calls, an_urgent_byte_is_never_waited_for)
{
	int peer;
	const int32_t fd = announced_only(&peer);
	const struct mote_iovec v = {.base = GUEST_AT, .len = 1};
	struct vcpu *vcpu = &vm.vcpus[0];
	EXPECT(-EAGAIN, mote_recv(&area, fd, put(&v, sizeof(v)), 1, MSG_OOB, NULL));
	vcpu->on_poller = true;
	EXPECT(-EAGAIN, mote_recv(&area, fd, put(&v, sizeof(v)), 1, MSG_OOB, NULL));
	vcpu->on_poller = false;
	close(peer);
}

static int32_t with_an_error(void)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(at);
	const int on = 1;
	int nobody = socket(AF_INET, SOCK_DGRAM, 0), host = socket(AF_INET, SOCK_DGRAM, 0);
	cr_assert(bind(nobody, (struct sockaddr *)&at, len) == 0 &&
		  getsockname(nobody, (struct sockaddr *)&at, &len) == 0 && close(nobody) == 0);
	cr_assert(setsockopt(host, IPPROTO_IP, IP_RECVERR, &on, sizeof(on)) == 0 &&
		  connect(host, (struct sockaddr *)&at, len) == 0 && send(host, "x", 1, 0) == 1);
	struct pollfd p = {.fd = host};
	cr_assert(poll(&p, 1, 10000) == 1 && p.revents == POLLERR);
	/* The error itself, once; the queue stays. */
	cr_assert(recv(host, NULL, 0, MSG_DONTWAIT) < 0 && errno == ECONNREFUSED);
	return fdtable_add(&vm.fds, host, FD_SOCKET, 0);
}

/* The limit of SO_RCVTIMEO is the call's, however often it waits. */
Test(vm_calls, a_queue_of_errors_leaves_the_time_limit)
{
	const struct timeval limit = {.tv_usec = 50000};
	const struct mote_iovec v = {.base = GUEST_AT, .len = 1};
	const int32_t fd = with_an_error();
	EXPECT(0, mote_sock_setopt(&area, fd, SOL_SOCKET, SO_RCVTIMEO, put(&limit, sizeof(limit)),
				   sizeof(limit)));
	EXPECT(-EAGAIN, mote_recv(&area, fd, put(&v, sizeof(v)), 1, 0, NULL));
}
