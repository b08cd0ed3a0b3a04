/* SPDX-License-Identifier: Apache-2.0 */
/* Arguments and environment on their way from one program to the next. */
#ifndef MOTE_GUEST_LINUX_PROGRAM_ARGUMENTS_H
#define MOTE_GUEST_LINUX_PROGRAM_ARGUMENTS_H

#include "guest/linux/program/stack.h"

/* What execve was given. */
struct argument_source {
	const char *name;          /* of the program: counts to the limit */
	const char *const *prefix; /* strings of the runtime's own before argv */
	uint32_t prefix_count;
	bool drops_first;    /* argv[0] gives way to them */
	uint64_t argv, envp; /* arrays in the program's memory; 0 is an empty one */
};

/*
 * Copies the strings to memory of the runtime's own: 0 and where they are in *to, or -EFAULT,
 * -E2BIG, -ENOMEM with nothing left behind.
 */
int64_t arguments_copy(const struct argument_source *from, struct stack_content *to);
/*
 * The same of what the VM was started with: the strings before argv[1], the other arguments and the
 * environment.
 */
int64_t arguments_of_boot(const char *const *prefix, uint32_t count, struct stack_content *to);
/* Gives that memory back. */
void arguments_drop(void);

#endif
