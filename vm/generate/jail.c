/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes the header vm/jail.c includes: its filters as libseccomp makes them, which at each start of a
 * VM would take longer than loading them, and the names of the system calls. Run by the build.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/kvm.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <termios.h>
#include <unistd.h>

#define FILTER_MAX 4096	   /* instructions, BPF_MAXINSNS */
#define NAMES_MAX 1024	   /* system calls that there may be */
#define OWN_PID 0x656e6f4d /* stands for the process's own number, which jail.c puts in its place */

#define ALLOW(call, reason) rc = rc ? rc : seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(call), 0);
#define ALLOW_ARG(call, arg, value, reason)                                                        \
	rc = rc ? rc                                                                               \
		: seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(call), 1,                         \
				   SCMP_CMP(arg, SCMP_CMP_EQ, value));
#define ALLOW_WITHOUT(call, arg, bits, reason)                                                     \
	rc = rc ? rc                                                                               \
		: seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(call), 1,                         \
				   SCMP_CMP(arg, SCMP_CMP_MASKED_EQ, bits, 0));

/* Copies from and to the mapped program file, which may have been truncated (memory.c). */
static int add_own_copies(scmp_filter_ctx ctx)
{
	int rc = 0;
	ALLOW_ARG(process_vm_readv, 0, OWN_PID, "")
	ALLOW_ARG(process_vm_writev, 0, OWN_PID, "")
	return rc;
}

/* What the C library's thread is made of; clone3 takes its flags by pointer, and is as if it were not
 * there. */
enum { THREAD_FLAGS = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SYSVSEM | CLONE_SIGHAND |
		      CLONE_THREAD | CLONE_SETTLS | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID };

/* What the runtime libraries of a build with sanitizers need. */
static int add_sanitizer_rules(scmp_filter_ctx ctx)
{
	int rc = 0;
	(void)ctx;
#ifdef MOTE_SANITIZED
#include "vm/jail_sanitizer_syscalls.def"
#endif
	return rc;
}

static int add_vcpu_rules(scmp_filter_ctx ctx)
{
	int rc = add_own_copies(ctx);
	rc = rc ? rc : add_sanitizer_rules(ctx);
#include "vm/jail_syscalls.def"
	return rc ? rc : seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
}

static int add_poller_rules(scmp_filter_ctx ctx)
{
	int rc = add_own_copies(ctx);
	rc = rc ? rc : add_sanitizer_rules(ctx);
#include "vm/jail_poller_syscalls.def"
	return rc;
}

/* The program that libseccomp makes of the rules. The number of its instructions, or 0. */
static size_t make(int (*add_rules)(scmp_filter_ctx ctx), struct sock_filter out[FILTER_MAX])
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_TRAP);
	FILE *file = tmpfile();
	if (!ctx || !file)
		return 0;
	int rc = add_rules(ctx);
	if (rc == 0)
		rc = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2); /* binary tree */
	if (rc == 0)
		rc = seccomp_export_bpf(ctx, fileno(file));
	seccomp_release(ctx);
	rewind(file);
	size_t count = rc == 0 ? fread(out, sizeof(*out), FILTER_MAX, file) : 0;
	fclose(file);
	return count;
}

static bool write_filter(const char *name, int (*add_rules)(scmp_filter_ctx ctx))
{
	static struct sock_filter filter[FILTER_MAX];
	size_t count = make(add_rules, filter), own = 0;
	printf("static const struct sock_filter jail_%s[] = {\n", name);
	for (size_t i = 0; i < count; i++) {
		const struct sock_filter *f = &filter[i];
		own += f->k == OWN_PID;
		printf("\t{0x%x, %u, %u, 0x%x},\n", f->code, f->jt, f->jf, f->k);
	}
	printf("};\n");
	/* Calls with the same arguments may share what compares them. */
	return own > 0;
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
	printf("/* Made by vm/generate/jail.c. */\n#define JAIL_OWN_PID 0x%x\n", OWN_PID);
	bool good = write_filter("vcpu", add_vcpu_rules) && write_filter("poller", add_poller_rules);
	write_names();
	if (!good)
		fprintf(stderr, "vm/generate/jail.c: libseccomp does not make the filters as they are expected\n");
	return good && fflush(stdout) == 0 ? 0 : 1;
}
