/* SPDX-License-Identifier: Apache-2.0 */
/*
 * containerd's sandbox service: a pod without a pause container. A shim has one sandbox at most,
 * and then all of its containers are in it.
 *
 *   NONE            CreateSandbox  CREATED   what the containers share is known, its files made
 *   CREATED         StartSandbox   READY     its namespaces exist: containers can be created
 *   CREATED, READY  StopSandbox    STOPPING  no container is created, those that run are ended
 *   STOPPING        the last exit  STOPPED   the namespaces are given up, WaitSandbox answered
 *
 * A request that has been carried out already is answered again, not refused: clients repeat what
 * they saw no answer to, and containerd takes an error of StartSandbox for a sandbox to be removed.
 * StopSandbox with a timeout asks containers to end by SIGTERM first and kills them after it; one
 * without, also while that goes on, kills them. ShutdownSandbox stops a sandbox in any state,
 * without a timeout, and ends the shim.
 */
#ifndef MOTE_SHIM_SANDBOX_H
#define MOTE_SHIM_SANDBOX_H

#include "base/err.h"
#include "base/loop.h"
#include "shim/ttrpc.h"

#include <stdbool.h>
#include <time.h>

struct pod;
struct shim;
struct waiter;

enum sandbox_state {
	SANDBOX_NONE,
	SANDBOX_CREATED,
	SANDBOX_READY,
	SANDBOX_STOPPING,
	SANDBOX_STOPPED,
	SANDBOX_STATES
};

struct sandbox {
	enum sandbox_state state; /* only sandbox_event changes it */
	char *id;                 /* owned; NULL in NONE */
	struct pod *pod;          /* owned; the same */
	struct timespec created_at, exited_at;
	int grace; /* owned: the timer of StopSandbox's timeout, while grace_source has a loop */
	struct loop_source grace_source;
	struct waiter *waiters, *stoppers, *enders; /* WaitSandbox, StopSandbox, ShutdownSandbox */
};

enum sandbox_event {
	SANDBOX_CREATE,
	SANDBOX_START,
	SANDBOX_ADD, /* a container is to be created */
	SANDBOX_STOP,
	SANDBOX_EMPTY,  /* no container runs */
	SANDBOX_DELETE, /* its files are gone */
	SANDBOX_EVENTS
};

/* The next state, and 0; or a peer's error, and the state stays. */
int sandbox_event(struct sandbox *s, enum sandbox_event event, struct err *e) must_check;

ttrpc_handler sandbox_handle_create, sandbox_handle_start, sandbox_handle_platform,
	sandbox_handle_stop, sandbox_handle_wait, sandbox_handle_status, sandbox_handle_ping,
	sandbox_handle_shutdown, sandbox_handle_metrics;

/* After a container has ended, or is gone. */
void sandbox_advance(struct shim *shim);

#endif
