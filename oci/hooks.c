/* SPDX-License-Identifier: Apache-2.0 */
/* config.json, `hooks`. Whoever made the bundle controls the file. */
#include "oci/internal.h"

#include <string.h>

#define HOOKS_MAX 64
#define TIMEOUT_MAX 86400 /* seconds */

/* prestart is the old name of what createRuntime is now, and comes first. */
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

static int parse_hook(const struct json_at *at, struct oci_hook *h, struct err *e)
{
	struct json_at path = json_member(at, "path"), args = json_member(at, "args"),
		       env = json_member(at, "env"), timeout = json_member(at, "timeout");
	size_t ignored;
	int rc = json_get_object(at, e);
	if (rc == 0)
		rc = json_fail(at, e, EINVAL, "must be an object");
	if (rc > 0)
		rc = oci_get_abs_path(&path, &h->path, e);
	if (rc == 0)
		rc = json_fail(&path, e, EINVAL, "is missing");
	if (rc > 0)
		rc = json_get_strings(&args, OCI_STRINGS_MAX, OCI_STRING_BYTES_MAX, &h->args,
				      &ignored, e);
	if (rc >= 0)
		rc = json_get_strings(&env, OCI_STRINGS_MAX, OCI_STRING_BYTES_MAX, &h->env,
				      &ignored, e);
	if (rc >= 0)
		rc = json_get_int(&timeout, 1, TIMEOUT_MAX, &h->timeout_s, e);
	return rc < 0 ? rc : 0;
}

static int parse_list(const struct json_at *list, int kind, struct oci_hooks *out, struct err *e)
{
	size_t count = 0;
	int rc = json_get_array(list, HOOKS_MAX, &count, e);
	if (rc < 0 || count == 0)
		return rc < 0 ? rc : 0;
	if (kind < 0)
		return json_fail(list, e, ENOSYS,
				 "Mote runs no program of the container on the host's kernel");
	size_t *have = &out->count[kind];
	struct oci_hook *all =
		reallocarray(out->list[kind], *have + count, sizeof(*out->list[kind]));
	if (!all)
		return err_sys(e, ENOMEM, "hooks");
	out->list[kind] = all;
	memset(all + *have, 0, count * sizeof(*all));
	for (size_t i = 0; rc >= 0 && i < count; i++) {
		struct json_at at = json_element(list, i);
		rc = parse_hook(&at, &all[(*have)++], e);
	}
	return rc < 0 ? rc : 0;
}

int oci_parse_hooks(const struct json_at *root, struct oci_hooks *out, struct err *e)
{
	struct json_at hooks = json_member(root, "hooks");
	int rc = json_get_object(&hooks, e);
	for (size_t i = 0; rc > 0 && i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct json_at list = json_member(&hooks, kinds[i].name);
		if (parse_list(&list, kinds[i].kind, out, e) < 0)
			return e ? -e->code : -EINVAL;
	}
	return rc < 0 ? rc : 0;
}

void oci_hooks_take(struct oci_spec *s, struct oci_hooks *out)
{
	*out = s->hooks;
	out->root = json_incref(s->root);
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
	json_decref(h->root);
	*h = (struct oci_hooks){0};
}
