/* SPDX-License-Identifier: Apache-2.0 */
/* config.json, `linux`. Whoever made the bundle controls the file. */
#include "oci/internal.h"

#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>

#define LIST_MAX 1024
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* --- namespaces --- */

static const struct namespace_type {
	const char *name;
	int flag;
	bool joinable, known; /* by path; at all */
} namespace_types[] = {
	{"network", CLONE_NEWNET, true, true},
	{"ipc", CLONE_NEWIPC, true, true},
	{"uts", CLONE_NEWUTS, true, true},
	{"mount", CLONE_NEWNS, false, true},
	/* The guest sees no process but its own, and no cgroup: joining either would change
	   nothing. */
	{"pid", CLONE_NEWPID, true, true},
	{"cgroup", CLONE_NEWCGROUP, true, true},
	{"user", CLONE_NEWUSER, false, false},
	{"time", CLONE_NEWTIME, false, false},
};

static int parse_namespace(const struct json_at *at, struct oci_spec *s, struct err *e)
{
	struct json_at type = json_member(at, "type"), path = json_member(at, "path");
	struct oci_namespace *n = &s->namespaces[s->namespaces_count];
	const char *name = NULL;
	int rc = json_get_object(at, e);
	if (rc > 0)
		rc = json_get_string(&type, 32, &name, e);
	if (rc <= 0)
		return rc < 0 ? rc : json_fail(&type, e, EINVAL, "is missing");
	const struct namespace_type *t = NULL;
	for (size_t i = 0; i < COUNT(namespace_types); i++)
		if (strcmp(name, namespace_types[i].name) == 0)
			t = &namespace_types[i];
	if (!t)
		return json_fail(&type, e, EINVAL, "'%s' is no namespace", name);
	if (!t->known)
		return json_fail(&type, e, ENOSYS, "Mote has no %s namespaces yet", name);
	if (oci_namespace(s, t->flag))
		return json_fail(&type, e, EINVAL, "'%s' is there twice", name);
	rc = oci_get_abs_path(&path, &n->path, e);
	if (rc < 0)
		return rc;
	if (rc > 0 && !t->joinable)
		return json_fail(&path, e, ENOSYS, "Mote joins no %s namespace", name);
	n->flag = t->flag;
	s->namespaces_count++;
	return 0;
}

static int parse_namespaces(const struct json_at *linux_, struct oci_spec *s, struct err *e)
{
	struct json_at list = json_member(linux_, "namespaces");
	size_t count = 0;
	int rc = json_get_array(&list, OCI_NAMESPACES_MAX, &count, e);
	for (size_t i = 0; rc >= 0 && i < count; i++) {
		struct json_at at = json_element(&list, i);
		rc = parse_namespace(&at, s, e);
	}
	return rc < 0 ? rc : 0;
}

/* --- resources --- */

struct number {
	const char *name;
	int64_t min, max, *out;
};

static int parse_numbers(const struct json_at *at, const struct number *n, size_t count,
			 struct err *e)
{
	for (size_t i = 0; i < count; i++) {
		struct json_at member = json_member(at, n[i].name);
		int rc = json_get_int(&member, n[i].min, n[i].max, n[i].out, e);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int parse_memory(const struct json_at *resources, struct oci_resources *r, struct err *e)
{
	struct json_at memory = json_member(resources, "memory"),
		       disable = json_member(&memory, "disableOOMKiller");
	const struct number numbers[] = {
		{"limit", -1, INT64_MAX, &r->memory_limit},
		{"reservation", -1, INT64_MAX, &r->memory_reservation},
		{"swap", -1, INT64_MAX, &r->memory_swap},
		{"swappiness", 0, 200, &r->memory_swappiness},
	};
	int rc = json_get_object(&memory, e);
	if (rc > 0)
		rc = parse_numbers(&memory, numbers, COUNT(numbers), e);
	if (rc >= 0)
		rc = json_get_bool(&disable, &r->oom_kill_disable, e);
	return rc < 0 ? rc : 0;
}

static int parse_cpu(const struct json_at *resources, struct oci_resources *r, struct err *e)
{
	struct json_at cpu = json_member(resources, "cpu"), cpus = json_member(&cpu, "cpus"),
		       mems = json_member(&cpu, "mems"),
		       runtime = json_member(&cpu, "realtimeRuntime");
	const struct number numbers[] = {
		{"shares", 0, INT64_MAX, &r->cpu_shares},
		{"quota", -1, INT64_MAX, &r->cpu_quota_us},
		{"period", 0, INT64_MAX, &r->cpu_period_us},
		{"burst", 0, INT64_MAX, &r->cpu_burst_us},
		{"idle", 0, 1, &r->cpu_idle},
	};
	int rc = json_get_object(&cpu, e);
	if (rc <= 0)
		return rc;
	rc = parse_numbers(&cpu, numbers, COUNT(numbers), e);
	if (rc == 0)
		rc = json_get_string(&cpus, OCI_PATH_MAX, &r->cpuset_cpus, e);
	if (rc >= 0)
		rc = json_get_string(&mems, OCI_PATH_MAX, &r->cpuset_mems, e);
	int64_t realtime = 0;
	if (rc >= 0)
		rc = json_get_int(&runtime, INT64_MIN, INT64_MAX, &realtime, e);
	if (rc >= 0 && realtime > 0)
		return json_fail(&runtime, e, ENOSYS, "Mote has no real-time scheduling");
	return rc < 0 ? rc : 0;
}

static bool plain_name(const char *name)
{
	return *name && *name != '.' && !strchr(name, '/') && strlen(name) < 128;
}

static int parse_unified(const struct json_at *resources, struct oci_resources *r, struct err *e)
{
	struct json_at unified = json_member(resources, "unified");
	int rc = json_get_object(&unified, e);
	if (rc <= 0)
		return rc;
	size_t count = json_object_size(unified.value);
	if (count > LIST_MAX)
		return json_fail(&unified, e, E2BIG, "has %zu members; at most %d are possible",
				 count, LIST_MAX);
	r->unified = calloc(count + 1, sizeof(*r->unified));
	if (!r->unified)
		return err_sys(e, ENOMEM, "linux.resources.unified");
	const char *key;
	json_t *value;
	json_object_foreach((json_t *)(uintptr_t)unified.value, key, value)
	{
		struct json_at at = json_member(&unified, key);
		struct oci_unified *u = &r->unified[r->unified_count];
		if (!plain_name(key) || strncmp(key, "cgroup.", 7) == 0)
			return json_fail(&at, e, EINVAL, "is no controller's file");
		u->file = key;
		rc = json_get_string(&at, OCI_PATH_MAX, &u->value, e);
		if (rc <= 0)
			return rc < 0 ? rc : json_fail(&at, e, EINVAL, "must be a string");
		r->unified_count++;
	}
	return 0;
}

static int refuse_members(const struct json_at *at, const char *const *names, size_t count,
			  struct err *e)
{
	for (size_t i = 0; i < count; i++) {
		struct json_at member = json_member(at, names[i]);
		const json_t *v = member.value;
		if (v && !json_is_null(v) && json_object_size(v) + json_array_size(v) > 0)
			return json_fail(&member, e, ENOSYS, "Mote does not support it");
		if (v && !json_is_null(v) && !json_is_object(v) && !json_is_array(v))
			return json_fail(&member, e, EINVAL, "must be an object or an array");
	}
	return 0;
}

static int parse_resources(const struct json_at *resources, struct oci_resources *r, struct err *e)
{
	r->memory_limit = r->memory_reservation = r->memory_swap = r->memory_swappiness = OCI_UNSET;
	r->cpu_shares = r->cpu_quota_us = r->cpu_period_us = r->cpu_burst_us = r->cpu_idle =
		OCI_UNSET;
	r->pids_limit = 0;
	struct json_at pids = json_member(resources, "pids"), limit = json_member(&pids, "limit");
	static const char *const missing[] = {"blockIO", "rdma", "network"};
	int rc = json_get_object(resources, e);
	if (rc <= 0)
		return rc;
	rc = parse_memory(resources, r, e);
	if (rc == 0)
		rc = parse_cpu(resources, r, e);
	if (rc == 0)
		rc = json_get_object(&pids, e);
	if (rc >= 0)
		rc = json_get_int(&limit, INT64_MIN, INT64_MAX, &r->pids_limit, e);
	if (rc >= 0)
		rc = parse_unified(resources, r, e);
	if (rc == 0)
		rc = refuse_members(resources, missing, COUNT(missing), e);
	return rc < 0 ? rc : 0;
}

/* --- cgroupsPath --- */

/* Joins components with one '/' between; refuses ".." and a path that is only the top. */
static int normal_path(const char *text, char **out)
{
	size_t room = strlen(text) + 2, at = 0;
	cleanup_free char *path = malloc(room);
	if (!path)
		return -ENOMEM;
	while (*text) {
		size_t n = strcspn(text, "/");
		if (n == 2 && memcmp(text, "..", 2) == 0)
			return -EINVAL;
		if (n > 0 && !(n == 1 && *text == '.')) {
			path[at++] = '/';
			memcpy(path + at, text, n);
			at += n;
		}
		text += n;
		text += *text == '/';
	}
	if (at == 0)
		return -EINVAL;
	path[at] = '\0';
	*out = take_ptr(path);
	return 0;
}

/* "a-b.slice" lies in "a.slice"; "-.slice" is the top. */
static int slice_path(const char *slice, size_t len, char *to, size_t room)
{
	static const char suffix[] = ".slice";
	size_t stem = len - (sizeof(suffix) - 1), at = 0;
	if (len < sizeof(suffix) || memcmp(slice + stem, suffix, sizeof(suffix) - 1) != 0 ||
	    memchr(slice, '/', len))
		return -EINVAL;
	to[0] = '\0';
	if (stem == 1 && *slice == '-')
		return 0;
	for (size_t i = 1; i <= stem; i++) {
		if (i < stem && slice[i] != '-')
			continue;
		if (slice[i - 1] == '-')
			return -EINVAL;
		int n = snprintf(to + at, room - at, "/%.*s%s", (int)i, slice, suffix);
		if (n < 0 || (size_t)n >= room - at)
			return -ENAMETOOLONG;
		at += (size_t)n;
	}
	return 0;
}

static int systemd_path(const char *text, const char *first, const char *second, char **out)
{
	char slice[OCI_PATH_MAX + 1], path[2 * OCI_PATH_MAX];
	const char *name = second + 1, *prefix = first + 1;
	size_t len = (size_t)(first - text);
	if (!*name || strchr(name, '/') || strchr(name, ':') ||
	    memchr(prefix, '/', (size_t)(second - prefix)))
		return -EINVAL;
	int rc = slice_path(len ? text : "system.slice", len ? len : strlen("system.slice"), slice,
			    sizeof(slice));
	if (rc < 0)
		return rc;
	size_t end = strlen(name);
	bool is_slice = end > 6 && strcmp(name + end - 6, ".slice") == 0;
	int n = is_slice ? snprintf(path, sizeof(path), "%s/%s", slice, name)
			 : snprintf(path, sizeof(path), "%s/%.*s%s%s.scope", slice,
				    (int)(second - prefix), prefix, second > prefix ? "-" : "",
				    name);
	if (n < 0 || n > OCI_PATH_MAX)
		return -ENAMETOOLONG;
	return normal_path(path, out);
}

int oci_cgroup_path(const char *text, char **out)
{
	if (strlen(text) > OCI_PATH_MAX)
		return -ENAMETOOLONG;
	const char *first = strchr(text, ':'), *second = first ? strchr(first + 1, ':') : NULL;
	if (second && *text != '/')
		return systemd_path(text, first, second, out);
	return normal_path(text, out);
}

static int parse_cgroup_path(const struct json_at *linux_, struct oci_spec *s, struct err *e)
{
	struct json_at at = json_member(linux_, "cgroupsPath");
	const char *text = "";
	int rc = json_get_string(&at, OCI_PATH_MAX, &text, e);
	if (rc <= 0 || !*text)
		return rc < 0 ? rc : 0;
	rc = oci_cgroup_path(text, &s->cgroup_path);
	if (rc == -ENOMEM)
		return err_sys(e, ENOMEM, "linux.cgroupsPath");
	return rc < 0 ? json_fail(&at, e, -rc, "'%.100s' is neither a path nor slice:prefix:name",
				  text)
		      : 0;
}

/* --- the rest --- */

static int parse_sysctls(const struct json_at *linux_, struct oci_spec *s, struct err *e)
{
	static const char *const allowed[] = {"net.", "kernel.msg", "kernel.shm", "kernel.sem",
					      "fs.mqueue."};
	struct json_at all = json_member(linux_, "sysctl");
	int rc = json_get_object(&all, e);
	if (rc <= 0)
		return rc;
	size_t count = json_object_size(all.value);
	if (count > LIST_MAX)
		return json_fail(&all, e, E2BIG, "has %zu members; at most %d are possible", count,
				 LIST_MAX);
	s->sysctls = calloc(count + 1, sizeof(*s->sysctls));
	if (!s->sysctls)
		return err_sys(e, ENOMEM, "linux.sysctl");
	const char *key;
	json_t *value;
	json_object_foreach((json_t *)(uintptr_t)all.value, key, value)
	{
		struct json_at at = json_member(&all, key);
		struct oci_sysctl *one = &s->sysctls[s->sysctls_count];
		bool known = false;
		for (size_t i = 0; i < COUNT(allowed); i++)
			known |= strncmp(key, allowed[i], strlen(allowed[i])) == 0;
		if (!known || strstr(key, "..") || strlen(key) > 255)
			return json_fail(&at, e, EINVAL, "belongs to no namespace of a container");
		int need = strncmp(key, "net.", 4) == 0 ? CLONE_NEWNET : CLONE_NEWIPC;
		if (!oci_namespace(s, need))
			return json_fail(
				&at, e, EINVAL,
				"needs a namespace of the container's own, or it is the host's");
		one->name = key;
		rc = json_get_string(&at, OCI_PATH_MAX, &one->value, e);
		if (rc <= 0)
			return rc < 0 ? rc : json_fail(&at, e, EINVAL, "must be a string");
		s->sysctls_count++;
	}
	return 0;
}

static int parse_propagation(const struct json_at *linux_, struct oci_spec *s, struct err *e)
{
	static const struct {
		const char *name;
		uint64_t flag;
	} kinds[] = {
		{"private", MS_PRIVATE},       {"rprivate", MS_PRIVATE | MS_REC},
		{"slave", MS_SLAVE},	       {"rslave", MS_SLAVE | MS_REC},
		{"shared", MS_SHARED},	       {"rshared", MS_SHARED | MS_REC},
		{"unbindable", MS_UNBINDABLE}, {"runbindable", MS_UNBINDABLE | MS_REC},
	};
	struct json_at at = json_member(linux_, "rootfsPropagation");
	const char *name = "";
	int rc = json_get_string(&at, 32, &name, e);
	if (rc <= 0 || !*name)
		return rc < 0 ? rc : 0;
	for (size_t i = 0; i < COUNT(kinds); i++)
		if (strcmp(name, kinds[i].name) == 0)
			s->propagation = kinds[i].flag;
	return s->propagation ? 0 : json_fail(&at, e, EINVAL, "'%s' is no mount propagation", name);
}

static int parse_paths(const struct json_at *linux_, const char *name, const char ***out,
		       size_t *count, struct err *e)
{
	struct json_at list = json_member(linux_, name);
	int rc = json_get_strings(&list, LIST_MAX, OCI_PATH_MAX, out, count, e);
	for (size_t i = 0; rc > 0 && i < *count; i++) {
		struct json_at at = json_element(&list, i);
		const char *path;
		if (oci_get_abs_path(&at, &path, e) < 0)
			return -EINVAL;
	}
	return rc < 0 ? rc : 0;
}

/* A guest sees these devices, and reads and writes nothing else that is one. */
static int parse_device(const struct json_at *at, struct err *e)
{
	static const struct {
		const char *path;
		int64_t major, minor;
	} there[] = {
		{"/dev/null", 1, 3},   {"/dev/zero", 1, 5},    {"/dev/full", 1, 7},
		{"/dev/random", 1, 8}, {"/dev/urandom", 1, 9}, {"/dev/tty", 5, 0},
	};
	struct json_at path = json_member(at, "path"), major = json_member(at, "major"),
		       minor = json_member(at, "minor"), type = json_member(at, "type");
	const char *name = NULL, *kind = "";
	int64_t numbers[2] = {0, 0};
	int rc = json_get_object(at, e);
	if (rc > 0)
		rc = oci_get_abs_path(&path, &name, e);
	if (rc <= 0)
		return rc < 0 ? rc : json_fail(&path, e, EINVAL, "is missing");
	rc = json_get_string(&type, 8, &kind, e);
	if (rc >= 0)
		rc = json_get_int(&major, 0, UINT32_MAX, &numbers[0], e);
	if (rc >= 0)
		rc = json_get_int(&minor, 0, UINT32_MAX, &numbers[1], e);
	for (size_t i = 0; rc >= 0 && i < COUNT(there); i++)
		if (strcmp(name, there[i].path) == 0 && strchr("cu", *kind) && *kind &&
		    numbers[0] == there[i].major && numbers[1] == there[i].minor)
			return 0;
	return rc < 0 ? rc
		      : json_fail(at, e, ENOSYS,
				  "%.100s: a guest has null, zero, full, random, urandom and tty in "
				  "/dev, and no other device",
				  name);
}

static int parse_devices(const struct json_at *linux_, struct err *e)
{
	struct json_at list = json_member(linux_, "devices");
	size_t count = 0;
	int rc = json_get_array(&list, LIST_MAX, &count, e);
	for (size_t i = 0; rc >= 0 && i < count; i++) {
		struct json_at at = json_element(&list, i);
		rc = parse_device(&at, e);
	}
	return rc < 0 ? rc : 0;
}

int oci_parse_linux(const struct json_at *root, struct oci_spec *s, struct err *e)
{
	static const char *const missing[] = {"netDevices",  "uidMappings", "gidMappings",
					      "intelRdt", "timeOffsets", "personality"};
	struct json_at linux_ = json_member(root, "linux"),
		       resources = json_member(&linux_, "resources");
	int rc = json_get_object(&linux_, e);
	if (rc >= 0)
		rc = parse_namespaces(&linux_, s, e);
	if (rc == 0)
		rc = parse_resources(&resources, &s->resources, e);
	if (rc == 0)
		rc = parse_cgroup_path(&linux_, s, e);
	if (rc == 0)
		rc = parse_sysctls(&linux_, s, e);
	if (rc == 0)
		rc = parse_propagation(&linux_, s, e);
	if (rc == 0)
		rc = parse_paths(&linux_, "maskedPaths", &s->masked, &s->masked_count, e);
	if (rc == 0)
		rc = parse_paths(&linux_, "readonlyPaths", &s->readonly, &s->readonly_count, e);
	if (rc == 0)
		rc = parse_devices(&linux_, e);
	if (rc == 0)
		rc = refuse_members(&linux_, missing, COUNT(missing), e);
	return rc;
}

int oci_resources_parse(const char *bytes, size_t len, struct oci_spec *out, struct err *e)
{
	*out = (struct oci_spec){0};
	int rc = json_parse(bytes, len, "resources", &out->root, e);
	struct json_at document = json_document(out->root, "resources");
	if (rc == 0 && !json_is_object(out->root))
		rc = json_fail(&document, e, EINVAL, "must be an object");
	if (rc == 0)
		rc = parse_resources(&document, &out->resources, e);
	if (rc < 0)
		oci_spec_free(out);
	return rc;
}
