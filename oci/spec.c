/* SPDX-License-Identifier: Apache-2.0 */
/* config.json, its top level. Whoever made the bundle controls the file. */
#include "oci/spec.h"

#include "oci/internal.h"

#include <sched.h>
#include <string.h>

#define HOSTNAME_MAX 64 /* utsname's */

static void parse_version(const struct json *top)
{
	const char *version;
	if (json_get_string(top, "ociVersion", JSON_REQUIRED, 64, &version) &&
	    strncmp(version, "1.", 2) != 0)
		json_fail(top, "ociVersion", ENOSYS, "is %s; Mote supports 1.x", version);
}

static void parse_root(const struct json *top, struct oci_spec *s)
{
	struct json root;
	json_get_object(top, "root", JSON_REQUIRED, &root);
	if (json_get_string(&root, "path", JSON_REQUIRED, OCI_PATH_MAX, &s->root_path) &&
	    !*s->root_path)
		json_fail(&root, "path", EINVAL, "must not be empty");
	json_get_bool(&root, "readonly", JSON_OPTIONAL, &s->root_readonly);
}

/* After the namespaces: the host's own names must not change, and no name is dropped in silence. */
static void check_names(const struct json *top, const struct oci_spec *s)
{
	static const char own[] = "the container has no uts namespace to have it in";
	if (oci_namespace(s, CLONE_NEWUTS))
		return;
	if (s->hostname && *s->hostname)
		json_fail(top, "hostname", EINVAL, "%s", own);
	if (s->domainname && *s->domainname)
		json_fail(top, "domainname", EINVAL, "%s", own);
}

static void parse_document(const struct json *top, struct oci_spec *s)
{
	struct json process;
	parse_version(top);
	json_get_object(top, "process", JSON_REQUIRED, &process);
	oci_parse_process(&process, s);
	parse_root(top, s);
	oci_parse_mounts(top, s);
	json_get_string(top, "hostname", JSON_OPTIONAL, HOSTNAME_MAX, &s->hostname);
	json_get_string(top, "domainname", JSON_OPTIONAL, HOSTNAME_MAX, &s->domainname);
	oci_parse_hooks(top, &s->hooks);
	oci_check_annotations(top);
	oci_parse_linux(top, s);
	check_names(top, s);
}

static void parse_resources_alone(const struct json *top, struct oci_spec *s)
{
	oci_parse_resources(top, &s->resources);
}

/*
 * Fills *s from s->root by `parse`, which is given the document's object; frees *s after an error.
 */
static int read_parsed(const char *name,
		       void (*parse)(const struct json *object, struct oci_spec *s),
		       struct oci_spec *s, struct err *e)
{
	struct json_document d = json_open(s->root, name, e);
	const struct json top = json_top(&d);
	struct json object;
	if (json_get_object(&top, JSON_SELF, JSON_REQUIRED, &object))
		parse(&object, s);
	if (d.rc < 0)
		oci_spec_free(s);
	return d.rc;
}

int oci_spec_read(int bundle_fd, struct oci_spec *out, struct err *e)
{
	*out = (struct oci_spec){0};
	int rc = json_read_file(bundle_fd, OCI_CONFIG_NAME, &out->root, e);
	if (rc < 0)
		return rc;
	return read_parsed(OCI_CONFIG_NAME, parse_document, out, e);
}

int oci_spec_parse(const char *bytes, size_t len, struct oci_spec *out, struct err *e)
{
	*out = (struct oci_spec){0};
	int rc = json_parse(bytes, len, OCI_CONFIG_NAME, &out->root, e);
	if (rc < 0)
		return rc;
	return read_parsed(OCI_CONFIG_NAME, parse_document, out, e);
}

int oci_process_parse(const char *bytes, size_t len, struct oci_spec *out, struct err *e)
{
	*out = (struct oci_spec){0};
	int rc = json_parse(bytes, len, "process", &out->root, e);
	if (rc < 0)
		return rc;
	return read_parsed("process", oci_parse_process, out, e);
}

int oci_resources_parse(const char *bytes, size_t len, struct oci_spec *out, struct err *e)
{
	*out = (struct oci_spec){0};
	int rc = json_parse(bytes, len, "resources", &out->root, e);
	if (rc < 0)
		return rc;
	return read_parsed("resources", parse_resources_alone, out, e);
}

const char *oci_environment(const struct oci_spec *s, const char *name)
{
	size_t len = strlen(name);
	for (size_t i = 0; i < s->env_count; i++)
		if (strncmp(s->env[i], name, len) == 0 && s->env[i][len] == '=')
			return s->env[i] + len + 1;
	return NULL;
}

void oci_spec_free(struct oci_spec *s)
{
	for (size_t i = 0; i < s->mounts_count; i++)
		free(s->mounts[i].data);
	free(s->mounts);
	free(s->args);
	free(s->env);
	free(s->groups);
	free(s->sysctls);
	free(s->resources.io);
	free(s->resources.unified);
	free(s->cgroup_path);
	free(s->masked);
	free(s->readonly);
	free(s->mounted);
	oci_hooks_free(&s->hooks);
	json_free(s->root);
	*s = (struct oci_spec){0};
}
