/* SPDX-License-Identifier: Apache-2.0 */
/* Finding the cgroup hierarchies of all kinds of machines, and reading their files. */
#include "runtime/cgroup/internal.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static struct cgroup *found(const char *mountinfo)
{
	struct cgroup *c = calloc(1, sizeof(*c));
	c->path = strdup("/p/q");
	c->oom_fd = -1;
	char *text = strdup(mountinfo);
	int rc = cgroup_find(c, text);
	cr_assert(rc == 0, "%d", rc);
	free(text);
	return c;
}

static void in(const struct cgroup *c, enum cgroup_controller controller, const char *dir)
{
	const char *got = cgroup_dir(c, controller);
	if (dir)
		cr_expect(got && strcmp(got, dir) == 0, "controller %d: %s", controller,
			  got ? got : "none");
	else
		cr_expect(!got, "controller %d: %s", controller, got);
}

#define NOISE                                                                                     \
	"22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"                                 \
	"23 22 0:5 / /dev rw - devtmpfs none rw\nnonsense\n\n24 22 0:6 / /x - cgroup\n - cgroup " \
	"\n"

Test(runtime_cgroup, version_1)
{
	struct cgroup *c = found(
		NOISE
		"30 22 0:20 / /c ro - tmpfs tmpfs ro,mode=755\n"
		"31 30 0:21 / /c/cpu,cpuacct rw,nosuid shared:9 - cgroup cgroup rw,cpu,cpuacct\n"
		"32 30 0:22 / /c/memory rw - cgroup cgroup rw,memory\n"
		"33 30 0:22 / /again/memory rw - cgroup cgroup rw,memory\n"
		"34 30 0:23 / /c/systemd rw - cgroup cgroup rw,name=systemd\n"
		"35 30 0:24 / /odd\\040path rw - cgroup cgroup rw,pids\n"
		"36 30 0:25 / /c/freezer rw - cgroup cgroup rw,freezer\n");
	cr_expect(c->version == 1 && c->count == 4);
	in(c, CGROUP_CPU, "/c/cpu,cpuacct/p/q");
	in(c, CGROUP_CPUACCT, "/c/cpu,cpuacct/p/q");
	in(c, CGROUP_MEMORY, "/c/memory/p/q");
	in(c, CGROUP_FREEZER, "/c/freezer/p/q");
	in(c, CGROUP_PIDS, NULL);
	cgroup_free(c);
}

Test(runtime_cgroup, hybrid_with_controllers_in_version_1)
{
	struct cgroup *c = found("31 30 0:21 / /c/unified rw - cgroup2 cgroup2 rw\n"
				 "32 30 0:22 / /c/memory rw - cgroup cgroup rw,memory\n");
	cr_expect(c->version == 1 && c->count == 1);
	in(c, CGROUP_MEMORY, "/c/memory/p/q");
	cgroup_free(c);
}

Test(runtime_cgroup, version_2_next_to_a_named_hierarchy)
{
	char top[] = "/tmp/mote-cgroup.XXXXXX", text[400], file[64];
	cr_assert(mkdtemp(top));
	snprintf(file, sizeof(file), "%s/cgroup.controllers", top);
	FILE *f = fopen(file, "w");
	cr_assert(f && fputs("cpuset cpu io memory pids\n", f) >= 0 && fclose(f) == 0);
	snprintf(text, sizeof(text),
		 "31 30 0:21 / /c/systemd rw - cgroup cgroup rw,name=systemd\n32 30 0:22 / %s rw - "
		 "cgroup2 cgroup2 rw\n",
		 top);
	struct cgroup *c = found(text);
	cr_expect(c->version == 2 && c->count == 1);
	char dir[64];
	snprintf(dir, sizeof(dir), "%s/p/q", top);
	in(c, CGROUP_MEMORY, dir);
	in(c, CGROUP_IO, dir);
	in(c, CGROUP_FREEZER, dir);
	cgroup_free(c);
	unlink(file);
	rmdir(top);
}

Test(runtime_cgroup, none)
{
	struct cgroup *c = found(NOISE);
	struct oci_resources r = OCI_RESOURCES_UNSET;
	struct err e = {0};
	struct container_stats s;
	cr_expect(c->version == 0 && c->count == 0);
	/* Without a limit there is nothing to miss; one that cannot be kept is refused by name. */
	cr_expect(cgroup_create(c, &r, &e) == 0 && cgroup_remove(c, &e) == 0 &&
		  cgroup_watch_oom(c, &e) == 0);
	r.memory_limit = 1 << 20;
	cr_expect(cgroup_create(c, &r, &e) == -ENOSYS && strstr(e.text, "memory.limit"), "%s",
		  e.text);
	cr_expect(cgroup_stats(c, &s, &e) == -ENOSYS && cgroup_freeze(c, true, &e) == -ENOSYS);
	cr_expect(!cgroup_take_oom(c) && cgroup_oom_fd(c) == -1);
	cgroup_free(c);
}

Test(runtime_cgroup, fields)
{
	static const char text[] =
		"oom_kill_disable 1\nunder_oom 0\noom_kill 7\nlast 18446744073709551615";
	cr_expect(cgroup_field(text, "oom_kill") == 7 &&
		  cgroup_field(text, "oom_kill_disable") == 1);
	cr_expect(cgroup_field(text, "last") == UINT64_MAX && cgroup_field(text, "none") == 0);
	cr_expect(cgroup_field("", "a") == 0 && cgroup_field("\n\n", "a") == 0 &&
		  cgroup_field("a", "a") == 0);
}
