/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process of a container, as the shim sees it: a monitor with one VM, the socket to it, its
 * standard streams, and how far its life has come. Here is what a container's own process and one
 * that Exec added have in common.
 */
#ifndef MOTE_RUNTIME_PROCESS_H
#define MOTE_RUNTIME_PROCESS_H

#include "base/loop.h"
#include "oci/spec.h"
#include "runtime/cgroup/cgroup.h"
#include "runtime/io/streams.h"
#include "runtime/types.h"
#include "runtime/userns.h"
#include "runtime/wire.h"

#include <time.h>

struct container;

/*
 *   state           it is in it                        it leaves it by   for
 *   NEW             before Start, if Exec added it     EV_LAUNCHED       SETTING_UP
 *   SETTING_UP      the monitor enters its namespaces  EV_READY          BUILDING
 *   BUILDING        the monitor makes its VM           EV_BUILT          BUILT
 *   BUILT           the VM waits for Start             EV_STARTED        RUNNING
 *   RUNNING         the guest runs                     EV_ENDED          DRAINING
 *   DRAINING        the client reads the last output   EV_DRAINED        EXITED
 *   EXITED          its exit may be reported           EV_REPORTED       REPORTED
 *   REPORTED        its exit has been reported
 *   AWAIT_MONITOR   until the monitor is reaped        EV_STEP/EV_STUCK  AWAIT_TERMINAL/REPORTED
 *   AWAIT_TERMINAL  until its output is passed on      EV_STEP           AWAIT_LOGGER
 *   AWAIT_LOGGER    until the log process has ended    EV_STEP           TERM_LOGGER
 *   TERM_LOGGER     the same, after SIGTERM            EV_STEP           TORN_DOWN
 *   TORN_DOWN       nothing is left but the structure
 *
 * EV_ENDED leads from all states before DRAINING to DRAINING: a process may end without having run.
 * EV_TEARDOWN leads to AWAIT_MONITOR from all states up to REPORTED but RUNNING and DRAINING.
 */
enum process_state {
	PROCESS_NEW,
	PROCESS_SETTING_UP,
	PROCESS_BUILDING,
	PROCESS_BUILT,
	PROCESS_RUNNING,
	PROCESS_DRAINING,
	PROCESS_EXITED,
	PROCESS_REPORTED,
	PROCESS_AWAIT_MONITOR,
	PROCESS_AWAIT_TERMINAL,
	PROCESS_AWAIT_LOGGER,
	PROCESS_TERM_LOGGER,
	PROCESS_TORN_DOWN,
};

enum process_event {
	EV_LAUNCHED, /* its monitor has been started */
	EV_READY,    /* message of the monitor */
	EV_BUILT,    /* message of the monitor */
	EV_STARTED,  /* the monitor was asked to run the guest */
	EV_ENDED,    /* message of the monitor, or it was reaped, or it could not be started */
	EV_DRAINED,  /* the client has read all output, or has had time enough */
	EV_REPORTED, /* the shim has published its exit */
	EV_TEARDOWN, /* it is being deleted, or its creation has failed */
	EV_STEP,     /* what a step of the teardown waits for is done, or its time is up */
	EV_STUCK,    /* the monitor cannot be ended */
};

struct process;

/* What depends on who runs it: a monitor with a VM, or the node's OCI runtime (sidecar.h). */
struct process_kind {
	bool has_own_pty; /* it makes its terminal itself, and terminal_attach gets the master */
	/* Of one that Exec added: begins to make it. */
	int (*launch)(struct process *p, struct err *e);
	/* Start, or whether it has been: -EINPROGRESS. */
	int (*run)(struct process *p, struct err *e);
	int (*signal)(const struct process *p, int signo);
	/* True if pid was a child of p, which has ended. */
	bool (*reaped)(struct process *p, pid_t pid, int wait_status, struct timespec at);
	/* What is left of a container whose first process was torn down: -EINPROGRESS. */
	int (*dispose)(struct container *c, struct err *e);
};
extern const struct process_kind process_in_vm; /* process_exec.c */

/* A command of the OCI runtime, the last one of a process. */
struct runtime_command {
	const char *verb; /* static; NULL: none, or its result is known */
	pid_t pid;        /* a child; 0: it has ended */
	int wait_status;
};

struct process {
	const struct process_kind *kind;
	struct container *container; /* borrowed; it owns this */
	struct process *next;        /* among those that Exec added */
	struct supervisor supervisor;
	char *name;    /* owned: "container C" or "process P of container C", for messages */
	char *exec_id; /* owned; "": the container's own */
	struct stdio_config stdio; /* owned strings */
	enum process_state state;
	pid_t pid; /* stays after its end; 0: not launched */
	int pidfd; /* owned; -1: not launched, or reaped */

	int control; /* owned: the socket to the monitor; -1: nothing more will come */
	struct loop_source control_source;
	/* Owned: a BIND is under way, and no message is read until its end; -1: none. */
	int binding;
	struct loop_source binding_source;
	uint64_t binds_spent_until_ns; /* of CLOCK_MONOTONIC: its budget of them, see bind.c */
	bool hooks_due;                /* the monitor waits for hooks of createRuntime */
	struct streams streams;
	bool stdin_closed; /* by CloseIO, which may come before they are opened */

	int timer; /* owned */
	struct loop_source timer_source;
	int64_t deadline_ms; /* of what is waited for; 0: none */
	uint64_t drained_ns; /* in DRAINING: how long it has been waited */

	/* Of one that the OCI runtime runs. */
	struct runtime_command command;
	int console; /* owned: where its terminal comes from; -1: none, or it has come */
	bool console_connected;
	struct loop_source console_source;

	int killed_by;      /* the signal that Kill has sent before it was started; 0: none */
	struct err failure; /* why it cannot be started; code 0: none */
	uint32_t exit_status;
	struct timespec exited_at;

	/* Of one that Exec added. */
	struct oci_spec spec;
	char *containerd_namespace; /* owned */
};

/*
 * exec_id "": the container's own process, in SETTING_UP; else in NEW. Released by process_fini,
 * also after an error.
 */
int process_init(struct process *p, struct container *c, const char *container_id,
		 const char *exec_id, const struct stdio_config *stdio,
		 const struct supervisor *supervisor, struct err *e) must_check;
/* Accepts half-initialised ones; the process, if there is one, goes on. */
void process_fini(struct process *p);

/* The only place where the state changes. False: the event means nothing in this state. */
bool process_event(struct process *p, enum process_event event);

/* Opens the streams and has the loop watch them. */
int process_open_streams(struct process *p, const char *container_id,
			 const char *containerd_namespace, uint16_t width, uint16_t height,
			 struct err *e) must_check;

/* Where a monitor begins. */
struct process_place {
	const struct cgroup *cgroup;
	const struct userns *userns;
	int kvm; /* /dev/kvm, open */
	/* a pidfd of the process whose PID namespace it is born into; -1: a new one */
	int namespace_of;
};
/* Starts the monitor of p, whose streams are open. */
int process_launch(struct process *p, const char *container_id, const struct process_place *place,
		   struct err *e) must_check;
int process_send_config(const struct process *p, const struct wire_config *w,
			struct err *e) must_check;
/* namespaces: NULL, or WIRE_NAMESPACE_FDS descriptors to send after the cgroup's. */
int process_send_join(const struct process *p, const struct cgroup *cgroup, const int *namespaces,
		      struct err *e) must_check;
/* START, once the VM is there: -EINPROGRESS. */
int process_run_vm(struct process *p, struct err *e) must_check;
/* Of its monitor, if that still exists. 0 or -errno. */
int process_signal_vm(const struct process *p, int signo) must_check;
static inline int process_signal(const struct process *p, int signo)
{
	return p->kind->signal(p, signo);
}
/* The error of one that cannot be started any more. */
int process_not_startable(const struct process *p, struct err *e) must_check;

/* Its exit is known; it is reported when its output has been read. */
void process_set_ended(struct process *p, uint32_t exit_status, struct timespec at);
/* What containerd calls the exit status, of a wait status. */
uint32_t process_status_of(int wait_status);
/* True if pid was a child of p: the process itself or the log process. */
bool process_reaped(struct process *p, pid_t pid, int wait_status, struct timespec at);
static inline bool process_has_ended(const struct process *p)
{
	return p->state >= PROCESS_DRAINING;
}

/*
 * bind.c: begins what a BIND of its monitor asks for, which waits if the monitor has asked for
 * many. A descriptor of the caller's, which is readable when it has been done, or -errno.
 */
int process_bind(struct process *p, const struct buf *body) must_check;
/* The answer then: 0 or an errno. */
uint32_t process_bound(int done);

/* The timer calls the supervisor, and process_is_late, ms from now. */
void process_set_deadline(struct process *p, int64_t ms);
bool process_is_late(const struct process *p);

/*
 * process_end.c: takes apart what a process leaves, once its end may be reported. -EINPROGRESS
 * until that is done; -EBUSY: its monitor cannot be ended.
 */
int process_teardown(struct process *p, struct err *e) must_check;

#endif
