/* SPDX-License-Identifier: Apache-2.0 */
/* The program's file: one of a file system, or what comes out of a pipe. */
#include "base/io.h"
#include "base/memfd.h"
#include "base/path.h"
#include "base/program.h"
#include "cli.h"
#include "options.h"

#include <mote/program_snapshot.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PIPED_BYTES_MAX (256UL << 20) /* it is copied to memory */
#define NEVER_NS        (1UL << 60)

static int status_of(int error)
{
	if (error == ENOENT || error == ENOTDIR)
		return CLI_NOT_FOUND;
	return CLI_CANNOT_RUN;
}

static int refuse(const char *file, int error)
{
	cli_complain("%s: %s", file, strerror(error));
	return status_of(error);
}

static uint64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* Until there is something to read, or the other end has gone. deadline_ns: 0 is none. */
static int wait_for_input(int fd, uint64_t deadline_ns)
{
	for (;;) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		const uint64_t now = now_ns();
		if (deadline_ns && now >= deadline_ns)
			return -ETIMEDOUT;
		const uint64_t left = deadline_ns ? deadline_ns - now : NEVER_NS;
		const struct timespec wait = {.tv_sec = (time_t)(left / 1000000000),
					      .tv_nsec = (long)(left % 1000000000)};
		int n = ppoll(&p, 1, &wait, NULL);
		if (n > 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return -errno;
	}
}

/* All that is read from a descriptor, as a file in memory: its descriptor, or -errno. */
static int copy_to_memory(int from, uint64_t deadline_ns)
{
	static char piece[65536];
	cleanup_close int to = memfd_new("program");
	if (to < 0)
		return to;
	for (size_t total = 0;;) {
		int rc = wait_for_input(from, deadline_ns);
		if (rc < 0)
			return rc;
		ssize_t n = read(from, piece, sizeof(piece));
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		total += (size_t)n;
		if (total > PIPED_BYTES_MAX)
			return -EFBIG;
		rc = io_write_all(to, piece, (size_t)n);
		if (rc < 0)
			return rc;
	}
	int rc = memfd_seal(to);
	if (rc < 0)
		return rc;
	return take_fd(&to);
}

static int refuse_copy(const char *file, int error)
{
	if (error == ETIMEDOUT) {
		cli_complain("%s: terminated: time limit exceeded", file);
		return 128 + SIGKILL;
	}
	if (error == EFBIG) {
		cli_complain("%s: more than %lu MiB from a pipe; a larger program must be a file",
			     file, PIPED_BYTES_MAX >> 20);
		return CLI_CANNOT_RUN;
	}
	return refuse(file, error);
}

/* The same of a pipe, within the program's time limit, of which the rest is left to it. */
static int copy_in_time(int from, struct mote_options *o)
{
	const uint64_t limit = o->time_limit_ns, start = now_ns();
	const int copy = copy_to_memory(from, limit ? start + limit : 0);
	if (!limit || copy < 0)
		return copy;
	const uint64_t taken = now_ns() - start;
	o->time_limit_ns = taken < limit ? limit - taken : 1;
	return copy;
}

/* Takes the descriptor: it, or that of a copy. -1 after a complaint, and the exit status. */
static int readable(int opened, const char *file, bool input, struct mote_options *o, int *status)
{
	cleanup_close int fd = opened;
	struct stat st;
	if (fstat(fd, &st) < 0) {
		*status = refuse(file, errno);
		return -1;
	}
	if ((S_ISREG(st.st_mode) || S_ISDIR(st.st_mode)) && !input)
		return take_fd(&fd);
	if (!S_ISFIFO(st.st_mode) && !S_ISSOCK(st.st_mode) && !S_ISREG(st.st_mode)) {
		cli_complain("%s: not a regular file or a pipe", file);
		*status = CLI_CANNOT_RUN;
		return -1;
	}
	int copy = copy_in_time(fd, o);
	if (copy < 0)
		*status = refuse_copy(file, -copy);
	return copy;
}

/* What it is not able to tell is refused later, with the reason. */
static enum cli_kind kind_of(int fd)
{
	struct err unused = {0};
	enum program_kind kind;
	if (mote_program_snapshot_is(fd))
		return CLI_SNAPSHOT;
	if (program_identify(fd, "", &kind, &unused) == 0 && kind != PROGRAM_WASM)
		return CLI_NATIVE;
	return CLI_MODULE;
}

/*
 * What a module knows as its name is the file's alone, as in other runtimes: where it is on the
 * host is none of its business. Native programs get what was typed, as from a shell.
 */
static void shorten_name(char **name)
{
	char *slash = strrchr(*name, '/');
	if (slash)
		*name = slash + 1;
}

int cli_program_open(struct cli_program *p, char **argv)
{
	const char *file = argv[0];
	bool input = strcmp(file, "-") == 0;
	int status = 0, fd;
	if (input)
		fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
	else
		fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return refuse(file, errno);
	fd = readable(fd, file, input, &p->options, &status);
	if (fd < 0)
		return status;
	p->options.program_fd = fd;
	p->options.program_path = input ? "standard input" : file;
	p->kind = kind_of(fd);
	if (p->kind != CLI_NATIVE)
		shorten_name(&argv[0]);
	p->options.argv = argv;
	return 0;
}

/* --- options that the kind of program decides --- */

/* Whether nothing but names above and of Mote's own directories leads there. */
static bool is_above_directories(const struct cli_program *p, const char *path)
{
	char dir[PATH_MAX];
	if (strcmp(path, "/") == 0 || strcmp(path, "/dev") == 0)
		return true;
	for (size_t i = 0; i < p->options.dir_count; i++)
		if (path_normalise(p->dirs[i].guest_path, dir) == 0 && path_below(path, dir))
			return true;
	return false;
}

/* 0, or -errno. Symbolic links may lead anywhere in the guest: they are its to follow. */
static int find_cwd(const struct cli_program *p, const char *path)
{
	static const struct open_how how = {
		.flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS,
	};
	char dir[PATH_MAX];
	const char *rest = NULL;
	int from = -1;
	for (size_t i = 0; i < p->options.dir_count; i++) {
		const char *found = NULL;
		if (path_normalise(p->dirs[i].guest_path, dir) == 0)
			found = path_below(dir, path);
		if (!found || (rest && strlen(found) >= strlen(rest)))
			continue;
		rest = found;
		from = p->dirs[i].fd;
	}
	if (!rest)
		return is_above_directories(p, path) ? 0 : -ENOENT;
	cleanup_close int fd = path_openat2(from, *rest ? rest : ".", &how);
	if (fd >= 0 || fd == -ELOOP || is_above_directories(p, path))
		return 0;
	return fd;
}

/*
 * A core module, by the first bytes; a component, and what is neither, is not. Which of them it is
 * is for the guest to judge: here it decides about a complaint.
 */
static bool is_core_module(int fd)
{
	static const uint8_t header[8] = {0, 'a', 's', 'm', 1};
	uint8_t bytes[sizeof(header)];
	return pread(fd, bytes, sizeof(bytes), 0) == sizeof(bytes) &&
	       memcmp(bytes, header, sizeof(header)) == 0;
}

/* An option that says nothing to this kind of program is a mistake: its name and why, or NULL. */
static const char *find_unusable(const struct cli_program *p)
{
	const struct mote_options *o = &p->options;
	if (p->kind == CLI_NATIVE && o->library)
		return "--invoke: a native program has no exported functions";
	if (p->kind == CLI_NATIVE && o->entry)
		return "--entry: a native program has no exported functions";
	if (p->kind == CLI_MODULE && o->network && is_core_module(o->program_fd))
		return "--net: a module opens no sockets; --listen gives it some that listen";
	return NULL;
}

int cli_program_check(const struct cli_program *p)
{
	char path[PATH_MAX];
	const char *unusable = find_unusable(p);
	if (unusable) {
		cli_complain("%s", unusable);
		return CLI_HOST;
	}
	if (p->kind == CLI_SNAPSHOT || !p->options.cwd)
		return 0;
	int rc = path_normalise(p->options.cwd, path);
	if (rc == 0)
		rc = find_cwd(p, path);
	if (rc == 0)
		return 0;
	cli_complain("--cwd %s: %s; it must be a directory in one that --dir gives", p->options.cwd,
		     strerror(-rc));
	return CLI_HOST;
}
