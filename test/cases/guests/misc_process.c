/* SPDX-License-Identifier: Apache-2.0 */
/* Calls on the process and its clocks: prctl, rseq, futex, usage, sleep, timerfd. */
#define _GNU_SOURCE
#include "show.h"

#include <asm/prctl.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <linux/prctl.h>
#include <linux/rseq.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/times.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

static void attributes(void)
{
	char name[20] = "";
	int number = -1;
	SHOW(prctl(PR_SET_NAME, "a name that is too long"));
	SHOW(prctl(PR_GET_NAME, name));
	printf("%s\n", name);
	SHOW(prctl(PR_SET_NAME, 8));
	SHOW(prctl(PR_GET_NAME, 8));
	SHOW(prctl(PR_GET_DUMPABLE));
	SHOW(prctl(PR_SET_DUMPABLE, 0));
	SHOW(prctl(PR_GET_DUMPABLE));
	SHOW(prctl(PR_SET_DUMPABLE, 2));
	SHOW(prctl(PR_SET_DUMPABLE, 1));
	SHOW(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
	SHOW(prctl(PR_GET_NO_NEW_PRIVS, 1, 0, 0, 0));
	SHOW(prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0));
	SHOW(prctl(PR_SET_NO_NEW_PRIVS, 1, 1, 0, 0));
	SHOW(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	SHOW(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
	SHOW(prctl(PR_CAPBSET_READ, 0));
	SHOW(prctl(PR_CAPBSET_READ, 99));
	SHOW(prctl(PR_SET_PDEATHSIG, SIGTERM));
	SHOW(prctl(PR_GET_PDEATHSIG, &number));
	SHOW(number);
	SHOW(prctl(PR_SET_PDEATHSIG, 99));
	SHOW(prctl(PR_SET_PDEATHSIG, 0));
	SHOW(prctl(PR_GET_PDEATHSIG, 8));
	SHOW(prctl(PR_SET_KEEPCAPS, 1));
	SHOW(prctl(PR_GET_KEEPCAPS));
	SHOW(prctl(PR_SET_KEEPCAPS, 2));
	SHOW(prctl(PR_SET_KEEPCAPS, 0));
	SHOW(prctl(PR_GET_TIMERSLACK));
	SHOW(prctl(PR_SET_TIMERSLACK, 70000));
	SHOW(prctl(PR_GET_TIMERSLACK));
	SHOW(prctl(PR_SET_TIMERSLACK, 0));
	SHOW(prctl(PR_GET_TIMERSLACK));
	SHOW(prctl(PR_SET_CHILD_SUBREAPER, 1));
	SHOW(prctl(PR_GET_CHILD_SUBREAPER, &number));
	SHOW(number);
	SHOW(prctl(PR_GET_TIMING));
	SHOW(prctl(PR_SET_TIMING, 1));
	SHOW(prctl(PR_GET_SECCOMP));
	SHOW(prctl(PR_GET_TSC, &number));
	SHOW(number);
	SHOW(prctl(PR_GET_SECUREBITS));
	SHOW(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, 0, 0, 0));
	SHOW(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, 99, 0, 0));
	SHOW(prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0));
	SHOW(prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0));
	SHOW(prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0));
	SHOW(prctl(PR_MCE_KILL_GET, 0, 0, 0, 0));
	SHOW(prctl(PR_GET_SPECULATION_CTRL, 99, 0, 0, 0));
	SHOW(prctl(12345, 0, 0, 0, 0));
}

static void registration(void)
{
	static struct rseq area __attribute__((aligned(32)));
	unsigned long base;
	unsigned cpu = 9999, node = 9999;
	SHOW(syscall(SYS_arch_prctl, ARCH_GET_FS, &base));
	SHOW(syscall(SYS_arch_prctl, ARCH_SET_FS, base));
	SHOW(syscall(SYS_arch_prctl, ARCH_GET_GS, &base));
	SHOW(base);
	SHOW(syscall(SYS_arch_prctl, ARCH_GET_FS, 8));
	SHOW(syscall(SYS_arch_prctl, 0x9999, 0));
	SHOW(syscall(SYS_set_tid_address, NULL) == getpid());
	SHOW(syscall(SYS_set_robust_list, NULL, 24));
	SHOW(syscall(SYS_set_robust_list, NULL, 23));
	SHOW(syscall(SYS_getcpu, &cpu, &node, NULL));
	printf("%d\n", cpu < 4096 && node < 4096);
	SHOW(syscall(SYS_getcpu, 8, NULL, NULL));
	SHOW(syscall(SYS_membarrier, MEMBARRIER_CMD_QUERY, 1));
	SHOW(syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0));
	SHOW(personality(0xffffffff));
	SHOW(personality(ADDR_NO_RANDOMIZE));
	SHOW(personality(0xffffffff));
	SHOW(personality(0));
}

static void futexes(void)
{
	uint32_t word = 5, other = 6;
	struct timespec now, none = {0, 0}, bad = {0, 2000000000}, past = {1, 0};
	clock_gettime(CLOCK_MONOTONIC, &now);
	SHOW(syscall(SYS_futex, &word, FUTEX_WAKE, 1, NULL, NULL, 0));
	SHOW(syscall(SYS_futex, &word, FUTEX_WAIT, 4, NULL, NULL, 0));
	SHOW(syscall(SYS_futex, &word, FUTEX_WAIT, 5, &none, NULL, 0));
	SHOW(syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 5, &none, NULL, 0));
	SHOW(syscall(SYS_futex, &word, FUTEX_WAIT, 5, &bad, NULL, 0));
	SHOW(syscall(SYS_futex, 8, FUTEX_WAIT, 5, &none, NULL, 0));
	SHOW(syscall(SYS_futex, (char *)&word + 1, FUTEX_WAIT, 5, &none, NULL, 0));
	SHOW(syscall(SYS_futex, &word, FUTEX_WAIT_BITSET, 5, &past, NULL, -1));
	SHOW(syscall(SYS_futex, &word, FUTEX_WAIT_BITSET, 5, &past, NULL, 0));
	SHOW(syscall(SYS_futex, &word, FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, 5, &past, NULL,
		     -1));
	SHOW(syscall(SYS_futex, &word, FUTEX_WAKE_BITSET, 1, NULL, NULL, 0));
	SHOW(syscall(SYS_futex, &word, FUTEX_WAKE_BITSET, 1, NULL, NULL, -1));
	SHOW(syscall(SYS_futex, &word, FUTEX_REQUEUE, 1, 1, &other, 0));
	SHOW(syscall(SYS_futex, &word, FUTEX_CMP_REQUEUE, 1, 1, &other, 5));
	SHOW(syscall(SYS_futex, &word, FUTEX_CMP_REQUEUE, 1, 1, &other, 4));
	SHOW(syscall(SYS_futex, &word, FUTEX_REQUEUE, -1, 1, &other, 0));
	SHOW(syscall(SYS_futex, &word, FUTEX_WAKE_OP, 1, 1, &other,
		     FUTEX_OP(FUTEX_OP_ADD, 3, FUTEX_OP_CMP_EQ, 6)));
	SHOW(other);
	SHOW(syscall(SYS_futex, &word, FUTEX_FD, 0, NULL, NULL, 0));
	SHOW(syscall(SYS_futex, &word, 100, 0, NULL, NULL, 0));
}

static void usage(void)
{
	struct rusage usage;
	struct tms tms;
	struct sysinfo info;
	struct utsname names;
	struct rlimit64 limit;
	SHOW(getrusage(RUSAGE_SELF, &usage));
	SHOW(getrusage(RUSAGE_CHILDREN, &usage));
	SHOW(getrusage(RUSAGE_THREAD, &usage));
	SHOW(getrusage(5, &usage));
	SHOW(getrusage(RUSAGE_SELF, (struct rusage *)8));
	SHOW(times(&tms) > 0);
	SHOW(times(NULL) > 0);
	SHOW(syscall(SYS_times, 8));
	SHOW(sysinfo(&info));
	printf("%d %d %d %d\n", info.uptime > 0, info.totalram > 0, info.mem_unit > 0,
	       info.procs > 0);
	SHOW(sysinfo((struct sysinfo *)8));
	SHOW(uname(&names));
	printf("%s %s\n", names.sysname, names.machine);
	SHOW(uname((struct utsname *)8));
	SHOW(syscall(SYS_prlimit64, 0, RLIMIT_CORE, NULL, &limit));
	SHOW(syscall(SYS_prlimit64, 0, 99, NULL, &limit));
	SHOW(syscall(SYS_prlimit64, 999999, RLIMIT_CORE, NULL, &limit));
	SHOW(syscall(SYS_prlimit64, 0, RLIMIT_CORE, (void *)8, NULL));
	limit = (struct rlimit64){5, 4};
	SHOW(syscall(SYS_prlimit64, 0, RLIMIT_CPU, &limit, NULL));
	limit = (struct rlimit64){1000, 2000};
	SHOW(syscall(SYS_prlimit64, 0, RLIMIT_CPU, &limit, NULL));
	limit = (struct rlimit64){0, 0};
	SHOW(syscall(SYS_prlimit64, 0, RLIMIT_CPU, NULL, &limit));
	printf("%ld %ld\n", (long)limit.rlim_cur, (long)limit.rlim_max);
}

static void clocks(void)
{
	static const int all[] = {CLOCK_REALTIME,
				  CLOCK_MONOTONIC,
				  CLOCK_THREAD_CPUTIME_ID,
				  CLOCK_MONOTONIC_RAW,
				  CLOCK_REALTIME_COARSE,
				  CLOCK_MONOTONIC_COARSE,
				  CLOCK_BOOTTIME,
				  10,
				  CLOCK_TAI,
				  12,
				  99};
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		struct timespec t = {-1, -1}, soon = {0, 1000};
		printf("clock %d:", all[i]);
		printf(" get %ld", RESULT(syscall(SYS_clock_gettime, all[i], &t)));
		printf(" %d", t.tv_sec >= 0 && t.tv_nsec >= 0);
		printf(" resolution %ld", RESULT(syscall(SYS_clock_getres, all[i], NULL)));
		printf(" sleep %ld", RESULT(syscall(SYS_clock_nanosleep, all[i], 0, &soon, NULL)));
		printf(" until %ld\n",
		       RESULT(syscall(SYS_clock_nanosleep, all[i], TIMER_ABSTIME, &soon, NULL)));
	}
	struct timespec bad = {0, 1000000000}, negative = {-1, 0}, t = {0, 1};
	SHOW(syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &bad, NULL));
	SHOW(syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &negative, NULL));
	SHOW(syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, TIMER_ABSTIME, &negative, NULL));
	SHOW(syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 8, &t, NULL));
	SHOW(syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, 8, NULL));
	SHOW(syscall(SYS_nanosleep, &bad, NULL));
	SHOW(syscall(SYS_nanosleep, &negative, NULL));
	SHOW(syscall(SYS_nanosleep, 8, NULL));
	SHOW(syscall(SYS_clock_gettime, CLOCK_REALTIME, 8));
	SHOW(syscall(SYS_clock_gettime, CLOCK_PROCESS_CPUTIME_ID, 8));
	SHOW(syscall(SYS_clock_getres, CLOCK_MONOTONIC, &t));
	printf("%ld.%09ld\n", t.tv_sec, t.tv_nsec);
	SHOW(syscall(SYS_gettimeofday, 8, NULL));
	SHOW(syscall(SYS_gettimeofday, NULL, NULL));
}

static void event_files(void)
{
	uint64_t value = 3;
	struct pollfd p;
	struct itimerspec at = {.it_value = {0, 1000000}}, got;
	int fd = eventfd(2, EFD_SEMAPHORE | EFD_NONBLOCK);
	for (int i = 0; i < 3; i++) {
		value = 99;
		SHOW(read(fd, &value, 8));
		SHOW(value);
	}
	value = UINT64_MAX;
	SHOW(write(fd, &value, 8));
	value = UINT64_MAX - 1;
	SHOW(write(fd, &value, 8));
	p = (struct pollfd){.fd = fd, .events = POLLIN | POLLOUT};
	SHOW(poll(&p, 1, 0));
	SHOW(p.revents);
	value = 1;
	SHOW(write(fd, &value, 8));
	SHOW(read(fd, &value, 7));
	SHOW(eventfd(0, 0x100));
	close(fd);
	SHOW(timerfd_create(99, 0));
	SHOW(timerfd_create(CLOCK_PROCESS_CPUTIME_ID, 0));
	SHOW(timerfd_create(CLOCK_MONOTONIC, 0x100));
	fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
	SHOW(read(fd, &value, 8));
	SHOW(timerfd_settime(fd, 0, &at, NULL));
	SHOW(timerfd_settime(fd, 0x100, &at, NULL));
	SHOW(timerfd_settime(fd, 0, (void *)8, NULL));
	p = (struct pollfd){.fd = fd, .events = POLLIN};
	SHOW(poll(&p, 1, -1));
	SHOW(read(fd, &value, 8));
	SHOW(value);
	SHOW(timerfd_gettime(fd, &got));
	printf("%ld %ld\n", got.it_value.tv_sec, got.it_value.tv_nsec);
	at = (struct itimerspec){{5, 0}, {1, 0}};
	SHOW(timerfd_settime(fd, TFD_TIMER_ABSTIME, &at, &got));
	SHOW(poll(&p, 1, -1));
	SHOW(read(fd, &value, 8));
	SHOW(value > 0);
	at.it_value.tv_nsec = 1000000000;
	SHOW(timerfd_settime(fd, 0, &at, NULL));
	at.it_value.tv_nsec = 0;
	SHOW(timerfd_settime(1, 0, &at, NULL));
	SHOW(timerfd_settime(99, 0, &at, NULL));
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	attributes();
	registration();
	futexes();
	usage();
	clocks();
	event_files();
	return 0;
}
