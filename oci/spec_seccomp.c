/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config.json, linux.seccomp (runtime specification, "Seccomp"). Whoever made the bundle controls
 * the file.
 *
 * A profile is about system calls, and a native guest's are decided in the guest itself, which owns
 * all of its VM: nothing there would hold it to a profile. So a profile is accepted only if it has
 * nothing to forbid: if it allows each system call that a guest has (those that the runtimes'
 * default profiles forbid, a guest has not). Any other is refused, with the call that shows it.
 */
#include "oci/internal.h"

#include <string.h>
#include <sys/socket.h>

enum { RULES_MAX = 4096, NAMES_MAX = 4096, ARGS_MAX = 6 };

/* The calls that native guests have. */
static const char *const guest_calls[] = {
#include "gen/linux_calls.h"
};

/*
 * Calls that profiles forbid, or allow with conditions, and that do nothing in a guest that the
 * profile is about: a guest has one process and no execution domains, its root is its own view of
 * the directories that it has. File handles are refused (EOPNOTSUPP, EPERM), and a pidfd is the
 * guest's own.
 */
static bool is_harmless(const char *name)
{
	static const char *const names[] = {"clone",
					    "clone3",
					    "fork",
					    "vfork",
					    "personality",
					    "chroot",
					    "name_to_handle_at",
					    "open_by_handle_at",
					    "pidfd_getfd"};
	for (size_t i = 0; i < COUNT(names); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
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

/* Whether conditions hold for a socket of this family, whatever its other arguments are. */
static bool holds_for_family(const struct json *args, uint64_t family)
{
	struct json item, arg;
	for (size_t i = 0; json_element(args, i, &item); i++) {
		int64_t index = -1, value = 0;
		const char *op = "";
		if (!json_get_object(&item, JSON_SELF, JSON_REQUIRED, &arg))
			return false;
		json_get_int(&arg, "index", JSON_REQUIRED, 0, ARGS_MAX - 1, &index);
		json_get_int(&arg, "value", JSON_REQUIRED, 0, INT64_MAX, &value);
		json_get_string(&arg, "op", JSON_REQUIRED, 32, &op);
		if (index != 0 || !compare(op, family, (uint64_t)value))
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

bool oci_check_seccomp(const struct json *linux_)
{
	struct json profile, rules;
	const char *action = "";
	if (!json_get_object(linux_, "seccomp", JSON_OPTIONAL, &profile))
		return false;
	json_get_array(&profile, "syscalls", JSON_OPTIONAL, RULES_MAX, &rules);
	json_get_string(&profile, "defaultAction", JSON_OPTIONAL, 64, &action);
	if (!*action && json_count(&rules) == 0)
		return false; /* an empty profile is none, as with other runtimes */
	bool by_default = strcmp(action, "SCMP_ACT_ALLOW") == 0;
	if (by_default && json_count(&rules) == 0)
		return true;
	for (size_t i = 0; i < COUNT(guest_calls); i++) {
		if (is_harmless(guest_calls[i]) ||
		    profile_allows(&rules, by_default, guest_calls[i]))
			continue;
		json_fail(linux_, "seccomp", ENOSYS,
			  "does not allow %s, and Mote cannot keep a guest from it; the runtime's "
			  "default profile can be used, and none",
			  guest_calls[i]);
		return true;
	}
	return true;
}
