/* SPDX-License-Identifier: Apache-2.0 */
/* Files in memory: memfd_create, seals, shared mappings, and what Linux refuses. */
#define _GNU_SOURCE
#include "show.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static char name[300];

static void making(void)
{
	memset(name, 'n', sizeof(name) - 1);
	SHOW(memfd_create(name, 0));
	SHOW(memfd_create((char *)8, 0));
	SHOW(memfd_create("x", 0x40));
	name[250] = 0;
	SHOW(memfd_create(name, 0));
	name[249] = 0;
	int fd = memfd_create(name, 0);
	SHOW(fd >= 0);
	SHOW(fcntl(fd, F_GETFD));
	SHOW(fcntl(fd, F_GETFL) & (O_ACCMODE | O_APPEND | O_NONBLOCK));
	SHOW(fcntl(fd, F_GET_SEALS));
	SHOW(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW));
	close(fd);
	fd = memfd_create("", MFD_CLOEXEC);
	SHOW(fcntl(fd, F_GETFD));
	close(fd);
}

static void as_a_file(void)
{
	char text[100] = "", link[64], path[300];
	struct stat st;
	int fd = memfd_create("a file", MFD_ALLOW_SEALING);
	struct iovec v[2] = {{"hello ", 6}, {"world", 5}};
	SHOW(writev(fd, v, 2));
	SHOW(pwrite(fd, "W", 1, 6));
	SHOW(pread(fd, text, sizeof(text), 0));
	printf("%s\n", text);
	SHOW(lseek(fd, 0, SEEK_END));
	SHOW(fstat(fd, &st));
	printf("%o %ld %ld %ld\n", st.st_mode, (long)st.st_size, (long)st.st_nlink,
	       (long)st.st_blksize);
	SHOW(fchmod(fd, 0600));
	fstat(fd, &st);
	printf("%o\n", st.st_mode);
	SHOW(ftruncate(fd, 100000));
	SHOW(lseek(fd, 0, SEEK_DATA));
	SHOW(lseek(fd, 0, SEEK_HOLE));
	SHOW(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096));
	SHOW(pread(fd, text, 5, 0));
	SHOW(text[0]);
	SHOW(fsync(fd));
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	long n = readlink(link, path, sizeof(path) - 1);
	printf("%.*s\n", (int)n, path);
	int other = open("file", O_RDWR | O_CREAT, 0600);
	SHOW(write(other, "copied", 6));
	off_t at = 0;
	SHOW(sendfile(fd, other, &at, 6));
	SHOW(linkat(AT_FDCWD, link, AT_FDCWD, "linked", AT_SYMLINK_FOLLOW) < 0);
	close(other);
	close(fd);
}

static void mapped(void)
{
	int fd = memfd_create("mapped", MFD_ALLOW_SEALING);
	char text[16] = "";
	SHOW(ftruncate(fd, 3 * 4096));
	char *a = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	char *b = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 4096);
	strcpy(a + 4096, "one");
	printf("%s\n", b);
	strcpy(b, "two");
	SHOW(pread(fd, text, 3, 4096));
	printf("%s %s\n", a + 4096, text);
	SHOW(pwrite(fd, "three", 5, 4096));
	printf("%s %s\n", a + 4096, b);
	SHOW(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
	munmap(a, 3 * 4096);
	munmap(b, 4096);
	SHOW(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
	SHOW(fcntl(fd, F_GET_SEALS));
	SHOW(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED ? -errno
										       : 0);
	SHOW(pwrite(fd, "x", 1, 0));
	a = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 4096);
	printf("%s\n", a != MAP_FAILED ? a : "failed");
	/* Without its descriptor the mapping stays. */
	fd = memfd_create("closed", 0);
	ftruncate(fd, 4096);
	a = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	strcpy(a, "still there");
	printf("%s\n", a);
}

static void seals(void)
{
	int fd = memfd_create("seals", MFD_ALLOW_SEALING);
	SHOW(write(fd, "0123456789", 10));
	SHOW(fcntl(fd, F_GET_SEALS));
	SHOW(fcntl(fd, F_ADD_SEALS, 0x100));
	SHOW(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK));
	SHOW(ftruncate(fd, 5));
	SHOW(ftruncate(fd, 20));
	SHOW(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW));
	SHOW(ftruncate(fd, 30));
	SHOW(pwrite(fd, "abc", 3, 19));
	SHOW(fallocate(fd, 0, 0, 100));
	SHOW(pwrite(fd, "abc", 3, 3));
	SHOW(fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE));
	SHOW(pwrite(fd, "abc", 3, 3));
	SHOW(fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL));
	SHOW(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
	printf("%x\n", fcntl(fd, F_GET_SEALS));
	SHOW(fcntl(99, F_GET_SEALS));
	int file = open("plain", O_RDWR | O_CREAT, 0600);
	SHOW(fcntl(file, F_ADD_SEALS, F_SEAL_WRITE));
	int pipes[2];
	pipe(pipes);
	SHOW(fcntl(pipes[0], F_GET_SEALS));
}

/* Many of them, one after the other: what is closed counts no more. */
static void many(void)
{
	int made = 0;
	for (int i = 0; i < 1000; i++) {
		int fd = memfd_create("many", 0);
		made += fd >= 0 && ftruncate(fd, 8 << 20) == 0 && pwrite(fd, "x", 1, 4 << 20) == 1;
		close(fd);
	}
	SHOW(made);
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	making();
	as_a_file();
	mapped();
	seals();
	many();
	return 0;
}
