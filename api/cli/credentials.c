/* SPDX-License-Identifier: Apache-2.0 */
/* A native program has the user, groups, capabilities and limits of the process that runs it. */
#include "cli.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

static int get_capabilities(struct mote_credentials *c)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct caps[2];
	if (syscall(SYS_capget, &head, caps) < 0)
		return -1;
	c->permitted = caps[0].permitted | (uint64_t)caps[1].permitted << 32;
	c->effective = caps[0].effective | (uint64_t)caps[1].effective << 32;
	c->inheritable = caps[0].inheritable | (uint64_t)caps[1].inheritable << 32;
	/* Each of these is a system call of every start: none more than can matter. */
	for (int cap = 0; cap < 64; cap++) {
		int bounding = prctl(PR_CAPBSET_READ, cap, 0, 0, 0);
		if (bounding < 0)
			break; /* the kernel has no more */
		c->bounding |= (uint64_t)bounding << cap;
		/* Ambient ones are both of these (capabilities(7)). */
		if ((c->inheritable & c->permitted & 1UL << cap) &&
		    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, cap, 0, 0) > 0)
			c->ambient |= 1UL << cap;
	}
	c->no_new_privs = prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0);
	c->seccomp = prctl(PR_GET_SECCOMP, 0, 0, 0, 0) > 0;
	return 0;
}

/* The program keeps to soft limits by itself; this process has descriptors up to the hard one. */
static void note_limits(struct mote_limit limits[RLIM_NLIMITS])
{
	struct rlimit r;
	for (uint32_t i = 0; i < RLIM_NLIMITS; i++) {
		r = (struct rlimit){RLIM_INFINITY, RLIM_INFINITY};
		(void)!getrlimit((__rlimit_resource_t)i, &r);
		limits[i] =
			(struct mote_limit){.resource = i, .soft = r.rlim_cur, .hard = r.rlim_max};
	}
	if (getrlimit(RLIMIT_NOFILE, &r) == 0) {
		r.rlim_cur = r.rlim_max;
		(void)!setrlimit(RLIMIT_NOFILE, &r);
	}
}

int cli_credentials(struct mote_options *o, struct cli_credentials *to)
{
	int count = getgroups(0, NULL);
	to->groups = calloc((size_t)(count > 0 ? count : 0) + 1, sizeof(*to->groups));
	if (to->groups && count > 0)
		count = getgroups(count, to->groups);
	if (!to->groups || count < 0 || get_capabilities(&to->own) < 0) {
		cli_complain("the user's groups and capabilities: %s", strerror(errno));
		return -1;
	}
	o->uid = geteuid();
	o->gid = getegid();
	o->groups = to->groups;
	o->group_count = (size_t)count;
	o->credentials = &to->own;
	note_limits(to->limits);
	o->limits = to->limits;
	o->limit_count = RLIM_NLIMITS;
	return 0;
}
