/* SPDX-License-Identifier: Apache-2.0 */
/* config.json, `linux` but its resources. Whoever made the bundle controls the file. */
#include "oci/internal.h"

#include <sched.h>
#include <string.h>
#include <sys/mount.h>

#define LIST_MAX 1024

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
	/* The guest sees no process but its own, and no cgroup: joining either changes nothing.
	   CRI clients that say nothing of it ask for their pod's pid namespace. */
	{"pid", CLONE_NEWPID, true, true},
	{"cgroup", CLONE_NEWCGROUP, true, true},
	{"user", CLONE_NEWUSER, false, false},
	{"time", CLONE_NEWTIME, false, false},
};

const char *oci_namespace_name(size_t i)
{
	for (size_t k = 0; k < COUNT(namespace_types); k++)
		if (namespace_types[k].known && i-- == 0)
			return namespace_types[k].name;
	return NULL;
}

static const struct namespace_type *find_type(const char *name)
{
	for (size_t i = 0; i < COUNT(namespace_types); i++)
		if (strcmp(name, namespace_types[i].name) == 0)
			return &namespace_types[i];
	return NULL;
}

const struct oci_namespace *oci_namespace(const struct oci_spec *s, int flag)
{
	for (size_t i = 0; i < s->namespaces_count; i++)
		if (s->namespaces[i].flag == flag)
			return &s->namespaces[i];
	return NULL;
}

static void parse_namespace(const struct json *namespace, struct oci_spec *s)
{
	struct oci_namespace *n = &s->namespaces[s->namespaces_count];
	const char *name;
	if (!json_get_string(namespace, "type", JSON_REQUIRED, 32, &name))
		return;
	const struct namespace_type *t = find_type(name);
	if (!t) {
		json_fail(namespace, "type", EINVAL, "unknown namespace '%s'", name);
		return;
	}
	if (!t->known)
		json_fail(namespace, "type", ENOSYS, "Mote does not support %s namespaces", name);
	if (oci_namespace(s, t->flag))
		json_fail(namespace, "type", EINVAL, "namespace '%s' is given twice", name);
	if (json_get_absolute_path(namespace, "path", JSON_OPTIONAL, OCI_PATH_MAX, &n->path) &&
	    !t->joinable)
		json_fail(namespace, "path", ENOSYS, "Mote does not support joining a %s namespace",
			  name);
	n->flag = t->flag;
	s->namespaces_count++;
}

static void parse_namespaces(const struct json *linux_, struct oci_spec *s)
{
	struct json list, item, namespace;
	json_get_array(linux_, "namespaces", JSON_OPTIONAL, OCI_NAMESPACES_MAX, &list);
	for (size_t i = 0; json_element(&list, i, &item); i++)
		if (json_get_object(&item, JSON_SELF, JSON_REQUIRED, &namespace))
			parse_namespace(&namespace, s);
}

/* --- sysctls --- */

int oci_sysctl_path(const char *name, char *path, size_t size)
{
	const char *separator = strpbrk(name, "./");
	bool dots = separator && *separator == '.';
	size_t len = strlen(name);
	if (len >= size)
		return -ENAMETOOLONG;
	memcpy(path, name, len + 1);
	for (char *c = path; dots && (c = strpbrk(c, "./")); c++)
		*c = *c == '.' ? '/' : '.';
	if (strstr(path, ".."))
		return -EINVAL;
	return 0;
}

int oci_sysctl_namespace(const char *name)
{
	static const struct {
		const char *path; /* below /proc/sys; with '/' at its end: all below it */
		int flag;
	} known[] = {
		{"net/", CLONE_NEWNET},
		{"fs/mqueue/", CLONE_NEWIPC},
		{"kernel/msgmax", CLONE_NEWIPC},
		{"kernel/msgmnb", CLONE_NEWIPC},
		{"kernel/msgmni", CLONE_NEWIPC},
		{"kernel/msg_next_id", CLONE_NEWIPC},
		{"kernel/sem", CLONE_NEWIPC},
		{"kernel/sem_next_id", CLONE_NEWIPC},
		{"kernel/shmall", CLONE_NEWIPC},
		{"kernel/shmmax", CLONE_NEWIPC},
		{"kernel/shmmni", CLONE_NEWIPC},
		{"kernel/shm_next_id", CLONE_NEWIPC},
		{"kernel/shm_rmid_forced", CLONE_NEWIPC},
		{"kernel/domainname", CLONE_NEWUTS},
	};
	char path[OCI_SYSCTL_PATH_MAX];
	if (oci_sysctl_path(name, path, sizeof(path)) < 0)
		return 0;
	for (size_t i = 0; i < COUNT(known); i++) {
		size_t len = strlen(known[i].path);
		bool below = known[i].path[len - 1] == '/';
		if (strncmp(path, known[i].path, below ? len : len + 1) == 0)
			return known[i].flag;
	}
	return 0;
}

/* After parse_namespaces. */
static void parse_sysctls(const struct json *linux_, struct oci_spec *s)
{
	struct json all, member;
	if (!json_get_object(linux_, "sysctl", JSON_OPTIONAL, &all) ||
	    !json_check_count(&all, LIST_MAX))
		return;
	s->sysctls = calloc(json_count(&all) + 1, sizeof(*s->sysctls));
	if (!s->sysctls) {
		json_no_memory(&all, "linux.sysctl");
		return;
	}
	for (void *at = NULL; json_next_member(&all, &at, &member);) {
		struct oci_sysctl *sysctl = &s->sysctls[s->sysctls_count];
		sysctl->name = member.key;
		int flag = oci_sysctl_namespace(member.key);
		if (!flag)
			json_fail(&member, JSON_SELF, EINVAL,
				  "is not a sysctl of a namespace that a container has");
		else if (!oci_namespace(s, flag))
			json_fail(&member, JSON_SELF, EINVAL,
				  "would change the host's: the container has no namespace of its "
				  "own for it");
		if (json_get_string(&member, JSON_SELF, JSON_REQUIRED, OCI_PATH_MAX,
				    &sysctl->value))
			s->sysctls_count++;
	}
}

/* --- paths and mounts --- */

static void parse_cgroup_path(const struct json *linux_, struct oci_spec *s)
{
	const char *text = "";
	json_get_string(linux_, "cgroupsPath", JSON_OPTIONAL, OCI_PATH_MAX, &text);
	if (!*text)
		return;
	int rc = oci_cgroup_path(text, &s->cgroup_path);
	if (rc == -ENOMEM)
		json_no_memory(linux_, "linux.cgroupsPath");
	else if (rc < 0)
		json_fail(linux_, "cgroupsPath", -rc,
			  "'%.100s' is neither a path nor slice:prefix:name", text);
}

static void parse_propagation(const struct json *linux_, struct oci_spec *s)
{
	static const struct {
		const char *name;
		uint64_t flag;
	} kinds[] = {
		{"private", MS_PRIVATE},       {"rprivate", MS_PRIVATE | MS_REC},
		{"slave", MS_SLAVE},           {"rslave", MS_SLAVE | MS_REC},
		{"shared", MS_SHARED},         {"rshared", MS_SHARED | MS_REC},
		{"unbindable", MS_UNBINDABLE}, {"runbindable", MS_UNBINDABLE | MS_REC},
	};
	const char *name = "";
	json_get_string(linux_, "rootfsPropagation", JSON_OPTIONAL, 32, &name);
	for (size_t i = 0; i < COUNT(kinds); i++)
		if (strcmp(name, kinds[i].name) == 0)
			s->propagation = kinds[i].flag;
	if (*name && !s->propagation)
		json_fail(linux_, "rootfsPropagation", EINVAL, "invalid mount propagation '%s'",
			  name);
}

static void parse_paths(const struct json *linux_, const char *name, const char ***out,
			size_t *count)
{
	struct json list, item;
	const char *path;
	json_get_strings(linux_, name, JSON_OPTIONAL, LIST_MAX, OCI_PATH_MAX, out, count);
	json_get_array(linux_, name, JSON_OPTIONAL, LIST_MAX, &list);
	for (size_t i = 0; json_element(&list, i, &item); i++)
		json_get_absolute_path(&item, JSON_SELF, JSON_REQUIRED, OCI_PATH_MAX, &path);
}

/* --- devices --- */

/* A guest sees these devices, and reads and writes nothing else that is one. */
static bool is_guest_device(const char *path, const char *kind, int64_t major, int64_t minor)
{
	static const struct {
		const char *path;
		int64_t major, minor;
	} devices[] = {
		{"/dev/null", 1, 3},   {"/dev/zero", 1, 5},    {"/dev/full", 1, 7},
		{"/dev/random", 1, 8}, {"/dev/urandom", 1, 9}, {"/dev/tty", 5, 0},
	};
	if (*kind != 'c' && *kind != 'u')
		return false;
	for (size_t i = 0; i < COUNT(devices); i++)
		if (strcmp(path, devices[i].path) == 0)
			return major == devices[i].major && minor == devices[i].minor;
	return false;
}

static void parse_device(const struct json *device)
{
	const char *path = "", *kind = "";
	int64_t major = 0, minor = 0;
	json_get_absolute_path(device, "path", JSON_REQUIRED, OCI_PATH_MAX, &path);
	json_get_string(device, "type", JSON_OPTIONAL, 8, &kind);
	json_get_int(device, "major", JSON_OPTIONAL, 0, UINT32_MAX, &major);
	json_get_int(device, "minor", JSON_OPTIONAL, 0, UINT32_MAX, &minor);
	if (!is_guest_device(path, kind, major, minor))
		json_fail(device, JSON_SELF, ENOSYS,
			  "%.100s: not supported; a guest's devices are null, zero, full, random, "
			  "urandom and tty",
			  path);
}

static void parse_devices(const struct json *linux_)
{
	struct json list, item, device;
	json_get_array(linux_, "devices", JSON_OPTIONAL, LIST_MAX, &list);
	for (size_t i = 0; json_element(&list, i, &item); i++)
		if (json_get_object(&item, JSON_SELF, JSON_REQUIRED, &device))
			parse_device(&device);
}

void oci_parse_linux(const struct json *top, struct oci_spec *s)
{
	static const char *const missing[] = {"netDevices",  "uidMappings", "gidMappings",
					      "intelRdt",    "timeOffsets", "personality",
					      "memoryPolicy"};
	struct json linux_, resources;
	json_get_object(top, "linux", JSON_OPTIONAL, &linux_);
	parse_namespaces(&linux_, s);
	json_get_object(&linux_, "resources", JSON_OPTIONAL, &resources);
	oci_parse_resources(&resources, &s->resources);
	parse_cgroup_path(&linux_, s);
	parse_sysctls(&linux_, s);
	parse_propagation(&linux_, s);
	parse_paths(&linux_, "maskedPaths", &s->masked, &s->masked_count);
	parse_paths(&linux_, "readonlyPaths", &s->readonly, &s->readonly_count);
	parse_devices(&linux_);
	oci_parse_seccomp(&linux_, s);
	json_get_string(&linux_, "mountLabel", JSON_OPTIONAL, OCI_PATH_MAX, &s->mount_label);
	json_refuse_members(&linux_, missing, COUNT(missing));
}
