/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a monitor becomes the first process of its container, or one of Exec's: what needs rights,
 * until they are given up.
 */
#include "runtime/monitor/private.h"

#include "base/io.h"
#include "oci/entry.h"
#include "oci/passwd.h"
#include "runtime/runtime.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <termios.h>
#include <unistd.h>

static int take_terminal(const struct oci_spec *s, struct err *e)
{
	if (s->terminal && ioctl(0, TIOCSCTTY, 0) < 0)
		return err_sys(e, errno, "the controlling terminal");
	return 0;
}

/* As other runtimes do: if there is no HOME in the environment, the image's passwd file has it. */
static int add_home(struct monitor *m, struct err *e)
{
	struct oci_spec *s = &m->config.spec;
	if (oci_environment(s, "HOME"))
		return 0;
	cleanup_free char *home = NULL;
	char *entry = NULL;
	int rc = oci_home(m->root_fd, s->uid, &home);
	if (rc == 0 && asprintf(&entry, "HOME=%s", home ? home : "/") < 0)
		rc = -ENOMEM;
	const char **env = NULL;
	if (rc == 0)
		env = reallocarray(s->env, s->env_count + 2, sizeof(*env));
	if (!env)
		return err_sys(e, ENOMEM, "HOME");
	env[s->env_count++] = entry;
	env[s->env_count] = NULL;
	s->env = env;
	return 0;
}

/*
 * In the container's network and root, and with its user's rights: ports, files, their owner and
 * mode.
 */
static int open_listeners(struct monitor *m, struct err *e)
{
	struct mote_error me;
	cleanup_free char *words = take_ptr(m->listen);
	char *rest = words;
	for (char *spec; rest && (spec = strtok_r(rest, ", ", &rest));) {
		if (m->listener_count == MONITOR_LISTENERS_MAX)
			return err_set(e, ERR_CONFIG, E2BIG,
				       "annotation " OCI_LISTEN ": more than %d listeners",
				       MONITOR_LISTENERS_MAX);
		if (mote_listen(spec, &m->listeners[m->listener_count], &me) < 0)
			return monitor_error(&me, e);
		m->listener_count++;
	}
	return 0;
}

/*
 * A guest begins with its monitor's ids, and changes them by host calls alone (set_ids). No
 * execve(2) gives it others: a program that would have them by its set-ID bits is refused, unless
 * no_new_privs or its mount has it run without them.
 */
static int refuse_set_ids(const struct monitor *m, struct err *e)
{
	const struct oci_spec *s = &m->config.spec;
	struct stat st;
	struct statvfs fs;
	if (fstat(m->artefact.entry.fd, &st) < 0 || fstatvfs(m->artefact.entry.fd, &fs) < 0)
		return err_sys(e, errno, "%.200s", m->artefact.entry.path);
	bool other_user = st.st_mode & S_ISUID && st.st_uid != userns_host_id(&m->userns, s->uid);
	bool other_group = (st.st_mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP) &&
			   st.st_gid != userns_host_id(&m->userns, s->gid);
	if ((!other_user && !other_group) || s->no_new_privileges || fs.f_flag & ST_NOSUID)
		return 0;
	return err_set(e, ERR_CONFIG, EPERM,
		       "%.200s has its set-%s-ID bit set, which Mote does not support; it runs "
		       "without with process.noNewPrivileges (a pod's allowPrivilegeEscalation: "
		       "false)",
		       m->artefact.entry.path, other_user ? "user" : "group");
}

/* In the root file system, unless the image is an artefact. */
static int find_entry(struct monitor *m, struct err *e)
{
	const struct oci_spec *s = &m->config.spec;
	struct err why = {0};
	if (m->artefact.entry.fd >= 0)
		return 0;
	int rc = oci_entry_open(m->root_fd, m->cwd, oci_environment(s, "PATH"), s->args[0],
				&m->artefact.entry, &why);
	if (rc == -ENOENT && m->unasked.code)
		return err_set(e, ERR_CONFIG, ENOENT,
			       "%s; whether its image is an artefact is not known: %s", why.text,
			       m->unasked.text);
	if (rc < 0)
		return err_set(e, why.blame, why.code, "%s", why.text);
	return 0;
}

/* What is done for the container's user, with no rights but his. */
static int act_as_user(struct monitor *m, struct err *e)
{
	const struct oci_spec *s = &m->config.spec;
	int rc = monitor_assume_user(s, &m->userns, e);
	if (rc < 0)
		return rc;
	rc = find_entry(m, e);
	if (rc < 0)
		return rc;
	rc = refuse_set_ids(m, e);
	if (rc < 0)
		return rc;
	rc = open_listeners(m, e);
	if (rc < 0)
		return rc;
	return monitor_be_root_again(e);
}

/* In the new root: opens what the process needs of it. */
static int open_environment(struct monitor *m, struct err *e)
{
	const struct oci_spec *s = &m->config.spec;
	int rc = take_terminal(s, e);
	if (rc < 0)
		return rc;
	monitor_note_limits(s, m->limits);
	rc = monitor_set_limits(s, m->limits, e);
	if (rc < 0)
		return rc;
	if (!getcwd(m->cwd, sizeof(m->cwd)))
		return err_sys(e, errno, "process.cwd: %s", s->cwd);
	rc = act_as_user(m, e);
	/* A guest in a UTS namespace that it shares has that one's name. */
	if (rc < 0)
		return rc;
	if (gethostname(m->hostname, sizeof(m->hostname) - 1) < 0)
		rc = err_sys(e, errno, "gethostname");
	else if (getdomainname(m->domainname, sizeof(m->domainname) - 1) < 0)
		rc = err_sys(e, errno, "getdomainname");
	if (rc < 0)
		return rc;
	return add_home(m, e);
}

/*
 * A pod's annotations come to all of its containers. Its pause container has no use for them, and
 * OCI_LISTEN.NAME is what the container of that name listens on, whatever OCI_LISTEN says.
 */
static int read_listen(struct monitor *m, struct err *e)
{
	static const char *const names[] = {OCI_LISTEN, "io.kubernetes.cri.container-type",
					    "io.kubernetes.cri.container-name"};
	char *values[3], *own = NULL, *own_name = NULL;
	int rc = oci_annotations(AT_FDCWD, names, values, 3, e);
	if (rc < 0)
		return rc;
	cleanup_free char *listen = values[0], *type = values[1], *name = values[2];
	if (type && strcmp(type, "sandbox") == 0)
		return 0;
	if (name && asprintf(&own_name, OCI_LISTEN ".%s", name) < 0)
		return err_sys(e, ENOMEM, "annotation");
	if (name)
		rc = oci_annotations(AT_FDCWD, (const char *const[]){own_name}, &own, 1, e);
	free(own_name);
	m->listen = own;
	if (!own)
		m->listen = take_ptr(listen);
	return rc;
}

/* A process that Exec added: in the namespaces and the root of the container's first monitor. */
static int set_up_exec(struct monitor *m, struct err *e)
{
	const struct oci_spec *s = &m->config.spec;
	int namespaces[WIRE_NAMESPACE_FDS] = {-1, -1};
	int rc = monitor_join_cgroups(namespaces, e);
	cleanup_close int pidfd = namespaces[0], root = namespaces[1];
	if (rc < 0)
		return rc;
	rc = monitor_find_artefact_again(&m->config, &m->artefact, e);
	if (rc < 0)
		return rc;
	rc = monitor_set_oom_score(s, e);
	if (rc < 0)
		return rc;
	rc = monitor_join_namespaces(pidfd, root, &m->root_fd, e);
	if (rc < 0)
		return rc;
	rc = monitor_assume_root(&m->userns, e);
	if (rc < 0)
		return rc;
	rc = open_environment(m, e);
	if (rc < 0)
		return rc;
	rc = monitor_become_user(s, &m->userns, monitor_capabilities(s), &m->lsm, e);
	if (rc < 0)
		return rc;
	return monitor_follow_shim(e);
}

/* The mount namespace, and in it the root, with what config.json says of both. */
static int enter_container(struct monitor *m, const struct monitor_hooks *hooks, struct err *e)
{
	const struct oci_spec *s = &m->config.spec;
	int rc = monitor_enter_namespaces(s, e);
	if (rc < 0)
		return rc;
	if (m->config.runtime_hooks)
		rc = monitor_request_hooks(e);
	if (rc < 0)
		return rc;
	rc = monitor_set_oom_score(s, e);
	if (rc < 0)
		return rc;
	rc = monitor_assume_root(&m->userns, e);
	if (rc < 0)
		return rc;
	return monitor_enter_root(s, m->config.rootfs, m->config.root_mapped, &m->userns, hooks,
				  &m->root_fd, e);
}

static int set_up_container(struct monitor *m, struct err *e)
{
	struct monitor_hooks hooks, *h = NULL;
	if (chdir(m->config.bundle) < 0)
		return err_sys(e, errno, "bundle %s", m->config.bundle);
	int rc = read_listen(m, e);
	if (rc < 0)
		return rc;
	rc = monitor_find_artefact(&m->config, &m->artefact, &m->unasked, e);
	if (rc < 0)
		return rc;
	if (m->config.hooks) {
		h = &hooks;
		rc = monitor_read_hooks(h, m->config.id, m->config.bundle, m->config.pid, e);
	}
	if (rc == 0)
		rc = enter_container(m, h, e);
	if (h)
		monitor_free_hooks(h);
	if (rc < 0)
		return rc;
	rc = open_environment(m, e);
	if (rc < 0)
		return rc;
	rc = monitor_join_cgroups(NULL, e);
	if (rc < 0)
		return rc;
	monitor_find_compiled(m);
	rc = monitor_become_user(&m->config.spec, &m->userns, monitor_capabilities(&m->config.spec),
				 &m->lsm, e);
	if (rc < 0)
		return rc;
	return monitor_follow_shim(e);
}

int monitor_set_up(struct monitor *m, struct err *e)
{
	const struct oci_spec *s = &m->config.spec;
	if (m->config.id_base)
		m->userns = (struct userns){.fd = MONITOR_USERNS_FD, .base = m->config.id_base};
	int rc = lsm_open(&lsm_host, s->apparmor_profile, s->selinux_label, &m->lsm, e);
	if (rc < 0)
		return rc;
	if (m->config.exec)
		return set_up_exec(m, e);
	return set_up_container(m, e);
}
