/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The shim's state, and containerd's task service over it; sandbox.h has the sandbox service. To
 * containerd a container and each process that Exec adds to it are tasks: they are created,
 * started, waited for and deleted alike.
 *
 *   task_table       which tasks there are
 *   task_lifecycle   Create, Start, Wait, Delete: what is answered, and published, when a process
 *                    changes
 *   task_exec        Exec, Pids
 *   task             the other methods, and the table of all of them
 */
#ifndef MOTE_SHIM_TASK_H
#define MOTE_SHIM_TASK_H

#include "base/loop.h"
#include "runtime/runtime.h"
#include "shim/events.h"
#include "shim/sandbox.h"
#include "shim/ttrpc.h"

struct waiter;
struct shim;

struct task {
	struct task *next;
	struct shim *shim;
	struct task *of; /* whose container Exec added this to; NULL: the container's own */
	struct container *container; /* owned if `of` is NULL */
	struct process *process;     /* the container owns it */
	/* Create's, not answered yet: what else is asked of the task is postponed */
	struct ttrpc_call *creator;
	struct waiter *postponed;   /* calls for which the task has to be created first */
	bool given_up;              /* Shutdown came before it was created: its client has gone */
	ProtobufCMessage *request;  /* owned: what it asked for */
	struct ttrpc_call *starter; /* Start's, not answered yet */
	bool started;               /* Start was answered with success */
	struct waiter *waiters;     /* Wait calls, not answered yet */
	struct waiter *deleters;    /* Delete calls, not answered yet */
};

struct shim {
	struct loop loop;
	struct ttrpc_server server;
	struct events events;
	struct task *tasks;
	struct sandbox sandbox;
	int signals; /* signalfd */
	struct loop_source signals_source;
	const char *containerd; /* its address; may be NULL */
	const char *containerd_namespace, *socket_path;
	bool debug;
	const char *cache; /* directory of compiled modules, "": none */
	/* container_config's; may be NULL */
	const char *isolation, *shared_pids, *oci_runtime;
	bool ending; /* no container is made any more */
};

/* Of both services. */
extern const struct ttrpc_method task_methods[];

/* Nobody can ask anything of it but to make a container or a sandbox. */
static inline bool shim_is_idle(const struct shim *shim)
{
	return !shim->tasks && shim->sandbox.state == SANDBOX_NONE;
}

/* --- task_table.c --- */

/* exec_id "": the container's own task. NULL if there is none. */
struct task *task_find(const struct shim *shim, const char *id, const char *exec_id);
/* The same, or NULL after an answer, or after the call was postponed to the end of Create. */
struct task *task_find_or_fail(const struct shim *shim, struct ttrpc_call *call, const char *id,
			       const char *exec_id);
/* A zeroed task, which the caller owns until task_add; NULL: the call has been answered. */
struct task *task_new(struct shim *shim, struct ttrpc_call *call);
void task_add(struct task *t);
void task_remove(struct task *t);
/* The first task after `after` (NULL: the first of all) that Exec added to t's container. */
struct task *task_next_exec(const struct task *t, const struct task *after);
/* An id becomes part of paths: printable, without slashes, not a name of dots. */
bool task_valid_id(const char *id);

/* --- task_lifecycle.c --- */

/* Does and answers what can be done now; the task may be gone then. */
void task_advance(struct task *t);
/* The process of a task calls it when something has changed. */
struct supervisor task_supervisor(struct task *t);
/* Children have ended: passes them to their containers. */
void task_reap(struct shim *shim);

ttrpc_handler task_handle_create, task_handle_start, task_handle_wait, task_handle_delete;

/* --- task_exec.c --- */

ttrpc_handler task_handle_exec, task_handle_pids;

/*
 * Begins the shim's end: its socket is removed at once; its process ends when its last events have
 * been published or their time is up.
 */
void shim_end(struct shim *shim);

#endif
