/* SPDX-License-Identifier: Apache-2.0 */
/* config.json: what is taken from it, and what each mistake in it is answered with. */
#include "oci/json.h"
#include "oci/spec.h"

#include <criterion/criterion.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#define PROCESS   "\"process\":{\"args\":[\"/a\"],\"cwd\":\"/\"}"
#define ROOT      "\"root\":{\"path\":\"rootfs\"}"
#define DOC(more) "{\"ociVersion\":\"1.0.2\"," ROOT "," PROCESS more "}"

static int parse(const char *text, struct oci_spec *s, struct err *e)
{
	*e = (struct err){0};
	return oci_spec_parse(text, strlen(text), s, e);
}

/* The text is refused with this code and a sentence that has `part` in it. */
static void refused(const char *text, int code, const char *part)
{
	struct oci_spec s;
	struct err e;
	int rc = parse(text, &s, &e);
	cr_expect(rc == -code, "%s: %d (%s), not %d", text, rc, e.text, -code);
	cr_expect(strstr(e.text, part), "%s: '%s' has no '%s'", text, e.text, part);
	cr_expect(strstr(e.text, "config.json"), "'%s' names no file", e.text);
}

/* The last value counts, at the first one's place. */
Test(oci_spec, variables_that_are_there_twice)
{
	static const char *const expected[] = {"A=3", "PATH=/bin", "AB=2", "=y", "x=", NULL};
	static const char text[] =
		"{\"args\":[\"/a\"],\"cwd\":\"/\",\"env\":[\"A=1\",\"PATH=/bin\",\"A=2\",\"AB=1\","
		"\"=\",\"x=1\",\"AB=2\",\"=y\",\"A=3\",\"x=\"]}";
	struct oci_spec s;
	struct err e = {0};
	cr_assert(oci_process_parse(text, strlen(text), &s, &e) == 0, "%s", e.text);
	cr_expect(s.env_count == 5 && !s.env[5], "%zu", s.env_count);
	for (size_t i = 0; i < 5 && s.env[i]; i++)
		cr_expect_str_eq(s.env[i], expected[i]);
	oci_spec_free(&s);
}

Test(oci_spec, smallest)
{
	struct oci_spec s;
	struct err e;
	cr_assert(parse(DOC(""), &s, &e) == 0, "%s", e.text);
	cr_expect(s.args_count == 1 && strcmp(s.args[0], "/a") == 0 && !s.args[1]);
	cr_expect(s.env_count == 0 && s.env && !s.env[0]);
	cr_expect(strcmp(s.root_path, "rootfs") == 0 && !s.root_readonly);
	cr_expect(s.uid == 0 && s.gid == 0 && s.umask == OCI_UNSET && s.oom_score_adj == OCI_UNSET);
	cr_expect(s.resources.memory_limit == OCI_UNSET && !s.cgroup_path && s.mounts_count == 0);
	oci_spec_free(&s);
	oci_spec_free(&s);
}

Test(oci_spec, everything)
{
	static const char text[] =
		"{\"ociVersion\":\"1.1.0\",\"root\":{\"path\":\"/"
		"r\",\"readonly\":true},\"hostname\":\"h\","
		"\"process\":{\"terminal\":true,\"consoleSize\":{\"height\":24,\"width\":80},"
		"\"args\":[\"a\",\"\"],\"env\":[\"PATH=/bin\",\"X=1\"],\"cwd\":\"/"
		"w\",\"oomScoreAdj\":-3,"
		"\"user\":{\"uid\":1,\"gid\":2,\"additionalGids\":[3,4294967294],\"umask\":63},"
		"\"rlimits\":[{\"type\":\"RLIMIT_NOFILE\",\"soft\":10,\"hard\":"
		"18446744073709551615}]},"
		"\"mounts\":[{\"destination\":\"/b\",\"source\":\"/"
		"s\",\"type\":\"bind\",\"options\":[\"rbind\",\"ro\","
		"\"rro\",\"rslave\",\"noatime\"]},{\"destination\":\"/"
		"t\",\"type\":\"tmpfs\",\"source\":\"tmpfs\","
		"\"options\":[\"nosuid\",\"mode=755\",\"size=1k\"]}],"
		"\"linux\":{\"cgroupsPath\":\"/c//d/"
		"\",\"rootfsPropagation\":\"rslave\",\"maskedPaths\":[\"/proc/kcore\"],"
		"\"readonlyPaths\":[\"/proc/sys\"],\"sysctl\":{\"net.ipv4.ip_forward\":\"1\"},"
		"\"devices\":[{\"path\":\"/dev/null\",\"type\":\"c\",\"major\":1,\"minor\":3}],"
		"\"namespaces\":[{\"type\":\"uts\"},"
		"{\"type\":\"network\",\"path\":\"/n\"},{\"type\":\"pid\"}],"
		"\"resources\":{\"memory\":{\"limit\":1048576,\"swap\":-1,\"disableOOMKiller\":"
		"true},"
		"\"cpu\":{\"shares\":512,\"quota\":5000,\"period\":10000,\"cpus\":\"0\"},\"pids\":{"
		"\"limit\":7},"
		"\"devices\":[{\"allow\":false}],\"unified\":{\"memory.high\":\"1\"}}},"
		"\"annotations\":{\"k\":\"v\"}}";
	struct oci_spec s;
	struct err e;
	cr_assert(parse(text, &s, &e) == 0, "%s", e.text);
	cr_expect(s.terminal && s.console_width == 80 && s.console_height == 24 && s.root_readonly);
	cr_expect(s.args_count == 2 && *s.args[1] == '\0' && s.env_count == 2 &&
		  strcmp(s.cwd, "/w") == 0);
	cr_expect(s.uid == 1 && s.gid == 2 && s.groups_count == 2 && s.groups[1] == 4294967294u);
	cr_expect(s.umask == 077 && s.oom_score_adj == -3);
	cr_expect(s.rlimits_count == 1 && s.rlimits[0].resource == RLIMIT_NOFILE &&
		  s.rlimits[0].soft == 10 && s.rlimits[0].hard == RLIM_INFINITY);
	const struct oci_mount *m = s.mounts;
	cr_expect(s.mounts_count == 2 && m[0].bind && m[0].bind_recursive);
	cr_expect(m[0].attr_set == (MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOATIME) &&
		  m[0].attr_clear == MOUNT_ATTR__ATIME);
	cr_expect(m[0].recursive_set == MOUNT_ATTR_RDONLY && m[0].propagation == MS_SLAVE &&
		  m[0].propagation_recursive);
	cr_expect(!m[1].bind && m[1].flags == MS_NOSUID &&
		  strcmp(m[1].data, "mode=755,size=1k") == 0);
	cr_expect(strcmp(s.cgroup_path, "/c/d") == 0 && s.propagation == (MS_SLAVE | MS_REC));
	cr_expect(s.masked_count == 1 && s.readonly_count == 1 && s.sysctls_count == 1);
	cr_expect(strcmp(oci_namespace(&s, CLONE_NEWNET)->path, "/n") == 0);
	cr_expect(oci_namespace(&s, CLONE_NEWPID)->path == NULL &&
		  !oci_namespace(&s, CLONE_NEWIPC));
	const struct oci_resources *r = &s.resources;
	cr_expect(r->memory_limit == 1048576 && r->memory_swap == -1 && r->oom_kill_disable &&
		  r->pids_limit == 7);
	cr_expect(r->cpu_shares == 512 && r->cpu_quota_us == 5000 && r->cpu_period_us == 10000);
	cr_expect(strcmp(r->cpuset_cpus, "0") == 0 && !r->cpuset_mems && r->unified_count == 1);
	oci_spec_free(&s);
}

static struct oci_spec process(const char *members)
{
	char text[1024];
	struct oci_spec s;
	struct err e;
	snprintf(text, sizeof(text),
		 "{\"ociVersion\":\"1.0.2\"," ROOT
		 ",\"process\":{\"args\":[\"/a\"],\"cwd\":\"/\"%s}}",
		 members);
	cr_assert(parse(text, &s, &e) == 0, "%s", e.text);
	return s;
}

Test(oci_spec, capabilities_are_those_after_execve)
{
	static const char sets[] =
		",\"capabilities\":{\"effective\":[\"CAP_DAC_OVERRIDE\"],"
		"\"permitted\":[\"CAP_DAC_OVERRIDE\",\"CAP_DAC_READ_SEARCH\",\"CAP_FOWNER\"],"
		"\"bounding\":[\"CAP_NET_BIND_SERVICE\",\"CAP_SYS_ADMIN\",\"CAP_DAC_OVERRIDE\","
		"\"CAP_OF_TOMORROW\"],\"inheritable\":[\"CAP_KILL\","
		"\"CAP_DAC_READ_SEARCH\"],"
		"\"ambient\":[\"CAP_DAC_READ_SEARCH\",\"CAP_KILL\",\"CAP_FOWNER\"]}";
	const uint64_t bounding =
		1UL << CAP_NET_BIND_SERVICE | 1UL << CAP_SYS_ADMIN | 1UL << CAP_DAC_OVERRIDE;
	const uint64_t ambient = 1UL << CAP_DAC_READ_SEARCH;
	char text[600];
	struct oci_spec s = process(sets);
	cr_expect(s.capabilities.permitted == (bounding | 1UL << CAP_KILL | ambient), "%lx",
		  s.capabilities.permitted);
	cr_expect(s.capabilities.bounding == bounding && s.capabilities.ambient == ambient &&
		  s.capabilities.inheritable == (1UL << CAP_KILL | ambient));
	cr_expect_str_eq(s.unknown_capability, "CAP_OF_TOMORROW");
	oci_spec_free(&s);
	snprintf(text, sizeof(text), "%s,\"noNewPrivileges\":true", sets);
	s = process(text);
	cr_expect(s.capabilities.permitted == (1UL << CAP_DAC_OVERRIDE | ambient), "%lx",
		  s.capabilities.permitted);
	oci_spec_free(&s);
	snprintf(text, sizeof(text), "%s,\"user\":{\"uid\":1000}", sets);
	s = process(text);
	cr_expect(s.capabilities.permitted == ambient && s.capabilities.bounding == bounding);
	oci_spec_free(&s);
	s = process(",\"capabilities\":null");
	cr_expect(s.capabilities.permitted == 0 && !s.unknown_capability);
	oci_spec_free(&s);
	cr_expect_str_eq(oci_capability_name(CAP_CHOWN), "CAP_CHOWN");
	cr_expect_str_eq(oci_capability_name(CAP_LAST_CAP), "CAP_CHECKPOINT_RESTORE");
	cr_expect(!oci_capability_name(CAP_LAST_CAP + 1));
#define PROCESS_OF(more) \
	"{\"ociVersion\":\"1.0.2\"," ROOT ",\"process\":{\"args\":[\"/a\"],\"cwd\":\"/\"," more "}}"
	refused(PROCESS_OF("\"capabilities\":[]"), EINVAL, "process.capabilities");
	refused(PROCESS_OF("\"capabilities\":{\"effective\":\"CAP_KILL\"}"), EINVAL, "effective");
	refused(PROCESS_OF("\"capabilities\":{\"ambient\":[1]}"), EINVAL, "ambient[0]");
	refused(PROCESS_OF("\"capabilities\":{\"effective\":[\"CAP_KILL\"],\"permitted\":["
			   "\"CAP_CHOWN\"]}"),
		EINVAL, "process.capabilities.effective: has CAP_KILL");
}

Test(oci_spec, labels)
{
	struct oci_spec s =
		process(",\"apparmorProfile\":\"p q\",\"selinuxLabel\":\"a:b:c:s0:c1,c2\"");
	cr_expect(strcmp(s.apparmor_profile, "p q") == 0 &&
		  strcmp(s.selinux_label, "a:b:c:s0:c1,c2") == 0);
	oci_spec_free(&s);
	s = process(",\"apparmorProfile\":\"\"");
	cr_expect(!s.apparmor_profile && !s.selinux_label);
	oci_spec_free(&s);
	refused(PROCESS_OF("\"apparmorProfile\":7"), EINVAL, "apparmorProfile");
	refused(PROCESS_OF("\"apparmorProfile\":\"a\\nb\""), EINVAL, "one line");
	refused(PROCESS_OF("\"selinuxLabel\":\"a\\rb\""), EINVAL, "one line");
}

Test(oci_spec, mistakes_are_named)
{
	refused("", EINVAL, "line 1");
	refused("{", EINVAL, "line 1");
	refused("[]", EINVAL, "object");
	refused("{\"a\":1,\"a\":2}", EINVAL, "duplicate");
	refused("{}", EINVAL, "ociVersion");
	refused("{\"ociVersion\":\"2.0.0\"}", ENOSYS, "2.0.0");
	refused("{\"ociVersion\":\"1.0.2\"}", EINVAL, "process");
	refused("{\"ociVersion\":\"1.0.2\"," PROCESS "}", EINVAL, "root: is missing");
	refused("{\"ociVersion\":\"1.0.2\"," ROOT ",\"process\":{\"cwd\":\"/\"}}", EINVAL,
		"process.args");
	refused("{\"ociVersion\":\"1.0.2\"," ROOT ",\"process\":{\"args\":[],\"cwd\":\"/\"}}",
		EINVAL, "process.args");
	refused("{\"ociVersion\":\"1.0.2\"," ROOT
		",\"process\":{\"args\":[\"a\",7],\"cwd\":\"/\"}}",
		EINVAL, "process.args[1]: must be a string");
	refused("{\"ociVersion\":\"1.0.2\"," ROOT
		",\"process\":{\"args\":[\"a\\u0000b\"],\"cwd\":\"/\"}}",
		EINVAL, "line 1");
	refused("{\"ociVersion\":\"1.0.2\"," ROOT ",\"process\":{\"args\":[\"a\"],\"cwd\":\"x\"}}",
		EINVAL, "process.cwd");
	refused("{\"ociVersion\":\"1.0.2\"," ROOT ",\"process\":{\"args\":[\"a\"],\"cwd\":\"/\","
		"\"user\":{\"uid\":4294967295}}}",
		ERANGE, "process.user.uid");
	refused("{\"ociVersion\":\"1.0.2\"," ROOT ",\"process\":{\"args\":[\"a\"],\"cwd\":\"/\","
		"\"rlimits\":[{\"type\":\"RLIMIT_X\",\"soft\":1,\"hard\":1}]}}",
		EINVAL, "process.rlimits[0].type");
	refused("{\"ociVersion\":\"1.0.2\"," ROOT ",\"process\":{\"args\":[\"a\"],\"cwd\":\"/\","
		"\"rlimits\":[{\"type\":\"RLIMIT_CPU\",\"soft\":1,\"hard\":1},"
		"{\"type\":\"RLIMIT_CPU\",\"soft\":\"1\",\"hard\":1}]}}",
		EINVAL, "config.json: process.rlimits[1].soft: must be an integer");
	refused(DOC(",\"mounts\":[null]"), EINVAL, "config.json: mounts[0]: must be an object");
	refused(DOC(",\"annotations\":{\"io.mote.lisen\":\"\"}"), EINVAL,
		"unknown annotation io.mote.lisen");
	refused(DOC(",\"mounts\":[{\"destination\":\"/a\",\"source\":\"/b\"}]"), EINVAL,
		"mounts[0].type");
	refused(DOC(",\"mounts\":[{\"destination\":\"\",\"type\":\"tmpfs\"}]"), EINVAL,
		"mounts[0].destination");
	refused(DOC(",\"mounts\":[{\"destination\":\"/a\",\"type\":\"bind\",\"source\":\"/"
		    "b\",\"options\":[\"idmap\"]}]"),
		ENOSYS, "idmap");
	refused(DOC(",\"linux\":{\"namespaces\":[{\"type\":\"user\"}]}"), ENOSYS,
		"linux.namespaces[0].type");
	refused(DOC(",\"linux\":{\"namespaces\":[{\"type\":\"ipc\"},{\"type\":\"ipc\"}]}"), EINVAL,
		"twice");
	refused(DOC(",\"linux\":{\"namespaces\":[{\"type\":\"mount\",\"path\":\"/m\"}]}"), ENOSYS,
		"mount");
	refused(DOC(",\"linux\":{\"resources\":{\"memory\":{\"limit\":\"1\"}}}"), EINVAL,
		"linux.resources.memory.limit");
	refused(DOC(",\"linux\":{\"resources\":{\"blockIO\":{\"weight\":1}}}"), ERANGE,
		"blockIO.weight");
	refused(DOC(",\"linux\":{\"resources\":{\"blockIO\":{\"leafWeight\":100}}}"), ENOSYS,
		"blockIO.leafWeight");
	refused(DOC(",\"linux\":{\"resources\":{\"blockIO\":{\"throttleReadBpsDevice\":[{"
		    "\"major\":8}]}}}"),
		EINVAL, "throttleReadBpsDevice[0].minor");
	refused(DOC(",\"linux\":{\"resources\":{\"unified\":{\"../x\":\"1\"}}}"), EINVAL,
		"unified");
	refused(DOC(",\"linux\":{\"cgroupsPath\":\"/a/../b\"}"), EINVAL, "linux.cgroupsPath");
	refused(DOC(",\"linux\":{\"sysctl\":{\"kernel.core_pattern\":\"x\"}}"), EINVAL,
		"core_pattern");
	refused(DOC(",\"linux\":{\"sysctl\":{\"net.ipv4.ip_forward\":\"1\"}}"), EINVAL,
		"namespace");
	refused(DOC(",\"linux\":{\"devices\":[{\"path\":\"/dev/fuse\"}]}"), ENOSYS,
		"linux.devices[0]: /dev/fuse");
	refused(DOC(",\"linux\":{\"devices\":[{\"path\":\"/dev/null\",\"type\":\"b\",\"major\":1,"
		    "\"minor\":3}]}"),
		ENOSYS, "linux.devices[0]");
	refused(DOC(",\"linux\":{\"devices\":[{\"type\":\"c\"}]}"), EINVAL,
		"linux.devices[0].path");
	refused(DOC(",\"linux\":{\"namespaces\":[{\"type\":\"user\"}]}"), ENOSYS,
		"user namespaces");
	refused(DOC(",\"linux\":{\"namespaces\":[{\"type\":\"time\"}]}"), ENOSYS,
		"time namespaces");
	refused(DOC(",\"mounts\":[{\"destination\":\"/d\",\"type\":\"bind\",\"source\":\"/s\","
		    "\"uidMappings\":[{\"containerID\":0,\"hostID\":1,\"size\":1}]}]"),
		ENOSYS, "mounts[0].uidMappings");
	refused(DOC(",\"hooks\":{\"startContainer\":[{\"path\":\"/h\"}]}"), ENOSYS,
		"hooks.startContainer");
	refused(DOC(",\"hooks\":{\"poststop\":[{\"path\":\"h\"}]}"), EINVAL,
		"hooks.poststop[0].path");
	refused(DOC(",\"hooks\":{\"prestart\":[{\"args\":[]}]}"), EINVAL, "hooks.prestart[0].path");
	refused(DOC(",\"hooks\":{\"poststart\":[{\"path\":\"/h\",\"timeout\":0}]}"), ERANGE,
		"hooks.poststart[0].timeout");
	refused(DOC(",\"x\\ny\":{},\"linux\":{\"sysctl\":{\"a\\nb\":\"1\"}}"), EINVAL, "a?b");
}

#define SYSCTL(name)                                                                           \
	DOC(",\"linux\":{\"namespaces\":[{\"type\":\"network\"},{\"type\":\"uts\"},{\"type\":" \
	    "\"ipc\"}],\"sysctl\":{\"" name "\":\"1\"}}")

/* Each by its name, and only if there is something in it. */
Test(oci_spec, what_is_not_supported)
{
	static const struct {
		const char *before, *member, *value, *after;
	} cases[] = {
		{"\"linux\":{", "netDevices", "{\"eth0\":{}}", "}"},
		{"\"linux\":{", "uidMappings", "[{\"containerID\":0}]", "}"},
		{"\"linux\":{", "gidMappings", "[{\"containerID\":0}]", "}"},
		{"\"linux\":{", "intelRdt", "{\"closID\":\"x\"}", "}"},
		{"\"linux\":{", "timeOffsets", "{\"boottime\":{}}", "}"},
		{"\"linux\":{", "personality", "{\"domain\":\"LINUX32\"}", "}"},
		{"\"linux\":{", "memoryPolicy", "{\"mode\":\"MPOL_BIND\"}", "}"},
		{"\"linux\":{\"resources\":{", "rdma", "{\"mlx5_1\":{}}", "}}"},
		{"\"linux\":{\"resources\":{", "network", "{\"classID\":1}", "}}"},
		{"\"linux\":{\"resources\":{\"memory\":{", "checkBeforeUpdate", "true", "}}}"},
		{"\"linux\":{\"resources\":{\"cpu\":{", "realtimeRuntime", "950000", "}}}"},
		{"\"process\":{\"args\":[\"a\"],\"cwd\":\"/\",", "scheduler",
		 "{\"policy\":\"SCHED_FIFO\"}", "}"},
		{"\"process\":{\"args\":[\"a\"],\"cwd\":\"/\",", "ioPriority",
		 "{\"class\":\"IOPRIO_CLASS_IDLE\"}", "}"},
		{"\"process\":{\"args\":[\"a\"],\"cwd\":\"/\",", "execCPUAffinity",
		 "{\"initial\":\"0\"}", "}"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		static const char head[] = "{\"ociVersion\":\"1.2.1\",\"root\":{\"path\":\"r\"},";
		static const char process[] = "\"process\":{\"args\":[\"a\"],\"cwd\":\"/\"},";
		const bool own = strncmp(cases[i].before, "\"process", 8) == 0;
		const char *const values[] = {cases[i].value, "null"};
		for (size_t k = 0; k < 2; k++) {
			char text[512];
			struct oci_spec s;
			struct err e = {0};
			snprintf(text, sizeof(text), "%s%s%s\"%s\":%s%s}", head, own ? "" : process,
				 cases[i].before, cases[i].member, values[k], cases[i].after);
			int rc = oci_spec_parse(text, strlen(text), &s, &e);
			cr_expect(rc == (k ? 0 : -ENOSYS), "%s: %d %s", text, rc, e.text);
			cr_expect(k || strstr(e.text, cases[i].member), "%s: %s", text, e.text);
			oci_spec_free(&s);
		}
	}
}

Test(oci_spec, sysctls_by_dots_and_slashes)
{
	static const struct {
		const char *doc, *path; /* NULL: refused */
	} cases[] = {
		{SYSCTL("net.ipv4.ip_forward"), "net/ipv4/ip_forward"},
		{SYSCTL("net/ipv4/ip_forward"), "net/ipv4/ip_forward"},
		{SYSCTL("net.ipv4.conf.eth0/1.forwarding"), "net/ipv4/conf/eth0.1/forwarding"},
		{SYSCTL("net/ipv4/conf/eth0.1/forwarding"), "net/ipv4/conf/eth0.1/forwarding"},
		{SYSCTL("kernel.domainname"), "kernel/domainname"},
		{SYSCTL("kernel/shm_rmid_forced"), "kernel/shm_rmid_forced"},
		{SYSCTL("fs.mqueue.msg_max"), "fs/mqueue/msg_max"},
		{SYSCTL("net/../kernel/core_pattern"), NULL},
		{SYSCTL("net.//.kernel.core_pattern"), NULL},
		{SYSCTL("kernel.hostname"), NULL},
		{SYSCTL("kernel/semaphores"), NULL},
		{SYSCTL("network.x"), NULL},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct oci_spec s;
		struct err e;
		char path[OCI_SYSCTL_PATH_MAX] = "";
		int rc = parse(cases[i].doc, &s, &e);
		if (!cases[i].path) {
			cr_expect(rc == -EINVAL, "%s: %d", cases[i].doc, rc);
			continue;
		}
		cr_assert(rc == 0 && s.sysctls_count == 1, "%s: %s", cases[i].doc, e.text);
		cr_expect(oci_sysctl_path(s.sysctls[0].name, path, sizeof(path)) == 0);
		cr_expect_str_eq(path, cases[i].path);
		oci_spec_free(&s);
	}
}

Test(oci_spec, block_io)
{
	struct oci_spec s;
	struct err e;
	cr_assert(parse(DOC(",\"linux\":{\"resources\":{\"blockIO\":{\"weight\":500,"
			    "\"leafWeight\":0,\"weightDevice\":[{\"major\":8,\"minor\":0},{"
			    "\"major\":8,\"minor\":1,\"weight\":20}],\"throttleReadBpsDevice\":[{"
			    "\"major\":8,\"minor\":2,\"rate\":0}],\"throttleWriteIOPSDevice\":[{"
			    "\"major\":8,\"minor\":3,\"rate\":7}]}}}"),
			&s, &e) == 0,
		  "%s", e.text);
	const struct oci_resources *r = &s.resources;
	cr_expect(r->io_weight == 500);
	cr_assert(r->io_count == 3, "%zu", r->io_count);
	cr_expect(r->io[0].kind == OCI_IO_WEIGHT && r->io[0].minor == 1 && r->io[0].value == 20);
	cr_expect(r->io[1].kind == OCI_IO_READ_BPS && r->io[1].minor == 2 && r->io[1].value == 0);
	cr_expect(r->io[2].kind == OCI_IO_WRITE_IOPS && r->io[2].minor == 3 && r->io[2].value == 7);
	oci_spec_free(&s);
}

#define SECCOMP(action, rules)                                              \
	DOC(",\"linux\":{\"seccomp\":{\"defaultAction\":\"SCMP_ACT_" action \
	    "\",\"syscalls\":[" rules "]}}")
#define RULE(name, action, args) \
	"{\"names\":[\"" name "\"],\"action\":\"SCMP_ACT_" action "\",\"args\":[" args "]}"
#define FAMILY(op, value) "{\"index\":0,\"value\":" value ",\"op\":\"SCMP_CMP_" op "\"}"

/* A profile that forbids what a guest could do is refused, with the call. */
Test(oci_spec, seccomp)
{
	static const char *const accepted[] = {
		SECCOMP("ALLOW", ""),
		SECCOMP("ALLOW", RULE("mount", "ERRNO", "") "," RULE("ptrace", "KILL", "")),
		SECCOMP("ALLOW", RULE("clone3", "ERRNO", "")),
	};
	struct oci_spec s;
	struct err e;
	for (size_t i = 0; i < sizeof(accepted) / sizeof(accepted[0]); i++) {
		cr_expect(parse(accepted[i], &s, &e) == 0, "%s: %s", accepted[i], e.text);
		oci_spec_free(&s);
	}
	refused(SECCOMP("ALLOW", RULE("chmod", "ERRNO", "")), ENOSYS, "chmod");
	refused(SECCOMP("ALLOW", RULE("fchmodat", "KILL", "")), ENOSYS, "fchmodat");
	refused(SECCOMP("ALLOW", RULE("socket", "ERRNO", FAMILY("EQ", "2"))), ENOSYS, "socket");
	refused(SECCOMP("ALLOW", RULE("uname", "TRAP", "")), ENOSYS, "uname");
	refused(SECCOMP("ERRNO", ""), ENOSYS, "linux.seccomp");
	refused(SECCOMP("ERRNO", RULE("read", "ALLOW", "")), ENOSYS, "does not allow write");
	refused(SECCOMP("LOG", ""), ENOSYS, "linux.seccomp");
	refused(SECCOMP("ALLOW", "{\"action\":\"SCMP_ACT_ERRNO\"}"), EINVAL, "names");
	refused(DOC(",\"linux\":{\"seccomp\":{\"defaultAction\":7}}"), EINVAL, "defaultAction");
}

/* What a guest's runtime answers by itself, it answers as the profile says, or that is refused. */
Test(oci_spec, seccomp_of_what_the_guest_answers)
{
	struct oci_spec s;
	struct err e;
	cr_assert(parse(SECCOMP("ALLOW", "{\"names\":[\"chroot\",\"mount\"],\"errnoRet\":38,"
					 "\"action\":\"SCMP_ACT_ERRNO\"}"),
			&s, &e) == 0,
		  "%s", e.text);
	cr_expect(s.seccomp && s.call_rules_count == 1);
	cr_expect(s.call_rules[0].nr == SYS_chroot && !s.call_rules[0].allowed &&
		  s.call_rules[0].value == ENOSYS);
	oci_spec_free(&s);
	cr_assert(parse(SECCOMP("ALLOW", RULE("personality", "ERRNO", "")), &s, &e) == 0);
	cr_expect(s.call_rules_count == 1 && s.call_rules[0].value == EPERM);
	oci_spec_free(&s);
	refused(SECCOMP("ALLOW", RULE("personality", "ERRNO", FAMILY("EQ", "8"))), ENOSYS,
		"says of personality");
	refused(SECCOMP("ALLOW", RULE("chroot", "KILL", "")), ENOSYS, "says of chroot");
	refused(SECCOMP("ALLOW", RULE("chroot", "TRAP", "")), ENOSYS, "says of chroot");
}

/* Default profiles list nearly all calls, and some with conditions on the family of a socket. */
Test(oci_spec, seccomp_by_default_profiles)
{
	static const char *const calls[] = {
#include "gen/linux_calls.h"
	};
	static const char *const sockets[] = {
		RULE("socket", "ALLOW", FAMILY("NE", "40")),
		RULE("socket", "ALLOW", FAMILY("LE", "37")) "," RULE("socket", "ALLOW",
								     FAMILY("GT", "40")),
		RULE("socket", "ALLOW", FAMILY("EQ", "1")),
	};
	for (size_t k = 0; k < sizeof(sockets) / sizeof(sockets[0]); k++) {
		cleanup_free char *doc = NULL;
		size_t size;
		FILE *f = open_memstream(&doc, &size);
		fputs("{\"ociVersion\":\"1.0.2\"," ROOT "," PROCESS
		      ",\"linux\":{\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ERRNO\","
		      "\"syscalls\":[",
		      f);
		for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
			if (strcmp(calls[i], "socket") != 0 && strcmp(calls[i], "chroot") != 0 &&
			    strcmp(calls[i], "personality") != 0)
				fprintf(f, "{\"names\":[\"%s\"],\"action\":\"SCMP_ACT_ALLOW\"},",
					calls[i]);
		fputs(RULE("personality", "ALLOW", FAMILY("EQ", "0")) ",", f);
		fputs(RULE("personality", "ALLOW", FAMILY("EQ", "8")) ",", f);
		fprintf(f, "%s]}}}", sockets[k]);
		fclose(f);
		struct oci_spec s;
		struct err e;
		int rc = parse(doc, &s, &e);
		if (k < 2)
			cr_expect(rc == 0 && s.call_rules_count == 4, "%s: %s", sockets[k], e.text);
		else
			cr_expect(rc == -ENOSYS && strstr(e.text, "socket"), "%d", rc);
		if (rc == 0)
			oci_spec_free(&s);
	}
}

Test(oci_spec, bounds)
{
	static char deep[200], wide[400000];
	memset(deep, '[', 100);
	refused(deep, EINVAL, "deeper");
	size_t at = 0;
	wide[at++] = '[';
	while (at < sizeof(wide) - 3) {
		wide[at++] = '1';
		wide[at++] = ',';
	}
	wide[at++] = '1';
	wide[at] = ']';
	refused(wide, E2BIG, "values");
	char *large = malloc(JSON_BYTES_MAX + 2);
	memset(large, ' ', JSON_BYTES_MAX + 1);
	large[JSON_BYTES_MAX + 1] = '\0';
	refused(large, EFBIG, "larger");
	free(large);
	/* Brackets in strings do not count. */
	struct oci_spec s;
	struct err e;
	cr_expect(parse(DOC(",\"x\":\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\\\"[[\""), &s,
			&e) == 0,
		  "%s", e.text);
	oci_spec_free(&s);
}

Test(oci_spec, large_integers_are_clamped)
{
	struct oci_spec s;
	struct err e;
	cr_assert(parse(DOC(",\"linux\":{\"resources\":{\"memory\":{\"limit\":9223372036854775808,"
			    "\"swap\":-1},"
			    "\"cpu\":{\"shares\":99999999999999999999999}}}, \"r\": "
			    "1.99999999999999999999,"
			    "\"s\":\"99999999999999999999999\""),
			&s, &e) == 0,
		  "%s", e.text);
	cr_expect(s.resources.memory_limit == INT64_MAX && s.resources.cpu_shares == INT64_MAX);
	oci_spec_free(&s);
}

Test(oci_spec, cgroup_paths)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{"/default/x", "/default/x"},
		{"x", "/x"},
		{"//a/./b//", "/a/b"},
		{"/a/..", NULL},
		{"/", NULL},
		{"system.slice:mote:id", "/system.slice/mote-id.scope"},
		{":mote:id", "/system.slice/mote-id.scope"},
		{"a-b-c.slice:p:n", "/a.slice/a-b.slice/a-b-c.slice/p-n.scope"},
		{"-.slice:p:n", "/p-n.scope"},
		{"a.slice::n", "/a.slice/n.scope"},
		{"a.slice:p:n.slice", "/a.slice/n.slice"},
		{"a:p:n", NULL},
		{"a--b.slice:p:n", NULL},
		{"a.slice:p:", NULL},
		{"a.slice:p:x/y", NULL},
		{"/a:b:c", "/a:b:c"},
		{"a:b", "/a:b"},
		{".slice:p:n", NULL},
		{"..slice:p:n", "/..slice/p-n.scope"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *out = NULL;
		int rc = oci_cgroup_path(cases[i].in, &out);
		if (cases[i].out)
			cr_expect(rc == 0 && strcmp(out, cases[i].out) == 0, "%s: %d %s",
				  cases[i].in, rc, out ? out : "");
		else
			cr_expect(rc == -EINVAL, "%s: %d %s", cases[i].in, rc, out ? out : "");
		free(out);
	}
}

Test(oci_spec, mount_options)
{
	static const char *const options[] = {"ro", "rw", "rnosuid", "atime", "X", "", "Y=1", NULL};
	struct oci_mount m = {0};
	const char *bad;
	cr_assert(oci_mount_options(options, &m, &bad) == 0);
	cr_expect(m.flags == 0 && m.attr_set == 0 &&
		  m.attr_clear == (MOUNT_ATTR_RDONLY | MOUNT_ATTR__ATIME));
	cr_expect(m.recursive_set == MOUNT_ATTR_NOSUID && strcmp(m.data, "X,Y=1") == 0);
	free(m.data);
	static const char *const remount[] = {"ro", "remount", NULL};
	m = (struct oci_mount){0};
	cr_expect(oci_mount_options(remount, &m, &bad) == -ENOSYS && strcmp(bad, "remount") == 0);
	cr_assert(oci_mount_options(NULL, &m, &bad) == 0 && *m.data == '\0');
	free(m.data);
}

/* Each option that the features list is one that is not left to the file system; none of it. */
Test(oci_spec, features)
{
	cleanup_free char *text = NULL;
	cr_assert(oci_features_text(&text) == 0);
	char *list = strstr(text, "\"mountOptions\":["), *name;
	cr_assert(list, "%s", text);
	list = strchr(list, '[') + 1;
	*strchr(list, ']') = '\0';
	int count = 0;
	while ((name = strsep(&list, ",\""))) {
		const char *options[] = {name, NULL}, *bad = "";
		struct oci_mount m = {0};
		if (!*name)
			continue;
		cr_expect(oci_mount_options(options, &m, &bad) == 0 && *m.data == '\0', "%s", name);
		free(m.data);
		count++;
	}
	cr_expect(count >= 59, "%d options", count);
}
