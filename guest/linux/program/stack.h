/* SPDX-License-Identifier: Apache-2.0 */
/* The stack that a program begins with: arguments, environment and auxiliary vector. */
#ifndef MOTE_GUEST_LINUX_PROGRAM_STACK_H
#define MOTE_GUEST_LINUX_PROGRAM_STACK_H

#include "guest/linux/program/elf.h"
#include "guest/linux/state.h"

/* Strings by their offsets from a base, as the boot information has them. */
struct string_list {
	const char *base;
	const uint32_t *offset;
	uint32_t count;
};

/* Of the boot information. */
static inline struct string_list boot_strings(uint32_t at, uint32_t count)
{
	return (struct string_list){
		.base = boot_string(0),
		.offset = (const void *)boot_string(at),
		.count = count,
	};
}

struct stack_content {
	struct string_list argv, envv;
	const char *name;   /* AT_EXECFN: what the program was called */
	uint8_t random[16]; /* AT_RANDOM */
};

/* Bytes under LINUX_STACK_TOP that the content takes. */
uint64_t stack_bytes(const struct stack_content *s);
/* Writes it; the stack is mapped. The stack pointer, or -EFAULT. */
int64_t stack_write(const struct stack_content *s, const struct elf_program *p);

#endif
