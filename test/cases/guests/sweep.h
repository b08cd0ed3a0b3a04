/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sweeps: a system call with every combination of good and bad arguments, from the same state
 * (made again after each that succeeded), and a line for each with its error or "ok". A table says
 * for each argument which values it takes:
 *
 *   f  a descriptor of each kind, closed, negative
 *   d  a directory's descriptor, AT_FDCWD, of other kinds
 *   p  a path: files, directories, links, too long, at the edge of a page, not mapped
 *   n  the same, but first one that is not there
 *   b  memory to be written: valid, the last eight bytes of a page, read-only, not mapped
 *   i  memory to be read
 *   t  the same but null, which means to wait without limit
 *   v  vectors: one, of bad memory, of a negative length, at the edge of a page
 *   s  a size
 *   o  an offset
 *   {1,2,0x10}  these numbers
 *
 * Of calls with more than MANY combinations only those are made that have one value other than
 * each argument's first, or SWEEP_DEPTH of the environment.
 */
#ifndef MOTE_CASES_SWEEP_H
#define MOTE_CASES_SWEEP_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <unistd.h>

enum { ARGS_MAX = 6, VALUES_MAX = 40, MANY = 400, KEPT = 64 };

struct value {
	const char *name;
	long is;
};

struct values {
	int count;
	struct value of[VALUES_MAX];
};

struct swept {
	const char *name;
	long nr;
	const char *args;
	int shows; /* the result is printed: it is the same everywhere */
	int keeps; /* it changes nothing */
	int most;  /* only so many arguments other than their first value; 0: by MANY */
};

#define SWEEP(name, args)                     \
	{                                     \
#name, SYS_##name, args, 0, 0 \
	}
#define SWEEP_SHOWN(name, args)               \
	{                                     \
#name, SYS_##name, args, 1, 0 \
	}
#define SWEEP_KEPT(name, args)                \
	{                                     \
#name, SYS_##name, args, 0, 1 \
	}
#define SWEEP_SINGLY(name, args)                 \
	{                                        \
#name, SYS_##name, args, 0, 0, 1 \
	}

enum {
	FD_READ = 20,
	FD_WRITE,
	FD_BOTH,
	FD_APPEND,
	FD_DIR,
	FD_PATH,
	FD_PIPE_READ,
	FD_PIPE_WRITE,
	FD_STREAM,
	FD_STREAM_PEER,
	FD_EVENT,
	FD_EPOLL,
	FD_TIMER,
	FD_MEMORY,
	FD_NULL,
	FD_PATH_DIR,
	FD_HOME,
	FD_CLOSED,
};

static char *sweep_edge;     /* eight bytes before what is not mapped */
static char *sweep_readonly; /* a page of zeros */
static char *sweep_buffer;   /* 64 KiB */

static int at(int wanted, int fd)
{
	if (fd < 0) {
		printf("descriptor %d: %s\n", wanted, strerrorname_np(errno));
		fflush(stdout);
		_exit(1);
	}
	if (fd != wanted) {
		dup3(fd, wanted, O_CLOEXEC);
		close(fd);
	}
	return wanted;
}

static void remove_all(int dir)
{
	DIR *list = fdopendir(dup(dir));
	struct dirent *e;
	rewinddir(list);
	while ((e = readdir(list))) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		if (unlinkat(dir, e->d_name, 0) == 0)
			continue;
		int below = openat(dir, e->d_name, O_RDONLY | O_DIRECTORY);
		if (below >= 0) {
			remove_all(below);
			close(below);
		}
		unlinkat(dir, e->d_name, AT_REMOVEDIR);
	}
	closedir(list);
}

/* The same files, descriptors and memory before each call. */
static void sweep_reset(void)
{
	int two[2];
	close_range(3, KEPT - 1, 0);
	chdir("/data");
	at(FD_HOME, open("/data", O_RDONLY | O_DIRECTORY));
	remove_all(FD_HOME);
	umask(022);
	mkdir("dir", 0755);
	mkdir("dir/sub", 0755);
	mkdir("empty", 0755);
	close(open("dir/inner", O_CREAT | O_WRONLY, 0644));
	int file = open("file", O_CREAT | O_RDWR, 0644);
	write(file, "0123456789abcdef", 16);
	close(file);
	symlink("loop", "loop");
	symlink("nothing", "dangling");
	symlink("file", "to-file");
	symlink("dir", "to-dir");
	at(FD_READ, open("file", O_RDONLY));
	at(FD_WRITE, open("file", O_WRONLY));
	at(FD_BOTH, open("file", O_RDWR));
	at(FD_APPEND, open("file", O_RDWR | O_APPEND));
	at(FD_DIR, open("dir", O_RDONLY | O_DIRECTORY));
	at(FD_PATH, open("file", O_PATH));
	at(FD_PATH_DIR, open("dir", O_PATH));
	at(FD_PIPE_READ, pipe2(two, O_NONBLOCK) < 0 ? -1 : two[0]);
	at(FD_PIPE_WRITE, two[1]);
	const int stream = SOCK_STREAM | SOCK_NONBLOCK;
	at(FD_STREAM, socketpair(AF_UNIX, stream, 0, two) < 0 ? -1 : two[0]);
	at(FD_STREAM_PEER, two[1]);
	at(FD_EVENT, eventfd(0, EFD_NONBLOCK));
	at(FD_EPOLL, epoll_create1(0));
	at(FD_TIMER, timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK));
	at(FD_MEMORY, memfd_create("memory", MFD_ALLOW_SEALING));
	at(FD_NULL, open("/dev/null", O_RDWR));
	memset(sweep_edge - 4088, 0, 4096);
	memset(sweep_buffer, 0, 65536);
}

static struct values descriptors(void)
{
	return (struct values){18,
			       {{"read", FD_READ},
				{"write", FD_WRITE},
				{"both", FD_BOTH},
				{"append", FD_APPEND},
				{"dir", FD_DIR},
				{"O_PATH", FD_PATH},
				{"pipe-read", FD_PIPE_READ},
				{"pipe-write", FD_PIPE_WRITE},
				{"stream", FD_STREAM},
				{"event", FD_EVENT},
				{"epoll", FD_EPOLL},
				{"timer", FD_TIMER},
				{"memfd", FD_MEMORY},
				{"null", FD_NULL},
				{"closed", FD_CLOSED},
				{"-1", -1},
				{"2^20", 1 << 20},
				{"2^31", 0x80000000L}}};
}

static struct values directories(void)
{
	return (struct values){8,
			       {{"cwd", AT_FDCWD},
				{"dir", FD_DIR},
				{"O_PATH-dir", FD_PATH_DIR},
				{"file", FD_READ},
				{"pipe", FD_PIPE_READ},
				{"closed", FD_CLOSED},
				{"-1", -1},
				{"O_PATH", FD_PATH}}};
}

static struct values paths(void)
{
	static char component[300], longest[4200];
	memset(component, 'c', 256);
	for (int i = 0; i < 4190; i += 2)
		memcpy(longest + i, "./", 2);
	memcpy(sweep_edge, "unending", 8);
	return (struct values){24,
			       {{"file", (long)"file"},
				{"dir", (long)"dir"},
				{"empty", (long)"empty"},
				{"none", (long)"none"},
				{"\"\"", (long)""},
				{"null", 0},
				{"1", 1},
				{"edge", (long)sweep_edge},
				{"kernel", (long)0xffff800000000000},
				{"-1", -1},
				{"component", (long)component},
				{"long", (long)longest},
				{"file/x", (long)"file/x"},
				{"file/", (long)"file/"},
				{"dir/", (long)"dir/"},
				{"none/", (long)"none/"},
				{"none/x", (long)"none/x"},
				{"loop", (long)"loop"},
				{"dangling", (long)"dangling"},
				{"to-file", (long)"to-file"},
				{"to-dir", (long)"to-dir"},
				{"to-dir/", (long)"to-dir/"},
				{".", (long)"."},
				{"dir/..", (long)"dir/.."}}};
}

/* Of a second path: what is not there comes first. */
static struct values new_paths(void)
{
	struct values v = paths();
	const struct value first = v.of[0];
	v.of[0] = v.of[3];
	v.of[3] = first;
	return v;
}

static struct values buffers(int written)
{
	struct values v = {6,
			   {{"buffer", (long)sweep_buffer},
			    {"null", 0},
			    {"edge", (long)sweep_edge},
			    {"kernel", (long)0xffff800000000000},
			    {"unmapped", (long)sweep_edge + 8},
			    {"odd", (long)sweep_buffer + 1}}};
	if (written)
		v.of[v.count++] = (struct value){"read-only", (long)sweep_readonly};
	return v;
}

static struct values timeouts(void)
{
	struct values v = buffers(0);
	v.of[1] = v.of[--v.count];
	return v;
}

static struct values vectors(void)
{
	static struct iovec one[1025], bad, negative, empty;
	for (int i = 0; i < 1025; i++)
		one[i] = (struct iovec){sweep_buffer, 1};
	bad = (struct iovec){sweep_edge + 8, 8};
	negative = (struct iovec){sweep_buffer, (size_t)-1};
	return (struct values){7,
			       {{"one", (long)one},
				{"bad", (long)&bad},
				{"negative", (long)&negative},
				{"empty", (long)&empty},
				{"null", 0},
				{"edge", (long)sweep_edge},
				{"kernel", (long)0xffff800000000000}}};
}

static struct values sizes(void)
{
	return (struct values){7,
			       {{"16", 16},
				{"0", 0},
				{"1", 1},
				{"4096", 4096},
				{"2^31", 1L << 31},
				{"2^63", 1L << 63},
				{"-1", -1}}};
}

static struct values offsets(void)
{
	return (struct values){
		5, {{"0", 0}, {"8", 8}, {"4096", 4096}, {"max", INT64_MAX}, {"-1", -1}}};
}

static struct values numbers(const char *list)
{
	struct values v = {0};
	while (*list != '}') {
		char *end;
		long is = (long)strtoull(list + (*list == '{' || *list == ','), &end, 0);
		char *name = malloc(24);
		snprintf(name, 24, is > -10000 && is < 10 ? "%ld" : "%#lx", is);
		v.of[v.count++] = (struct value){name, is};
		list = end;
	}
	return v;
}

static int arguments(const char *args, struct values v[ARGS_MAX])
{
	int n = 0;
	for (; *args; args++) {
		switch (*args) {
		case 'f':
			v[n++] = descriptors();
			break;
		case 'd':
			v[n++] = directories();
			break;
		case 'p':
			v[n++] = paths();
			break;
		case 'n':
			v[n++] = new_paths();
			break;
		case 'b':
			v[n++] = buffers(1);
			break;
		case 'i':
			v[n++] = buffers(0);
			break;
		case 'v':
			v[n++] = vectors();
			break;
		case 't':
			v[n++] = timeouts();
			break;
		case 's':
			v[n++] = sizes();
			break;
		case 'o':
			v[n++] = offsets();
			break;
		case '{':
			v[n++] = numbers(args);
			args = strchr(args, '}');
			break;
		default:
			break;
		}
	}
	return n;
}

static void sweep_one(const struct swept *call, const struct values *v, const int *at_value, int n)
{
	static int fresh = 1;
	long a[ARGS_MAX] = {0};
	char line[300];
	int len = snprintf(line, sizeof(line), "%s(", call->name);
	for (int i = 0; i < n; i++) {
		a[i] = v[i].of[at_value[i]].is;
		len += snprintf(line + len, sizeof(line) - (size_t)len, "%s%s", i ? ", " : "",
				v[i].of[at_value[i]].name);
	}
	if (!fresh)
		sweep_reset();
	memcpy(sweep_edge, strpbrk(call->args, "pn") ? "unending" : "\0\0\0\0\0\0\0", 8);
	if (getenv("SWEEP_TRACE"))
		fprintf(stderr, "%s)\n", line);
	long rc = syscall(call->nr, a[0], a[1], a[2], a[3], a[4], a[5]);
	const int error = errno;
	fresh = rc == -1 || call->keeps;
	if (rc == -1)
		printf("%s): %s\n", line, strerrorname_np(error) ?: "?");
	else if (call->shows)
		printf("%s): %ld\n", line, rc);
	else
		printf("%s): ok\n", line);
}

static void sweep_call(const struct swept *call)
{
	struct values v[ARGS_MAX];
	int index[ARGS_MAX] = {0};
	const int n = arguments(call->args, v);
	const int depth = getenv("SWEEP_DEPTH") ? atoi(getenv("SWEEP_DEPTH")) : 1;
	sweep_reset();
	long combinations = 1;
	for (int i = 0; i < n; i++)
		combinations *= v[i].count;
	for (;;) {
		int others = 0, i = 0;
		for (int k = 0; k < n; k++)
			others += index[k] != 0;
		if (call->most ? others <= call->most : combinations <= MANY || others <= depth)
			sweep_one(call, v, index, n);
		while (i < n && ++index[i] == v[i].count)
			index[i++] = 0;
		if (i == n)
			break;
	}
}

static void sweep_memory(void)
{
	char *p = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	munmap(p + 4096, 4096);
	mprotect(p + 8192, 4096, PROT_READ);
	sweep_edge = p + 4096 - 8;
	sweep_readonly = p + 8192;
	sweep_buffer =
		mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

/* Of the calls whose names were given, or of all. */
static int sweep(const struct swept *calls, int count, int argc, char **argv)
{
	static char output[1 << 20];
	setvbuf(stdout, output, _IOFBF, sizeof(output));
	sweep_memory();
	for (int i = 0; i < count; i++) {
		if (argc > 1 && strcmp(argv[1], calls[i].name) != 0)
			continue;
		sweep_call(&calls[i]);
	}
	return 0;
}

#endif
