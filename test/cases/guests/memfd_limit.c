/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All files in memory of a guest together are at most as large as its memory limit, whatever way
 * they grow; what is neither open nor mapped counts no more.
 * cases: mote --memory 64M
 * cases: reference a process of this kernel has no such limit without a cgroup
 */
#define _GNU_SOURCE
#include "show.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { MIB = 1 << 20 };
static char block[MIB];

static int file_of(long mib)
{
	int fd = memfd_create("limit", 0);
	return ftruncate(fd, mib * MIB) == 0 ? fd : (close(fd), -1);
}

/* Files that have memory past their ends first, and in front of that then: how many MiB. */
static long held_behind_the_ends(void)
{
	enum { FILES = 16, LENGTH = 16 };
	struct stat st;
	long held = 0;
	int fds[FILES];
	for (int i = 0; i < FILES; i++) {
		fds[i] = memfd_create("behind", 0);
		fallocate(fds[i], FALLOC_FL_KEEP_SIZE, (LENGTH - 1L) * MIB, MIB);
	}
	for (int i = 0; i < FILES; i++) {
		for (long at = 0; at < LENGTH - 1; at++)
			fallocate(fds[i], FALLOC_FL_KEEP_SIZE, at * MIB, MIB);
		held += fstat(fds[i], &st) == 0 ? st.st_blocks / 2048 : 0;
	}
	/* A file that is cut has nothing past its end. */
	SHOW(ftruncate(fds[0], 0));
	SHOW(fallocate(fds[1], FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 1L << 40));
	SHOW(ftruncate(fds[FILES - 1], LENGTH * MIB));
	for (int i = 0; i < FILES; i++)
		close(fds[i]);
	return held;
}

int main(void)
{
	struct iovec v = {block, MIB};
	int fd = file_of(60), other = memfd_create("other", 0), kept;
	SHOW(fd >= 0);
	SHOW(ftruncate(other, 5L * MIB));
	SHOW(ftruncate(other, 4L * MIB));
	SHOW(ftruncate(other, 1L << 50));
	SHOW(pwrite(other, "x", 1, 4L * MIB));
	SHOW(pwrite(other, "x", 1, 4L * MIB - 1));
	SHOW(pwritev(other, &v, 1, 4L * MIB - 1));
	SHOW(lseek(other, 4L * MIB, SEEK_SET));
	SHOW(write(other, block, MIB));
	SHOW(fallocate(other, 0, 0, 8L * MIB));
	SHOW(fallocate(other, FALLOC_FL_KEEP_SIZE, 4L * MIB, 8L * MIB));
	SHOW(fcntl(other, F_SETFL, O_APPEND));
	SHOW(write(other, "x", 1));
	SHOW(file_of(1));
	/* One that is closed makes space, one that is mapped does not. */
	char *at = mmap(NULL, 60L * MIB, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	SHOW(at != MAP_FAILED);
	SHOW(close(fd));
	SHOW(file_of(1));
	SHOW(munmap(at, 60L * MIB));
	kept = file_of(50);
	SHOW(kept >= 0);
	SHOW(file_of(20));
	SHOW(close(kept));
	SHOW(held_behind_the_ends());
	int many = 0;
	while (many < 1000 && memfd_create("many", 0) >= 0)
		many++;
	printf("%d, then %s\n", many, strerror(errno));
	return 0;
}
