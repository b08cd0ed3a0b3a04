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
#include "runtime/sidecar_private.h"

#include "base/io.h"
#include "oci/runtime_config.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { OPTIONS_MAX = 16 };

/* --- making processes --- */

/* Of one that Exec added: probes would fill the bundle's file system. */
static void remove_files(const struct process *p)
{
	static const char *const suffixes[] = {"json", "log", "pid"};
	for (size_t i = 0; *p->exec_id && i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		cleanup_free char *path = sidecar_path(p, suffixes[i]);
		if (path)
			unlink(path);
	}
}

/* The number that the runtime has noted; 0: none yet. */
static pid_t noted_pid(const struct process *p)
{
	cleanup_free char *path = sidecar_path(p, "pid"), *text = NULL;
	size_t len;
	if (!path || io_read_file(AT_FDCWD, path, 32, &text, &len) < 0)
		return 0;
	return (pid_t)strtol(text, NULL, 10);
}

/* `more`: after those options that create and exec have in common. */
static int make_process(struct process *p, const char *verb, const char *const *more, struct err *e)
{
	cleanup_free char *pid_file = sidecar_path(p, "pid");
	char console[SIDECAR_CONSOLE_NAME];
	const char *options[OPTIONS_MAX] = {"--pid-file", pid_file};
	size_t count = 2;
	if (!pid_file)
		return sidecar_no_memory(e);
	if (p->stdio.terminal) {
		int rc = sidecar_listen_console(p, console, e);
		if (rc < 0)
			return rc;
		options[count++] = "--console-socket";
		options[count++] = console;
	}
	while (*more)
		options[count++] = *more++;
	int rc = sidecar_run_command(p, verb, options, p->streams.ends, e);
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
		return sidecar_no_memory(e);
	if (mkdirat(c->bundle_fd, SIDECAR_DIR, 0700) < 0 && errno != EEXIST)
		return err_sys(e, errno, "%s/" SIDECAR_DIR, c->bundle);
	cleanup_close int dir = sidecar_open_dir(c, e);
	if (dir < 0)
		return dir;
	int rc = oci_runtime_config_text(s, &changes, &text, e);
	if (rc == 0)
		rc = sidecar_write_file(dir, "config.json", text, e);
	if (rc < 0)
		return rc;
	return make_process(&c->init, sidecar_create_verb, (const char *const[]){NULL}, e);
}

static int launch(struct process *p, struct err *e)
{
	const struct container *c = p->container;
	cleanup_free char *file = sidecar_path(p, "json"), *text = NULL;
	if (!file)
		return sidecar_no_memory(e);
	int rc = oci_runtime_process_text(&p->spec, p->stdio.terminal, &text, e);
	if (rc == 0)
		rc = sidecar_write_file(AT_FDCWD, file, text, e);
	if (rc == 0)
		rc = process_open_streams(p, c->id, p->containerd_namespace, 0, 0, e);
	if (rc < 0)
		return rc;
	process_event(p, EV_LAUNCHED);
	return make_process(p, sidecar_exec_verb,
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
		sidecar_serve_console(p);
	process_event(p, EV_READY);
	process_event(p, EV_BUILT);
}

static void judge_command(struct process *p, int wait_status)
{
	p->command.pid = 0;
	p->command.wait_status = wait_status;
	const bool made = p->state == PROCESS_SETTING_UP && sidecar_has_succeeded(p);
	if (made && p->pid == 0)
		take_process(p);
	if (made && !p->failure.code)
		note_made(p);
	if (p->state != PROCESS_SETTING_UP)
		return;
	if (!p->failure.code)
		(void)!sidecar_command_error(p, &p->failure);
	/* Of one that was killed, what it has made goes on. */
	if (p->command.verb == sidecar_create_verb)
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
	if (sidecar_await_command(p) < 0)
		return -EINPROGRESS;
	if (p->failure.code)
		return propagate(&p->failure, e);
	if (p->command.verb != sidecar_exec_verb)
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
	if (sidecar_await_command(p) < 0)
		return -EINPROGRESS;
	int rc = 0;
	if (!sidecar_has_succeeded(p))
		rc = sidecar_command_error(p, e);
	p->command.verb = NULL;
	if (rc == 0)
		process_event(p, EV_STARTED);
	return rc;
}

static int run(struct process *p, struct err *e)
{
	if (*p->exec_id)
		return run_exec(p, e);
	if (p->command.verb == sidecar_start_verb)
		return started(p, e);
	if (p->failure.code)
		return propagate(&p->failure, e);
	if (p->state != PROCESS_BUILT)
		return process_not_startable(p, e);
	streams_starting(&p->streams);
	int rc = sidecar_run_command(p, sidecar_start_verb, (const char *const[]){NULL}, NULL, e);
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
	if (sidecar_await_command(p) < 0)
		return -EINPROGRESS;
	if (p->command.verb != sidecar_delete_verb) {
		cgroup_kill(c->cgroup);
		if (sidecar_run_command(p, sidecar_delete_verb,
					(const char *const[]){"--force", NULL}, NULL, &why) == 0)
			return -EINPROGRESS;
	} else if (!sidecar_has_succeeded(p)) {
		(void)!sidecar_command_error(p, &why);
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
