/* SPDX-License-Identifier: Apache-2.0 */
/* What the files that make, drive and clean up a container share. */
#ifndef MOTE_RUNTIME_CONTAINER_H
#define MOTE_RUNTIME_CONTAINER_H

#include "runtime/guest_paths.h"
#include "runtime/hooks.h"
#include "runtime/process.h"
#include "runtime/runtime.h"
#include "runtime/state.h"

/* in the bundle, while the root file system is being mounted */
#define LAYERS_DIR "mote-layers"

/*
 * The hooks that the shim runs, in a child process; the last ones that it has started, or could
 * have.
 */
enum hook_phase {
	HOOKS_NONE,
	HOOKS_CREATE_RUNTIME, /* the monitor waits for them, in its namespaces */
	HOOKS_POSTSTART,      /* Start is answered after them */
	HOOKS_STARTED,        /* it has been answered */
	HOOKS_POSTSTOP,
};

/* What process says for those that Exec adds as well, as far as they say nothing of it. */
struct exec_defaults {
	struct oci_capabilities capability_sets;
	char *apparmor_profile, *selinux_label; /* owned; NULL: none */
	struct oci_rlimit rlimits[OCI_RLIMITS_MAX];
	size_t rlimits_count;
	int64_t umask, oom_score_adj;
	bool seccomp;
	struct oci_call_rule call_rules[OCI_CALL_RULES_MAX];
	size_t call_rules_count;
	struct guest_paths paths; /* owned */
};

struct container {
	char *id, *bundle; /* owned */
	int bundle_fd;     /* owned: the bundle may be moved or removed meanwhile */
	char *rootfs;      /* owned: where the root file system is mounted */
	bool rootfs_mounted;
	bool root_mapped;     /* it is id-mapped for userns */
	struct userns userns; /* of the monitors; borrowed from the shim's process */

	struct cgroup *cgroup; /* owned */
	struct loop_source oom_source;
	bool oom;    /* not reported yet */
	bool paused; /* the cgroup is frozen */

	struct oci_hooks hooks; /* owned; those that the shim runs */
	enum hook_phase hook_phase;
	pid_t hook; /* the child that runs them; 0: none */
	/* owned: the result of those of createRuntime, see hooks_start; -1: none */
	int hook_answer;

	char *oci_runtime; /* owned: the program that runs its processes; NULL: each has a VM */

	uint64_t memory_bytes; /* of each guest */
	struct exec_defaults exec_defaults;
	bool private_memory;

	struct process init;   /* the one that Create made */
	struct process *execs; /* owned: those that Exec added */
};

/* Frees the structure and closes what is open. Accepts NULL and half-built ones. */
void container_free(struct container *c);

/*
 * Notes in the bundle which process and which cgroup are to be removed. The process may not exist
 * yet.
 */
int container_write_state(const struct container *c, struct err *e) must_check;

/* /dev/kvm; the caller's. */
int container_open_kvm(struct err *e) must_check;

/*
 * What the operator and Mote allow (runtime/admission.c). name: of the process, for the log.
 */
int admission_check_pid_namespace(const struct oci_spec *s, const struct container_config *config,
				  struct err *e) must_check;
void admission_report_capabilities(const struct oci_spec *s, const char *name);
void admission_report_mount_label(const struct oci_spec *s, const char *name);
enum admission_runtime {
	ADMISSION_VM,
	ADMISSION_OCI_RUNTIME,
	ADMISSION_BY_PROGRAM, /* the OCI runtime what Mote cannot run, a VM the rest */
};
int admission_choose_runtime(const struct oci_spec *s, const char *policy,
			     enum admission_runtime *out, struct err *e) must_check;
int admission_choose_isolation(const struct oci_spec *s, const char *policy, bool *private_memory,
			       struct err *e) must_check;

/*
 * Starts the hooks of a phase; if there are none, c->hook is 0. Failures of the later phases are
 * only logged.
 */
void container_start_hooks(struct container *c, enum hook_phase phase);

#endif
