/* SPDX-License-Identifier: Apache-2.0 */
/* config.json, `mounts`. Whoever made the bundle controls the file. */
#include "oci/internal.h"

#include <string.h>

#define MOUNTS_MAX        1024
#define MOUNT_OPTIONS_MAX 1024

static void parse_options(const struct json *mount, struct oci_mount *m)
{
	cleanup_free const char **options = NULL;
	const char *bad = "";
	size_t count;
	json_get_strings(mount, "options", JSON_OPTIONAL, MOUNT_OPTIONS_MAX, OCI_PATH_MAX, &options,
			 &count);
	int rc = oci_mount_options(options, m, &bad);
	if (rc == -ENOSYS)
		json_fail(mount, "options", ENOSYS, "Mote does not support '%.100s'", bad);
	else if (rc == -E2BIG)
		json_fail(mount, "options", E2BIG, "are too long");
	else if (rc < 0)
		json_no_memory(mount, "mount options");
}

static void refuse_id_maps(const struct json *mount)
{
	static const char *const maps[] = {"uidMappings", "gidMappings"};
	for (size_t i = 0; i < COUNT(maps); i++) {
		struct json map;
		if (json_get_array(mount, maps[i], JSON_OPTIONAL, 1024, &map) &&
		    json_count(&map) > 0)
			json_fail(mount, maps[i], ENOSYS, "Mote does not support id-mapped mounts");
	}
}

static void parse_mount(const struct json *mount, struct oci_mount *m)
{
	m->type = m->source = "";
	json_get_string(mount, "destination", JSON_REQUIRED, OCI_PATH_MAX, &m->destination);
	if (m->destination && !*m->destination)
		json_fail(mount, "destination", EINVAL, "is empty");
	json_get_string(mount, "type", JSON_OPTIONAL, 64, &m->type);
	json_get_string(mount, "source", JSON_OPTIONAL, OCI_PATH_MAX, &m->source);
	parse_options(mount, m);
	if (strcmp(m->type, "bind") == 0)
		m->bind = true;
	if (m->bind)
		m->type = "";
	if (m->bind && !*m->source)
		json_fail(mount, "source", EINVAL, "is missing; a bind mount needs one");
	if (!m->bind && !*m->type)
		json_fail(mount, "type", EINVAL, "is missing; only a bind mount has none");
	if (m->copy_up && strcmp(m->type, "tmpfs") != 0)
		json_fail(mount, "options", EINVAL, "tmpcopyup is for tmpfs");
	if (m->loop && m->bind)
		json_fail(mount, "options", EINVAL, "loop is not for bind mounts");
	refuse_id_maps(mount);
}

void oci_parse_mounts(const struct json *top, struct oci_spec *s)
{
	struct json list, item, mount;
	if (!json_get_array(top, "mounts", JSON_OPTIONAL, MOUNTS_MAX, &list))
		return;
	size_t count = json_count(&list);
	s->mounts = calloc(count + 1, sizeof(*s->mounts));
	if (!s->mounts) {
		json_no_memory(&list, "mounts");
		return;
	}
	s->mounts_count = count;
	for (size_t i = 0; json_element(&list, i, &item); i++)
		if (json_get_object(&item, JSON_SELF, JSON_REQUIRED, &mount))
			parse_mount(&mount, &s->mounts[i]);
}

int oci_add_mount(struct oci_spec *s, const struct oci_mount *m)
{
	struct oci_mount *mounts = reallocarray(s->mounts, s->mounts_count + 1, sizeof(*mounts));
	if (!mounts)
		return -ENOMEM;
	mounts[s->mounts_count++] = *m;
	s->mounts = mounts;
	return 0;
}
