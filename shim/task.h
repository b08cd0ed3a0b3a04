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

struct task {
	struct task *next;
	struct shim *shim;
	struct container *container; /* owned */
	struct waiter *waiters;	     /* Wait calls not answered yet */
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
	bool ending; /* no container is made any more */
};

extern const struct ttrpc_method task_methods[];

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
