/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What test/unit/vm_polled_calls.c has run: streams of system calls, as they go by the polled call
 * slot, whose results each case checks itself. polled_checks CASE SECONDS; status 0, or 1 with a
 * line that says what was wrong.
 */
#include "abi/layout.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define CHECK(what)                                                                          \
	do {                                                                                 \
		if (!(what)) {                                                               \
			fprintf(stderr, "line %d: %s (errno %d)\n", __LINE__, #what, errno); \
			exit(1);                                                             \
		}                                                                            \
	} while (0)

static double end;

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Numbers written and read back, each in its place. */
static void stream(void)
{
	int fd = open("numbers", O_RDWR | O_CREAT | O_TRUNC, 0600);
	CHECK(fd >= 0);
	unsigned long n = 0;
	struct stat st;
	for (; now() < end; n++) {
		unsigned long back = 0;
		CHECK(pwrite(fd, &n, sizeof(n), (off_t)(n % 1000 * sizeof(n))) == sizeof(n));
		CHECK(pread(fd, &back, sizeof(back), (off_t)(n % 1000 * sizeof(n))) ==
			      sizeof(back) &&
		      back == n);
		CHECK(fstat(fd, &st) == 0 &&
		      (unsigned long)st.st_size == (n < 1000 ? n + 1 : 1000) * sizeof(n));
		CHECK(stat("not-there", &st) < 0 && errno == ENOENT);
		CHECK(lseek(fd, -1, SEEK_SET) < 0 && errno == EINVAL);
		CHECK(read(999, &back, 8) < 0 && errno == EBADF);
		if (n % 100 == 0) /* the host is asked what is mapped there, by an exit */
			CHECK(pread(fd, (void *)8, 8, 0) < 0 && errno == EFAULT);
	}
	printf("%lu\n", n);
}

/* Calls that the poller declines among those that it carries out. */
static void mixed(void)
{
	int fds[2];
	char c = 0;
	struct stat st;
	CHECK(pipe(fds) == 0);
	while (now() < end) {
		for (int i = 0; i < 200; i++)
			CHECK(stat(".", &st) == 0);
		CHECK(write(fds[1], "abc", 3) == 3);
		CHECK(read(fds[0], &c, 1) == 1 && c == 'a');
		void *grown = malloc(1 << 20);
		CHECK(grown != NULL);
		memset(grown, 1, 1 << 20);
		CHECK(read(fds[0], &c, 1) == 1 && c == 'b' && read(fds[0], &c, 1) == 1 && c == 'c');
		free(grown);
		CHECK(fputs("x", stdout) >= 0 && fflush(stdout) == 0);
	}
}

static volatile int alarms;

static void on_alarm(int signo)
{
	(void)signo;
	alarms++;
}

/*
 * Signals arrive in the middle of a stream, and end a wait on a pipe that nobody writes to. They
 * come again and again: on a busy machine one may come before the wait has begun.
 */
static void signals(void)
{
	struct sigaction sa = {.sa_handler = on_alarm};
	struct itimerval often = {.it_interval.tv_usec = 200000, .it_value.tv_usec = 200000},
			 never = {0};
	int fds[2];
	char c;
	struct stat st;
	CHECK(sigaction(SIGALRM, &sa, NULL) == 0 && pipe(fds) == 0);
	CHECK(setitimer(ITIMER_REAL, &often, NULL) == 0);
	for (int i = 0; now() < end; i++) {
		int before = alarms;
		if (i % 2)
			CHECK(read(fds[0], &c, 1) < 0 && errno == EINTR);
		else
			while (alarms == before)
				CHECK(stat(".", &st) == 0);
		CHECK(alarms > before);
	}
	CHECK(setitimer(ITIMER_REAL, &never, NULL) == 0 && alarms > 0);
}

static double read_clock(clockid_t clock)
{
	struct timespec t;
	CHECK(clock_gettime(clock, &t) == 0 && t.tv_nsec >= 0 && t.tv_nsec < 1000000000);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/*
 * The time that the guest works out agrees with the host's: TAI, which the host is asked for, is
 * UTC and whole seconds. It never goes back, alarms in between or not.
 */
static void clocks(void)
{
	struct sigaction sa = {.sa_handler = on_alarm};
	struct itimerval often = {.it_interval.tv_usec = 3000, .it_value.tv_usec = 3000},
			 never = {0};
	/* of doubles and of the clock: 1 ms at 50 ppm, until the rate is measured */
	const double off = 50e-6;
	double last = read_clock(CLOCK_MONOTONIC);
	CHECK(sigaction(SIGALRM, &sa, NULL) == 0 && setitimer(ITIMER_REAL, &often, NULL) == 0);
	while (now() < end) {
		double before = read_clock(CLOCK_REALTIME), tai = read_clock(CLOCK_TAI),
		       after = read_clock(CLOCK_REALTIME);
		if (after - before > 0.4)
			continue; /* the machine has stalled: the whole seconds could be wrong */
		double seconds = (double)(long)(tai - before + 0.5);
		CHECK(before + seconds <= tai + off && tai <= after + seconds + off);
		for (int i = 0; i < 20000; i++) {
			double is = read_clock(CLOCK_MONOTONIC);
			CHECK(is >= last);
			last = is;
		}
	}
	CHECK(setitimer(ITIMER_REAL, &never, NULL) == 0 && alarms > 0);
}

/* The clock 100,000 times. */
static void clock_stream(void)
{
	for (int i = 0; i < 100000; i++)
		(void)read_clock(i % 2 ? CLOCK_MONOTONIC : CLOCK_REALTIME);
}

/* Never ends by itself: who runs it ends it. */
static void endless(void)
{
	struct stat st;
	for (;;)
		CHECK(stat(".", &st) == 0);
}

static unsigned long long seed = 88172645463325252ull;

static unsigned long any(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

/*
 * A guest that keeps to no rule: it writes the call slot and frames whenever it likes. Its own
 * calls may go wrong; it must neither harm the host nor end otherwise than by what it asked for
 * itself.
 */
static void hostile(void)
{
	struct mote_area *area = (struct mote_area *)MOTE_AREAS_VA;
	struct stat st;
	while (now() < end) {
		for (int i = 0; i < 100; i++)
			(void)stat(".", &st);
		for (int i = 0; i < 1000; i++) {
			volatile struct mote_call_slot *r = &area->slot;
			area->frame.nr = 16 + (uint32_t)(any() % 33);
			area->frame.arg[any() % 8] = any() % 3 ? any() % 16 : any();
			/*
			 * stat or readv of nothing sensible, its frame changing while it is carried
			 * out
			 */
			r->state = any() % 4 ? MOTE_SLOT_REQUEST : (uint32_t)any();
			for (int k = 0; k < (int)(any() % 200); k++) {
				area->frame.arg[any() % 8] = any();
				if (any() % 64 == 0)
					r->state = (uint32_t)(any() % 6);
			}
		}
		area->slot.state = MOTE_SLOT_FREE;
	}
	area->slot.state = MOTE_SLOT_FREE;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(void);
	} cases[] = {{"stream", stream},
		     {"mixed", mixed},
		     {"signals", signals},
		     {"endless", endless},
		     {"hostile", hostile},
		     {"clocks", clocks},
		     {"clock_stream", clock_stream}};
	if (argc != 3)
		return 2;
	end = now() + atof(argv[2]);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (strcmp(argv[1], cases[i].name) == 0) {
			cases[i].run();
			return 0;
		}
	return 2;
}
