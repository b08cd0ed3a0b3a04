/* SPDX-License-Identifier: Apache-2.0 */
/* Opening and ending the standard streams. */
#include "runtime/io/streams.h"

#include "base/path.h"
#include "base/thread.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

static int open_null(int flags, int *end, struct err *e)
{
	*end = open("/dev/null", flags | O_CLOEXEC);
	if (*end < 0)
		return err_sys(e, errno, "/dev/null");
	return 0;
}

static bool is_fifo(int fd)
{
	struct stat st;
	return fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode);
}

static int set_blocking(int fd)
{
	int flags = fcntl(fd, F_GETFL);
	if (flags < 0 || fcntl(fd, F_SETFL, flags & ~O_NONBLOCK) < 0)
		return -errno;
	return 0;
}

/* Errors of a path that the client chose. */
static int path_error(const char *what, const char *path, int code, struct err *e)
{
	return err_set(e, ERR_CONFIG, code, "%s %.250s: %s", what, path, strerror(code));
}

/* From before the reader is there, for which a client may be waiting. -1: none can be had. */
static int watch_clients(const char *path)
{
	cleanup_close int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (fd < 0 || inotify_add_watch(fd, path, IN_OPEN | IN_CLOSE) < 0)
		return -1;
	return take_fd(&fd);
}

static void *close_in_thread(void *arg)
{
	close((int)(intptr_t)arg);
	return NULL;
}

/*
 * The last close of an inotify descriptor waits for a grace period of the kernel's, 10 to 20 ms,
 * for which a container's start is not kept.
 */
static void end_watch(int *watch)
{
	const int fd = take_fd(watch);
	if (fd >= 0 &&
	    thread_start_with_stack(NULL, 64 << 10, close_in_thread, (void *)(intptr_t)fd) < 0)
		close(fd);
}

/* Whether clients had the FIFO open for writing, and have it no more. */
static bool clients_are_gone(int watch)
{
	enum { OWN_OPENS = 2 }; /* the reader and stdin_hold, in open_stdin */
	_Alignas(struct inotify_event) char bytes[4096];
	unsigned opens = 0, closes = 0, writers = 0;
	ssize_t got;
	while ((got = read(watch, bytes, sizeof(bytes))) > 0) {
		const struct inotify_event *event;
		for (const char *at = bytes; at < bytes + got; at += sizeof(*event) + event->len) {
			event = (const struct inotify_event *)at;
			if (event->mask & IN_Q_OVERFLOW)
				return false;
			opens += (event->mask & IN_OPEN) != 0;
			closes += (event->mask & IN_CLOSE) != 0;
			writers += (event->mask & IN_CLOSE_WRITE) != 0;
		}
	}
	/* A client may close handles that it had before the watch. */
	return writers > 0 && opens <= closes + OWN_OPENS;
}

/*
 * Non-blocking, or the open would wait for a writer. A writer of our own is held until CloseIO: a
 * client may come late, go and come back, as containerd does when it is restarted.
 */
static int open_stdin(const char *path, bool blocking, int *end, struct streams *s, struct err *e)
{
	if (!*path)
		return open_null(O_RDONLY, end, e);
	s->stdin_watch = watch_clients(path);
	cleanup_close int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return path_error("stdin", path, errno, e);
	if (is_fifo(fd)) {
		s->stdin_hold = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
		if (s->stdin_hold < 0)
			return path_error("stdin", path, errno, e);
	}
	int rc = 0;
	if (blocking)
		rc = set_blocking(fd);
	if (rc < 0)
		return path_error("stdin", path, -rc, e);
	*end = take_fd(&fd);
	return 0;
}

static int open_log_file(const char *what, const char *path, int *end, struct err *e)
{
	*end = open(path, O_WRONLY | O_CREAT | O_APPEND | O_NOCTTY | O_CLOEXEC, 0644);
	if (*end < 0 && errno == ENOENT) {
		int rc = path_make_parents(path, 0755);
		if (rc < 0)
			return path_error(what, path, -rc, e);
		*end = open(path, O_WRONLY | O_CREAT | O_APPEND | O_NOCTTY | O_CLOEXEC, 0644);
	}
	if (*end < 0)
		return path_error(what, path, errno, e);
	return 0;
}

/*
 * A FIFO gets a reader of our own first: writing then never meets a broken pipe, nor does the open
 * wait. Before that, ENXIO says that no client has it open.
 */
static int open_output(struct streams *s, int which, const char *path, bool blocking, int *end,
		       struct err *e)
{
	const char *what = which == 0 ? "stdout" : "stderr";
	if (!*path)
		return open_null(O_WRONLY, end, e);
	if (strncmp(path, "file://", 7) == 0)
		return open_log_file(what, path + 7, end, e);
	if (strstr(path, "://"))
		return err_set(
			e, ERR_CONFIG, ENOSYS,
			"%s %.200s: unknown scheme; file://, binary:// and paths of FIFOs are "
			"supported",
			what, path);
	/* Held until *end is there: a client that it has woken would find the end of the output. */
	cleanup_close int first = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (first < 0 && errno == ENXIO)
		s->client_to_come = true;
	cleanup_close int reader = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (reader < 0)
		return path_error(what, path, errno, e);
	bool fifo = is_fifo(reader);
	int flags = O_WRONLY | O_NOCTTY | O_CLOEXEC;
	if (!fifo)
		flags |= O_APPEND;
	if (!blocking)
		flags |= O_NONBLOCK;
	*end = open(path, flags);
	if (*end < 0)
		return path_error(what, path, errno, e);
	if (fifo)
		s->out_hold[which] = take_fd(&reader);
	return 0;
}

/* A log process of a terminal gets all of it as stdout; its stderr is at its end at once. */
static int start_terminal_logger(const struct streams_config *c, struct streams *s, int *out,
				 struct err *e)
{
	int ends[2];
	int rc = logger_start(c->stdio->stdout_path, c, ends, &s->logger, &s->logger_ready, e);
	if (rc < 0)
		return rc;
	close(ends[1]);
	*out = ends[0];
	/* The shim copies to it, and does not wait for a log process that is slow. */
	if (fcntl(*out, F_SETFL, O_NONBLOCK) < 0)
		return err_sys(e, errno, "the pipe to the log process");
	return 0;
}

static int open_terminal_output(const struct streams_config *c, struct streams *s, int *out,
				struct err *e)
{
	const char *path = c->stdio->stdout_path;
	if (!*path)
		return 0;
	if (logger_is_uri(path))
		return start_terminal_logger(c, s, out, e);
	return open_output(s, 0, path, false, out, e);
}

static int open_terminal(const struct streams_config *c, struct streams *s, struct err *e)
{
	const struct stdio_config *io = c->stdio;
	int in = -1, out = -1, slave = -1, rc = 0;
	if (*io->stdin_path)
		rc = open_stdin(io->stdin_path, false, &in, s, e);
	if (rc == 0)
		rc = open_terminal_output(c, s, &out, e);
	if (rc < 0) {
		close_fd(&in);
		close_fd(&out);
		return rc;
	}
	if (c->own_pty)
		return terminal_open_without(in, out, &s->terminal, e);
	rc = terminal_open(in, out, &s->terminal, &slave, e);
	if (rc < 0)
		return rc;
	s->ends[0] = slave;
	s->ends[1] = fcntl(slave, F_DUPFD_CLOEXEC, 3);
	s->ends[2] = fcntl(slave, F_DUPFD_CLOEXEC, 3);
	if (s->ends[1] < 0 || s->ends[2] < 0)
		return err_sys(e, errno, "the terminal");
	if (c->width && c->height)
		rc = terminal_resize(s->terminal, c->width, c->height);
	if (rc < 0)
		return err_sys(e, -rc, "the terminal's size");
	return 0;
}

static int open_streams(const struct streams_config *c, struct streams *s, struct err *e)
{
	const struct stdio_config *io = c->stdio;
	int rc = open_stdin(io->stdin_path, true, &s->ends[0], s, e);
	if (rc < 0)
		return rc;
	if (logger_is_uri(io->stdout_path))
		return logger_start(io->stdout_path, c, &s->ends[1], &s->logger, &s->logger_ready,
				    e);
	rc = open_output(s, 0, io->stdout_path, true, &s->ends[1], e);
	if (rc < 0)
		return rc;
	return open_output(s, 1, io->stderr_path, true, &s->ends[2], e);
}

int streams_open(const struct streams_config *c, struct streams *out, struct err *e)
{
	struct streams s = STREAMS_EMPTY;
	int rc = c->stdio->terminal ? open_terminal(c, &s, e) : open_streams(c, &s, e);
	if (rc < 0)
		streams_close(&s);
	else
		*out = s;
	return rc;
}

static void on_logger_ready(void *arg, uint32_t events)
{
	struct streams *s = arg;
	(void)events;
	loop_remove(&s->logger_source);
	close_fd(&s->logger_ready);
	s->supervisor.changed(s->supervisor.arg);
}

int streams_watch(struct streams *s, const struct supervisor *supervisor)
{
	int rc = 0;
	s->supervisor = *supervisor;
	if (s->logger_ready >= 0)
		rc = loop_add(supervisor->loop, &s->logger_source, s->logger_ready, EPOLLIN,
			      on_logger_ready, s);
	if (rc == 0 && s->terminal && s->ends[0] >= 0) /* else terminal_attach does */
		rc = terminal_watch(s->terminal, supervisor);
	return rc;
}

void streams_launched(struct streams *s)
{
	for (int i = 0; i < 3; i++)
		close_fd(&s->ends[i]);
}

void streams_starting(struct streams *s)
{
	if (s->stdin_hold >= 0 && !s->terminal && s->stdin_watch >= 0 &&
	    clients_are_gone(s->stdin_watch))
		close_fd(&s->stdin_hold);
	end_watch(&s->stdin_watch);
}

void streams_close_stdin(struct streams *s)
{
	close_fd(&s->stdin_hold);
}

bool streams_unread(const struct streams *s)
{
	for (int i = 0; i < 2; i++) {
		int bytes = 0;
		if (s->out_hold[i] >= 0 && ioctl(s->out_hold[i], FIONREAD, &bytes) == 0 &&
		    bytes > 0)
			return true;
	}
	return false;
}

/* The FIFO of *hold once more, with these flags, in the place of *hold. 0 or -errno. */
static int reopen(int *hold, int flags)
{
	char path[32];
	snprintf(path, sizeof(path), "/proc/self/fd/%d", *hold);
	const int fd = open(path, flags | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	close(*hold);
	*hold = fd;
	return 0;
}

/* Where it fails, a client has only what it opened before the end. */
void streams_offer(struct streams *s)
{
	for (int i = 0; i < 2 && !s->terminal; i++)
		if (s->out_hold[i] >= 0)
			(void)!reopen(&s->out_hold[i], O_WRONLY);
}

bool streams_expect_reader(const struct streams *s)
{
	struct pollfd writers[] = {{.fd = s->out_hold[0]}, {.fd = s->out_hold[1]}};
	if (s->client_to_come)
		return true;
	if (s->terminal || poll(writers, 2, 0) < 0)
		return false;
	for (int i = 0; i < 2; i++)
		if (writers[i].fd >= 0 && !(writers[i].revents & POLLERR))
			return true;
	return false;
}

void streams_end_offer(struct streams *s)
{
	for (int i = 0; i < 2 && !s->terminal; i++)
		if (s->out_hold[i] >= 0 && reopen(&s->out_hold[i], O_RDONLY) < 0)
			close_fd(&s->out_hold[i]);
}

void streams_close(struct streams *s)
{
	streams_launched(s);
	streams_close_stdin(s);
	end_watch(&s->stdin_watch);
	close_fd(&s->out_hold[0]);
	close_fd(&s->out_hold[1]);
	loop_remove(&s->logger_source);
	close_fd(&s->logger_ready);
	terminal_free(s->terminal);
	*s = (struct streams)STREAMS_EMPTY;
}
