/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bundle and a client for tests of whole containers: real namespaces, mounts, cgroups, users and
 * processes, as root. In place of the VM stands a double. Included by one file of a program.
 */
#include "loop_step.h"
#include "runtime/cgroup/cgroup.h"
#include "runtime/mounts.h"
#include "runtime/runtime.h"
#include "runtime_double.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define unused __attribute__((unused)) /* not each program needs all of it */

/* --- a bundle --- */

static char dir[64], path_buffer[32][256];
static unused const char *isolation, *shared_pids; /* what the operator says of them */

static unused const char *at(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static unused const char *at(const char *fmt, ...)
{
	static int next;
	char *to = path_buffer[next++ % 32];
	int n = snprintf(to, 256, "%s/", dir);
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(to + n, 256 - (size_t)n, fmt, ap);
	va_end(ap);
	return to;
}

static unused void put(const char *path, const char *text, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, mode);
	cr_assert(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text), "%s: %s", path,
		  strerror(errno));
	close(fd);
}

static unused void program_at(const char *path, const char *text)
{
	char line[300];
	snprintf(line, sizeof(line), "\177ELF%s", text);
	put(at("%s", path), line, 0755);
}

static unused void program(const char *text)
{
	program_at("rootfs/prog", text);
}

/* Each test has a cgroup of its own: they run at the same time. */
static unused void put_config(char *text)
{
	char *x = strstr(text, "XXXXXX");
	if (x)
		memcpy(x, dir + strlen(dir) - 6, 6);
	put(at("config.json"), text, 0644);
}

/* process: members added to process; more: members added to the document. */
static unused void config(const char *process, const char *more)
{
	char text[8192];
	snprintf(text, sizeof(text),
		 "{\"ociVersion\":\"1.0.2\",\"root\":{\"path\":\"rootfs\"},\"process\":{\"args\":["
		 "\"/prog\",\"arg\"],\"cwd\":"
		 "\"/\"%s}%s}",
		 process, more);
	put_config(text);
}

#define LINUX(more)                                                                               \
	",\"linux\":{\"cgroupsPath\":\"/mote-test/"                                               \
	"XXXXXX\",\"namespaces\":[{\"type\":\"uts\"},{\"type\":\"ipc\"},{\"type\":\"pid\"}]" more \
	"}"

static unused void setup(void)
{
	cr_assert(geteuid() == 0,
		  "these tests make namespaces, mounts and cgroups: run them as root");
	snprintf(dir, sizeof(dir), "/tmp/mote-runtime.XXXXXX");
	cr_assert(mkdtemp(dir) && chmod(dir, 0755) == 0);
	mkdir(at("rootfs"), 0755);
	mkfifo(at("in"), 0600);
	mkfifo(at("out"), 0600);
	mkfifo(at("err"), 0600);
	config("", LINUX(""));
	program("exit 0");
}

static unused bool leftover(const char *what)
{
	char cmd[400];
	snprintf(cmd, sizeof(cmd), "%s 2>/dev/null | grep -q .", what);
	return system(cmd) == 0;
}

static unused void teardown(void)
{
	char cmd[300];
	const char *x = dir + strlen(dir) - 6;
	snprintf(cmd, sizeof(cmd),
		 "ls -d /sys/fs/cgroup/*/mote-test/%s /sys/fs/cgroup/mote-test/%s", x, x);
	cr_expect(!leftover(cmd), "a cgroup is left");
	snprintf(cmd, sizeof(cmd), "grep %s /proc/self/mountinfo", dir);
	bool mounted = leftover(cmd);
	cr_expect(!mounted, "a mount is left");
	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	cr_expect(mounted || system(cmd) == 0);
}

/* Whether this machine's kernel maps ids of what is at path. */
static unused bool maps(const char *path)
{
	struct err e;
	struct userns u;
	const struct oci_mount m = {.source = path, .bind = true, .bind_recursive = true};
	return userns_get(&u, &e) == 0 && mounts_can_map(AT_FDCWD, &m, u.fd) == 0;
}

/* --- a client --- */

struct client {
	struct container *c;
	struct process *p; /* the container's own */
	int in, out, err;  /* the FIFOs' other ends */
	time_t began;
};

/* The loop that drives all processes of a test. Their changes are asked for, not waited for. */
static struct loop loop = {.epoll = -1};

static void nothing(void *arg)
{
	(void)arg;
}

static unused struct supervisor supervisor(void)
{
	if (loop.epoll < 0)
		cr_assert(loop_init(&loop) == 0);
	return (struct supervisor){.loop = &loop, .changed = nothing};
}

/* Of a process "second" whose output goes to out2. */
static unused struct exec_config exec_of(const char *process)
{
	static char path[128];
	snprintf(path, sizeof(path), "file://%s/out2", dir);
	return (struct exec_config){
		.exec_id = "second",
		.containerd_namespace = "n",
		.stdio = {.stdin_path = "", .stdout_path = path, .stderr_path = path},
		.supervisor = supervisor(),
		.process = process,
		.process_len = strlen(process),
	};
}

/* What the loop has to do now. */
static unused void serve(void)
{
	for (int i = 0; i < 16 && loop_step(&loop, 0); i++)
		;
}

/* One round: serves, and reaps a child if there is one. */
static unused void serve_one(struct container *c, bool reap)
{
	serve();
	int status;
	pid_t pid = reap ? waitpid(-1, &status, WNOHANG) : 0;
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	if (pid > 0)
		cr_expect(container_reaped(c, pid, status, now));
	else
		poll(NULL, 0, 1);
}

static unused int create_now(const struct container_config *config, struct client *k, struct err *e)
{
	struct container_config own = *config;
	own.supervisor = supervisor();
	int rc = container_create(&own, &k->c, e);
	if (rc < 0)
		return rc;
	k->p = container_process(k->c);
	while ((rc = container_created(k->c, e)) == -EINPROGRESS)
		serve_one(k->c, true);
	return rc;
}

static unused int start_now(struct client *k, struct err *e)
{
	int rc;
	while ((rc = container_start(k->c, e)) == -EINPROGRESS)
		serve_one(k->c, false);
	return rc;
}

static unused int delete_now(struct client *k, struct err *e)
{
	int rc;
	while ((rc = container_delete(k->c, e)) == -EINPROGRESS)
		serve_one(k->c, true);
	return rc;
}

/* What containerd asks for, with a root file system of one mount, or a directory. */
static unused struct container_config config_with(const struct container_mount *rootfs)
{
	return (struct container_config){
		.id = "t",
		.bundle = dir,
		.containerd_namespace = "n",
		.stdio = {.stdin_path = "", .stdout_path = "", .stderr_path = ""},
		.rootfs = rootfs,
		.rootfs_count = rootfs != NULL,
	};
}

static unused int create_rc(struct client *k, struct err *e, bool terminal)
{
	const struct container_config config = {
		.id = "test",
		.bundle = dir,
		.containerd_namespace = "n",
		.stdio = {.stdin_path = at("in"),
			  .stdout_path = at("out"),
			  .stderr_path = terminal ? "" : at("err"),
			  .terminal = terminal},
		.isolation = isolation,
		.shared_pids = shared_pids,
	};
	*e = (struct err){0};
	*k = (struct client){.in = -1, .began = time(NULL)};
	k->out = open(at("out"), O_RDONLY | O_NONBLOCK);
	k->err = open(at("err"), O_RDONLY | O_NONBLOCK);
	return create_now(&config, k, e);
}

static unused struct client create(void)
{
	struct client k;
	struct err e;
	cr_assert(create_rc(&k, &e, false) == 0, "%s", e.text);
	cr_expect(process_pid(k.p) > 0 && process_status(k.p) == PROCESS_STATUS_CREATED);
	k.in = open(at("in"), O_WRONLY | O_NONBLOCK);
	cr_assert(k.in >= 0);
	return k;
}

static unused struct client start(void)
{
	struct client k = create();
	struct err e;
	cr_assert(start_now(&k, &e) == 0, "%s", e.text);
	cr_expect(process_status(k.p) == PROCESS_STATUS_RUNNING);
	return k;
}

/* Serves until the process is reaped. */
static unused uint32_t finish(struct client *k)
{
	int status;
	for (;;) {
		serve();
		pid_t pid = waitpid(process_pid(k->p), &status, WNOHANG);
		/* One that ended at once was reaped while its creation was waited for. */
		if (pid < 0 && process_status(k->p) == PROCESS_STATUS_STOPPED)
			return process_exit_status(k->p);
		cr_assert(pid >= 0);
		if (pid > 0)
			break;
		poll(NULL, 0, 1);
	}
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	cr_expect(container_reaped(k->c, process_pid(k->p), status, now));
	time_t ended = process_exited_at(k->p).tv_sec;
	cr_expect(process_status(k->p) == PROCESS_STATUS_STOPPED && ended >= k->began &&
		  ended <= now.tv_sec);
	return process_exit_status(k->p);
}

static unused void delete (struct client *k)
{
	struct err e;
	cr_expect(delete_now(k, &e) == 0, "%s", e.text);
	cr_expect(access(at("mote-state"), F_OK) < 0);
	k->c = NULL;
	k->p = NULL;
	close(k->in);
	close(k->out);
	close(k->err);
}

/* All that can be read now. */
static unused char *text_of(int fd)
{
	static char text[16384];
	size_t n = 0;
	ssize_t got;
	while (n < sizeof(text) - 1 && (got = read(fd, text + n, sizeof(text) - 1 - n)) > 0)
		n += (size_t)got;
	text[n] = '\0';
	return text;
}

static unused void wait_text(int fd, const char *want)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	cr_assert(poll(&p, 1, -1) == 1);
	char *text = text_of(fd);
	cr_assert(strstr(text, want), "'%s', not '%s'", text, want);
}

/* Runs the program to its end; its stdout. */
static unused char *run(const char *prog, uint32_t status)
{
	static char out[16384];
	program(prog);
	struct client k = start();
	uint32_t got = finish(&k);
	strcpy(out, text_of(k.out));
	cr_expect(got == status, "%s: status %u, not %u; %s %s", prog, got, status, out,
		  text_of(k.err));
	delete (&k);
	return out;
}

static unused bool runs(const struct client *k, int ms)
{
	poll(NULL, 0, ms);
	return waitpid(process_pid(k->p), NULL, WNOHANG) == 0;
}
