/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MOTE_GUEST_LINUX_PROGRAM_LOAD_H
#define MOTE_GUEST_LINUX_PROGRAM_LOAD_H

#include "guest/linux/program/elf.h"
#include "guest/linux/program/stack.h"

#include <stdint.h>

struct loaded_program {
	uint64_t entry;
	uint64_t stack; /* pointer, with arguments, environment and auxiliary vector */
};

/*
 * Maps the program and its stack where nothing is, and writes the stack: 0, or a negative errno and
 * a sentence for the user.
 */
int64_t load_segments(const struct elf_program *p, const struct program_file *f,
		      const struct stack_content *s, struct loaded_program *to, const char **why);

/*
 * The guest program's file, with its stack and the fault stack. Ends the guest with a sentence if
 * it cannot.
 */
struct loaded_program load_program(const uint8_t *file, uint64_t bytes);
/* Ends a guest whose program cannot be run. */
_Noreturn void load_refuse(const char *why);

#endif
