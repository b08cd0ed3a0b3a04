/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A libmote without a VM, for tests of what is around it: the "program" is a line of text after
 * four bytes of magic, carried out by the monitor itself. A program that includes this is its own
 * monitor.
 */
#include "runtime/monitor/monitor.h"
#include "runtime/runtime.h"
#include "runtime/wire.h"

#include <mote/cache.h>
#include <mote/mote.h>

#include <dirent.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/kvm.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/utsname.h>

struct mote_sandbox {
	char line[256];
	struct mote_options o;
	char *argv[8];
	char *home;
	int root, listening;
	unsigned umask;
	char seen[600]; /* of what the program could ask; no limits that are none */
	struct mote_credentials credentials;
	volatile sig_atomic_t signo;
	int vm; /* "wait vm": made while it may, for what KVM brings along */
};

static int refuse(struct mote_error *e, enum mote_blame blame, int code, const char *text)
{
	*e = (struct mote_error){.code = code, .blame = blame};
	snprintf(e->text, sizeof(e->text), "%s", text);
	return -code;
}

/* "tcp:PORT" */
static int listen_tcp(const char *port, int *fd, struct mote_error *e)
{
	const struct sockaddr_in a = {
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)atoi(port)),
	};
	*fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(*fd, (const struct sockaddr *)&a, sizeof(a)) < 0 || listen(*fd, 5) < 0)
		return refuse(e, MOTE_BLAME_CONFIG, errno, "bind");
	return 0;
}

/* "unix:PATH" or "tcp:PORT". */
int mote_listen(const char *spec, int *fd, struct mote_error *e)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	if (strncmp(spec, "tcp:", 4) == 0)
		return listen_tcp(spec + 4, fd, e);
	if (strncmp(spec, "unix:", 5) != 0)
		return refuse(e, MOTE_BLAME_CONFIG, EINVAL, "nothing to listen on");
	snprintf(a.sun_path, sizeof(a.sun_path), "%.100s", spec + 5);
	*fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(*fd, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(*fd, 5) < 0)
		return refuse(e, MOTE_BLAME_CONFIG, errno, "bind");
	return 0;
}

/* How many of the sockets that it was given do listen. */
static int count_listening(const struct mote_options *o)
{
	int count = 0;
	for (size_t i = 0; i < o->listener_count; i++) {
		int on = 0;
		socklen_t len = sizeof(on);
		getsockopt(o->listeners[i], SOL_SOCKET, SO_ACCEPTCONN, &on, &len);
		count += on;
	}
	return count;
}

int mote_open_kvm(int *fd, struct mote_error *e)
{
	*fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (*fd < 0)
		return refuse(e, MOTE_BLAME_HOST, errno, "/dev/kvm");
	return 0;
}

int mote_sandbox_new(const struct mote_options *o, struct mote_sandbox **out, struct mote_error *e)
{
	struct mote_sandbox *s = calloc(1, sizeof(*s));
	ssize_t n = pread(o->program_fd, s->line, sizeof(s->line) - 1, 4);
	if (n < 0)
		return refuse(e, MOTE_BLAME_HOST, errno, "pread");
	if (strcmp(s->line, "refuse") == 0)
		return refuse(e, MOTE_BLAME_CONFIG, ENOMEM, "the module needs 512 MiB of memory");
	s->o = *o;
	s->listening = count_listening(o);
	for (int i = 0; i < 7 && o->argv[i]; i++)
		s->argv[i] = strdup(o->argv[i]);
	for (int i = 0; o->envp[i]; i++)
		if (strncmp(o->envp[i], "HOME=", 5) == 0)
			s->home = strdup(o->envp[i] + 5);
	s->o.hostname = strdup(o->hostname);
	s->o.cwd = strdup(o->cwd);
	s->umask = *o->umask;
	s->credentials = *o->credentials;
	snprintf(s->seen, sizeof(s->seen), "domain %s groups %zu", o->domainname, o->group_count);
	for (size_t i = 0; i < o->group_count; i++)
		snprintf(s->seen + strlen(s->seen), sizeof(s->seen) - strlen(s->seen), " %u",
			 o->groups[i]);
	for (size_t i = 0; i < o->limit_count; i++)
		if (o->limits[i].soft != UINT64_MAX || o->limits[i].hard != UINT64_MAX)
			snprintf(s->seen + strlen(s->seen), sizeof(s->seen) - strlen(s->seen),
				 " limit %u %lu %lu", o->limits[i].resource, o->limits[i].soft,
				 o->limits[i].hard);
	s->o.entry = o->entry ? strdup(o->entry) : NULL;
	s->root = dup(o->dirs[0].fd);
	s->vm = strcmp(s->line, "wait vm") == 0 ? ioctl(*o->kvm_fd, KVM_CREATE_VM, 0) : -1;
	*out = s;
	return 0;
}

static int cat(void)
{
	char b[4096];
	ssize_t n;
	while ((n = read(0, b, sizeof(b))) > 0)
		if (write(1, b, (size_t)n) != n)
			return 2;
	return n < 0 ? 1 : 0;
}

static int touch_memory(size_t mib)
{
	for (size_t i = 0; i < mib; i++) {
		/* else the compiler sees that nobody reads it */
		volatile char *p = malloc(1 << 20);
		for (size_t at = 0; p && at < 1 << 20; at += 4096)
			p[at] = 1;
	}
	return 0;
}

static int print_self(const struct mote_sandbox *s)
{
	struct utsname u;
	uname(&u);
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct caps[2];
	syscall(SYS_capget, &head, caps);
	struct rlimit files;
	getrlimit(RLIMIT_NOFILE, &files);
	gid_t groups[16];
	int count = getgroups(16, groups), death = 0;
	prctl(PR_GET_PDEATHSIG, &death, 0, 0, 0);
	dprintf(1,
		"uid %u/%u gid %u/%u groups %d caps %x%x%x nnp %d bound %d dump %d death %d nofile "
		"%lu uts %s host %s "
		"memory %lu cwd %s umask %o entry %s network %d\n",
		getuid(), geteuid(), getgid(), getegid(), count,
		caps[0].effective | caps[1].effective, caps[0].permitted | caps[1].permitted,
		caps[0].inheritable | caps[1].inheritable, prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0),
		prctl(PR_CAPBSET_READ, CAP_SYS_ADMIN, 0, 0, 0), prctl(PR_GET_DUMPABLE, 0, 0, 0, 0),
		death, files.rlim_cur, u.nodename, s->o.hostname, s->o.memory_bytes, s->o.cwd,
		umask(0) | s->umask, s->o.entry ? s->o.entry : "-", s->o.network);
	return 0;
}

/* All that can be signalled, and this one's number. */
static int print_processes(void)
{
	dprintf(1, "self %d parent %d there", getpid(), getppid());
	for (pid_t pid = 1; pid < 100000; pid++)
		if (kill(pid, 0) == 0 || errno != ESRCH)
			dprintf(1, " %d", pid);
	dprintf(1, "\n");
	return 0;
}

/* read PATH: what is in it. */
static int read_file(const char *path)
{
	char text[4096];
	int fd = open(path, O_RDONLY);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text));
	if (n < 0)
		return dprintf(1, "%s: %s\n", path, strerror(errno)), 1;
	return dprintf(1, "%.*s", (int)n, text), 0;
}

/* ls PATH: names, sorted as they come. */
static int list(const char *path)
{
	DIR *d = opendir(path);
	if (!d)
		return dprintf(1, "%s: %s\n", path, strerror(errno)), 1;
	for (struct dirent *e; (e = readdir(d));)
		if (e->d_name[0] != '.')
			dprintf(1, "%s\n", e->d_name);
	closedir(d);
	return 0;
}

static int print_owner(const char *path)
{
	struct stat st;
	if (stat(path, &st) < 0)
		return dprintf(1, "%s: %s\n", path, strerror(errno)), 1;
	return dprintf(1, "%s %u:%u\n", path, st.st_uid, st.st_gid), 0;
}

static int print_mode(const char *path)
{
	struct stat st;
	if (stat(path, &st) < 0)
		return dprintf(1, "%s: %s\n", path, strerror(errno)), 1;
	return dprintf(1, "%s %o\n", path, st.st_mode & 07777), 0;
}

/* give PATH: to user 12 and group 13. */
static int give_file(const char *path)
{
	if (chown(path, 12, 13) < 0)
		return dprintf(1, "%s: %s\n", path, strerror(errno)), 1;
	return dprintf(1, "%s: given\n", path), 0;
}

static int write_file(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT, 0644);
	if (fd < 0 || write(fd, "x", 1) != 1)
		return dprintf(1, "%s: %s\n", path, strerror(errno)), 1;
	return dprintf(1, "%s: written\n", path), 0;
}

/* As vm/hostcall/socket_connect.c does; fd: of a socket, or not. */
static int bind_port(const struct mote_sandbox *s, int fd, uint16_t port, uint32_t len, bool ask)
{
	const struct sockaddr_in6 a = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	int rc = bind(fd, (const struct sockaddr *)&a, len) < 0 ? -errno : 0;
	if ((ask || rc == -EACCES) && s->credentials.bind)
		rc = s->credentials.bind(s->credentials.arg, fd, &a, len);
	return rc;
}

/* A port that others may bind, too; then what a monitor would say that has been taken over. */
static int bind_ports(const struct mote_sandbox *s, bool drop)
{
	const uint32_t len = sizeof(struct sockaddr_in6);
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[2] = {{0}};
	int ends[2], unix_socket = socket(AF_UNIX, SOCK_STREAM, 0);
	if (pipe(ends) < 0 || (drop && syscall(SYS_capset, &head, none) < 0))
		return 1;
	dprintf(1, "port %d", bind_port(s, socket(AF_INET6, SOCK_STREAM, 0), 80, len, false));
	dprintf(1, " again %d", bind_port(s, socket(AF_INET6, SOCK_STREAM, 0), 80, len, false));
	dprintf(1, " datagram %d", bind_port(s, socket(AF_INET6, SOCK_DGRAM, 0), 80, len, false));
	dprintf(1, " high %d", bind_port(s, socket(AF_INET6, SOCK_STREAM, 0), 8080, len, false));
	if (!s->credentials.bind)
		return 0;
	int fd = socket(AF_INET6, SOCK_STREAM, 0);
	dprintf(1, " short %d long %d", bind_port(s, fd, 81, 8, true),
		bind_port(s, fd, 81, len + 1, true));
	dprintf(1, " pipe %d closed %d unix %d\n", bind_port(s, ends[0], 82, len, true),
		bind_port(s, 999, 82, len, true), bind_port(s, unix_socket, 82, len, true));
	return 0;
}

/* Two requests, whose answers it does not wait for. */
static int ask_for_ports(void)
{
	const struct sockaddr_in6 a = {.sin6_family = AF_INET6, .sin6_port = htons(83)};
	struct wire_bind request = {.fd = socket(AF_INET6, SOCK_STREAM, 0), .len = sizeof(a)};
	memcpy(request.address, &a, sizeof(a));
	int rc = wire_send(MONITOR_CONTROL_FD, WIRE_BIND, &request, sizeof(request));
	return rc < 0 ? rc : wire_send(MONITOR_CONTROL_FD, WIRE_BIND, &request, sizeof(request));
}

/* Without end, one after the other, with what a monitor waits for; the milliseconds of it. */
static int ask_for_many(const struct mote_sandbox *s, int count)
{
	struct timespec began, ended;
	const uint32_t len = sizeof(struct sockaddr_in6);
	int pair[2], refused = 0;
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0 || !s->credentials.bind)
		return 1;
	clock_gettime(CLOCK_MONOTONIC, &began);
	for (int i = 0; i < count; i++)
		refused += bind_port(s, pair[0], 84, len, true) == -EACCES;
	clock_gettime(CLOCK_MONOTONIC, &ended);
	dprintf(1, "%d refused %ld ms\n", refused,
		(ended.tv_sec - began.tv_sec) * 1000 + (ended.tv_nsec - began.tv_nsec) / 1000000);
	return 0;
}

static int wait_for_signal(struct mote_sandbox *s)
{
	touch_memory(4);
	dprintf(1, s->vm >= 0 ? "waiting with a VM\n" : "waiting\n");
	while (!s->signo)
		poll(NULL, 0, 10);
	return 0;
}

int mote_sandbox_run(struct mote_sandbox *s, struct mote_result *r, struct mote_error *e)
{
	(void)e;
	*r = (struct mote_result){.end = MOTE_EXITED};
	const char *l = s->line;
	if (strncmp(l, "exit ", 5) == 0)
		r->code = atoi(l + 5);
	else if (strcmp(l, "echo") == 0)
		dprintf(1, "%s %s\n", s->argv[0], s->argv[1] ? s->argv[1] : ""),
			dprintf(2, "to stderr\n");
	else if (strcmp(l, "cat") == 0)
		r->code = cat();
	else if (strcmp(l, "home") == 0)
		dprintf(1, "%s\n", s->home ? s->home : "none");
	else if (strcmp(l, "self") == 0)
		r->code = print_self(s);
	else if (strcmp(l, "seen") == 0)
		dprintf(1, "%s\n", s->seen);
	else if (strcmp(l, "processes") == 0)
		r->code = print_processes();
	else if (strcmp(l, "isolation") == 0)
		r->code = s->o.isolation;
	else if (strncmp(l, "binds ", 6) == 0)
		r->code = ask_for_many(s, atoi(l + 6));
	else if (strncmp(l, "bind", 4) == 0)
		r->code = bind_ports(s, l[4] != '\0');
	else if (strcmp(l, "listening") == 0)
		r->code = s->listening;
	else if (strncmp(l, "ls ", 3) == 0)
		r->code = list(l + 3);
	else if (strncmp(l, "read ", 5) == 0)
		r->code = read_file(l + 5);
	else if (strncmp(l, "give ", 5) == 0)
		r->code = give_file(l + 5);
	else if (strncmp(l, "mode ", 5) == 0)
		r->code = print_mode(l + 5);
	else if (strncmp(l, "owner ", 6) == 0)
		r->code = print_owner(l + 6);
	else if (strncmp(l, "write ", 6) == 0)
		r->code = write_file(l + 6);
	else if (strncmp(l, "memory ", 7) == 0)
		r->code = touch_memory((size_t)atoi(l + 7));
	else if (strcmp(l, "loop") == 0)
		while (!s->signo)
			/* ThreadSanitizer runs handlers when the C library is called */
			poll(NULL, 0, 0);
	if (strcmp(l, "wait for ports") == 0)
		r->code = ask_for_ports();
	if (strncmp(l, "wait", 4) == 0)
		wait_for_signal(s);
	if (s->signo)
		*r = (struct mote_result){.end = MOTE_SIGNALLED, .code = s->signo};
	return 0;
}

/* The double's own: its root and its VM. */
int mote_close_others(struct mote_sandbox *s, const int *keep, size_t count, struct mote_error *e)
{
	(void)e;
	for (int fd = 3; fd < 256; fd++) {
		bool kept = fd == s->root || fd == s->vm;
		for (size_t i = 0; i < count; i++)
			kept |= fd == keep[i];
		if (!kept)
			close(fd);
	}
	return 0;
}

void mote_prepare(void)
{
}

struct mote_compiled *mote_compiled_find(const struct mote_cache *cache,
					 const struct mote_options *options)
{
	(void)cache, (void)options;
	return NULL;
}

int mote_sandbox_from_compiled(const struct mote_compiled *compiled,
			       const struct mote_options *options, struct mote_sandbox **sandbox,
			       struct mote_error *error)
{
	(void)compiled;
	return mote_sandbox_new(options, sandbox, error);
}

void mote_compiled_free(struct mote_compiled *compiled)
{
	(void)compiled;
}

int mote_exit_status(const struct mote_result *r)
{
	return r->end == MOTE_SIGNALLED ? 128 + r->code : r->code;
}

int mote_sandbox_jail(struct mote_sandbox *s, struct mote_error *e)
{
	(void)s;
	(void)e;
	return 0;
}

void mote_sandbox_signal(struct mote_sandbox *s, int signo)
{
	/* The end of a terminal is two: SIGHUP, and SIGCONT, which a guest ignores. */
	if (signo != SIGCONT)
		s->signo = signo;
}

/* Of clang's coverage, whose own constructor comes after this one and would not be reached. */
void __llvm_profile_initialize(void) __attribute__((weak));

/* The test program is also the monitor: container_create executes it again. */
__attribute__((constructor)) static void be_monitor(int argc, char **argv)
{
	if (argc < 2 || strcmp(argv[1], RUNTIME_MONITOR_ARG) != 0)
		return;
	if (__llvm_profile_initialize)
		__llvm_profile_initialize();
	_exit(runtime_monitor_main());
}
