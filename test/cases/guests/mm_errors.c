/* SPDX-License-Identifier: Apache-2.0 */
/* What memory calls say of holes, of odd arguments, and what brk takes away. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define R(call)                                                         \
	do {                                                            \
		errno = 0;                                              \
		long r_ = (long)(call);                                 \
		printf("%s: %d %d\n", #call, r_<0 ? -1 : r_> 0, errno); \
	} while (0)

enum { P = 4096, RW = PROT_READ | PROT_WRITE, ANON = MAP_PRIVATE | MAP_ANONYMOUS };

static sigjmp_buf back;

static void handler(int signo)
{
	siglongjmp(back, signo);
}

/* The signal that reading gets, or the byte. */
static int look(volatile char *at)
{
	int signo = sigsetjmp(back, 1);
	if (signo)
		return -signo;
	return *at;
}

int main(void)
{
	signal(SIGSEGV, handler);
	signal(SIGBUS, handler);
	char *m = mmap(NULL, 16 * P, RW, ANON, -1, 0);
	for (int i = 0; i < 16; i++)
		m[i * P] = (char)(i + 1);
	R(munmap(m + 4 * P, P));
	R(munmap(m + 4 * P, P));
	R(munmap(m + 3 * P, 3 * P));
	printf("%d %d %d\n", look(m + 2 * P), look(m + 3 * P), look(m + 6 * P));
	R(munmap(m + 1, P));
	R(munmap(m, 0));
	R(munmap(m, -1L));
	R(munmap((void *)(1UL << 60), P));

	/* From here on, 3 to 5 are a hole. */
	R(mprotect(m + P, 8 * P, PROT_READ));
	printf("%d %d\n", look(m + 4 * P), look(m + 7 * P));
	R(mprotect(m + 3 * P, P, RW));
	R(mprotect(m + 4 * P, P, PROT_NONE));
	printf("%d\n", look(m + 3 * P));
	R(mprotect(m + 1, P, RW));
	R(mprotect(m, 0, RW));
	R(mprotect(m, -1L, RW));
	R(mprotect(m, P, 0x100));
	R(mprotect((void *)(1UL << 46), P, RW));
	R(mprotect((void *)0x10000, P, RW));
	R(mprotect(m, 3 * P, RW));

	R(madvise(m, 8 * P, MADV_DONTNEED));
	printf("%d %d %d %d\n", look(m), look(m + 2 * P), look(m + 6 * P), look(m + 8 * P));
	R(madvise(m + 3 * P, P, MADV_DONTNEED));
	R(madvise(m + 3 * P, P, MADV_NORMAL));
	R(madvise(m, 16 * P, MADV_WILLNEED));
	R(madvise(m + 1, P, MADV_DONTNEED));
	R(madvise(m, 0, MADV_DONTNEED));
	R(madvise(m, -1L, MADV_DONTNEED));
	R(madvise(m, P, 1000));
	R(madvise(m, 0, 1000));
	R(madvise(m, P, MADV_FREE));
	R(msync(m, 8 * P, MS_SYNC));
	R(msync(m, 2 * P, MS_SYNC));
	R(msync(m, 0, MS_SYNC));

	/* Reservations, in part made accessible. */
	char *r = mmap(NULL, 64 * P, PROT_NONE, ANON | MAP_NORESERVE, -1, 0);
	R(mprotect(r + 8 * P, 8 * P, RW));
	r[8 * P] = 'r';
	R(mprotect(r, 64 * P, RW));
	printf("%d %d %d\n", look(r), look(r + 8 * P), look(r + 63 * P));
	R(mprotect(r, 64 * P, PROT_NONE));
	printf("%d\n", look(r + 8 * P));
	R(mprotect(r, 64 * P, PROT_READ));
	printf("%d\n", look(r + 8 * P));
	R(madvise(r, 64 * P, MADV_DONTNEED));
	printf("%d\n", look(r + 8 * P));
	char *low = mmap((void *)0x20000000, 4 * P, PROT_NONE, ANON | MAP_FIXED, -1, 0);
	R(mprotect(low + P, P, RW));
	printf("%d %d\n", look(low), look(low + P));
	R(munmap(low, 4 * P));
	R(mprotect(low + 2 * P, P, RW));
	R(mmap(NULL, 0, RW, ANON, -1, 0));
	R(mmap(NULL, -1L, RW, ANON, -1, 0));
	R(mmap(NULL, P, RW, MAP_ANONYMOUS, -1, 0));
	R(mmap(NULL, P, RW, MAP_PRIVATE, -1, 0));
	R(mmap((void *)1, P, RW, ANON | MAP_FIXED, -1, 0));
	R(mremap(m + 3 * P, P, 2 * P, MREMAP_MAYMOVE));
	R(mremap(m, 0, P, MREMAP_MAYMOVE));
	R(mremap(m, P, 0, MREMAP_MAYMOVE));

	/* The heap. */
	char *start = sbrk(0);
	start = (char *)(((uintptr_t)start + P - 1) & ~(uintptr_t)(P - 1));
	R(brk(start + 300 * P));
	start[0] = 1;
	start[10] = 2;
	start[200 * P] = 3;
	R(brk(start + 5));
	printf("%d %d %d %d\n", look(start), look(start + 10), look(start + P),
	       look(start + 200 * P));
	R(brk(start + 300 * P));
	printf("%d %d %d\n", look(start), look(start + 10), look(start + 200 * P));
	R(brk((void *)(1UL << 46)));
	R(brk(start));

	/* Negative lengths and offsets. */
	int fd = open("f", O_RDWR | O_CREAT, 0644);
	char byte = 'x';
	struct iovec v = {&byte, -1UL}, many[2] = {{&byte, 1}, {&byte, 1UL << 63}};
	R(write(fd, &byte, 1));
	R(ftruncate(fd, -1));
	R(truncate("f", -1));
	R(fallocate(fd, 0, -1, 1));
	R(fallocate(fd, 0, 0, -1));
	R(fallocate(fd, 0, 0, 0));
	R(pread(fd, &byte, 1, -1));
	R(pwrite(fd, &byte, 1, -1));
	R(preadv(fd, &v, 1, -1));
	R(readv(fd, &v, 1));
	R(writev(fd, many, 2));
	R(readv(fd, &v, -1));
	R(writev(fd, &v, 1025));
	R(read(fd, &byte, -1));
	R(write(fd, &byte, -1));
	R(lseek(fd, -1, SEEK_SET));
	R(lseek(fd, 0, 99));
	R(syscall(SYS_readlink, "f", &byte, -1));
	R(syscall(SYS_readlink, "f", &byte, 0));
	R(syscall(SYS_getdents64, fd, &byte, 1));
	R(posix_fadvise(fd, 0, -1, 0));
	R(syscall(SYS_sendfile, fd, fd, NULL, -1L));
	return 0;
}
