/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A container's life, as the shim drives it. One thread (the shim's event loop) calls everything
 * here. A container is one monitor process: `pid` is its process id from creation on.
 *
 *   container_create -> CREATING -> CREATED -> container_start -> RUNNING <-> PAUSED -> (reaped) STOPPED ->
 * container_delete
 *
 * Nothing here waits for another process. A call that has to answers -EINPROGRESS: it is asked again
 * after container_ready and container_reaped, until it answers something else.
 *
 * Errors: ERR_CONFIG what the user wrote, ERR_HOST the machine. Codes that matter to containerd:
 * ENOENT not found, EEXIST, EBUSY wrong state (failed precondition), ENOSYS not supported, EINVAL.
 */
#ifndef MOTE_RUNTIME_RUNTIME_H
#define MOTE_RUNTIME_RUNTIME_H

#include "base/cleanup.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

struct container;

enum container_state {
	CONTAINER_CREATING,
	CONTAINER_CREATED = 1,
	CONTAINER_RUNNING,
	CONTAINER_PAUSED,
	CONTAINER_STOPPED
};

struct container_mount {		    /* one of Create's rootfs mounts */
	const char *type, *source, *target; /* target: relative to the rootfs, usually "" */
	const char *const *options;	    /* NULL-terminated */
};

/* Borrowed during container_create. */
struct container_config {
	const char *id, *bundle;
	const char *containerd_namespace;
	const char *stdin_path, *stdout_path,
		*stderr_path; /* "", a FIFO's path, file:// or binary:// */
	bool terminal;
	const struct container_mount *rootfs;
	size_t rootfs_count;
	const char *cache; /* the host's folder of compiled modules, "" or NULL: none */
	/* Whose word it is whether guests share pages: "private", "shared": all; NULL, "annotation": each container's. */
	const char *isolation;
	bool debug;
};

/*
 * Begins: reads config.json, mounts the root file system, makes the cgroup, starts the monitor.
 * container_created tells how it ends: 0 when the monitor is ready to run; -EINPROGRESS; else why
 * not, when all that was made is taken back and c is freed. Until then there is nothing else that
 * may be done with c.
 */
int container_create(const struct container_config *config, struct container **out,
		     struct err *e) must_check;
int container_created(struct container *c, struct err *e) must_check;
/* -EINPROGRESS: its VM is not there yet. */
int container_start(struct container *c, struct err *e) must_check;
/* Signals the guest. In CREATED too. -ENOENT once stopped. */
int container_kill(struct container *c, int signo, struct err *e) must_check;
int container_pause(struct container *c, struct err *e) must_check;
int container_resume(struct container *c, struct err *e) must_check;
/* New limits for the container's cgroup: JSON as config.json's linux.resources. The guest's memory
 * keeps the size that it was made with. */
int container_update(struct container *c, const char *resources, size_t len,
		     struct err *e) must_check;
int container_resize(struct container *c, uint32_t width, uint32_t height,
		     struct err *e) must_check;
int container_close_stdin(struct container *c) must_check; /* 0 where there is none */
/* After STOPPED: drains I/O (bounded: -EINPROGRESS), unmounts, removes the cgroup. Frees c on
 * success. -EBUSY while it runs. */
int container_delete(struct container *c, struct err *e) must_check;

/*
 * A process put into a running container: a VM of its own beside the container's, in the same cgroup, namespaces and
 * root file system. *out is a container in state CREATED without a process, which container_start makes; all other
 * calls but pause, resume, update and stats work on it as on `of`, which must outlive it. Borrowed during the call.
 */
struct container_exec_config {
	const char *exec_id, *containerd_namespace;
	const char *stdin_path, *stdout_path, *stderr_path;
	bool terminal;
	const char *process; /* JSON, as config.json's process */
	size_t process_len;
};
int container_exec(struct container *of, const struct container_exec_config *config, struct container **out,
		   struct err *e) must_check;

/*
 * The event loop hands every reaped child here; true when it was this container's. When it was its
 * monitor, state is then STOPPED, exit status and time are set, output that it left is on its way.
 */
bool container_reaped(struct container *c, int pid, int wait_status, struct timespec at);
/*
 * True once, when the container has ended: ask after container_reaped and after container_ready.
 * Usually the monitor tells of the end first and its process, with all that the kernel has to take
 * apart, follows.
 */
bool container_take_exit(struct container *c);

/*
 * Descriptors that the event loop must watch (EPOLLIN unless it says EPOLLOUT): the monitor's word,
 * terminal copying, OOM notifications. The loop calls container_ready with what fired. The set
 * changes only in calls to this interface; ask again after each.
 */
struct container_watch {
	int fd;
	uint32_t events; /* EPOLL* */
};
size_t container_watches(const struct container *c, struct container_watch *out, size_t room);
void container_ready(struct container *c, int fd, uint32_t events);
/* True once after each out-of-memory kill in the container's cgroup. */
bool container_take_oom(struct container *c);

const char *container_id(const struct container *c);
const char *container_exec_id(const struct container *c); /* "": not made by container_exec */
const char *container_bundle(const struct container *c);
int container_pid(const struct container *c);
enum container_state container_state(const struct container *c);
uint32_t container_exit_status(const struct container *c); /* 0..255 */
struct timespec
container_exited_at(const struct container *c); /* CLOCK_REALTIME; zero while it lives */
/* The paths and the flag given at creation. */
const char *container_stdin(const struct container *c);
const char *container_stdout(const struct container *c);
const char *container_stderr(const struct container *c);
bool container_terminal(const struct container *c);

/* Resource use of the container's cgroup, both versions. */
struct container_stats {
	bool cgroup_v2;
	uint64_t cpu_total_ns, cpu_user_ns, cpu_system_ns;
	uint64_t cpu_periods, cpu_throttled_periods, cpu_throttled_ns;
	uint64_t memory_bytes, memory_limit_bytes, memory_max_bytes, memory_anon_bytes,
		memory_file_bytes, memory_kernel_bytes, memory_inactive_file_bytes, memory_failcnt,
		page_faults, major_page_faults;
	uint64_t oom, oom_kill;
	uint64_t pids, pids_limit;
	uint64_t io_read_bytes, io_write_bytes;
};
int container_stats(const struct container *c, struct container_stats *out,
		    struct err *e) must_check;

/*
 * What `delete` does when no shim answers any more: kills what is left of the container, unmounts
 * its root file system, removes its cgroup. Idempotent; works from the bundle alone. *pid and
 * *status are what is still known (status 137 by convention).
 */
int container_cleanup(const char *bundle, const char *id, int *pid, uint32_t *status,
		      struct err *e) must_check;

/*
 * What containers share a shim by: the bundle's annotation io.containerd.runc.v2.group, else
 * io.kubernetes.cri.sandbox-id. *out: a string that the caller frees, NULL where there is neither.
 */
int runtime_group(const char *bundle, char **out, struct err *e) must_check;

/*
 * 0 if monitors can have a user namespace on this machine, if the file systems of their mounts allow
 * it; else *e says why not.
 */
int runtime_has_user_namespaces(struct err *e) must_check;

/* The monitor's main, for the re-executed binary: argv[1] is RUNTIME_MONITOR_ARG. Exit status of
 * the process. */
#define RUNTIME_MONITOR_ARG "monitor"
int runtime_monitor_main(void);

#endif
