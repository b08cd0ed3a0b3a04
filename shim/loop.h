/* SPDX-License-Identifier: Apache-2.0 */
/* The shim's event loop: descriptors and what to call when they are ready. One thread. */
#ifndef MOTE_SHIM_LOOP_H
#define MOTE_SHIM_LOOP_H

#include "base/cleanup.h"

#include <stdbool.h>
#include <stdint.h>

struct loop_source;
typedef void loop_fn(void *arg, uint32_t events);

struct loop {
	int epoll; /* owned */
	bool stop; /* set to leave loop_run */
};

int loop_init(struct loop *l) must_check;
/* Watches fd (borrowed) for EPOLL* events. The source is freed by loop_remove; NULL with errno on failure. */
struct loop_source *loop_add(struct loop *l, int fd, uint32_t events, loop_fn *fn, void *arg) must_check;
int loop_change(struct loop *l, struct loop_source *s, uint32_t events) must_check;
/* Accepts NULL. Call it before the descriptor is closed. A callback may remove its own source. */
void loop_remove(struct loop *l, struct loop_source *s);
/* Runs until l->stop. 0 or -errno. */
int loop_run(struct loop *l) must_check;

#endif
