/* SPDX-License-Identifier: Apache-2.0 */
/* config.json, `hooks`, and the state that they read. Whoever made the bundle controls the file. */
#include "oci/internal.h"

#include <jansson.h>
#include <string.h>

#define HOOKS_MAX   64
#define TIMEOUT_MAX 86400 /* seconds */

/* prestart is the deprecated name of createRuntime, and runs first. */
static const struct hook_kind {
	const char *name;
	int kind; /* enum oci_hook_kind; -1: refused */
} kinds[] = {
	{"prestart", OCI_HOOK_CREATE_RUNTIME},
	{"createRuntime", OCI_HOOK_CREATE_RUNTIME},
	{"createContainer", OCI_HOOK_CREATE_CONTAINER},
	{"startContainer", -1},
	{"poststart", OCI_HOOK_POSTSTART},
	{"poststop", OCI_HOOK_POSTSTOP},
};

const char *oci_hook_name(size_t i)
{
	for (size_t k = 0; k < COUNT(kinds); k++)
		if (kinds[k].kind >= 0 && i-- == 0)
			return kinds[k].name;
	return NULL;
}

static void parse_hook(const struct json *hook, struct oci_hook *h)
{
	size_t ignored;
	json_get_absolute_path(hook, "path", JSON_REQUIRED, OCI_PATH_MAX, &h->path);
	json_get_strings(hook, "args", JSON_OPTIONAL, OCI_STRINGS_MAX, OCI_STRING_BYTES_MAX,
			 &h->args, &ignored);
	json_get_strings(hook, "env", JSON_OPTIONAL, OCI_STRINGS_MAX, OCI_STRING_BYTES_MAX, &h->env,
			 &ignored);
	json_get_int(hook, "timeout", JSON_OPTIONAL, 1, TIMEOUT_MAX, &h->timeout_s);
}

/* Appends the hooks of one name to those of their kind. */
static void parse_list(const struct json *list, int kind, struct oci_hooks *out)
{
	struct json item, hook;
	size_t *have = &out->count[kind], more = json_count(list);
	struct oci_hook *all = reallocarray(out->list[kind], *have + more, sizeof(*all));
	if (!all) {
		json_no_memory(list, "hooks");
		return;
	}
	out->list[kind] = all;
	memset(all + *have, 0, more * sizeof(*all));
	for (size_t i = 0; json_element(list, i, &item); i++)
		if (json_get_object(&item, JSON_SELF, JSON_REQUIRED, &hook))
			parse_hook(&hook, &all[(*have)++]);
}

void oci_parse_hooks(const struct json *top, struct oci_hooks *out)
{
	struct json hooks, list;
	json_get_object(top, "hooks", JSON_OPTIONAL, &hooks);
	for (size_t i = 0; i < COUNT(kinds); i++) {
		json_get_array(&hooks, kinds[i].name, JSON_OPTIONAL, HOOKS_MAX, &list);
		if (json_count(&list) == 0)
			continue;
		if (kinds[i].kind < 0)
			json_fail(&hooks, kinds[i].name, ENOSYS,
				  "Mote runs no program of the container on the host's kernel");
		else
			parse_list(&list, kinds[i].kind, out);
	}
}

int oci_state_text(const struct oci_hooks *h, const struct oci_state *s, char **out)
{
	json_t *version = json_object_get(h->root, "ociVersion"),
	       *annotations = json_object_get(h->root, "annotations");
	if (json_object_size(annotations) == 0)
		annotations = NULL;
	cleanup_json json_t *state =
		json_pack("{s:O?, s:s, s:s, s:s, s:O*}", "ociVersion", version, "id", s->id,
			  "status", s->status, "bundle", s->bundle, "annotations", annotations);
	if (!state || (s->pid && json_object_set_new(state, "pid", json_integer(s->pid)) < 0))
		return -ENOMEM;
	*out = json_dumps(state, JSON_COMPACT);
	if (!*out)
		return -ENOMEM;
	return 0;
}

void oci_hooks_take(struct oci_spec *s, struct oci_hooks *out)
{
	*out = s->hooks;
	out->root = json_hold(s->root);
	s->hooks = (struct oci_hooks){0};
}

void oci_hooks_free(struct oci_hooks *h)
{
	for (size_t k = 0; k < OCI_HOOK_KINDS; k++) {
		for (size_t i = 0; i < h->count[k]; i++) {
			free(h->list[k][i].args);
			free(h->list[k][i].env);
		}
		free(h->list[k]);
	}
	json_free(h->root);
	*h = (struct oci_hooks){0};
}
