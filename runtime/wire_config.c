/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CONFIG's body. One list of members serves both directions: a codec that writes a member to a
 * buffer, or reads it from one. A string is its length, its bytes and a NUL, so that it can be
 * borrowed in place.
 */
#include "runtime/wire.h"

#include "base/reader.h"

#include <errno.h>
#include <string.h>

#define COUNT_MAX 16384

struct codec {
	struct buf *out;   /* writing, or NULL */
	struct reader *in; /* reading, or NULL */
	int rc;            /* first error; after it nothing happens */
};

static void code_bytes(struct codec *c, void *at, size_t len)
{
	if (c->rc < 0)
		return;
	if (c->out)
		c->rc = buf_put(c->out, at, len);
	else if (!reader_copy(c->in, at, len))
		c->rc = -EBADMSG;
}

#define code_value(c, at) code_bytes(c, at, sizeof(*(at)))

static void code_bool(struct codec *c, bool *v)
{
	uint8_t byte = *v;
	code_value(c, &byte);
	if (c->in && c->rc == 0 && byte > 1)
		c->rc = -EBADMSG;
	*v = byte == 1;
}

/* NULL travels as a length of UINT32_MAX. */
static void code_string(struct codec *c, const char **s)
{
	uint32_t len = c->out && *s ? (uint32_t)strlen(*s) : UINT32_MAX;
	code_value(c, &len);
	if (c->rc < 0)
		return;
	if (len == UINT32_MAX) {
		*s = NULL;
		return;
	}
	if (c->out) {
		c->rc = buf_put(c->out, *s, (size_t)len + 1);
		return;
	}
	const uint8_t *bytes;
	if (!reader_bytes(c->in, (size_t)len + 1, &bytes) ||
	    memchr(bytes, 0, (size_t)len + 1) != bytes + len)
		c->rc = -EBADMSG;
	else
		*s = (const char *)bytes;
}

/* A number of elements; reading: allocates count + 1 zeroed ones at *array. */
static void code_count(struct codec *c, size_t *count, void *array, size_t element)
{
	uint32_t n = (uint32_t)*count;
	code_value(c, &n);
	if (c->rc < 0 || c->out)
		return;
	*count = 0;
	if (n > COUNT_MAX) {
		c->rc = -EBADMSG;
		return;
	}
	void *list = calloc((size_t)n + 1, element);
	if (!list) {
		c->rc = -ENOMEM;
		return;
	}
	memcpy(array, &list, sizeof(list));
	*count = n;
}

static void code_strings(struct codec *c, const char ***list, size_t *count)
{
	code_count(c, count, list, sizeof(**list));
	for (size_t i = 0; c->rc == 0 && i < *count; i++) {
		code_string(c, &(*list)[i]);
		if (c->rc == 0 && !(*list)[i])
			c->rc = -EBADMSG;
	}
}

static void code_mount(struct codec *c, struct oci_mount *m)
{
	const char *data = m->data;
	code_string(c, &m->destination);
	code_string(c, &m->type);
	code_string(c, &m->source);
	code_string(c, &data);
	if (c->in && c->rc == 0 && data && !(m->data = strdup(data)))
		c->rc = -ENOMEM;
	code_value(c, &m->flags);
	code_value(c, &m->attr_set);
	code_value(c, &m->attr_clear);
	code_value(c, &m->recursive_set);
	code_value(c, &m->recursive_clear);
	code_value(c, &m->propagation);
	code_bool(c, &m->propagation_recursive);
	code_bool(c, &m->bind);
	code_bool(c, &m->bind_recursive);
	code_bool(c, &m->copy_up);
	code_bool(c, &m->loop);
	if (c->in && c->rc == 0 && (!m->destination || !m->type || !m->source || !m->data))
		c->rc = -EBADMSG;
}

/* A count of elements of an array inside the structure. */
static void code_bounded(struct codec *c, size_t *count, size_t max)
{
	uint32_t n = (uint32_t)*count;
	code_value(c, &n);
	if (c->rc < 0)
		return;
	if (n > max)
		c->rc = -EBADMSG;
	else
		*count = n;
}

static void code_process(struct codec *c, struct oci_spec *s)
{
	code_strings(c, &s->args, &s->args_count);
	code_strings(c, &s->env, &s->env_count);
	code_string(c, &s->cwd);
	code_bool(c, &s->terminal);
	code_value(c, &s->uid);
	code_value(c, &s->gid);
	code_count(c, &s->groups_count, &s->groups, sizeof(*s->groups));
	for (size_t i = 0; c->rc == 0 && i < s->groups_count; i++)
		code_value(c, &s->groups[i]);
	code_value(c, &s->capabilities.permitted);
	code_value(c, &s->capabilities.inheritable);
	code_value(c, &s->capabilities.bounding);
	code_value(c, &s->capabilities.ambient);
	code_string(c, &s->apparmor_profile);
	code_string(c, &s->selinux_label);
	code_bool(c, &s->no_new_privileges);
	code_bool(c, &s->seccomp);
	code_bounded(c, &s->call_rules_count, OCI_CALL_RULES_MAX);
	for (size_t i = 0; c->rc == 0 && i < s->call_rules_count; i++) {
		code_value(c, &s->call_rules[i].nr);
		code_bool(c, &s->call_rules[i].allowed);
		code_value(c, &s->call_rules[i].value);
	}
	code_value(c, &s->umask);
	code_bounded(c, &s->rlimits_count, OCI_RLIMITS_MAX);
	for (size_t i = 0; c->rc == 0 && i < s->rlimits_count; i++) {
		code_value(c, &s->rlimits[i].resource);
		code_value(c, &s->rlimits[i].soft);
		code_value(c, &s->rlimits[i].hard);
	}
	code_value(c, &s->oom_score_adj);
}

static void code_container(struct codec *c, struct oci_spec *s)
{
	code_bool(c, &s->root_readonly);
	code_count(c, &s->mounts_count, &s->mounts, sizeof(*s->mounts));
	for (size_t i = 0; c->rc == 0 && i < s->mounts_count; i++)
		code_mount(c, &s->mounts[i]);
	code_string(c, &s->hostname);
	code_string(c, &s->domainname);
	code_bounded(c, &s->namespaces_count, OCI_NAMESPACES_MAX);
	for (size_t i = 0; c->rc == 0 && i < s->namespaces_count; i++) {
		code_value(c, &s->namespaces[i].flag);
		code_string(c, &s->namespaces[i].path);
	}
	code_count(c, &s->sysctls_count, &s->sysctls, sizeof(*s->sysctls));
	for (size_t i = 0; c->rc == 0 && i < s->sysctls_count; i++) {
		code_string(c, &s->sysctls[i].name);
		code_string(c, &s->sysctls[i].value);
		if (c->rc == 0 && (!s->sysctls[i].name || !s->sysctls[i].value))
			c->rc = -EBADMSG;
	}
	code_value(c, &s->propagation);
	code_strings(c, &s->masked, &s->masked_count);
	code_strings(c, &s->readonly, &s->readonly_count);
	code_strings(c, &s->mounted, &s->mounted_count);
}

static void code_config(struct codec *c, struct wire_config *w)
{
	code_string(c, &w->id);
	code_string(c, &w->bundle);
	code_string(c, &w->rootfs);
	code_value(c, &w->memory_bytes);
	code_value(c, &w->compile_bytes);
	code_value(c, &w->id_base);
	code_bool(c, &w->root_mapped);
	code_string(c, &w->cache);
	code_string(c, &w->tenant);
	code_string(c, &w->containerd);
	code_string(c, &w->containerd_namespace);
	code_bool(c, &w->private_memory);
	code_value(c, &w->pid);
	code_bool(c, &w->hooks);
	code_bool(c, &w->runtime_hooks);
	code_bool(c, &w->exec);
	code_process(c, &w->spec);
	code_container(c, &w->spec);
}

int wire_encode(const struct wire_config *config, struct buf *out)
{
	/* Writing changes nothing of the copy, and nothing that it leads to. */
	struct wire_config copy = *config;
	struct codec c = {.out = out};
	code_config(&c, &copy);
	return c.rc;
}

int wire_decode(const uint8_t *body, size_t len, struct wire_config *config)
{
	*config = (struct wire_config){0};
	struct reader r = reader_of(body, len);
	struct codec c = {.in = &r};
	code_config(&c, config);
	const struct oci_spec *s = &config->spec;
	if (c.rc == 0 && (r.left || !config->id || !config->bundle || !config->rootfs ||
			  !config->cache || !config->tenant || !config->containerd ||
			  !config->containerd_namespace || !s->cwd || s->args_count == 0))
		c.rc = -EBADMSG;
	return c.rc;
}

void wire_config_free(struct wire_config *config)
{
	oci_spec_free(&config->spec);
}
