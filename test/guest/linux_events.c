/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An ordinary Linux program about events, locks and the process itself, with nothing of Mote in it.
 */
#define _GNU_SOURCE
#include "linux_check.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t caught;

static void on_signal(int signo)
{
	caught = signo;
}

static int64_t now_ms(void)
{
	struct timespec t;
	CHECK(clock_gettime(CLOCK_MONOTONIC, &t) == 0);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Again and again: on a busy machine the first may come before what it is to interrupt. */
static void alarm_often(long usec)
{
	struct itimerval often = {.it_value = {.tv_usec = usec}, .it_interval = {.tv_usec = usec}};
	CHECK(setitimer(ITIMER_REAL, &often, NULL) == 0);
}

static void do_eventfd(void)
{
	uint64_t value = 3;
	int fd = eventfd(2, EFD_NONBLOCK), many = eventfd(0, EFD_SEMAPHORE), waits = eventfd(0, 0);
	CHECK(fd >= 0 && many >= 0 && waits >= 0);
	CHECK(write(fd, &value, 8) == 8);
	FAILS(read(fd, &value, 4), EINVAL);
	CHECK(read(fd, &value, 8) == 8 && value == 5);
	FAILS(read(fd, &value, 8), EAGAIN);
	value = 2;
	CHECK(write(many, &value, 8) == 8 && read(many, &value, 8) == 8 && value == 1 &&
	      read(many, &value, 8) == 8);
	struct pollfd p = {.fd = waits, .events = POLLIN | POLLOUT};
	CHECK(poll(&p, 1, 0) == 1 && p.revents == POLLOUT);
	CHECK(write(waits, &value, 8) == 8 && poll(&p, 1, 0) == 1 &&
	      p.revents == (POLLIN | POLLOUT));
	CHECK(fcntl(waits, F_GETFL) == O_RDWR && fcntl(fd, F_GETFL) == (O_RDWR | O_NONBLOCK));
	value = ~0UL;
	FAILS(write(fd, &value, 8), EINVAL);
	FAILS(eventfd(0, 0x1000), EINVAL);
	/* One that waits does so until a signal comes. */
	CHECK(read(waits, &value, 8) == 8);
	struct sigaction sa = {.sa_handler = on_signal};
	CHECK(sigaction(SIGALRM, &sa, NULL) == 0);
	alarm_often(30000);
	FAILS(read(waits, &value, 8), EINTR);
	alarm_often(0);
}

static void do_epoll(void)
{
	int ends[2], pair[2], ep = epoll_create1(EPOLL_CLOEXEC);
	char c;
	struct epoll_event e = {.events = EPOLLIN, .data.u64 = 0x123456789abcdefUL}, got[4];
	CHECK(ep >= 0 && fcntl(ep, F_GETFD) == FD_CLOEXEC && pipe(ends) == 0 &&
	      socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
	CHECK(epoll_ctl(ep, EPOLL_CTL_ADD, ends[0], &e) == 0);
	FAILS(epoll_ctl(ep, EPOLL_CTL_ADD, ends[0], &e), EEXIST);
	FAILS(epoll_ctl(ep, EPOLL_CTL_MOD, pair[0], &e), ENOENT);
	FAILS(epoll_ctl(ep, EPOLL_CTL_ADD, ep, &e), EINVAL);
	FAILS(epoll_ctl(ep, EPOLL_CTL_ADD, 99, &e), EBADF);
	FAILS(epoll_ctl(ends[0], EPOLL_CTL_ADD, ep, &e), EINVAL);
	int64_t from = now_ms();
	CHECK(epoll_wait(ep, got, 4, 0) == 0 && epoll_wait(ep, got, 4, 50) == 0 &&
	      now_ms() - from >= 49);
	/* Level: told as long as it is so. */
	CHECK(write(ends[1], "xy", 2) == 2);
	for (int i = 0; i < 3; i++)
		CHECK(epoll_wait(ep, got, 4, -1) == 1 && got[0].events == EPOLLIN &&
		      got[0].data.u64 == 0x123456789abcdefUL);
	/* Edge: told once; one shot: told once until asked for again. */
	e.events = EPOLLIN | EPOLLET;
	CHECK(epoll_ctl(ep, EPOLL_CTL_MOD, ends[0], &e) == 0 && epoll_wait(ep, got, 4, 1000) == 1 &&
	      epoll_wait(ep, got, 4, 20) == 0);
	CHECK(write(ends[1], "z", 1) == 1 && epoll_wait(ep, got, 4, 1000) == 1);
	e.events = EPOLLIN | EPOLLONESHOT;
	CHECK(epoll_ctl(ep, EPOLL_CTL_MOD, ends[0], &e) == 0 && epoll_wait(ep, got, 4, 1000) == 1 &&
	      epoll_wait(ep, got, 4, 0) == 0);
	CHECK(epoll_ctl(ep, EPOLL_CTL_DEL, ends[0], NULL) == 0);
	/* Several, one of them a timer and one another epoll; the instance itself can be polled. */
	int inner = epoll_create1(0);
	e.events = EPOLLIN;
	e.data.u64 = 1;
	CHECK(epoll_ctl(inner, EPOLL_CTL_ADD, pair[0], &e) == 0 &&
	      epoll_ctl(ep, EPOLL_CTL_ADD, inner, &e) == 0);
	struct pollfd p = {.fd = ep, .events = POLLIN};
	CHECK(poll(&p, 1, 0) == 0 && write(pair[1], "x", 1) == 1 && poll(&p, 1, 1000) == 1);
	CHECK(epoll_wait(ep, got, 4, 1000) == 1 && got[0].data.u64 == 1 &&
	      read(pair[0], &c, 1) == 1 && epoll_wait(ep, got, 4, 0) == 0);
	CHECK(close(pair[1]) == 0 && epoll_wait(inner, got, 4, 1000) == 1 &&
	      (got[0].events & EPOLLIN));
	FAILS(epoll_wait(ep, got, 0, 0), EINVAL);
	FAILS(epoll_wait(ends[0], got, 1, 0), EINVAL);
	FAILS(epoll_wait(99, got, 1, 0), EBADF);
	FAILS(syscall(SYS_epoll_wait, ep, 8, 1, 0), EFAULT);
	/* A signal, also one that only the wait lets through. */
	CHECK(close(inner) == 0);
	sigset_t set, none;
	sigemptyset(&none);
	sigemptyset(&set);
	sigaddset(&set, SIGALRM);
	struct sigaction sa = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
	CHECK(sigaction(SIGALRM, &sa, NULL) == 0);
	alarm_often(30000);
	FAILS(epoll_wait(ep, got, 4, -1), EINTR);
	CHECK(sigprocmask(SIG_BLOCK, &set, NULL) == 0);
	caught = 0;
	FAILS(epoll_pwait(ep, got, 4, -1, &none), EINTR);
	CHECK(caught == SIGALRM);
	alarm_often(0);
}

static void do_timerfd(void)
{
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK),
	    waits = timerfd_create(CLOCK_REALTIME, 0);
	struct itimerspec t = {.it_value = {.tv_nsec = 20000000},
			       .it_interval = {.tv_nsec = 10000000}},
			  left;
	uint64_t times;
	CHECK(fd >= 0 && waits >= 0);
	FAILS(read(fd, &times, 8), EAGAIN);
	int64_t from = now_ms();
	CHECK(timerfd_settime(fd, 0, &t, NULL) == 0 && timerfd_settime(waits, 0, &t, NULL) == 0);
	CHECK(read(waits, &times, 8) == 8 && times >= 1 && now_ms() - from >= 19);
	struct pollfd p = {.fd = fd, .events = POLLIN};
	CHECK(poll(&p, 1, 1000) == 1 && read(fd, &times, 8) == 8 && times >= 1);
	CHECK(timerfd_gettime(fd, &left) == 0 && left.it_interval.tv_nsec == 10000000);
	struct itimerspec off = {0};
	CHECK(timerfd_settime(fd, 0, &off, &left) == 0 && left.it_interval.tv_nsec == 10000000);
	CHECK(timerfd_gettime(fd, &left) == 0 && left.it_value.tv_sec == 0 &&
	      left.it_value.tv_nsec == 0);
	/* A time that has passed already. */
	struct itimerspec past = {.it_value = {.tv_nsec = 1}};
	CHECK(timerfd_settime(fd, TFD_TIMER_ABSTIME, &past, NULL) == 0 && poll(&p, 1, 1000) == 1);
	past.it_value.tv_nsec = 1000000000;
	FAILS(timerfd_settime(fd, 0, &past, NULL), EINVAL);
	FAILS(timerfd_create(77, 0), EINVAL);
	FAILS(timerfd_settime(1, 0, &t, NULL), EINVAL);
}

/* Another process holds bytes 10 to 29 of the file "locked" until it sees the lock `part`. */
static void do_locks(void)
{
	int fd = open("locked", O_RDWR), reader = open("locked", O_RDONLY);
	struct flock all = {.l_type = F_WRLCK}, part = {.l_type = F_RDLCK, .l_len = 10};
	CHECK(fd >= 0 && reader >= 0);
	FAILS(fcntl(fd, F_SETLK, &all), EAGAIN);
	CHECK(fcntl(fd, F_GETLK, &all) == 0 && all.l_type == F_WRLCK && all.l_start == 10 &&
	      all.l_len == 20);
	CHECK(fcntl(fd, F_SETLK, &part) == 0);
	FAILS(fcntl(reader, F_SETLK, &((struct flock){.l_type = F_WRLCK, .l_len = 1})), EBADF);
	FAILS(fcntl(fd, F_SETLK, (struct flock *)8), EFAULT);
	FAILS(fcntl(99, F_SETLK, &part), EBADF);
	part.l_type = 77;
	FAILS(fcntl(fd, F_SETLK, &part), EINVAL);
	/* It ends, and a wait for it too. */
	all = (struct flock){.l_type = F_WRLCK, .l_start = 0, .l_len = 0};
	CHECK(fcntl(fd, F_SETLKW, &all) == 0);
	/* Locks of one process do not stand in its own way; those of an open file do. */
	all.l_type = F_RDLCK;
	CHECK(fcntl(reader, F_SETLK, &all) == 0);
	all.l_type = F_UNLCK;
	CHECK(fcntl(fd, F_SETLK, &all) == 0);
	int other = open("locked", O_RDWR);
	all.l_type = F_WRLCK;
	CHECK(fcntl(fd, F_OFD_SETLK, &all) == 0);
	FAILS(fcntl(other, F_OFD_SETLK, &all), EAGAIN);
}

static void do_process(void)
{
	struct rlimit r;
	struct rusage usage, children;
	CHECK(getrlimit(RLIMIT_NOFILE, &r) == 0 && r.rlim_cur == 1024 && r.rlim_max == 1024);
	CHECK(getrlimit(RLIMIT_STACK, &r) == 0 && r.rlim_cur == 8 << 20);
	r.rlim_cur = 1 << 20;
	r.rlim_max = 8 << 20;
	CHECK(setrlimit(RLIMIT_STACK, &r) == 0 && getrlimit(RLIMIT_STACK, &r) == 0 &&
	      r.rlim_cur == 1 << 20);
	r.rlim_max = 16 << 20;
	FAILS(setrlimit(RLIMIT_STACK, &r), EPERM);
	r.rlim_cur = 32 << 20;
	FAILS(setrlimit(RLIMIT_STACK, &r), EINVAL);
	FAILS(getrlimit(99, &r), EINVAL);
	FAILS(syscall(SYS_prlimit64, 4711, RLIMIT_CORE, NULL, &r), ESRCH);
	CHECK(getrusage(RUSAGE_SELF, &usage) == 0 && usage.ru_utime.tv_sec < 100);
	CHECK(getrusage(RUSAGE_CHILDREN, &children) == 0 && children.ru_utime.tv_sec == 0 &&
	      children.ru_utime.tv_usec == 0);
	FAILS(getrusage(77, &usage), EINVAL);
	unsigned cpu = 7, node = 7;
	CHECK(syscall(SYS_getcpu, &cpu, &node, NULL) == 0 && cpu == 0 && node == 0);
	uint64_t set[2] = {0};
	CHECK(syscall(SYS_sched_getaffinity, 0, sizeof(set), set) == 8 && set[0] == 1);
	CHECK(setresuid(-1, 0, 0) == 0 && setreuid(0, -1) == 0 && setresgid(0, 0, 0) == 0);
	FAILS(setresuid(1000, 0, 0), EPERM);
	FAILS(syscall(SYS_personality, 1), EINVAL);
	FAILS(waitid(P_ALL, 0, NULL, WEXITED), ECHILD);
	FAILS(tcgetpgrp(0), ENOTTY);
	FAILS(syscall(SYS_io_uring_setup, 1, 0), ENOSYS);
}

int main(int argc, char **argv)
{
	static const struct check checks[] = {
		{"eventfd", do_eventfd}, {"epoll", do_epoll},     {"timerfd", do_timerfd},
		{"locks", do_locks},     {"process", do_process},
	};
	return run_check(checks, sizeof(checks) / sizeof(checks[0]), argc > 1 ? argv[1] : "");
}
