/* SPDX-License-Identifier: Apache-2.0 */
/* `delete` without a shim: removes what a container left behind, found by its bundle. */
#include "runtime/cgroup/cgroup.h"
#include "runtime/container.h"
#include "runtime/hooks.h"
#include "runtime/mounts.h"
#include "runtime/pod.h"
#include "runtime/runtime.h"
#include "runtime/sidecar.h"
#include "runtime/state.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define KILLED_STATUS 137  /* 128 + SIGKILL, by convention */
#define END_MS        3000 /* containerd gives `delete` five seconds */

/* The number may be another process's now: the descriptor is checked, then used. */
static int end_process(const struct state *s, const struct cgroup *cgroup, struct err *e)
{
	cleanup_close int pidfd = -1;
	if (s->pid)
		pidfd = (int)syscall(SYS_pidfd_open, s->pid, 0);
	uint64_t start;
	if (pidfd < 0 || state_start_time(s->pid, &start) < 0 || start != s->start_time)
		return 0;
	if (syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0) < 0 && errno != ESRCH)
		return err_sys(e, errno, "ending process %d", s->pid);
	/*
	 * A frozen process of cgroup version 1 does not die. If it cannot be thawed, the wait
	 * fails.
	 */
	if (cgroup)
		(void)!cgroup_freeze(cgroup, false, NULL);
	struct pollfd p = {.fd = pidfd, .events = POLLIN};
	int n;
	do
		n = poll(&p, 1, END_MS);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return err_set(e, ERR_HOST, ETIMEDOUT, "process %d does not end", s->pid);
	return 0;
}

/* Its processes do not end with the shim. All in the cgroup are its own. */
static void end_sidecar(const struct cgroup *cgroup)
{
	cgroup_kill(cgroup);
	(void)!cgroup_freeze(cgroup, false, NULL); /* as below */
}

static int clean_state(int bundle_fd, int *pid, struct err *e)
{
	struct state s = {0};
	int rc = state_read(bundle_fd, &s, e);
	if (rc == -ENOENT)
		return 0;
	if (rc < 0)
		return rc;
	*pid = s.pid;
	cleanup_cgroup struct cgroup *cgroup = NULL;
	rc = cgroup_open(s.cgroup_path, &cgroup, e);
	if (rc == 0 && faccessat(bundle_fd, SIDECAR_DIR, F_OK, 0) == 0)
		end_sidecar(cgroup);
	if (rc == 0)
		rc = end_process(&s, cgroup, e);
	if (rc == 0)
		rc = cgroup_remove(cgroup, e);
	if (rc == 0)
		state_remove(bundle_fd);
	state_free(&s);
	return rc;
}

/* Their failures are only logged. */
static void run_poststop(int bundle_fd, const char *bundle, const char *id)
{
	cleanup_spec struct oci_spec spec = {0};
	struct oci_hooks hooks;
	const struct oci_state state = {.id = id, .bundle = bundle, .status = "stopped"};
	struct err e = {0};
	if (oci_spec_read(bundle_fd, &spec, &e) < 0 || spec.hooks.count[OCI_HOOK_POSTSTOP] == 0)
		return;
	oci_hooks_take(&spec, &hooks);
	int rc = 0;
	if (chdir(bundle) < 0)
		rc = err_sys(&e, errno, "bundle %s", bundle);
	if (rc == 0)
		rc = hooks_run(&hooks, OCI_HOOK_POSTSTOP, &state, &e);
	if (rc < 0)
		fprintf(stderr, "mote: container %s: %s\n", id, e.text);
	oci_hooks_free(&hooks);
}

/* A directory of the bundle on which a shim that was killed had mounted something. */
static void remove_mounted(int bundle_fd, const char *bundle, const char *name)
{
	char path[PATH_MAX];
	snprintf(path, sizeof(path), "%s/%s", bundle, name);
	if (faccessat(bundle_fd, name, F_OK, 0) == 0 && mounts_detach(path, NULL) == 0)
		unlinkat(bundle_fd, name, AT_REMOVEDIR);
}

int container_cleanup(const char *bundle, const char *id, int *pid, uint32_t *status, struct err *e)
{
	*pid = 0;
	*status = KILLED_STATUS;
	cleanup_close int fd = open(bundle, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0)
		return err_sys(e, errno, "bundle %s of container %s", bundle, id);
	remove_mounted(fd, bundle, LAYERS_DIR);
	remove_mounted(fd, bundle, POD_FILES_DIR);
	bool existed = faccessat(fd, STATE_FILE, F_OK, 0) == 0;
	int rc = clean_state(fd, pid, e);
	cleanup_free char *rootfs = NULL;
	if (asprintf(&rootfs, "%s/rootfs", bundle) < 0) {
		rootfs = NULL;
		return err_sys(e, ENOMEM, "bundle %s", bundle);
	}
	/* Also if the process could not be ended: as much as possible is removed. */
	int unmounted = mounts_detach(rootfs, rc < 0 ? NULL : e);
	if (existed && rc == 0)
		run_poststop(fd, bundle, id);
	if (rc < 0)
		return rc;
	return unmounted;
}
