/* SPDX-License-Identifier: Apache-2.0 */
/* containerd-shim-mote-v1: the shim and, executed again, a monitor. */
#include "base/io.h"
#include "proto/bootstrap.pb-c.h"
#include "proto/task.pb-c.h"
#include "shim/bootstrap.h"
#include "shim/task.h"

#include <errno.h>
#include <linux/prctl.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

/*
 * Compiled modules of all containers; MOTE_CACHE in containerd's environment names another
 * directory, or none.
 */
#define CACHE_DEFAULT "/var/cache/mote"

static int fail_with(const struct err *e)
{
	fprintf(stderr, "containerd-shim-mote-v1: %s\n", e->text);
	return 1;
}

static void on_signal(void *arg, uint32_t events)
{
	struct shim *shim = arg;
	struct signalfd_siginfo info;
	(void)events;
	if (read(shim->signals, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo == SIGCHLD)
		task_reap(shim);
	/* and with its process, its monitors: containerd cleans up after them */
	else
		shim_end(shim);
}

static int watch_signals(struct shim *shim, const sigset_t *set)
{
	shim->signals = signalfd(-1, set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (shim->signals < 0)
		return -errno;
	return loop_add(&shim->loop, &shim->signals_source, shim->signals, EPOLLIN, on_signal,
			shim);
}

static int serve(const struct bootstrap_flags *f, const char *address, int listener, struct err *e)
{
	static struct shim shim;
	/* The memory of a large message is returned at once, and not kept for the next one. */
	mallopt(M_MMAP_THRESHOLD, 64 << 10);
	shim.containerd = f->address;
	shim.containerd_namespace = f->containerd_namespace;
	shim.socket_path = address + strlen("unix://");
	shim.debug = f->debug;
	const char *cache = getenv("MOTE_CACHE");
	shim.cache = CACHE_DEFAULT;
	if (cache)
		shim.cache = cache;
	shim.isolation = getenv("MOTE_ISOLATION");
	shim.shared_pids = getenv("MOTE_SHARED_PIDS");
	shim.oci_runtime = getenv("MOTE_OCI_RUNTIME");
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	int rc = loop_init(&shim.loop);
	if (rc == 0)
		rc = events_init(&shim.events, &shim.loop, getenv("TTRPC_ADDRESS"),
				 f->containerd_namespace);
	if (rc == 0)
		rc = ttrpc_serve(&shim.server, &shim.loop, listener, task_methods, &shim);
	if (rc == 0)
		rc = watch_signals(&shim, &set);
	if (rc == 0)
		rc = loop_run(&shim.loop);
	if (rc < 0)
		unlink(shim.socket_path);
	if (rc < 0)
		return err_sys(e, -rc, "the shim's loop");
	return 0;
}

/* The bundle is the working directory unless a flag names it. */
static const char *bundle_of(const struct bootstrap_flags *f, char cwd[4096])
{
	if (f->bundle && f->bundle[0])
		return f->bundle;
	if (!getcwd(cwd, 4096))
		return ".";
	return cwd;
}

/* A core-scheduling cookie of its own for the shim and its children, if containerd asks for it. */
static int schedule_apart(struct err *e)
{
	const char *wanted = getenv("SCHED_CORE");
	if (!wanted || !*wanted ||
	    prctl(PR_SCHED_CORE, PR_SCHED_CORE_CREATE, 0, PR_SCHED_CORE_SCOPE_THREAD_GROUP, 0) == 0)
		return 0;
	return err_sys(e, errno, "core scheduling, requested by SCHED_CORE");
}

/* All that precedes the daemon. *listener -1: a shim listens there already. */
static int prepare(struct bootstrap_flags *f, const char *bundle,
		   char address[BOOTSTRAP_ADDRESS_BYTES], int *listener, struct err *e)
{
	struct bootstrap_input input = {0};
	cleanup_free char *group = NULL;
	if (!*f->id || !*f->containerd_namespace)
		return err_set(e, ERR_CONFIG, EINVAL,
			       "start requires the flags -id and -namespace");
	int rc = bootstrap_read_input(f, &input, e);
	cleanup_free char *socket_dir = input.socket_dir;
	f->debug |= input.debug;
	if (rc == 0)
		rc = runtime_group(bundle, &group, e);
	const char *name = group ? group : f->id;
	if (rc == 0)
		rc = bootstrap_address(f, socket_dir, name, address, e);
	if (rc == 0)
		rc = bootstrap_write_address(bundle, address, e);
	if (rc == 0)
		rc = schedule_apart(e);
	if (rc < 0)
		return rc;
	return bootstrap_listen(address, listener, e);
}

static int run_daemon(const struct bootstrap_flags *f, const char *bundle, const char *address,
		      int listener)
{
	struct err e = {0};
	if (bootstrap_daemon(bundle, &listener, &e) < 0) {
		unlink(address + strlen("unix://"));
		return fail_with(&e);
	}
	if (serve(f, address, listener, &e) < 0)
		return fail_with(&e);
	return 0;
}

static int start(struct bootstrap_flags *f)
{
	char cwd[4096], address[BOOTSTRAP_ADDRESS_BYTES];
	const char *bundle = bundle_of(f, cwd);
	struct err e = {0};
	int listener = -1;
	if (prepare(f, bundle, address, &listener, &e) < 0)
		return fail_with(&e);
	pid_t child = 1;
	if (listener >= 0)
		child = fork();
	if (child < 0) {
		err_sys(&e, errno, "fork");
		unlink(address + strlen("unix://"));
		return fail_with(&e);
	}
	if (child == 0)
		return run_daemon(f, bundle, address, listener);
	return io_write_all(1, address, strlen(address)) < 0;
}

/* Cleans up after a shim that does not answer any more, or a container that is gone already. */
static int delete (const struct bootstrap_flags *f)
{
	char cwd[4096];
	const char *bundle = bundle_of(f, cwd);
	struct err e = {0};
	int pid = 0;
	uint32_t status = 137;
	if (!*f->id) {
		err_set(&e, ERR_CONFIG, EINVAL, "delete requires the flag -id");
		return fail_with(&e);
	}
	int rc = container_cleanup(bundle, f->id, &pid, &status, &e);
	/* In any case its shim's socket is of no use. The first error counts. */
	struct err socket_error = {0};
	int socket_rc = bootstrap_remove_stale(bundle, &socket_error);
	if (rc < 0)
		return fail_with(&e);
	if (socket_rc < 0)
		return fail_with(&socket_error);
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	Types__Timestamp at = TYPES__TIMESTAMP__INIT;
	at.seconds = now.tv_sec;
	at.nanos = (int32_t)now.tv_nsec;
	Task__DeleteResponse response = TASK__DELETE_RESPONSE__INIT;
	response.pid = (uint32_t)pid;
	response.exit_status = status;
	response.exited_at = &at;
	uint8_t packed[128];
	size_t n = task__delete_response__pack(&response, packed);
	return io_write_all(1, packed, n) < 0;
}

/* OCI's "features" document, in containerd's envelope for JSON. */
#define FEATURES_TYPE "types.containerd.io/opencontainers/runtime-spec/1/features/Features"

static int info(void)
{
	cleanup_free char *text = NULL;
	struct err e = {0};
	int rc = runtime_features(&text);
	if (rc < 0) {
		err_sys(&e, -rc, "the features");
		return fail_with(&e);
	}
	Types__Any features = TYPES__ANY__INIT;
	features.type_url = (char *)(uintptr_t)FEATURES_TYPE;
	features.value.data = (uint8_t *)text;
	features.value.len = strlen(text);
	Bootstrap__RuntimeVersion version = BOOTSTRAP__RUNTIME_VERSION__INIT;
	Bootstrap__RuntimeInfo runtime = BOOTSTRAP__RUNTIME_INFO__INIT;
	version.version = (char *)(uintptr_t)MOTE_VERSION;
	runtime.name = (char *)(uintptr_t) "io.containerd.mote.v1";
	runtime.version = &version;
	/* It also depends on the mounts: see the log at a container's start. */
	Bootstrap__Annotation userns = BOOTSTRAP__ANNOTATION__INIT, *annotations = &userns;
	struct err why = {0};
	userns.key = (char *)(uintptr_t) "io.mote.user-namespaces";
	userns.value = (char *)(uintptr_t) "yes";
	if (runtime_has_user_namespaces(&why) < 0)
		userns.value = why.text;
	runtime.n_annotations = 1;
	runtime.annotations = &annotations;
	runtime.features = &features;
	cleanup_free uint8_t *packed = malloc(bootstrap__runtime_info__get_packed_size(&runtime));
	if (!packed) {
		err_sys(&e, ENOMEM, "the answer");
		return fail_with(&e);
	}
	size_t n = bootstrap__runtime_info__pack(&runtime, packed);
	return io_write_all(1, packed, n) < 0;
}

int main(int argc, char **argv)
{
	struct bootstrap_flags f;
	struct err e = {0};
	int rc = io_open_standard();
	if (rc < 0) {
		err_sys(&e, -rc, "/dev/null, for a standard descriptor that is closed");
		return fail_with(&e);
	}
	if (argc > 1 && strcmp(argv[1], RUNTIME_MONITOR_ARG) == 0)
		return runtime_monitor_main();
	if (bootstrap_parse(argc, argv, &f, &e) < 0)
		return fail_with(&e);
	if (f.version) {
		printf("containerd-shim-mote-v1:\n  Version:  %s\n", MOTE_VERSION);
		return 0;
	}
	if (f.info)
		return info();
	if (f.action && strcmp(f.action, "start") == 0)
		return start(&f);
	if (f.action && strcmp(f.action, "delete") == 0)
		return delete (&f);
	err_set(&e, ERR_CONFIG, EINVAL,
		"containerd starts this program; its actions are start and delete");
	return fail_with(&e);
}
