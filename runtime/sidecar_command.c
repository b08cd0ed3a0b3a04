/* SPDX-License-Identifier: Apache-2.0 */
/* Commands of the OCI runtime: their files in the bundle, how one is started, and why it failed. */
#include "runtime/sidecar_private.h"

#include "base/io.h"
#include "oci/runtime_config.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define COMMAND_MS  120000 /* a runtime that says nothing for so long is stuck */
#define ARGS_MAX    24
#define LOG_MAX     (1UL << 20)
#define EXEC_FAILED 127 /* as shells have it */

const char sidecar_create_verb[] = "create", sidecar_start_verb[] = "start",
	   sidecar_exec_verb[] = "exec", sidecar_delete_verb[] = "delete";

/* --- files in the bundle --- */

int sidecar_no_memory(struct err *e)
{
	return err_sys(e, ENOMEM, "a command of the OCI runtime");
}

char *sidecar_path(const struct process *p, const char *suffix)
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

int sidecar_open_dir(const struct container *c, struct err *e)
{
	int fd = openat(c->bundle_fd, SIDECAR_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, errno, "%s/" SIDECAR_DIR, c->bundle);
	return fd;
}

int sidecar_write_file(int dir, const char *path, const char *text, struct err *e)
{
	cleanup_close int fd =
		openat(dir, path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	int rc = fd < 0 ? -errno : io_write_all(fd, text, strlen(text));
	if (rc < 0)
		return err_sys(e, -rc, "%s", path);
	return 0;
}

/* --- starting and ending them --- */

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

int sidecar_run_command(struct process *p, const char *verb, const char *const *options,
			const int *stdio, struct err *e)
{
	const struct container *c = p->container;
	cleanup_free char *log = sidecar_path(p, "log"), *root = NULL;
	cleanup_close int dir = sidecar_open_dir(c, e);
	if (dir < 0)
		return dir;
	if (!log || asprintf(&root, "%s/" SIDECAR_DIR "/state", c->bundle) < 0) {
		root = NULL;
		return sidecar_no_memory(e);
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
	int rc = sidecar_write_file(dir, log, "", e);
	p->command = (struct runtime_command){.verb = verb};
	if (rc == 0)
		rc = spawn(p, &k, e);
	return rc;
}

int sidecar_command_error(const struct process *p, struct err *e)
{
	const char *runtime = p->container->oci_runtime;
	const int status = p->command.wait_status;
	cleanup_free char *path = sidecar_path(p, "log"), *log = NULL, *message = NULL;
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

bool sidecar_has_succeeded(const struct process *p)
{
	const int status = p->command.wait_status;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

int sidecar_await_command(const struct process *p)
{
	if (!p->command.pid)
		return 0;
	if (process_is_late(p))
		kill(p->command.pid, SIGKILL);
	return -EINPROGRESS;
}
