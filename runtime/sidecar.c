/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Driving the OCI runtime. Each step is a command of its own, a child that the event loop waits
 * for:
 *
 *   Create  create --pid-file … ID     the process waits for its start, as our child
 *   Start   start ID
 *   Exec    exec --detach --pid-file …
 *   Delete  delete --force ID          what the runtime itself has made
 *
 * Signals, pausing, limits and statistics need no command: they go by pidfd and cgroup.
 */
#include "runtime/sidecar.h"

#include "base/io.h"
#include "oci/runtime_config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define COMMAND_MS   120000 /* a runtime that says nothing for so long is stuck */
#define ARGS_MAX     24
#define LOG_MAX      (1UL << 20)
#define EXEC_FAILED  127 /* as shells have it */
#define CONSOLE_NAME 32

/* "create" and so on: compared by address. */
static const char verb_create[] = "create", verb_start[] = "start", verb_exec[] = "exec",
		  verb_delete[] = "delete";

/* --- files in the bundle --- */

static int no_memory(struct err *e)
{
	return err_sys(e, ENOMEM, "a command of the OCI runtime");
}

/* The absolute path of one of p's files; the caller's. NULL: out of memory. */
static char *path_of(const struct process *p, const char *suffix)
{
	const char *bundle = p->container->bundle;
	char *path;
	int n;
	if (*p->exec_id)
		n = asprintf(&path, "%s/" SIDECAR_DIR "/exec-%s.%s", bundle, p->exec_id, suffix);
	else
		n = asprintf(&path, "%s/" SIDECAR_DIR "/init.%s", bundle, suffix);
	if (n < 0)
		return NULL;
	return path;
}

static int open_dir(const struct container *c, struct err *e)
{
	int fd = openat(c->bundle_fd, SIDECAR_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, errno, "%s/" SIDECAR_DIR, c->bundle);
	return fd;
}

static int write_file(int dir, const char *path, const char *text, struct err *e)
{
	cleanup_close int fd =
		openat(dir, path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	int rc = fd < 0 ? -errno : io_write_all(fd, text, strlen(text));
	if (rc < 0)
		return err_sys(e, -rc, "%s", path);
	return 0;
}

/* Of one that Exec added: probes would fill the bundle's file system. */
static void remove_files(const struct process *p)
{
	static const char *const suffixes[] = {"json", "log", "pid"};
	for (size_t i = 0; *p->exec_id && i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		cleanup_free char *path = path_of(p, suffixes[i]);
		if (path)
			unlink(path);
	}
}

/* The number that the runtime has noted; 0: none yet. */
static pid_t noted_pid(const struct process *p)
{
	cleanup_free char *path = path_of(p, "pid"), *text = NULL;
	size_t len;
	if (!path || io_read_file(AT_FDCWD, path, 32, &text, &len) < 0)
		return 0;
	return (pid_t)strtol(text, NULL, 10);
}

/* --- commands --- */

struct command {
	const char *args[ARGS_MAX];
	size_t count;
	int dir, stdio[3];
	pid_t parent;
};

static void add(struct command *k, const char *arg)
{
	if (k->count < ARGS_MAX - 1)
		k->args[k->count++] = arg;
}

/*
 * What the service manager gave containerd for itself: because of the first runc would hold up a
 * start until the container reports that it is ready.
 */
static void drop_service_environment(void)
{
	unsetenv("NOTIFY_SOCKET");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDNAMES");
}

/* In the child, which ends with the shim: `delete` meets no command that still works. */
static _Noreturn void become_runtime(const struct command *k)
{
	sigset_t none;
	sigemptyset(&none);
	signal(SIGPIPE, SIG_DFL);
	drop_service_environment();
	for (int i = 0; i < 3; i++)
		if (dup2(k->stdio[i], i) != i)
			_exit(EXEC_FAILED);
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == k->parent &&
	    fchdir(k->dir) == 0 && close_range(3, ~0U, 0) == 0 &&
	    sigprocmask(SIG_SETMASK, &none, NULL) == 0)
		execvp(k->args[0], (char **)(uintptr_t)k->args);
	_exit(EXEC_FAILED);
}

/* Descriptors of k->stdio that are -1 become /dev/null. */
static int spawn(struct process *p, struct command *k, struct err *e)
{
	cleanup_close int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0)
		return err_sys(e, errno, "/dev/null");
	for (int i = 0; i < 3; i++)
		if (k->stdio[i] < 0)
			k->stdio[i] = null;
	k->parent = getpid();
	const pid_t child = fork();
	if (child == 0)
		become_runtime(k);
	if (child < 0)
		return err_sys(e, errno, "a process for the OCI runtime");
	p->command.pid = child;
	process_set_deadline(p, COMMAND_MS);
	return 0;
}

/* `options` come behind the verb, the container's id after them. */
static int run_command(struct process *p, const char *verb, const char *const *options,
		       const int *stdio, struct err *e)
{
	const struct container *c = p->container;
	cleanup_free char *log = path_of(p, "log"), *root = NULL;
	cleanup_close int dir = open_dir(c, e);
	if (dir < 0)
		return dir;
	if (!log || asprintf(&root, "%s/" SIDECAR_DIR "/state", c->bundle) < 0) {
		root = NULL;
		return no_memory(e);
	}
	struct command k = {.dir = dir, .stdio = {-1, -1, -1}};
	const char *const head[] = {c->oci_runtime, "--root", root, "--log", log,
				    "--log-format", "json",   verb};
	for (size_t i = 0; i < sizeof(head) / sizeof(head[0]); i++)
		add(&k, head[i]);
	for (size_t i = 0; options[i]; i++)
		add(&k, options[i]);
	add(&k, c->id);
	if (stdio)
		memcpy(k.stdio, stdio, sizeof(k.stdio));
	int rc = write_file(dir, log, "", e);
	p->command = (struct runtime_command){.verb = verb};
	if (rc == 0)
		rc = spawn(p, &k, e);
	return rc;
}

/* Why the command has failed, by its log. */
static int command_error(const struct process *p, struct err *e)
{
	const char *runtime = p->container->oci_runtime;
	const int status = p->command.wait_status;
	cleanup_free char *path = path_of(p, "log"), *log = NULL, *message = NULL;
	size_t len;
	if (path && io_read_file(AT_FDCWD, path, LOG_MAX, &log, &len) == 0 &&
	    oci_runtime_log_error(log, len, &message) == 0)
		return err_set(e, ERR_CONFIG, ECANCELED, "%s: %s %s: %.300s", p->name, runtime,
			       p->command.verb, message);
	if (WIFEXITED(status) && WEXITSTATUS(status) == EXEC_FAILED)
		return err_set(e, ERR_HOST, ENOENT,
			       "%s: the OCI runtime %.100s, which MOTE_OCI_RUNTIME in containerd's "
			       "environment names, cannot be executed",
			       p->name, runtime);
	if (WIFEXITED(status))
		return err_set(e, ERR_HOST, ECANCELED, "%s: %.100s %s: exit status %d", p->name,
			       runtime, p->command.verb, WEXITSTATUS(status));
	return err_set(e, ERR_HOST, ECANCELED, "%s: %.100s %s: ended by signal %d", p->name,
		       runtime, p->command.verb, WTERMSIG(status));
}

static bool has_succeeded(const struct process *p)
{
	const int status = p->command.wait_status;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* -EINPROGRESS; one that is stuck is ended. */
static int await_command(const struct process *p)
{
	if (!p->command.pid)
		return 0;
	if (process_is_late(p))
		kill(p->command.pid, SIGKILL);
	return -EINPROGRESS;
}

/* --- terminals: the runtime sends a pty's master over a socket --- */

static void close_console(struct process *p)
{
	loop_remove(&p->console_source);
	close_fd(&p->console);
}

/* The descriptor in a message of its own, or -errno. */
static int receive_descriptor(int socket)
{
	char bytes[PATH_MAX];
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec iov = {.iov_base = bytes, .iov_len = sizeof(bytes)};
	struct msghdr m = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = CMSG_LEN(sizeof(int)), /* no room for a second one */
	};
	if (recvmsg(socket, &m, MSG_CMSG_CLOEXEC | MSG_DONTWAIT) < 0)
		return -errno;
	const struct cmsghdr *head = CMSG_FIRSTHDR(&m);
	int fd;
	if (!head || head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS ||
	    head->cmsg_len != CMSG_LEN(sizeof(fd)))
		return -EBADMSG;
	memcpy(&fd, CMSG_DATA(head), sizeof(fd));
	return fd;
}

static void on_console(void *arg, uint32_t events);

/* The name of the socket that listens has served. */
static void unlink_console(const struct process *p)
{
	struct sockaddr_un address = {0};
	socklen_t len = sizeof(address) - 1;
	struct err e = {0};
	if (getsockname(p->console, (struct sockaddr *)&address, &len) < 0)
		return;
	cleanup_close int dir = open_dir(p->container, &e);
	const char *slash = strrchr(address.sun_path, '/');
	if (dir >= 0 && slash)
		unlinkat(dir, slash + 1, 0);
}

static int accept_console(struct process *p)
{
	cleanup_close int connection = accept4(p->console, NULL, NULL, SOCK_CLOEXEC);
	if (connection < 0)
		return -errno;
	unlink_console(p);
	close_console(p);
	p->console = take_fd(&connection);
	p->console_connected = true;
	return loop_add(p->supervisor.loop, &p->console_source, p->console, EPOLLIN, on_console, p);
}

/* What has come so far. */
static void serve_console(struct process *p)
{
	int rc = 0;
	if (p->console >= 0 && !p->console_connected)
		rc = accept_console(p);
	if (p->console >= 0 && rc == 0)
		rc = receive_descriptor(p->console);
	if (p->console < 0 || rc == -EAGAIN)
		return;
	close_console(p);
	if (rc >= 0)
		rc = terminal_attach(p->streams.terminal, rc, &p->supervisor);
	if (rc < 0)
		err_sys(&p->failure, -rc, "the terminal of %s", p->name);
}

static void on_console(void *arg, uint32_t events)
{
	struct process *p = arg;
	(void)events;
	serve_console(p);
	p->supervisor.changed(p->supervisor.arg);
}

/* The socket's name is relative to its directory: the bundle's path may be longer than one's. */
static int listen_console(struct process *p, char name[CONSOLE_NAME], struct err *e)
{
	static unsigned number;
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	cleanup_close int dir = open_dir(p->container, e);
	if (dir < 0)
		return dir;
	snprintf(name, CONSOLE_NAME, "console-%u", number++);
	snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/%s", dir, name);
	p->console = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int rc = 0;
	if (p->console < 0 ||
	    bind(p->console, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(p->console, 1) < 0)
		rc = -errno;
	if (rc == 0)
		rc = loop_add(p->supervisor.loop, &p->console_source, p->console, EPOLLIN,
			      on_console, p);
	if (rc < 0)
		return err_sys(e, -rc, "a socket for the terminal of %s", p->name);
	return 0;
}

/* --- making processes --- */

/* `more`: behind those options that create and exec have in common. */
static int make_process(struct process *p, const char *verb, const char *const *more, struct err *e)
{
	cleanup_free char *pid_file = path_of(p, "pid");
	char console[CONSOLE_NAME];
	const char *options[ARGS_MAX] = {"--pid-file", pid_file};
	size_t count = 2;
	if (!pid_file)
		return no_memory(e);
	if (p->stdio.terminal) {
		int rc = listen_console(p, console, e);
		if (rc < 0)
			return rc;
		options[count++] = "--console-socket";
		options[count++] = console;
	}
	while (*more)
		options[count++] = *more++;
	int rc = run_command(p, verb, options, p->streams.ends, e);
	streams_launched(&p->streams);
	return rc;
}

/* The runtime's bundle is another directory. NULL: out of memory. */
static char *absolute_root(const struct container *c, const struct oci_spec *s)
{
	char *path;
	if (c->rootfs_mounted || *s->root_path == '/')
		return strdup(c->rootfs_mounted ? c->rootfs : s->root_path);
	if (asprintf(&path, "%s/%s", c->bundle, s->root_path) < 0)
		return NULL;
	return path;
}

int sidecar_create(struct container *c, const struct oci_spec *s, struct err *e)
{
	cleanup_free char *root = absolute_root(c, s);
	const struct oci_runtime_config changes = {
		.rootfs = root,
		.cgroup_path = cgroup_path(c->cgroup),
		.terminal = c->init.stdio.terminal,
	};
	cleanup_free char *text = NULL;
	if (!root)
		return no_memory(e);
	if (mkdirat(c->bundle_fd, SIDECAR_DIR, 0700) < 0 && errno != EEXIST)
		return err_sys(e, errno, "%s/" SIDECAR_DIR, c->bundle);
	cleanup_close int dir = open_dir(c, e);
	if (dir < 0)
		return dir;
	int rc = oci_runtime_config_text(s, &changes, &text, e);
	if (rc == 0)
		rc = write_file(dir, "config.json", text, e);
	if (rc < 0)
		return rc;
	return make_process(&c->init, verb_create, (const char *const[]){NULL}, e);
}

static int launch(struct process *p, struct err *e)
{
	const struct container *c = p->container;
	cleanup_free char *file = path_of(p, "json"), *text = NULL;
	if (!file)
		return no_memory(e);
	int rc = oci_runtime_process_text(&p->spec, p->stdio.terminal, &text, e);
	if (rc == 0)
		rc = write_file(AT_FDCWD, file, text, e);
	if (rc == 0)
		rc = process_open_streams(p, c->id, p->containerd_namespace, 0, 0, e);
	if (rc < 0)
		return rc;
	process_event(p, EV_LAUNCHED);
	return make_process(p, verb_exec,
			    (const char *const[]){"--detach", "--process", file, NULL}, e);
}

/* False of a number that is another's: only a child that was not reaped can be waited for. */
static bool is_child(int pidfd)
{
	siginfo_t info;
	return pidfd >= 0 && waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

static void take_process(struct process *p)
{
	p->pid = noted_pid(p);
	if (p->pid > 0)
		p->pidfd = (int)syscall(SYS_pidfd_open, p->pid, 0);
	if (!is_child(p->pidfd))
		close_fd(&p->pidfd);
	if (p->pidfd < 0)
		err_set(&p->failure, ERR_HOST, ESRCH, "%s: %.100s %s has made no process", p->name,
			p->container->oci_runtime, p->command.verb);
	else if (!*p->exec_id)
		(void)!container_write_state(p->container, &p->failure);
}

/* It can be started; what Exec added has been. */
static void note_made(struct process *p)
{
	if (p->stdio.terminal)
		serve_console(p);
	process_event(p, EV_READY);
	process_event(p, EV_BUILT);
}

static void judge_command(struct process *p, int wait_status)
{
	p->command.pid = 0;
	p->command.wait_status = wait_status;
	const bool made = p->state == PROCESS_SETTING_UP && has_succeeded(p);
	if (made && p->pid == 0)
		take_process(p);
	if (made && !p->failure.code)
		note_made(p);
	if (p->state != PROCESS_SETTING_UP)
		return;
	if (!p->failure.code)
		(void)!command_error(p, &p->failure);
	/* Of one that was killed, what it has made goes on. */
	if (p->command.verb == verb_create)
		cgroup_kill(p->container->cgroup);
}

static void end_command(struct process *p, int wait_status)
{
	judge_command(p, wait_status);
	remove_files(p);
}

/* A process that ends at once may be reaped before the command that has made it. */
static bool is_made_by_command(const struct process *p, pid_t pid)
{
	return p->state == PROCESS_SETTING_UP && p->command.pid && p->pid == 0 &&
	       noted_pid(p) == pid;
}

static bool reaped(struct process *p, pid_t pid, int wait_status, struct timespec at)
{
	if (p->command.pid && pid == p->command.pid) {
		end_command(p, wait_status);
		return true;
	}
	if (is_made_by_command(p, pid)) {
		p->pid = pid;
		note_made(p);
		process_set_ended(p, process_status_of(wait_status), at);
	} else if (!process_reaped(p, pid, wait_status, at)) {
		return false;
	}
	/*
	 * The others end with the first one. In a PID namespace that is shared the kernel does not
	 * see to that, and what they hold open containerd reads to its end before it sends Delete.
	 */
	if (!*p->exec_id && process_has_ended(p))
		cgroup_kill(p->container->cgroup);
	return true;
}

/* --- running and ending --- */

static int propagate(const struct err *failure, struct err *e)
{
	return err_set(e, failure->blame, failure->code, "%s", failure->text);
}

static int run_exec(struct process *p, struct err *e)
{
	if (await_command(p) < 0)
		return -EINPROGRESS;
	if (p->failure.code)
		return propagate(&p->failure, e);
	if (p->command.verb != verb_exec)
		return process_not_startable(p, e);
	if (p->streams.logger_ready >= 0)
		return -EINPROGRESS;
	p->command.verb = NULL;
	process_event(p, EV_STARTED);
	return 0;
}

/* Start's result, once: the process may have ended meanwhile. */
static int started(struct process *p, struct err *e)
{
	if (await_command(p) < 0)
		return -EINPROGRESS;
	int rc = 0;
	if (!has_succeeded(p))
		rc = command_error(p, e);
	p->command.verb = NULL;
	if (rc == 0)
		process_event(p, EV_STARTED);
	return rc;
}

static int run(struct process *p, struct err *e)
{
	if (*p->exec_id)
		return run_exec(p, e);
	if (p->command.verb == verb_start)
		return started(p, e);
	if (p->failure.code)
		return propagate(&p->failure, e);
	if (p->state != PROCESS_BUILT)
		return process_not_startable(p, e);
	streams_starting(&p->streams);
	int rc = run_command(p, verb_start, (const char *const[]){NULL}, NULL, e);
	if (rc < 0)
		return rc;
	return -EINPROGRESS;
}

/* Before there is one: of the command that makes it. */
static int send_signal(const struct process *p, int signo)
{
	long rc;
	if (p->pidfd < 0 && p->command.pid && signo == SIGKILL)
		rc = kill(p->command.pid, SIGKILL);
	else if (p->pidfd < 0)
		return -ESRCH;
	else
		rc = syscall(SYS_pidfd_send_signal, p->pidfd, signo, NULL, 0);
	if (rc < 0)
		return -errno;
	return 0;
}

/* What Exec was about to make when the first process ended may be there: it is killed. */
static int dispose(struct container *c, struct err *e)
{
	struct process *p = &c->init;
	struct err why = {0};
	(void)e;
	if (await_command(p) < 0)
		return -EINPROGRESS;
	if (p->command.verb != verb_delete) {
		cgroup_kill(c->cgroup);
		if (run_command(p, verb_delete, (const char *const[]){"--force", NULL}, NULL,
				&why) == 0)
			return -EINPROGRESS;
	} else if (!has_succeeded(p)) {
		(void)!command_error(p, &why);
	}
	/* What it leaves is in the bundle; a cgroup that stays is an error of its own. */
	if (why.code)
		dprintf(2, "mote: %s\n", why.text);
	p->command.wait_status = 0;
	return 0;
}

const struct process_kind sidecar_kind = {
	.has_own_pty = true,
	.launch = launch,
	.run = run,
	.signal = send_signal,
	.reaped = reaped,
	.dispose = dispose,
};
