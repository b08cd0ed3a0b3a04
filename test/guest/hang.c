/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hang CASE [default]: programs that try to be where nothing ends them, for
 * test/security/kill_latency.c. They ignore SIGTERM and SIGINT, unless `default` is said. With
 * -DHANG_CALLS the cases are a function that libmote calls. Files are made in /d, where f is a
 * FIFO; /dev has urandom and zero.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define MIB (1UL << 20)

static void must(int holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "hang: %s: %s\n", what, strerror(errno));
	_exit(99);
}

static char *map_bytes(size_t bytes)
{
	char *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	must(p != MAP_FAILED, "mmap");
	return p;
}

static int big_file(void)
{
	int f = open("/d/big", O_RDWR | O_CREAT | O_TRUNC, 0600);
	must(f >= 0, "/d/big");
	return f;
}

/* A read end to which nobody ever writes. */
static int dead_end(void)
{
	int p[2];
	must(pipe(p) == 0, "pipe");
	return p[0];
}

static void raw_terminal(int min, int time)
{
	struct termios t;
	must(tcgetattr(0, &t) == 0, "tcgetattr");
	cfmakeraw(&t);
	t.c_cc[VMIN] = (cc_t)min;
	t.c_cc[VTIME] = (cc_t)time;
	must(tcsetattr(0, TCSANOW, &t) == 0, "tcsetattr");
}

/* --- computing, and calls without end --- */

static void spin(void)
{
	for (;;)
		__asm__ volatile("");
}

static void statspin(void)
{
	struct stat s;
	for (;;)
		stat("/d", &s);
}

static void alarm_us(void)
{
	struct itimerval t = {{0, 1}, {0, 1}};
	signal(SIGALRM, SIG_IGN);
	must(setitimer(ITIMER_REAL, &t, NULL) == 0, "setitimer");
}

static void alarm1(void)
{
	char b;
	alarm_us();
	for (int f = dead_end();;)
		read(f, &b, 1);
}

static void alarmspin(void)
{
	alarm_us();
	spin();
}

/* --- waits --- */

static void fifo(int flags)
{
	char b;
	int f = open("/d/f", flags);
	must(f >= 0, "/d/f");
	for (;;)
		if (read(f, &b, 1) <= 0)
			pause();
}

static void fifo_r(void)
{
	fifo(O_RDONLY);
}

static void fifo_w(void)
{
	fifo(O_WRONLY);
}

static void locked(int ofd)
{
	int a = open("/d/l", O_RDWR | O_CREAT, 0600), b = open("/d/l", O_RDWR);
	struct flock l = {.l_type = F_WRLCK};
	must(a >= 0 && b >= 0, "/d/l");
	if (ofd) {
		must(fcntl(a, F_OFD_SETLK, &l) == 0, "lock");
		for (;;)
			fcntl(b, F_OFD_SETLKW, &l);
	}
	must(flock(a, LOCK_EX) == 0, "flock");
	for (;;)
		flock(b, LOCK_EX);
}

static void flocked(void)
{
	locked(0);
}

static void ofd(void)
{
	locked(1);
}

/* As many descriptors as there can be, copies of one but for what is there already. */
static void copy_descriptors(int of)
{
	struct rlimit most;
	must(getrlimit(RLIMIT_NOFILE, &most) == 0, "getrlimit");
	most.rlim_cur = most.rlim_max;
	must(setrlimit(RLIMIT_NOFILE, &most) == 0, "setrlimit");
	while (dup(of) >= 0)
		;
}

/* Record locks beyond their number, of which each makes the host look for files that are closed. */
static void locks(void)
{
	struct flock l = {.l_type = F_WRLCK, .l_len = 1};
	int a = open("/d/l", O_RDWR | O_CREAT, 0600), b = open("/d/m", O_RDWR | O_CREAT, 0600);
	must(a >= 0 && b >= 0, "/d/l");
	while (fcntl(a, F_OFD_SETLK, &l) == 0)
		l.l_start += 2;
	copy_descriptors(b);
	for (;;)
		fcntl(b, F_SETLK, &l);
}

/* Files in memory that become larger than there may be. */
static void memfds(void)
{
	int f = -1;
	for (int i = 0; i < 255; i++)
		f = memfd_create("f", 0);
	must(f >= 0, "memfd_create");
	copy_descriptors(f);
	for (;;)
		ftruncate(f, 1L << 40);
}

static void watches(void)
{
	char events[512];
	int f = inotify_init();
	must(f >= 0 && inotify_add_watch(f, "/d", IN_DELETE_SELF) > 0, "inotify");
	for (;;)
		read(f, events, sizeof(events));
}

static void epollcycle(void)
{
	int e[6];
	struct epoll_event ev = {.events = EPOLLIN};
	for (int i = 0; i < 6; i++)
		e[i] = epoll_create1(0);
	for (int i = 0; i < 6; i++)
		epoll_ctl(e[i], EPOLL_CTL_ADD, e[(i + 1) % 6], &ev);
	for (;;)
		epoll_wait(e[0], &ev, 1, -1);
}

static void pollmany(void)
{
	static struct pollfd f[4096];
	int end = dead_end();
	for (int i = 0; i < 4096; i++)
		f[i] = (struct pollfd){.fd = end, .events = POLLIN};
	for (;;)
		poll(f, 1000, -1);
}

static void socketpairs(void)
{
	int s[2];
	char *p = map_bytes(64 * MIB);
	must(socketpair(AF_UNIX, SOCK_STREAM, 0, s) == 0, "socketpair");
	for (;;)
		write(s[0], p, 64 * MIB);
}

/* A listener that nobody accepts from, with as many as may wait. */
static void connectfull(void)
{
	const struct sockaddr_un un = {.sun_family = AF_UNIX, .sun_path = "\0full"};
	int l = socket(AF_UNIX, SOCK_STREAM, 0);
	must(bind(l, (const struct sockaddr *)&un, 7) == 0 && listen(l, 0) == 0, "listen");
	for (;;)
		connect(socket(AF_UNIX, SOCK_STREAM, 0), (const struct sockaddr *)&un, 7);
}

static void sleepbig(void)
{
	for (;;)
		nanosleep(&(struct timespec){9000000000, 0}, NULL);
}

static void fds(void)
{
	while (dup(0) >= 0)
		;
	spin();
}

/* --- terminals and pipes --- */

static void output(void)
{
	static char b[65536];
	memset(b, 'x', sizeof(b));
	for (;;)
		write(1, b, sizeof(b));
}

static void output1(void)
{
	for (;;)
		write(1, "x", 1);
}

/* A newline takes two characters. */
static void outputlines(void)
{
	for (;;)
		write(1, "\n", 1);
}

/* The writer gets EAGAIN. */
static void outputnow(void)
{
	static char b[4096];
	memset(b, 'x', sizeof(b));
	fcntl(1, F_SETFL, O_NONBLOCK);
	for (;;)
		write(1, b, sizeof(b));
}

static void ttyvtime(void)
{
	char b[20];
	raw_terminal(10, 255);
	for (;;)
		read(0, b, 10);
}

static void ttyvmin(void)
{
	char b[300];
	raw_terminal(200, 0);
	for (;;)
		read(0, b, 200);
}

static void ttydrain(void)
{
	struct termios t;
	must(tcgetattr(1, &t) == 0, "tcgetattr");
	for (;;) {
		write(1, "x", 1);
		tcsetattr(1, TCSADRAIN, &t);
	}
}

/* --- long work in the kernel --- */

static void read_device(const char *path, int at)
{
	static struct iovec v[1024];
	char *p = map_bytes(256 * MIB);
	int f = open(path, O_RDONLY);
	must(f >= 0, path);
	for (size_t i = 0; i < 1024; i++)
		v[i] = (struct iovec){p + i * (256 << 10), 256 << 10};
	for (;;)
		must((at ? preadv(f, v, 1024, 0) : readv(f, v, 1024)) > 0, path);
}

static void urandom(void)
{
	read_device("/dev/urandom", 0);
}

static void urandomat(void)
{
	read_device("/dev/urandom", 1);
}

static void zero(void)
{
	read_device("/dev/zero", 0);
}

static void randombytes(void)
{
	char *p = map_bytes(16 * MIB);
	for (;;)
		must(syscall(SYS_getrandom, p, 16 * MIB, 0) > 0, "getrandom");
}

static void bigwrite(void)
{
	char *p = map_bytes(256 * MIB);
	memset(p, 1, 256 * MIB);
	for (int f = big_file();;) {
		lseek(f, 0, SEEK_SET);
		write(f, p, 256 * MIB);
	}
}

static void bigread(void)
{
	char *p = map_bytes(256 * MIB);
	int f = big_file();
	must(write(f, p, 128 * MIB) > 0, "write");
	for (;;)
		pread(f, p, 256 * MIB, 0);
}

static void syncing(void)
{
	char *p = map_bytes(MIB);
	for (int f = big_file();;) {
		lseek(f, 0, SEEK_SET);
		for (int i = 0; i < 200; i++)
			write(f, p, MIB);
		fsync(f);
	}
}

static void allocating(void)
{
	for (int f = big_file();;) {
		fallocate(f, 0, 0, 8192L * MIB);
		ftruncate(f, 0);
	}
}

static void truncating(void)
{
	char *p = map_bytes(MIB);
	for (;;) {
		int f = big_file();
		for (int i = 0; i < 200; i++)
			write(f, p, MIB);
		close(f);
	}
}

static void advising(void)
{
	char *p = map_bytes(MIB);
	int f = big_file();
	for (int i = 0; i < 200; i++)
		write(f, p, MIB);
	for (;;) {
		posix_fadvise(f, 0, 0, POSIX_FADV_DONTNEED);
		posix_fadvise(f, 0, 0, POSIX_FADV_WILLNEED);
	}
}

/* --- memory --- */

static void mapbig(void)
{
	for (;;)
		munmap(map_bytes(900 * MIB + 4096), 900 * MIB + 4096);
}

static void touchbig(void)
{
	for (;;) {
		char *p = map_bytes(700 * MIB);
		for (size_t i = 0; i < 700 * MIB; i += 4096)
			p[i] = 1;
		munmap(p, 700 * MIB);
	}
}

/* To and fro, each page by itself: the two places do not suit the same large pages. */
static void movebig(void)
{
	const size_t bytes = 600 * MIB;
	char *p = map_bytes(bytes), *to = map_bytes(bytes + 3 * MIB) + MIB + 4096;
	for (size_t i = 0; i < bytes; i += 4096)
		p[i] = 1;
	for (;;) {
		char *was = p;
		p = mremap(p, bytes, bytes, MREMAP_MAYMOVE | MREMAP_FIXED, to);
		to = was;
	}
}

static void protbig(void)
{
	char *p = map_bytes(900 * MIB);
	for (int prot = PROT_READ;; prot ^= PROT_WRITE)
		for (size_t i = 0; i < 900 * MIB; i += 2 * MIB)
			mprotect(p + i + 4096, 4096, prot);
}

static void protwhole(void)
{
	char *p = map_bytes(900 * MIB);
	for (size_t i = 0; i < 900 * MIB; i += 2 * MIB)
		mprotect(p + i + 4096, 4096, PROT_READ);
	for (int prot = PROT_READ;; prot ^= PROT_WRITE)
		mprotect(p, 900 * MIB, prot);
}

static const struct {
	const char *name;
	void (*run)(void);
} cases[] = {
	{"spin", spin},
	{"statspin", statspin},
	{"alarm1", alarm1},
	{"alarmspin", alarmspin},
	{"fifo_r", fifo_r},
	{"fifo_w", fifo_w},
	{"flock", flocked},
	{"ofd", ofd},
	{"locks", locks},
	{"memfds", memfds},
	{"watches", watches},
	{"epollcycle", epollcycle},
	{"pollmany", pollmany},
	{"sp", socketpairs},
	{"connectfull", connectfull},
	{"sleepbig", sleepbig},
	{"fds", fds},
	{"stdout", output},
	{"stdout1", output1},
	{"stdoutlines", outputlines},
	{"stdoutnow", outputnow},
	{"ttyvtime", ttyvtime},
	{"ttyvmin", ttyvmin},
	{"ttydrain", ttydrain},
	{"urandom", urandom},
	{"urandomat", urandomat},
	{"zero", zero},
	{"getrandom", randombytes},
	{"bigwrite", bigwrite},
	{"bigread", bigread},
	{"fsync", syncing},
	{"fallocate", allocating},
	{"truncate", truncating},
	{"fadvise", advising},
	{"mapbig", mapbig},
	{"touchbig", touchbig},
	{"movebig", movebig},
	{"protbig", protbig},
	{"protwhole", protwhole},
};

static int hang(const char *name, int ignore)
{
	if (ignore) {
		signal(SIGTERM, SIG_IGN);
		signal(SIGINT, SIG_IGN);
	}
	setvbuf(stdout, NULL, _IONBF, 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (strcmp(cases[i].name, name) == 0)
			cases[i].run();
	fprintf(stderr, "hang: there is no case '%s'\n", name);
	return 98;
}

#ifdef HANG_CALLS
#include <mote_guest.h>

static int call_hang(const struct mote_value *args, struct mote_value *result)
{
	char name[32] = "";
	(void)result;
	if (args[0].of.string.len < sizeof(name))
		memcpy(name, args[0].of.string.text, args[0].of.string.len);
	return hang(name, args[1].of.boolean);
}
MOTE_EXPORT_AS("hang", call_hang, "sb:", 0)
#else
int main(int argc, char **argv)
{
	return hang(argc > 1 ? argv[1] : "", argc < 3);
}
#endif
