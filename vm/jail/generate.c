/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes the header vm/jail/jail.c includes: a filter for each profile as libseccomp makes them,
 * which at each start of a VM would take longer than loading them, and the names of the system
 * calls. Run by the build.
 */
#include "vm/jail/rules.h"

#include <errno.h>
#include <linux/filter.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILTER_MAX 4096 /* instructions, BPF_MAXINSNS */
#define NAMES_MAX  1024 /* system calls that there may be */

static int add_rule(scmp_filter_ctx ctx, const struct jail_rule *rule)
{
	struct scmp_arg_cmp compare[JAIL_CONDITIONS];
	unsigned n = 0;
	for (; n < JAIL_CONDITIONS && rule->when[n].op != JAIL_NO_MORE; n++) {
		const struct jail_condition *c = &rule->when[n];
		if (c->op == JAIL_AT_LEAST)
			compare[n] = SCMP_CMP64(c->arg, SCMP_CMP_GE, c->value);
		else
			compare[n] = SCMP_CMP64(c->arg, SCMP_CMP_MASKED_EQ, c->mask, c->value);
	}
	int rc = seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, rule->nr, n, compare);
	if (rc == -EEXIST) /* a rule before asks for less or the same */
		return 0;
	return rc;
}

static int add_rules(scmp_filter_ctx ctx, const struct jail_rule *rules, size_t count,
		     unsigned needs)
{
	int rc = 0;
	for (size_t i = 0; i < count && rc == 0; i++) {
		if ((rules[i].needs & needs) == rules[i].needs)
			rc = add_rule(ctx, &rules[i]);
		if (rc < 0)
			fprintf(stderr, "vm/jail/generate.c: %s: %s\n", rules[i].call,
				strerror(-rc));
	}
	return rc;
}

/* The program that libseccomp makes of the rules. The number of its instructions, or 0. */
static size_t make(const struct jail_rule *rules, size_t rule_count, unsigned needs,
		   struct sock_filter out[FILTER_MAX])
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_TRAP);
	FILE *file = tmpfile();
	if (!ctx || !file)
		return 0;
	/*
	 * The numbers of other ABIs, x32 and i386, end the process as well, and not the thread
	 * alone.
	 */
	int rc = seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_TRAP);
	if (rc == 0)
		rc = add_rules(ctx, rules, rule_count, needs);
	/* The C library then starts threads by clone, whose flags can be seen. */
	if (rc == 0 && rules == jail_vcpu_rules)
		rc = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
	if (rc == 0)
		rc = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2); /* binary tree */
	if (rc == 0)
		rc = seccomp_export_bpf(ctx, fileno(file));
	seccomp_release(ctx);
	rewind(file);
	size_t count = 0;
	if (rc == 0)
		count = fread(out, sizeof(*out), FILTER_MAX, file);
	fclose(file);
	return count;
}

static bool has(const struct sock_filter *filter, size_t count, uint32_t value)
{
	for (size_t i = 0; i < count; i++)
		if (filter[i].k == value)
			return true;
	return false;
}

static size_t longest; /* of the filters written, in instructions */

static bool write_filter(const char *name, const struct jail_rule *rules, size_t rule_count,
			 unsigned needs)
{
	static struct sock_filter filter[FILTER_MAX];
	size_t count = make(rules, rule_count, needs, filter);
	printf("static const struct sock_filter %s[] = {\n", name);
	for (size_t i = 0; i < count; i++)
		printf("\t{0x%x, %u, %u, 0x%x},\n", filter[i].code, filter[i].jt, filter[i].jf,
		       filter[i].k);
	printf("};\n");
	if (count > longest)
		longest = count;
	/* What jail.c is to put in must be there. */
	const bool poller = rules == jail_poller_rules, paths = poller || needs & JAIL_PATHS;
	if (count == 0 || has(filter, count, JAIL_OWN_PID) == poller)
		return false;
	return !paths ||
	       (has(filter, count, JAIL_HOW_BENEATH) && has(filter, count, JAIL_HOW_IN_ROOT) &&
		has(filter, count, JAIL_HOW_NO_SYMLINKS) && has(filter, count, JAIL_EMPTY_PATH));
}

static void write_names(void)
{
	printf("static const char *const jail_names[] = {\n");
	for (int n = 0; n < NAMES_MAX; n++) {
		char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_X86_64, n);
		if (name)
			printf("\t[%d] = \"%s\",\n", n, name);
		free(name);
	}
	printf("};\n");
}

int main(void)
{
	bool good = true;
	char name[32];
	printf("/* Made by vm/jail/generate.c. */\n");
	for (size_t i = 0; i < JAIL_COUNT(jail_profiles); i++) {
		snprintf(name, sizeof(name), "jail_vcpu_%x", jail_profiles[i]);
		good = write_filter(name, jail_vcpu_rules, JAIL_COUNT(jail_vcpu_rules),
				    jail_profiles[i]) &&
		       good;
	}
	good = write_filter("jail_poller", jail_poller_rules, JAIL_COUNT(jail_poller_rules), 0) &&
	       good;
	printf("static const struct jail_program jail_vcpu[] = {\n");
	for (size_t i = 0; i < JAIL_COUNT(jail_profiles); i++)
		printf("\t{0x%x, jail_vcpu_%x, COUNT(jail_vcpu_%x)},\n", jail_profiles[i],
		       jail_profiles[i], jail_profiles[i]);
	printf("};\n");
	printf("enum { FILTER_MAX = %zu };\n", longest);
	write_names();
	if (!good)
		fprintf(stderr,
			"vm/jail/generate.c: libseccomp does not make the filters as they are "
			"expected\n");
	if (!good || fflush(stdout) != 0)
		return 1;
	return 0;
}
