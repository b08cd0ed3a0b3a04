/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tables of the seccomp filters as C arrays, for the generator (vm/jail/generate.c) and for the
 * tests that are made from the same lines. An argument that the kernel takes as an int is compared
 * by its low 32 bits, as the kernel does.
 */
#ifndef MOTE_VM_JAIL_RULES_H
#define MOTE_VM_JAIL_RULES_H

#include "vm/jail/jail.h"

#include <asm/termbits.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/kvm.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif

#if defined(MOTE_SANITIZED) || defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define JAIL_SANITIZED /* the runtime libraries of sanitizers have rules of their own */
#endif

enum jail_op {
	JAIL_NO_MORE,  /* the end of a rule's conditions */
	JAIL_MASKED,   /* argument & mask == value */
	JAIL_AT_LEAST, /* argument >= value */
};

struct jail_condition {
	enum jail_op op;
	unsigned arg;
	uint64_t mask, value;
};

enum { JAIL_CONDITIONS = 6 };

struct jail_rule {
	/* enum jail_need bits: the filters of those profiles that have them all have the rule */
	unsigned needs;
	int nr;
	const char *call, *reason;
	struct jail_condition when[JAIL_CONDITIONS]; /* all of them */
};

/* Stand for values that are known when a filter is loaded, which jail.c puts in their place. */
enum jail_stand_in {
	JAIL_OWN_PID = 0x656e6f4d,
	JAIL_HOW_BENEATH = 0x7761794d,
	JAIL_HOW_IN_ROOT = 0x7761794e,
	JAIL_EMPTY_PATH = 0x7761794f,
	JAIL_HOW_NO_SYMLINKS = 0x77617950,
	JAIL_ADDRESSES = 0x77620000, /* a page */
	JAIL_SOCKET_FILE = 0x6c696653,
	JAIL_NAMED_PATH = 0x6c696654, /* jail_named_path() */
	JAIL_NAMED_FILE = 0x6c696655, /* its descriptor */
};

/* Conditions. */
#define INT(n, v)                                         \
	{                                                 \
		JAIL_MASKED, n, 0xffffffff, (uint32_t)(v) \
	}
/* v, with any of the bits `also` */
#define INT_WITH(n, v, also)                                                  \
	{                                                                     \
		JAIL_MASKED, n, 0xffffffff & ~(uint64_t)(also), (uint32_t)(v) \
	}
#define SOCKET_KIND(n, kind) INT_WITH(n, kind, SOCK_NONBLOCK | SOCK_CLOEXEC)
#define INT_BITS(n, bits)    INT_WITH(n, 0, bits) /* no other bits than these */
#define INT_WITHOUT(n, bits)                        \
	{                                           \
		JAIL_MASKED, n, (uint32_t)(bits), 0 \
	}
#define WORD(n, v)                                        \
	{                                                 \
		JAIL_MASKED, n, UINT64_MAX, (uint64_t)(v) \
	}
#define WORD_WITH(n, v, also)                                    \
	{                                                        \
		JAIL_MASKED, n, ~(uint64_t)(also), (uint64_t)(v) \
	}
#define WORD_BITS(n, bits) WORD_WITH(n, 0, bits)
/* A descriptor, and not AT_FDCWD: a relative path is never below the process's own directory. */
#define FD(n) INT_WITHOUT(n, 0x80000000)
/* An address that is not in the first 4 GiB, where the memory of openat2's `how` is (jail.h). */
#define HIGH(n)                                \
	{                                      \
		JAIL_AT_LEAST, n, 0, 1UL << 32 \
	}

/* An address of struct jail_addresses, or what is within one: the page is read-only as a whole. */
#define SOCKET_ADDRESS(n) WORD_WITH(n, JAIL_ADDRESSES, 4095)

/*
 * How the C library starts a thread; clone3 takes its flags by pointer, and is as if it were not
 * there.
 */
#define THREAD_FLAGS                                                                        \
	(CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SYSVSEM | CLONE_SIGHAND | CLONE_THREAD | \
	 CLONE_SETTLS | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID)

#define RULE(needs, call, reason, ...) {needs, SYS_##call, #call, reason, {__VA_ARGS__}},
#define SOCKET_OPTION(level, name)                                                       \
	RULE(JAIL_FILES, getsockopt, "reading a socket's option: " #name, INT(1, level), \
	     INT(2, name))
#define SOCKET_OPTION_SET(level, name)                                                   \
	SOCKET_OPTION(level, name)                                                       \
	RULE(JAIL_LINUX, setsockopt, "setting a socket's option: " #name, INT(1, level), \
	     INT(2, name))
#define SOCKET_OPTION_WASI(level, name) \
	SOCKET_OPTION_SET(level, name)  \
	RULE(JAIL_NETWORK, setsockopt, "the same for WASI: " #name, INT(1, level), INT(2, name))

static const struct jail_rule jail_vcpu_rules[] = {
#include "vm/hostcall/socket_options.def"
#include "vm/jail/vcpu.def"
#ifdef JAIL_SANITIZED
#include "vm/jail/sanitizer.def"
#endif
};

#undef SOCKET_OPTION
#undef SOCKET_OPTION_SET
#undef SOCKET_OPTION_WASI

static const struct jail_rule jail_poller_rules[] = {
#include "vm/jail/poller.def"
#ifdef JAIL_SANITIZED
#include "vm/jail/sanitizer.def"
#endif
};

/*
 * The profiles that there are filters for: jail_enter takes the narrowest that has what is asked
 * for.
 */
static const unsigned jail_profiles[] = {
	JAIL_FREEZE,
	JAIL_FILES,
	JAIL_FILES | JAIL_PATHS,
	JAIL_FILES | JAIL_PATHS | JAIL_CHANGES,
	JAIL_FILES | JAIL_NETWORK,
	JAIL_FILES | JAIL_NETWORK | JAIL_PATHS,
	JAIL_FILES | JAIL_NETWORK | JAIL_PATHS | JAIL_CHANGES,
	JAIL_FILES | JAIL_LINUX,
	JAIL_FILES | JAIL_LINUX | JAIL_PATHS,
	JAIL_FILES | JAIL_LINUX | JAIL_PATHS | JAIL_CHANGES,
	JAIL_FILES | JAIL_LINUX | JAIL_NETWORK,
	JAIL_FILES | JAIL_LINUX | JAIL_NETWORK | JAIL_PATHS,
	JAIL_FILES | JAIL_LINUX | JAIL_NETWORK | JAIL_PATHS | JAIL_CHANGES,
	JAIL_FILES | JAIL_LINUX | JAIL_NETWORK | JAIL_PATHS | JAIL_CHANGES | JAIL_SET_IDS,
	JAIL_FILES | JAIL_LINUX | JAIL_CREDENTIALS,
	JAIL_FILES | JAIL_LINUX | JAIL_PATHS | JAIL_CREDENTIALS,
	JAIL_FILES | JAIL_LINUX | JAIL_PATHS | JAIL_CHANGES | JAIL_CREDENTIALS,
	JAIL_FILES | JAIL_LINUX | JAIL_NETWORK | JAIL_CREDENTIALS,
	JAIL_FILES | JAIL_LINUX | JAIL_NETWORK | JAIL_PATHS | JAIL_CREDENTIALS,
	JAIL_FILES | JAIL_LINUX | JAIL_NETWORK | JAIL_PATHS | JAIL_CHANGES | JAIL_CREDENTIALS,
	JAIL_FILES | JAIL_LINUX | JAIL_NETWORK | JAIL_PATHS | JAIL_CHANGES | JAIL_SET_IDS |
		JAIL_CREDENTIALS,
	JAIL_ALL & ~(unsigned)JAIL_EMBEDDER,
	JAIL_ALL,
};

#define JAIL_COUNT(a) (sizeof(a) / sizeof((a)[0]))

#endif
