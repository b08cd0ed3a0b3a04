/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Programs frozen after their start-up. Taking: a child runs the program to its snapshot point and
 * writes the file, this process copies what it prints. Starting: the file may be anybody's, as any
 * program's may.
 */
#include <mote/program_snapshot.h>

#include "api/cache/working_set.h"
#include "api/error.h"
#include "api/freeze.h"
#include "api/images.h"
#include "api/options.h"
#include "api/sandbox.h"
#include "base/buf.h"
#include "base/io.h"
#include "base/reader.h"
#include "vm/kvm/machine.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define LIMIT_NS (300 * 1000000000UL)
#define DIRS_BYTES_MAX (1 << 20) /* guest paths of a snapshot's directories */

/*
 * --- what a file contains beyond the guest: its directories, as `readonly, bytes of path, path`
 * each ---
 */

static int put_dirs(struct buf *b, const struct mote_options *o)
{
	int rc = 0;
	for (size_t i = 0; i < o->dir_count && rc == 0; i++) {
		size_t len = strlen(o->dirs[i].guest_path);
		rc = buf_put_le32(b, o->dirs[i].readonly != 0);
		if (rc == 0)
			rc = buf_put_le32(b, (uint32_t)len);
		if (rc == 0)
			rc = buf_put(b, o->dirs[i].guest_path, len);
	}
	return rc;
}

/* The directory of the options at that path. */
static const struct mote_dir *find_dir(const struct mote_options *o, const uint8_t *path, size_t len)
{
	for (size_t i = 0; i < o->dir_count; i++)
		if (strlen(o->dirs[i].guest_path) == len && memcmp(o->dirs[i].guest_path, path, len) == 0)
			return &o->dirs[i];
	return NULL;
}

/* The start's directories in the snapshot's order. */
static int order_dirs(const struct mote_options *o, struct reader r, struct mote_dir dirs[PREOPENS_MAX], struct err *e)
{
	size_t count = 0;
	while (r.left) {
		uint32_t readonly, len;
		const uint8_t *path;
		if (!reader_le32(&r, &readonly) || !reader_le32(&r, &len) || !reader_bytes(&r, len, &path) ||
		    count == PREOPENS_MAX)
			return err_set(e, ERR_CONFIG, EINVAL, "the snapshot cannot be used: its list of directories is damaged");
		const struct mote_dir *d = find_dir(o, path, len);
		int shown = len < 200 ? (int)len : 200;
		if (!d)
			return err_set(e, ERR_CONFIG, EINVAL, "the snapshot's program needs a directory at %.*s", shown,
				       path);
		if (!d->readonly != !readonly)
			return err_set(e, ERR_CONFIG, EINVAL, "the snapshot's program has %.*s %s", shown, path,
				       readonly ? "read-only" : "writable");
		dirs[count++] = *d;
	}
	if (count != o->dir_count)
		return err_set(e, ERR_CONFIG, EINVAL, "the snapshot's program has %zu directories, not %zu", count, o->dir_count);
	return 0;
}

/* --- taking --- */

struct taking {
	const struct mote_options *options;
	struct sandbox_config config;
	struct buf dirs; /* owned */
	int in[2], out[2], err[2]; /* owned pipes */
	struct err *child; /* shared with the child */
	int file; /* owned */
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
	if (t->child != MAP_FAILED)
		munmap(t->child, sizeof(*t->child));
}

static int set_stop_point(struct taking *t, const char *point, struct err *e)
{
	struct vm_config *c = &t->config.vm;
	if (strncmp(point, "call:", 5) == 0 && point[5]) {
		if (c->image != mote_image_wasm)
			return err_set(e, ERR_CONFIG, EINVAL, "%s: a native program has no exported functions", point);
		c->init = point + 5;
		c->stop_ready = true;
	} else if (strcmp(point, "stdin") == 0) {
		c->stop_stdin = true;
	} else if (strncmp(point, "open:/", 6) == 0) {
		c->stop_open = point + 5;
	} else {
		return err_set(e, ERR_CONFIG, EINVAL, "invalid snapshot point '%.200s': must be call:NAME, stdin or open:PATH", point);
	}
	return 0;
}

static int prepare(struct taking *t, const char *point, struct err *e)
{
	const struct mote_options *o = t->options;
	if (o->listener_count)
		return err_set(e, ERR_CONFIG, EINVAL, "a snapshot cannot hold listening sockets");
	if (fcntl(STDERR_FILENO, F_GETFD) < 0) /* the child puts another file there */
		return err_set(e, ERR_CONFIG, EBADF, "descriptor 2 is not open");
	int rc = config_from_options(o, &t->config, e);
	if (rc == 0)
		rc = config_choose_image(o, &t->config.vm, e);
	if (rc == 0)
		rc = set_stop_point(t, point, e);
	if (rc < 0)
		return rc;
	t->child = mmap(NULL, sizeof(*t->child), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (t->child == MAP_FAILED || pipe2(t->in, O_CLOEXEC) < 0 || pipe2(t->out, O_CLOEXEC) < 0 ||
	    pipe2(t->err, O_CLOEXEC) < 0)
		return err_sys(e, errno, "a snapshot");
	t->config.vm.stdio[0] = t->in[0];
	t->config.vm.stdio[1] = t->out[1];
	t->config.vm.stdio[2] = t->err[1];
	t->config.vm.no_polling = true;
	if (!t->config.vm.init && put_dirs(&t->dirs, o) < 0)
		return err_set(e, ERR_CONFIG, E2BIG, "the directories' paths are too long for a snapshot");
	return 0;
}

/* Copies what the program prints, until it has ended. */
static void relay(struct taking *t, int to)
{
	char piece[4096];
	struct pollfd from[2] = {{.fd = t->out[0], .events = POLLIN}, {.fd = t->err[0], .events = POLLIN}};
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

static int run_child(struct taking *t, struct err *e)
{
	uint64_t limit = t->options->time_limit_ns ? t->options->time_limit_ns : LIMIT_NS;
	int to = t->options->stdio ? t->options->stdio[2] : STDERR_FILENO, status;
	pid_t pid = fork();
	if (pid == 0) /* seccomp violations are reported there */
		_exit(dup2(t->err[1], STDERR_FILENO) < 0 ||
		      freeze_guest(&t->config.vm, limit, t->dirs.data, t->dirs.len, t->file, t->child) < 0);
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
		return err_set(e, ERR_HOST, EIO, "the process that ran the program ended early (wait status %#x)", status);
	*e = *t->child;
	e->text[sizeof(e->text) - 1] = '\0';
	return -e->code;
}

static int take(struct taking *t, const char *point, const char *path, struct err *e)
{
	char unfinished[4096];
	int rc = prepare(t, point, e);
	if (rc < 0)
		return rc;
	if (snprintf(unfinished, sizeof(unfinished), "%s.XXXXXX", path) >= (int)sizeof(unfinished))
		return err_set(e, ERR_CONFIG, ENAMETOOLONG, "%.300s: the path is too long", path);
	t->file = mkostemp(unfinished, O_CLOEXEC);
	if (t->file < 0)
		return err_set(e, ERR_CONFIG, errno, "%.300s: %s", path, strerror(errno));
	rc = run_child(t, e);
	if (rc == 0 && rename(unfinished, path) < 0)
		rc = err_set(e, ERR_CONFIG, errno, "%.300s: %s", path, strerror(errno));
	if (rc < 0)
		unlink(unfinished);
	return rc;
}

int mote_program_snapshot_take(const struct mote_options *options, const char *point, const char *path,
			       struct mote_error *error)
{
	fsize_guarded;
	struct err e = {0};
	struct mote_options o;
	int rc = options_copy_program(options, &o, &e);
	if (rc < 0)
		return error_report(&e, error);
	struct taking t = {.options = &o, .dirs.cap = DIRS_BYTES_MAX, .child = MAP_FAILED, .file = -1,
			   .in = {-1, -1}, .out = {-1, -1}, .err = {-1, -1}};
	rc = take(&t, point, path, &e);
	taking_end(&t);
	if (rc < 0)
		return error_report(&e, error);
	return 0;
}

/* --- starting --- */

int mote_program_snapshot_is(int fd)
{
	return vm_snapshot_is_file(fd);
}

/* A program in the middle of its run has looked at these already. */
static const char *find_fixed(const struct mote_options *o)
{
	if (o->argv[0] && o->argv[1])
		return "arguments";
	if (o->envp && o->envp[0])
		return "environment";
	if (o->cwd)
		return "working directory";
	if (o->entry)
		return "entry function";
	if (o->listener_count)
		return "listening sockets";
	return NULL;
}

/* Of a snapshot taken before a host call: the options that count are the snapshot's. */
static int match_options(struct mote_options *o, const struct vm_snapshot *s, struct mote_dir dirs[PREOPENS_MAX],
			 struct err *e)
{
	const char *fixed = find_fixed(o);
	if (fixed)
		return err_set(e, ERR_CONFIG, EINVAL, "the snapshot's program had its %s when the snapshot was taken", fixed);
	size_t bytes;
	const uint8_t *extra = vm_snapshot_extra(s, &bytes);
	int rc = order_dirs(o, reader_of(extra, bytes), dirs, e);
	o->dirs = dirs;
	return rc;
}

static int take_options(struct mote_options *o, const struct vm_snapshot *s, struct mote_dir dirs[PREOPENS_MAX],
			struct err *e)
{
	if (vm_snapshot_point(s) == SNAPSHOT_EXCHANGE)
		return err_set(e, ERR_CONFIG, EINVAL, "the snapshot is of a guest that waits for calls");
	if (!o->memory_bytes && vm_snapshot_memory(s) < DEFAULT_MEMORY) /* a file cannot ask for more */
		o->memory_bytes = vm_snapshot_memory(s);
	if (vm_snapshot_point(s) == SNAPSHOT_CALL)
		return match_options(o, s, dirs, e);
	return 0;
}

static int start_from(const char *cache, struct vm_snapshot *s, struct mote_options *o, struct mote_sandbox **sandbox,
		      struct err *e)
{
	struct mote_dir dirs[PREOPENS_MAX];
	cleanup_close int record = -1;
	int rc = take_options(o, s, dirs, e);
	if (rc < 0)
		return rc;
	if (cache)
		working_set_expect_of_file(cache, o->program_fd, options_kvm(o), s, &record);
	rc = sandbox_new(o, s, sandbox, e);
	if (rc < 0)
		return rc;
	sandbox_record_working_set(*sandbox, record);
	return 0;
}

static int start(const char *cache, const struct mote_options *options, struct mote_sandbox **sandbox, struct err *e)
{
	struct mote_options o;
	struct vm_snapshot *s;
	cleanup_close int kvm_fd = -1;
	int rc = options_copy_program(options, &o, e);
	if (rc == 0)
		rc = options_open_kvm(&o, &kvm_fd, e);
	if (rc == 0)
		rc = vm_snapshot_open_untrusted(o.program_fd, mote_build_id, options_kvm(&o), &s, e);
	if (rc < 0)
		return rc;
	rc = start_from(cache, s, &o, sandbox, e);
	vm_snapshot_drop(s);
	return rc;
}

int mote_program_snapshot_start(const char *cache, const struct mote_options *options, struct mote_sandbox **sandbox,
				struct mote_error *error)
{
	struct err e = {0};
	if (start(cache, options, sandbox, &e) < 0)
		return error_report(&e, error);
	return 0;
}
