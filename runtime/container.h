/* SPDX-License-Identifier: Apache-2.0 */
/* What the files that make, drive and clean up a container share. */
#ifndef MOTE_RUNTIME_CONTAINER_H
#define MOTE_RUNTIME_CONTAINER_H

#include "runtime/cgroup/cgroup.h"
#include "runtime/hooks.h"
#include "runtime/runtime.h"
#include "runtime/state.h"
#include "runtime/io/streams.h"
#include "runtime/userns.h"
#include "runtime/wire.h"

#define LAYERS_DIR "mote-layers" /* in the bundle, while the root file system is being mounted */

/* What container_end is at. */
enum ending {
	ENDING_NOT,
	ENDING_PROCESS,
	ENDING_TERMINAL,
	ENDING_LOGGER,
	ENDING_LOGGER_TERM,
	ENDING_DONE
};

struct container {
	char *id, *bundle, *paths[3]; /* owned */
	bool terminal;
	int bundle_fd; /* owned: the bundle may be moved or removed meanwhile */
	char *rootfs;  /* owned: where the root file system is mounted */
	bool rootfs_mounted;
	struct cgroup *cgroup; /* owned */
	struct userns userns;  /* of its monitors; borrowed from the process */
	bool root_mapped;      /* the root file system that is mounted is id-mapped for it */
	struct streams streams;
	pid_t pid;
	int control; /* owned: the socket to the monitor */
	enum container_state state;
	uint32_t exit_status;
	struct timespec exited_at;
	bool reaped;	   /* the process is gone; pid may be another's */
	bool exit_due;	   /* the end has not been told of yet */
	int timer;	   /* owned: of whatever is waited for, see drain_ns and deadline_ms */
	uint64_t drain_ns; /* how long to wait next for the client to read all; 0: not for that */
	int64_t deadline_ms;
	bool built;	    /* the VM is there: it can be started */
	struct err failure; /* of creating it; code 0: none */
	struct oci_hooks hooks; /* owned; those to run after start and stop */
	pid_t hook;		/* a child that runs some; 0: none */
	int hook_answer;	/* owned: what those of createRuntime answer, see hooks_start; -1: none */
	bool starting;		/* those of the start run: it has not been answered */
	bool hooked;		/* those of the end have been started */
	enum ending ending;
	bool oom; /* not told of yet */
	uint64_t memory_bytes; /* of the guest */
	bool private_memory;

	/* Of a process that was put into another container, see exec.c. */
	struct container *beside; /* borrowed: that one, which outlives it; NULL: not such a one */
	char *exec_id, *containerd_namespace; /* owned */
	struct oci_spec *process;	      /* owned; what it is to be */
};

/* Frees the structure and closes what is open. Accepts NULL and half-built ones (descriptors -1).
 */
void container_free(struct container *c);

struct container *container_new(void); /* nothing of it is there; NULL: out of memory */
int container_open_kvm(struct err *e) must_check;
/* Starts the monitor of c, whose streams are open, in a cgroup. beside: as launch_monitor has it. */
int container_launch(struct container *c, const struct cgroup *cgroup, int kvm, int beside,
		     struct err *e) must_check;
int container_send_config(const struct container *c, const struct wire_config *w, struct err *e) must_check;
/* place: NULL, or WIRE_PLACE_FDS descriptors to send behind the cgroup's. */
int container_send_join(const struct container *c, const struct cgroup *cgroup, const int *place,
			struct err *e) must_check;
/* It has ended; told of when its output has been read. */
void container_set_ended(struct container *c, uint32_t exit_status, struct timespec at);
/* Of a process beside a container's: 0 when it can be told to start; -EINPROGRESS. */
int container_exec_ready(struct container *c, struct err *e) must_check;

/* Starts the hooks of the end, once. */
void container_run_poststop(struct container *c);
/* The timer is readable, and container_is_late, ms from now. */
void container_set_deadline(struct container *c, int64_t ms);
bool container_is_late(const struct container *c);
/*
 * Waits for what a container whose process has been told to end leaves: -EINPROGRESS until that is
 * done; ask again after container_ready and container_reaped.
 */
int container_end(struct container *c, struct err *e) must_check;

#endif
