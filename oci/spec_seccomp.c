/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config.json, linux.seccomp (runtime specification, "Seccomp"). Whoever made the bundle controls
 * the file.
 *
 * A profile is about system calls, and a native guest's are decided in the guest itself, which owns
 * all of its VM: nothing there would hold it to a profile. So a profile is accepted only if it has
 * nothing to forbid: if it allows each system call that a guest has (those that the runtimes'
 * default profiles forbid, a guest has not). Any other is refused, with the call that shows it.
 * Calls that do nothing outside of the guest are its runtime's to refuse.
 */
#include "oci/internal.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>

enum { RULES_MAX = 4096, NAMES_MAX = 4096, ARGS_MAX = 6, MAX_ERRNO = 4095 };

/* The calls that native guests have. */
static const char *const guest_calls[] = {
#include "gen/linux_calls.h"
};

/*
 * Calls that profiles forbid, or allow with conditions, and that make no other process in any case:
 * a guest has one.
 */
static bool is_harmless(const char *name)
{
	static const char *const names[] = {"clone", "clone3", "fork", "vfork"};
	for (size_t i = 0; i < COUNT(names); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

/*
 * Calls that change nothing but the guest's own view of itself, and that its runtime answers: what
 * a profile says of them the runtime keeps. *nr: the number of the call.
 */
static bool is_answered_in_guest(const char *name, uint32_t *nr)
{
	static const struct {
		const char *name;
		uint32_t nr;
	} calls[] = {
		{"personality", SYS_personality},
		{"chroot", SYS_chroot},
		{"name_to_handle_at", SYS_name_to_handle_at},
		{"open_by_handle_at", SYS_open_by_handle_at},
		{"pidfd_getfd", SYS_pidfd_getfd},
	};
	for (size_t i = 0; i < COUNT(calls); i++)
		if (strcmp(name, calls[i].name) == 0) {
			*nr = calls[i].nr;
			return true;
		}
	return false;
}

static bool compare(const char *op, uint64_t a, uint64_t value)
{
	if (strcmp(op, "SCMP_CMP_NE") == 0)
		return a != value;
	if (strcmp(op, "SCMP_CMP_LT") == 0)
		return a < value;
	if (strcmp(op, "SCMP_CMP_LE") == 0)
		return a <= value;
	if (strcmp(op, "SCMP_CMP_EQ") == 0)
		return a == value;
	if (strcmp(op, "SCMP_CMP_GE") == 0)
		return a >= value;
	if (strcmp(op, "SCMP_CMP_GT") == 0)
		return a > value;
	return false;
}

struct condition {
	int64_t index, value;
	const char *op; /* borrowed */
};

/* False: it is none, which the cursor has noted. */
static bool read_condition(const struct json *item, struct condition *c)
{
	struct json arg;
	*c = (struct condition){.index = -1, .op = ""};
	if (!json_get_object(item, JSON_SELF, JSON_REQUIRED, &arg))
		return false;
	json_get_int(&arg, "index", JSON_REQUIRED, 0, ARGS_MAX - 1, &c->index);
	json_get_int(&arg, "value", JSON_REQUIRED, 0, INT64_MAX, &c->value);
	json_get_string(&arg, "op", JSON_REQUIRED, 32, &c->op);
	return true;
}

/* Whether conditions hold for a socket of this family, whatever its other arguments are. */
static bool holds_for_family(const struct json *args, uint64_t family)
{
	struct json item;
	for (size_t i = 0; json_element(args, i, &item); i++) {
		struct condition c;
		if (!read_condition(&item, &c))
			return false;
		if (c.index != 0 || !compare(c.op, family, (uint64_t)c.value))
			return false;
	}
	return true;
}

/* What rules say of one call: of its forms, which are families for socket and else one. */
enum { FORMS = 3, FORMS_ALL = (1 << FORMS) - 1 };

static unsigned forms_of_rule(const char *call, const struct json *rule)
{
	static const uint64_t families[FORMS] = {AF_UNIX, AF_INET, AF_INET6};
	struct json args;
	unsigned forms = 0;
	json_get_array(rule, "args", JSON_OPTIONAL, ARGS_MAX * 4, &args);
	if (json_count(&args) == 0)
		return FORMS_ALL;
	for (unsigned f = 0; f < FORMS && strcmp(call, "socket") == 0; f++)
		if (holds_for_family(&args, families[f]))
			forms |= 1U << f;
	return forms;
}

static bool names_call(const struct json *rule, const char *call)
{
	struct json names, item;
	const char *name;
	json_get_array(rule, "names", JSON_REQUIRED, NAMES_MAX, &names);
	for (size_t i = 0; json_element(&names, i, &item); i++)
		if (json_get_string(&item, JSON_SELF, JSON_REQUIRED, 128, &name) &&
		    strcmp(name, call) == 0)
			return true;
	return false;
}

/* Whatever its arguments are; a rule that may forbid it counts against it. */
static bool profile_allows(const struct json *rules, bool by_default, const char *call)
{
	struct json item, rule;
	unsigned allowed = by_default ? FORMS_ALL : 0;
	for (size_t i = 0; json_element(rules, i, &item); i++) {
		const char *action = "";
		if (!json_get_object(&item, JSON_SELF, JSON_REQUIRED, &rule) ||
		    !names_call(&rule, call))
			continue;
		json_get_string(&rule, "action", JSON_REQUIRED, 64, &action);
		if (strcmp(action, "SCMP_ACT_ALLOW") != 0)
			return false;
		allowed |= forms_of_rule(call, &rule);
	}
	return allowed == FORMS_ALL;
}

/* --- what the guest runtime keeps --- */

/* What a profile says of one call. */
struct verdict {
	bool known;   /* something is said that a rule of ours says as well */
	bool refused; /* else it is allowed, whatever its arguments are */
	int64_t error;
};

static bool is_errno(const char *action)
{
	return strcmp(action, "SCMP_ACT_ERRNO") == 0;
}

static void add_rule(struct oci_spec *s, uint32_t nr, bool allowed, uint64_t value)
{
	if (s->call_rules_count < OCI_CALL_RULES_MAX)
		s->call_rules[s->call_rules_count] = (struct oci_call_rule){nr, allowed, value};
	s->call_rules_count++;
}

/* Conditions that the first argument is one of some values, each of which is allowed. */
static bool add_allowed_values(const struct json *args, uint32_t nr, struct oci_spec *s)
{
	struct json item;
	for (size_t i = 0; json_element(args, i, &item); i++) {
		struct condition c;
		if (!read_condition(&item, &c))
			return false;
		if (c.index != 0 || strcmp(c.op, "SCMP_CMP_EQ") != 0)
			return false;
		add_rule(s, nr, true, (uint64_t)c.value);
	}
	return true;
}

/* One rule that names the call, into *v. */
static void judge_rule(const struct json *rule, uint32_t nr, struct verdict *v, struct oci_spec *s)
{
	struct json args;
	const char *action = "";
	int64_t error = EPERM;
	json_get_string(rule, "action", JSON_REQUIRED, 64, &action);
	json_get_int(rule, "errnoRet", JSON_OPTIONAL, 0, MAX_ERRNO, &error);
	json_get_array(rule, "args", JSON_OPTIONAL, ARGS_MAX * 4, &args);
	const bool allows = strcmp(action, "SCMP_ACT_ALLOW") == 0;
	if (json_count(&args) == 0 && allows)
		v->refused = false;
	else if (json_count(&args) == 0 && is_errno(action))
		*v = (struct verdict){.known = v->known, .refused = true, .error = error};
	else if (!allows || !v->refused || !add_allowed_values(&args, nr, s))
		v->known = false;
}

/* Rules of libseccomp's: those that do what is done anyway say nothing, the others agree. */
static struct verdict judge(const struct json *rules, const struct verdict *by_default,
			    const char *call, uint32_t nr, struct oci_spec *s)
{
	struct json item, rule;
	struct verdict v = *by_default;
	for (size_t i = 0; json_element(rules, i, &item); i++)
		if (json_get_object(&item, JSON_SELF, JSON_REQUIRED, &rule) &&
		    names_call(&rule, call))
			judge_rule(&rule, nr, &v, s);
	return v;
}

static bool keep_in_guest(const struct json *rules, const struct verdict *by_default,
			  const char *call, uint32_t nr, struct oci_spec *s)
{
	const size_t before = s->call_rules_count;
	const struct verdict v = judge(rules, by_default, call, nr, s);
	if (!v.refused)
		s->call_rules_count = before;
	else
		add_rule(s, nr, false, (uint64_t)v.error);
	return v.known && s->call_rules_count <= OCI_CALL_RULES_MAX;
}

/* --- a profile --- */

static void check_call(const struct json *linux_, const struct json *rules,
		       const struct verdict *by_default, const char *call, struct oci_spec *s)
{
	uint32_t nr;
	if (is_harmless(call))
		return;
	if (is_answered_in_guest(call, &nr)) {
		if (!keep_in_guest(rules, by_default, call, nr, s))
			json_fail(linux_, "seccomp", ENOSYS,
				  "says of %s what Mote cannot keep: a guest can have it refused "
				  "with an errno, but for some values of its first argument",
				  call);
		return;
	}
	if (!profile_allows(rules, by_default->known && !by_default->refused, call))
		json_fail(linux_, "seccomp", ENOSYS,
			  "does not allow %s, and Mote cannot keep a guest from it; the runtime's "
			  "default profile can be used, and none",
			  call);
}

void oci_parse_seccomp(const struct json *linux_, struct oci_spec *s)
{
	struct json profile, rules;
	const char *action = "";
	struct verdict by_default = {.error = EPERM};
	if (!json_get_object(linux_, "seccomp", JSON_OPTIONAL, &profile))
		return;
	json_get_array(&profile, "syscalls", JSON_OPTIONAL, RULES_MAX, &rules);
	json_get_string(&profile, "defaultAction", JSON_OPTIONAL, 64, &action);
	json_get_int(&profile, "defaultErrnoRet", JSON_OPTIONAL, 0, MAX_ERRNO, &by_default.error);
	if (!*action && json_count(&rules) == 0)
		return; /* an empty profile is none, as with other runtimes */
	s->seccomp = true;
	by_default.refused = strcmp(action, "SCMP_ACT_ALLOW") != 0;
	by_default.known = !by_default.refused || is_errno(action);
	for (size_t i = 0; linux_->document->rc == 0 && i < COUNT(guest_calls); i++)
		check_call(linux_, &rules, &by_default, guest_calls[i], s);
}
