/* SPDX-License-Identifier: Apache-2.0 */
/* config.json, `process`. Whoever made the bundle controls the file. */
#include "oci/internal.h"

#include <string.h>
#include <sys/resource.h>

#define ID_MAX 4294967294L /* (uid_t)-1 means "leave it" to system calls */
#define CAPABILITIES_MAX 128
#define CAPABILITY_BYTES_MAX 64
#define LABEL_BYTES_MAX 1024 /* of AppArmor's profile names and SELinux's contexts */

static int parse_id(const struct json_at *user, const char *name, uint32_t *out, struct err *e)
{
	struct json_at at = json_member(user, name);
	int64_t id = 0;
	int rc = json_get_int(&at, 0, ID_MAX, &id, e);
	*out = (uint32_t)id;
	return rc < 0 ? rc : 0;
}

static int parse_groups(const struct json_at *user, struct oci_spec *s, struct err *e)
{
	struct json_at list = json_member(user, "additionalGids");
	size_t count = 0;
	int rc = json_get_array(&list, OCI_GROUPS_MAX, &count, e);
	if (rc <= 0 || count == 0)
		return rc < 0 ? rc : 0;
	s->groups = calloc(count, sizeof(*s->groups));
	if (!s->groups)
		return err_sys(e, ENOMEM, "%zu groups", count);
	for (size_t i = 0; i < count; i++) {
		struct json_at at = json_element(&list, i);
		int64_t id = 0;
		rc = json_get_int(&at, 0, ID_MAX, &id, e);
		if (rc <= 0)
			return rc < 0 ? rc : json_fail(&at, e, EINVAL, "must be an integer");
		s->groups[i] = (gid_t)id;
	}
	s->groups_count = count;
	return 0;
}

static int parse_user(const struct json_at *process, struct oci_spec *s, struct err *e)
{
	struct json_at user = json_member(process, "user");
	s->umask = OCI_UNSET;
	int rc = json_get_object(&user, e);
	if (rc <= 0)
		return rc;
	rc = parse_id(&user, "uid", &s->uid, e);
	if (rc == 0)
		rc = parse_id(&user, "gid", &s->gid, e);
	if (rc == 0)
		rc = parse_groups(&user, s, e);
	struct json_at mask = json_member(&user, "umask");
	if (rc == 0)
		rc = json_get_int(&mask, 0, 0777, &s->umask, e);
	return rc < 0 ? rc : 0;
}

static const struct {
	const char *name;
	uint64_t bit;
} capability_names[] = {
	{"CAP_DAC_OVERRIDE", 1UL << CAP_DAC_OVERRIDE},
	{"CAP_DAC_READ_SEARCH", 1UL << CAP_DAC_READ_SEARCH},
	{"CAP_NET_BIND_SERVICE", 1UL << CAP_NET_BIND_SERVICE},
};

static int parse_capability_set(const struct json_at *capabilities, const char *name, uint64_t *out,
				struct err *e)
{
	struct json_at list = json_member(capabilities, name);
	cleanup_free const char **names = NULL;
	size_t count = 0;
	int rc = json_get_strings(&list, CAPABILITIES_MAX, CAPABILITY_BYTES_MAX, &names, &count, e);
	*out = 0;
	for (size_t i = 0; rc > 0 && i < count; i++)
		for (size_t k = 0; k < sizeof(capability_names) / sizeof(capability_names[0]); k++)
			if (strcmp(names[i], capability_names[k].name) == 0)
				*out |= capability_names[k].bit;
	return rc < 0 ? rc : 0;
}

/* After parse_user. */
static int parse_capabilities(const struct json_at *process, struct oci_spec *s, struct err *e)
{
	struct json_at capabilities = json_member(process, "capabilities");
	uint64_t effective, ambient;
	int rc = json_get_object(&capabilities, e);
	if (rc <= 0)
		return rc;
	rc = parse_capability_set(&capabilities, "effective", &effective, e);
	if (rc == 0)
		rc = parse_capability_set(&capabilities, "ambient", &ambient, e);
	if (rc == 0)
		s->capabilities = s->uid == 0 ? effective : ambient;
	return rc;
}

/* An empty name is no name, as containerd writes it where there is none. */
static int parse_label(const struct json_at *process, const char *name, const char **out,
		       struct err *e)
{
	struct json_at at = json_member(process, name);
	const char *label = NULL;
	int rc = json_get_string(&at, LABEL_BYTES_MAX, &label, e);
	if (rc > 0 && strpbrk(label, "\n\r"))
		return json_fail(&at, e, EINVAL, "must be one line");
	*out = rc > 0 && *label ? label : NULL;
	return rc < 0 ? rc : 0;
}

static const struct {
	const char *name;
	int resource;
} rlimit_names[] = {
	{"RLIMIT_AS", RLIMIT_AS},
	{"RLIMIT_CORE", RLIMIT_CORE},
	{"RLIMIT_CPU", RLIMIT_CPU},
	{"RLIMIT_DATA", RLIMIT_DATA},
	{"RLIMIT_FSIZE", RLIMIT_FSIZE},
	{"RLIMIT_LOCKS", RLIMIT_LOCKS},
	{"RLIMIT_MEMLOCK", RLIMIT_MEMLOCK},
	{"RLIMIT_MSGQUEUE", RLIMIT_MSGQUEUE},
	{"RLIMIT_NICE", RLIMIT_NICE},
	{"RLIMIT_NOFILE", RLIMIT_NOFILE},
	{"RLIMIT_NPROC", RLIMIT_NPROC},
	{"RLIMIT_RSS", RLIMIT_RSS},
	{"RLIMIT_RTPRIO", RLIMIT_RTPRIO},
	{"RLIMIT_RTTIME", RLIMIT_RTTIME},
	{"RLIMIT_SIGPENDING", RLIMIT_SIGPENDING},
	{"RLIMIT_STACK", RLIMIT_STACK},
};

/* INT64_MAX stands for all that is larger, and -1 for "none" is how some write it. */
static int parse_limit(const struct json_at *rlimit, const char *name, uint64_t *out, struct err *e)
{
	struct json_at at = json_member(rlimit, name);
	int64_t v = 0;
	int rc = json_get_int(&at, -1, INT64_MAX, &v, e);
	if (rc <= 0)
		return rc < 0 ? rc : json_fail(&at, e, EINVAL, "is missing");
	*out = v == -1 || v == INT64_MAX ? RLIM_INFINITY : (uint64_t)v;
	return 0;
}

static int parse_rlimit(const struct json_at *at, struct oci_rlimit *r, struct err *e)
{
	struct json_at type = json_member(at, "type");
	const char *name = NULL;
	int rc = json_get_object(at, e);
	if (rc > 0)
		rc = json_get_string(&type, 64, &name, e);
	if (rc <= 0)
		return rc < 0 ? rc : json_fail(&type, e, EINVAL, "is missing");
	r->resource = -1;
	for (size_t i = 0; i < sizeof(rlimit_names) / sizeof(rlimit_names[0]); i++)
		if (strcmp(name, rlimit_names[i].name) == 0)
			r->resource = rlimit_names[i].resource;
	if (r->resource < 0)
		return json_fail(&type, e, EINVAL, "'%s' is no resource limit", name);
	rc = parse_limit(at, "soft", &r->soft, e);
	if (rc == 0)
		rc = parse_limit(at, "hard", &r->hard, e);
	if (rc == 0 && r->soft > r->hard)
		rc = json_fail(at, e, EINVAL, "the soft limit is above the hard one");
	return rc;
}

static int parse_rlimits(const struct json_at *process, struct oci_spec *s, struct err *e)
{
	struct json_at list = json_member(process, "rlimits");
	size_t count = 0;
	int rc = json_get_array(&list, OCI_RLIMITS_MAX, &count, e);
	for (size_t i = 0; rc >= 0 && i < count; i++) {
		struct json_at at = json_element(&list, i);
		rc = parse_rlimit(&at, &s->rlimits[i], e);
	}
	s->rlimits_count = rc < 0 ? 0 : count;
	return rc < 0 ? rc : 0;
}

static int parse_console(const struct json_at *process, struct oci_spec *s, struct err *e)
{
	struct json_at size = json_member(process, "consoleSize");
	int rc = json_get_object(&size, e);
	if (rc <= 0)
		return rc;
	struct json_at width = json_member(&size, "width"), height = json_member(&size, "height");
	int64_t w = 0, h = 0;
	rc = json_get_int(&width, 0, UINT16_MAX, &w, e);
	if (rc >= 0)
		rc = json_get_int(&height, 0, UINT16_MAX, &h, e);
	s->console_width = (uint16_t)w;
	s->console_height = (uint16_t)h;
	return rc < 0 ? rc : 0;
}

static int parse_strings(const struct json_at *process, struct oci_spec *s, struct err *e)
{
	struct json_at args = json_member(process, "args"), env = json_member(process, "env"),
		       cwd = json_member(process, "cwd");
	int rc = json_get_strings(&args, OCI_STRINGS_MAX, OCI_STRING_BYTES_MAX, &s->args,
				  &s->args_count, e);
	if (rc == 0 || (rc > 0 && s->args_count == 0))
		return json_fail(&args, e, EINVAL, "is missing: there is no program to run");
	if (rc > 0 && !*s->args[0])
		return json_fail(&args, e, EINVAL,
				 "begins with an empty string: there is no program to run");
	if (rc > 0)
		rc = json_get_strings(&env, OCI_STRINGS_MAX, OCI_STRING_BYTES_MAX, &s->env,
				      &s->env_count, e);
	if (rc == 0)
		s->env = calloc(1, sizeof(*s->env));
	if (rc == 0 && !s->env)
		return err_sys(e, ENOMEM, "the environment");
	if (rc >= 0)
		rc = oci_get_abs_path(&cwd, &s->cwd, e);
	if (rc == 0)
		return json_fail(&cwd, e, EINVAL, "is missing");
	return rc < 0 ? rc : 0;
}

static int parse_members(const struct json_at *process, struct oci_spec *s, struct err *e)
{
	struct json_at terminal = json_member(process, "terminal"),
		       score = json_member(process, "oomScoreAdj");
	s->oom_score_adj = OCI_UNSET;
	int rc = parse_strings(process, s, e);
	if (rc == 0)
		rc = parse_user(process, s, e);
	if (rc == 0)
		rc = parse_capabilities(process, s, e);
	if (rc == 0)
		rc = parse_label(process, "apparmorProfile", &s->apparmor_profile, e);
	if (rc == 0)
		rc = parse_label(process, "selinuxLabel", &s->selinux_label, e);
	if (rc == 0)
		rc = parse_rlimits(process, s, e);
	if (rc == 0)
		rc = parse_console(process, s, e);
	if (rc == 0)
		rc = json_get_bool(&terminal, &s->terminal, e);
	if (rc >= 0)
		rc = json_get_int(&score, -1000, 1000, &s->oom_score_adj, e);
	return rc < 0 ? rc : 0;
}

int oci_parse_process(const struct json_at *root, struct oci_spec *s, struct err *e)
{
	struct json_at process = json_member(root, "process");
	int rc = json_get_object(&process, e);
	if (rc == 0)
		return json_fail(&process, e, EINVAL, "is missing");
	return rc < 0 ? rc : parse_members(&process, s, e);
}

int oci_process_parse(const char *bytes, size_t len, struct oci_spec *out, struct err *e)
{
	*out = (struct oci_spec){0};
	int rc = json_parse(bytes, len, "process", &out->root, e);
	struct json_at document = json_document(out->root, "process");
	if (rc == 0 && !json_is_object(out->root))
		rc = json_fail(&document, e, EINVAL, "must be an object");
	if (rc == 0)
		rc = parse_members(&document, out, e);
	if (rc < 0)
		oci_spec_free(out);
	return rc;
}
