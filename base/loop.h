/* SPDX-License-Identifier: Apache-2.0 */
/* An event loop over epoll: descriptors, and what to call when they are ready. One thread. */
#ifndef MOTE_BASE_LOOP_H
#define MOTE_BASE_LOOP_H

#include "base/cleanup.h"

#include <stdbool.h>
#include <stdint.h>

struct loop {
	int epoll; /* owned */
	bool stop; /* set to leave loop_run */
};

typedef void loop_fn(void *arg, uint32_t events);

/*
 * A watched descriptor. Part of what it belongs to, so that watching allocates nothing; zeroed: it
 * is not watched.
 */
struct loop_source {
	struct loop *loop;
	int fd; /* borrowed */
	loop_fn *fn;
	void *arg;
};

int loop_init(struct loop *l) must_check;
/* Calls fn(arg, events) for EPOLL* events of fd. 0 or -errno: -EPERM if fd is a regular file. */
int loop_add(struct loop *l, struct loop_source *s, int fd, uint32_t events, loop_fn *fn,
	     void *arg) must_check;
int loop_change(struct loop_source *s, uint32_t events) must_check;
/* To be called before the descriptor is closed. A callback may remove, and free, any source. */
void loop_remove(struct loop_source *s);
/* Runs until l->stop. 0 or -errno. */
int loop_run(struct loop *l) must_check;

#endif
