/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Transfers that the kernel refuses are refused at once, not waited for; so are those of
 * epoll on other descriptors.
 */
#define _GNU_SOURCE
#include "show.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

static void transfers(const char *what, int fd)
{
	char buffer[256] = "";
	printf("--- %s\n", what);
	SHOW(write(fd, buffer, 8));
	SHOW(write(fd, buffer, 0));
	SHOW(pwrite(fd, buffer, 8, 0));
	SHOW(pread(fd, buffer, 8, 0));
}

static void no_epoll(const char *what, int fd, int other)
{
	struct epoll_event event = {.events = EPOLLIN};
	printf("--- %s\n", what);
	SHOW(epoll_wait(fd, &event, 1, 0));
	SHOW(epoll_wait(fd, &event, 1, -1));
	SHOW(epoll_ctl(fd, EPOLL_CTL_ADD, other, &event));
	SHOW(epoll_ctl(fd, EPOLL_CTL_MOD, other, &event));
	SHOW(epoll_ctl(fd, EPOLL_CTL_DEL, other, &event));
}

int main(void)
{
	char buffer[256];
	int pipes[2], plain = open("file", O_CREAT | O_RDONLY, 0600), fifo;
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	int signals = signalfd(-1, &set, 0), epoll = epoll_create1(0);
	int process = (int)syscall(SYS_pidfd_open, getpid(), 0);
	int timer = timerfd_create(CLOCK_MONOTONIC, 0);
	SHOW(pipe(pipes));
	SHOW(mkfifo("fifo", 0600));
	fifo = open("fifo", O_RDONLY | O_NONBLOCK);
	SHOW(fcntl(fifo, F_SETFL, 0));
	transfers("epoll", epoll);
	SHOW(read(epoll, buffer, 8));
	SHOW(fcntl(epoll, F_SETFL, O_NONBLOCK));
	SHOW(read(epoll, buffer, 8));
	SHOW(write(epoll, buffer, 8));
	SHOW(fcntl(epoll, F_GETFL) & O_NONBLOCK);
	transfers("timerfd", timer);
	transfers("a copy of it", dup(timer));
	SHOW(fcntl(timer, F_SETFL, O_NONBLOCK));
	SHOW(write(timer, buffer, 8));
	SHOW(read(timer, buffer, 8));
	SHOW(write(signals, buffer, 8));
	SHOW(write(process, buffer, 8));
	SHOW(write(pipes[0], buffer, 8));
	SHOW(read(pipes[1], buffer, 8));
	SHOW(write(fifo, buffer, 8));
	SHOW(write(plain, buffer, 8));
	no_epoll("signalfd", signals, timer);
	no_epoll("pidfd", process, timer);
	no_epoll("timerfd", timer, signals);
	no_epoll("file", plain, signals);
	return 0;
}
