/* SPDX-License-Identifier: Apache-2.0 */
/* The steps by which a monitor gives up what it does not need. Private to the monitor's files. */
#ifndef MOTE_RUNTIME_MONITOR_H
#define MOTE_RUNTIME_MONITOR_H

#include "base/cleanup.h"
#include "base/err.h"
#include "oci/artefact.h"
#include "runtime/hooks.h"
#include "runtime/monitor/lsm.h"
#include "runtime/userns.h"
#include "runtime/wire.h"

#include <mote/mote.h>
#include <signal.h>
#include <sys/resource.h>

/* Descriptors that a monitor starts with, in addition to 0, 1 and 2 of the container. */
#define MONITOR_CONTROL_FD 3 /* the shim's socket */
#define MONITOR_KVM_FD     4
#define MONITOR_USERNS_FD  5 /* if the configuration has id_base */

/*
 * Some signals are the monitor's own while the guest runs: SIGUSR1 wakes the vCPU thread, SIGPIPE
 * is ignored, faults are faults. For the guest they travel as the value of this one, by
 * sigqueue(3).
 */
#define MONITOR_SIGNAL_CARRIER 64
static inline bool monitor_signal_is_own(int signo)
{
	return signo == SIGUSR1 || signo == SIGPIPE || signo == SIGSEGV || signo == SIGBUS ||
	       signo == SIGILL || signo == SIGFPE || signo == SIGTRAP || signo == SIGSYS ||
	       signo == SIGABRT;
}

/* The hooks of config.json that a monitor runs. NULL in place of it: there are none. */
struct monitor_hooks {
	struct oci_hooks hooks;
	struct oci_state state;
};
/* Before the namespaces are entered. pid: as the shim sees it. */
int monitor_read_hooks(struct monitor_hooks *h, const char *id, const char *bundle, pid_t pid,
		       struct err *e) must_check;
void monitor_free_hooks(struct monitor_hooks *h);

/*
 * Asks containerd, if the configuration wants it, whether the container's image is an artefact, and
 * finds its program: out->entry, left alone if there is none. If containerd cannot be asked, that
 * is *unasked and no failure. In the bundle, which notes the image for later processes; with the
 * host's root, and its rights.
 */
int monitor_find_artefact(const struct wire_config *c, struct oci_artefact *out,
			  struct err *unasked, struct err *e) must_check;
/* The same for a process that Exec added, whose program may be one of that image's. */
int monitor_find_artefact_again(const struct wire_config *c, struct oci_artefact *out,
				struct err *e) must_check;

/* Joins or makes the namespaces of the config, and a mount namespace; sets its sysctls and names.
 */
int monitor_enter_namespaces(const struct oci_spec *spec, struct err *e) must_check;
/*
 * Makes rootfs, with the config's mounts, the root of this process and of its mount namespace.
 * Relative paths begin in the current directory. Mounts are id-mapped for u; rootfs is already if
 * root_mapped. *root_fd: that directory, open for reading; the caller's.
 */
int monitor_enter_root(const struct oci_spec *spec, const char *rootfs, bool root_mapped,
		       const struct userns *u, const struct monitor_hooks *hooks, int *root_fd,
		       struct err *e) must_check;
/*
 * Has nobody follow links of a procfs that a volume has brought below the root, by its descriptor.
 */
int monitor_restrict_procfs(int root_fd, struct err *e) must_check;
/* The devices and links that every container has in /dev, unless the config binds one there. */
int monitor_make_devices(const struct oci_spec *spec, int root_fd, struct err *e) must_check;
/*
 * Joins the namespaces of the process behind pidfd; root, its root directory, becomes ours.
 * *root_fd: as monitor_enter_root.
 */
int monitor_join_namespaces(int pidfd, int root, int *root_fd, struct err *e) must_check;
/* While the host's /proc is still there. */
int monitor_set_oom_score(const struct oci_spec *spec, struct err *e) must_check;
/* What the guest sees: config.json's, and of others this process's, as they are now. */
void monitor_note_limits(const struct oci_spec *spec, struct mote_limit limits[RLIM_NLIMITS]);
/* Those of them that bind this process, umask, working directory. In the new root. */
int monitor_set_limits(const struct oci_spec *spec, const struct mote_limit limits[RLIM_NLIMITS],
		       struct err *e) must_check;
/*
 * What is made in the container's mounts from now on belongs to its root. With all capabilities
 * still.
 */
int monitor_assume_root(const struct userns *u, struct err *e) must_check;
/* Those of the container's capabilities that the monitor's work for the guest goes by. */
uint64_t monitor_capabilities(const struct oci_spec *spec);
/*
 * From now on files are opened and sockets bound with the rights of the container's user: its ids,
 * its groups, and of the capabilities those that config.json grants it. monitor_be_root_again takes
 * that back.
 */
int monitor_assume_user(const struct oci_spec *spec, const struct userns *u,
			struct err *e) must_check;
int monitor_be_root_again(struct err *e) must_check;
/*
 * Becomes the container's user, for good, confined by what lsm has: of its capabilities those of
 * `keep` (1 << CAP_*) are left, and none can be gained.
 */
int monitor_become_user(const struct oci_spec *spec, const struct userns *u, uint64_t keep,
			struct lsm *lsm, struct err *e) must_check;

#endif
