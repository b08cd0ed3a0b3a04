/* SPDX-License-Identifier: Apache-2.0 */
/* config.json, `annotations`. Whoever made the bundle controls the file. */
#include "oci/internal.h"

#include <string.h>

/* `name`, or `name.CONTAINER`. */
static bool is_annotation(const char *key, const char *name)
{
	size_t len = strlen(name);
	return strncmp(key, name, len) == 0 && (key[len] == '\0' || key[len] == '.');
}

/* One of ours that is misspelt, or a newer Mote's, must not pass for one that has an effect. */
void oci_check_annotations(const struct json *top)
{
	static const char ours[] = "io.mote.";
	struct json all, member;
	json_get_object(top, "annotations", JSON_OPTIONAL, &all);
	for (void *at = NULL; json_next_member(&all, &at, &member);) {
		bool known = is_annotation(member.key, OCI_LISTEN) ||
			     is_annotation(member.key, OCI_ISOLATION) ||
			     is_annotation(member.key, OCI_RUNTIME);
		if (strncmp(member.key, ours, sizeof(ours) - 1) == 0 && !known)
			json_fail(&all, JSON_SELF, EINVAL,
				  "unknown annotation %.100s; Mote supports %s, %s and %s, each "
				  "optionally followed by .NAME",
				  member.key, OCI_LISTEN, OCI_ISOLATION, OCI_RUNTIME);
	}
}

static void copy_values(const struct json *top, const char *const *names, char **out, size_t count)
{
	struct json all;
	json_get_object(top, "annotations", JSON_OPTIONAL, &all);
	for (size_t i = 0; i < count; i++) {
		const char *value;
		if (!json_get_string(&all, names[i], JSON_OPTIONAL, OCI_PATH_MAX, &value))
			continue;
		out[i] = strdup(value);
		if (!out[i])
			json_no_memory(&all, "an annotation");
	}
}

int oci_annotations(int bundle_fd, const char *const *names, char **out, size_t count,
		    struct err *e)
{
	cleanup_json struct json_t *root = NULL;
	for (size_t i = 0; i < count; i++)
		out[i] = NULL;
	int rc = json_read_file(bundle_fd, OCI_CONFIG_NAME, &root, e);
	if (rc < 0)
		return rc;
	struct json_document d = json_open(root, OCI_CONFIG_NAME, e);
	const struct json top = json_top(&d);
	copy_values(&top, names, out, count);
	for (size_t i = 0; d.rc < 0 && i < count; i++) {
		free(out[i]);
		out[i] = NULL;
	}
	return d.rc;
}

int oci_spec_annotation(const struct oci_spec *s, const char *name, const char **out, struct err *e)
{
	struct json_document d = json_open(s->root, OCI_CONFIG_NAME, e);
	const struct json top = json_top(&d);
	struct json all;
	json_get_object(&top, "annotations", JSON_OPTIONAL, &all);
	if (json_get_string(&all, name, JSON_OPTIONAL, OCI_PATH_MAX, out))
		return 1;
	return d.rc;
}
