/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A container's cgroup: the same path in every hierarchy that is mounted. Version 2 if it has the
 * controllers, else version 1 (all hierarchies, named ones too; a `unified` one next to them has
 * nothing to control and is left alone).
 */
#ifndef MOTE_RUNTIME_CGROUP_H
#define MOTE_RUNTIME_CGROUP_H

#include "base/cleanup.h"
#include "base/err.h"
#include "oci/spec.h"
#include "runtime/types.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct cgroup;

#define CGROUP_HIERARCHIES_MAX 32

/* Finds the hierarchies. path: as oci_cgroup_path makes it; copied. Nothing is made yet. */
int cgroup_open(const char *path, struct cgroup **out, struct err *e) must_check;
const char *cgroup_path(const struct cgroup *c);
/* From now on a limit of pids counts what the kernel counts, not processes of guests. */
void cgroup_count_tasks(struct cgroup *c);
void cgroup_free(struct cgroup *c); /* accepts NULL; the cgroup itself stays */
#define cleanup_cgroup cleanup_(cgroup_freep)
void cgroup_freep(struct cgroup **c);

/*
 * Makes it and sets its limits. -EEXIST: there are processes in it. What was made stays on an
 * error.
 */
int cgroup_create(const struct cgroup *c, const struct oci_resources *r, struct err *e) must_check;
/*
 * How a process gets in. Writing its number to cgroup.procs makes the kernel wait for an RCU grace
 * period, some 7 ms; a single thread that writes "0" to `tasks` of version 1 does not wait, nor
 * does a process that is created in a cgroup of version 2.
 */
bool cgroup_is_born_into(const struct cgroup *c);
/* Version 2: the cgroup's directory, for CLONE_INTO_CGROUP; the caller's. */
int cgroup_open_dir(const struct cgroup *c, struct err *e) must_check;
/* Version 1: each hierarchy's `tasks`, open for writing; the caller's. At most
 * CGROUP_HIERARCHIES_MAX. */
int cgroup_open_tasks(const struct cgroup *c, int *fds, size_t *count, struct err *e) must_check;
/* Waits until it is done; -ETIMEDOUT. */
int cgroup_freeze(const struct cgroup *c, bool frozen, struct err *e) must_check;
/*
 * Kills all processes in it; new ones meanwhile, too. Version 2 also kills those of the cgroups
 * below it. Waits for nothing.
 */
void cgroup_kill(const struct cgroup *c);
/* Removes what cgroup_create may have made. Waits a bounded time for processes that are ending. */
int cgroup_remove(const struct cgroup *c, struct err *e) must_check;
/* Sets limits again while processes are in it; those not given stay. */
int cgroup_update(const struct cgroup *c, const struct oci_resources *r, struct err *e) must_check;
int cgroup_stats(const struct cgroup *c, struct container_stats *out, struct err *e) must_check;

/*
 * From now on cgroup_oom_fd is readable after a process of it was OOM-killed. -1 if there is no
 * memory controller.
 */
int cgroup_watch_oom(struct cgroup *c, struct err *e) must_check;
int cgroup_oom_fd(const struct cgroup *c);
/* True if that happened since the last call. Takes the notification. */
bool cgroup_take_oom(struct cgroup *c);

#endif
