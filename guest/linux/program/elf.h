/* SPDX-License-Identifier: Apache-2.0 */
/* An ELF program as its file describes it, read and checked; nothing is mapped yet. */
#ifndef MOTE_GUEST_LINUX_PROGRAM_ELF_H
#define MOTE_GUEST_LINUX_PROGRAM_ELF_H

#include "guest/linux/program/file.h"

#include <linux/elf.h>

enum { SEGMENTS_MAX = 64 };

struct elf_program {
	Elf64_Ehdr header;
	Elf64_Phdr loads[SEGMENTS_MAX]; /* those to be loaded, with at least one byte */
	unsigned load_count;
	uint64_t bias;       /* added to all addresses */
	uint64_t end;        /* of the last segment in memory */
	uint32_t stack_exec; /* MOTE_PROT_EXEC if it asks for a stack that can be executed, or 0 */
	uint64_t headers;    /* where the program headers are in memory; 0: in no segment */
};

/*
 * 0 and the program, or a negative errno and a sentence for the user: -ENOEXEC for what Linux
 * does not run either, -ELIBACC for a dynamic program, -EACCES for a segment that Mote does not
 * allow.
 */
int64_t elf_read(struct elf_program *p, const struct program_file *f, const char **why);

#endif
