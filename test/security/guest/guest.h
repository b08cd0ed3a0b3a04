/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the hostile guest runtimes of test/security share: running a few instructions and catching
 * what comes of them. Everything here runs at CPL 3 and may be as rude as it likes: the host
 * believes none of it.
 */
#ifndef MOTE_TEST_SECURITY_GUEST_H
#define MOTE_TEST_SECURITY_GUEST_H

#include "abi/guest_calls.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * A port that the TSS's I/O bitmap denies CPL 3. Each piece of hostile code ends with an OUT to it
 * ("landing"): at CPL 3 that is #GP, which says that the code before it ran to its end; at CPL 0,
 * or with the bitmap or IOPL changed, it exits, and the host fails the test.
 */
#define PORT_ESCAPED 0x13

#define CODE    0x10000000UL /* a page, RWX: the code under test */
#define DATA    0x10010000UL /* 16 pages, RW */
#define LANDING 0x10030000UL /* a page, RWX: nothing but landings */
#define RWX     (MOTE_PROT_READ | MOTE_PROT_WRITE | MOTE_PROT_EXEC)
#define RW      (MOTE_PROT_READ | MOTE_PROT_WRITE)

#define FLAG_TF   (1UL << 8)
#define FLAG_IF   (1UL << 9)
#define FLAG_DF   (1UL << 10)
#define FLAG_IOPL (3UL << 12)
#define FLAG_NT   (1UL << 14)
#define FLAG_RF   (1UL << 16)
#define FLAG_VM   (1UL << 17)
#define FLAG_AC   (1UL << 18)
#define FLAG_ID   (1UL << 21)

enum {
	DIVIDE = 0,
	DEBUG = 1,
	BREAKPOINT = 3,
	OVERFLOW = 4,
	UNDEFINED = 6,
	STACK = 12,
	PROTECTION = 13,
	PAGE_FAULT = 14
};

/* The registers that a piece of code starts with. */
struct registers {
	uint64_t rax, rbx, rcx, rdx, rsi, rdi, rbp, r8;
};

/* How it ended: by an exception, always. */
struct outcome {
	bool completed; /* it reached the landing past its end, at CPL 3 */
	uint32_t vector, error;
	uint64_t address, rip, rsp;
};

extern struct mote_area *guest_area;
extern const struct mote_boot *guest_boot;

/* Copies code, adds the landing, and runs it on a stack of its own. */
struct outcome guest_run(const void *code, size_t bytes, const struct registers *r);
/* Runs code that is somewhere already. */
struct outcome guest_jump(uint64_t to, const struct registers *r);
/*
 * As guest_jump, one instruction at a time (TF), at most `steps` of them; r->rbp is the stack if it
 * is not 0.
 */
struct outcome guest_step(uint64_t to, const struct registers *r, unsigned steps);
/*
 * #UD and #GP at once: what the CPU answers to an instruction that it does not know or does not
 * allow.
 */
bool guest_refused(const struct outcome *o);
/* Formats as lib_format does; the line reaches the test program. */
void guest_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
uint64_t guest_random(void);
void guest_seed(uint64_t seed);
/*
 * In how many words of the registers that the guest began with, vector registers included, the
 * inverse of a value is.
 */
uint64_t guest_noted_count(uint64_t inverse);
/* The guest runtime's main function; its result is the exit status: 0 for contained. */
int guest_main(int argc, const char **argv);

#endif
