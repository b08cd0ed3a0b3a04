/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loading a program that elf_read has checked. Of the file that the VM began with whole pages are
 * mapped; any other is copied. What does not fit is refused by a sentence, at the start with status
 * 126.
 */
#include "guest/linux/program/load.h"

#include "guest/linux/mm/layout.h"
#include "guest/linux/task/limits.h"
#include "guest/linux/user.h"

#include <linux/resource.h>

enum {
	MAPPINGS_AT_ONCE = 16,
	CANNOT_RUN = 126,
	STACK_SPARE = 128 << 10, /* mapped below what the program begins with */
	/* Writable bytes that are copied, so that the program's file can be loaded once more. */
	COPIED_MAX = 256 << 10,
};

/* One program on its way into memory. */
struct loader {
	const struct elf_program *program;
	const struct program_file *file;
	bool copies_data; /* writable segments are copied, not mapped from the file */
	struct mote_mapping wanted[MAPPINGS_AT_ONCE];
	unsigned wanted_count;
};

static uint32_t prot_of(uint32_t flags)
{
	uint32_t prot = 0;
	if (flags & PF_R)
		prot |= MOTE_PROT_READ;
	if (flags & PF_W)
		prot |= MOTE_PROT_WRITE;
	if (flags & PF_X)
		prot |= MOTE_PROT_EXEC;
	return prot;
}

/* --- mappings: all of them by one host call, if they are few --- */

static int64_t map_wanted(struct loader *l)
{
	if (l->wanted_count == 0)
		return 0;
	int64_t rc =
		mote_mem_map_many(mote_area(), l->wanted, l->wanted_count * sizeof(l->wanted[0]));
	l->wanted_count = 0;
	return rc;
}

static int64_t want(struct loader *l, uint64_t at, uint64_t end, uint64_t from, uint32_t prot)
{
	int64_t rc = 0;
	if (at == end)
		return 0;
	if (l->wanted_count == MAPPINGS_AT_ONCE)
		rc = map_wanted(l);
	l->wanted[l->wanted_count++] =
		(struct mote_mapping){.addr = at, .bytes = end - at, .from = from, .prot = prot};
	return rc;
}

/*
 * Whole pages that lie in the file are mapped from it; the first and last page of a segment may
 * hold bytes that are not its own, and a writable one needs its zeroes, so those are copied: from
 * `mapped` on.
 */
struct segment {
	uint64_t start, in_file, first, mapped, last;
	uint32_t prot;
};

static struct segment segment_of(const struct loader *l, const Elf64_Phdr *ph)
{
	uint64_t start = l->program->bias + ph->p_vaddr, in_file = start + ph->p_filesz,
		 first = page_down(start), mapped = first;
	bool writable = ph->p_flags & PF_W;
	if (l->file->mapped && !(writable && l->copies_data) &&
	    (start - ph->p_offset) % MOTE_PAGE == 0)
		mapped = writable ? page_down(in_file) : page_up(in_file);
	return (struct segment){
		.start = start,
		.in_file = in_file,
		.first = first,
		.mapped = mapped < first ? first : mapped,
		.last = page_up(start + ph->p_memsz),
		.prot = prot_of(ph->p_flags),
	};
}

static int64_t map_segment(struct loader *l, const Elf64_Phdr *ph)
{
	const uint32_t prot = MOTE_PROT_READ | MOTE_PROT_WRITE;
	const struct segment s = segment_of(l, ph);
	uint64_t copied = page_up(s.in_file);
	if (!s.prot)
		return 0;
	if (copied < s.mapped)
		copied = s.mapped;
	int64_t rc = want(l, s.first, s.mapped, page_down(ph->p_offset), s.prot);
	if (rc == 0) /* what is written at once is populated at once */
		rc = want(l, s.mapped, copied, MOTE_MAP_ZEROED, prot | MOTE_MAP_FILL);
	if (rc == 0)
		rc = want(l, copied, s.last, MOTE_MAP_ZEROED, prot | MOTE_MAP_LAZY);
	return rc;
}

/* Bytes of the file into the program's memory. */
static int64_t copy_bytes(const struct program_file *f, uint64_t at, uint64_t to, uint64_t bytes)
{
	if (f->mapped)
		return put_user(to, f->mapped + at, bytes);
	return program_file_read(f, at, (void *)to, bytes);
}

static int64_t fill_segment(const struct loader *l, const Elf64_Phdr *ph)
{
	const struct segment s = segment_of(l, ph);
	if (!s.prot || s.last == s.mapped)
		return 0;
	uint64_t from = s.mapped > s.start ? s.mapped : s.start;
	int64_t rc = 0;
	if (from < s.in_file)
		rc = copy_bytes(l->file, ph->p_offset + (from - s.start), from, s.in_file - from);
	if (rc == 0 && s.prot != (MOTE_PROT_READ | MOTE_PROT_WRITE))
		rc = mote_mem_protect(mote_area(), s.mapped, s.last - s.mapped, s.prot);
	return rc;
}

/* The program, its stack and, once, the runtime's fault stack. */
static int64_t map_all(struct loader *l, uint64_t stack_low)
{
	const uint32_t prot = MOTE_PROT_READ | MOTE_PROT_WRITE;
	const uint64_t fault_stack_end = LINUX_FAULT_STACK + LINUX_FAULT_STACK_BYTES;
	int64_t rc = 0;
	if (!process.stack_low)
		rc = want(l, LINUX_FAULT_STACK, fault_stack_end, MOTE_MAP_ZEROED, prot);
	for (unsigned i = 0; i < l->program->load_count && rc == 0; i++)
		rc = map_segment(l, &l->program->loads[i]);
	if (rc == 0)
		rc = want(l, stack_low, LINUX_STACK_TOP, MOTE_MAP_ZEROED,
			  prot | l->program->stack_exec);
	if (rc == 0)
		rc = map_wanted(l);
	for (unsigned i = 0; i < l->program->load_count && rc == 0; i++)
		rc = fill_segment(l, &l->program->loads[i]);
	return rc;
}

static const char *mapping_sentence(int64_t rc)
{
	if (rc == -ENOMEM)
		return "the memory limit is too small for it";
	if (rc == -EEXIST)
		return "its segments overlap";
	if (rc == -EIO)
		return "it has become shorter";
	return "its segments are at addresses that no program can have";
}

static uint64_t writable_bytes(const struct elf_program *p)
{
	uint64_t bytes = 0;
	for (unsigned i = 0; i < p->load_count; i++)
		if (p->loads[i].p_flags & PF_W)
			bytes += p->loads[i].p_filesz;
	return bytes;
}

int64_t load_segments(const struct elf_program *p, const struct program_file *f,
		      const struct stack_content *s, struct loaded_program *to, const char **why)
{
	struct loader l = {
		.program = p,
		.file = f,
		.copies_data = writable_bytes(p) <= COPIED_MAX,
	};
	uint64_t stack = stack_bytes(s) + STACK_SPARE;
	if (stack > LINUX_STACK_BYTES) {
		*why = "its arguments and environment are larger than its stack";
		return -E2BIG;
	}
	const uint64_t needed = page_up(stack_bytes(s)),
		       most = page_down(limits_soft(RLIMIT_STACK));
	stack = (stack + LINUX_STACK_STEP - 1) & ~(LINUX_STACK_STEP - 1);
	if (stack > most)
		stack = needed > most ? needed : most;
	int64_t rc = map_all(&l, LINUX_STACK_TOP - stack);
	process.stack_low = LINUX_STACK_TOP - stack;
	process.stack_exec = p->stack_exec;
	if (rc < 0) {
		*why = mapping_sentence(rc);
		return rc;
	}
	process.brk_start = process.brk = process.brk_mapped = page_up(p->end);
	if (f->mapped && !l.copies_data)
		process.file_used = true;
	to->entry = p->bias + p->header.e_entry;
	rc = stack_write(s, p);
	to->stack = (uint64_t)rc;
	if (rc > 0)
		return 0;
	*why = "its arguments and environment are larger than its stack";
	return -E2BIG;
}

/* --- the program that the VM began with --- */

void load_refuse(const char *why)
{
	lib_error("%s: %s", program_name(), why);
	mote_exit(mote_area(), CANNOT_RUN);
	__builtin_unreachable();
}

struct loaded_program load_program(const uint8_t *file, uint64_t bytes)
{
	const struct mote_boot *b = process.boot;
	const struct program_file f = {.mapped = file, .fd = -1, .bytes = bytes};
	struct stack_content s = {
		.argv = boot_strings(b->argv, b->argc),
		.envv = boot_strings(b->envv, b->envc),
		.name = boot_string(b->program_path),
	};
	struct elf_program p;
	struct loaded_program to;
	const char *why;
	memcpy(s.random, b->random, sizeof(s.random));
	if (elf_read(&p, &f, &why) < 0)
		load_refuse(why);
	if (load_segments(&p, &f, &s, &to, &why) < 0)
		load_refuse(why);
	return to;
}
