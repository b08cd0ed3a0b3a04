/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a bundle remembers of its container, for a `delete` that no shim answers: which process,
 * told apart from a later one of the same number by its start time, and which cgroup.
 */
#ifndef MOTE_RUNTIME_STATE_H
#define MOTE_RUNTIME_STATE_H

#include "base/cleanup.h"
#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define STATE_FILE "mote-state"

struct state {
	pid_t pid;           /* 0: not started yet */
	uint64_t start_time; /* field 22 of /proc/PID/stat, in ticks since boot */
	char *cgroup_path;   /* owned */
};

/* In ticks since boot, or -errno: -ENOENT or -ESRCH if there is no such process. */
int state_start_time(pid_t pid, uint64_t *out) must_check;
/* True if the process is on its way through exit(2), or gone. */
bool state_is_exiting(pid_t pid);
int state_write(int bundle_fd, const struct state *s, struct err *e) must_check;
/* -ENOENT: there is no state file. *out: released with state_free. */
int state_read(int bundle_fd, struct state *out, struct err *e) must_check;
void state_free(struct state *s);
void state_remove(int bundle_fd);

#endif
