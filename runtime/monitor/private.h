/* SPDX-License-Identifier: Apache-2.0 */
/* A monitor's state, and what its files have of each other. */
#ifndef MOTE_RUNTIME_MONITOR_PRIVATE_H
#define MOTE_RUNTIME_MONITOR_PRIVATE_H

#include "runtime/monitor/monitor.h"

#include <limits.h>

/* The annotation OCI_LISTEN has addresses as mote_listen takes them, separated by commas. */
enum { MONITOR_LISTENERS_MAX = 16 };

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
	int listeners[MONITOR_LISTENERS_MAX];
	size_t listener_count;
	/* owned: the host's directory of compiled modules, until the module was looked up; or -1 */
	int cache_fd;
	struct mote_compiled *compiled;
	struct mote_sandbox *sandbox;
};

/* --- shim.c: what is said between the monitor and the shim --- */

int monitor_receive_config(struct monitor *m, struct err *e) must_check;
/* Waits for that message, which has no body. */
int monitor_receive(enum wire_type type, struct err *e) must_check;
int monitor_report(enum wire_type type, struct err *e) must_check;
/* They must run in the shim's namespaces: it runs them while this process waits. */
int monitor_request_hooks(struct err *e) must_check;
/*
 * Each file is one hierarchy's: "0" is the thread that writes, and this is the only one.
 * namespaces: NULL, or where the WIRE_NAMESPACE_FDS that come last go, the caller's.
 */
int monitor_join_cgroups(int *namespaces, struct err *e) must_check;
/*
 * The shim's end, also by SIGKILL, is ours: again after each change of the user. A shim that had
 * ended before has closed its end of the socket: its number is not known in this namespace.
 */
int monitor_follow_shim(struct err *e) must_check;
/* mote_credentials.bind, for processes of a user namespace. */
int monitor_bind_by_shim(void *monitor, int fd, const void *address, uint32_t len);
/* A line on standard error, by write(2) alone; monitor_log is mote_options.log. */
void monitor_say(const char *text);
void monitor_log(void *arg, const char *line);
/* libmote's error as ours. */
int monitor_error(const struct mote_error *from, struct err *e) must_check;

/* --- setup.c: what needs rights --- */

/* Becomes what config.json says, up to the container's user, who has no way back. */
int monitor_set_up(struct monitor *m, struct err *e) must_check;

/* --- sandbox.c: the VM --- */

/*
 * While the host's file system is in reach. Made if it is missing; if that fails, there is no
 * cache.
 */
void monitor_open_cache(struct monitor *m);
/*
 * Still as root, who may write the directory, and in the container's cgroup, which pays for
 * compiling.
 */
void monitor_find_compiled(struct monitor *m);
/* Makes the VM, and enters the filter. */
int monitor_build(struct monitor *m, struct err *e) must_check;

#endif
