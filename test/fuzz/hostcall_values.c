/* SPDX-License-Identifier: Apache-2.0 */
/* See hostcall_values.h. Tables; what is not in them, the mutator takes of the argument's kind. */
#include "hostcall_values.h"

#include "abi/types.h"
#include "gen/hostcall_numbers.h"
#include "hostcall_frames.h"

#include <fcntl.h>
#include <linux/xattr.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define COUNT(array)     (sizeof(array) / sizeof((array)[0]))
#define ONE_OF(m, array) ((array)[mutate_below(m, COUNT(array))])

/* --- numbers --- */

#define PAGES(n)     ((uint64_t)(n) << 12)
#define NUMBERS(...) (const uint64_t[]){__VA_ARGS__}, COUNT(((uint64_t[]){__VA_ARGS__}))

/* Of call 0: of every call that has such an argument and no line of its own before. */
/* clang-format off */
static const struct {
	uint32_t nr;
	const char *argument;
	const uint64_t *numbers;
	size_t count;
} values[] = {
	{HOSTCALL_exit_signal, "signo", NUMBERS(0, 6, 9, 15, 64, 65)},
	{HOSTCALL_mem_share, "offset", NUMBERS(0, 0, PAGES(1), PAGES(2), 1)},
	{HOSTCALL_mem_move, "flags", NUMBERS(0, MOTE_MOVE_KEEP)},
	{HOSTCALL_open, "flags", NUMBERS(O_RDONLY, O_RDWR, O_WRONLY, O_RDWR | O_CREAT,
		O_WRONLY | O_CREAT,
		O_RDWR | O_CREAT | O_TRUNC, O_RDWR | O_TRUNC, O_RDWR | O_CREAT | O_EXCL,
		O_DIRECTORY, O_PATH,
		O_PATH | O_NOFOLLOW, O_RDONLY | O_NONBLOCK, O_WRONLY | O_NONBLOCK,
		O_RDWR | O_NONBLOCK,
		O_WRONLY | O_APPEND, O_RDWR | O_TMPFILE, O_NOFOLLOW, O_CREAT | O_NOFOLLOW,
		O_NOATIME, O_SYNC | O_RDWR)},
	{HOSTCALL_lseek, "whence", NUMBERS(SEEK_SET, SEEK_CUR, SEEK_END, SEEK_DATA, SEEK_HOLE, 5)},
	{HOSTCALL_unlink, "flags", NUMBERS(0, AT_REMOVEDIR)},
	{HOSTCALL_rename, "flags", NUMBERS(0, 1, 2, 4)},
	{HOSTCALL_fallocate, "mode", NUMBERS(0, FALLOC_FL_KEEP_SIZE,
		FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE,
		FALLOC_FL_ZERO_RANGE, FALLOC_FL_COLLAPSE_RANGE, FALLOC_FL_INSERT_RANGE)},
	{HOSTCALL_fsync, "data_only", NUMBERS(0, 1)},
	{HOSTCALL_fadvise, "advice", NUMBERS(0, 1, 2, 3, 4, 5, 6)},
	{HOSTCALL_access, "mode", NUMBERS(0, 1, 2, 4, 7, MOTE_ACCESS_REAL, MOTE_ACCESS_REAL | 6)},
	{HOSTCALL_mknod, "mode", NUMBERS(S_IFREG | 0600, S_IFIFO | 0600, S_IFIFO | 0600,
		S_IFSOCK | 0600, S_IFCHR, 0600)},
	{HOSTCALL_set_flags, "flags", NUMBERS(0, O_NONBLOCK, O_APPEND, O_NONBLOCK | O_APPEND)},
	{HOSTCALL_dup, "at_least", NUMBERS(0, 5, 8, 30, 100)},
	{HOSTCALL_pipe, "flags", NUMBERS(0, O_NONBLOCK)},
	{HOSTCALL_tee, "flags", NUMBERS(0, SPLICE_F_NONBLOCK)},
	{HOSTCALL_flock, "operation", NUMBERS(LOCK_SH, LOCK_EX, LOCK_UN, LOCK_SH | LOCK_NB,
		LOCK_EX | LOCK_NB)},
	{HOSTCALL_lock, "command", NUMBERS(F_GETLK, F_SETLK, F_SETLK, F_SETLK, F_SETLKW,
		F_OFD_GETLK, F_OFD_SETLK,
		F_OFD_SETLK, F_OFD_SETLKW)},
	{HOSTCALL_xattr_set, "flags", NUMBERS(0, XATTR_CREATE, XATTR_REPLACE)},
	{HOSTCALL_memfd, "flags", NUMBERS(0, MFD_ALLOW_SEALING, MFD_ALLOW_SEALING,
		8 | MFD_ALLOW_SEALING, 16)},
	{HOSTCALL_add_seals, "seals", NUMBERS(F_SEAL_SEAL, F_SEAL_SHRINK, F_SEAL_GROW, F_SEAL_WRITE,
		F_SEAL_FUTURE_WRITE,
		F_SEAL_SHRINK | F_SEAL_GROW, 0x20)},
	{HOSTCALL_eventfd, "initial", NUMBERS(0, 1, 5)},
	{HOSTCALL_eventfd, "flags", NUMBERS(0, EFD_NONBLOCK, EFD_SEMAPHORE)},
	{HOSTCALL_epoll_control, "operation", NUMBERS(EPOLL_CTL_ADD, EPOLL_CTL_ADD, EPOLL_CTL_MOD,
		EPOLL_CTL_DEL)},
	{HOSTCALL_epoll_control, "events", NUMBERS(EPOLLIN, EPOLLOUT, EPOLLIN | EPOLLOUT,
		EPOLLIN | EPOLLET,
		EPOLLOUT | EPOLLONESHOT, EPOLLIN | EPOLLEXCLUSIVE)},
	{HOSTCALL_timerfd_create, "clock", NUMBERS(CLOCK_REALTIME, CLOCK_MONOTONIC,
		CLOCK_BOOTTIME)},
	{HOSTCALL_timerfd_create, "flags", NUMBERS(0, TFD_NONBLOCK)},
	{HOSTCALL_timerfd_set, "flags", NUMBERS(0, 0, TFD_TIMER_ABSTIME,
		TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET)},
	{HOSTCALL_inotify_create, "flags", NUMBERS(0, IN_NONBLOCK)},
	{HOSTCALL_inotify_add, "mask", NUMBERS(IN_ALL_EVENTS, IN_CREATE | IN_DELETE, IN_MODIFY,
		IN_ATTRIB | IN_ONESHOT,
		IN_ALL_EVENTS | IN_ONLYDIR, IN_OPEN | IN_DONT_FOLLOW, IN_CLOSE | IN_MASK_ADD,
		IN_DELETE_SELF | IN_EXCL_UNLINK)},
	{HOSTCALL_inotify_remove, "watch", NUMBERS(1, 1, 2, 3)},
	{HOSTCALL_poll, "count", NUMBERS(0, 1, 2, 3, 16)},
	{HOSTCALL_sleep, "absolute", NUMBERS(0, 1)},
	{HOSTCALL_tty_set, "when", NUMBERS(0, 1, 2, 3)},
	{HOSTCALL_socket, "domain", NUMBERS(AF_UNIX, AF_UNIX, AF_INET, AF_INET6)},
	{HOSTCALL_socketpair, "domain", NUMBERS(AF_UNIX)},
	{HOSTCALL_interface, "request",
	 NUMBERS(SIOCGIFCONF, SIOCGIFNAME, SIOCGIFINDEX, SIOCGIFFLAGS, SIOCGIFADDR, SIOCSIFFLAGS)},
	{HOSTCALL_net_file, "file", NUMBERS(MOTE_NET_dev, MOTE_NET_route, MOTE_NET_FILES)},
	{0, "type", NUMBERS(SOCK_STREAM, SOCK_STREAM, SOCK_DGRAM, SOCK_DGRAM, SOCK_SEQPACKET,
		SOCK_RAW,
		SOCK_STREAM | SOCK_NONBLOCK, SOCK_DGRAM | SOCK_NONBLOCK)},
	{HOSTCALL_socket, "protocol", NUMBERS(0, 0, 0, IPPROTO_TCP, IPPROTO_UDP, PF_UNIX)},
	{HOSTCALL_listen, "backlog", NUMBERS(0, 1, 5, 300, 4096)},
	{HOSTCALL_accept, "flags", NUMBERS(0, SOCK_NONBLOCK)},
	{HOSTCALL_shutdown, "how", NUMBERS(0, 1, 2)},
	{HOSTCALL_sock_name, "peer", NUMBERS(0, 1)},
	{0, "level", NUMBERS(SOL_SOCKET, SOL_SOCKET, IPPROTO_TCP, IPPROTO_IP, IPPROTO_IPV6)},
	{0, "name", NUMBERS(SO_TYPE, SO_ERROR, SO_SNDBUF, SO_SNDBUF, SO_RCVBUF, SO_LINGER,
		SO_LINGER, SO_RCVTIMEO, SO_SNDTIMEO,
		SO_REUSEADDR, SO_DOMAIN, SO_PEERCRED, TCP_NODELAY, TCP_INFO, TCP_CORK, IP_TOS,
		IP_RECVERR, IPV6_V6ONLY)},
	{HOSTCALL_fchmod, "mode", NUMBERS(0, 0600, 0444, 0777, 04755)},
	{HOSTCALL_chmod, "mode", NUMBERS(0, 0600, 0444, 0777, 04755)},
	{0, "mode", NUMBERS(0600, 0700, 0777, 0)},
	{0, "resolve", NUMBERS(MOTE_RESOLVE_BENEATH, MOTE_RESOLVE_BENEATH, MOTE_RESOLVE_IN_ROOT,
		MOTE_RESOLVE_IN_ROOT,
		MOTE_RESOLVE_NOFOLLOW, MOTE_RESOLVE_IN_ROOT | MOTE_RESOLVE_NOFOLLOW,
		MOTE_RESOLVE_NO_SYMLINKS)},
	{0, "clock", NUMBERS(0, 1, 2, 3, 4, 5, 6, 7, 11)},
	{0, "prot", NUMBERS(1, 2, 3, 3, 3, 5, 7, 3 | MOTE_MAP_FILL, 3 | MOTE_MAP_LAZY,
		3 | MOTE_MAP_LAZY | MOTE_MAP_NORESERVE, 0)},
	{HOSTCALL_send, "flags", NUMBERS(0, 0, MSG_DONTWAIT, MSG_MORE, MSG_OOB, MSG_NOSIGNAL)},
	{HOSTCALL_send_file, "flags", NUMBERS(0, 0, MSG_DONTWAIT, MSG_MORE, MSG_NOSIGNAL)},
	{HOSTCALL_recv, "flags", NUMBERS(0, 0, MSG_DONTWAIT, MSG_PEEK, MSG_WAITALL, MSG_TRUNC,
		MOTE_RECV_LENGTH,
		MOTE_RECV_LENGTH | MSG_PEEK, MSG_ERRQUEUE, MSG_OOB)},
	{0, "addr", NUMBERS(HOSTCALL_GUEST_AT, HOSTCALL_GUEST_AT + PAGES(1),
		HOSTCALL_GUEST_AT + PAGES(4),
		HOSTCALL_GUEST_AT + PAGES(5), HOSTCALL_GUEST_AT + PAGES(8),
		HOSTCALL_GUEST_AT + PAGES(512))},
	{HOSTCALL_mem_move, "to", NUMBERS(HOSTCALL_GUEST_AT + PAGES(16),
		HOSTCALL_GUEST_AT + PAGES(2))},
	{HOSTCALL_exchange, "bytes", NUMBERS(0, 0, 1, 100, 4096, 4097)},
	{HOSTCALL_exchange, "size", NUMBERS(0, 1, 9, 100)},
	{HOSTCALL_tee, "bytes", NUMBERS(1, 10, 70000)},
	{0, "bytes", NUMBERS(PAGES(1), PAGES(1), PAGES(2), PAGES(4), PAGES(64), 0)},
	{0, "from", NUMBERS(0, 0, PAGES(1), PAGES(2))},
	{0, "offset", NUMBERS(0, 0, 1, 4, 100, PAGES(1), PAGES(512))},
	{0, "size", NUMBERS(0, 1, 4, 100, 5000, PAGES(3), PAGES(4096))},
	{0, "cookie", NUMBERS(0, 0, 1, 3)},
};
/* clang-format on */

bool hostcall_value(struct mutate *m, uint32_t nr, const char *argument, uint64_t *value)
{
	for (size_t i = 0; i < COUNT(values); i++)
		if ((!values[i].nr || values[i].nr == nr) &&
		    strcmp(values[i].argument, argument) == 0) {
			*value = values[i].numbers[mutate_below(m, (uint32_t)values[i].count)];
			if (mutate_below(m, 16) == 0)
				*value |= mutate_number(m);
			return true;
		}
	return false;
}

/* --- bytes and paths --- */

static uint32_t put_mappings(struct mutate *m, struct mote_mapping of[3])
{
	const uint32_t count = 1 + mutate_below(m, 3);
	for (uint32_t i = 0; i < count; i++) {
		uint64_t prot = 3;
		of[i] = (struct mote_mapping){.from = MOTE_MAP_ZEROED};
		hostcall_value(m, HOSTCALL_mem_map_many, "addr", &of[i].addr);
		hostcall_value(m, HOSTCALL_mem_map_many, "bytes", &of[i].bytes);
		hostcall_value(m, HOSTCALL_mem_map_many, "prot", &prot);
		of[i].prot = (uint32_t)prot;
		if (mutate_below(m, 2))
			hostcall_value(m, HOSTCALL_mem_map_many, "from", &of[i].from);
	}
	return count * sizeof(of[0]);
}

/* Of names, of what options are set to, and of mappings. */
uint32_t hostcall_bytes(struct mutate *m, uint32_t nr, const char *argument, void *to)
{
	static const char *const names[] = {
		"user.a", "user.a", "user.b", "user.", "security.x", "trusted.y", "system.z", "a",
	};
	static const int options[][4] = {{0}, {1}, {1, 0}, {1, 5}, {0, 1000}, {200000}, {-1, -1}};
	struct mote_mapping mappings[3];
	const void *from = NULL;
	uint32_t len = 0;
	if (strcmp(argument, "name") == 0) {
		from = ONE_OF(m, names);
		len = (uint32_t)strlen(from);
	} else if (nr == HOSTCALL_sock_setopt) {
		from = ONE_OF(m, options);
		len = 4U << mutate_below(m, 3);
	} else if (nr == HOSTCALL_mem_map_many) {
		from = mappings;
		len = put_mappings(m, mappings);
	}
	if (from)
		memcpy(to, from, len);
	return len;
}

/* Too long for an address of a socket, with a directory before it. */
static const char of_100_bytes[] = "a-name-of-a-hundred-bytes-------------------------"
				   "--------------------------------------------------";

const char *hostcall_path(struct mutate *m)
{
	/* clang-format off */
	static const char *const paths[] = {
		"a", "b", "a", "b", "file", "file", "dir", "dir/", "dir/a", "link", "link/", "out",
		"out/canary",
		"..", "../canary", ".", "/", "/file", "dir/../../canary", "loop", "./file",
		"dir//b", "fifo", "fifo",
		"/proc/self/mem", "up/canary", "missing/a", "null", "zero", "tty", "full/x", "kmsg",
		of_100_bytes,
	};
	/* clang-format on */
	return ONE_OF(m, paths);
}

/* --- structures --- */

static void put_lock(struct mutate *m, void *to)
{
	static const int16_t types[] = {F_RDLCK, F_WRLCK, F_WRLCK, F_UNLCK};
	const struct mote_lock lock = {
		.type = ONE_OF(m, types),
		.whence = (int16_t)(mutate_below(m, 4) ? SEEK_SET : mutate_below(m, 4)),
		.start = mutate_below(m, 16),
		.length = mutate_below(m, 8) ? (int64_t)mutate_below(m, 8) : -3,
	};
	memcpy(to, &lock, sizeof(lock));
}

static struct mote_time some_time(struct mutate *m)
{
	static const int64_t parts[] = {0, 1, 1000, 50000, 50000, 999999999, UTIME_NOW, UTIME_OMIT};
	return (struct mote_time){.sec = mutate_below(m, 4) ? 0 : mutate_below(m, 3),
				  .nsec = ONE_OF(m, parts)};
}

static void put_time(struct mutate *m, void *to)
{
	const struct mote_time time = some_time(m);
	memcpy(to, &time, sizeof(time));
}

static void put_timer(struct mutate *m, void *to)
{
	const struct mote_timer timer = {.interval = some_time(m), .value = some_time(m)};
	memcpy(to, &timer, sizeof(timer));
}

/* Of few ports, names and files, so that two sockets meet. */
static void put_address(struct mutate *m, void *to)
{
	static const struct {
		uint32_t len;
		uint8_t data[28];
	} some[] = {
		{16, {AF_INET, 0, 16, 0, 127, 0, 0, 1}},
		{16, {AF_INET, 0, 16, 1, 127, 0, 0, 1}},
		{28, {AF_INET6, 0, 16, 2, [23] = 1}},
		{4, {AF_UNIX, 0, 0, 'a'}},
		{4, {AF_UNIX, 0, 0, 'a'}},
		{8, {AF_UNIX, 0, 0, 'b', 'c'}},
		{4, {AF_UNIX, 0, 'a'}},
		{5, {AF_UNIX, 0, 'b'}},
		{16, {AF_UNSPEC}},
		{2, {AF_UNIX}},
		{112, {AF_UNIX, 0, 0, 'l', 'o', 'n', 'g'}},
	};
	struct mote_sockaddr address = {0};
	const size_t i = mutate_below(m, COUNT(some));
	address.len = some[i].len;
	memcpy(address.data, some[i].data, sizeof(some[i].data));
	memcpy(to, &address, sizeof(address));
}

bool hostcall_structure(struct mutate *m, const char *type, void *to)
{
	static const struct {
		const char *type;
		void (*put)(struct mutate *m, void *to);
	} types[] = {
		{"mote_lock", put_lock},
		{"mote_time", put_time},
		{"mote_timer", put_timer},
		{"mote_sockaddr", put_address},
	};
	for (size_t i = 0; i < COUNT(types); i++)
		if (strcmp(types[i].type, type) == 0) {
			types[i].put(m, to);
			return true;
		}
	return false;
}

/* --- calls that belong together --- */

#define C(a) HOSTCALL_##a
const uint16_t *hostcall_chain(struct mutate *m)
{
	/* clang-format off */
	static const uint16_t chains[][HOSTCALL_CHAIN_MAX + 1] = {
		{C(open), C(lock), C(lock), C(lock), C(open), C(lock), C(close)},
		{C(open), C(writev), C(pwritev), C(preadv), C(ftruncate), C(fstat)},
		{C(open), C(xattr_set), C(xattr_get), C(xattr_list), C(xattr_remove)},
		{C(open), C(ftruncate), C(mem_share), C(mem_find), C(mem_sync), C(mem_unmap)},
		{C(open), C(link_file), C(open)},
		{C(open), C(flock), C(open), C(flock)},
		{C(open), C(dup), C(set_flags), C(get_flags), C(fchmod), C(futimens)},
		{C(mknod), C(open), C(open), C(writev), C(readv)},
		{C(memfd), C(ftruncate), C(writev), C(add_seals), C(mem_share), C(get_seals),
			C(lock), C(close), C(memfd)},
		{C(memfd), C(fallocate), C(pwritev), C(close), C(memfd), C(ftruncate)},
		{C(pipe), C(writev), C(pipe), C(tee), C(readv)},
		{C(eventfd), C(epoll_create), C(epoll_control), C(epoll_wait), C(readv)},
		{C(timerfd_create), C(timerfd_set), C(timerfd_get), C(poll), C(readv)},
		{C(inotify_create), C(inotify_add), C(inotify_add), C(unlink), C(mkdir),
			C(inotify_remove), C(readv), C(readv)},
		{C(socket), C(bind), C(listen), C(socket), C(connect), C(accept), C(send),
			C(recv), C(sock_name), C(shutdown)},
		{C(socket), C(bind_file), C(listen), C(socket), C(connect_file), C(accept),
			C(sock_name), C(send), C(recv)},
		{C(socket), C(bind_file), C(socket), C(send_file), C(recv), C(send_file)},
		{C(socket), C(bind), C(socket), C(send), C(send), C(recv), C(recv)},
		{C(socketpair), C(send), C(send), C(recv), C(sock_getopt), C(sock_setopt)},
		{C(socket), C(sock_setopt), C(sock_setopt), C(sock_getopt), C(recv)},
		{C(mem_map), C(mem_protect), C(mem_move), C(mem_zero), C(mem_unmap)},
		{C(exchange), C(exchange), C(exchange)},
	};
	/* clang-format on */
	return ONE_OF(m, chains);
}

unsigned hostcall_makes(uint32_t nr)
{
	switch (nr) {
	case HOSTCALL_pipe:
	case HOSTCALL_socketpair:
		return 2;
	case HOSTCALL_open:
	case HOSTCALL_dup:
	case HOSTCALL_memfd:
	case HOSTCALL_eventfd:
	case HOSTCALL_epoll_create:
	case HOSTCALL_timerfd_create:
	case HOSTCALL_inotify_create:
	case HOSTCALL_socket:
	case HOSTCALL_accept:
		return 1;
	default:
		return 0;
	}
}
