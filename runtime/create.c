/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making a container. The monitor enters its namespaces and mounts its root while its cgroup is
 * made here; nothing of the guest exists until both are done.
 */
#include "runtime/container.h"

#include "oci/entry.h"
#include "oci/spec.h"
#include "runtime/mounts.h"
#include "runtime/pod.h"
#include "runtime/rootfs.h"
#include "runtime/sidecar.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/sysinfo.h>

#define MEMORY_MIN (8UL << 20) /* of a micro-VM */
#define MEMORY_MAX (1UL << 40)
#define PAGE_BYTES 4096UL
#define LOGGER_MS  10000
/* a mount may be slow; a monitor that says nothing for so long is stuck */
#define MONITOR_MS 120000

static const char *or_empty(const char *s)
{
	return s ? s : "";
}

/*
 * Artefacts have their program in a layer that nobody unpacks. Only containerd knows; it is not
 * asked for the sake of images that have their program in the root file system.
 */
static bool may_be_artefact(const struct container *c, const struct oci_spec *s)
{
	const char *root = c->rootfs_mounted ? c->rootfs : s->root_path;
	cleanup_close int fd = openat(c->bundle_fd, root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd >= 0 && !oci_entry_is_there(fd, s->cwd, oci_environment(s, "PATH"), s->args[0]);
}

/* --- parts --- */

static int copy_names(struct container *c, const struct container_config *config, struct err *e)
{
	c->id = strdup(config->id);
	c->bundle = strdup(config->bundle);
	if (asprintf(&c->rootfs, "%s/rootfs", config->bundle) < 0)
		c->rootfs = NULL;
	if (!c->id || !c->bundle || !c->rootfs)
		return err_sys(e, ENOMEM, "container %s", config->id);
	c->bundle_fd = open(config->bundle, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (c->bundle_fd < 0)
		return err_set(e, ERR_CONFIG, errno, "bundle %s: %s", config->bundle,
			       strerror(errno));
	return 0;
}

static int note_exec_defaults(struct exec_defaults *d, const struct oci_spec *s, struct err *e)
{
	d->capability_sets = s->capability_sets;
	memcpy(d->rlimits, s->rlimits, sizeof(d->rlimits));
	d->rlimits_count = s->rlimits_count;
	d->umask = s->umask;
	d->oom_score_adj = s->oom_score_adj;
	d->seccomp = s->seccomp;
	memcpy(d->call_rules, s->call_rules, sizeof(d->call_rules));
	d->call_rules_count = s->call_rules_count;
	if (s->apparmor_profile)
		d->apparmor_profile = strdup(s->apparmor_profile);
	if (s->selinux_label)
		d->selinux_label = strdup(s->selinux_label);
	bool all = !d->apparmor_profile == !s->apparmor_profile &&
		   !d->selinux_label == !s->selinux_label;
	if (!all)
		return err_sys(e, ENOMEM, "process");
	return guest_paths_note(&d->paths, s, e);
}

static int check_memory_limit(const struct oci_resources *r, struct err *e)
{
	if (r->memory_limit == OCI_UNSET || r->memory_limit <= 0 ||
	    (uint64_t)r->memory_limit >= MEMORY_MIN)
		return 0;
	return err_set(e, ERR_CONFIG, EINVAL,
		       "linux.resources.memory.limit is %ld bytes; a micro-VM needs at least %lu "
		       "MiB",
		       (long)r->memory_limit, MEMORY_MIN >> 20);
}

/*
 * What a guest can have: the memory of the machine, as a process has it. A container's limit is its
 * cgroup's: one that exceeds it is OOM-killed, and a limit that Update raises is there at once.
 */
static int machine_memory(uint64_t *bytes, struct err *e)
{
	struct sysinfo machine;
	if (sysinfo(&machine) < 0)
		return err_sys(e, errno, "the machine's memory");
	*bytes = ((uint64_t)machine.totalram + machine.totalswap) * machine.mem_unit;
	*bytes &= ~(PAGE_BYTES - 1);
	if (*bytes > MEMORY_MAX)
		*bytes = MEMORY_MAX;
	return 0;
}

/* A module that does not fit into the cgroup with its compiler is not compiled for others. */
static uint64_t compile_memory(const struct oci_resources *r, uint64_t machine)
{
	if (r->memory_limit > 0 && (uint64_t)r->memory_limit < machine)
		return (uint64_t)r->memory_limit & ~(PAGE_BYTES - 1);
	return machine;
}

static int open_cgroup(struct container *c, const struct oci_spec *s,
		       const struct container_config *config, struct err *e)
{
	if (s->cgroup_path)
		return cgroup_open(s->cgroup_path, &c->cgroup, e);
	cleanup_free char *path = NULL;
	if (asprintf(&path, "/mote/%s/%s", config->containerd_namespace, config->id) < 0) {
		path = NULL;
		return err_sys(e, ENOMEM, "a cgroup");
	}
	return cgroup_open(path, &c->cgroup, e);
}

static void on_oom(void *arg, uint32_t events)
{
	struct container *c = arg;
	(void)events;
	c->oom |= cgroup_take_oom(c->cgroup);
	c->init.supervisor.changed(c->init.supervisor.arg);
}

static int watch_oom(struct container *c, struct err *e)
{
	int rc = cgroup_watch_oom(c->cgroup, e);
	if (rc < 0 || cgroup_oom_fd(c->cgroup) < 0)
		return rc;
	rc = loop_add(c->init.supervisor.loop, &c->oom_source, cgroup_oom_fd(c->cgroup), EPOLLIN,
		      on_oom, c);
	if (rc < 0)
		return err_sys(e, -rc, "watching the cgroup of container %s", c->id);
	return 0;
}

static int make_cgroup(struct container *c, const struct oci_spec *s, struct err *e)
{
	/* The bundle has to name the cgroup before it exists. */
	int rc = container_write_state(c, e);
	if (rc == 0)
		rc = cgroup_create(c->cgroup, &s->resources, e);
	if (rc < 0)
		return rc;
	return watch_oom(c, e);
}

/*
 * Whose containers share compiled modules: a Kubernetes namespace's, else a namespace's of
 * containerd.
 */
static int name_tenant(const struct oci_spec *s, const struct container_config *config, char **out,
		       struct err *e)
{
	const char *pods = "";
	int rc = oci_spec_annotation(s, "io.kubernetes.cri.sandbox-namespace", &pods, e);
	if (rc < 0)
		return rc;
	if (asprintf(out, "%s/%s", config->containerd_namespace, pods) < 0) {
		*out = NULL;
		return err_sys(e, ENOMEM, "container %s", config->id);
	}
	return 0;
}

/* Everything that is made on this side, in an order that keeps both sides busy. */
static int assemble(struct container *c, const struct oci_spec *s,
		    const struct container_config *config, int kvm, struct err *e)
{
	struct process *p = &c->init;
	cleanup_free char *tenant = NULL;
	if (name_tenant(s, config, &tenant, e) < 0 || open_cgroup(c, s, config, e) < 0)
		return -e->code;
	struct wire_config w = {
		.id = c->id,
		.bundle = c->bundle,
		.rootfs = s->root_path,
		.memory_bytes = c->memory_bytes,
		.compile_bytes = compile_memory(&s->resources, c->memory_bytes),
		.cache = or_empty(config->cache),
		.tenant = tenant,
		.containerd = "",
		.containerd_namespace = config->containerd_namespace,
		.private_memory = c->private_memory,
		.hooks = s->hooks.count[OCI_HOOK_CREATE_CONTAINER] > 0,
		.runtime_hooks = s->hooks.count[OCI_HOOK_CREATE_RUNTIME] > 0,
		.spec = *s,
	};
	w.spec.mounted = c->exec_defaults.paths.mounted;
	w.spec.mounted_count = c->exec_defaults.paths.mounted_count;
	const struct process_place place = {
		.cgroup = c->cgroup,
		.userns = &c->userns,
		.kvm = kvm,
		.namespace_of = -1,
	};
	int rc = process_open_streams(p, c->id, config->containerd_namespace, s->console_width,
				      s->console_height, e);
	bool first = cgroup_is_born_into(c->cgroup);
	if (rc < 0)
		return rc;
	if (first)
		rc = make_cgroup(c, s, e);
	if (rc < 0)
		return rc;
	rc = process_launch(p, c->id, &place, e);
	w.pid = p->pid;
	/* While the new program is being loaded. It makes its mount namespace when it has its
	 * config. */
	if (rc < 0)
		return rc;
	rc = rootfs_mount(c, config, e);
	w.id_base = c->userns.base;
	w.root_mapped = c->root_mapped;
	if (rc < 0)
		return rc;
	if (may_be_artefact(c, s))
		w.containerd = or_empty(config->containerd);
	rc = process_send_config(p, &w, e);
	if (rc < 0)
		return rc;
	rc = first ? container_write_state(c, e) : make_cgroup(c, s, e);
	/* A monitor that waits for hooks gets it afterwards. */
	if (rc < 0 || w.runtime_hooks)
		return rc;
	return process_send_join(p, c->cgroup, NULL, e);
}

static bool has_own_hooks(const struct oci_spec *s)
{
	return s->hooks.count[OCI_HOOK_CREATE_RUNTIME] || s->hooks.count[OCI_HOOK_POSTSTART] ||
	       s->hooks.count[OCI_HOOK_POSTSTOP];
}

/* --- what the node's OCI runtime runs --- */

/*
 * By its program, for which the root file system is mounted, with the host's ids: if a VM runs it,
 * it is mounted again as that needs.
 */
static int choose_by_program(struct container *c, const struct oci_spec *s,
			     const struct container_config *config, bool *out, struct err *e)
{
	int rc = rootfs_mount(c, config, e);
	if (rc < 0)
		return rc;
	const char *path = c->rootfs_mounted ? c->rootfs : s->root_path;
	cleanup_close int root = openat(c->bundle_fd, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	*out = root >= 0 &&
	       oci_entry_is_dynamic(root, s->cwd, oci_environment(s, "PATH"), s->args[0]);
	if (*out || !c->rootfs_mounted)
		return 0;
	rc = mounts_detach(c->rootfs, e);
	c->rootfs_mounted = rc < 0;
	return rc;
}

static int choose_runtime(struct container *c, const struct oci_spec *s,
			  const struct container_config *config, bool *is_sidecar, struct err *e)
{
	enum admission_runtime chosen;
	int rc = admission_choose_runtime(s, config->oci_runtime, &chosen, e);
	*is_sidecar = false;
	if (rc < 0 || chosen == ADMISSION_VM)
		return rc;
	if (chosen == ADMISSION_BY_PROGRAM)
		return choose_by_program(c, s, config, is_sidecar, e);
	*is_sidecar = true;
	return rootfs_mount(c, config, e);
}

static int create_sidecar(struct container *c, const struct oci_spec *s,
			  const struct container_config *config, struct err *e)
{
	struct process *p = &c->init;
	p->kind = &sidecar_kind;
	c->oci_runtime = strdup(config->oci_runtime);
	if (!c->oci_runtime)
		return err_sys(e, ENOMEM, "container %s", c->id);
	dprintf(2, "mote: container %s: runs without a VM, by the OCI runtime %.100s\n", c->id,
		c->oci_runtime);
	int rc = open_cgroup(c, s, config, e);
	if (rc < 0)
		return rc;
	cgroup_count_tasks(c->cgroup);
	rc = process_open_streams(p, c->id, config->containerd_namespace, 0, 0, e);
	if (rc == 0)
		rc = make_cgroup(c, s, e);
	if (rc < 0)
		return rc;
	return sidecar_create(c, s, e);
}

/* --- all of it --- */

static int create_in_vm(struct container *c, struct oci_spec *s,
			const struct container_config *config, struct err *e)
{
	int rc = note_exec_defaults(&c->exec_defaults, s, e);
	if (rc < 0)
		return rc;
	admission_report_capabilities(s, c->init.name);
	admission_report_mount_label(s, c->init.name);
	rc = admission_check_pid_namespace(s, config, e);
	if (rc < 0)
		return rc;
	rc = check_memory_limit(&s->resources, e);
	if (rc < 0)
		return rc;
	rc = machine_memory(&c->memory_bytes, e);
	if (rc < 0)
		return rc;
	rc = admission_choose_isolation(s, config->isolation, &c->private_memory, e);
	if (rc < 0)
		return rc;
	s->terminal = config->stdio.terminal;
	cleanup_close int kvm = container_open_kvm(e);
	if (kvm < 0)
		return kvm;
	container_choose_userns(c, s, config);
	rc = assemble(c, s, config, kvm, e);
	if (has_own_hooks(s))
		oci_hooks_take(s, &c->hooks);
	if (config->debug)
		dprintf(2, "container %s: monitor %d, cgroup %s, %lu MiB for the guest\n", c->id,
			c->init.pid, c->cgroup ? cgroup_path(c->cgroup) : "none",
			c->memory_bytes >> 20);
	return rc;
}

static int create(struct container *c, const struct container_config *config, struct err *e)
{
	cleanup_spec struct oci_spec spec = {0};
	bool is_sidecar = false;
	int rc = copy_names(c, config, e);
	if (rc < 0)
		return rc;
	rc = oci_spec_read(c->bundle_fd, &spec, e);
	if (rc < 0)
		return rc;
	if (config->pod)
		rc = pod_add_mounts(config->pod, &spec, e);
	if (rc == 0)
		rc = choose_runtime(c, &spec, config, &is_sidecar, e);
	if (rc < 0)
		return rc;
	if (is_sidecar)
		return create_sidecar(c, &spec, config, e);
	return create_in_vm(c, &spec, config, e);
}

int container_create(const struct container_config *config, struct container **out, struct err *e)
{
	struct container *c = calloc(1, sizeof(*c));
	if (!c)
		return err_sys(e, ENOMEM, "container %s", config->id);
	c->bundle_fd = c->hook_answer = -1;
	c->userns = USERNS_NONE;
	struct process *p = &c->init;
	int rc = process_init(p, c, config->id, "", &config->stdio, &config->supervisor, e);
	if (rc < 0) {
		container_free(c);
		return rc;
	}
	p->kind = &process_in_vm;
	int64_t limit_ms = MONITOR_MS;
	if (create(c, config, &p->failure) == 0) {
		if (p->streams.logger_ready >= 0)
			limit_ms = LOGGER_MS;
		process_set_deadline(p, limit_ms);
	}
	*out = c;
	return 0;
}

/* Undoes what create did, in reverse. Its own errors would hide the first one. */
static void undo(struct container *c)
{
	if (c->rootfs_mounted && mounts_detach(c->rootfs, NULL) < 0)
		c->rootfs_mounted = false;
	if (c->cgroup && cgroup_remove(c->cgroup, NULL) == 0 && c->bundle_fd >= 0)
		state_remove(c->bundle_fd);
	container_free(c);
}

static void note_lateness(struct process *p)
{
	if (!process_is_late(p))
		return;
	if (p->streams.logger_ready >= 0)
		err_set(&p->failure, ERR_CONFIG, ETIMEDOUT,
			"the log process of %s was not ready within %d s", p->name,
			LOGGER_MS / 1000);
	else
		err_set(&p->failure, ERR_HOST, ETIMEDOUT,
			"the monitor of %s was not ready within %d s", p->name, MONITOR_MS / 1000);
}

/* The monitor's request, while it waits in its namespaces. */
static void run_runtime_hooks(struct container *c)
{
	c->init.hooks_due = false;
	if (c->hook_phase == HOOKS_NONE && c->hooks.count[OCI_HOOK_CREATE_RUNTIME] > 0)
		container_start_hooks(c, HOOKS_CREATE_RUNTIME);
	else
		err_set(&c->init.failure, ERR_HOST, EBADMSG,
			"the monitor asked for hooks that are not due");
}

/*
 * True if Create can be answered with success. It may have ended since. Before that answer only a
 * teardown whose monitor is stuck leads to REPORTED.
 */
static bool is_ready(const struct process *p)
{
	return p->state != PROCESS_SETTING_UP && p->state < PROCESS_REPORTED &&
	       p->streams.logger_ready < 0;
}

/* -EINPROGRESS: the processes of a container that could not be created are still there. */
static int give_up(struct container *c)
{
	/* Also of a monitor that was ready while its log process was not. */
	(void)!process_signal(&c->init, SIGKILL);
	if (process_teardown(&c->init, NULL) == -EINPROGRESS || c->hook > 0)
		return -EINPROGRESS;
	/* What those of its creation did, they undo. */
	if (c->init.pid > 0 && c->hook_phase != HOOKS_POSTSTOP)
		container_start_hooks(c, HOOKS_POSTSTOP);
	if (c->hook > 0)
		return -EINPROGRESS;
	return 0;
}

int container_created(struct container *c, struct err *e)
{
	struct process *p = &c->init;
	/* A monitor that has failed meanwhile waits for none. */
	if (p->hooks_due && !p->failure.code)
		run_runtime_hooks(c);
	/* What goes wrong with the VM after that is Start's to report. */
	if (is_ready(p)) {
		p->deadline_ms = 0;
		return 0;
	}
	if (!p->failure.code)
		note_lateness(p);
	if (!p->failure.code || give_up(c) < 0)
		return -EINPROGRESS;
	int rc = err_set(e, p->failure.blame, p->failure.code, "%s", p->failure.text);
	undo(c);
	return rc;
}
