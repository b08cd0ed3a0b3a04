/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the containers of a pod share if no pause container has it: the network, IPC and UTS
 * namespaces, /dev/shm, and the files that name the pod and its DNS servers.
 *
 *   pod_create    checks the configuration, makes the files
 *   pod_start     makes the namespaces
 *   pod_stop      gives them up: they stay as long as a container is in them
 *   pod_delete    removes the files
 *
 * The namespaces are those of a thread that does nothing else: containers join them by its number,
 * /proc/NUMBER/ns/net, as they would a pause container's. It ends with its process, and takes
 * neither a copy of its memory nor descriptors.
 */
#ifndef MOTE_RUNTIME_POD_H
#define MOTE_RUNTIME_POD_H

#include "base/cleanup.h"
#include "base/err.h"
#include "runtime/types.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct oci_spec;
struct pod;

/* Where pod_create mounts the files in the pod's bundle. */
#define POD_FILES_DIR "mote-pod"

struct pod_sysctl {
	const char *name, *value;
};

/* Borrowed during pod_create. */
struct pod_config {
	const char *id, *bundle;
	const char *netns_path; /* "": a new network namespace, with its loopback interface alone */
	bool host_network;      /* the host's network and names */
	bool host_ipc;
	const char *hostname; /* "": the host's */
	bool dns;             /* false: the host's resolv.conf */
	const char *const *dns_servers, *const *dns_searches, *const *dns_options;
	size_t dns_servers_count, dns_searches_count, dns_options_count;
	const struct pod_sysctl *sysctls;
	size_t sysctls_count;
	const char *cgroup_parent; /* the cgroup that has the pod's; "": none that is known */
};

int pod_create(const struct pod_config *config, struct pod **out, struct err *e) must_check;
int pod_start(struct pod *p, struct err *e) must_check;
/* Of the thread; 0: it is not there. */
pid_t pod_pid(const struct pod *p);
/* Also of a pod that was not started, or stopped before. */
void pod_stop(struct pod *p);
/* Stops it, too. Frees p on success. */
int pod_delete(struct pod *p, struct err *e) must_check;
/* What the pod's cgroup counts. -ENOENT: it is not known. */
int pod_stats(const struct pod *p, struct container_stats *out, struct err *e) must_check;

/*
 * The pod's files and /dev/shm as mounts of one of its containers, behind its own: those for which
 * it has none. Of /dev/shm it has one if that is a bind mount; a tmpfs there is a container's own
 * by default.
 */
int pod_add_mounts(const struct pod *p, struct oci_spec *spec, struct err *e) must_check;

#endif
