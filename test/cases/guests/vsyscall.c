/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The vsyscall page as Linux has it with vsyscall=xonly: it can be called and not read.
 * cases: reference a kernel may be without the page
 */
#define _GNU_SOURCE
#include "show.h"

#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static sigjmp_buf back;
static volatile int code;
static volatile uintptr_t address;

static void handler(int signo, siginfo_t *info, void *context)
{
	(void)signo;
	(void)context;
	code = info->si_code;
	address = (uintptr_t)info->si_addr;
	siglongjmp(back, 1);
}

#define FUNCTION(offset) (0xffffffffff600000 + (offset))

static void faults(const char *what, void (*try)(void))
{
	if (sigsetjmp(back, 1) == 0) {
		try();
		printf("%s: no fault\n", what);
	} else {
		printf("%s: code %d address %lx\n", what, code, (unsigned long)address);
	}
}

static void reads(void)
{
	volatile char c = *(volatile char *)FUNCTION(0);
	(void)c;
}
static void writes(void)
{
	*(volatile char *)FUNCTION(0x400) = 0;
}
static void calls_between(void)
{
	((void (*)(void))FUNCTION(0x10))();
}
static void calls_behind(void)
{
	((void (*)(void))FUNCTION(0xc00))();
}
static void calls_elsewhere(void)
{
	((void (*)(void))FUNCTION(0x1000))();
}

int main(void)
{
	int (*get_time_of_day)(struct timeval *, struct timezone *) = (void *)FUNCTION(0);
	time_t (*get_time)(time_t *) = (void *)FUNCTION(0x400);
	int (*get_cpu)(unsigned *, unsigned *, void *) = (void *)FUNCTION(0x800);
	struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
	setvbuf(stdout, NULL, _IOLBF, 0);
	sigaction(SIGSEGV, &action, NULL);
	for (int i = 0; i < 3; i++) {
		struct timeval tv = {0}, now;
		struct timezone zone = {5, 5};
		time_t t = 0;
		unsigned cpu = 99999, node = 99999;
		gettimeofday(&now, NULL);
		SHOW(get_time_of_day(&tv, &zone));
		printf("near: %d\n", labs(tv.tv_sec - now.tv_sec) < 60 && tv.tv_usec < 1000000);
		SHOW(get_time_of_day(NULL, NULL));
		SHOW(labs(get_time(&t) - now.tv_sec) < 60);
		SHOW(labs(t - now.tv_sec) < 60);
		SHOW(labs(get_time(NULL) - now.tv_sec) < 60);
		SHOW(get_cpu(&cpu, &node, NULL));
		printf("cpu: %d\n", cpu < 4096 && node < 4096);
		SHOW(get_cpu(NULL, NULL, NULL));
	}
	faults("reads", reads);
	faults("writes", writes);
	faults("calls_between", calls_between);
	faults("calls_behind", calls_behind);
	faults("calls_elsewhere", calls_elsewhere);
	return 0;
}
