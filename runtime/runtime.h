/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Containers and their processes, as the shim drives them. One thread, the shim's event loop, calls
 * everything here.
 *
 * A container is a bundle with its root file system, its cgroup, its hooks, and its processes: the
 * one that Create makes and those that Exec adds. A process is a monitor, that is an
 * operating-system process with one VM.
 *
 *   Create    container_create, then container_created until it does not answer -EINPROGRESS
 *   Start     container_start; of a process that Exec added, process_start
 *   Exec      container_exec
 *   Delete    container_delete; of a process that Exec added, process_delete
 *
 * No call waits for another process. One that would have to answers -EINPROGRESS: the caller makes
 * it again whenever the process's supervisor was notified that something has changed, until it
 * answers something else.
 *
 * Errors: ERR_CONFIG what the user wrote, ERR_HOST the machine, ERR_PEER the request. Codes that
 * matter to containerd: ENOENT not found, EEXIST, EBUSY wrong state (failed precondition), ENOSYS
 * not supported, EINVAL.
 */
#ifndef MOTE_RUNTIME_RUNTIME_H
#define MOTE_RUNTIME_RUNTIME_H

#include "base/cleanup.h"
#include "base/err.h"
#include "runtime/types.h"

#include <stddef.h>
#include <time.h>

struct container;
struct pod;
struct process;

/* --- containers --- */

struct container_mount {                    /* one of Create's rootfs mounts */
	const char *type, *source, *target; /* target: relative to the rootfs, usually "" */
	const char *const *options;         /* NULL-terminated */
};

/* Borrowed during container_create. */
struct container_config {
	const char *id, *bundle;
	const char *containerd_namespace;
	struct stdio_config stdio;
	struct supervisor supervisor;
	const struct container_mount *rootfs;
	size_t rootfs_count;
	const struct pod *pod;  /* that it is in; NULL: none that pod_create made */
	const char *containerd; /* address of its gRPC socket; "" or NULL: not known */
	const char *cache;      /* the host's directory of compiled modules, "" or NULL: none */
	/*
	 * Who decides whether guests share pages: "private", "shared": all; NULL, "annotation":
	 * each container's.
	 */
	const char *isolation;
	/*
	 * What becomes of a container that joins another's PID namespace: "refuse", "ignore"; NULL:
	 * refused, unless it is the default of a CRI client other than the kubelet.
	 */
	const char *shared_pids;
	/*
	 * The node's OCI runtime, a path or a name in PATH, for containers that Mote does not run;
	 * NULL, "", "refuse": they are refused.
	 */
	const char *oci_runtime;
	bool debug;
};

/*
 * Begins: reads config.json, mounts the root file system, makes the cgroup, starts the monitor.
 * container_created reports how that ended: 0 when the monitor is ready to run, -EINPROGRESS, or
 * the reason why not, after which all that was made has been undone and c is freed. Until then
 * nothing else may be done with c.
 */
int container_create(const struct container_config *config, struct container **out,
		     struct err *e) must_check;
int container_created(struct container *c, struct err *e) must_check;
/* -EINPROGRESS: the VM is being built, or hooks run. */
int container_start(struct container *c, struct err *e) must_check;
int container_pause(struct container *c, struct err *e) must_check;
int container_resume(struct container *c, struct err *e) must_check;
/* New limits for the container's cgroup: JSON as config.json's linux.resources. The guest's memory
 * keeps the size that it was made with. */
int container_update(struct container *c, const char *resources, size_t len,
		     struct err *e) must_check;
int container_stats(const struct container *c, struct container_stats *out,
		    struct err *e) must_check;
/*
 * After its process has ended: waits for the hooks of the start and for unread output (bounded),
 * -EINPROGRESS; then unmounts and removes the cgroup. Frees c, and what Exec added to it, on
 * success. -EBUSY while it runs.
 */
int container_delete(struct container *c, struct err *e) must_check;

/*
 * The event loop passes every reaped child to the containers: true if it was this one's, whose
 * process's supervisor has then been notified.
 */
bool container_reaped(struct container *c, pid_t pid, int wait_status, struct timespec at);
/* True once after out-of-memory kills in the container's cgroup. */
bool container_take_oom(struct container *c);

struct process *container_process(struct container *c); /* the one that Create made */
const char *container_id(const struct container *c);
const char *container_bundle(const struct container *c);

/* --- processes --- */

/* Borrowed during container_exec. */
struct exec_config {
	const char *exec_id, *containerd_namespace;
	struct stdio_config stdio;
	struct supervisor supervisor;
	const char *process; /* JSON, as config.json's process */
	size_t process_len;
};
/*
 * Adds a process to a container that has not ended: a VM of its own, in the same cgroup, namespaces
 * and root file system. Nothing of it exists before process_start. It belongs to the container.
 */
int container_exec(struct container *c, const struct exec_config *config, struct process **out,
		   struct err *e) must_check;
/* If it cannot be started, it has ended. */
int process_start(struct process *p, struct err *e) must_check;
/* One that has ended, or was not started. Frees p on success. */
int process_delete(struct process *p, struct err *e) must_check;

/* Signals the guest, also before it is started; 0 only asks. -ENOENT once it has ended. */
int process_kill(struct process *p, int signo, struct err *e) must_check;
int process_resize(const struct process *p, uint32_t width, uint32_t height,
		   struct err *e) must_check;
/*
 * CloseIO: stdin ends once no client has it open any more; a terminal then hangs up. No-op if there
 * is no stdin.
 */
void process_close_stdin(struct process *p);
/*
 * True once, when the end of the process may be reported. Usually the monitor reports its exit
 * before its process ends, which takes the kernel some time.
 */
bool process_take_exit(struct process *p);
bool process_exit_is_taken(const struct process *p);

enum process_status {
	PROCESS_STATUS_CREATED,
	PROCESS_STATUS_RUNNING,
	PROCESS_STATUS_PAUSED,
	PROCESS_STATUS_STOPPED,
};
enum process_status process_status(const struct process *p);
const char *process_exec_id(const struct process *p);  /* "": the container's own */
pid_t process_pid(const struct process *p);            /* 0 before it is started */
uint32_t process_exit_status(const struct process *p); /* 0..255 */
/* CLOCK_REALTIME; zero while it lives */
struct timespec process_exited_at(const struct process *p);
const struct stdio_config *process_stdio(const struct process *p);

/* --- without a container at hand --- */

/*
 * What `delete` does if no shim answers any more: kills what is left of the container, unmounts
 * its root file system, removes its cgroup. Idempotent; works from the bundle alone. *pid and
 * *status are what is still known (status 137 by convention).
 */
int container_cleanup(const char *bundle, const char *id, int *pid, uint32_t *status,
		      struct err *e) must_check;

/*
 * What containers share a shim by: the bundle's annotation io.containerd.runc.v2.group, else
 * io.kubernetes.cri.sandbox-id. *out: a string that the caller frees, NULL if there is neither: a
 * sandbox's own bundle has no config.json.
 */
int runtime_group(const char *bundle, char **out, struct err *e) must_check;

/*
 * 0 if monitors can have a user namespace on this machine, if the file systems of their mounts
 * allow it; else *e says why not.
 */
int runtime_has_user_namespaces(struct err *e) must_check;

/* What of config.json is supported: OCI's "features" document; *out is the caller's. -ENOMEM. */
int runtime_features(char **out) must_check;

/* The monitor's main, for the re-executed binary: argv[1] is RUNTIME_MONITOR_ARG. Exit status of
 * the process. */
#define RUNTIME_MONITOR_ARG "monitor"
int runtime_monitor_main(void);

#endif
