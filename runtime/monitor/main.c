/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The monitor: the process that has the VM. What needs rights happens first; then they are given
 * up, the VM is made, the thread's system calls are filtered, and only the guest runs.
 */
#include "runtime/monitor/monitor.h"

#include "base/confine.h"
#include "base/io.h"
#include "oci/entry.h"
#include "oci/passwd.h"
#include "runtime/runtime.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <mote/cache.h>
#include <mote/mote.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <termios.h>

/* The annotation OCI_LISTEN has addresses as mote_listen takes them, separated by commas. */
enum { LISTENERS_MAX = 16 };

static const int monitor_kvm_fd = MONITOR_KVM_FD;

struct monitor {
	struct buf body; /* the config's bytes; strings lead into it */
	struct wire_config config;
	struct oci_artefact artefact; /* its entry also if it is in the root file system */
	struct err unasked; /* why containerd was not asked whether the image is an artefact */
	struct lsm lsm;
	struct userns userns;
	char cwd[PATH_MAX]; /* as the kernel has it: without links and ".." */
	int root_fd;
	char hostname[65], domainname[65];
	struct mote_limit limits[RLIM_NLIMITS]; /* what the guest sees */
	char *listen;                           /* owned; the annotation's value, NULL: none */
	int listeners[LISTENERS_MAX];
	size_t listener_count;
	/* owned: the host's directory of compiled modules, until the module was looked up; or -1 */
	int cache_fd;
	struct mote_compiled *compiled;
	struct mote_sandbox *sandbox;
};

/* --- signals --- */

static struct mote_sandbox *running; /* for the handler: set before `started` */
static atomic_bool started;

static bool ignored_by_default(int signo)
{
	return signo == SIGCHLD || signo == SIGCONT || signo == SIGURG || signo == SIGWINCH;
}

static void on_signal(int signo, siginfo_t *info, void *context)
{
	(void)context;
	if (signo == MONITOR_SIGNAL_CARRIER && info->si_code == SI_QUEUE)
		signo = info->si_value.sival_int;
	/*
	 * The end of its terminal does not end the first process of a PID namespace, which finds it
	 * closed; it does end one that Exec added.
	 */
	if (signo == SIGHUP && info->si_code == SI_KERNEL && getpid() == 1)
		return;
	if (atomic_load(&started))
		mote_sandbox_signal(running, signo);
	else if (!ignored_by_default(signo))
		_exit(128 + signo);
}

/*
 * Before anything else: this is the first process of its PID namespace, which a signal without a
 * handler does not end (but SIGKILL from outside does, and its own faults).
 */
static int catch_signals(struct err *e)
{
	struct sigaction sa = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO};
	sigfillset(&sa.sa_mask);
	signal(SIGPIPE, SIG_IGN); /* the guest gets EPIPE */
	for (int signo = 1; signo < NSIG; signo++) {
		if (signo == SIGKILL || signo == SIGSTOP || monitor_signal_is_own(signo))
			continue;
		/* 32 and 33 are the C library's; nothing here uses threads. */
		if (sigaction(signo, &sa, NULL) < 0 && errno != EINVAL)
			return err_sys(e, errno, "handler of signal %d", signo);
	}
	return 0;
}

/* --- steps --- */

static int receive_config(struct monitor *m, struct err *e)
{
	enum wire_type type;
	int rc = wire_receive(MONITOR_CONTROL_FD, -1, &type, &m->body);
	if (rc == 0 && type != WIRE_CONFIG)
		rc = -EBADMSG;
	if (rc == 0)
		rc = wire_decode(m->body.data, m->body.len, &m->config);
	if (rc < 0)
		return err_sys(e, -rc, "the monitor's configuration");
	return 0;
}

static int take_terminal(const struct oci_spec *s, struct err *e)
{
	if (s->terminal && ioctl(0, TIOCSCTTY, 0) < 0)
		return err_sys(e, errno, "the controlling terminal");
	return 0;
}

/*
 * The shim's end, also by SIGKILL, is ours: again after each change of the user. A shim that had
 * ended before has closed its end of the socket: its number is not known in this namespace.
 */
static int follow_shim(struct err *e)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
		return err_sys(e, errno, "PR_SET_PDEATHSIG");
	struct pollfd p = {.fd = MONITOR_CONTROL_FD, .events = POLLRDHUP};
	if (poll(&p, 1, 0) != 0)
		return err_set(e, ERR_HOST, ESRCH, "the shim is gone");
	return 0;
}

/*
 * Each file is one hierarchy's: "0" is the thread that writes, and this is the only one.
 * namespaces: NULL, or where the WIRE_NAMESPACE_FDS that come last go, the caller's.
 */
static int join_cgroups(int *namespaces, struct err *e)
{
	int fds[WIRE_FDS_MAX];
	size_t count = 0;
	int rc = wire_receive_join(MONITOR_CONTROL_FD, fds, &count), joined = 0;
	if (namespaces && rc == 0 && count < WIRE_NAMESPACE_FDS)
		rc = -EBADMSG;
	for (size_t i = WIRE_NAMESPACE_FDS; namespaces && rc == 0 && i-- > 0;)
		namespaces[i] = fds[--count];
	for (size_t i = 0; i < count; i++) {
		if (rc == 0 && joined == 0)
			joined = io_write_all(fds[i], "0", 1);
		close(fds[i]);
	}
	if (rc < 0)
		return err_sys(e, -rc, "waiting for the shim");
	if (joined < 0)
		return err_sys(e, -joined, "joining the container's cgroup");
	return 0;
}

/* As other runtimes do: if there is no HOME in the environment, the image's passwd file has it. */
static int add_home(struct monitor *m, struct err *e)
{
	struct oci_spec *s = &m->config.spec;
	if (oci_environment(s, "HOME"))
		return 0;
	cleanup_free char *home = NULL;
	char *entry = NULL;
	int rc = oci_home(m->root_fd, s->uid, &home);
	if (rc == 0 && asprintf(&entry, "HOME=%s", home ? home : "/") < 0)
		rc = -ENOMEM;
	const char **env = NULL;
	if (rc == 0)
		env = reallocarray(s->env, s->env_count + 2, sizeof(*env));
	if (!env)
		return err_sys(e, ENOMEM, "HOME");
	env[s->env_count++] = entry;
	env[s->env_count] = NULL;
	s->env = env;
	return 0;
}

static int from_mote_error(const struct mote_error *from, struct err *e);

/*
 * In the container's network and root, and with its user's rights: ports, files, their owner and
 * mode.
 */
static int open_listeners(struct monitor *m, struct err *e)
{
	struct mote_error me;
	cleanup_free char *words = take_ptr(m->listen);
	char *rest = words;
	for (char *spec; rest && (spec = strtok_r(rest, ", ", &rest));) {
		if (m->listener_count == LISTENERS_MAX)
			return err_set(e, ERR_CONFIG, E2BIG,
				       "annotation " OCI_LISTEN ": more than %d listeners",
				       LISTENERS_MAX);
		if (mote_listen(spec, &m->listeners[m->listener_count], &me) < 0)
			return from_mote_error(&me, e);
		m->listener_count++;
	}
	return 0;
}

/*
 * A guest begins with its monitor's ids, and changes them by host calls alone (set_ids). No
 * execve(2) gives it others: a program that would have them by its set-ID bits is refused, unless
 * no_new_privs or its mount has it run without them.
 */
static int refuse_set_ids(const struct monitor *m, struct err *e)
{
	const struct oci_spec *s = &m->config.spec;
	struct stat st;
	struct statvfs fs;
	if (fstat(m->artefact.entry.fd, &st) < 0 || fstatvfs(m->artefact.entry.fd, &fs) < 0)
		return err_sys(e, errno, "%.200s", m->artefact.entry.path);
	bool other_user = st.st_mode & S_ISUID && st.st_uid != userns_host_id(&m->userns, s->uid);
	bool other_group = (st.st_mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP) &&
			   st.st_gid != userns_host_id(&m->userns, s->gid);
	if ((!other_user && !other_group) || s->no_new_privileges || fs.f_flag & ST_NOSUID)
		return 0;
	return err_set(e, ERR_CONFIG, EPERM,
		       "%.200s has its set-%s-ID bit set, which Mote does not support; it runs "
		       "without with process.noNewPrivileges (a pod's allowPrivilegeEscalation: "
		       "false)",
		       m->artefact.entry.path, other_user ? "user" : "group");
}

/* In the root file system, unless the image is an artefact. */
static int find_entry(struct monitor *m, struct err *e)
{
	const struct oci_spec *s = &m->config.spec;
	struct err why = {0};
	if (m->artefact.entry.fd >= 0)
		return 0;
	int rc = oci_entry_open(m->root_fd, m->cwd, oci_environment(s, "PATH"), s->args[0],
				&m->artefact.entry, &why);
	if (rc == -ENOENT && m->unasked.code)
		return err_set(e, ERR_CONFIG, ENOENT,
			       "%s; whether its image is an artefact is not known: %s", why.text,
			       m->unasked.text);
	if (rc < 0)
		return err_set(e, why.blame, why.code, "%s", why.text);
	return 0;
}

/* What is done for the container's user, with no rights but his. */
static int act_as_user(struct monitor *m, struct err *e)
{
	const struct oci_spec *s = &m->config.spec;
	int rc = monitor_assume_user(s, &m->userns, e);
	if (rc < 0)
		return rc;
	rc = find_entry(m, e);
	if (rc < 0)
		return rc;
	rc = refuse_set_ids(m, e);
	if (rc < 0)
		return rc;
	rc = open_listeners(m, e);
	if (rc < 0)
		return rc;
	return monitor_be_root_again(e);
}

/* In the new root: opens what the process needs of it. */
static int open_environment(struct monitor *m, struct err *e)
{
	const struct oci_spec *s = &m->config.spec;
	int rc = take_terminal(s, e);
	if (rc < 0)
		return rc;
	monitor_note_limits(s, m->limits);
	rc = monitor_set_limits(s, m->limits, e);
	if (rc < 0)
		return rc;
	if (!getcwd(m->cwd, sizeof(m->cwd)))
		return err_sys(e, errno, "process.cwd: %s", s->cwd);
	rc = act_as_user(m, e);
	/* A guest in a UTS namespace that it shares has that one's name. */
	if (rc < 0)
		return rc;
	if (gethostname(m->hostname, sizeof(m->hostname) - 1) < 0)
		rc = err_sys(e, errno, "gethostname");
	else if (getdomainname(m->domainname, sizeof(m->domainname) - 1) < 0)
		rc = err_sys(e, errno, "getdomainname");
	if (rc < 0)
		return rc;
	return add_home(m, e);
}

/*
 * A pod's annotations come to all of its containers. Its pause container has no use for them, and
 * OCI_LISTEN.NAME is what the container of that name listens on, whatever OCI_LISTEN says.
 */
static int read_listen(struct monitor *m, struct err *e)
{
	static const char *const names[] = {OCI_LISTEN, "io.kubernetes.cri.container-type",
					    "io.kubernetes.cri.container-name"};
	char *values[3], *own = NULL, *own_name = NULL;
	int rc = oci_annotations(AT_FDCWD, names, values, 3, e);
	if (rc < 0)
		return rc;
	cleanup_free char *listen = values[0], *type = values[1], *name = values[2];
	if (type && strcmp(type, "sandbox") == 0)
		return 0;
	if (name && asprintf(&own_name, OCI_LISTEN ".%s", name) < 0)
		return err_sys(e, ENOMEM, "annotation");
	if (name)
		rc = oci_annotations(AT_FDCWD, (const char *const[]){own_name}, &own, 1, e);
	free(own_name);
	m->listen = own;
	if (!own)
		m->listen = take_ptr(listen);
	return rc;
}

/* --- compiled modules --- */

static void log_line(void *arg, const char *line);

/* A module below this is compiled in a few milliseconds. */
enum { CACHED_FROM_BYTES = 256 << 10 };

/*
 * While the host's file system is in reach. Made if it is missing; if that fails, there is no
 * cache.
 */
static void open_cache(struct monitor *m)
{
	const char *path = m->config.cache;
	if (*path != '/' || (mkdir(path, 0700) < 0 && errno != EEXIST))
		return;
	m->cache_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static enum mote_isolation isolation(const struct monitor *m)
{
	return m->config.private_memory ? MOTE_ISOLATION_PRIVATE : MOTE_ISOLATION_SHARED;
}

/* The child that compiles has no more rights than this process will have, and no capabilities. */
static int become_user(void *monitor)
{
	struct monitor *m = monitor;
	struct err e = {0};
	return monitor_become_user(&m->config.spec, &m->userns, 0, &m->lsm, &e);
}

/* Of an artefact it has just been computed. */
static const char *module_digest(const struct oci_artefact *a)
{
	return *a->layer ? a->layer + strlen("sha256:") : NULL;
}

/*
 * Still as root, who may write the directory, and in the container's cgroup, which pays for
 * compiling.
 */
static void find_compiled(struct monitor *m)
{
	char *argv[] = {NULL};
	const struct mote_cache cache = {
		.size = sizeof(cache),
		.dir = m->cache_fd,
		.module_bytes_min = CACHED_FROM_BYTES,
		.in_child = become_user,
		.arg = m,
		.tenant = m->config.tenant,
		.digest = module_digest(&m->artefact),
	};
	const struct mote_options o = {
		.size = sizeof(o),
		.program_fd = m->artefact.entry.fd,
		.argv = argv,
		.memory_bytes = m->config.compile_bytes,
		.kvm_fd = &monitor_kvm_fd,
		.isolation = isolation(m),
		.log = log_line,
	};
	if (m->cache_fd >= 0)
		m->compiled = mote_compiled_find(&cache, &o);
	cleanup_closep(&m->cache_fd);
}

static int receive(enum wire_type type, struct err *e)
{
	struct buf none = {.cap = 0};
	enum wire_type got;
	int rc = wire_receive(MONITOR_CONTROL_FD, -1, &got, &none);
	if (rc == 0 && got != type)
		rc = -EBADMSG;
	if (rc < 0)
		return err_sys(e, -rc, "waiting for the shim");
	return 0;
}

static int report(enum wire_type type, struct err *e)
{
	int rc = wire_send(MONITOR_CONTROL_FD, type, NULL, 0);
	if (rc < 0)
		return err_sys(e, -rc, "reporting to the shim");
	return 0;
}

/* They must run in the shim's namespaces: it runs them while this process waits. */
static int request_runtime_hooks(struct err *e)
{
	int rc = report(WIRE_HOOKS, e);
	if (rc < 0)
		return rc;
	return receive(WIRE_HOOKS, e);
}

/* A process that Exec added: in the namespaces and the root of the container's first monitor. */
static int set_up_exec(struct monitor *m, struct err *e)
{
	const struct oci_spec *s = &m->config.spec;
	int namespaces[WIRE_NAMESPACE_FDS] = {-1, -1};
	int rc = join_cgroups(namespaces, e);
	cleanup_close int pidfd = namespaces[0], root = namespaces[1];
	if (rc < 0)
		return rc;
	rc = monitor_find_artefact_again(&m->config, &m->artefact, e);
	if (rc < 0)
		return rc;
	rc = monitor_set_oom_score(s, e);
	if (rc < 0)
		return rc;
	rc = monitor_join_namespaces(pidfd, root, &m->root_fd, e);
	if (rc < 0)
		return rc;
	rc = monitor_assume_root(&m->userns, e);
	if (rc < 0)
		return rc;
	rc = open_environment(m, e);
	if (rc < 0)
		return rc;
	rc = monitor_become_user(s, &m->userns, monitor_capabilities(s), &m->lsm, e);
	if (rc < 0)
		return rc;
	return follow_shim(e);
}

/* The mount namespace, and in it the root, with what config.json says of both. */
static int enter_container(struct monitor *m, const struct monitor_hooks *hooks, struct err *e)
{
	const struct oci_spec *s = &m->config.spec;
	int rc = monitor_enter_namespaces(s, e);
	if (rc < 0)
		return rc;
	if (m->config.runtime_hooks)
		rc = request_runtime_hooks(e);
	if (rc < 0)
		return rc;
	rc = monitor_set_oom_score(s, e);
	if (rc < 0)
		return rc;
	rc = monitor_assume_root(&m->userns, e);
	if (rc < 0)
		return rc;
	return monitor_enter_root(s, m->config.rootfs, m->config.root_mapped, &m->userns, hooks,
				  &m->root_fd, e);
}

static int set_up_container(struct monitor *m, struct err *e)
{
	struct monitor_hooks hooks, *h = NULL;
	if (chdir(m->config.bundle) < 0)
		return err_sys(e, errno, "bundle %s", m->config.bundle);
	int rc = read_listen(m, e);
	if (rc < 0)
		return rc;
	rc = monitor_find_artefact(&m->config, &m->artefact, &m->unasked, e);
	if (rc < 0)
		return rc;
	if (m->config.hooks) {
		h = &hooks;
		rc = monitor_read_hooks(h, m->config.id, m->config.bundle, m->config.pid, e);
	}
	if (rc == 0)
		rc = enter_container(m, h, e);
	if (h)
		monitor_free_hooks(h);
	if (rc < 0)
		return rc;
	rc = open_environment(m, e);
	if (rc < 0)
		return rc;
	rc = join_cgroups(NULL, e);
	if (rc < 0)
		return rc;
	find_compiled(m);
	rc = monitor_become_user(&m->config.spec, &m->userns, monitor_capabilities(&m->config.spec),
				 &m->lsm, e);
	if (rc < 0)
		return rc;
	return follow_shim(e);
}

static int set_up(struct monitor *m, struct err *e)
{
	const struct oci_spec *s = &m->config.spec;
	if (m->config.id_base)
		m->userns = (struct userns){.fd = MONITOR_USERNS_FD, .base = m->config.id_base};
	int rc = lsm_open(&lsm_host, s->apparmor_profile, s->selinux_label, &m->lsm, e);
	if (rc < 0)
		return rc;
	if (m->config.exec)
		return set_up_exec(m, e);
	return set_up_container(m, e);
}

/* By write(2) alone: glibc's dprintf looks at the file first, which the seccomp filter forbids. */
static void say(const char *text)
{
	char line[1024];
	snprintf(line, sizeof(line) - 1, "mote: %s", text);
	const size_t len = strlen(line);
	line[len] = '\n';
	(void)!io_write_all(2, line, len + 1);
}

static void log_line(void *arg, const char *line)
{
	(void)arg;
	say(line);
}

static int from_mote_error(const struct mote_error *from, struct err *e)
{
	enum err_blame blame = ERR_HOST;
	if (from->blame == MOTE_BLAME_CONFIG)
		blame = ERR_CONFIG;
	else if (from->blame == MOTE_BLAME_GUEST)
		blame = ERR_GUEST;
	return err_set(e, blame, from->code, "%s", from->text);
}

/* On the vCPU's thread, in the seccomp filter: the kernel has forgotten both. */
static void on_new_credentials(void *monitor)
{
	struct err e = {0};
	(void)monitor;
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 || follow_shim(&e) < 0)
		_exit(128 + SIGKILL);
}

/* FNV-1a: the same for all processes of a container, others for its neighbours in a network. */
static uint64_t container_key(const char *id)
{
	uint64_t key = 14695981039346656037UL;
	for (; *id; id++)
		key = (key ^ (uint8_t)*id) * 1099511628211UL;
	return key | 1;
}

/*
 * In the filter as well. The network namespace belongs to the user namespace of the shim, whose
 * capabilities count there: it asks for the socket by its number, and answers at once.
 */
static int bind_by_shim(void *monitor, int fd, const void *address, uint32_t len)
{
	struct wire_bind bind = {.fd = fd, .len = len};
	uint8_t answer[sizeof(uint32_t)];
	struct buf body = {.data = answer, .cap = sizeof(answer), .capacity = sizeof(answer)};
	enum wire_type type;
	uint32_t code;
	(void)monitor;
	if (len > sizeof(bind.address))
		return -EINVAL;
	memcpy(bind.address, address, len);
	int rc = wire_send(MONITOR_CONTROL_FD, WIRE_BIND, &bind, sizeof(bind));
	if (rc == 0)
		rc = wire_receive(MONITOR_CONTROL_FD, -1, &type, &body);
	if (rc < 0 || type != WIRE_BIND || body.len != sizeof(code))
		return -EACCES;
	memcpy(&code, answer, sizeof(code));
	return -(int)code;
}

static int build(struct monitor *m, struct err *e)
{
	struct oci_spec *s = &m->config.spec;
	const struct mote_dir root = {.guest_path = "/", .fd = m->root_fd};
	const char *hostname = m->hostname;
	gid_t groups[OCI_GROUPS_MAX]; /* as the kernel sorts them */
	const int group_count = getgroups(OCI_GROUPS_MAX, groups);
	if (group_count < 0)
		return err_sys(e, errno, "getgroups");
	/* The guest's own mask is in force alone: it can be changed there. */
	const uint32_t mask = umask(0);
	if (s->hostname && *s->hostname)
		hostname = s->hostname;
	const struct mote_credentials credentials = {
		.permitted = s->capabilities.permitted,
		.effective = s->capabilities.permitted,
		.inheritable = s->capabilities.inheritable,
		.bounding = s->capabilities.bounding,
		.ambient = s->capabilities.ambient,
		.no_new_privs = s->no_new_privileges,
		.seccomp = s->seccomp,
		.changed = on_new_credentials,
		.bind = m->config.id_base ? bind_by_shim : NULL,
	};
	/* What follows '#' in args[0] is ours, not the program's. */
	if (m->artefact.entry.function)
		s->args[0] = m->artefact.entry.path;
	const struct mote_options o = {
		.size = sizeof(o),
		.memory_bytes = m->config.memory_bytes,
		.program_fd = m->artefact.entry.fd,
		.program_path = m->artefact.entry.path,
		.entry = m->artefact.entry.function,
		.argv = (char *const *)s->args,
		.envp = (char *const *)s->env,
		.cwd = m->cwd,
		.hostname = hostname,
		.domainname = m->domainname,
		.umask = &mask,
		.groups = groups,
		.group_count = (size_t)group_count,
		.limits = m->limits,
		.limit_count = RLIM_NLIMITS,
		.credentials = &credentials,
		.uid = s->uid,
		.gid = s->gid,
		.dirs = &root,
		.dir_count = 1,
		.network = 1,
		.container_key = container_key(m->config.id),
		.set_ids = 1, /* package managers set them in the container's root */
		.listeners = m->listeners,
		.listener_count = m->listener_count,
		.kvm_fd = &monitor_kvm_fd,
		.descriptors_max = UINT32_MAX, /* the process's own limit counts */
		.isolation = isolation(m),
		.log = log_line,
	};
	struct mote_error me;
	if (mote_sandbox_from_compiled(m->compiled, &o, &m->sandbox, &me) < 0)
		return from_mote_error(&me, e);
	mote_compiled_free(take_ptr(m->compiled));
	oci_entry_free(&m->artefact.entry);
	running = m->sandbox;
	int rc = confine_speculation(e);
	if (rc < 0)
		return rc;
	/*
	 * The VM has copies of what it needs of /dev/kvm, the root, the listeners. SECURITY.md
	 * lists what stays.
	 */
	const int keep = MONITOR_CONTROL_FD;
	if (mote_close_others(m->sandbox, &keep, 1, &me) < 0 ||
	    mote_sandbox_jail(m->sandbox, &me) < 0)
		return from_mote_error(&me, e);
	return 0;
}

static int run(struct monitor *m, struct err *e)
{
	prctl(PR_SET_NAME, "mote-monitor", 0, 0, 0);
	int rc = catch_signals(e);
	mote_prepare(); /* while the host's /proc is in reach */
	if (rc < 0)
		return rc;
	rc = receive_config(m, e);
	if (rc < 0)
		return rc;
	open_cache(m);
	rc = set_up(m, e);
	if (rc < 0)
		return rc;
	rc = report(WIRE_READY, e);
	if (rc < 0)
		return rc;
	rc = build(m, e);
	if (rc < 0)
		return rc;
	rc = report(WIRE_BUILT, e);
	if (rc < 0)
		return rc;
	rc = receive(WIRE_START, e);
	if (rc < 0)
		return rc;
	atomic_store(&started, true);
	struct mote_result result;
	struct mote_error me;
	if (mote_sandbox_run(m->sandbox, &result, &me) < 0)
		return from_mote_error(&me, e);
	return mote_exit_status(&result);
}

/*
 * Whoever reads the output sees its end at once, not when the kernel has taken the VM apart. One by
 * one, as the filter allows close(2) alone; what the guest opened beyond these closes with the
 * process.
 */
static void close_guest_descriptors(void)
{
	for (int fd = 0; fd < 64; fd++)
		if (fd != MONITOR_CONTROL_FD)
			close(fd);
}

int runtime_monitor_main(void)
{
	static struct monitor m = {
		.root_fd = -1,
		.cache_fd = -1,
		.lsm = {.proc = -1},
		.userns = {.fd = -1},
		.artefact.entry = {.fd = -1},
		.body = {.cap = WIRE_BODY_MAX},
	};
	struct err e = {0};
	int status = run(&m, &e);
	/*
	 * Reporting is best effort: a shim that is gone needs none, one that is there sees our end.
	 */
	if (status < 0) {
		status = wire_failure_status(&e);
		(void)!wire_send_failure(MONITOR_CONTROL_FD, &e);
		say(e.text);
	} else {
		uint32_t body = (uint32_t)status;
		close_guest_descriptors();
		(void)!wire_send(MONITOR_CONTROL_FD, WIRE_EXIT, &body, sizeof(body));
	}
	return status;
}
