/* SPDX-License-Identifier: Apache-2.0 */
/* Namespaces, limits and the user of a monitor. */
#include "runtime/monitor/monitor.h"

#include "base/io.h"
#include "runtime/mounts.h"
#include "runtime/namespaces.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/sched.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

/* --- namespaces --- */

/* Those that the guest notices. It sees neither processes nor cgroups of the host. */
#define USED_NAMESPACES (CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS)

int monitor_enter_namespaces(const struct oci_spec *s, struct err *e)
{
	int fresh = CLONE_NEWNS;
	for (size_t i = 0; i < s->namespaces_count; i++) {
		const struct oci_namespace *n = &s->namespaces[i];
		if (!n->path) {
			fresh |= n->flag & USED_NAMESPACES;
			continue;
		}
		int rc = 0;
		if (n->flag & USED_NAMESPACES)
			rc = namespaces_join(n, "linux.namespaces", e);
		else
			rc = namespaces_check(n, "linux.namespaces", e);
		if (rc < 0)
			return rc;
	}
	int rc = namespaces_make(fresh, e);
	for (size_t i = 0; rc == 0 && i < s->sysctls_count; i++)
		rc = namespaces_set_sysctl(&s->sysctls[i], "linux.sysctl", e);
	/* In the host's own or another's they must not change. */
	if (rc == 0 && fresh & CLONE_NEWUTS)
		rc = namespaces_set_names(s->hostname, s->domainname, e);
	return rc;
}

static int enter_root_of(int root, int *root_fd, struct err *e)
{
	if (fchdir(root) < 0 || chroot(".") < 0)
		return err_sys(e, errno, "entering the container's root");
	*root_fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (*root_fd < 0)
		return err_sys(e, errno, "the container's root");
	return 0;
}

int monitor_join_namespaces(int pidfd, int root, int *root_fd, struct err *e)
{
	/* By descriptor: whoever has the number now, it is that process or none. */
	if (setns(pidfd, CLONE_NEWNS | USED_NAMESPACES) == 0)
		return enter_root_of(root, root_fd, e);
	if (errno == ESRCH)
		return err_set(e, ERR_PEER, EBUSY, "the container has ended");
	return err_sys(e, errno, "joining the container's namespaces");
}

/* --- limits --- */

int monitor_set_oom_score(const struct oci_spec *s, struct err *e)
{
	if (s->oom_score_adj == OCI_UNSET)
		return 0;
	char text[16];
	int n = snprintf(text, sizeof(text), "%d", (int)s->oom_score_adj);
	cleanup_close int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, errno, "process.oomScoreAdj %s", text);
	int rc = io_write_all(fd, text, (size_t)n);
	if (rc < 0)
		return err_sys(e, -rc, "process.oomScoreAdj %s", text);
	return 0;
}

/* Descriptors that a monitor has next to the guest's. */
enum { OWN_DESCRIPTORS = 64 };

void monitor_note_limits(const struct oci_spec *s, struct mote_limit limits[RLIM_NLIMITS])
{
	for (uint32_t i = 0; i < RLIM_NLIMITS; i++) {
		struct rlimit r = {.rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY};
		(void)!getrlimit((__rlimit_resource_t)i, &r);
		limits[i] =
			(struct mote_limit){.resource = i, .soft = r.rlim_cur, .hard = r.rlim_max};
	}
	for (size_t i = 0; i < s->rlimits_count; i++) {
		const struct oci_rlimit *r = &s->rlimits[i];
		limits[r->resource].soft = r->soft;
		limits[r->resource].hard = r->hard;
	}
}

/*
 * The guest keeps to its soft limit by itself, and may raise it to the hard one: that is what binds
 * it here, and what it has of descriptors is next to the monitor's own.
 */
static int set_descriptor_limit(const struct mote_limit *guest)
{
	struct rlimit now, want = {.rlim_cur = guest->hard, .rlim_max = guest->hard};
	if (getrlimit(RLIMIT_NOFILE, &now) < 0)
		return -1;
	if (guest->hard < RLIM_INFINITY - OWN_DESCRIPTORS)
		want.rlim_cur = want.rlim_max = guest->hard + OWN_DESCRIPTORS;
	if (setrlimit(RLIMIT_NOFILE, &want) == 0)
		return 0;
	want.rlim_cur = want.rlim_max = guest->hard < now.rlim_max ? now.rlim_max : guest->hard;
	return setrlimit(RLIMIT_NOFILE, &want);
}

/*
 * Those that limit what the guest does with the host. The others (stack, address space, processes,
 * …) are limits of a host process and would hit the monitor, not the guest.
 */
static int set_rlimits(const struct oci_spec *s, const struct mote_limit limits[RLIM_NLIMITS],
		       struct err *e)
{
	if (set_descriptor_limit(&limits[RLIMIT_NOFILE]) < 0)
		return err_sys(e, errno, "process.rlimits: RLIMIT_NOFILE");
	for (size_t i = 0; i < s->rlimits_count; i++) {
		const struct oci_rlimit *r = &s->rlimits[i];
		struct rlimit want = {.rlim_cur = r->hard, .rlim_max = r->hard};
		if (r->resource == RLIMIT_CORE)
			want.rlim_cur = r->soft;
		else if (r->resource != RLIMIT_FSIZE)
			continue;
		if (setrlimit((__rlimit_resource_t)r->resource, &want) < 0)
			return err_sys(e, errno, "process.rlimits[%zu]", i);
	}
	return 0;
}

static int enter_cwd(const char *path, struct err *e)
{
	if (chdir(path) == 0)
		return 0;
	if (errno != ENOENT)
		return err_set(e, ERR_CONFIG, errno, "process.cwd: %s: %s", path, strerror(errno));
	/* As other runtimes do, a working directory that the image lacks is made. */
	cleanup_close int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return err_sys(e, errno, "process.cwd");
	cleanup_close int fd = mounts_make_in(root, path, true, NULL, e);
	if (fd < 0)
		return fd;
	if (fchdir(fd) < 0)
		return err_sys(e, errno, "process.cwd: %s", path);
	return 0;
}

int monitor_set_limits(const struct oci_spec *s, const struct mote_limit limits[RLIM_NLIMITS],
		       struct err *e)
{
	umask(022);
	int rc = enter_cwd(s->cwd, e);
	if (rc == 0)
		rc = set_rlimits(s, limits, e);
	if (s->umask != OCI_UNSET)
		umask((mode_t)s->umask);
	return rc;
}

/* --- user --- */

static struct __user_cap_header_struct cap_head(void)
{
	return (struct __user_cap_header_struct){.version = _LINUX_CAPABILITY_VERSION_3};
}

uint64_t monitor_capabilities(const struct oci_spec *s)
{
	return s->capabilities.permitted & OCI_CAPABILITIES;
}

int monitor_assume_root(const struct userns *u, struct err *e)
{
	if (!u->base)
		return 0;
	return userns_set_fs_ids(u->base, u->base, e);
}

int monitor_assume_user(const struct oci_spec *s, const struct userns *u, struct err *e)
{
	cleanup_free gid_t *groups = calloc(s->groups_count + 1, sizeof(*groups));
	if (!groups)
		return err_sys(e, ENOMEM, "process.user.additionalGids");
	for (size_t i = 0; i < s->groups_count; i++)
		groups[i] = userns_host_id(u, s->groups[i]);
	if (setgroups(s->groups_count, groups) < 0)
		return err_sys(e, errno, "process.user.additionalGids");
	int rc = userns_set_fs_ids(userns_host_id(u, s->uid), userns_host_id(u, s->gid), e);
	if (rc < 0)
		return rc;
	return userns_set_effective(monitor_capabilities(s), e);
}

int monitor_be_root_again(struct err *e)
{
	int rc = userns_set_effective(UINT64_MAX, e);
	if (rc < 0)
		return rc;
	return userns_set_fs_ids(0, 0, e);
}

static int drop_bounding_set(struct err *e)
{
	for (int cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0)
			return err_sys(e, errno, "dropping capability %d", cap);
	return 0;
}

/* Which a change from root to another user would take. */
static int set_user(const struct oci_spec *s, uint64_t keep, struct err *e)
{
	struct __user_cap_header_struct head = cap_head();
	struct __user_cap_data_struct caps[2];
	for (int i = 0; i < 2; i++) {
		uint32_t set = (uint32_t)(keep >> 32 * i);
		caps[i] = (struct __user_cap_data_struct){.effective = set, .permitted = set};
	}
	if (setgroups(s->groups_count, s->groups) < 0)
		return err_sys(e, errno, "process.user.additionalGids");
	if (setresgid(s->gid, s->gid, s->gid) < 0)
		return err_sys(e, errno, "process.user.gid %u", s->gid);
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0 || setresuid(s->uid, s->uid, s->uid) < 0)
		return err_sys(e, errno, "process.user.uid %u", s->uid);
	if (prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0) < 0 ||
	    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 ||
	    syscall(SYS_capset, &head, caps) < 0)
		return err_sys(e, errno, "dropping capabilities");
	return 0;
}

/*
 * The streams are the guest's, as its own pipes would be: FIFOs, pipes and terminals of the host's
 * root, which has no number in a user namespace. A log file stays the host's, and /dev/null.
 */
static int give_stream(int fd, const struct oci_spec *s, const struct userns *u, struct err *e)
{
	const uid_t uid = userns_host_id(u, s->uid);
	struct stat st;
	if (fstat(fd, &st) < 0)
		return err_sys(e, errno, "stream %d", fd);
	if (!S_ISFIFO(st.st_mode) && !(S_ISCHR(st.st_mode) && isatty(fd)))
		return 0;
	const gid_t gid = st.st_gid < u->base ? userns_host_id(u, st.st_gid) : st.st_gid;
	if ((st.st_uid != uid || st.st_gid != gid) && fchown(fd, uid, gid) < 0)
		return err_sys(e, errno, "the owner of stream %d", fd);
	return 0;
}

int monitor_become_user(const struct oci_spec *s, const struct userns *u, uint64_t keep,
			struct lsm *lsm, struct err *e)
{
	for (int fd = 0; fd < 3; fd++) {
		int rc = give_stream(fd, s, u, e);
		if (rc < 0)
			return rc;
	}
	/* This gives all capabilities over what the namespace owns, which is nothing. */
	if (u->base && setns(u->fd, CLONE_NEWUSER) < 0)
		return err_sys(e, errno, "joining the container's user namespace");
	int rc = drop_bounding_set(e);
	if (rc < 0)
		return rc;
	rc = set_user(s, keep, e);
	if (rc < 0)
		return rc;
	/* After it nothing is needed that a profile may deny. */
	rc = lsm_enter(lsm, e);
	if (rc < 0)
		return rc;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return err_sys(e, errno, "no_new_privs");
	return 0;
}
