/* SPDX-License-Identifier: Apache-2.0 */
/* The monitor's VM: its compiled module, its options, and the filter. */
#include "runtime/monitor/private.h"

#include "base/confine.h"
#include "oci/entry.h"

#include <errno.h>
#include <fcntl.h>
#include <mote/cache.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

static const int monitor_kvm_fd = MONITOR_KVM_FD;

/* A module below this is compiled in a few milliseconds. */
enum { CACHED_FROM_BYTES = 256 << 10 };

void monitor_open_cache(struct monitor *m)
{
	const char *path = m->config.cache;
	if (*path != '/' || (mkdir(path, 0700) < 0 && errno != EEXIST))
		return;
	m->cache_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static enum mote_isolation isolation(const struct monitor *m)
{
	return m->config.private_memory ? MOTE_ISOLATION_PRIVATE : MOTE_ISOLATION_SHARED;
}

/* The child that compiles has no more rights than this process will have, and no capabilities. */
static int become_user(void *monitor)
{
	struct monitor *m = monitor;
	struct err e = {0};
	return monitor_become_user(&m->config.spec, &m->userns, 0, &m->lsm, &e);
}

/* Of an artefact it has just been computed. */
static const char *module_digest(const struct oci_artefact *a)
{
	return *a->layer ? a->layer + strlen("sha256:") : NULL;
}

void monitor_find_compiled(struct monitor *m)
{
	char *argv[] = {NULL};
	const struct mote_cache cache = {
		.size = sizeof(cache),
		.dir = m->cache_fd,
		.module_bytes_min = CACHED_FROM_BYTES,
		.in_child = become_user,
		.arg = m,
		.tenant = m->config.tenant,
		.digest = module_digest(&m->artefact),
	};
	const struct mote_options o = {
		.size = sizeof(o),
		.program_fd = m->artefact.entry.fd,
		.argv = argv,
		.memory_bytes = m->config.compile_bytes,
		.kvm_fd = &monitor_kvm_fd,
		.isolation = isolation(m),
		.log = monitor_log,
	};
	if (m->cache_fd >= 0)
		m->compiled = mote_compiled_find(&cache, &o);
	cleanup_closep(&m->cache_fd);
}

/* On the vCPU's thread, in the seccomp filter: the kernel has forgotten both. */
static void on_new_credentials(void *monitor)
{
	struct err e = {0};
	(void)monitor;
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 || monitor_follow_shim(&e) < 0)
		_exit(128 + SIGKILL);
}

/* FNV-1a: the same for all processes of a container, others for its neighbours in a network. */
static uint64_t container_key(const char *id)
{
	uint64_t key = 14695981039346656037UL;
	for (; *id; id++)
		key = (key ^ (uint8_t)*id) * 1099511628211UL;
	return key | 1;
}

/* What mote_options points to. */
struct sandbox_parts {
	gid_t groups[OCI_GROUPS_MAX]; /* as the kernel sorts them */
	int group_count;
	uint32_t mask;
	struct mote_call_rule call_rules[OCI_CALL_RULES_MAX];
	struct mote_dir root;
	struct mote_credentials credentials;
};

static int collect_parts(const struct monitor *m, struct sandbox_parts *p, struct err *e)
{
	const struct oci_spec *s = &m->config.spec;
	p->group_count = getgroups(OCI_GROUPS_MAX, p->groups);
	if (p->group_count < 0)
		return err_sys(e, errno, "getgroups");
	/* The guest's own mask is in force alone: it can be changed there. */
	p->mask = umask(0);
	for (size_t i = 0; i < s->call_rules_count; i++) {
		const struct oci_call_rule *r = &s->call_rules[i];
		p->call_rules[i] = (struct mote_call_rule){
			.nr = r->nr,
			.kind = r->allowed ? MOTE_CALL_ALLOWED : MOTE_CALL_REFUSED,
			.value = r->value,
		};
	}
	p->root = (struct mote_dir){.guest_path = "/", .fd = m->root_fd};
	p->credentials = (struct mote_credentials){
		.permitted = s->capabilities.permitted,
		.effective = s->capabilities.permitted,
		.inheritable = s->capabilities.inheritable,
		.bounding = s->capabilities.bounding,
		.ambient = s->capabilities.ambient,
		.no_new_privs = s->no_new_privileges,
		.seccomp = s->seccomp,
		.changed = on_new_credentials,
		.bind = m->config.id_base ? monitor_bind_by_shim : NULL,
	};
	return 0;
}

static struct mote_options options_of(const struct monitor *m, const struct sandbox_parts *p)
{
	const struct oci_spec *s = &m->config.spec;
	const struct oci_entry *entry = &m->artefact.entry;
	const char *hostname = m->hostname;
	if (s->hostname && *s->hostname)
		hostname = s->hostname;
	return (struct mote_options){
		.size = sizeof(struct mote_options),
		.memory_bytes = m->config.memory_bytes,
		.program_fd = entry->fd,
		.program_path = entry->path,
		.entry = entry->function,
		.argv = (char *const *)s->args,
		.envp = (char *const *)s->env,
		.cwd = m->cwd,
		.hostname = hostname,
		.domainname = m->domainname,
		.umask = &p->mask,
		.groups = p->groups,
		.group_count = (size_t)p->group_count,
		.limits = m->limits,
		.limit_count = RLIM_NLIMITS,
		.masked_paths = s->masked,
		.readonly_paths = s->readonly,
		.mounted_paths = s->mounted,
		.call_rules = p->call_rules,
		.call_rule_count = s->call_rules_count,
		.credentials = &p->credentials,
		.uid = s->uid,
		.gid = s->gid,
		.dirs = &p->root,
		.dir_count = 1,
		.network = 1,
		.container_key = container_key(m->config.id),
		.set_ids = 1, /* package managers set them in the container's root */
		.listeners = m->listeners,
		.listener_count = m->listener_count,
		.kvm_fd = &monitor_kvm_fd,
		.descriptors_max = UINT32_MAX, /* the process's own limit counts */
		.isolation = isolation(m),
		.log = monitor_log,
	};
}

int monitor_build(struct monitor *m, struct err *e)
{
	struct sandbox_parts parts;
	struct mote_error me;
	int rc = collect_parts(m, &parts, e);
	if (rc < 0)
		return rc;
	/* What follows '#' in args[0] is ours, not the program's. */
	if (m->artefact.entry.function)
		m->config.spec.args[0] = m->artefact.entry.path;
	const struct mote_options o = options_of(m, &parts);
	if (mote_sandbox_from_compiled(m->compiled, &o, &m->sandbox, &me) < 0)
		return monitor_error(&me, e);
	mote_compiled_free(take_ptr(m->compiled));
	oci_entry_free(&m->artefact.entry);
	rc = confine_speculation(e);
	if (rc < 0)
		return rc;
	/*
	 * The VM has copies of what it needs of /dev/kvm, the root, the listeners. SECURITY.md
	 * lists what stays.
	 */
	const int keep = MONITOR_CONTROL_FD;
	if (mote_close_others(m->sandbox, &keep, 1, &me) < 0 ||
	    mote_sandbox_jail(m->sandbox, &me) < 0)
		return monitor_error(&me, e);
	return 0;
}
