/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What another OCI runtime reads and writes. The documents are the operator's and were checked as
 * Mote's own are; the log is the runtime's, with texts of the image in it.
 */
#include "oci/runtime_config.h"

#include "oci/internal.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>

static int no_memory(struct err *e)
{
	return err_sys(e, ENOMEM, "config.json for the OCI runtime");
}

/* Takes the value. */
static int set_member(json_t *top, const char *object, const char *key, json_t *value)
{
	json_t *at = json_object_get(top, object);
	if (!at && json_object_set_new(top, object, json_object()) == 0)
		at = json_object_get(top, object);
	return json_object_set_new(at, key, value);
}

/* Of those that pod_add_mounts makes: bind mounts of the pod's files. */
static json_t *mount_value(const struct oci_mount *m)
{
	const bool readonly = m->attr_set || m->recursive_set;
	return json_pack("{s:s, s:s, s:s, s:[s, s, s]}", "destination", m->destination, "type",
			 "bind", "source", m->source, "options", "rbind", "rprivate",
			 readonly ? "ro" : "rw");
}

static int add_mounts(json_t *top, const struct oci_spec *s)
{
	json_t *mounts = json_object_get(top, "mounts");
	int rc = 0;
	if (!mounts && json_object_set_new(top, "mounts", json_array()) == 0)
		mounts = json_object_get(top, "mounts");
	for (size_t i = json_array_size(mounts); rc == 0 && i < s->mounts_count; i++)
		rc = json_array_append_new(mounts, mount_value(&s->mounts[i]));
	return rc;
}

static int print(const json_t *top, char **text, struct err *e)
{
	*text = json_dumps(top, JSON_COMPACT);
	if (!*text)
		return no_memory(e);
	return 0;
}

int oci_runtime_config_text(const struct oci_spec *s, const struct oci_runtime_config *c,
			    char **text, struct err *e)
{
	cleanup_json json_t *top = json_deep_copy(s->root);
	if (!top || set_member(top, "root", "path", json_string(c->rootfs)) < 0 ||
	    set_member(top, "linux", "cgroupsPath", json_string(c->cgroup_path)) < 0 ||
	    set_member(top, "process", "terminal", json_boolean(c->terminal)) < 0 ||
	    add_mounts(top, s) < 0)
		return no_memory(e);
	return print(top, text, e);
}

int oci_runtime_process_text(const struct oci_spec *s, bool terminal, char **text, struct err *e)
{
	cleanup_json json_t *top = json_deep_copy(s->root);
	if (!top || json_object_set_new(top, "terminal", json_boolean(terminal)) < 0)
		return no_memory(e);
	return print(top, text, e);
}

/* NULL: the line is not an error's. */
static char *error_of(const char *line, size_t len)
{
	cleanup_json json_t *entry = NULL;
	struct err e = {0};
	if (json_parse(line, len, "log", &entry, &e) < 0)
		return NULL;
	const char *level = json_string_value(json_object_get(entry, "level"));
	const char *message = json_string_value(json_object_get(entry, "msg"));
	if (!level || !message || (strcmp(level, "error") != 0 && strcmp(level, "fatal") != 0))
		return NULL;
	char *copy = strdup(message);
	for (char *at = copy; at && *at; at++)
		if ((unsigned char)*at < ' ' || *at == 127)
			*at = '?';
	return copy;
}

int oci_runtime_log_error(const char *log, size_t len, char **message)
{
	const char *end = log + len;
	char *last = NULL;
	for (const char *line = log; line < end;) {
		const char *newline = memchr(line, '\n', (size_t)(end - line));
		const char *line_end = end;
		if (newline)
			line_end = newline;
		char *found = error_of(line, (size_t)(line_end - line));
		if (found) {
			free(last);
			last = found;
		}
		line = line_end + 1;
	}
	if (!last)
		return -ENOENT;
	*message = last;
	return 0;
}
