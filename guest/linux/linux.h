/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Linux personality: what its files share. It runs at CPL 3 beside the program, uses general registers
 * only, and answers system calls by itself or by host calls.
 */
#ifndef MOTE_GUEST_LINUX_LINUX_H
#define MOTE_GUEST_LINUX_LINUX_H

#include "abi/guest_calls.h"
#include "guest/lib/lib.h"

enum {
	E_PERM = 1, E_NOENT = 2, E_INTR = 4, E_BADF = 9, E_CHILD = 10, E_AGAIN = 11, E_NOMEM = 12, E_FAULT = 14,
	E_NOTDIR = 20, E_2BIG = 7, E_LOOP = 40, E_INVAL = 22, E_NOTTY = 25, E_RANGE = 34, E_DEADLK = 35, E_NAMETOOLONG = 36, E_NOSYS = 38,
	E_XDEV = 18, E_ACCES = 13, E_EXIST = 17, E_NOTSUP = 95, E_PIPE = 32, E_MFILE = 24, E_SRCH = 3,
};

#define PATH_MAX_BYTES 4096
#define AT_FDCWD_ (-100)

/* Addresses of the personality's own, behind the image (abi/layout.h). */
#define LINUX_FAULT_STACK (MOTE_FREE_VA + 0x10000)
#define LINUX_FAULT_STACK_BYTES 0x8000
/* The program's. */
#define LINUX_STACK_TOP 0x7ff000000000UL
#define LINUX_STACK_BYTES (8UL << 20)
#define LINUX_STACK_STEP (2UL << 20) /* mapped at first, and each time it grows */
#define LINUX_MMAP_TOP 0x7fe000000000UL
#define LINUX_PIE_BASE 0x555555554000UL

/* The room that a signal's frame takes on the program's stack, registers of every width included. */
enum { XSAVE_BYTES = 4096, SIGNAL_FRAME_BYTES = XSAVE_BYTES + 1024 };

struct signal_action { /* the kernel's struct sigaction */
	uint64_t handler, flags, restorer, mask;
};

struct linux_state {
	struct mote_area *area;
	const struct mote_boot *boot;
	uint64_t brk_start, brk, brk_mapped;
	uint64_t stack_low; /* the program's stack is mapped from here on */
	uint64_t fs_base;
	char cwd[PATH_MAX_BYTES];
	uint32_t umask;
	struct signal_action actions[65];
	uint64_t alt_stack, alt_stack_bytes;
	int64_t timer_end_ns, timer_interval_ns; /* ITIMER_REAL on CLOCK_MONOTONIC; 0: not set */
	int32_t preopen_fd[64]; /* where the preopens were moved */
	char name[16];
};
extern struct linux_state L;

static inline const char *boot_string(uint32_t at)
{
	return (const char *)L.boot + at;
}

/* In the area: what every system call looks at, so that it needs no other page of the personality's data. */
struct linux_area {
	struct mote_context *resuming; /* by linux_resume */
	uint32_t not_busy;	       /* what it clears where no fault is being handled; nobody reads it */
	bool suspended;		       /* in sigsuspend: suspend_mask comes back */
	uint64_t suspend_mask;
};
_Static_assert(offsetof(struct linux_area, not_busy) == 8, "as start.S has it");

static inline struct linux_area *linux_area(struct mote_area *area)
{
	return (struct linux_area *)(void *)area->personality;
}

static inline struct mote_area *this_area(void)
{
	struct mote_area *area;
	__asm__("movq %%gs:%c1, %0" : "=r"(area) : "i"(MOTE_AREA_SELF));
	return area;
}

/* In start.S. */
void linux_fault_entry(void);
_Noreturn void linux_resume(struct mote_context *c, uint32_t *busy);
_Noreturn void linux_resume_unasked(struct mote_context *c, uint32_t *busy);
extern char linux_resume_from[], linux_resume_to[];
int user_copy(void *to, const void *from, uint64_t bytes);
extern char user_copy_fault[];

/* Copies from and to the program: 0 or -E_FAULT. */
static inline int get_user(void *to, uint64_t from, uint64_t bytes)
{
	return user_copy(to, (const void *)from, bytes);
}
static inline int put_user(uint64_t to, const void *from, uint64_t bytes)
{
	return user_copy((void *)to, from, bytes);
}
/* A NUL-terminated path into to[PATH_MAX_BYTES]: its length, or -errno. */
int64_t get_path(char *to, uint64_t from);

/* main.c */
void linux_start(const struct mote_boot *boot, struct mote_area *area);
/* load.c: maps the program file, its stack and the fault stack; where it starts. Ends the guest with a sentence where it cannot. */
void load_program(const uint8_t *file, uint64_t bytes, uint64_t *rip, uint64_t *rsp);
/* syscall.c */
void linux_syscall(struct mote_context *c);
/* mm/memory.c: maps the stack down to an address of it that is not there yet; false for other addresses. */
bool memory_stack_reach(uint64_t address);
/* mm/ranges.c: free addresses of the zone that mmap chooses from. All sizes are whole pages. */
void ranges_take(uint64_t start, uint64_t bytes);
void ranges_give(uint64_t start, uint64_t bytes);
uint64_t ranges_find(uint64_t bytes, uint64_t align);
bool ranges_free(uint64_t start, uint64_t bytes);
/* task/signal.c */
void linux_fault(struct mote_area *area);
/* On the way back to a context there are signals to see to first. */
_Noreturn void linux_signals(struct mote_context *c, uint32_t *busy);
int64_t signal_action(int signo, uint64_t act, uint64_t old);
int64_t signal_mask(uint32_t how, uint64_t set, uint64_t old);
int64_t signal_altstack(uint64_t stack, uint64_t old);
int64_t signal_raise(int signo);
void signal_return(struct mote_context *c);
/* What becomes of a system call that a signal interrupted. */
enum restart {
	RESTART_NEVER,    /* none was */
	RESTART_AS_ASKED, /* made again where the handler was installed with SA_RESTART */
	RESTART_IDLE,     /* made again only where no handler ran */
};
/* Delivers what is pending and not blocked: changes the context to that of its handler. */
void signal_deliver(struct mote_context *c, enum restart restart, uint64_t nr);
/* What signal_deliver needs to be called for, at the end of a call that nothing interrupted. */
static inline bool signal_due(struct mote_area *area)
{
	uint64_t pending = __atomic_load_n(&area->pending_signals, __ATOMIC_SEQ_CST);
	return (pending & ~area->blocked_signals) || linux_area(area)->suspended;
}
/* Whether a signal is pending that would do something; those that would not are dropped. */
bool signal_waiting(void);
/* Takes one pending signal of the set: 0, or -E_AGAIN where there is none. */
int64_t signal_take(uint64_t set, int *signo);
/* The mask at address `set` (0: none) holds until the system call has ended. */
int64_t signal_mask_for_wait(uint64_t set);
int64_t signal_suspend(uint64_t mask);
/* fs/lookup.c */
void place_start(void);

#endif
