/* SPDX-License-Identifier: Apache-2.0 */
/* System calls with a user or two each: priorities, capabilities, older forms, pipes. */
#define _GNU_SOURCE
#include "show.h"

#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/ioprio.h>
#include <linux/membarrier.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <unistd.h>
#include <utime.h>

static void priorities(void)
{
	struct sched_param zero = {0}, one = {1};
	cpu_set_t set;
	SHOW(setpriority(PRIO_PROCESS, 0, 5)); /* what it was is the caller's */
	SHOW(getpriority(PRIO_PROCESS, 0));
	SHOW(setpriority(PRIO_PROCESS, getpid(), 100));
	SHOW(getpriority(PRIO_PROCESS, 0));
	SHOW(getpriority(9, 0));
	SHOW(getpriority(PRIO_PROCESS, 999999));
	SHOW(sched_getscheduler(0));
	SHOW(sched_setscheduler(0, SCHED_BATCH, &zero));
	SHOW(sched_getscheduler(0));
	SHOW(sched_setscheduler(0, SCHED_OTHER, &one));
	SHOW(sched_setscheduler(0, 77, &zero));
	SHOW(sched_setscheduler(-1, SCHED_OTHER, &zero));
	SHOW(sched_setscheduler(0, SCHED_OTHER, &zero));
	SHOW(sched_getparam(0, &one));
	SHOW(one.sched_priority);
	SHOW(sched_setparam(0, &zero));
	SHOW(sched_get_priority_max(SCHED_FIFO));
	SHOW(sched_get_priority_min(SCHED_FIFO));
	SHOW(sched_get_priority_max(SCHED_OTHER));
	SHOW(sched_get_priority_max(99));
	SHOW(sched_getscheduler(999999));
	CPU_ZERO(&set);
	SHOW(sched_setaffinity(0, sizeof(set), &set));
	CPU_SET(0, &set);
	SHOW(sched_setaffinity(0, sizeof(set), &set));
	SHOW(sched_getaffinity(0, sizeof(set), &set));
	SHOW(CPU_COUNT(&set));
	SHOW(sched_getaffinity(0, 3, &set));
	SHOW(syscall(SYS_ioprio_get, 1, 0) >= 0);
	SHOW(syscall(SYS_ioprio_set, 1, 0, 2 << 13 | 5));
	SHOW(syscall(SYS_ioprio_get, 1, 0));
	SHOW(syscall(SYS_ioprio_get, 9, 0));
	SHOW(syscall(SYS_membarrier, MEMBARRIER_CMD_QUERY, 0) > 0);
	SHOW(syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0));
	SHOW(syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0));
	SHOW(syscall(SYS_membarrier, 1 << 30, 0));
}

static void ids(void)
{
	struct {
		unsigned version;
		int pid;
	} header = {0x20080522};
	unsigned data[6];
	SHOW(syscall(SYS_capget, &header, data));
	header.version = 1;
	SHOW(syscall(SYS_capget, &header, NULL));
	printf("version %x\n", header.version);
	header.pid = 999999;
	SHOW(syscall(SYS_capget, &header, data));
	SHOW(setfsuid(-1) == getuid());
	SHOW(setfsgid(-1) == getgid());
	SHOW(setpgid(0, -1));
	SHOW(setpgid(999999, 0));
	int signo = -1;
	SHOW(prctl(PR_SET_PDEATHSIG, 15));
	SHOW(prctl(PR_GET_PDEATHSIG, &signo));
	SHOW(signo);
	SHOW(prctl(PR_SET_PDEATHSIG, 65));
	SHOW(prctl(PR_GET_TIMERSLACK));
	SHOW(prctl(PR_SET_KEEPCAPS, 0));
	SHOW(prctl(PR_GET_KEEPCAPS));
	SHOW(prctl(PR_GET_SECUREBITS));
	SHOW(prctl(PR_CAPBSET_READ, 100));
	SHOW(prctl(PR_SET_THP_DISABLE, 0, 0, 0, 0));
	SHOW(prctl(9999));
}

static void memory(void)
{
	char *p = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	SHOW(mlock(p, 4096));
	SHOW(mlock2(p, 4096, MLOCK_ONFAULT));
	SHOW(mlock2(p, 4096, 8));
	SHOW(munlock(p, 8192));
	SHOW(mlockall(0));
	SHOW(mlockall(MCL_ONFAULT));
	SHOW(mlockall(99));
	SHOW(munlockall());
}

static void times(void)
{
	struct stat st;
	struct utimbuf old = {100, 200};
	struct timeval v[2] = {{1, 2}, {3, 4}}, bad[2] = {{1, 1000000}};
	int fd = open("file", O_CREAT | O_RDWR, 0644);
	SHOW(utime("file", &old));
	stat("file", &st), printf("%ld %ld\n", st.st_atime, st.st_mtime);
	SHOW(syscall(SYS_utime, "file", NULL));
	stat("file", &st), printf("%d\n", st.st_mtime > 1000);
	SHOW(syscall(SYS_futimesat, AT_FDCWD, "file", v));
	stat("file", &st);
	printf("%ld.%ld %ld.%ld\n", st.st_atime, st.st_atim.tv_nsec, st.st_mtime,
	       st.st_mtim.tv_nsec);
	SHOW(utimes("file", bad));
	SHOW(utime("nothing", &old));
	SHOW(syncfs(fd));
	SHOW(syncfs(99));
	SHOW(sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE));
	SHOW(sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WAIT_AFTER));
	SHOW(sync_file_range(fd, -1, 0, 0));
	SHOW(sync_file_range(fd, 0, 0, 99));
	SHOW(readahead(fd, 0, 100));
	SHOW(readahead(99, 0, 100));
	SHOW(fcntl(fd, F_GETOWN));
	SHOW(fcntl(fd, F_GETLEASE));
	SHOW(fcntl(fd, F_GETPIPE_SZ));
	close(fd);
}

struct old_entry {
	unsigned long inode, offset;
	unsigned short len;
	char name[];
};

static void directory(void)
{
	char buffer[4096], names[3][8];
	mkdir("dir", 0755), mkdir("dir/b", 0755), close(open("dir/aa", O_CREAT | O_WRONLY, 0644));
	int fd = open("dir", O_RDONLY), found = 0;
	long got = RESULT(syscall(SYS_getdents, fd, buffer, sizeof(buffer)));
	for (long at = 0; at < got;) {
		struct old_entry *e = (void *)(buffer + at);
		if (!strcmp(e->name, "aa") && buffer[at + e->len - 1] == DT_REG)
			found |= 1;
		if (!strcmp(e->name, "b") && buffer[at + e->len - 1] == DT_DIR)
			found |= 2;
		if (!strcmp(e->name, ".") || !strcmp(e->name, ".."))
			found += 4;
		at += e->len;
	}
	printf("getdents %d, %d\n", got > 0, found);
	SHOW(syscall(SYS_getdents, fd, buffer, 4096));
	SHOW(syscall(SYS_getdents, 99, buffer, 4096));
}

static void pipes(void)
{
	int a[2], b[2];
	char text[16] = "";
	loff_t at = 2;
	pipe(a), pipe(b);
	int fd = open("spliced", O_CREAT | O_RDWR, 0644), out = open("out", O_CREAT | O_RDWR, 0644);
	write(fd, "0123456789", 10);
	SHOW(fcntl(a[0], F_GETPIPE_SZ));
	SHOW(splice(fd, &at, a[1], NULL, 5, 0));
	SHOW(at);
	SHOW(splice(a[0], NULL, b[1], NULL, 3, 0));
	SHOW(read(b[0], text, sizeof(text)));
	puts(text);
	at = 1;
	SHOW(splice(a[0], NULL, out, &at, 100, 0));
	SHOW(lseek(out, 0, SEEK_END));
	SHOW(splice(a[0], NULL, out, NULL, 100, SPLICE_F_NONBLOCK));
	SHOW(splice(fd, NULL, out, NULL, 1, 0));
	SHOW(splice(fd, NULL, a[1], &at, 1, 0));
	SHOW(splice(99, NULL, a[1], NULL, 1, 0));
	SHOW(splice(fd, NULL, a[1], NULL, 1, 99));
	SHOW(splice(fd, NULL, a[1], NULL, 4, 0));
	struct iovec v[2] = {{"ab", 2}, {"cde", 3}};
	SHOW(vmsplice(a[1], v, 2, 0));
	SHOW(read(a[0], text, sizeof(text)));
	SHOW(vmsplice(fd, v, 2, 0));
	close(a[0]);
	signal(SIGPIPE, SIG_IGN);
	at = 0;
	SHOW(splice(fd, &at, a[1], NULL, 4, 0));
}

int main(void)
{
	priorities();
	ids();
	memory();
	times();
	directory();
	pipes();
	return 0;
}
