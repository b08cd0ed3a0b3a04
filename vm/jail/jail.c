/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Deny by default; what is allowed, and why, stands in vcpu.def and poller.def.
 * The filters are made by the build (vm/jail/generate.c).
 */
#include "vm/jail/jail.h"

#include "vm/jail/rules.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

struct jail_program {
	unsigned needs;
	const struct sock_filter *filter;
	size_t count;
};

#include "jail_filters.h"

static _Thread_local const char *thread_name = "the vCPU thread";
static _Thread_local bool entered;
/* jail_how_make's; 0: this thread is in no filter that asks for it */
static _Thread_local uint32_t own_how;
/* the descriptor that the address `file` names; -1: this thread's filter knows no addresses */
static _Thread_local int socket_file = -1;
/* likewise of jail_named_path; and what it is while that stands for nothing */
static _Thread_local int named_file = -1, nothing = -1;

/* --- openat2's `how` --- */

/*
 * A pair of pages for each kind of resolving; the second of a pair is read-only. Behind them is the
 * page of sockets' addresses.
 */
enum {
	PAGE = 4096,
	ADDRESSES_AT = JAIL_RESOLVINGS * 2 * PAGE,
	HOW_BYTES = ADDRESSES_AT + PAGE,
	RESOLVE_AT = offsetof(struct open_how, resolve)
};

static uint64_t resolve_flags(enum jail_resolving resolving)
{
	switch (resolving) {
	case JAIL_IN_ROOT:
		return RESOLVE_NO_MAGICLINKS | RESOLVE_IN_ROOT;
	case JAIL_NO_SYMLINKS:
		return RESOLVE_NO_MAGICLINKS | RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;
	case JAIL_BENEATH:
	case JAIL_RESOLVINGS:
		break;
	}
	return RESOLVE_NO_MAGICLINKS | RESOLVE_BENEATH;
}

static uint8_t *fixed_page(uint32_t how, enum jail_resolving resolving)
{
	return (uint8_t *)((uintptr_t)how + (2 * resolving + 1) * PAGE);
}

uint32_t jail_how_make(void)
{
	uint8_t *at = mmap(NULL, HOW_BYTES, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	if (at == MAP_FAILED)
		return 0;
	uint32_t how = (uint32_t)(uintptr_t)at;
	for (enum jail_resolving r = 0; r < JAIL_RESOLVINGS; r++) {
		uint64_t flags = resolve_flags(r);
		memcpy(fixed_page(how, r), &flags, sizeof(flags));
		if (mprotect(fixed_page(how, r), PAGE, PROT_READ) < 0) {
			int error = errno;
			munmap(at, HOW_BYTES);
			errno = error;
			return 0;
		}
	}
	return how;
}

void jail_how_free(uint32_t how)
{
	if (how && !entered)
		munmap((void *)(uintptr_t)how, HOW_BYTES);
}

uint32_t jail_how_own(void)
{
	return own_how;
}

static struct open_how *how_across(uint32_t how, enum jail_resolving resolving)
{
	return (struct open_how *)(void *)(fixed_page(how, resolving) - RESOLVE_AT);
}

struct open_how *jail_how(enum jail_resolving resolving, struct open_how *own)
{
	if (own_how)
		return how_across(own_how, resolving);
	*own = (struct open_how){.resolve = resolve_flags(resolving)};
	return own;
}

/* The pages are zero beyond `resolve`. */
static const char *empty_path_of(uint32_t how)
{
	return (const char *)fixed_page(how, JAIL_BENEATH) + PAGE / 2;
}

const char *jail_empty_path(void)
{
	if (own_how)
		return empty_path_of(own_how);
	return "";
}

/* --- a path --- */

static char *named_path_of(uint32_t how)
{
	return (char *)fixed_page(how, JAIL_NO_SYMLINKS) + PAGE / 2;
}

const char *jail_named_path(void)
{
	if (named_file < 0)
		return NULL;
	return named_path_of(own_how);
}

int jail_name_file(int fd)
{
	if (dup3(fd, named_file, O_CLOEXEC) < 0)
		return -errno;
	return 0;
}

int jail_name_nothing(void)
{
	return jail_name_file(nothing);
}

/* The number is taken for good. */
static int make_named_path(uint32_t how)
{
	uint8_t *page = fixed_page(how, JAIL_NO_SYMLINKS);
	nothing = eventfd(0, EFD_CLOEXEC);
	int fd = fcntl(nothing, F_DUPFD_CLOEXEC, 3);
	if (fd < 0 || mprotect(page, PAGE, PROT_READ | PROT_WRITE) < 0)
		return -errno;
	snprintf(named_path_of(how), 32, "/proc/self/fd/%d", fd);
	if (mprotect(page, PAGE, PROT_READ) < 0)
		return -errno;
	named_file = fd;
	return 0;
}

/* --- addresses of AF_UNIX sockets --- */

static struct jail_addresses *addresses_of(uint32_t how)
{
	return (struct jail_addresses *)(uintptr_t)(how + ADDRESSES_AT);
}

int jail_addresses_fill(struct jail_addresses *to)
{
	uint64_t key[2];
	if (getrandom(key, sizeof(key), 0) != sizeof(key))
		return -EIO;
	for (unsigned i = 0; i < JAIL_ABSTRACT_NAMES; i++) {
		struct sockaddr_un *un = &to->abstract[i].un;
		un->sun_family = AF_UNIX;
		/* 32 bytes: NUL, 28 digits of the key, the number */
		snprintf(un->sun_path + 1, 32, "%016lx%012lx%03u", key[0], key[1] >> 16, i);
	}
	return 0;
}

const struct jail_addresses *jail_addresses_own(void)
{
	if (socket_file < 0)
		return NULL;
	return addresses_of(own_how);
}

int jail_socket_file(int fd)
{
	if (dup3(fd, socket_file, O_CLOEXEC) < 0)
		return -errno;
	return 0;
}

/* The number of `file` is taken for good, by what says nothing. */
static int make_addresses(uint32_t how)
{
	struct jail_addresses *to = addresses_of(how);
	int rc = jail_addresses_fill(to);
	int fd = open("/dev/null", O_PATH | O_CLOEXEC);
	if (rc < 0 || fd < 0)
		return rc < 0 ? rc : -errno;
	to->file.un.sun_family = AF_UNIX;
	snprintf(to->file.un.sun_path, sizeof(to->file.un.sun_path), "/proc/self/fd/%d", fd);
	socket_file = fd;
	if (mprotect(to, PAGE, PROT_READ) < 0)
		return -errno;
	return 0;
}

/* --- filters --- */

/* Runs in the signal's handler: write(2) and _exit(2) are on the list. */
static void on_denied(int signo, siginfo_t *info, void *context)
{
	(void)signo;
	(void)context;
	char line[160];
	size_t call = (size_t)info->si_syscall;
	const char *name = "unknown";
	if (call < COUNT(jail_names) && jail_names[call])
		name = jail_names[call];
	int n = snprintf(line, sizeof(line),
			 "mote: %s made system call %d (%s), which its filter does not allow\n",
			 thread_name, info->si_syscall, name);
	if (n > 0 && write(2, line, (size_t)n) < 0)
		_exit(128 + SIGSYS);
	_exit(128 + SIGSYS);
}

/* What stands for a value that is known only now. */
static uint32_t value_of(uint32_t k, uint32_t how)
{
	switch (k) {
	case JAIL_OWN_PID:
		return (uint32_t)getpid();
	case JAIL_HOW_BENEATH:
		return (uint32_t)(uintptr_t)how_across(how, JAIL_BENEATH);
	case JAIL_HOW_IN_ROOT:
		return (uint32_t)(uintptr_t)how_across(how, JAIL_IN_ROOT);
	case JAIL_HOW_NO_SYMLINKS:
		return (uint32_t)(uintptr_t)how_across(how, JAIL_NO_SYMLINKS);
	case JAIL_EMPTY_PATH:
		return (uint32_t)(uintptr_t)empty_path_of(how);
	case JAIL_ADDRESSES:
		return (uint32_t)(uintptr_t)addresses_of(how);
	case JAIL_NAMED_PATH:
		return (uint32_t)(uintptr_t)named_path_of(how);
	case JAIL_NAMED_FILE:
		return (uint32_t)named_file;
	case JAIL_SOCKET_FILE:
		return (uint32_t)socket_file;
	default:
		return k;
	}
}

/* The narrowest filter that has everything asked for: profiles are in that order. */
static const struct jail_program *program_for(unsigned needs)
{
	size_t i = 0;
	while ((jail_vcpu[i].needs & needs) != needs)
		i++; /* the last has all */
	return &jail_vcpu[i];
}

size_t jail_filter(unsigned needs, bool poller, uint32_t how, struct sock_filter *out,
		   size_t capacity)
{
	struct jail_program p = {0, jail_poller, COUNT(jail_poller)};
	if (!poller)
		p = *program_for(needs & (JAIL_ALL | JAIL_CREDENTIALS));
	if (p.count > capacity)
		return 0;
	for (size_t i = 0; i < p.count; i++) {
		out[i] = p.filter[i];
		out[i].k = value_of(out[i].k, how);
	}
	return p.count;
}

static int load(unsigned needs, bool poller, uint32_t how, struct err *e)
{
	struct sock_filter filter[FILTER_MAX];
	struct sock_fprog program = {.filter = filter};
	program.len = (unsigned short)jail_filter(needs, poller, how, filter, COUNT(filter));
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) < 0)
		return err_sys(e, errno, "loading a seccomp filter for %s", thread_name);
	entered = true;
	own_how = how;
	return 0;
}

bool jail_entered(void)
{
	return entered;
}

int jail_enter(unsigned needs, struct err *e)
{
	struct sigaction sa = {.sa_sigaction = on_denied, .sa_flags = SA_SIGINFO};
	sigemptyset(&sa.sa_mask);
	if (sigaction(SIGSYS, &sa, NULL) < 0)
		return err_sys(e, errno, "handler for SIGSYS");
	uint32_t how = 0;
	if (needs & JAIL_PATHS)
		how = jail_how_make();
	if (!how && needs & JAIL_PATHS)
		return err_sys(e, errno, "memory below 4 GiB for a seccomp filter");
	const unsigned sockets = JAIL_LINUX | JAIL_PATHS;
	int rc = 0;
	if ((needs & (sockets | JAIL_NETWORK)) == sockets)
		rc = make_addresses(how);
	if (rc == 0 && (needs & (sockets | JAIL_OWN_ROOT)) == sockets)
		rc = make_named_path(how);
	if (rc < 0)
		return err_sys(e, -rc, "names of sockets and files for a seccomp filter");
	return load(needs, false, how, e);
}

int jail_enter_poller(uint32_t how, struct err *e)
{
	thread_name = "the poller";
	return load(0, true, how, e);
}
