/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loading the program (ELF-64 object file format; System V ABI, 3.4 of the processor's supplement).
 * The image decides every byte of the file: offsets and sizes are checked against it, and what does
 * not fit is refused by a sentence on descriptor 2 and status 126.
 */
#include "guest/linux/load.h"

#include "guest/linux/mm/layout.h"
#include "guest/linux/state.h"
#include "guest/linux/user.h"

#include <linux/auxvec.h>
#include <linux/elf.h>

enum { SEGMENTS_MAX = 64, MAPPINGS_AT_ONCE = 16, CANNOT_RUN = 126, CLOCK_TICKS = 100 };

/* One program on its way into memory. */
struct loader {
	const uint8_t *file;
	uint64_t bytes;
	Elf64_Ehdr header;
	Elf64_Phdr loads[SEGMENTS_MAX]; /* copies: in the file they may be unaligned, and change */
	unsigned load_count;
	uint64_t bias;    /* added to all addresses */
	uint64_t end;     /* of the last segment in memory */
	uint64_t headers; /* where the program headers are in memory; 0: in no segment */
	struct mote_mapping wanted[MAPPINGS_AT_ONCE];
	unsigned wanted_count;
};

_Noreturn static void refuse(const char *why)
{
	lib_error("%s: %s", boot_string(process.boot->payload_path), why);
	mote_exit(mote_area(), CANNOT_RUN);
	__builtin_unreachable();
}

_Noreturn static void refuse_machine(void)
{
	char why[96];
	lib_format(why, sizeof(why),
		   "it is an ELF file for another machine; Mote runs programs for %s here",
		   arch_platform());
	refuse(why);
}

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

static void must_map(int64_t rc)
{
	if (rc == -ENOMEM)
		refuse("the memory limit is too small for it");
	if (rc == -EEXIST)
		refuse("its segments overlap");
	if (rc < 0)
		refuse("its segments are at addresses that no program can have");
}

static void put(uint64_t to, const void *from, uint64_t bytes)
{
	if (put_user(to, from, bytes) < 0)
		refuse("its arguments and environment are larger than its stack");
}

/* --- mappings: all of them by one host call, if they are few --- */

static void map_wanted(struct loader *l)
{
	if (l->wanted_count == 0)
		return;
	int64_t rc =
		mote_mem_map_many(mote_area(), l->wanted, l->wanted_count * sizeof(l->wanted[0]));
	l->wanted_count = 0;
	must_map(rc);
}

static void want(struct loader *l, uint64_t at, uint64_t bytes, uint64_t from, uint32_t prot)
{
	if (l->wanted_count == MAPPINGS_AT_ONCE)
		map_wanted(l);
	l->wanted[l->wanted_count++] =
		(struct mote_mapping){.addr = at, .bytes = bytes, .from = from, .prot = prot};
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

static struct segment segment_of(const Elf64_Phdr *ph, uint64_t bias)
{
	uint64_t start = bias + ph->p_vaddr, in_file = start + ph->p_filesz,
		 first = page_down(start), mapped = first;
	if ((start - ph->p_offset) % MOTE_PAGE == 0)
		mapped = ph->p_flags & PF_W ? page_down(in_file) : page_up(in_file);
	return (struct segment){
		.start = start,
		.in_file = in_file,
		.first = first,
		.mapped = mapped < first ? first : mapped,
		.last = page_up(start + ph->p_memsz),
		.prot = prot_of(ph->p_flags),
	};
}

static void map_segment(struct loader *l, const Elf64_Phdr *ph)
{
	const struct segment s = segment_of(ph, l->bias);
	if (s.prot && s.mapped > s.first)
		want(l, s.first, s.mapped - s.first, page_down(ph->p_offset), s.prot);
	if (s.prot && s.last != s.mapped)
		want(l, s.mapped, s.last - s.mapped, MOTE_MAP_ZEROED,
		     MOTE_PROT_READ | MOTE_PROT_WRITE);
}

static void fill_segment(const struct loader *l, const Elf64_Phdr *ph)
{
	const struct segment s = segment_of(ph, l->bias);
	if (!s.prot || s.last == s.mapped)
		return;
	uint64_t from = s.mapped > s.start ? s.mapped : s.start;
	if (from < s.in_file)
		put(from, l->file + ph->p_offset + (from - s.start), s.in_file - from);
	if (s.prot != (MOTE_PROT_READ | MOTE_PROT_WRITE))
		must_map(mote_mem_protect(mote_area(), s.mapped, s.last - s.mapped, s.prot));
}

static void check_header(struct loader *l)
{
	Elf64_Ehdr *eh = &l->header;
	if (l->bytes < sizeof(*eh) || memcmp(l->file, ELFMAG, SELFMAG) != 0)
		refuse("it is not an ELF file");
	memcpy(eh, l->file, sizeof(*eh));
	if (eh->e_ident[EI_CLASS] != ELFCLASS64 || eh->e_ident[EI_DATA] != ELFDATA2LSB ||
	    eh->e_machine != arch_elf_machine())
		refuse_machine();
	if (eh->e_type != ET_EXEC && eh->e_type != ET_DYN)
		refuse("it is an ELF file, but not a program");
	if (eh->e_phentsize != sizeof(Elf64_Phdr) || eh->e_phnum == 0 || eh->e_phnum > SEGMENTS_MAX)
		refuse("its program headers are damaged");
	if (eh->e_phoff > l->bytes || eh->e_phnum * sizeof(Elf64_Phdr) > l->bytes - eh->e_phoff)
		refuse("it is truncated: its program headers are past its end");
}

static void check_segment(const struct loader *l, const Elf64_Phdr *ph)
{
	uint64_t end;
	if (ph->p_offset > l->bytes || ph->p_filesz > l->bytes - ph->p_offset)
		refuse("it is truncated: a segment is past its end");
	if (ph->p_filesz > ph->p_memsz || __builtin_add_overflow(ph->p_vaddr, ph->p_memsz, &end) ||
	    end > LINUX_MMAP_TOP)
		refuse("its segments are damaged");
	if (page_down(l->bias + ph->p_vaddr) < MOTE_WINDOW_END &&
	    page_up(l->bias + end) > MOTE_WINDOW)
		refuse("its segments are at addresses that no program can have");
	if ((ph->p_flags & PF_W) && (ph->p_flags & PF_X))
		refuse("a segment is both writable and executable, which Mote does not allow");
}

/* --- the initial stack --- */

static uint64_t push_bytes(uint64_t *sp, const void *bytes, uint64_t len)
{
	*sp -= len;
	put(*sp, bytes, len);
	return *sp;
}

static uint64_t push_string(uint64_t *sp, const char *text)
{
	return push_bytes(sp, text, strlen(text) + 1);
}

static void push_word(uint64_t *at, uint64_t word)
{
	put(*at, &word, sizeof(word));
	*at += sizeof(word);
}

/* Strings one after the other at *text, their addresses and a 0 at *at; both advance. */
static void put_strings(uint64_t *at, uint64_t *text, const uint32_t *strings, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		const char *s = boot_string(strings[i]);
		uint64_t len = strlen(s) + 1;
		put(*text, s, len);
		push_word(at, *text);
		*text += len;
	}
	push_word(at, 0);
}

static uint64_t bytes_of(const uint32_t *strings, uint32_t count)
{
	uint64_t bytes = 0;
	for (uint32_t i = 0; i < count; i++)
		bytes += strlen(boot_string(strings[i])) + 1;
	return bytes;
}

/*
 * argc, argv, envp and the auxiliary vector, as the ABI has them at the program's entry: the stack
 * pointer.
 */
static uint64_t make_stack(const struct loader *l)
{
	const struct mote_boot *b = process.boot;
	const uint32_t *argv = (const void *)boot_string(b->argv),
		       *envv = (const void *)boot_string(b->envv);
	uint64_t sp = LINUX_STACK_TOP - 16, hwcap[2];
	uint64_t random = push_bytes(&sp, b->random, 16);
	uint64_t path = push_string(&sp, boot_string(b->payload_path)),
		 platform = push_string(&sp, arch_platform());
	arch_hardware_features(hwcap);
	const uint64_t aux[][2] = {
		{AT_PHDR, l->headers},
		{AT_PHENT, sizeof(Elf64_Phdr)},
		{AT_PHNUM, l->header.e_phnum},
		{AT_PAGESZ, MOTE_PAGE},
		{AT_ENTRY, l->bias + l->header.e_entry},
		{AT_UID, b->uid},
		{AT_EUID, b->uid},
		{AT_GID, b->gid},
		{AT_EGID, b->gid},
		{AT_SECURE, 0},
		{AT_RANDOM, random},
		{AT_EXECFN, path},
		{AT_PLATFORM, platform},
		{AT_CLKTCK, CLOCK_TICKS},
		{AT_HWCAP, hwcap[0]},
		{AT_HWCAP2, hwcap[1]},
		{AT_BASE, 0},
		{AT_FLAGS, 0},
		{AT_MINSIGSTKSZ, SIGNAL_FRAME_MAX},
		{AT_NULL, 0},
	};
	uint64_t text = (sp - bytes_of(argv, b->argc) - bytes_of(envv, b->envc)) & ~15UL;
	uint64_t words = 1 + (b->argc + 1UL) + (b->envc + 1UL);
	uint64_t stack = (text - words * 8 - sizeof(aux)) & ~15UL, at = stack;
	if (text > sp || stack > text)
		refuse("its arguments and environment are larger than its stack");
	push_word(&at, b->argc);
	put_strings(&at, &text, argv, b->argc);
	put_strings(&at, &text, envv, b->envc);
	put(at, aux, sizeof(aux));
	return stack;
}

/* --- the whole --- */

/* Where a segment has the program headers in memory; 0 if it does not. */
static uint64_t headers_in(const struct loader *l, const Elf64_Phdr *ph)
{
	uint64_t at = l->header.e_phoff;
	if (at < ph->p_offset || at - ph->p_offset >= ph->p_filesz)
		return 0;
	return l->bias + ph->p_vaddr + (at - ph->p_offset);
}

/* Takes over one program header, and asks for what is to be mapped. */
static void add_segment(struct loader *l, unsigned index)
{
	Elf64_Phdr *ph = &l->loads[l->load_count];
	memcpy(ph, l->file + l->header.e_phoff + index * sizeof(*ph), sizeof(*ph));
	if (ph->p_type == PT_INTERP)
		refuse("it is dynamically linked; Mote runs static programs: link it with -static");
	if (ph->p_type != PT_LOAD || ph->p_memsz == 0)
		return;
	check_segment(l, ph);
	map_segment(l, ph);
	uint64_t end = l->bias + ph->p_vaddr + ph->p_memsz, headers = headers_in(l, ph);
	if (end > l->end)
		l->end = end;
	if (headers)
		l->headers = headers;
	l->load_count++;
}

static void map_program(struct loader *l)
{
	const uint32_t prot = MOTE_PROT_READ | MOTE_PROT_WRITE;
	for (unsigned i = 0; i < l->header.e_phnum; i++)
		add_segment(l, i);
	if (l->end == 0)
		refuse("it has nothing to load");
	if (l->header.e_entry >= LINUX_MMAP_TOP - l->bias)
		refuse("its entry point is at an address that no program can have");
	process.stack_low = LINUX_STACK_TOP - LINUX_STACK_STEP;
	want(l, process.stack_low, LINUX_STACK_STEP, MOTE_MAP_ZEROED, prot);
	want(l, LINUX_FAULT_STACK, LINUX_FAULT_STACK_BYTES, MOTE_MAP_ZEROED, prot);
	map_wanted(l);
	for (unsigned i = 0; i < l->load_count; i++)
		fill_segment(l, &l->loads[i]);
	process.brk_start = process.brk = process.brk_mapped = page_up(l->end);
}

struct loaded_program load_program(const uint8_t *file, uint64_t bytes)
{
	struct loader l = {.file = file, .bytes = bytes};
	check_header(&l);
	if (l.header.e_type == ET_DYN)
		l.bias = LINUX_PIE_BASE;
	map_program(&l);
	return (struct loaded_program){.entry = l.bias + l.header.e_entry, .stack = make_stack(&l)};
}
