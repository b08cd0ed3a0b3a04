/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration of a plugin: JSON that the operator writes. What is not known is refused. */
#include "proxy-wasm/internal.h"

#include <jansson.h>

#include <string.h>

#define NS_PER_MS   1000000UL
#define WALL_FACTOR 20 /* of CPU time: what a busy machine may make of it */

struct reading {
	struct pw_config *config;
	struct err *e;
};

static int wrong(const struct reading *r, const char *name, const char *what)
{
	return err_set(r->e, ERR_CONFIG, EINVAL, "%.64s has to be %s", name, what);
}

static int copy_text(char **to, const char *text, const struct reading *r)
{
	free(*to);
	*to = strdup(text);
	if (!*to)
		return err_sys(r->e, ENOMEM, "the configuration");
	return 0;
}

static int take_text(char **to, const char *name, const json_t *value, const struct reading *r)
{
	if (!json_is_string(value) || strlen(json_string_value(value)) != json_string_length(value))
		return wrong(r, name, "a string");
	return copy_text(to, json_string_value(value), r);
}

/* What the plugin gets as text may be written as JSON, too. */
static int take_any(char **to, const char *name, const json_t *value, const struct reading *r)
{
	if (json_is_string(value))
		return take_text(to, name, value, r);
	cleanup_free char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
	if (!text)
		return wrong(r, name, "a string or JSON");
	return copy_text(to, text, r);
}

static int take_number(uint64_t *to, const char *name, const json_t *value, uint64_t least,
		       uint64_t most, const struct reading *r)
{
	char what[64];
	const double v = json_number_value(value);
	snprintf(what, sizeof(what), "a whole number from %lu to %lu", least, most);
	/* A Struct of protobuf has doubles alone. */
	if (!json_is_number(value) || v < (double)least || v > (double)most ||
	    (double)(uint64_t)v != v)
		return wrong(r, name, what);
	*to = (uint64_t)v;
	return 0;
}

static int take_list(char ***to, const char *name, const json_t *value, const struct reading *r)
{
	size_t i;
	json_t *each;
	if (!json_is_array(value) || *to)
		return wrong(r, name, "a list of strings");
	*to = calloc(json_array_size(value) + 1, sizeof(**to));
	if (!*to)
		return err_sys(r->e, ENOMEM, "the configuration");
	json_array_foreach(value, i, each)
	{
		int rc = take_text(&(*to)[i], name, each, r);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int take_environment(const char *name, json_t *value, const struct reading *r)
{
	const char *key;
	json_t *each;
	size_t n = 0;
	if (!json_is_object(value) || r->config->environment)
		return wrong(r, name, "an object of strings");
	char **list = calloc(json_object_size(value) + 1, sizeof(*list));
	r->config->environment = list;
	if (!list)
		return err_sys(r->e, ENOMEM, "the configuration");
	json_object_foreach(value, key, each)
	{
		if (!json_is_string(each) || !*key || strchr(key, '='))
			return wrong(r, name, "an object of strings");
		if (asprintf(&list[n++], "%s=%s", key, json_string_value(each)) < 0)
			return err_sys(r->e, ENOMEM, "the configuration");
	}
	return 0;
}

static int take_choice(unsigned *to, const char *name, const json_t *value,
		       const char *const *choices, const char *what, const struct reading *r)
{
	for (unsigned i = 0; json_is_string(value) && choices[i]; i++)
		if (strcmp(json_string_value(value), choices[i]) == 0) {
			*to = i;
			return 0;
		}
	return wrong(r, name, what);
}

/* --- members --- */

static int take_isolation(const char *name, json_t *value, const struct reading *r)
{
	static const char *const choices[] = {"request", "stream", "worker", NULL};
	unsigned choice;
	int rc = take_choice(&choice, name, value, choices, "request, stream or worker", r);
	if (rc == 0)
		r->config->isolation = (enum pw_isolation)choice;
	return rc;
}

static int take_policy(const char *name, json_t *value, const struct reading *r)
{
	static const char *const choices[] = {"closed", "open", NULL};
	unsigned choice;
	int rc = take_choice(&choice, name, value, choices, "closed or open", r);
	if (rc == 0)
		r->config->fail_open = choice == 1;
	return rc;
}

static int take_stop(const char *name, json_t *value, const struct reading *r)
{
	if (!json_is_boolean(value))
		return wrong(r, name, "true or false");
	r->config->stop_headers_only = json_is_true(value);
	return 0;
}

static int take_name(const char *name, json_t *value, const struct reading *r)
{
	int rc = take_text(&r->config->name, name, value, r);
	if (rc == 0 &&
	    (!*r->config->name || strlen(r->config->name) > 100 ||
	     strspn(r->config->name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "0123456789_-.") != strlen(r->config->name)))
		return wrong(r, name, "1 to 100 letters, digits and _-.");
	return rc;
}

static int take_memory(const char *name, json_t *value, const struct reading *r)
{
	uint64_t mib;
	int rc = take_number(&mib, name, value, 8, 16384, r);
	if (rc == 0)
		r->config->memory_bytes = mib << 20;
	return rc;
}

static int take_call_limit(const char *name, json_t *value, const struct reading *r)
{
	uint64_t ms;
	int rc = take_number(&ms, name, value, 1, 60000, r);
	if (rc == 0)
		r->config->call_ns = ms * NS_PER_MS;
	return rc;
}

static int take_wall_limit(const char *name, json_t *value, const struct reading *r)
{
	uint64_t ms;
	int rc = take_number(&ms, name, value, 1, 600000, r);
	if (rc == 0)
		r->config->wall_ns = ms * NS_PER_MS;
	return rc;
}

static int take_start_limit(const char *name, json_t *value, const struct reading *r)
{
	uint64_t ms;
	int rc = take_number(&ms, name, value, 1, 600000, r);
	if (rc == 0)
		r->config->start_ns = ms * NS_PER_MS;
	return rc;
}

static int take_idle(const char *name, json_t *value, const struct reading *r)
{
	uint64_t n;
	int rc = take_number(&n, name, value, 1, 4096, r);
	if (rc == 0)
		r->config->idle_max = (unsigned)n;
	return rc;
}

static int take_failures(const char *name, json_t *value, const struct reading *r)
{
	uint64_t n;
	int rc = take_number(&n, name, value, 0, 1000000, r);
	if (rc == 0)
		r->config->failures_per_s = (unsigned)n;
	return rc;
}

#define TEXT(member, take)                                                                 \
	static int take_##member(const char *name, json_t *value, const struct reading *r) \
	{                                                                                  \
		return take(&r->config->member, name, value, r);                           \
	}
TEXT(module, take_text)
TEXT(vm_id, take_text)
TEXT(root_id, take_text)
TEXT(vm_configuration, take_any)
TEXT(configuration, take_any)
TEXT(upstreams, take_list)

static const struct member {
	const char *name;
	int (*take)(const char *name, json_t *value, const struct reading *r);
} members[] = {
	{"name", take_name},
	{"module", take_module},
	{"vm_id", take_vm_id},
	{"root_id", take_root_id},
	{"vm_configuration", take_vm_configuration},
	{"configuration", take_configuration},
	{"environment", take_environment},
	{"isolation", take_isolation},
	{"memory_mib", take_memory},
	{"call_time_limit_ms", take_call_limit},
	{"call_wall_limit_ms", take_wall_limit},
	{"start_time_limit_ms", take_start_limit},
	{"idle_vms", take_idle},
	{"failures_per_second", take_failures},
	{"failure_policy", take_policy},
	{"http_call_upstreams", take_upstreams},
	{"allow_on_headers_stop_iteration", take_stop},
};

static int take_member(const char *name, json_t *value, const struct reading *r)
{
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		if (strcmp(members[i].name, name) == 0)
			return members[i].take(name, value, r);
	return err_set(r->e, ERR_CONFIG, EINVAL, "a plugin has no member %.64s", name);
}

static int take_members(json_t *object, const struct reading *r)
{
	const char *key;
	json_t *value;
	json_object_foreach(object, key, value)
	{
		int rc = take_member(key, value, r);
		if (rc < 0)
			return rc;
	}
	if (!r->config->module)
		return err_set(r->e, ERR_CONFIG, EINVAL,
			       "module is missing: the path of the plugin's .wasm");
	if (r->config->wall_ns == 0)
		r->config->wall_ns = WALL_FACTOR * r->config->call_ns;
	return 0;
}

static int set_defaults(const char *name, const struct reading *r)
{
	*r->config = (struct pw_config){
		.memory_bytes = 64UL << 20,
		.call_ns = 10 * NS_PER_MS,
		.start_ns = 10000 * NS_PER_MS,
		.idle_max = 8,
		.failures_per_s = 20,
	};
	char **const empty[] = {&r->config->vm_id, &r->config->root_id,
				&r->config->vm_configuration, &r->config->configuration};
	for (size_t i = 0; i < sizeof(empty) / sizeof(empty[0]); i++) {
		int rc = copy_text(empty[i], "", r);
		if (rc < 0)
			return rc;
	}
	return copy_text(&r->config->name, name && *name ? name : "plugin", r);
}

void pw_config_free(struct pw_config *config)
{
	char **const texts[] = {
		&config->name,    &config->module,           &config->vm_id,
		&config->root_id, &config->vm_configuration, &config->configuration};
	char **const lists[] = {config->environment, config->upstreams};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		free(*texts[i]);
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		for (char **each = lists[i]; each && *each; each++)
			free(*each);
		free(lists[i]);
	}
	*config = (struct pw_config){0};
}

int pw_config_read(struct pw_config *config, const char *text, size_t len, const char *name,
		   struct err *e)
{
	json_error_t where;
	const struct reading r = {.config = config, .e = e};
	*config = (struct pw_config){0};
	json_t *object = json_loadb(text, len, JSON_REJECT_DUPLICATES, &where);
	if (!object)
		return err_set(e, ERR_CONFIG, EINVAL, "it is not JSON: %.100s (line %d)",
			       where.text, where.line);
	int rc = 0;
	if (!json_is_object(object))
		rc = err_set(e, ERR_CONFIG, EINVAL, "it has to be an object");
	if (rc == 0)
		rc = set_defaults(name, &r);
	if (rc == 0)
		rc = take_members(object, &r);
	json_decref(object);
	if (rc < 0)
		pw_config_free(config);
	return rc;
}
