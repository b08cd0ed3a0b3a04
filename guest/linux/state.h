/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state of a Linux program as its guest runtime keeps it. What belongs to the process is one
 * object, or static in the only file that needs it; what belongs to a thread lies in its vCPU's
 * area. Every function reaches its thread by this_thread() and the area of its host calls by
 * mote_area(), never by a global variable.
 *
 * The runtime runs at CPL 3 in the program's address space and uses general registers only.
 */
#ifndef MOTE_GUEST_LINUX_STATE_H
#define MOTE_GUEST_LINUX_STATE_H

#include "abi/guest_calls.h"
#include "guest/lib/lib.h"
#include "guest/linux/arch/arch.h"

#include <linux/errno.h>
#include <linux/limits.h>

enum { SIGNALS = 64 };

#define LINUX_RELEASE "6.1.0-mote"
#define LINUX_VERSION "#1 Mote " MOTE_VERSION

/*
 * The kernel's struct sigaction: a header that tests include next to the C library's has no room
 * for the original.
 */
struct signal_action {
	uint64_t handler, flags, restorer, mask;
};

/* Where the program's strings and auxiliary vector lie on its stack. */
struct program_text {
	uint64_t arguments, environment, end; /* each ends where the next one begins */
	uint64_t vector, vector_end;
};

enum id_kind { ID_REAL, ID_EFFECTIVE, ID_SAVED, ID_FILES, ID_KINDS };

/*
 * By these Linux's rules say what a call may do; what the host does for the guest goes by those
 * that its thread has.
 */
struct credentials {
	uint32_t uid[ID_KINDS], gid[ID_KINDS];
	struct mote_capabilities capabilities;
	uint32_t securebits;
};

struct process {
	const struct mote_boot *boot;
	struct credentials credentials; /* changed by credentials_commit alone */
	uint64_t brk_start, brk, brk_mapped;
	uint64_t stack_low;  /* the program's stack is mapped from here on */
	uint32_t stack_exec; /* MOTE_PROT_EXEC if it can be executed, or 0 */
	char cwd[PATH_MAX];  /* absolute, without symlinks */
	uint32_t umask;
	uint64_t robust_list; /* set_robust_list */
	struct signal_action actions[SIGNALS + 1];
	struct program_text text;
	bool no_new_privs; /* prctl: set-ID bits of programs mean nothing from now on */
	bool file_used;    /* the program writes to pages of its file: it can be loaded once only */
	/* The file that execve has loaded, absolute; empty: the one that the VM began with. */
	char exe[PATH_MAX];
};
extern struct process process;

/*
 * What a system call or a signal needs and the runtime's stack is too small for; one call uses it
 * at a time.
 */
struct scratch {
	_Alignas(64) uint8_t registers[SIGNAL_REGISTERS_MAX];
	union {
		uint8_t copy[65536];
		_Alignas(8) uint8_t entries[16384]; /* of a directory */
	};
};

/*
 * In the vCPU's area, next to what each system call looks at: a new VM pays for every other page
 * that it touches.
 */
struct thread {
	struct mote_context *resuming; /* by linux_resume */
	uint32_t not_busy;             /* cleared in place of fault_busy */
	uint64_t program_gs;           /* the program's GS base while the runtime has its own */
	bool mask_saved; /* a wait has a signal mask of its own: saved_mask comes back */
	uint64_t saved_mask;
	struct mote_context fault_context; /* where the last fault goes on */
	struct alt_stack alt_stack;
	char name[16];
	struct scratch *scratch;
};
_Static_assert(offsetof(struct thread, not_busy) == 8 && offsetof(struct thread, program_gs) == 16,
	       "arch/x86_64/start.S and resume.S");
_Static_assert(sizeof(struct thread) <= sizeof(((struct mote_area *)0)->personality),
	       "fits the area");

static inline struct thread *this_thread(void)
{
	return (struct thread *)(void *)mote_area()->personality;
}

static inline const char *boot_string(uint32_t at)
{
	return (const char *)process.boot + at;
}

/* Cut to 15 bytes. */
static inline void thread_set_name(const char *name)
{
	struct thread *t = this_thread();
	memset(t->name, 0, sizeof(t->name));
	memcpy(t->name, name, strnlen(name, sizeof(t->name) - 1));
}

static inline const char *last_component(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

/* For messages. */
static inline const char *program_name(void)
{
	if (process.exe[0])
		return process.exe;
	return boot_string(process.boot->program_path);
}

static inline uint64_t max_u64(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static inline uint64_t min_u64(uint64_t a, uint64_t b)
{
	if (b < a)
		return b;
	return a;
}

/* Makes the caller the process's first thread. */
void state_start(const struct mote_boot *boot);

#endif
