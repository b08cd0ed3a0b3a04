/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The seccomp filters, tested from the tables that they are made from (vm/jail/rules.h). Every
 * filter is compared with what its table says, for each system call there may be and each value at
 * a condition's border, by running its program here; and for each condition of each rule a process
 * enters the filter and makes the call that it forbids. What guests need is tested by guests: every
 * other program that runs one in a filter would end with status 159.
 */
#include "vm/jail/jail.h"

#include "vm/jail/rules.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <sys/wait.h>

enum { NUMBERS = 512, X32 = 0x40000000, POLLER = -1 };

/* --- what the tables say --- */

struct call {
	int nr;
	uint64_t arg[6];
};

struct table {
	const struct jail_rule *rules;
	size_t count;
	unsigned needs;
};

static struct table table_of(int profile)
{
	if (profile == POLLER)
		return (struct table){jail_poller_rules, JAIL_COUNT(jail_poller_rules), 0};
	return (struct table){jail_vcpu_rules, JAIL_COUNT(jail_vcpu_rules), jail_profiles[profile]};
}

static uint32_t how;

/* The number in the address that names it; no descriptor: the filter lets nobody name one. */
static uint64_t socket_file(void)
{
	const struct jail_addresses *own = jail_addresses_own();
	int fd = -1;
	if (own)
		cr_assert(sscanf(own->file.un.sun_path, "/proc/self/fd/%d", &fd) == 1);
	return (uint32_t)fd;
}

static uint64_t named_file(void)
{
	const char *path = jail_named_path();
	int fd = -1;
	if (path)
		cr_assert(sscanf(path, "/proc/self/fd/%d", &fd) == 1);
	return (uint32_t)fd;
}

static uint64_t known(uint64_t value)
{
	struct open_how *h[3] = {(void *)(uintptr_t)(how + 0x1000 - 16),
				 (void *)(uintptr_t)(how + 0x3000 - 16),
				 (void *)(uintptr_t)(how + 0x5000 - 16)};
	switch (value) {
	case JAIL_OWN_PID:
		return (uint64_t)getpid();
	case JAIL_HOW_BENEATH:
		return (uintptr_t)h[0];
	case JAIL_HOW_IN_ROOT:
		return (uintptr_t)h[1];
	case JAIL_HOW_NO_SYMLINKS:
		return (uintptr_t)h[2];
	case JAIL_EMPTY_PATH:
		return how + 0x1000 + 0x800;
	case JAIL_ADDRESSES:
		return how + JAIL_RESOLVINGS * 0x2000;
	case JAIL_SOCKET_FILE:
		return socket_file();
	case JAIL_NAMED_PATH:
		return how + 0x5000 + 0x800;
	case JAIL_NAMED_FILE:
		return named_file();
	default:
		return value;
	}
}

static bool holds(const struct jail_condition *c, uint64_t arg)
{
	return c->op == JAIL_AT_LEAST ? arg >= c->value : (arg & c->mask) == known(c->value);
}

static bool matches(const struct jail_rule *r, const struct call *c)
{
	bool all = r->nr == c->nr;
	for (size_t i = 0; all && i < JAIL_CONDITIONS && r->when[i].op != JAIL_NO_MORE; i++)
		all = holds(&r->when[i], c->arg[r->when[i].arg]);
	return all;
}

static bool said_allowed(const struct table *t, const struct call *c)
{
	for (size_t i = 0; i < t->count; i++)
		if ((t->rules[i].needs & t->needs) == t->rules[i].needs && matches(&t->rules[i], c))
			return true;
	return false;
}

/* A call that a rule allows. */
static struct call inside(const struct jail_rule *r)
{
	struct call c = {.nr = r->nr};
	for (size_t i = 0; i < JAIL_CONDITIONS && r->when[i].op != JAIL_NO_MORE; i++)
		c.arg[r->when[i].arg] |= known(r->when[i].value);
	return c;
}

/* --- what the filters do --- */

/* The kernel's machine for filters, as far as libseccomp uses it. */
static uint32_t filtered(const struct sock_filter *f, size_t count, const struct seccomp_data *d)
{
	uint32_t a = 0;
	for (size_t pc = 0; pc < count; pc++) {
		const struct sock_filter *s = &f[pc];
		bool jump = false;
		switch (s->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			cr_assert(s->k + 4 <= sizeof(*d));
			memcpy(&a, (const uint8_t *)d + s->k, 4);
			continue;
		case BPF_ALU | BPF_AND | BPF_K:
			a &= s->k;
			continue;
		case BPF_JMP | BPF_JA:
			pc += s->k;
			continue;
		case BPF_RET | BPF_K:
			return s->k;
		case BPF_JMP | BPF_JEQ | BPF_K:
			jump = a == s->k;
			break;
		case BPF_JMP | BPF_JGT | BPF_K:
			jump = a > s->k;
			break;
		case BPF_JMP | BPF_JGE | BPF_K:
			jump = a >= s->k;
			break;
		default:
			cr_assert_fail("instruction %#x", s->code);
		}
		pc += jump ? s->jt : s->jf;
	}
	cr_assert_fail("a filter without an end");
	return 0;
}

struct filter {
	struct sock_filter program[4096];
	size_t count;
};

static void take_filter(int profile, struct filter *f)
{
	if (!how)
		how = jail_how_make();
	unsigned needs = profile == POLLER ? 0 : jail_profiles[profile];
	cr_assert(how &&
		  (f->count = jail_filter(needs, profile == POLLER, how, f->program, 4096)) > 0);
}

static uint32_t decides(const struct filter *f, const struct call *c, uint32_t arch)
{
	struct seccomp_data d = {.nr = c->nr, .arch = arch};
	memcpy(d.args, c->arg, sizeof(d.args));
	return filtered(f->program, f->count, &d);
}

static size_t compared;

static void compare(const struct filter *f, const struct table *t, const struct call *c)
{
	uint32_t want = said_allowed(t, c) ? SECCOMP_RET_ALLOW : SECCOMP_RET_TRAP;
	if (c->nr == SYS_clone3 && t->rules == jail_vcpu_rules)
		want = SECCOMP_RET_ERRNO | ENOSYS;
	uint32_t is = decides(f, c, AUDIT_ARCH_X86_64);
	compared++;
	cr_assert(is == want,
		  "profile %#x, system call %d (%#lx, %#lx, %#lx, %#lx, %#lx): %#x, not %#x",
		  t->needs, c->nr, c->arg[0], c->arg[1], c->arg[2], c->arg[3], c->arg[4], is, want);
}

/*
 * Values at the borders of a condition: each bit of it turned, one more and less, the other half of
 * the register.
 */
static size_t borders(const struct jail_condition *c, uint64_t out[200])
{
	uint64_t value = known(c->value);
	size_t n = 0;
	for (unsigned bit = 0; bit < 64; bit++) {
		out[n++] = value ^ 1UL << bit;
		out[n++] = 1UL << bit;
	}
	const uint64_t more[] = {value + 1,  value - 1,      0,
				 UINT64_MAX, UINT32_MAX,     1UL << 32,
				 1UL << 63,  (uint64_t)-100, value | 0xffffffff00000000,
				 ~value};
	for (size_t i = 0; i < JAIL_COUNT(more); i++)
		out[n++] = more[i];
	return n;
}

static void compare_rule(const struct filter *f, const struct table *t, const struct jail_rule *r)
{
	struct call c = inside(r);
	compare(f, t, &c);
	for (size_t i = 0; i < JAIL_CONDITIONS && r->when[i].op != JAIL_NO_MORE; i++) {
		uint64_t values[200];
		size_t n = borders(&r->when[i], values);
		for (size_t k = 0; k < n; k++) {
			struct call other = c;
			other.arg[r->when[i].arg] = values[k];
			compare(f, t, &other);
		}
	}
	/* Arguments without a condition make no difference. */
	for (unsigned arg = 0; arg < 6; arg++) {
		struct call other = c;
		other.arg[arg] = UINT64_MAX;
		compare(f, t, &other);
	}
}

static int profile_count(void)
{
	return (int)JAIL_COUNT(jail_profiles);
}

Test(vm_jail, filters_are_what_the_tables_say)
{
	static struct filter f;
	for (int p = POLLER; p < profile_count(); p++) {
		struct table t = table_of(p);
		take_filter(p, &f);
		for (size_t i = 0; i < t.count; i++)
			compare_rule(&f, &t, &t.rules[i]);
		for (int nr = 0; nr < NUMBERS; nr++) {
			const struct call none = {.nr = nr},
					  all = {nr, {-1UL, -1UL, -1UL, -1UL, -1UL, -1UL}};
			compare(&f, &t, &none);
			compare(&f, &t, &all);
		}
	}
	printf("%zu decisions compared\n", compared);
	cr_expect(compared > 100000);
}

/* The numbers of other ABIs name other calls. */
Test(vm_jail, other_architectures_have_nothing)
{
	static const uint32_t others[] = {AUDIT_ARCH_I386, AUDIT_ARCH_AARCH64, 0};
	static struct filter f;
	for (int p = POLLER; p < profile_count(); p++) {
		take_filter(p, &f);
		for (int nr = 0; nr < NUMBERS; nr++) {
			const struct call plain = {.nr = nr}, x32 = {.nr = X32 | nr};
			cr_assert(decides(&f, &x32, AUDIT_ARCH_X86_64) == SECCOMP_RET_TRAP,
				  "x32: %d", nr);
			for (size_t i = 0; i < JAIL_COUNT(others); i++)
				cr_assert(decides(&f, &plain, others[i]) == SECCOMP_RET_TRAP,
					  "%#x: %d", others[i], nr);
		}
	}
}

/* --- processes that try --- */

static char said[512]; /* what the process wrote to descriptor 2 */

static int enter(int profile, struct err *e)
{
	if (profile != POLLER)
		return jail_enter(jail_profiles[profile], e);
	/* The poller is started by a thread that is in a filter already. */
	int rc = jail_enter(JAIL_ALL, e);
	return rc < 0 ? rc : jail_enter_poller(jail_how_own(), e);
}

/* Runs `act` in a filter; its exit status, or what it returns. */
static int jailed(int profile, int (*act)(const struct call *), const struct call *c)
{
	int ends[2], status;
	cr_assert(pipe(ends) == 0);
	pid_t pid = fork();
	cr_assert(pid >= 0);
	if (pid == 0) {
		struct err e = {0};
		alarm(200);
		dup2(ends[1], 2);
		dup2(open("/etc", O_RDONLY | O_DIRECTORY | O_CLOEXEC), 3);
		if (enter(profile, &e) < 0)
			_exit(99);
		_exit(act(c));
	}
	close(ends[1]);
	ssize_t n = read(ends[0], said, sizeof(said) - 1);
	said[n > 0 ? n : 0] = '\0';
	close(ends[0]);
	cr_assert(waitpid(pid, &status, 0) == pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static int make_call(const struct call *c)
{
	syscall(c->nr, c->arg[0], c->arg[1], c->arg[2], c->arg[3], c->arg[4], c->arg[5]);
	return 0;
}

/* What the libraries of sanitizers may do, such as opening files, is not part of the product. */
#ifndef JAIL_SANITIZED

/* A call that holds to all of a rule's conditions but one. */
static struct {
	const struct jail_rule *rule;
	size_t condition, border;
} outside;

static struct call outside_call(void)
{
	uint64_t values[200];
	const struct jail_condition *c = &outside.rule->when[outside.condition];
	struct call call = inside(outside.rule);
	if (outside.border >= borders(c, values))
		call.nr = -1;
	else
		call.arg[c->arg] = values[outside.border];
	return call;
}

/* In the child, whose number and memory are what the filter goes by. */
static int make_outside_call(const struct call *c)
{
	(void)c;
	how = jail_how_own();
	const struct call call = outside_call();
	return make_call(&call);
}

static size_t tried;

/* The nearest one that no other rule allows either; there may be none. */
static void try_outside(int profile, const struct table *t)
{
	const struct jail_rule *r = outside.rule;
	for (outside.border = 0;; outside.border++) {
		const struct call c = outside_call();
		if (c.nr < 0)
			return;
		if (!said_allowed(t, &c))
			break;
	}
	char want[64];
	snprintf(want, sizeof(want), "(%s)", r->call);
	int status = jailed(profile, make_outside_call, NULL);
	cr_expect(status == 159 && strstr(said, want),
		  "profile %#x: %s (%s), condition %zu: status %d, said %s", t->needs, r->call,
		  r->reason, outside.condition, status, said);
	tried++;
}

static void try_table(int profile)
{
	struct table t = table_of(profile);
	for (size_t i = 0; i < t.count; i++) {
		outside.rule = &t.rules[i];
		for (size_t k = 0; k < JAIL_CONDITIONS && t.rules[i].when[k].op != JAIL_NO_MORE;
		     k++) {
			outside.condition = k;
			if ((t.rules[i].needs & t.needs) == t.rules[i].needs)
				try_outside(profile, &t);
		}
	}
}

/* In the widest filter and the poller's; with MOTE_LONG set, in every one. */
Test(vm_jail, a_call_outside_a_rule_ends_the_process)
{
	how = jail_how_make();
	for (int p = POLLER; p < profile_count(); p++)
		if (p == POLLER || p == profile_count() - 1 ||
		    (getenv("MOTE_LONG") && *getenv("MOTE_LONG")))
			try_table(p);
	printf("%zu calls outside a condition ended their process\n", tried);
	cr_expect(tried > 100);
}

/* In the kernel, all that no rule names: in the widest filter and in the poller's. */
Test(vm_jail, every_other_system_call_ends_the_process)
{
	size_t refused = 0;
	const int both[] = {POLLER, profile_count() - 1};
	for (size_t b = 0; b < JAIL_COUNT(both); b++) {
		struct table t = table_of(both[b]);
		for (int nr = 0; nr < NUMBERS; nr++) {
			bool named = nr == SYS_clone3;
			for (size_t i = 0; i < t.count; i++)
				named |= t.rules[i].nr == nr;
			const struct call c = {.nr = nr}, x32 = {.nr = X32 | nr};
			/*
			 * uretprobe and uprobe, which the kernel answers before any filter: SIGILL.
			 */
			if (nr == 335 || nr == 336)
				continue;
			if (!named)
				cr_expect(jailed(both[b], make_call, &c) == 159, "%d", nr);
			if (nr % 16 == 0)
				cr_expect(jailed(both[b], make_call, &x32) == 159, "x32: %d", nr);
			refused += !named;
		}
	}
	printf("%zu system calls ended their process\n", refused);
	cr_expect(refused > 300);
}

#endif

/* --- openat2's `how` --- */

static int open_both_ways(const struct call *c)
{
	(void)c;
	for (int in_root = 0; in_root < 2; in_root++) {
		struct open_how own, *h = jail_how(in_root ? JAIL_IN_ROOT : JAIL_BENEATH, &own);
		h->flags = O_RDONLY | O_CLOEXEC;
		h->mode = 0;
		long fd = syscall(SYS_openat2, 3, in_root ? "/../passwd" : "passwd", h, sizeof(*h));
		if (fd < 0 || close((int)fd) < 0)
			return 1;
		h->flags = O_RDONLY | O_CLOEXEC;
		fd = syscall(SYS_openat2, 3, in_root ? "/etc/passwd" : "../etc/passwd", h,
			     sizeof(*h));
		if (fd >= 0 || errno != (in_root ? ENOENT : EXDEV))
			return 2;
	}
	return 0;
}

/*
 * All that writes through a pointer without asking what is behind it: 0 if `resolve` has stayed as
 * it is.
 */
static int write_resolve(const struct call *c)
{
	(void)c;
	struct open_how own, *h = jail_how(JAIL_BENEATH, &own);
	uint64_t before = h->resolve, none = 0;
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) < 0 || write(ends[1], &none, sizeof(none)) != sizeof(none))
		return 1;
	bool written = read(ends[0], &h->resolve, sizeof(none)) >= 0;
	written |= syscall(SYS_getrandom, &h->resolve, sizeof(none), 0) >= 0;
	written |= syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &h->resolve) >= 0;
	written |= syscall(SYS_fstat, 2, &h->resolve) >= 0;
	return written || h->resolve != before ? 2 : 0;
}

Test(vm_jail, what_openat2_may_do_is_fixed)
{
	int p = 0;
	while (!(jail_profiles[p] & JAIL_PATHS && jail_profiles[p] & JAIL_LINUX))
		p++;
	cr_expect(jailed(p, open_both_ways, NULL) == 0, "%s", said);
	cr_expect(jailed(p, write_resolve, NULL) == 0, "%s", said);
}

#ifndef JAIL_SANITIZED

/* --- what a broken-in thread would try --- */

static pid_t victim;

#define TRY(name, ...)                               \
	static int try_##name(const struct call *c_) \
	{                                            \
		(void)c_;                            \
		__VA_ARGS__;                         \
		return 0;                            \
	}
#define SYS(name, ...) TRY(name, syscall(__VA_ARGS__))

static struct open_how spare; /* for a thread that has none of its own */
static char page[8192] __attribute__((aligned(4096)));

SYS(kill_another, SYS_kill, victim, SIGKILL)
SYS(kill_another_thread, SYS_tgkill, victim, victim, SIGKILL)
SYS(kill_by_tkill, SYS_tkill, victim, SIGKILL)
SYS(end_itself_by_signal, SYS_tgkill, getpid(), getpid(), SIGKILL)
SYS(queue_a_signal, SYS_rt_sigqueueinfo, victim, SIGKILL, page)
TRY(signal_by_fcntl, int p[2];
    if (pipe2(p, O_CLOEXEC) == 0) syscall(SYS_fcntl, p[0], F_SETOWN, victim))
TRY(signal_of_choice, syscall(SYS_fcntl, 2, F_SETSIG, SIGKILL))
TRY(signal_io, syscall(SYS_fcntl, 2, F_SETFL, O_ASYNC | O_NONBLOCK))
SYS(socket_alg, SYS_socket, AF_ALG, SOCK_SEQPACKET, 0)
SYS(socket_netlink, SYS_socket, AF_NETLINK, SOCK_RAW, 0)
SYS(socket_vsock, SYS_socket, AF_VSOCK, SOCK_STREAM, 0)
SYS(socket_packet, SYS_socket, AF_PACKET, SOCK_RAW, 0)
SYS(socket_raw, SYS_socket, AF_INET, SOCK_RAW, IPPROTO_ICMP)
SYS(socket_unix_raw, SYS_socket, AF_UNIX, SOCK_RAW, 0)
SYS(socket_mptcp, SYS_socket, AF_INET, SOCK_STREAM, IPPROTO_MPTCP)
SYS(socket_upper_half, SYS_socket, 0x100000000 | AF_NETLINK, SOCK_RAW, 0)
SYS(pair_of_datagram_sockets, SYS_socketpair, AF_UNIX, SOCK_DGRAM, 0, page)
SYS(pass_a_descriptor, SYS_sendmsg, 2, page, 0)
SYS(take_a_descriptor, SYS_recvmsg, 2, page, 0)
SYS(pass_descriptors, SYS_sendmmsg, 2, page, 1, 0)
SYS(take_descriptors, SYS_recvmmsg, 2, page, 1, 0, NULL)
SYS(connect_by_sending, SYS_sendto, 2, page, 1, MSG_FASTOPEN, page, 16)
SYS(any_socket_option, SYS_setsockopt, 2, SOL_IP, 25, page, 4)
SYS(bind_to_device, SYS_setsockopt, 2, SOL_SOCKET, SO_BINDTODEVICE, page, 4)
SYS(own_how, SYS_openat2, 3, "passwd", page, sizeof(struct open_how))
SYS(how_of_another_size, SYS_openat2, 3, "passwd", jail_how(JAIL_BENEATH, &spare),
    sizeof(struct open_how) + 8)
TRY(below_the_working_directory, struct open_how *h = jail_how(JAIL_BENEATH, &spare);
    h->flags = O_RDONLY; h->mode = 0; syscall(SYS_openat2, AT_FDCWD, "etc/shadow", h, sizeof(*h)))
SYS(open, SYS_open, "/etc/shadow", O_RDONLY)
SYS(openat, SYS_openat, AT_FDCWD, "/etc/passwd", O_RDONLY)
SYS(stat_from_working_directory, SYS_newfstatat, AT_FDCWD, "etc", page,
    AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT)
SYS(chown_by_name, SYS_fchownat, 3, "/etc/shadow", 0, 0, AT_EMPTY_PATH)
SYS(times_by_name, SYS_utimensat, 3, "/etc/shadow", NULL, AT_EMPTY_PATH)
SYS(readlink_by_name, SYS_readlinkat, 3, "/etc/mtab", page, sizeof(page))
SYS(execve, SYS_execve, "/bin/true", NULL, NULL)
SYS(execveat, SYS_execveat, AT_FDCWD, "/bin/true", NULL, NULL, 0)
SYS(fork, SYS_fork)
SYS(vfork_by_clone, SYS_clone, CLONE_VM | CLONE_VFORK | SIGCHLD, 0, 0, 0, 0)
SYS(clone_into_namespaces, SYS_clone, THREAD_FLAGS | CLONE_NEWUSER, 0, 0, 0, 0)
SYS(unshare, SYS_unshare, CLONE_NEWUSER)
SYS(setns, SYS_setns, 3, 0)
SYS(executable_memory, SYS_mmap, 0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
SYS(executable_heap, SYS_mprotect, page, 4096, PROT_READ | PROT_EXEC)
SYS(executable_by_key, SYS_pkey_mprotect, page, 4096, PROT_READ | PROT_EXEC, -1)
SYS(shared_memory, SYS_mmap, 0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)
SYS(low_memory, SYS_mmap, 0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT,
    -1, 0)
SYS(map_over_how, SYS_mmap, jail_how_own() + 4096, 4096, PROT_READ | PROT_WRITE,
    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0)
SYS(unprotect_how, SYS_mprotect, jail_how_own() + 4096, 4096, PROT_READ | PROT_WRITE)
SYS(unprotect_from_below, SYS_mprotect, 0x10000, 1UL << 46, PROT_READ | PROT_WRITE)
SYS(unmap_how, SYS_munmap, jail_how_own() + 4096, 4096)
SYS(empty_how, SYS_madvise, jail_how_own() + 4096, 4096, MADV_DONTNEED)
SYS(move_how, SYS_mremap, jail_how_own(), 4096, 4096, MREMAP_MAYMOVE)
SYS(move_over_how, SYS_mremap, page, 4096, 4096, MREMAP_MAYMOVE | MREMAP_FIXED,
    jail_how_own() + 4096)
SYS(memory_that_fails, SYS_madvise, page, 4096, MADV_HWPOISON)
SYS(memory_that_is_merged, SYS_madvise, page, 4096, MADV_MERGEABLE)
SYS(shmget, SYS_shmget, 1, 4096, 0600 | 01000)
SYS(memfd, SYS_memfd_create, "x", 0)
SYS(userfaultfd, SYS_userfaultfd, 0)
SYS(ptrace, SYS_ptrace, 16, victim, 0, 0)
TRY(read_another, struct iovec v = {page, 8};
    syscall(SYS_process_vm_readv, victim, &v, 1, &v, 1, 0))
TRY(write_another, struct iovec v = {page, 8};
    syscall(SYS_process_vm_writev, victim, &v, 1, &v, 1, 0))
SYS(pidfd, SYS_pidfd_open, victim, 0)
SYS(pidfd_of_descriptor, SYS_pidfd_getfd, 3, 0, 0)
SYS(process_mrelease, SYS_process_mrelease, -1, 0)
SYS(io_uring, SYS_io_uring_setup, 8, page)
SYS(bpf, SYS_bpf, 0, page, 0)
SYS(perf, SYS_perf_event_open, page, 0, -1, -1, 0)
SYS(keyctl, SYS_keyctl, 0, 0)
SYS(tty_input, SYS_ioctl, 2, TIOCSTI, "x")
SYS(tty_console, SYS_ioctl, 2, 0x541C, "x")
SYS(tty_controlling, SYS_ioctl, 2, TIOCSCTTY, 0)
SYS(interface_down, SYS_ioctl, 2, 0x8914, page)
SYS(interface_address, SYS_ioctl, 2, 0x8916, page)
SYS(interface_slave, SYS_ioctl, 2, 0x8929, page)
SYS(interface_driver, SYS_ioctl, 2, 0x8946, page)
SYS(new_vm, SYS_ioctl, 2, 0xae01, 0)
SYS(new_vcpu, SYS_ioctl, 2, 0xae41, 0)
SYS(filter_with_listener, SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER,
    page)
SYS(filter_for_all_threads, SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, page)
SYS(dumpable, SYS_prctl, PR_SET_DUMPABLE, 1, 0, 0, 0)
SYS(name, SYS_prctl, PR_SET_NAME, "x", 0, 0, 0)
SYS(lease, SYS_fcntl, 2, F_SETLEASE, F_RDLCK)
SYS(notify, SYS_fcntl, 2, F_NOTIFY, 1)
SYS(large_pipe, SYS_fcntl, 2, F_SETPIPE_SZ, 1 << 20)
SYS(packet_pipe, SYS_pipe2, page, O_DIRECT)
SYS(timers, SYS_timer_create, CLOCK_MONOTONIC, NULL, page)
SYS(timer_that_wakes_the_machine, SYS_timerfd_create, CLOCK_BOOTTIME_ALARM, 0)
SYS(setuid, SYS_setuid, 0)
SYS(device_node, SYS_mknodat, 3, "x", S_IFCHR | 0666, 0x103)
SYS(set_user_id, SYS_fchmod, 2, 04755)
SYS(set_group_id_of_directory, SYS_mkdirat, 3, "x", 02755)
SYS(whiteout, SYS_renameat2, 3, "x", 3, "y", 4)
SYS(link_followed, SYS_linkat, 3, "x", 3, "y", AT_SYMLINK_FOLLOW)
SYS(link_of_descriptor, SYS_linkat, 3, "", 3, "y", AT_EMPTY_PATH)
SYS(priority, SYS_setpriority, 0, 0, 5)
SYS(scheduler, SYS_sched_setscheduler, 0, 5, page)
SYS(affinity_of_another, SYS_sched_getaffinity, victim, 128, page)
SYS(limits, SYS_prlimit64, victim, 7, NULL, page)
SYS(mount, SYS_mount, "x", "/", "tmpfs", 0, NULL)
SYS(new_mount, SYS_fsopen, "tmpfs", 0)
SYS(chroot, SYS_chroot, "/")
SYS(working_directory, SYS_chdir, "/")
SYS(landlock, SYS_landlock_create_ruleset, NULL, 0, 1)
SYS(x32, X32 | SYS_getpid)
SYS(futex_of_another_kind, SYS_futex, page, FUTEX_LOCK_PI, 0, NULL, NULL, 0)
SYS(splice, SYS_splice, 2, NULL, 2, NULL, 1, 0)
SYS(vmsplice, SYS_vmsplice, 2, NULL, 0, 0)
SYS(extended_attribute_of_a_path, SYS_setxattr, "/etc", "user.x", "x", 1, 0)
SYS(preadv2, SYS_preadv2, 2, NULL, 0, 0, 0, 0)
SYS(epoll_that_waits, SYS_epoll_wait, 2, page, 1, -1)

static const struct {
	const char *name;
	int (*act)(const struct call *);
} tries[] = {
#define T(name)                   \
	{                         \
#name, try_##name \
	}
	T(kill_another),
	T(kill_another_thread),
	T(kill_by_tkill),
	T(end_itself_by_signal),
	T(queue_a_signal),
	T(signal_by_fcntl),
	T(signal_of_choice),
	T(signal_io),
	T(socket_alg),
	T(socket_netlink),
	T(socket_vsock),
	T(socket_packet),
	T(socket_raw),
	T(socket_unix_raw),
	T(socket_mptcp),
	T(socket_upper_half),
	T(pair_of_datagram_sockets),
	T(pass_a_descriptor),
	T(take_a_descriptor),
	T(pass_descriptors),
	T(take_descriptors),
	T(connect_by_sending),
	T(any_socket_option),
	T(bind_to_device),
	T(own_how),
	T(how_of_another_size),
	T(below_the_working_directory),
	T(open),
	T(openat),
	T(stat_from_working_directory),
	T(chown_by_name),
	T(times_by_name),
	T(readlink_by_name),
	T(execve),
	T(execveat),
	T(fork),
	T(vfork_by_clone),
	T(clone_into_namespaces),
	T(unshare),
	T(setns),
	T(executable_memory),
	T(executable_heap),
	T(executable_by_key),
	T(shared_memory),
	T(low_memory),
	T(map_over_how),
	T(unprotect_how),
	T(unprotect_from_below),
	T(unmap_how),
	T(empty_how),
	T(move_how),
	T(move_over_how),
	T(memory_that_fails),
	T(memory_that_is_merged),
	T(shmget),
	T(memfd),
	T(userfaultfd),
	T(ptrace),
	T(read_another),
	T(write_another),
	T(pidfd),
	T(pidfd_of_descriptor),
	T(process_mrelease),
	T(io_uring),
	T(bpf),
	T(perf),
	T(keyctl),
	T(tty_input),
	T(tty_console),
	T(tty_controlling),
	T(interface_down),
	T(interface_address),
	T(interface_slave),
	T(interface_driver),
	T(new_vm),
	T(new_vcpu),
	T(filter_with_listener),
	T(filter_for_all_threads),
	T(dumpable),
	T(name),
	T(lease),
	T(notify),
	T(large_pipe),
	T(packet_pipe),
	T(timers),
	T(timer_that_wakes_the_machine),
	T(setuid),
	T(device_node),
	T(set_user_id),
	T(set_group_id_of_directory),
	T(whiteout),
	T(link_followed),
	T(link_of_descriptor),
	T(priority),
	T(scheduler),
	T(affinity_of_another),
	T(limits),
	T(mount),
	T(new_mount),
	T(chroot),
	T(working_directory),
	T(landlock),
	T(x32),
	T(futex_of_another_kind),
	T(splice),
	T(vmsplice),
	T(extended_attribute_of_a_path),
	T(preadv2),
	T(epoll_that_waits),
#undef T
};

/* Every one in each profile that a sandbox is given, and the other process lives on. */
Test(vm_jail, tries_of_a_thread_that_was_broken_into)
{
	size_t refused = 0;
	victim = fork();
	if (victim == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
		for (int fd = 0; fd < 64; fd++)
			close(fd);
		for (;;)
			pause();
	}
	for (int p = 0; p < profile_count(); p++) {
		if (jail_profiles[p] & JAIL_SET_IDS)
			continue;
		for (size_t i = 0; i < JAIL_COUNT(tries); i++) {
			int status = jailed(p, tries[i].act, NULL);
			cr_expect(status == 159, "profile %#x: %s: %d", jail_profiles[p],
				  tries[i].name, status);
			refused += status == 159;
		}
	}
	int status;
	cr_expect(waitpid(victim, &status, WNOHANG) == 0);
	kill(victim, SIGKILL);
	waitpid(victim, &status, 0);
	printf("%zu tries ended their process\n", refused);
}

/* Without the network, connect and sendto name what the page of addresses has, and nothing else. */
static struct sockaddr_un anywhere = {.sun_family = AF_UNIX, .sun_path = "/run/dbus/socket"};
SYS(connect_anywhere, SYS_connect, 3, &anywhere, sizeof(anywhere))
SYS(send_anywhere, SYS_sendto, 3, page, 1, 0, &anywhere, sizeof(anywhere))
SYS(open_the_addresses, SYS_mprotect, jail_how_own() + JAIL_RESOLVINGS * 0x2000, 4096,
    PROT_READ | PROT_WRITE)
TRY(write_to_the_addresses, *(volatile char *)&jail_addresses_own()->file = 1)
SYS(another_number, SYS_dup3, 3, 9, O_CLOEXEC)
TRY(bind_to_its_own, const struct jail_addresses *own = jail_addresses_own(); if (!own) return 1;
    int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(s, (const void *)&own->abstract[0].un, JAIL_ABSTRACT_BYTES) == 0 ||
	errno != ECONNREFUSED) return 2;
    return bind(s, (const void *)&own->abstract[0].un, JAIL_ABSTRACT_BYTES) < 0)
/* If there is a directory in which something may be changed. */
TRY(connect_to_a_file, const struct jail_addresses *own = jail_addresses_own();
    if (!own || jail_socket_file(3) < 0) return 1;
    int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return connect(s, (const void *)&own->file.un, sizeof(own->file.un)) == 0)
/* Files are watched by the name of what openat2 found, which no address of a socket has. */
SYS(watch_anything, SYS_inotify_add_watch, 3, "/", 1)
TRY(watch_a_file, int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (jail_name_file(0) < 0) return 1;
    return inotify_add_watch(fd, jail_named_path(), IN_OPEN) != 1 || jail_name_nothing() < 0)
SYS(connect_to_the_named, SYS_connect, 3, jail_named_path() - 2, sizeof(anywhere))
TRY(write_to_the_name, *(volatile char *)(uintptr_t)jail_named_path() = 1)
SYS(bind_a_file, SYS_bind, 3, &anywhere, sizeof(anywhere))
SYS(change_directory, SYS_fchdir, 3)

Test(vm_jail, sockets_by_name_without_the_network)
{
	const unsigned needs = JAIL_LINUX | JAIL_PATHS;
	size_t profiles = 0;
	for (int p = 0; p < profile_count(); p++) {
		if ((jail_profiles[p] & (needs | JAIL_NETWORK)) != needs)
			continue;
		profiles++;
		const int files = jail_profiles[p] & JAIL_CHANGES ? 0 : 159;
		cr_expect(jailed(p, try_bind_to_its_own, NULL) == 0, "%s", said);
		cr_expect(jailed(p, try_connect_to_a_file, NULL) == files, "%s", said);
		cr_expect((jailed(p, try_bind_a_file, NULL) == 159) == (files == 159), "%s", said);
		cr_expect(jailed(p, try_change_directory, NULL) == 159, "%s", said);
		cr_expect(jailed(p, try_connect_anywhere, NULL) == 159, "%s", said);
		cr_expect(jailed(p, try_send_anywhere, NULL) == 159, "%s", said);
		cr_expect(jailed(p, try_open_the_addresses, NULL) == 159, "%s", said);
		cr_expect(jailed(p, try_another_number, NULL) == 159, "%s", said);
		cr_expect(jailed(p, try_watch_anything, NULL) == 159, "%s", said);
		cr_expect(jailed(p, try_watch_a_file, NULL) == 0, "%s", said);
		cr_expect(jailed(p, try_connect_to_the_named, NULL) == 159, "%s", said);
		cr_expect(jailed(p, try_write_to_the_name, NULL) == 1000 + SIGSEGV, "%s", said);
		cr_expect(jailed(p, try_write_to_the_addresses, NULL) == 1000 + SIGSEGV, "%s",
			  said);
	}
	cr_expect(profiles > 0);
}

#endif

/* The kernel looks at 32 bits of a request, and so does the filter. */
Test(vm_jail, the_upper_half_of_an_int_is_nothing)
{
	const struct call fionread = {SYS_ioctl, {2, 1UL << 32 | FIONREAD, (uintptr_t)said}};
	cr_expect(jailed(1, make_call, &fionread) == 0, "%s", said);
}

static int start_thread_by_pointer(const struct call *c)
{
	(void)c;
	return syscall(SYS_clone3, NULL, 0) == -1 && errno == ENOSYS ? 0 : 1;
}

Test(vm_jail, threads_are_not_started_by_pointer)
{
	for (int p = 0; p < profile_count(); p++)
		cr_expect(jailed(p, start_thread_by_pointer, NULL) == 0, "%s", said);
}
