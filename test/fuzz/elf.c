/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program or script from anybody: guest/linux/program/ as part of a host program, over a page
 * table of the test's own. What is loaded must be what the file says, what is refused must be
 * refused with a sentence.
 */
#include "guest/linux/mm/layout.h"
#include "guest/linux/program/load.h"
#include "guest/linux/program/script.h"
#include "guest/linux/state.h"
#include "guest/linux/task/limits.h"

#include <linux/auxvec.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { REGIONS_MAX = 128, MEMORY_MAX = 12 << 20, REFUSED = 126 };

/* Mapped pages, each region with one protection a page. */
static struct region {
	uint64_t at, bytes;
	uint8_t *memory, *prot; /* owned */
} regions[REGIONS_MAX];
static size_t region_count;
static uint64_t memory_used;

static struct mote_area area;
static const uint8_t *payload;
static uint64_t program_bytes;
static jmp_buf ended;
static char said[512];

#define MUST(condition)                                                                 \
	do {                                                                            \
		if (!(condition)) {                                                     \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
			abort();                                                        \
		}                                                                       \
	} while (0)

static struct region *region_of(uint64_t at)
{
	for (size_t i = 0; i < region_count; i++)
		if (at - regions[i].at < regions[i].bytes)
			return &regions[i];
	return NULL;
}

/* The byte at a guest address, if its page has that protection. */
static uint8_t *byte_at(uint64_t at, uint32_t prot)
{
	struct region *r = region_of(at);
	if (!r || (r->prot[(at - r->at) / MOTE_PAGE] & prot) != prot)
		return NULL;
	return r->memory + (at - r->at);
}

static int64_t map(uint64_t at, uint64_t bytes, uint32_t prot)
{
	if (at % MOTE_PAGE || bytes % MOTE_PAGE || bytes == 0 || at >= MOTE_VA_END ||
	    bytes > MOTE_VA_END - at || (prot & ~7u))
		return -EINVAL;
	if (at < MOTE_KERNEL_END && at + bytes > MOTE_KERNEL)
		return -EINVAL;
	for (size_t i = 0; i < region_count; i++)
		if (at < regions[i].at + regions[i].bytes && regions[i].at < at + bytes)
			return -EEXIST;
	if (region_count == REGIONS_MAX || bytes > MEMORY_MAX - memory_used)
		return -ENOMEM;
	struct region r = {
		.at = at,
		.bytes = bytes,
		.memory = calloc(1, bytes),
		.prot = malloc(bytes / MOTE_PAGE),
	};
	MUST(r.memory && r.prot);
	memset(r.prot, (int)prot, bytes / MOTE_PAGE);
	regions[region_count++] = r;
	memory_used += bytes;
	return 0;
}

static int64_t map_program(uint64_t at, uint64_t bytes, uint64_t from, uint32_t prot)
{
	uint64_t mapped = page_up(program_bytes);
	if (from % MOTE_PAGE || from > mapped || bytes > mapped - from)
		return -EINVAL;
	int64_t rc = map(at, bytes, prot);
	if (rc == 0 && from < program_bytes)
		memcpy(regions[region_count - 1].memory, payload + from,
		       program_bytes - from < bytes ? program_bytes - from : bytes);
	return rc;
}

static int64_t protect(uint64_t at, uint64_t bytes, uint32_t prot)
{
	struct region *r = region_of(at);
	if (at % MOTE_PAGE || bytes % MOTE_PAGE || (prot & ~7u))
		return -EINVAL;
	if (!r || bytes > r->bytes - (at - r->at))
		return -ENOMEM;
	memset(r->prot + (at - r->at) / MOTE_PAGE, (int)prot, bytes / MOTE_PAGE);
	return 0;
}

static void say(const struct mote_iovec *v, uint64_t count)
{
	size_t n = strlen(said);
	for (uint64_t i = 0; i < count; i++) {
		MUST(v[i].len < sizeof(said) - n);
		memcpy(said + n, (const void *)v[i].base, v[i].len);
		said[n += v[i].len] = '\0';
	}
}

/* The host's side of the calls that loading makes. */
/* RLIMIT_STACK is none. */
uint64_t limits_soft(uint32_t which)
{
	(void)which;
	return UINT64_MAX;
}

int64_t mote_hostcall(struct mote_area *a)
{
	const uint64_t *arg = a->frame.arg;
	int64_t written = 0;
	switch (a->frame.nr) {
	case HOSTCALL_exit:
		longjmp(ended, (int)arg[0]);
	case HOSTCALL_mem_map:
		return map(arg[0], arg[1], (uint32_t)arg[2] & 7);
	case HOSTCALL_mem_protect:
		return protect(arg[0], arg[1], (uint32_t)arg[2]);
	case HOSTCALL_mem_map_program:
		return map_program(arg[0], arg[1], arg[2], (uint32_t)arg[3]);
	case HOSTCALL_mem_map_many:
		for (const struct mote_mapping *m = (const void *)arg[0];
		     m < (const struct mote_mapping *)(arg[0] + arg[1]); m++) {
			int64_t rc = m->from == MOTE_MAP_ZEROED
					     ? map(m->addr, m->bytes, m->prot & 7)
					     : map_program(m->addr, m->bytes, m->from, m->prot);
			if (rc < 0)
				return rc;
		}
		return 0;
	case HOSTCALL_writev:
		say((const void *)arg[1], arg[2]);
		for (uint64_t i = 0; i < arg[2]; i++)
			written += (int64_t)((const struct mote_iovec *)arg[1])[i].len;
		return written;
	default:
		fprintf(stderr, "host call %u\n", a->frame.nr);
		abort();
	}
}

struct mote_area *mote_area(void)
{
	return &area;
}

/* Only ever to the program while loading. */
int user_copy(void *to, const void *from, uint64_t bytes)
{
	for (uint64_t done = 0; done < bytes;) {
		uint64_t at = (uint64_t)to + done, piece = MOTE_PAGE - at % MOTE_PAGE;
		uint8_t *memory = byte_at(at, MOTE_PROT_WRITE);
		if (!memory)
			return -EFAULT;
		if (piece > bytes - done)
			piece = bytes - done;
		memcpy(memory, (const uint8_t *)from + done, piece);
		done += piece;
	}
	return 0;
}

static void check_segment(const Elf64_Phdr *ph, uint64_t bias)
{
	uint32_t prot = (ph->p_flags & PF_R ? 1 : 0) | (ph->p_flags & PF_W ? 2 : 0) |
			(ph->p_flags & PF_X ? 4 : 0);
	if (!prot)
		return;
	for (uint64_t done = 0, piece; done < ph->p_memsz; done += piece) {
		uint64_t at = bias + ph->p_vaddr + done;
		const uint8_t *memory = byte_at(at, prot);
		MUST(memory);
		piece = MOTE_PAGE - at % MOTE_PAGE;
		if (piece > ph->p_memsz - done)
			piece = ph->p_memsz - done;
		uint64_t in_file = done >= ph->p_filesz ? 0 : ph->p_filesz - done;
		MUST(memcmp(memory, payload + ph->p_offset + done,
			    in_file < piece ? in_file : piece) == 0);
		for (uint64_t i = in_file; (ph->p_flags & PF_W) && i < piece; i++)
			MUST(memory[i] == 0);
	}
	MUST(!byte_at(bias + ph->p_vaddr, prot ^ 7u));
}

static uint64_t word_at(uint64_t at)
{
	uint64_t word;
	const uint8_t *memory = byte_at(at, MOTE_PROT_READ | MOTE_PROT_WRITE);
	MUST(memory && at % 8 == 0);
	memcpy(&word, memory, sizeof(word));
	return word;
}

static void check_strings(uint64_t *at, const uint32_t *strings, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++, *at += 8)
		for (const char *want = boot_string(strings[i]), *s = want;; s++) {
			const uint8_t *memory =
				byte_at(word_at(*at) + (uint64_t)(s - want), MOTE_PROT_READ);
			MUST(memory && *memory == (uint8_t)*s);
			if (!*s)
				break;
		}
	MUST(word_at(*at) == 0);
	*at += 8;
}

static void check_loaded(uint64_t rip, uint64_t rsp)
{
	const struct mote_boot *b = process.boot;
	Elf64_Ehdr eh;
	Elf64_Phdr ph;
	memcpy(&eh, payload, sizeof(eh));
	uint64_t bias = eh.e_type == ET_DYN ? LINUX_PIE_BASE : 0;
	for (unsigned i = 0; i < eh.e_phnum; i++) {
		memcpy(&ph, payload + eh.e_phoff + i * sizeof(ph), sizeof(ph));
		/* one without memory may lie anywhere, over others too */
		if (ph.p_type == PT_LOAD && ph.p_memsz)
			check_segment(&ph, bias);
	}
	MUST(rip == bias + eh.e_entry && rip < LINUX_MMAP_TOP && rsp % 16 == 0 &&
	     process.brk % MOTE_PAGE == 0);
	uint64_t at = rsp;
	MUST(word_at(at) == b->argc);
	at += 8;
	check_strings(&at, (const void *)boot_string(b->argv), b->argc);
	check_strings(&at, (const void *)boot_string(b->envv), b->envc);
	while (word_at(at) != AT_NULL) {
		if (word_at(at) == AT_ENTRY)
			MUST(word_at(at + 8) == rip);
		at += 16;
	}
	MUST(at < LINUX_STACK_TOP);
}

/* The boot information's strings, at offsets as in a VM. */
static struct {
	struct mote_boot boot;
	uint32_t argv[2], envv[1];
	char text[64];
} information;

static void make_information(void)
{
	static const char text[] = "program\0-a\0K=V";
	const uint32_t base = (uint32_t)offsetof(__typeof__(information), text);
	memcpy(information.text, text, sizeof(text));
	information.argv[0] = base;
	information.argv[1] = base + 8;
	information.envv[0] = base + 11;
	information.boot = (struct mote_boot){
		.argc = 2,
		.envc = 1,
		.argv = offsetof(__typeof__(information), argv),
		.envv = offsetof(__typeof__(information), envv),
		.program_path = base,
	};
}

/* What a script's first line is taken for lies in the line, cut into strings. */
static void check_script(const uint8_t *data, size_t size)
{
	struct script s = {0};
	memcpy(s.line, data, size < SCRIPT_LINE_MAX ? size : SCRIPT_LINE_MAX);
	if (!script_is(&s) || script_parse(&s) < 0)
		return;
	size_t at = (size_t)(s.interpreter - s.line), len = strlen(s.interpreter);
	MUST(at >= 2 && at + len <= SCRIPT_LINE_MAX && !strpbrk(s.interpreter, " \t\n"));
	if (!s.argument)
		return;
	/* Blanks before a NUL byte make an empty argument, as on Linux. */
	MUST(s.argument > s.interpreter + len &&
	     s.argument + strlen(s.argument) <= s.line + SCRIPT_LINE_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check_script(data, size);
	make_information();
	payload = data;
	program_bytes = size;
	said[0] = '\0';
	memset(&process, 0, sizeof(process));
	process.boot = &information.boot;
	int status = setjmp(ended);
	if (status == 0) {
		struct loaded_program p = load_program(data, size);
		check_loaded(p.entry, p.stack);
	} else {
		MUST(status == REFUSED && strncmp(said, "mote: program: ", 15) == 0 &&
		     said[strlen(said) - 1] == '\n');
	}
	while (region_count > 0) {
		region_count--;
		free(regions[region_count].memory);
		free(regions[region_count].prot);
	}
	memory_used = 0;
	return 0;
}
