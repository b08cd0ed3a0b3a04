/* SPDX-License-Identifier: Apache-2.0 */
/* config.json, `process`. Whoever made the bundle controls the file. */
#include "oci/internal.h"

#include <string.h>
#include <sys/resource.h>

#define ID_MAX               4294967294L /* (uid_t)-1 means "leave it" to system calls */
#define CAPABILITIES_MAX     128
#define CAPABILITY_BYTES_MAX 64
#define LABEL_BYTES_MAX      1024 /* of AppArmor's profile names and SELinux's contexts */

/* --- user --- */

static uint32_t parse_id(const struct json *user, const char *name)
{
	int64_t id = 0;
	json_get_int(user, name, JSON_OPTIONAL, 0, ID_MAX, &id);
	return (uint32_t)id;
}

static bool has_group(const struct oci_spec *s, gid_t group)
{
	for (size_t i = 0; i < s->groups_count; i++)
		if (s->groups[i] == group)
			return true;
	return false;
}

static void parse_groups(const struct json *user, struct oci_spec *s)
{
	struct json list, item;
	int64_t id;
	if (!json_get_array(user, "additionalGids", JSON_OPTIONAL, OCI_GROUPS_MAX, &list) ||
	    json_count(&list) == 0)
		return;
	s->groups = calloc(json_count(&list), sizeof(*s->groups));
	if (!s->groups) {
		json_no_memory(&list, "groups");
		return;
	}
	for (size_t i = 0; json_element(&list, i, &item); i++)
		if (json_get_int(&item, JSON_SELF, JSON_REQUIRED, 0, ID_MAX, &id) &&
		    !has_group(s, (gid_t)id))
			s->groups[s->groups_count++] = (gid_t)id;
}

static void parse_user(const struct json *process, struct oci_spec *s)
{
	struct json user;
	s->umask = OCI_UNSET;
	json_get_object(process, "user", JSON_OPTIONAL, &user);
	s->uid = parse_id(&user, "uid");
	s->gid = parse_id(&user, "gid");
	parse_groups(&user, s);
	json_get_int(&user, "umask", JSON_OPTIONAL, 0, 0777, &s->umask);
}

/* --- capabilities --- */

static const char *const capability_names[] = {
	[CAP_CHOWN] = "CAP_CHOWN",
	[CAP_DAC_OVERRIDE] = "CAP_DAC_OVERRIDE",
	[CAP_DAC_READ_SEARCH] = "CAP_DAC_READ_SEARCH",
	[CAP_FOWNER] = "CAP_FOWNER",
	[CAP_FSETID] = "CAP_FSETID",
	[CAP_KILL] = "CAP_KILL",
	[CAP_SETGID] = "CAP_SETGID",
	[CAP_SETUID] = "CAP_SETUID",
	[CAP_SETPCAP] = "CAP_SETPCAP",
	[CAP_LINUX_IMMUTABLE] = "CAP_LINUX_IMMUTABLE",
	[CAP_NET_BIND_SERVICE] = "CAP_NET_BIND_SERVICE",
	[CAP_NET_BROADCAST] = "CAP_NET_BROADCAST",
	[CAP_NET_ADMIN] = "CAP_NET_ADMIN",
	[CAP_NET_RAW] = "CAP_NET_RAW",
	[CAP_IPC_LOCK] = "CAP_IPC_LOCK",
	[CAP_IPC_OWNER] = "CAP_IPC_OWNER",
	[CAP_SYS_MODULE] = "CAP_SYS_MODULE",
	[CAP_SYS_RAWIO] = "CAP_SYS_RAWIO",
	[CAP_SYS_CHROOT] = "CAP_SYS_CHROOT",
	[CAP_SYS_PTRACE] = "CAP_SYS_PTRACE",
	[CAP_SYS_PACCT] = "CAP_SYS_PACCT",
	[CAP_SYS_ADMIN] = "CAP_SYS_ADMIN",
	[CAP_SYS_BOOT] = "CAP_SYS_BOOT",
	[CAP_SYS_NICE] = "CAP_SYS_NICE",
	[CAP_SYS_RESOURCE] = "CAP_SYS_RESOURCE",
	[CAP_SYS_TIME] = "CAP_SYS_TIME",
	[CAP_SYS_TTY_CONFIG] = "CAP_SYS_TTY_CONFIG",
	[CAP_MKNOD] = "CAP_MKNOD",
	[CAP_LEASE] = "CAP_LEASE",
	[CAP_AUDIT_WRITE] = "CAP_AUDIT_WRITE",
	[CAP_AUDIT_CONTROL] = "CAP_AUDIT_CONTROL",
	[CAP_SETFCAP] = "CAP_SETFCAP",
	[CAP_MAC_OVERRIDE] = "CAP_MAC_OVERRIDE",
	[CAP_MAC_ADMIN] = "CAP_MAC_ADMIN",
	[CAP_SYSLOG] = "CAP_SYSLOG",
	[CAP_WAKE_ALARM] = "CAP_WAKE_ALARM",
	[CAP_BLOCK_SUSPEND] = "CAP_BLOCK_SUSPEND",
	[CAP_AUDIT_READ] = "CAP_AUDIT_READ",
	[CAP_PERFMON] = "CAP_PERFMON",
	[CAP_BPF] = "CAP_BPF",
	[CAP_CHECKPOINT_RESTORE] = "CAP_CHECKPOINT_RESTORE",
};

const char *oci_capability_name(size_t i)
{
	return i < COUNT(capability_names) ? capability_names[i] : NULL;
}

static uint64_t capability_bit(const char *name)
{
	for (size_t i = 0; i < COUNT(capability_names); i++)
		if (strcmp(name, capability_names[i]) == 0)
			return 1UL << i;
	return 0;
}

static uint64_t parse_capability_set(const struct json *capabilities, const char *name,
				     struct oci_spec *s)
{
	cleanup_free const char **names = NULL;
	size_t count = 0;
	uint64_t set = 0;
	json_get_strings(capabilities, name, JSON_OPTIONAL, CAPABILITIES_MAX, CAPABILITY_BYTES_MAX,
			 &names, &count);
	for (size_t i = 0; i < count; i++) {
		const uint64_t bit = capability_bit(names[i]);
		set |= bit;
		if (!bit)
			s->unknown_capability = names[i];
	}
	return set;
}

/*
 * What the program has after its execve(2), by capabilities(7): root's is given what is in the
 * bounding set, or inheritable; others have the ambient ones.
 */
void oci_derive_capabilities(struct oci_spec *s)
{
	const struct oci_capabilities *sets = &s->capability_sets;
	struct oci_capabilities *c = &s->capabilities;
	*c = *sets;
	c->permitted = sets->ambient;
	if (s->uid == 0 && s->no_new_privileges)
		c->permitted |= (sets->bounding | sets->inheritable) & sets->permitted;
	else if (s->uid == 0)
		c->permitted |= sets->bounding | sets->inheritable;
}

/* After uid and no_new_privileges. */
static void parse_capabilities(const struct json *process, struct oci_spec *s)
{
	struct oci_capabilities *c = &s->capability_sets;
	struct json capabilities;
	s->has_capabilities =
		json_get_object(process, "capabilities", JSON_OPTIONAL, &capabilities);
	c->permitted = parse_capability_set(&capabilities, "permitted", s);
	const uint64_t effective = parse_capability_set(&capabilities, "effective", s);
	if (effective & ~c->permitted)
		json_fail(&capabilities, "effective", EINVAL,
			  "has %s, which process.capabilities.permitted has not",
			  capability_names[__builtin_ctzl(effective & ~c->permitted)]);
	c->inheritable = parse_capability_set(&capabilities, "inheritable", s);
	c->bounding = parse_capability_set(&capabilities, "bounding", s);
	/* The kernel raises no others, and other runtimes go on without them. */
	c->ambient =
		parse_capability_set(&capabilities, "ambient", s) & c->inheritable & c->permitted;
	oci_derive_capabilities(s);
}

/* --- limits --- */

static const struct {
	const char *name;
	int resource;
} rlimit_names[] = {
	{"RLIMIT_AS", RLIMIT_AS},
	{"RLIMIT_CORE", RLIMIT_CORE},
	{"RLIMIT_CPU", RLIMIT_CPU},
	{"RLIMIT_DATA", RLIMIT_DATA},
	{"RLIMIT_FSIZE", RLIMIT_FSIZE},
	{"RLIMIT_LOCKS", RLIMIT_LOCKS},
	{"RLIMIT_MEMLOCK", RLIMIT_MEMLOCK},
	{"RLIMIT_MSGQUEUE", RLIMIT_MSGQUEUE},
	{"RLIMIT_NICE", RLIMIT_NICE},
	{"RLIMIT_NOFILE", RLIMIT_NOFILE},
	{"RLIMIT_NPROC", RLIMIT_NPROC},
	{"RLIMIT_RSS", RLIMIT_RSS},
	{"RLIMIT_RTPRIO", RLIMIT_RTPRIO},
	{"RLIMIT_RTTIME", RLIMIT_RTTIME},
	{"RLIMIT_SIGPENDING", RLIMIT_SIGPENDING},
	{"RLIMIT_STACK", RLIMIT_STACK},
};

static int find_resource(const char *name)
{
	for (size_t i = 0; i < COUNT(rlimit_names); i++)
		if (strcmp(name, rlimit_names[i].name) == 0)
			return rlimit_names[i].resource;
	return -1;
}

/* INT64_MAX stands for all that is larger, and -1 for "none" is how some write it. */
static uint64_t parse_limit(const struct json *rlimit, const char *name)
{
	int64_t v = 0;
	json_get_int(rlimit, name, JSON_REQUIRED, -1, INT64_MAX, &v);
	if (v == -1 || v == INT64_MAX)
		return RLIM_INFINITY;
	return (uint64_t)v;
}

static void parse_rlimit(const struct json *rlimit, struct oci_rlimit *r)
{
	const char *name;
	if (!json_get_string(rlimit, "type", JSON_REQUIRED, 64, &name))
		return;
	r->resource = find_resource(name);
	if (r->resource < 0)
		json_fail(rlimit, "type", EINVAL, "unknown resource limit '%s'", name);
	r->soft = parse_limit(rlimit, "soft");
	r->hard = parse_limit(rlimit, "hard");
	if (r->soft > r->hard)
		json_fail(rlimit, JSON_SELF, EINVAL, "the soft limit is above the hard limit");
}

static void parse_rlimits(const struct json *process, struct oci_spec *s)
{
	struct json list, item, rlimit;
	json_get_array(process, "rlimits", JSON_OPTIONAL, OCI_RLIMITS_MAX, &list);
	for (size_t i = 0; json_element(&list, i, &item); i++)
		if (json_get_object(&item, JSON_SELF, JSON_REQUIRED, &rlimit))
			parse_rlimit(&rlimit, &s->rlimits[s->rlimits_count++]);
}

/* --- the rest --- */

static void parse_args(const struct json *process, struct oci_spec *s)
{
	if (!json_get_strings(process, "args", JSON_REQUIRED, OCI_STRINGS_MAX, OCI_STRING_BYTES_MAX,
			      &s->args, &s->args_count))
		return;
	if (s->args_count == 0)
		json_fail(process, "args", EINVAL, "is empty: there is no program to run");
	else if (!*s->args[0])
		json_fail(process, "args", EINVAL,
			  "begins with an empty string: there is no program to run");
}

/* Of the name, which ends at '='. */
static size_t name_bytes(const char *variable)
{
	return strcspn(variable, "=");
}

/* By name, then by place. */
static int by_name(const void *a, const void *b)
{
	const char *const *x = *(const char *const *const *)a, *const *y = *(
								       const char *const *const *)b;
	const size_t n = name_bytes(*x), m = name_bytes(*y);
	int rc = memcmp(*x, *y, n < m ? n : m);
	if (rc != 0)
		return rc;
	if (n != m)
		return n < m ? -1 : 1;
	return x < y ? -1 : 1;
}

/* Of a variable that is there several times the last value counts, as in other runtimes. */
static int drop_duplicates(const char **env, size_t *count)
{
	cleanup_free const char ***sorted = calloc(*count + 1, sizeof(*sorted));
	if (!sorted)
		return -ENOMEM;
	for (size_t i = 0; i < *count; i++)
		sorted[i] = &env[i];
	qsort(sorted, *count, sizeof(*sorted), by_name);
	for (size_t i = 1; i < *count; i++) {
		const size_t n = name_bytes(*sorted[i]);
		if (name_bytes(*sorted[i - 1]) != n || memcmp(*sorted[i - 1], *sorted[i], n) != 0)
			continue;
		*sorted[i - 1] = *sorted[i];
		*sorted[i] = NULL;
		sorted[i] = sorted[i - 1];
	}
	size_t left = 0;
	for (size_t i = 0; i < *count; i++)
		if (env[i])
			env[left++] = env[i];
	env[left] = NULL;
	*count = left;
	return 0;
}

static void parse_env(const struct json *process, struct oci_spec *s)
{
	if (!json_get_strings(process, "env", JSON_OPTIONAL, OCI_STRINGS_MAX, OCI_STRING_BYTES_MAX,
			      &s->env, &s->env_count))
		s->env = calloc(1, sizeof(*s->env));
	for (size_t i = 0; s->env && s->env[i]; i++)
		if (!strchr(s->env[i], '='))
			json_fail(process, "env", EINVAL, "'%.100s' is not NAME=VALUE", s->env[i]);
	if (!s->env || drop_duplicates(s->env, &s->env_count) < 0)
		json_no_memory(process, "the environment");
}

/* An empty name stands for none, as containerd writes it. */
static const char *parse_label(const struct json *process, const char *name)
{
	const char *label = "";
	json_get_string(process, name, JSON_OPTIONAL, LABEL_BYTES_MAX, &label);
	if (strpbrk(label, "\n\r"))
		json_fail(process, name, EINVAL, "must be one line");
	if (!*label)
		return NULL;
	return label;
}

static uint16_t parse_cells(const struct json *size, const char *name)
{
	int64_t cells = 0;
	json_get_int(size, name, JSON_OPTIONAL, 0, UINT16_MAX, &cells);
	return (uint16_t)cells;
}

static void parse_terminal(const struct json *process, struct oci_spec *s)
{
	struct json size;
	json_get_bool(process, "terminal", JSON_OPTIONAL, &s->terminal);
	json_get_object(process, "consoleSize", JSON_OPTIONAL, &size);
	s->console_width = parse_cells(&size, "width");
	s->console_height = parse_cells(&size, "height");
}

void oci_parse_process(const struct json *process, struct oci_spec *s)
{
	static const char *const missing[] = {"scheduler", "ioPriority", "execCPUAffinity"};
	parse_args(process, s);
	parse_env(process, s);
	json_get_absolute_path(process, "cwd", JSON_REQUIRED, OCI_PATH_MAX, &s->cwd);
	parse_user(process, s);
	s->apparmor_profile = parse_label(process, "apparmorProfile");
	s->selinux_label = parse_label(process, "selinuxLabel");
	parse_rlimits(process, s);
	parse_terminal(process, s);
	s->oom_score_adj = OCI_UNSET;
	json_get_int(process, "oomScoreAdj", JSON_OPTIONAL, -1000, 1000, &s->oom_score_adj);
	json_get_bool(process, "noNewPrivileges", JSON_OPTIONAL, &s->no_new_privileges);
	parse_capabilities(process, s);
	json_refuse_members(process, missing, COUNT(missing));
}
