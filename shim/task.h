/* SPDX-License-Identifier: Apache-2.0 */
/* The shim's state, and containerd's task service over it. */
#ifndef MOTE_SHIM_TASK_H
#define MOTE_SHIM_TASK_H

#include "runtime/runtime.h"
#include "shim/events.h"
#include "shim/loop.h"
#include "shim/ttrpc.h"

enum { TASK_WATCHES_MAX = 16 };

struct waiter;
struct shim;

/* A container, or a process that was put into one: both are a struct container. */
struct task {
	struct task *next;
	struct shim *shim;
	struct container *container; /* owned */
	struct waiter *waiters;	     /* Wait calls not answered yet */
	bool started;		     /* Start was answered */
	bool told;		     /* its end, to all who wanted to know */
	struct waiter *deleters;     /* Delete calls: what the container leaves is being taken apart */
	struct ttrpc_call *creator;  /* Create's: nothing else may be done yet */
	ProtobufCMessage *request;   /* owned: what it asked for */
	struct ttrpc_call *starter;  /* Start's */
	struct task_watch {
		struct task *task;
		int fd;
		uint32_t events;
		struct loop_source *source;
	} *watches[TASK_WATCHES_MAX]; /* owned */
	size_t watch_count;
};

struct shim {
	struct loop loop;
	struct ttrpc_server server;
	struct events events;
	struct task *tasks;
	int signals; /* signalfd */
	const char *containerd_namespace, *socket_path;
	bool debug;
	const char *cache; /* folder of compiled modules, "": none */
	const char *isolation; /* container_config's; may be NULL */
	bool ending; /* no container is made any more */
};

extern const struct ttrpc_method task_methods[];

/* --- between the files of the service --- */

void task_fail(struct ttrpc_call *call, const struct err *e);
/* exec_id "": the container itself. NULL: there is none. */
struct task *task_find(struct shim *shim, const char *id, const char *exec_id);
/* The same, or NULL after an answer. */
struct task *task_find_or_fail(struct shim *shim, struct ttrpc_call *call, const char *id, const char *exec_id);
/* Does and answers what can be now; the task may be gone then. */
void task_advance(struct task *t);
bool task_valid_id(const char *id); /* it may become part of paths */

void task_handle_exec(void *arg, struct ttrpc_call *call, const ProtobufCMessage *request);
void task_handle_pids(void *arg, struct ttrpc_call *call, const ProtobufCMessage *request);
void task_publish_exec_started(struct task *t);
/* Kills the processes that were put into t's container. True when the end of each has been told. */
bool task_end_execs(struct task *t);
/* Takes them apart: 0 when none is left, -EINPROGRESS. */
int task_delete_execs(struct task *t, struct err *e) must_check;
/* Takes a task apart, with all that asked for it answered; 0: it is gone; -EINPROGRESS. */
int task_delete(struct task *t, struct err *e) must_check;
void task_add(struct shim *shim, struct task *t);

/* Answers Stats in the form of the cgroup's version. */
void task_reply_stats(struct ttrpc_call *call, const struct container_stats *s);
/* Children have ended: their tasks are told, exits published, waiters answered. */
void task_reap(struct shim *shim);
/*
 * Begins the shim's end: its socket is gone at once, its process when its last events have been told or
 * their time is up.
 */
void shim_end(struct shim *shim);

#endif
