/* SPDX-License-Identifier: Apache-2.0 */
/* What Mote takes of config.json, as the runtime specification's "features" document says it. */
#include "oci/internal.h"

#include <jansson.h>

/* Accepted by parse_version, oci/spec.c. */
#define VERSION_MIN "1.0.0"
#define VERSION_MAX "1.2.1"

/* Takes the string. */
static int append(json_t *array, json_t *string)
{
	if (!string || json_array_append_new(array, string) < 0)
		return -ENOMEM;
	return 0;
}

/* NULL: out of memory. */
static json_t *names_of(const char *(*name_at)(size_t))
{
	cleanup_json json_t *array = json_array();
	const char *name;
	for (size_t i = 0; array && (name = name_at(i)); i++)
		if (append(array, json_string(name)) < 0)
			return NULL;
	return take_ptr(array);
}

static json_t *mount_options(void)
{
	cleanup_json json_t *array = json_array();
	const char *name;
	bool recursive;
	for (size_t i = 0; array && (name = oci_mount_option_name(i, &recursive)); i++) {
		int rc = append(array, json_string(name));
		if (rc == 0 && recursive)
			rc = append(array, json_sprintf("r%s", name));
		if (rc < 0)
			return NULL;
	}
	return take_ptr(array);
}

/* What is enabled, independent of what this machine offers. */
static json_t *linux_features(void)
{
	return json_pack("{s:o, s:o, s:{s:b, s:b, s:b, s:b}, s:{s:b}, s:{s:b}, s:{s:b}, s:{s:b},"
			 " s:{s:{s:b}}, s:{s:b}}",
			 "namespaces", names_of(oci_namespace_name), "capabilities",
			 names_of(oci_capability_name), "cgroup", "v1", 1, "v2", 1, "systemd", 0,
			 "rdma", 0, "seccomp", "enabled", 0, "apparmor", "enabled", 1, "selinux",
			 "enabled", 1, "intelRdt", "enabled", 0, "mountExtensions", "idmap",
			 "enabled", 0, "netDevices", "enabled", 0);
}

int oci_features_text(char **out)
{
	cleanup_json json_t *features =
		json_pack("{s:s, s:s, s:o, s:o, s:o}", "ociVersionMin", VERSION_MIN,
			  "ociVersionMax", VERSION_MAX, "hooks", names_of(oci_hook_name),
			  "mountOptions", mount_options(), "linux", linux_features());
	char *text = features ? json_dumps(features, JSON_COMPACT) : NULL;
	if (!text)
		return -ENOMEM;
	*out = text;
	return 0;
}
