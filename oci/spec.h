/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What Mote takes from a bundle's config.json (OCI runtime specification 1.0 to 1.2).
 *
 * A monitor always has no_new_privs and a seccomp filter of its own. process.capabilities says with
 * which rights it opens, changes and makes files for the guest, and binds its sockets.
 * process.noNewPrivileges decides whether a program with set-ID bits is refused or runs without
 * them. A profile of linux.seccomp is accepted if it allows all that a guest can do; what it says
 * of calls that the guest runtime answers without the host, that one keeps.
 * linux.resources.devices and hugepageLimits have nothing to act on. What would change what the
 * program sees or may do, and is not supported, is refused by name.
 */
#ifndef MOTE_OCI_SPEC_H
#define MOTE_OCI_SPEC_H

#include "base/cleanup.h"
#include "base/err.h"

#include <linux/capability.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct json_t; /* jansson's */

#define OCI_CONFIG_NAME "config.json"
/*
 * Annotations; with ".NAME" behind them: of one container of a pod. Others of io.mote. are refused.
 */
#define OCI_LISTEN    "io.mote.listen"    /* listening sockets */
#define OCI_ISOLATION "io.mote.isolation" /* whether its memory shares pages with others' */
#define OCI_RUNTIME   "io.mote.runtime"   /* whether a VM runs it or the node's OCI runtime */
#define OCI_UNSET     INT64_MIN           /* of a number that is not in the file */

struct oci_rlimit {
	int resource; /* RLIMIT_* */
	uint64_t soft, hard;
};

struct oci_mount {
	const char *destination; /* borrowed; inside the root, as written: "/a", "a", "/b/../a" */
	const char *type;        /* borrowed; "" for a bind mount */
	const char *source;      /* borrowed; "" for none; absolute for a bind mount */
	char *data;              /* owned; options that are the file system's own, "" for none */
	unsigned long flags;     /* MS_* for mounting a file system */
	uint64_t attr_set, attr_clear;           /* MOUNT_ATTR_* for a bind mount */
	uint64_t recursive_set, recursive_clear; /* for it and the mounts below it */
	uint64_t propagation;                    /* MS_PRIVATE, …; 0: as it comes */
	bool propagation_recursive;
	bool bind, bind_recursive;
	bool copy_up; /* a tmpfs begins as a copy of the directory that it covers */
	bool loop;    /* source is a file with a file system in it */
};

struct oci_namespace {
	int flag;         /* CLONE_NEW* */
	const char *path; /* borrowed; NULL: a new one */
};

struct oci_sysctl {
	const char *name, *value; /* borrowed */
};

#define OCI_SYSCTL_PATH_MAX 256
/*
 * The path below /proc/sys of a sysctl's name, whose first separator, '.' or '/', is the one
 * between directories, as sysctl(8) has it: net.ipv4.conf.eth0/1.forwarding,
 * net/ipv4/conf/eth0.1/forwarding. -ENAMETOOLONG; -EINVAL: it would lead elsewhere.
 */
int oci_sysctl_path(const char *name, char *path, size_t size) must_check;
/* The kind of namespace that has it, CLONE_NEW*; 0: none that a container has. */
int oci_sysctl_namespace(const char *name) must_check;

/* linux.resources.blockIO, one line for one device. */
enum oci_io_kind {
	OCI_IO_WEIGHT, /* 10..1000 */
	OCI_IO_READ_BPS,
	OCI_IO_WRITE_BPS,
	OCI_IO_READ_IOPS,
	OCI_IO_WRITE_IOPS,
	OCI_IO_KINDS
};

struct oci_io {
	enum oci_io_kind kind;
	uint32_t major, minor;
	int64_t value;
};

struct oci_unified {
	const char *file, *value; /* borrowed; a file of the cgroup, version 2 */
};

/* linux.resources. Numbers are OCI_UNSET if not given. Memory in bytes, -1: no limit. */
struct oci_resources {
	int64_t memory_limit, memory_reservation, memory_swap, memory_swappiness;
	bool oom_kill_disable;
	int64_t cpu_shares, cpu_quota_us, cpu_period_us, cpu_burst_us, cpu_idle;
	const char *cpuset_cpus, *cpuset_mems; /* borrowed; NULL if not given */
	int64_t pids_limit;                    /* <= 0: no limit */
	int64_t io_weight;                     /* 10..1000 */
	struct oci_io *io;                     /* owned */
	size_t io_count;
	struct oci_unified *unified; /* owned */
	size_t unified_count;
};
#define OCI_RESOURCES_UNSET                      \
	((struct oci_resources){                 \
		.memory_limit = OCI_UNSET,       \
		.memory_reservation = OCI_UNSET, \
		.memory_swap = OCI_UNSET,        \
		.memory_swappiness = OCI_UNSET,  \
		.cpu_shares = OCI_UNSET,         \
		.cpu_quota_us = OCI_UNSET,       \
		.cpu_period_us = OCI_UNSET,      \
		.cpu_burst_us = OCI_UNSET,       \
		.cpu_idle = OCI_UNSET,           \
		.io_weight = OCI_UNSET,          \
	})

struct oci_hook {
	const char *path;         /* borrowed, absolute */
	const char **args, **env; /* owned, NULL-terminated; NULL if not given */
	int64_t timeout_s;        /* 0: none */
};

enum oci_hook_kind {
	OCI_HOOK_CREATE_RUNTIME, /* and prestart */
	OCI_HOOK_CREATE_CONTAINER,
	OCI_HOOK_POSTSTART,
	OCI_HOOK_POSTSTOP,
	OCI_HOOK_KINDS
};

struct oci_hooks {
	struct json_t *root;                   /* owned; in a spec NULL, as the spec's is theirs */
	struct oci_hook *list[OCI_HOOK_KINDS]; /* owned */
	size_t count[OCI_HOOK_KINDS];
};

/*
 * What a profile says of a call that the guest runtime answers by itself: it is refused with the
 * errno `value`, but for those whose first argument is the value of an `allowed` one.
 */
struct oci_call_rule {
	uint32_t nr; /* SYS_* */
	bool allowed;
	uint64_t value;
};

#define OCI_CALL_RULES_MAX 64
#define OCI_RLIMITS_MAX    32
#define OCI_NAMESPACES_MAX 16
#define OCI_GROUPS_MAX     1024
/* What the monitor's work for the guest may need; others change nothing. */
#define OCI_CAPABILITIES                                                                 \
	(1UL << CAP_CHOWN | 1UL << CAP_DAC_OVERRIDE | 1UL << CAP_DAC_READ_SEARCH |       \
	 1UL << CAP_FOWNER | 1UL << CAP_FSETID | 1UL << CAP_SETUID | 1UL << CAP_SETGID | \
	 1UL << CAP_NET_BIND_SERVICE)
/*
 * Those that the guest decides by, or that runtimes grant everybody: what they would allow beyond
 * that, a guest has no use for or is refused by name when it asks (SECURITY.md has the table).
 */
#define OCI_CAPABILITIES_OF_GUESTS                                                      \
	(1UL << CAP_KILL | 1UL << CAP_SETPCAP | 1UL << CAP_SETFCAP | 1UL << CAP_MKNOD | \
	 1UL << CAP_NET_RAW | 1UL << CAP_SYS_CHROOT | 1UL << CAP_AUDIT_WRITE |          \
	 1UL << CAP_SYS_NICE | 1UL << CAP_SYS_RESOURCE)

/* Sets of bits 1 << CAP_*, as a program has them after its execve(2): all permitted are effective.
 */
struct oci_capabilities {
	uint64_t permitted, inheritable, bounding, ambient;
};

/* Filled by oci_spec_read, released by oci_spec_free. Strings are borrowed from `root` unless said.
 */
struct oci_spec {
	struct json_t *root; /* owned */

	const char **args, **env; /* owned, NULL-terminated */
	size_t args_count, env_count;
	const char *cwd; /* absolute */
	bool terminal;
	uint16_t console_width, console_height; /* 0: not given */
	uint32_t uid, gid;
	gid_t *groups; /* owned */
	size_t groups_count;
	struct oci_capabilities capability_sets, capabilities; /* as written; after its execve */
	bool has_capabilities;                                 /* process.capabilities is there */
	const char *unknown_capability; /* one that Mote has no number for; NULL: none */
	const char *apparmor_profile, *selinux_label; /* borrowed; NULL if not given */
	bool no_new_privileges;
	bool seccomp; /* linux.seccomp is there; one that Mote cannot keep is refused */
	struct oci_call_rule call_rules[OCI_CALL_RULES_MAX]; /* what it says of other calls */
	size_t call_rules_count;
	int64_t umask; /* OCI_UNSET: 022 */
	struct oci_rlimit rlimits[OCI_RLIMITS_MAX];
	size_t rlimits_count;
	int64_t oom_score_adj; /* OCI_UNSET: as the shim's */

	const char *root_path; /* as written: absolute, or relative to the bundle */
	bool root_readonly;
	struct oci_mount *mounts; /* owned */
	size_t mounts_count;
	const char *hostname, *domainname; /* NULL if not given */
	struct oci_namespace namespaces[OCI_NAMESPACES_MAX];
	size_t namespaces_count;
	struct oci_sysctl *sysctls; /* owned */
	size_t sysctls_count;
	const char *mount_label; /* linux.mountLabel, which is only logged; NULL if not given */
	uint64_t propagation;    /* linux.rootfsPropagation, MS_*; 0 if not given */
	struct oci_resources resources;
	char *cgroup_path;               /* owned; absolute and normal, NULL if not given */
	const char **masked, **readonly; /* owned, absolute paths, NULL-terminated */
	size_t masked_count, readonly_count;
	/* owned; where mounts are in the guest's /proc and /sys: runtime/guest_paths.h */
	const char **mounted;
	size_t mounted_count;
	struct oci_hooks hooks;
};

/* Reads bundle_fd/config.json. *out needs no initialisation and is released with oci_spec_free. */
int oci_spec_read(int bundle_fd, struct oci_spec *out, struct err *e) must_check;
/* The same for a document in memory; for tests and fuzzing. */
int oci_spec_parse(const char *bytes, size_t len, struct oci_spec *out, struct err *e) must_check;
/* A document that is linux.resources alone, as Update brings it: fills resources and root. */
int oci_resources_parse(const char *bytes, size_t len, struct oci_spec *out,
			struct err *e) must_check;
/* A document that is a process alone, as Exec brings it: fills its members and root. */
int oci_process_parse(const char *bytes, size_t len, struct oci_spec *out,
		      struct err *e) must_check;
void oci_spec_free(struct oci_spec *spec); /* accepts a zeroed one */
/* Fills spec->capabilities by capability_sets, uid and no_new_privileges. */
void oci_derive_capabilities(struct oci_spec *spec);
/* Moves the hooks out of a spec, which they outlive. */
void oci_hooks_take(struct oci_spec *spec, struct oci_hooks *out);
void oci_hooks_free(struct oci_hooks *hooks); /* accepts zeroed ones */

/* The state of a container as hooks read it (runtime specification, "State"). Borrowed. */
struct oci_state {
	const char *id, *bundle, *status; /* "creating", "running", … */
	pid_t pid;                        /* 0: not running any more */
};
/*
 * The state as JSON, with the version and the annotations of the hooks' document; *out is the
 * caller's. -ENOMEM.
 */
int oci_state_text(const struct oci_hooks *hooks, const struct oci_state *state,
		   char **out) must_check;
/*
 * What of config.json is supported, as the specification's "features" document; *out is the
 * caller's. -ENOMEM.
 */
int oci_features_text(char **out) must_check;
#define cleanup_spec cleanup_(oci_spec_free)

/*
 * The values of bundle_fd/config.json's annotations of these names: strings that the caller frees,
 * NULL for one that is absent. All NULL after an error.
 */
int oci_annotations(int bundle_fd, const char *const *names, char **out, size_t count,
		    struct err *e) must_check;

/*
 * One annotation of a spec that was read: 1 and *out, borrowed; 0 if it is absent; or an error of
 * its value.
 */
int oci_spec_annotation(const struct oci_spec *spec, const char *name, const char **out,
			struct err *e) must_check;

/* The name of capability number i, NULL from the first one on that is not known. */
const char *oci_capability_name(size_t i);

/* A variable of process.env, borrowed; NULL: it is not set. */
const char *oci_environment(const struct oci_spec *spec, const char *name);

/* The namespace entry for a CLONE_NEW* flag, or NULL. */
const struct oci_namespace *oci_namespace(const struct oci_spec *spec, int flag);

/*
 * linux.cgroupsPath to an absolute path below a hierarchy's root: "/a/b" as it is, the systemd form
 * "slice:prefix:name" as the directories that systemd would make. *out is the caller's. -EINVAL:
 * neither.
 */
int oci_cgroup_path(const char *text, char **out) must_check;

/*
 * The options of one mount (NULL-terminated; NULL: none) into *m: all but destination, type and
 * source. m->data is the caller's to free. -ENOSYS with *bad an option that Mote does not support,
 * -ENOMEM.
 */
int oci_mount_options(const char *const *options, struct oci_mount *m, const char **bad) must_check;

/*
 * One more mount after those of a spec that was read; takes m->data on success. -ENOMEM.
 */
int oci_add_mount(struct oci_spec *spec, const struct oci_mount *m) must_check;

#endif
