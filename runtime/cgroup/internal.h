/* SPDX-License-Identifier: Apache-2.0 */
/* What the files on cgroups share. */
#ifndef MOTE_RUNTIME_CGROUP_INTERNAL_H
#define MOTE_RUNTIME_CGROUP_INTERNAL_H

#include "runtime/cgroup/cgroup.h"

#include <stdint.h>

enum cgroup_controller {
	CGROUP_CPU = 1,
	CGROUP_CPUACCT = 2,
	CGROUP_CPUSET = 4,
	CGROUP_MEMORY = 8,
	CGROUP_PIDS = 16,
	CGROUP_FREEZER = 32,
	CGROUP_IO = 64, /* version 1: blkio */
};

/*
 * What pids.max counts is tasks. A process of the guest is a monitor, which has threads of its own,
 * one of the kernel's for its VM, and for a while the process that compiles a module, which has as
 * many.
 */
enum { CGROUP_TASKS_PER_PROCESS = 16, CGROUP_PIDS_MAX = 4194304 /* PID_MAX_LIMIT */ };

struct hierarchy {
	unsigned controllers; /* enum cgroup_controller; 0: named, or of no interest */
	char *top;            /* owned: where it is mounted */
	char *dir;            /* owned: top and the cgroup's path */
};

struct cgroup {
	int version; /* 0: none is mounted */
	char *path;  /* owned */
	struct hierarchy hierarchies[CGROUP_HIERARCHIES_MAX];
	size_t count;
	/*
	 * Owned: where it would be in a hierarchy of version 2 next to those of version 1, where an
	 * OCI runtime makes it as well; NULL: there is none.
	 */
	char *unified_dir;
	bool of_tasks; /* a limit of pids is the kernel's: its processes are the container's own */
	int oom_fd;    /* owned; -1: not watched */
	uint64_t oom_seen; /* kills that have been reported */
};

/* Fills in c's hierarchies, c->path being set, from the text of /proc/self/mountinfo, which is
 * changed. -errno. */
int cgroup_find(struct cgroup *c, char *mountinfo) must_check;

/* The container's directory in the hierarchy that has the controller, or NULL. */
const char *cgroup_dir(const struct cgroup *c, enum cgroup_controller controller);

/* Writes the limits that are given to their files. */
int cgroup_set_limits(const struct cgroup *c, const struct oci_resources *r,
		      struct err *e) must_check;

/* One control file. -errno. */
int cgroup_write(const char *dir, const char *file, const char *text) must_check;
/* At most size - 1 bytes of it, NUL-terminated, without the last line's end. Bytes, or -errno. */
int cgroup_read(const char *dir, const char *file, char *to, size_t size) must_check;
/* A file of one number; "max" is UINT64_MAX. 0 if there is none. */
uint64_t cgroup_number(const char *dir, const char *file);
/* The number after "key " at the beginning of a line of text; 0 if there is none. */
uint64_t cgroup_field(const char *text, const char *key);

/* Processes of the container that were OOM-killed. */
uint64_t cgroup_oom_kills(const struct cgroup *c);

#endif
