/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guest/wasi without engine and VM: linear memory between inaccessible pages, and in the host's
 * place a function that touches every byte a call hands over and answers at random. So an address
 * that is not checked is a crash here.
 */
#include "guest/wasi/p1/p1.h"

#include "gen/hostcall_shapes.h"

#undef CHECK
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

#define MEMORY_BYTES 0x20000u
#define ROUNDS       2000000

/* --- in the engine's place --- */

static uint8_t *memory; /* MEMORY_BYTES, 1 MiB of nothing before and behind */

struct wasm_memory *wasm_instance_memory(const struct wasm_instance *instance)
{
	(void)instance;
	return (struct wasm_memory *)memory;
}

uint8_t *wasm_memory_base(const struct wasm_memory *m)
{
	(void)m;
	return memory;
}

uint64_t wasm_memory_bytes(const struct wasm_memory *m)
{
	(void)m;
	return MEMORY_BYTES;
}

/* --- in the host's place --- */

static struct mote_area area;
static uint64_t seed;
static int64_t (*answer)(uint32_t nr, const uint64_t *arg); /* of a test; NULL: at random */
static volatile uint64_t sum;                               /* so that reads are made */

struct mote_area *mote_area(void)
{
	return &area;
}

struct wasi_state wasi;

void lib_error(const char *fmt, ...)
{
	(void)fmt;
}

static uint64_t dice(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static void read_bytes(uint64_t at, uint64_t len)
{
	cr_assert(at + len >= at);
	for (uint64_t i = 0; i < len; i++)
		sum += ((const uint8_t *)at)[i];
}

static void write_bytes(uint64_t at, uint64_t len)
{
	cr_assert(at + len >= at);
	memset((void *)at, (int)dice(), len);
}

static void touch_vector(struct mote_iovec v, bool write)
{
	if (write)
		write_bytes(v.base, v.len);
	else
		read_bytes(v.base, v.len);
}

static void touch_iov(uint64_t at, uint64_t count, bool write)
{
	if (count & MOTE_IOV_ONE) {
		touch_vector((struct mote_iovec){at, count & ~MOTE_IOV_ONE}, write);
		return;
	}
	cr_assert(count <= 1024);
	for (const struct mote_iovec *v = (const void *)at; count--; v++)
		touch_vector(*v, write);
}

static unsigned touch_argument(enum hostcall_kind kind, size_t bytes, const uint64_t *c)
{
	switch (kind) {
	case HOSTCALL_KIND_PATH:
		read_bytes(c[0], c[1] < 4096 ? c[1] : 0);
		return 2;
	case HOSTCALL_KIND_IN:
		read_bytes(c[0], c[1]);
		return 2;
	case HOSTCALL_KIND_OUT:
		write_bytes(c[0], c[1]);
		return 2;
	case HOSTCALL_KIND_IOVR:
	case HOSTCALL_KIND_IOVW:
		touch_iov(c[0], c[1], kind == HOSTCALL_KIND_IOVW);
		return 2;
	case HOSTCALL_KIND_SIN:
		if (c[0])
			read_bytes(c[0], bytes);
		return 1;
	case HOSTCALL_KIND_SOUT:
		if (c[0])
			write_bytes(c[0], bytes);
		return 1;
	case HOSTCALL_KIND_NONE:
	case HOSTCALL_KIND_FD:
	case HOSTCALL_KIND_I32:
	case HOSTCALL_KIND_U32:
	case HOSTCALL_KIND_I64:
	case HOSTCALL_KIND_U64:
		break;
	}
	return 1;
}

/* Reads and writes what the host would, by the frame's call. */
static void touch(const struct mote_frame *f)
{
	const uint64_t *c = f->arg;
	for (size_t i = 0; i < sizeof(hostcall_shapes) / sizeof(hostcall_shapes[0]); i++) {
		const struct hostcall_shape *shape = &hostcall_shapes[i];
		if (shape->nr != f->nr)
			continue;
		for (size_t k = 0; k < 8 && shape->args[k].kind != HOSTCALL_KIND_NONE; k++)
			c += touch_argument(shape->args[k].kind, shape->args[k].bytes, c);
		return;
	}
	cr_assert_fail("call %u", f->nr);
}

/* A well-formed directory listing, as the host guarantees. */
static int64_t list(void *at, uint64_t capacity, uint64_t entries)
{
	uint64_t used = 0;
	for (uint64_t i = 0; i < entries; i++) {
		char name[256];
		size_t len = dice() % 60 + 1;
		memset(name, 'n', len);
		name[len] = '\0';
		uint64_t reclen = (offsetof(struct mote_dirent, name) + len + 1 + 7) & ~7UL;
		if (reclen > capacity - used)
			break;
		struct mote_dirent *d = (void *)((uint8_t *)at + used);
		*d = (struct mote_dirent){
			.ino = i,
			.cookie = (int64_t)i + 1,
			.reclen = (uint16_t)reclen,
			.type = 8,
		};
		memcpy(d->name, name, len + 1);
		used += reclen;
	}
	return (int64_t)used;
}

static uint64_t iov_bytes(const uint64_t *arg)
{
	uint64_t n = 0;
	if (arg[2] & MOTE_IOV_ONE)
		return arg[2] & ~MOTE_IOV_ONE;
	for (uint64_t i = 0; i < arg[2]; i++)
		n += ((const struct mote_iovec *)arg[1])[i].len;
	return n;
}

/* What the host may answer: an errno, or a number that fits what was handed over. */
static int64_t at_random(uint32_t nr, const uint64_t *arg)
{
	if (dice() % 4 == 0)
		return -(int64_t)(dice() % 140 + 1);
	switch (nr) {
	case HOSTCALL_readv:
	case HOSTCALL_writev:
	case HOSTCALL_preadv:
	case HOSTCALL_pwritev:
	case HOSTCALL_recv:
	case HOSTCALL_send:
		return (int64_t)(dice() % (iov_bytes(arg) + 1));
	case HOSTCALL_readdir:
		return list((void *)arg[2], arg[3], dice() % 40);
	case HOSTCALL_readlink:
		return (int64_t)(dice() % (arg[5] + 1));
	case HOSTCALL_random:
		return (int64_t)(dice() % arg[1] + 1);
	case HOSTCALL_open:
	case HOSTCALL_accept:
		return (int64_t)(dice() % 64 ? dice() % 600 : dice() % 200000);
	case HOSTCALL_mem_map:
		return mmap((void *)arg[0], arg[1], PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == MAP_FAILED
			       ? -12
			       : 0;
	case HOSTCALL_poll:
		for (uint64_t i = 0; i < arg[1]; i++)
			((struct mote_pollfd *)arg[0])[i].revents = (int16_t)(dice() % 64);
		return (int64_t)(dice() % 3);
	}
	return (int64_t)(dice() % 1000);
}

int64_t mote_hostcall(struct mote_area *a)
{
	cr_assert(a == &area);
	if (area.frame.nr != HOSTCALL_poll)
		touch(&area.frame);
	return answer ? answer(area.frame.nr, area.frame.arg)
		      : at_random(area.frame.nr, area.frame.arg);
}

/* --- the world as a program finds it --- */

static struct {
	struct mote_boot boot;
	uint32_t argv[2], envv[1];
	struct mote_preopen preopens[2];
	char strings[64];
} info = {
	.boot = {.argc = 2, .envc = 1, .preopenc = 2},
	.strings = "prog\0an argument\0K=V\0/data\0/",
};

static void setup(void)
{
	uint8_t *at =
		mmap(NULL, MEMORY_BYTES + (2 << 20), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	cr_assert(at != MAP_FAILED &&
		  mprotect(at + (1 << 20), MEMORY_BYTES, PROT_READ | PROT_WRITE) == 0);
	memory = at + (1 << 20);
	uint32_t strings = offsetof(typeof(info), strings);
	info.argv[0] = strings;
	info.argv[1] = strings + 5;
	info.envv[0] = strings + 17;
	info.preopens[0] =
		(struct mote_preopen){.fd = 3, .kind = MOTE_PREOPEN_DIR, .path = strings + 21};
	info.preopens[1] =
		(struct mote_preopen){.fd = 4, .kind = MOTE_PREOPEN_DIR, .path = strings + 27};
	info.boot.argv = offsetof(typeof(info), argv);
	info.boot.envv = offsetof(typeof(info), envv);
	info.boot.preopens = offsetof(typeof(info), preopens);
	wasi.boot = &info.boot;
	answer = NULL;
	p1_fds_init();
}

TestSuite(wasi_functions, .init = setup);

/* --- every function, with arguments at random --- */

/* Addresses and numbers near every edge there is. */
static uint64_t argument(void)
{
	switch (dice() % 8) {
	case 0:
		return MEMORY_BYTES - dice() % (dice() % 2 ? 8 : 200);
	case 1:
		return UINT32_MAX - dice() % 100;
	case 2:
		return dice() % 8;
	case 3:
		return dice() % 600;
	case 4:
		return 1ULL << dice() % 32;
	case 5:
		return dice();
	default:
		return dice() % MEMORY_BYTES;
	}
}

/* Vectors and subscriptions that mean something now and then. */
static void scribble(void)
{
	for (int i = 0; i < 4; i++) {
		uint32_t words[8];
		for (int k = 0; k < 8; k++)
			words[k] = (uint32_t)argument();
		memcpy(memory + dice() % (MEMORY_BYTES - sizeof(words)), words, sizeof(words));
	}
}

/* By its name: descriptors mostly open ones, counts mostly small, flags mostly none, else any
 * address or number. */
static uint32_t named_argument(const char *name)
{
	if (dice() % 4 == 0)
		return (uint32_t)argument();
	if (strcmp(name, "fd") == 0 || strstr(name, "_fd") || strcmp(name, "to") == 0)
		return (uint32_t)(dice() % 5);
	if (strcmp(name, "count") == 0 || strcmp(name, "iovs_len") == 0)
		return (uint32_t)(dice() % 8);
	if (strstr(name, "flags") || strstr(name, "lookup") || strcmp(name, "advice") == 0)
		return (uint32_t)(dice() % 4);
	return (uint32_t)argument();
}

#define P1_ARGUMENT_u32(name) named_argument(name)
#define P1_ARGUMENT_u64(name) argument()
#include "gen/p1_invoke.h"

Test(wasi_functions, no_argument_reaches_beyond_linear_memory)
{
	for (int round = 0; round < ROUNDS; round++) {
		seed = 0x9e3779b97f4a7c15UL * (uint64_t)(round + 1);
		scribble();
		if (round % 16 == 0) /* the first descriptors are open again */
			p1_fds_init();
		area.output_armed = dice() % 2;
		area.output_len =
			area.output_armed ? (uint32_t)(dice() % (MOTE_OUTPUT_BYTES + 1)) : 0;
		area.output_fd = 1 + dice() % 2;
		uint32_t e = p1_invoke(dice() % P1_COUNT);
		cr_assert(e <= WASI_NOTCAPABLE, "round %d: errno %u", round, e);
		cr_assert(area.output_len <= MOTE_OUTPUT_BYTES);
	}
}

/* --- errno, times --- */

Test(wasi_functions, linux_errors_have_their_wasi_number)
{
	static const struct {
		int lx;
		uint32_t wasi;
	} pairs[] = {
		{EPERM, WASI_PERM},
		{ENOENT, WASI_NOENT},
		{EIO, WASI_IO},
		{EBADF, WASI_BADF},
		{EAGAIN, WASI_AGAIN},
		{EACCES, WASI_ACCES},
		{EEXIST, WASI_EXIST},
		{EXDEV, WASI_XDEV},
		{ENOTDIR, WASI_NOTDIR},
		{EISDIR, WASI_ISDIR},
		{EINVAL, WASI_INVAL},
		{EMFILE, WASI_MFILE},
		{ENOSPC, WASI_NOSPC},
		{ESPIPE, WASI_SPIPE},
		{EROFS, WASI_ROFS},
		{EPIPE, WASI_PIPE},
		{ENAMETOOLONG, WASI_NAMETOOLONG},
		{ENOSYS, WASI_NOSYS},
		{ENOTEMPTY, WASI_NOTEMPTY},
		{ELOOP, WASI_LOOP},
		{EOVERFLOW, WASI_OVERFLOW},
		{ENOTSOCK, WASI_NOTSOCK},
		{EOPNOTSUPP, WASI_NOTSUP},
		{EADDRINUSE, WASI_ADDRINUSE},
		{ECONNRESET, WASI_CONNRESET},
		{ETIMEDOUT, WASI_TIMEDOUT},
		{ECONNREFUSED, WASI_CONNREFUSED},
		{ENOTRECOVERABLE, WASI_NOTRECOVERABLE},
		{ENOTBLK, WASI_IO},
		{4095, WASI_IO},
	};
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
		cr_expect(p1_errno(-pairs[i].lx) == pairs[i].wasi, "%d", pairs[i].lx);
	cr_expect(p1_errno(0) == 0 && p1_errno(INT64_MAX) == 0 && p1_errno(INT64_MIN) == WASI_IO);
	cr_expect(p1_path_errno(-EXDEV) == WASI_PERM);
}

Test(wasi_functions, times_are_clamped)
{
	cr_expect(p1_timestamp(&(struct mote_time){.sec = -1, .nsec = 5}) == 0);
	cr_expect(p1_timestamp(&(struct mote_time){.sec = 2, .nsec = 5}) == 2000000005);
	cr_expect(p1_timestamp(&(struct mote_time){.sec = INT64_MAX}) == UINT64_MAX);
	struct mote_time t[2];
	cr_expect(p1_set_times(t, 1, 2, WASI_FSTFLAG_ATIM | WASI_FSTFLAG_ATIM_NOW) == WASI_INVAL);
	cr_expect(p1_set_times(t, 1, 2, WASI_FSTFLAG_MTIM | WASI_FSTFLAG_MTIM_NOW) == WASI_INVAL);
	cr_expect(p1_set_times(t, 1, 2, 16) == WASI_INVAL);
	cr_expect(p1_set_times(t, 3000000001, 2, WASI_FSTFLAG_ATIM) == 0 && t[0].sec == 3 &&
		  t[0].nsec == 1);
}

/* --- fd_readdir: any buffer gets the beginning of the same bytes --- */

static int64_t answer_list(uint32_t nr, const uint64_t *arg)
{
	if (nr != HOSTCALL_readdir)
		return -ENOSYS;
	const int64_t step = 0x123456789abcd;
	int64_t cookie = (int64_t)arg[1] / step, used = 0;
	cr_assert((int64_t)arg[1] % step == 0);
	/* 30 entries, each by itself, with cookies as large as those of real file systems. */
	while (cookie < 30) {
		uint64_t one[64], capacity = arg[3] - (uint64_t)used;
		seed = 7 + (uint64_t)cookie;
		int64_t n = list(one, sizeof(one), 1);
		if ((uint64_t)n > capacity)
			break;
		((struct mote_dirent *)one)->cookie = ++cookie * step;
		memcpy((uint8_t *)arg[2] + used, one, (size_t)n);
		used += n;
	}
	return used;
}

static uint32_t readdir_into(uint32_t at, uint32_t len, uint64_t cookie)
{
	uint32_t used = 0;
	cr_assert(p1_fd_readdir(NULL, 3, at, len, cookie, 0) == 0);
	memcpy(&used, memory, sizeof(used));
	cr_assert(used <= len);
	return used;
}

Test(wasi_functions, readdir_cuts_at_the_end_of_the_buffer)
{
	enum { WHOLE = 4096, PART = 32768 };
	answer = answer_list;
	uint32_t all = readdir_into(WHOLE, 16384, 0);
	cr_assert(all > 30 * sizeof(struct wasi_dirent));
	for (uint32_t len = 0; len <= all + 10; len++) {
		memset(memory + PART, 0xee, len + 8);
		uint32_t used = readdir_into(PART, len, 0);
		cr_assert(used == (len < all ? len : all), "%u bytes for %u", used, len);
		cr_assert(memcmp(memory + PART, memory + WHOLE, used) == 0 &&
			  memory[PART + used] == 0xee);
	}
	/* Going on at each entry's cookie, which fits 32 bits, gives the rest. */
	for (uint32_t at = 0, i = 1; at < all; i++) {
		struct wasi_dirent d;
		memcpy(&d, memory + WHOLE + at, sizeof(d));
		at += (uint32_t)sizeof(d) + d.namlen;
		cr_assert(d.next == i);
		uint32_t used = readdir_into(PART, 16384, d.next);
		cr_assert(used == all - at &&
			  memcmp(memory + PART, memory + WHOLE + at, used) == 0);
	}
}

/* --- how paths are resolved --- */

static uint32_t resolve_seen;

static int64_t answer_stat(uint32_t nr, const uint64_t *arg)
{
	cr_assert(nr == HOSTCALL_stat);
	resolve_seen = (uint32_t)arg[3];
	return -ENOENT;
}

static uint32_t resolve_of_stat(uint32_t fd, uint32_t lookup, const char *path)
{
	memcpy(memory, path, strlen(path));
	cr_assert(p1_path_filestat_get(NULL, fd, lookup, 0, (uint32_t)strlen(path), 4096) ==
		  WASI_NOENT);
	return resolve_seen;
}

Test(wasi_functions, symlinks_below_the_root_are_followed_as_linux_does)
{
	static const char *const inside[] = {"a",     "a/b/../..",        "./a//b",
					     "..a/b", "a/../b/c/../../d", "a/"};
	static const char *const outside[] = {"..",          "/a", "a/../..",
					      "a/./../../b", "",   "a/b/../../../c"};
	answer = answer_stat;
	for (size_t i = 0; i < sizeof(inside) / sizeof(inside[0]); i++) {
		cr_expect(resolve_of_stat(4, WASI_LOOKUP_SYMLINK_FOLLOW, inside[i]) ==
				  MOTE_RESOLVE_IN_ROOT,
			  "%s", inside[i]);
		cr_expect(resolve_of_stat(3, WASI_LOOKUP_SYMLINK_FOLLOW, inside[i]) ==
				  MOTE_RESOLVE_BENEATH,
			  "%s", inside[i]);
		cr_expect(resolve_of_stat(4, 0, inside[i]) ==
			  (MOTE_RESOLVE_IN_ROOT | MOTE_RESOLVE_NOFOLLOW));
	}
	for (size_t i = 0; i < sizeof(outside) / sizeof(outside[0]); i++)
		cr_expect(resolve_of_stat(4, WASI_LOOKUP_SYMLINK_FOLLOW, outside[i]) ==
				  MOTE_RESOLVE_BENEATH,
			  "%s", outside[i]);
}

/* --- poll_oneoff --- */

static struct mote_time asked;
static bool asked_forever;
static int16_t ready[4];

static int64_t answer_poll(uint32_t nr, const uint64_t *arg)
{
	if (nr == HOSTCALL_clock_get) {
		*(struct mote_time *)arg[1] = (struct mote_time){.sec = 100};
		return 0;
	}
	if (nr == HOSTCALL_readable_bytes)
		return 17;
	cr_assert(nr == HOSTCALL_poll);
	asked_forever = arg[2] == 0;
	if (!asked_forever)
		asked = *(const struct mote_time *)arg[2];
	int64_t n = 0;
	for (uint64_t i = 0; i < arg[1]; i++) {
		struct mote_pollfd *p = (struct mote_pollfd *)arg[0] + i;
		p->revents = ready[i];
		n += p->revents != 0;
	}
	return n;
}

static uint32_t poll_them(const struct wasi_subscription *s, uint32_t n, struct wasi_event *ev)
{
	uint32_t count = 0;
	memcpy(memory + 4096, s, n * sizeof(*s));
	cr_assert(p1_poll_oneoff(NULL, 4096, 8192, n, 0) == 0);
	memcpy(&count, memory, sizeof(count));
	memcpy(ev, memory + 8192, count * sizeof(*ev));
	return count;
}

static struct wasi_subscription clock_sub(uint64_t userdata, uint64_t timeout, uint16_t flags)
{
	return (struct wasi_subscription){
		.userdata = userdata,
		.type = WASI_EVENT_CLOCK,
		.clock = {.id = WASI_CLOCK_MONOTONIC, .timeout = timeout, .flags = flags},
	};
}

Test(wasi_functions, poll_waits_for_the_first_clock)
{
	struct wasi_event ev[4];
	answer = answer_poll;
	struct wasi_subscription s[] = {
		clock_sub(1, 5 * WASI_NS, 0),
		clock_sub(2, 102 * WASI_NS, WASI_SUBCLOCK_ABSTIME),
		clock_sub(3, 2 * WASI_NS, 0),
	};
	cr_expect(poll_them(s, 3, ev) == 2 && ev[0].userdata == 2 && ev[1].userdata == 3);
	cr_expect(!asked_forever && asked.sec == 2 && asked.nsec == 0);
	/* One that lies in the past is due at once. */
	s[0] = clock_sub(4, 50 * WASI_NS, WASI_SUBCLOCK_ABSTIME);
	cr_expect(poll_them(s, 3, ev) == 1 && ev[0].userdata == 4 && asked.sec == 0 &&
		  asked.nsec == 0);
}

Test(wasi_functions, poll_reports_descriptors)
{
	struct wasi_event ev[4];
	answer = answer_poll;
	struct wasi_subscription s[] = {
		{.userdata = 1, .type = WASI_EVENT_FD_READ, .fd = 0},
		clock_sub(2, WASI_NS, 0),
		{.userdata = 3, .type = WASI_EVENT_FD_WRITE, .fd = 1},
	};
	ready[0] = 0x11; /* in, hangup */
	ready[1] = 0x4;
	cr_expect(poll_them(s, 3, ev) == 2);
	cr_expect(ev[0].userdata == 1 && ev[0].nbytes == 17 && ev[0].flags == WASI_EVENTRW_HANGUP &&
		  ev[0].error == 0);
	cr_expect(ev[1].userdata == 3 && ev[1].type == WASI_EVENT_FD_WRITE && ev[1].error == 0);
	ready[0] = ready[1] = 0;
	cr_expect(poll_them(s, 1, ev) == 0 && asked_forever);
	/* What is not open is an event of its own, at once. */
	s[0].fd = 55;
	cr_expect(poll_them(s, 3, ev) == 1 && ev[0].userdata == 1 && ev[0].error == WASI_BADF &&
		  asked.sec == 0);
}

/* --- strings --- */

Test(wasi_functions, arguments_end_exactly_at_the_end)
{
	uint32_t n[2], bytes = 5 + 12;
	cr_assert(p1_args_sizes_get(NULL, 0, 4) == 0);
	memcpy(n, memory, sizeof(n));
	cr_assert(n[0] == 2 && n[1] == bytes);
	cr_expect(p1_args_get(NULL, 0, MEMORY_BYTES - bytes) == 0);
	cr_expect(memcmp(memory + MEMORY_BYTES - bytes, "prog\0an argument", bytes) == 0);
	cr_expect(p1_args_get(NULL, 0, MEMORY_BYTES - bytes + 1) == WASI_FAULT);
	cr_expect(p1_environ_get(NULL, MEMORY_BYTES - 3, 0) == WASI_FAULT);
}

static int64_t answer_write(uint32_t nr, const uint64_t *arg)
{
	return nr == HOSTCALL_writev ? (int64_t)iov_bytes(arg) : 0;
}

Test(wasi_functions, vectors_are_bounded)
{
	answer = answer_write;
	for (uint32_t i = 0; i < 3000; i++)
		memcpy(memory + 4096 + i * 8, &(struct wasi_iovec){.buf = 64, .len = 1}, 8);
	uint32_t n = 0;
	cr_expect(p1_fd_write(NULL, 3, 4096, 3000, 0) == WASI_BADF, "a directory");
	cr_assert(p1_fd_write(NULL, 2, 4096, 3000, 0) == 0);
	memcpy(&n, memory, sizeof(n));
	cr_expect(n == 1024 && area.frame.arg[2] == 1024);
	cr_expect(p1_fd_write(NULL, 2, 4096, 0x20000000, 0) == WASI_FAULT);
}

/* --- output through the area's buffer --- */

static uint32_t write_text(uint32_t fd, const char *text)
{
	struct wasi_iovec v = {.buf = 1024, .len = (uint32_t)strlen(text)};
	memcpy(memory + 1024, text, v.len);
	memcpy(memory + 512, &v, sizeof(v));
	area.frame.nr = 0;
	cr_assert(p1_fd_write(NULL, fd, 512, 1, 0) == 0);
	return area.frame.nr;
}

Test(wasi_functions, small_output_is_gathered)
{
	answer = answer_write;
	cr_expect(write_text(1, "a") == HOSTCALL_writev);
	area.output_armed = 1;
	cr_expect(write_text(1, "ab") == 0 && write_text(1, "c\n") == 0 && area.output_len == 4 &&
		  area.output_fd == 1);
	cr_expect(memcmp(area.output, "abc\n", 4) == 0);
	/* Another descriptor, or no space: by the host, which writes the buffer first. */
	cr_expect(write_text(2, "e") == HOSTCALL_writev);
	area.output_len = MOTE_OUTPUT_BYTES - 1;
	cr_expect(write_text(1, "xy") == HOSTCALL_writev && write_text(1, "x") == 0 &&
		  area.output_len == MOTE_OUTPUT_BYTES);
	area.output_len = 0;
	cr_expect(write_text(2, "e") == 0 && area.output_fd == 2);
}
