/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What guest/linux asks of the architecture it is built for. Each directory next to this file
 * implements it, brings the entry of the image (start.S) and lists the system calls that only its
 * architecture has (syscalls.def).
 */
#ifndef MOTE_GUEST_LINUX_ARCH_H
#define MOTE_GUEST_LINUX_ARCH_H

#include "abi/layout.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct signal_action;

/* --- memory of the program --- */

/* Copies to or from the program's memory: 0, or -EFAULT if a page is not there. */
int user_copy(void *to, const void *from, uint64_t bytes);
extern char user_copy_fault[];

/* --- registers --- */

void context_set_pc(struct mote_context *c, uint64_t pc);
/* Where a program starts: its entry point and its stack pointer. */
struct mote_context context_of_program(uint64_t pc, uint64_t sp);
/* Vector, floating-point and thread registers as a program finds them at its start. */
void registers_reset(void);
/* The system call at whose return the context stands is made again when the program goes on. */
void context_repeat_call(struct mote_context *c, uint64_t nr);

/*
 * Leaves for the program with the context's registers; *busy becomes 0 before. Events may come in
 * between.
 */
_Noreturn void linux_resume(struct mote_context *c, uint32_t *busy);
/*
 * The same without a look at pending signals: for a context of the runtime's own, which cannot take
 * one.
 */
_Noreturn void linux_resume_unasked(struct mote_context *c, uint32_t *busy);
extern char linux_resume_from[], linux_resume_to[];
/* The program's stack pointer at the system call that is running. */
uint64_t syscall_stack_pointer(void);
/* Where the host enters for faults and events: calls linux_fault. */
void linux_fault_entry(void);

/* --- signal frames, as Linux lays them out --- */

/*
 * Bytes for the registers of every width in a frame, and for a whole frame with them. The runtime
 * does not start on a CPU that needs more.
 */
enum { SIGNAL_REGISTERS_MAX = 4096, SIGNAL_FRAME_MAX = SIGNAL_REGISTERS_MAX + 1024 };

/* The kernel's stack_t: the alternate stack, with the flags that it was set with. */
struct alt_stack {
	uint64_t sp;
	int32_t flags, pad;
	uint64_t bytes;
};

struct signal_delivery {
	int32_t signo, code, error_number; /* si_signo, si_code, si_errno */
	uint64_t address;     /* si_addr; of a signal that was sent si_pid and si_uid */
	uint64_t value;       /* si_value of one that was sent */
	uint64_t error, trap; /* of the exception that it came from, else 0 */
	uint64_t mask;        /* to go back to */
	struct alt_stack alt_stack;
};

/*
 * Turns the context into the handler's, with a frame to return by. False if the stack is not there,
 * or the alternate one too small.
 */
bool signal_frame_push(struct mote_context *c, const struct signal_action *action,
		       const struct signal_delivery *d);
/*
 * The context, the mask and the alternate stack of before, from the frame that a handler returned
 * to: 0 or -EFAULT.
 */
int64_t signal_frame_pop(struct mote_context *c, uint64_t *mask, struct alt_stack *stack);

/* --- faults --- */

struct fault_signal {
	int32_t signo, code;
	uint64_t address;
	const char *what; /* for the user */
};

bool fault_is_page_fault(const struct mote_fault *f);
/* "reading", "writing" or "executing" the address of a page fault. */
const char *fault_access(const struct mote_fault *f);
/* The signal that Linux makes of a fault; false for one that a program cannot cause. */
bool fault_to_signal(const struct mote_fault *f, struct fault_signal *to);
/* The page fault was past the end of a mapped file. */
void fault_behind_file(struct fault_signal *s);
/* It was on a page that is mapped, without access. */
void fault_denied(struct fault_signal *s);

/*
 * A page fault of the program's that is a call in disguise: the context goes on with the call.
 * False: it is none.
 */
bool arch_emulate_call(struct mote_context *c);

/* --- programs --- */

/* What was mapped for the program is gone with its memory. */
void arch_forget_program(void);

uint16_t arch_elf_machine(void);
const char *arch_platform(void); /* AT_PLATFORM and uname's machine */
/* What /proc/cpuinfo says of the CPU, as much as fits: its length. */
size_t arch_cpu_info(char *to, size_t capacity);
/* Lines of /proc/self/maps for what every program has at the same addresses. */
const char *arch_fixed_maps(void);
void arch_hardware_features(uint64_t hwcap[2]); /* AT_HWCAP, AT_HWCAP2 */

#endif
