/* SPDX-License-Identifier: Apache-2.0 */
/* config.json, its top level, root and mounts. Whoever made the bundle controls the file. */
#include "oci/spec.h"

#include "oci/internal.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>

#define MOUNTS_MAX 1024
#define MOUNT_OPTIONS_MAX 1024
#define HOSTNAME_MAX 64 /* utsname's */

int oci_get_abs_path(const struct json_at *at, const char **out, struct err *e)
{
	const char *path;
	int rc = json_get_string(at, OCI_PATH_MAX, &path, e);
	if (rc <= 0)
		return rc;
	if (*path != '/')
		return json_fail(at, e, EINVAL, "must be an absolute path, not '%.100s'", path);
	for (const char *c = strstr(path, "/.."); c; c = strstr(c + 1, "/.."))
		if (c[3] == '\0' || c[3] == '/')
			return json_fail(at, e, EINVAL, "must have no '..' in it");
	*out = path;
	return 1;
}

static int parse_version(const struct json_at *root, struct err *e)
{
	struct json_at at = json_member(root, "ociVersion");
	const char *version = NULL;
	int rc = json_get_string(&at, 64, &version, e);
	if (rc < 0)
		return rc;
	if (rc == 0)
		return json_fail(&at, e, EINVAL, "is missing");
	if (strncmp(version, "1.", 2) != 0)
		return json_fail(&at, e, ENOSYS, "is %s; Mote knows 1.x", version);
	return 0;
}

static int parse_root(const struct json_at *doc, struct oci_spec *s, struct err *e)
{
	struct json_at root = json_member(doc, "root");
	int rc = json_get_object(&root, e);
	if (rc <= 0)
		return rc < 0 ? rc : json_fail(&root, e, EINVAL, "is missing");
	struct json_at path = json_member(&root, "path"), readonly = json_member(&root, "readonly");
	rc = json_get_string(&path, OCI_PATH_MAX, &s->root_path, e);
	if (rc == 0 || (rc > 0 && !*s->root_path))
		return json_fail(&path, e, EINVAL, "is missing");
	if (rc > 0)
		rc = json_get_bool(&readonly, &s->root_readonly, e);
	return rc < 0 ? rc : 0;
}

static int parse_options(const struct json_at *at, struct oci_mount *m, struct err *e)
{
	cleanup_free const char **options = NULL;
	size_t count;
	int rc = json_get_strings(at, MOUNT_OPTIONS_MAX, OCI_PATH_MAX, &options, &count, e);
	if (rc < 0)
		return rc;
	const char *bad = "";
	rc = oci_mount_options(options, m, &bad);
	if (rc == -ENOSYS)
		return json_fail(at, e, ENOSYS, "Mote does not support '%.100s'", bad);
	return rc < 0 ? json_fail(at, e, -rc, "%s", strerror(-rc)) : 0;
}

static int parse_mount(const struct json_at *at, struct oci_mount *m, struct err *e)
{
	struct json_at destination = json_member(at, "destination"), type = json_member(at, "type"),
		       source = json_member(at, "source"), options = json_member(at, "options");
	m->type = m->source = "";
	int rc = json_get_object(at, e);
	if (rc == 0)
		rc = json_fail(at, e, EINVAL, "must be an object");
	if (rc > 0)
		rc = oci_get_abs_path(&destination, &m->destination, e);
	if (rc == 0)
		rc = json_fail(&destination, e, EINVAL, "is missing");
	if (rc > 0)
		rc = json_get_string(&type, 64, &m->type, e);
	if (rc >= 0)
		rc = json_get_string(&source, OCI_PATH_MAX, &m->source, e);
	if (rc >= 0)
		rc = parse_options(&options, m, e);
	if (rc < 0)
		return rc;
	if (strcmp(m->type, "bind") == 0)
		m->bind = true;
	if (m->bind)
		m->type = "";
	if (m->bind && !*m->source)
		return json_fail(&source, e, EINVAL, "is missing, and a bind mount needs it");
	if (!m->bind && !*m->type)
		return json_fail(&type, e, EINVAL, "is missing, and it is no bind mount");
	/* Extensions of user namespaces: mounts that look owned by others. */
	static const char *const missing[] = {"uidMappings", "gidMappings"};
	for (size_t i = 0; i < 2; i++) {
		struct json_at map = json_member(at, missing[i]);
		size_t n = 0;
		rc = json_get_array(&map, 1024, &n, e);
		if (rc < 0 || n > 0)
			return rc < 0 ? rc
				      : json_fail(&map, e, ENOSYS, "Mote has no id-mapped mounts");
	}
	return 0;
}

static int parse_mounts(const struct json_at *doc, struct oci_spec *s, struct err *e)
{
	struct json_at list = json_member(doc, "mounts");
	size_t count = 0;
	int rc = json_get_array(&list, MOUNTS_MAX, &count, e);
	if (rc <= 0)
		return rc;
	s->mounts = calloc(count + 1, sizeof(*s->mounts));
	if (!s->mounts)
		return err_sys(e, ENOMEM, "%zu mounts", count);
	s->mounts_count = count;
	for (size_t i = 0; i < count; i++) {
		struct json_at at = json_element(&list, i);
		rc = parse_mount(&at, &s->mounts[i], e);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int parse_names(const struct json_at *doc, struct oci_spec *s, struct err *e)
{
	struct json_at host = json_member(doc, "hostname"), domain = json_member(doc, "domainname");
	int rc = json_get_string(&host, HOSTNAME_MAX, &s->hostname, e);
	if (rc >= 0)
		rc = json_get_string(&domain, HOSTNAME_MAX, &s->domainname, e);
	return rc < 0 ? rc : 0;
}

/* `name`, or `name.CONTAINER`. */
static bool is_annotation(const char *key, const char *name)
{
	size_t len = strlen(name);
	return strncmp(key, name, len) == 0 && (key[len] == '\0' || key[len] == '.');
}

/* One of ours that is misspelt, or a newer Mote's, must not pass for one that has an effect. */
static int check_annotations(const struct json_at *doc, struct err *e)
{
	static const char ours[] = "io.mote.";
	struct json_at all = json_member(doc, "annotations");
	const char *key;
	json_t *value;
	int rc = json_get_object(&all, e);
	if (rc <= 0)
		return rc;
	json_object_foreach((json_t *)(uintptr_t)all.value, key, value) {
		bool known = is_annotation(key, OCI_LISTEN) || is_annotation(key, OCI_ISOLATION);
		if (strncmp(key, ours, sizeof(ours) - 1) == 0 && !known)
			return json_fail(&all, e, EINVAL, "Mote knows %s and %s, each with .NAME or without, not %.100s",
					 OCI_LISTEN, OCI_ISOLATION, key);
	}
	return 0;
}

static int parse_document(struct oci_spec *s, struct err *e)
{
	struct json_at doc = json_document(s->root, OCI_CONFIG_NAME);
	int rc = json_get_object(&doc, e);
	if (rc == 0)
		rc = json_fail(&doc, e, EINVAL, "must be an object");
	if (rc > 0)
		rc = parse_version(&doc, e);
	if (rc == 0)
		rc = oci_parse_process(&doc, s, e);
	if (rc == 0)
		rc = parse_root(&doc, s, e);
	if (rc == 0)
		rc = parse_mounts(&doc, s, e);
	if (rc == 0)
		rc = parse_names(&doc, s, e);
	if (rc == 0)
		rc = oci_parse_hooks(&doc, &s->hooks, e);
	if (rc == 0)
		rc = check_annotations(&doc, e);
	if (rc == 0)
		rc = oci_parse_linux(&doc, s, e);
	return rc;
}

static int finish(struct oci_spec *s, int rc, struct err *e)
{
	if (rc == 0)
		rc = parse_document(s, e);
	if (rc < 0)
		oci_spec_free(s);
	return rc;
}

int oci_spec_read(int bundle_fd, struct oci_spec *out, struct err *e)
{
	*out = (struct oci_spec){0};
	return finish(out, json_read_file(bundle_fd, OCI_CONFIG_NAME, &out->root, e), e);
}

int oci_spec_parse(const char *bytes, size_t len, struct oci_spec *out, struct err *e)
{
	*out = (struct oci_spec){0};
	return finish(out, json_parse(bytes, len, OCI_CONFIG_NAME, &out->root, e), e);
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
	free(s->resources.unified);
	free(s->cgroup_path);
	free(s->masked);
	free(s->readonly);
	oci_hooks_free(&s->hooks);
	json_decref(s->root);
	*s = (struct oci_spec){0};
}

int oci_annotations(int bundle_fd, const char *const *names, char **out, size_t count, struct err *e)
{
	cleanup_json json_t *root = NULL;
	int rc = json_read_file(bundle_fd, OCI_CONFIG_NAME, &root, e);
	if (rc < 0)
		return rc;
	struct json_at doc = json_document(root, OCI_CONFIG_NAME),
		       all = json_member(&doc, "annotations");
	rc = json_get_object(&all, e);
	bool any = rc > 0;
	for (size_t i = 0; i < count; i++)
		out[i] = NULL;
	for (size_t i = 0; any && rc >= 0 && i < count; i++) {
		struct json_at at = json_member(&all, names[i]);
		const char *value = NULL;
		rc = json_get_string(&at, OCI_PATH_MAX, &value, e);
		if (rc > 0 && !(out[i] = strdup(value)))
			rc = err_sys(e, ENOMEM, "annotation");
	}
	for (size_t i = 0; rc < 0 && i < count; i++) {
		free(out[i]);
		out[i] = NULL;
	}
	return rc < 0 ? rc : 0;
}

int oci_spec_annotation(const struct oci_spec *s, const char *name, const char **out, struct err *e)
{
	struct json_at doc = json_document(s->root, OCI_CONFIG_NAME), all = json_member(&doc, "annotations"),
		       at = json_member(&all, name);
	int rc = json_get_object(&all, e);
	return rc > 0 ? json_get_string(&at, OCI_PATH_MAX, out, e) : rc;
}

const struct oci_namespace *oci_namespace(const struct oci_spec *s, int flag)
{
	for (size_t i = 0; i < s->namespaces_count; i++)
		if (s->namespaces[i].flag == flag)
			return &s->namespaces[i];
	return NULL;
}
