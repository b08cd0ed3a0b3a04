/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Taking a snapshot of a program after its start-up: a child runs the program to its snapshot point
 * and writes the file, this process copies what it prints.
 */
#include <mote/program_snapshot.h>

#include "api/error.h"
#include "api/freeze.h"
#include "api/images.h"
#include "api/program_dirs.h"
#include "base/fsize.h"
#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <unistd.h>

#define LIMIT_NS       (300 * 1000000000UL)
#define DIRS_BYTES_MAX (1 << 20) /* guest paths of a snapshot's directories */

struct taking {
	const struct mote_options *options;
	struct sandbox_config config;
	struct buf dirs;           /* owned */
	int in[2], out[2], err[2]; /* owned pipes */
	struct err *child;         /* shared with the child */
	int file;                  /* owned */
};

static void taking_end(struct taking *t)
{
	for (int i = 0; i < 2; i++) {
		cleanup_closep(&t->in[i]);
		cleanup_closep(&t->out[i]);
		cleanup_closep(&t->err[i]);
	}
	cleanup_closep(&t->file);
	buf_free(&t->dirs);
	cleanup_sandbox_configp(&t->config);
	if (t->child != MAP_FAILED)
		munmap(t->child, sizeof(*t->child));
}

static int set_stop_point(struct taking *t, const char *point, struct err *e)
{
	struct vm_config *c = &t->config.vm;
	if (strncmp(point, "call:", 5) == 0 && point[5]) {
		if (c->image != mote_image_wasm)
			return err_set(e, ERR_CONFIG, EINVAL,
				       "%s: a native program has no exported functions", point);
		c->init = point + 5;
		c->stop_ready = true;
	} else if (c->image == mote_image_wasm && t->options->cwd) {
		/* It would be one more directory that each start has to give. */
		return err_set(e, ERR_CONFIG, EINVAL,
			       "%s: a module's working directory cannot be in a snapshot", point);
	} else if (strcmp(point, "stdin") == 0) {
		c->stop_stdin = true;
	} else if (strncmp(point, "open:/", 6) == 0) {
		c->stop_open = point + 5;
	} else {
		return err_set(
			e, ERR_CONFIG, EINVAL,
			"invalid snapshot point '%.200s': must be call:NAME, stdin or open:PATH",
			point);
	}
	return 0;
}

static int prepare(struct taking *t, const char *point, struct err *e)
{
	const struct mote_options *o = t->options;
	if (o->listener_count)
		return err_set(e, ERR_CONFIG, EINVAL, "a snapshot cannot hold listening sockets");
	if (o->credentials)
		return err_set(e, ERR_CONFIG, EINVAL,
			       "a snapshot cannot hold credentials that the program may change");
	if (fcntl(STDERR_FILENO, F_GETFD) < 0) /* the child puts another file there */
		return err_set(e, ERR_CONFIG, EBADF, "descriptor 2 is not open");
	int rc = config_from_options(o, &t->config, e);
	if (rc == 0)
		rc = config_choose_image(o, &t->config, e);
	if (rc == 0)
		rc = set_stop_point(t, point, e);
	if (rc < 0)
		return rc;
	t->child = mmap(NULL, sizeof(*t->child), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			-1, 0);
	if (t->child == MAP_FAILED || pipe2(t->in, O_CLOEXEC) < 0 || pipe2(t->out, O_CLOEXEC) < 0 ||
	    pipe2(t->err, O_CLOEXEC) < 0)
		return err_sys(e, errno, "a snapshot");
	t->config.vm.stdio[0] = t->in[0];
	t->config.vm.stdio[1] = t->out[1];
	t->config.vm.stdio[2] = t->err[1];
	t->config.vm.no_polling = true;
	if (!t->config.vm.init && program_dirs_put(&t->dirs, o) < 0)
		return err_set(e, ERR_CONFIG, E2BIG,
			       "the directories' paths are too long for a snapshot");
	return 0;
}

/* Copies what the program prints, until it has ended. */
static void relay(const struct taking *t, int to)
{
	char piece[4096];
	struct pollfd from[2] = {{.fd = t->out[0], .events = POLLIN},
				 {.fd = t->err[0], .events = POLLIN}};
	while (from[0].fd >= 0 || from[1].fd >= 0) {
		if (poll(from, 2, -1) < 0 && errno != EINTR)
			return;
		for (int i = 0; i < 2; i++) {
			if (!from[i].revents)
				continue;
			ssize_t n = read(from[i].fd, piece, sizeof(piece));
			if (n > 0 && to >= 0 && io_write_all(to, piece, (size_t)n) < 0)
				to = -1;
			if (n <= 0)
				from[i].fd = -1;
		}
	}
}

static int run_child(const struct taking *t, struct err *e)
{
	uint64_t limit = t->options->time_limit_ns ? t->options->time_limit_ns : LIMIT_NS;
	int to = t->options->stdio ? t->options->stdio[2] : STDERR_FILENO, status;
	pid_t pid = fork();
	if (pid == 0) /* seccomp violations are reported there */
		_exit(dup2(t->err[1], STDERR_FILENO) < 0 ||
		      freeze_guest(&t->config.vm, limit, t->dirs.data, t->dirs.len, t->file,
				   t->child) < 0);
	if (pid < 0)
		return err_sys(e, errno, "a process for the program");
	cleanup_closep(&t->out[1]);
	cleanup_closep(&t->err[1]);
	relay(t, to);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return err_sys(e, errno, "a process for the program");
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	if (!t->child->code)
		return err_set(e, ERR_HOST, EIO,
			       "the process that ran the program ended early (wait status %#x)",
			       status);
	*e = *t->child;
	e->text[sizeof(e->text) - 1] = '\0';
	return -e->code;
}

static int file_error(const char *path, int error, struct err *e)
{
	return err_set(e, ERR_CONFIG, error, "%.300s: %s", path, strerror(error));
}

/* A file next to `path`, of which nothing is left if this process is killed. -1: not there. */
static int make_without_name(const char *path)
{
	char directory[PATH_MAX];
	const char *slash = strrchr(path, '/');
	size_t len = slash ? (size_t)(slash - path) + 1 : 0;
	if (len >= sizeof(directory) - 1)
		return -1;
	memcpy(directory, path, len);
	strcpy(directory + len, ".");
	return open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
}

/* `unfinished` is empty if the file has no name yet: file systems need not have such files. */
static int make_file(const char *path, char unfinished[PATH_MAX], int *file, struct err *e)
{
	unfinished[0] = '\0';
	if (strlen(path) + sizeof(".XXXXXX") > PATH_MAX)
		return err_set(e, ERR_CONFIG, ENAMETOOLONG, "%.300s: the path is too long", path);
	*file = make_without_name(path);
	if (*file >= 0)
		return 0;
	snprintf(unfinished, PATH_MAX, "%s.XXXXXX", path);
	*file = mkostemp(unfinished, O_CLOEXEC);
	if (*file < 0)
		return file_error(path, errno, e);
	return 0;
}

/* A file's first name: `path`, or another until it takes the place of what is there. */
static int name_file(const char *path, int file, char unfinished[PATH_MAX], struct err *e)
{
	char own[32];
	uint32_t number;
	snprintf(own, sizeof(own), "/proc/self/fd/%d", file);
	if (linkat(AT_FDCWD, own, AT_FDCWD, path, AT_SYMLINK_FOLLOW) == 0)
		return 0;
	if (errno != EEXIST)
		return file_error(path, errno, e);
	if (getrandom(&number, sizeof(number), 0) != sizeof(number))
		return file_error(path, EIO, e);
	snprintf(unfinished, PATH_MAX, "%s.%06x", path, number & 0xffffff);
	if (linkat(AT_FDCWD, own, AT_FDCWD, unfinished, AT_SYMLINK_FOLLOW) == 0)
		return 0;
	unfinished[0] = '\0'; /* somebody else's */
	return file_error(path, errno, e);
}

static int take(struct taking *t, const char *point, const char *path, struct err *e)
{
	char unfinished[PATH_MAX];
	int rc = prepare(t, point, e);
	if (rc == 0)
		rc = make_file(path, unfinished, &t->file, e);
	if (rc < 0)
		return rc;
	rc = run_child(t, e);
	if (rc == 0 && !unfinished[0])
		rc = name_file(path, t->file, unfinished, e);
	if (rc == 0 && unfinished[0] && rename(unfinished, path) < 0)
		rc = file_error(path, errno, e);
	if (rc < 0 && unfinished[0])
		unlink(unfinished);
	return rc;
}

int mote_program_snapshot_take(const struct mote_options *options, const char *point,
			       const char *path, struct mote_error *error)
{
	fsize_guarded;
	struct err e = {0};
	struct mote_options o;
	int rc = options_copy_program(options, &o, &e);
	if (rc < 0)
		return error_report(&e, error);
	struct taking t = {
		.options = &o,
		.config = SANDBOX_CONFIG_EMPTY,
		.dirs.cap = DIRS_BYTES_MAX,
		.child = MAP_FAILED,
		.file = -1,
		.in = {-1, -1},
		.out = {-1, -1},
		.err = {-1, -1},
	};
	rc = take(&t, point, path, &e);
	taking_end(&t);
	if (rc < 0)
		return error_report(&e, error);
	return 0;
}
