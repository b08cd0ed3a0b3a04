/* SPDX-License-Identifier: Apache-2.0 */
/* The GS base is the program's: by instructions and arch_prctl, over calls, faults and signals. */
/* cases: cflags -mfsgsbase */
/* cases: reference the native program ends by SIGSEGV in the emulated machine */
#define _GNU_SOURCE
#include <asm/prctl.h>
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>
#include <x86intrin.h>

static sigjmp_buf out;
static volatile int caught;
static uint64_t seen, values[4] = {7, 8, 9, 10};

static void handler(int signo)
{
	caught++;
	seen = _readgsbase_u64();
	if (signo == SIGSEGV)
		siglongjmp(out, 1);
}

static uint64_t through_gs(void)
{
	uint64_t value;
	asm volatile("mov %%gs:8, %0" : "=r"(value));
	return value;
}

int main(void)
{
	uint64_t base = 1;
	printf("FSGSBASE %d\n", (getauxval(AT_HWCAP2) & 2) != 0);
	printf("at first %lx\n", _readgsbase_u64());
	_writegsbase_u64((uint64_t)values);
	printf("value %lu\n", through_gs());
	printf("get %ld", syscall(SYS_arch_prctl, ARCH_GET_GS, &base));
	printf(" equal %d\n", base == (uint64_t)values);
	printf("set %ld", syscall(SYS_arch_prctl, ARCH_SET_GS, values + 1));
	printf(" value %lu\n", through_gs());
	printf("bad gs %ld", syscall(SYS_arch_prctl, ARCH_SET_GS, 1UL << 63));
	printf(" %d\n", errno);
	printf("bad fs %ld", syscall(SYS_arch_prctl, ARCH_SET_FS, 1UL << 47));
	printf(" %d\n", errno);
	signal(SIGALRM, handler), signal(SIGSEGV, handler);
	for (int i = 0; i < 3; i++) {
		struct itimerval soon = {.it_value.tv_usec = 2000};
		caught = 0;
		setitimer(ITIMER_REAL, &soon, NULL);
		while (!caught)
			;
		printf("in a handler %d after %lu\n", seen == (uint64_t)(values + 1), through_gs());
	}
	_writegsbase_u64(0);
	if (!sigsetjmp(out, 1))
		through_gs();
	printf("caught, GS %lx\n", seen);
	asm volatile("mov %0, %%gs" : : "r"(0));
	printf("still here, pid %d, GS %lx\n", getpid() > 0, _readgsbase_u64());
	_writegsbase_u64(0x1234567);
	sleep(0);
	printf("GS %lx\n", _readgsbase_u64());
	return 0;
}
