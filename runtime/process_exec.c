/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process that Exec adds to a running container: a monitor and a VM of its own, in the
 * container's cgroup, namespaces and root file system. It is made when it is started.
 */
#include "runtime/container.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

static int refuse(const struct container *c, const char *state, struct err *e)
{
	return err_set(e, ERR_PEER, EBUSY, "container %s %s: no process can be added to it", c->id,
		       state);
}

/* It also has processes of Exec before it is started: its namespaces are there. */
static int check_accepts(const struct container *c, struct err *e)
{
	if (process_has_ended(&c->init))
		return refuse(c, "has ended", e);
	if (c->paused)
		return refuse(c, "is paused", e);
	return 0;
}

static void inherit(struct oci_spec *s, const struct exec_defaults *d)
{
	s->seccomp = d->seccomp;
	memcpy(s->call_rules, d->call_rules, sizeof(s->call_rules));
	s->call_rules_count = d->call_rules_count;
	if (!s->has_capabilities) {
		s->capability_sets = d->capability_sets;
		oci_derive_capabilities(s);
	}
	if (!s->apparmor_profile)
		s->apparmor_profile = d->apparmor_profile;
	if (!s->selinux_label)
		s->selinux_label = d->selinux_label;
	if (s->rlimits_count == 0) {
		memcpy(s->rlimits, d->rlimits, sizeof(s->rlimits));
		s->rlimits_count = d->rlimits_count;
	}
	if (s->umask == OCI_UNSET)
		s->umask = d->umask;
	if (s->oom_score_adj == OCI_UNSET)
		s->oom_score_adj = d->oom_score_adj;
}

static int init(struct process *p, struct container *c, const struct exec_config *config,
		struct err *e)
{
	int rc = process_init(p, c, c->id, config->exec_id, &config->stdio, &config->supervisor, e);
	if (rc < 0)
		return rc;
	p->kind = c->init.kind;
	p->containerd_namespace = strdup(config->containerd_namespace);
	if (!p->containerd_namespace)
		return err_sys(e, ENOMEM, "%s", p->name);
	rc = oci_process_parse(config->process, config->process_len, &p->spec, e);
	if (rc < 0)
		return rc;
	p->spec.terminal = config->stdio.terminal;
	/* Once is enough of those that are the container's: exec probes come every few seconds. */
	if (p->spec.has_capabilities &&
	    memcmp(&p->spec.capability_sets, &c->exec_defaults.capability_sets,
		   sizeof(p->spec.capability_sets)) != 0)
		admission_report_capabilities(&p->spec, p->name);
	inherit(&p->spec, &c->exec_defaults);
	return 0;
}

int container_exec(struct container *c, const struct exec_config *config, struct process **out,
		   struct err *e)
{
	int rc = check_accepts(c, e);
	if (rc < 0)
		return rc;
	struct process *p = calloc(1, sizeof(*p));
	if (!p)
		return err_sys(e, ENOMEM, "process %s of container %s", config->exec_id, c->id);
	rc = init(p, c, config, e);
	if (rc < 0) {
		process_fini(p);
		free(p);
		return rc;
	}
	p->next = c->execs;
	c->execs = p;
	*out = p;
	return 0;
}

/*
 * The root that the container's monitor has: its mount namespace has another one if Mote itself
 * runs below a chroot. It is our child and not reaped, so that the number is its own.
 */
static int open_root(const struct container *c, struct err *e)
{
	char path[32];
	snprintf(path, sizeof(path), "/proc/%d/root", c->init.pid);
	int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, errno, "the root of container %s", c->id);
	return fd;
}

static int launch(struct process *p, struct err *e)
{
	const struct container *c = p->container;
	cleanup_close int kvm = container_open_kvm(e);
	if (kvm < 0)
		return kvm;
	cleanup_close int root = open_root(c, e);
	if (root < 0)
		return root;
	struct wire_config w = {
		.id = c->id,
		.bundle = c->bundle,
		.rootfs = c->rootfs,
		.memory_bytes = c->memory_bytes,
		.private_memory = c->private_memory,
		.id_base = c->userns.base,
		.cache = "",
		.tenant = "",
		.containerd = "",
		.containerd_namespace = "",
		.exec = true,
		.spec = p->spec,
	};
	guest_paths_lend(&c->exec_defaults.paths, &w.spec);
	const struct process_place place = {
		.cgroup = c->cgroup,
		.userns = &c->userns,
		.kvm = kvm,
		.namespace_of = c->init.pidfd,
	};
	int rc = process_open_streams(p, c->id, p->containerd_namespace, p->spec.console_width,
				      p->spec.console_height, e);
	if (rc == 0)
		rc = process_launch(p, c->id, &place, e);
	w.pid = p->pid;
	if (rc == 0)
		rc = process_send_config(p, &w, e);
	if (rc < 0)
		return rc;
	return process_send_join(p, c->cgroup, (const int[]){c->init.pidfd, root}, e);
}

/*
 * The end of a container's first process kills all others of its PID namespace, before we are
 * notified of it: what such a process, or its launch, then fails with says nothing.
 */
static bool is_ending(const struct container *c)
{
	return process_has_ended(&c->init) || c->init.pidfd < 0 || state_is_exiting(c->init.pid);
}

/* It has ended without having run; those that wait for its end are notified, too. */
static int fail(struct process *p, struct err *e)
{
	struct err *failure = &p->failure;
	uint32_t status = (uint32_t)wire_failure_status(failure);
	bool unclear = failure->blame == ERR_HOST || failure->code == ESRCH;
	if (unclear && is_ending(p->container)) {
		refuse(p->container, "has ended", failure);
	} else if (failure->code == ESRCH && p->killed_by) {
		err_set(failure, ERR_PEER, EBUSY, "%s was killed before it was started", p->name);
		status = 128 + (uint32_t)p->killed_by;
	}
	(void)!process_signal(p, SIGKILL);
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	process_set_ended(p, status, now);
	return err_set(e, failure->blame, failure->code, "%s", failure->text);
}

static int begin(struct process *p, struct err *e)
{
	int rc = check_accepts(p->container, e);
	if (rc < 0)
		return rc;
	return p->kind->launch(p, e);
}

int process_start(struct process *p, struct err *e)
{
	if (p->state == PROCESS_NEW && begin(p, &p->failure) < 0)
		return fail(p, e);
	int rc = p->kind->run(p, e);
	/* Its VM was there, and it was killed, alone or with its container, before its start. */
	if (rc == -ESRCH && (p->killed_by || is_ending(p->container)))
		p->failure = *e;
	if (p->failure.code)
		return fail(p, e);
	return rc;
}

int process_delete(struct process *p, struct err *e)
{
	bool exists = !process_has_ended(p) && p->state != PROCESS_NEW;
	/* It ends with its container, soon. */
	if (exists && process_has_ended(&p->container->init)) {
		(void)!process_signal(p, SIGKILL);
		return -EINPROGRESS;
	}
	if (exists)
		return err_set(e, ERR_PEER, EBUSY, "%s has not ended", p->name);
	int rc = process_teardown(p, e);
	if (rc < 0)
		return rc;
	struct process **at = &p->container->execs;
	while (*at != p)
		at = &(*at)->next;
	*at = p->next;
	process_fini(p);
	free(p);
	return 0;
}

const struct process_kind process_in_vm = {
	.launch = launch,
	.run = process_run_vm,
	.signal = process_signal_vm,
	.reaped = process_reaped,
};
