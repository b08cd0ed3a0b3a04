/* SPDX-License-Identifier: Apache-2.0 */
/* signalfd alone, with poll, select and epoll; pidfds of the process itself. */
#define _GNU_SOURCE
#include "show.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/pidfd.h>
#include <sys/select.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static sigset_t set_of(int a, int b)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, a);
	sigaddset(&set, b);
	return set;
}

static void print_info(const struct signalfd_siginfo *i)
{
	printf("  signo %u code %d errno %d pid %d uid %u int %d ptr %lx tid %u overrun %u "
	       "addr %lx\n",
	       i->ssi_signo, i->ssi_code, i->ssi_errno, i->ssi_pid == (uint32_t)getpid(),
	       i->ssi_uid, i->ssi_int, (unsigned long)i->ssi_ptr, i->ssi_tid, i->ssi_overrun,
	       (unsigned long)i->ssi_addr);
}

static void drain(int fd)
{
	struct signalfd_siginfo info[4];
	long n = RESULT(read(fd, info, sizeof(info)));
	printf("read: %ld\n", n);
	for (long i = 0; i < n / (long)sizeof(info[0]); i++)
		print_info(&info[i]);
}

static void ready(const char *what, int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN | POLLOUT};
	int n = poll(&p, 1, 0);
	printf("%s: %d %x\n", what, n, p.revents);
}

static void errors(void)
{
	sigset_t set = set_of(SIGUSR1, SIGUSR2);
	int pipes[2];
	SHOW(signalfd(99, &set, 0));
	SHOW(pipe(pipes));
	SHOW(signalfd(pipes[0], &set, 0));
	SHOW(signalfd(-1, &set, 0x40000000));
	SHOW(signalfd(-2, &set, 0));
	SHOW(syscall(SYS_signalfd4, -1, &set, 4, 0));
	SHOW(syscall(SYS_signalfd4, -1, (void *)8, 8, 0));
	close(pipes[0]);
	close(pipes[1]);
}

static void reading(void)
{
	sigset_t set = set_of(SIGUSR1, SIGRTMIN + 3);
	struct signalfd_siginfo info;
	union sigval value = {.sival_int = 77};
	sigprocmask(SIG_BLOCK, &set, NULL);
	int fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	printf("flags %x %x\n", fcntl(fd, F_GETFL) & (O_NONBLOCK | O_ACCMODE), fcntl(fd, F_GETFD));
	SHOW(read(fd, &info, sizeof(info)));
	SHOW(read(fd, &info, 127));
	SHOW(write(fd, &info, 128) < 0);
	ready("empty", fd);
	raise(SIGUSR1);
	raise(SIGUSR1);
	ready("pending", fd);
	sigqueue(getpid(), SIGRTMIN + 3, value);
	value.sival_int = 78;
	sigqueue(getpid(), SIGRTMIN + 3, value);
	drain(fd);
	ready("drained", fd);
	SHOW(fcntl(fd, F_SETFL, 0));
	SHOW(fcntl(fd, F_GETFL) & O_NONBLOCK);
	int on = 1;
	SHOW(ioctl(fd, FIONBIO, &on));
	SHOW(fcntl(fd, F_GETFL) & O_NONBLOCK);
	/* Taken in another way: it is not there any more. */
	raise(SIGUSR1);
	ready("pending", fd);
	SHOW(sigwaitinfo(&set, NULL));
	ready("taken", fd);
	SHOW(read(fd, &info, sizeof(info)));
	/* Another mask, by the same descriptor and by a copy. */
	sigset_t other = set_of(SIGUSR2, SIGWINCH);
	sigprocmask(SIG_BLOCK, &other, NULL);
	raise(SIGUSR1);
	SHOW(signalfd(fd, &other, 0) == fd);
	ready("not of the mask", fd);
	raise(SIGUSR2);
	int copy = dup(fd);
	ready("copy", copy);
	close(fd);
	ready("closed", fd);
	drain(copy);
	raise(SIGWINCH); /* ignored by default, but blocked */
	drain(copy);
	SHOW(lseek(copy, 0, SEEK_CUR));
	close(copy);
	SHOW(sigwaitinfo(&set, NULL));
}

static void timers_and_waits(void)
{
	sigset_t set = set_of(SIGALRM, SIGUSR1);
	struct itimerval soon = {.it_value = {.tv_usec = 20000}};
	sigprocmask(SIG_BLOCK, &set, NULL);
	int fd = signalfd(-1, &set, 0), epoll = epoll_create1(0);
	/* Blocking reads and waits end by a signal that comes later. */
	setitimer(ITIMER_REAL, &soon, NULL);
	drain(fd);
	struct pollfd p = {.fd = fd, .events = POLLIN};
	setitimer(ITIMER_REAL, &soon, NULL);
	SHOW(poll(&p, 1, -1));
	SHOW(p.revents);
	drain(fd);
	fd_set fds;
	FD_ZERO(&fds);
	FD_SET(fd, &fds);
	setitimer(ITIMER_REAL, &soon, NULL);
	SHOW(select(fd + 1, &fds, NULL, NULL, NULL));
	SHOW(FD_ISSET(fd, &fds) != 0);
	drain(fd);
	struct epoll_event event = {.events = EPOLLIN, .data.u32 = 5}, got;
	SHOW(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event));
	SHOW(epoll_wait(epoll, &got, 1, 0));
	setitimer(ITIMER_REAL, &soon, NULL);
	SHOW(epoll_wait(epoll, &got, 1, -1));
	printf("events %x data %u\n", got.events, got.data.u32);
	SHOW(epoll_wait(epoll, &got, 1, 0));
	drain(fd);
	SHOW(epoll_wait(epoll, &got, 1, 0));
	/* Edges: one for each signal, with what is read in between. */
	event.events = EPOLLIN | EPOLLET;
	SHOW(epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &event));
	for (int i = 0; i < 3; i++) {
		raise(SIGUSR1);
		SHOW(epoll_wait(epoll, &got, 1, 0));
		SHOW(epoll_wait(epoll, &got, 1, 0));
		drain(fd);
	}
	timer_t timer;
	struct sigevent how = {
		.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1, .sigev_value.sival_int = 9};
	struct itimerspec at = {.it_value = {.tv_nsec = 10000000}};
	SHOW(timer_create(CLOCK_MONOTONIC, &how, &timer));
	SHOW(timer_settime(timer, 0, &at, NULL));
	drain(fd);
	close(fd);
	close(epoll);
}

/* A signal of another process that nobody handles and that is blocked. */
static void from_outside(void)
{
	sigset_t set = set_of(SIGTERM, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	int fd = signalfd(-1, &set, 0);
	SHOW(kill(getpid(), SIGTERM));
	struct signalfd_siginfo info;
	SHOW(read(fd, &info, sizeof(info)));
	print_info(&info);
	close(fd);
}

static void process(void)
{
	siginfo_t info = {.si_signo = SIGUSR2, .si_code = SI_QUEUE};
	sigset_t set = set_of(SIGUSR2, SIGUSR1);
	int fd = pidfd_open(getpid(), 0);
	SHOW(fd >= 0);
	SHOW(fcntl(fd, F_GETFD));
	ready("pidfd", fd);
	char byte;
	SHOW(read(fd, &byte, 1));
	SHOW(pidfd_open(0, 0));
	SHOW(pidfd_open(-1, 0));
	SHOW(pidfd_open(getpid(), 0x40000000));
	SHOW(pidfd_send_signal(fd, 0, NULL, 0));
	SHOW(pidfd_send_signal(fd, 99, NULL, 0));
	SHOW(pidfd_send_signal(fd, SIGUSR2, NULL, 0));
	SHOW(sigwaitinfo(&set, &info));
	SHOW(info.si_code);
	info = (siginfo_t){.si_signo = SIGUSR2, .si_code = SI_QUEUE};
	info.si_value.sival_int = 5;
	SHOW(pidfd_send_signal(fd, SIGUSR2, &info, 0));
	SHOW(sigwaitinfo(&set, &info));
	SHOW(info.si_value.sival_int);
	SHOW(pidfd_send_signal(fd, SIGUSR1, &info, 0));
	SHOW(pidfd_send_signal(fd, SIGUSR1, NULL, 0x100));
	SHOW(pidfd_send_signal(0, 0, NULL, 0));
	SHOW(pidfd_send_signal(99, 0, NULL, 0));
	int copy = pidfd_getfd(fd, 1, 0);
	SHOW(copy >= 0);
	SHOW(fcntl(copy, F_GETFD));
	SHOW(pidfd_getfd(fd, 99, 0));
	SHOW(pidfd_getfd(fd, 1, 1));
	SHOW(waitid(P_PIDFD, fd, &info, WEXITED));
	close(copy);
	close(fd);
	fd = pidfd_open(getpid(), PIDFD_NONBLOCK);
	SHOW(fcntl(fd, F_GETFL) & (O_NONBLOCK | O_ACCMODE));
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	errors();
	reading();
	timers_and_waits();
	from_outside();
	process();
	return 0;
}
