/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What test/bench/io.bench compares: the same source as a WASI module and as a program of this
 * machine.
 * usage: io_program DIR files PIECE BYTES   writes a file in pieces of PIECE bytes, then reads it
 *        io_program DIR make COUNT          makes COUNT empty files
 *        io_program DIR stat COUNT          asks for the metadata of each
 *        io_program DIR work COUNT          computes, with a system call every COUNT rounds
 * Prints the microseconds that it took, one number a part.
 */
#include "measure.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char path[4096];
static int path_capacity;

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void files(long piece, long bytes)
{
	static char buf[1 << 20];
	if (piece < 1 || piece > (long)sizeof(buf))
		die("PIECE");
	memset(buf, 'x', sizeof(buf));
	snprintf(path + path_capacity, sizeof(path) - path_capacity, "/file");
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	if (fd < 0)
		die(path);
	double since = now_us();
	for (long done = 0; done < bytes; done += piece)
		if (write(fd, buf, piece) != piece)
			die("write");
	double written = now_us();
	if (lseek(fd, 0, SEEK_SET) != 0)
		die("lseek");
	double middle = now_us();
	for (long done = 0; done < bytes; done += piece)
		if (read(fd, buf, piece) != piece || buf[piece - 1] != 'x')
			die("read");
	printf("%.0f %.0f\n", written - since, now_us() - middle);
	close(fd);
	unlink(path);
}

static void each(long count, int make)
{
	double since = now_us();
	for (long i = 0; i < count; i++) {
		struct stat st;
		snprintf(path + path_capacity, sizeof(path) - path_capacity, "/f%ld", i);
		int fd = make ? open(path, O_WRONLY | O_CREAT, 0600) : -1;
		if (make ? fd < 0 || close(fd) < 0 : stat(path, &st) < 0 || st.st_size != 0)
			die(path);
	}
	printf("%.0f\n", now_us() - since);
}

/*
 * A program that mostly computes: the time of 2,000 calls with `rounds` steps of a generator
 * between.
 */
static void work(long rounds)
{
	unsigned long long x = 88172645463325252ull;
	snprintf(path + path_capacity, sizeof(path) - path_capacity, "/file");
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	if (fd < 0)
		die(path);
	double since = now_us();
	for (int call = 0; call < 2000; call++) {
		for (long i = 0; i < rounds; i++) {
			x ^= x << 13;
			x ^= x >> 7;
			x ^= x << 17;
		}
		if (write(fd, &x, sizeof(x)) != sizeof(x))
			die("write");
	}
	printf("%.0f\n", now_us() - since);
	close(fd);
	unlink(path);
}

int main(int argc, char **argv)
{
	if (argc < 4)
		return 2;
	path_capacity = snprintf(path, sizeof(path) - 64, "%s", argv[1]);
	long n = atol(argv[3]);
	if (strcmp(argv[2], "files") == 0 && argc == 5)
		files(n, atol(argv[4]));
	else if (strcmp(argv[2], "make") == 0)
		each(n, 1);
	else if (strcmp(argv[2], "stat") == 0)
		each(n, 0);
	else if (strcmp(argv[2], "work") == 0)
		work(n);
	else
		return 2;
	return 0;
}
