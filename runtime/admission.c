/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a container asks for and does not get, or gets only if the operator of the machine allows
 * it: refused with the reason, or one line in the shim's log.
 */
#include "runtime/container.h"

#include <ctype.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

/* --- processes of others --- */

/* 'x' of the form is a hexadecimal digit. */
static bool has_form(const char *text, const char *form)
{
	while (*form && (*form == 'x' ? isxdigit((unsigned char)*text) : *text == *form)) {
		text++;
		form++;
	}
	return !*form && !*text;
}

/*
 * A pod's UID as Kubernetes makes them: a UUID, or of a static pod 32 digits. Its kubelet asks for
 * a shared PID namespace only if the pod's author does; of other clients of the CRI it is the
 * default.
 */
static bool is_of_kubernetes(const char *uid)
{
	return has_form(uid, "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx") ||
	       has_form(uid, "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
}

static int refuse_shared_pids(const struct oci_spec *s, const char *policy, bool *out,
			      struct err *e)
{
	const char *uid = "";
	if (policy && *policy) {
		*out = strcmp(policy, "refuse") == 0;
		if (*out || strcmp(policy, "ignore") == 0)
			return 0;
		return err_set(e, ERR_HOST, EINVAL,
			       "MOTE_SHARED_PIDS in containerd's environment: must be refuse or "
			       "ignore, not %.100s",
			       policy);
	}
	int rc = oci_spec_annotation(s, "io.kubernetes.cri.sandbox-uid", &uid, e);
	if (rc < 0)
		return rc;
	*out = !*uid || is_of_kubernetes(uid);
	return 0;
}

/* A guest sees its own processes only: who asks for those of others would be misled. */
int admission_check_pid_namespace(const struct oci_spec *s, const struct container_config *config,
				  struct err *e)
{
	const struct oci_namespace *n = oci_namespace(s, CLONE_NEWPID);
	if (!n)
		return err_set(e, ERR_CONFIG, ENOSYS,
			       "linux.namespaces has no pid namespace: Mote does not support "
			       "sharing the host's (a pod's hostPID)");
	bool refuse = false;
	int rc = n->path ? refuse_shared_pids(s, config->shared_pids, &refuse, e) : 0;
	if (rc < 0)
		return rc;
	if (refuse)
		return err_set(e, ERR_CONFIG, ENOSYS,
			       "linux.namespaces: pid: joining %.100s (a pod's "
			       "shareProcessNamespace, kubectl debug --target): processes in "
			       "micro-VMs do not see each other; with MOTE_SHARED_PIDS=ignore in "
			       "containerd's environment it runs without",
			       n->path);
	if (n->path)
		dprintf(2,
			"mote: container %s: its processes do not see those of the pid namespace "
			"%s\n",
			config->id, n->path);
	return 0;
}

/* --- capabilities --- */

/* What it asks for and has nothing of is not left out in silence. */
void admission_report_capabilities(const struct oci_spec *s, const char *name)
{
	const uint64_t known = OCI_CAPABILITIES | OCI_CAPABILITIES_OF_GUESTS;
	const uint64_t useless = s->capabilities.permitted & ~known;
	char names[1024] = "";
	size_t len = 0;
	for (size_t i = 0; oci_capability_name(i); i++)
		if (useless >> i & 1 && len < sizeof(names))
			len += (size_t)snprintf(names + len, sizeof(names) - len, " %s",
						oci_capability_name(i));
	if (useless)
		dprintf(2,
			"mote: %s: capabilities that give its processes nothing "
			"here:%s\n",
			name, names);
	if (!s->unknown_capability)
		return;
	struct err e;
	err_set(&e, ERR_CONFIG, EINVAL, "%s: unknown capability %s is ignored", name,
		s->unknown_capability);
	err_clean(&e); /* whoever writes a pod chooses it */
	dprintf(2, "mote: %s\n", e.text);
}

void admission_report_mount_label(const struct oci_spec *s, const char *name)
{
	if (s->mount_label && *s->mount_label)
		dprintf(2, "mote: %s: linux.mountLabel is ignored: its tmpfs have the policy's\n",
			name);
}

/* --- annotations of Mote's --- */

/* The value for this container: of `name.CONTAINER`, else of `name`; NULL without one. */
static int own_annotation(const struct oci_spec *s, const char *name, const char **out,
			  struct err *e)
{
	const char *container = NULL;
	cleanup_free char *own = NULL;
	*out = NULL;
	int rc = oci_spec_annotation(s, "io.kubernetes.cri.container-name", &container, e);
	if (rc > 0 && asprintf(&own, "%s.%s", name, container) < 0) {
		own = NULL;
		return err_sys(e, ENOMEM, "annotation");
	}
	if (rc > 0)
		rc = oci_spec_annotation(s, own, out, e);
	if (rc == 0)
		rc = oci_spec_annotation(s, name, out, e);
	if (rc < 0)
		return rc;
	return 0;
}

/* --- which runtime --- */

int admission_choose_runtime(const struct oci_spec *s, const char *policy,
			     enum admission_runtime *out, struct err *e)
{
	const char *asked;
	const bool allowed = policy && *policy && strcmp(policy, "refuse") != 0;
	int rc = own_annotation(s, OCI_RUNTIME, &asked, e);
	if (rc < 0)
		return rc;
	if (asked && strcmp(asked, "oci") != 0 && strcmp(asked, "vm") != 0)
		return err_set(e, ERR_CONFIG, EINVAL,
			       "annotation " OCI_RUNTIME ": must be oci or vm, not %.100s", asked);
	const bool asks_for_it = asked && strcmp(asked, "oci") == 0;
	if (!allowed && asks_for_it)
		return err_set(e, ERR_CONFIG, EPERM,
			       "annotation " OCI_RUNTIME
			       ": the operator of this machine does not allow containers without a "
			       "VM: MOTE_OCI_RUNTIME in containerd's environment names no runtime");
	*out = ADMISSION_VM;
	if (allowed && !asked)
		*out = ADMISSION_BY_PROGRAM;
	if (asks_for_it)
		*out = ADMISSION_OCI_RUNTIME;
	return 0;
}

/* --- memory in common with others --- */

static int read_isolation(const struct oci_spec *s, const char **out, struct err *e)
{
	int rc = own_annotation(s, OCI_ISOLATION, out, e);
	if (rc == 0 && *out && strcmp(*out, "private") != 0 && strcmp(*out, "shared") != 0)
		return err_set(e, ERR_CONFIG, EINVAL,
			       "annotation " OCI_ISOLATION
			       ": must be private or shared, not %.100s",
			       *out);
	return rc;
}

/* The operator decides for all containers; one that asks for something else is refused. */
int admission_choose_isolation(const struct oci_spec *s, const char *policy, bool *private_memory,
			       struct err *e)
{
	const char *asked;
	int rc = read_isolation(s, &asked, e);
	if (rc < 0)
		return rc;
	if (!policy || !*policy || strcmp(policy, "annotation") == 0)
		policy = asked ? asked : "shared";
	else if (strcmp(policy, "private") != 0 && strcmp(policy, "shared") != 0)
		return err_set(e, ERR_HOST, EINVAL,
			       "MOTE_ISOLATION in containerd's environment: must be private, "
			       "shared or annotation, not %.100s",
			       policy);
	if (asked && strcmp(asked, policy) != 0)
		return err_set(e, ERR_CONFIG, EPERM,
			       "annotation " OCI_ISOLATION
			       ": the operator of this machine only allows %s",
			       policy);
	*private_memory = strcmp(policy, "private") == 0;
	return 0;
}
