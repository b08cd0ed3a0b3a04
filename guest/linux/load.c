/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loading the program (ELF-64 object file format; System V ABI, AMD64 supplement, 3.4). The image decides
 * every byte of the file: offsets and sizes are checked against it, and what does not fit is refused by a
 * sentence on descriptor 2 and status 126.
 */
#include "guest/linux/linux.h"

#include <elf.h>

enum { SEGMENTS_MAX = 64, CANNOT_RUN = 126, HWCAP2_FSGSBASE_ = 2 };
#ifndef AT_MINSIGSTKSZ /* newer than musl's elf.h */
#define AT_MINSIGSTKSZ 51
#endif

static const uint8_t *file;
static uint64_t file_bytes;

_Noreturn static void refuse(const char *why)
{
	lib_error("%s: %s", boot_string(L.boot->payload_path), why);
	mote_exit(L.area, CANNOT_RUN);
	__builtin_unreachable();
}

static uint64_t down(uint64_t v)
{
	return v & ~(uint64_t)(MOTE_PAGE - 1);
}

static uint64_t up(uint64_t v)
{
	return down(v + MOTE_PAGE - 1);
}

static uint32_t prot_of(uint32_t flags)
{
	return (flags & PF_R ? MOTE_PROT_READ : 0) | (flags & PF_W ? MOTE_PROT_WRITE : 0) |
	       (flags & PF_X ? MOTE_PROT_EXEC : 0);
}

static void must_map(int64_t rc)
{
	if (rc == -E_NOMEM)
		refuse("the memory limit is too small for it");
	if (rc == -E_EXIST)
		refuse("its segments overlap");
	if (rc < 0)
		refuse("its segments are at addresses that no program can have");
}

static void put(uint64_t to, const void *from, uint64_t bytes)
{
	if (put_user(to, from, bytes) < 0)
		refuse("its arguments and environment are larger than its stack");
}

/* --- mappings: all of them by one host call, where they are few --- */

static struct mote_mapping wanted[16];
static unsigned wanted_count;

static void map_wanted(void)
{
	int64_t rc = wanted_count ? mote_mem_map_many(L.area, wanted, wanted_count * sizeof(wanted[0])) : 0;
	wanted_count = 0;
	must_map(rc);
}

static void want(uint64_t at, uint64_t bytes, uint64_t from, uint32_t prot)
{
	if (wanted_count == sizeof(wanted) / sizeof(wanted[0]))
		map_wanted();
	wanted[wanted_count++] = (struct mote_mapping){.addr = at, .bytes = bytes, .from = from, .prot = prot};
}

/*
 * Whole pages that lie in the file are mapped from it; the first and last page of a segment may hold bytes
 * that are not its own, and a writable one needs its zeroes, so those are copied: from `mapped` on.
 */
struct segment {
	uint64_t start, in_file, first, mapped, last;
	uint32_t prot;
};

static struct segment segment_of(const Elf64_Phdr *ph, uint64_t bias)
{
	uint64_t start = bias + ph->p_vaddr, in_file = start + ph->p_filesz, first = down(start);
	bool congruent = (start - ph->p_offset) % MOTE_PAGE == 0, writable = ph->p_flags & PF_W;
	uint64_t mapped = congruent ? (writable ? down(in_file) : up(in_file)) : first;
	return (struct segment){
		.start = start,
		.in_file = in_file,
		.first = first,
		.mapped = mapped < first ? first : mapped,
		.last = up(start + ph->p_memsz),
		.prot = prot_of(ph->p_flags),
	};
}

static void map_segment(const Elf64_Phdr *ph, uint64_t bias)
{
	struct segment s = segment_of(ph, bias);
	if (s.prot && s.mapped > s.first)
		want(s.first, s.mapped - s.first, down(ph->p_offset), s.prot);
	if (s.prot && s.last != s.mapped)
		want(s.mapped, s.last - s.mapped, MOTE_MAP_ZEROED, MOTE_PROT_READ | MOTE_PROT_WRITE);
}

static void fill_segment(const Elf64_Phdr *ph, uint64_t bias)
{
	struct segment s = segment_of(ph, bias);
	if (!s.prot || s.last == s.mapped)
		return;
	uint64_t from = s.mapped > s.start ? s.mapped : s.start;
	if (from < s.in_file)
		put(from, file + ph->p_offset + (from - s.start), s.in_file - from);
	if (s.prot != (MOTE_PROT_READ | MOTE_PROT_WRITE))
		must_map(mote_mem_protect(L.area, s.mapped, s.last - s.mapped, s.prot));
}

static void check_header(Elf64_Ehdr *eh)
{
	if (file_bytes < sizeof(*eh) || memcmp(file, ELFMAG, SELFMAG) != 0)
		refuse("it is no ELF file");
	memcpy(eh, file, sizeof(*eh));
	if (eh->e_ident[EI_CLASS] != ELFCLASS64 || eh->e_machine != EM_X86_64 || eh->e_ident[EI_DATA] != ELFDATA2LSB)
		refuse("it is an ELF file for another machine; Mote runs programs for x86-64");
	if (eh->e_type != ET_EXEC && eh->e_type != ET_DYN)
		refuse("it is an ELF file, but no program");
	if (eh->e_phentsize != sizeof(Elf64_Phdr) || eh->e_phnum == 0 || eh->e_phnum > SEGMENTS_MAX)
		refuse("its program headers are damaged");
	if (eh->e_phoff > file_bytes || eh->e_phnum * sizeof(Elf64_Phdr) > file_bytes - eh->e_phoff)
		refuse("it is truncated: its program headers are past its end");
}

static void check_segment(const Elf64_Phdr *ph, uint64_t bias)
{
	uint64_t end;
	if (ph->p_offset > file_bytes || ph->p_filesz > file_bytes - ph->p_offset)
		refuse("it is truncated: a segment is past its end");
	if (ph->p_filesz > ph->p_memsz || __builtin_add_overflow(ph->p_vaddr, ph->p_memsz, &end) || end > LINUX_MMAP_TOP)
		refuse("its segments are damaged");
	if (down(bias + ph->p_vaddr) < MOTE_WINDOW_END && up(bias + end) > MOTE_WINDOW)
		refuse("its segments are at addresses that no program can have");
	if ((ph->p_flags & PF_W) && (ph->p_flags & PF_X))
		refuse("a segment is both writable and executable, which Mote does not allow");
}

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

/* Strings one after the other at *text, their addresses and a 0 at *at; both move on. */
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

/* As Linux has it: the feature bits of CPUID's first leaf. */
static uint32_t hardware_features(void)
{
	uint32_t a = 1, b, c = 0, d;
	__asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
	return d;
}

/* argc, argv, envp and the auxiliary vector, as the ABI has them at the program's entry. */
static uint64_t make_stack(const Elf64_Ehdr *eh, uint64_t entry, uint64_t phdrs)
{
	const struct mote_boot *b = L.boot;
	const uint32_t *argv = (const void *)boot_string(b->argv), *envv = (const void *)boot_string(b->envv);
	uint64_t sp = LINUX_STACK_TOP - 16;
	uint64_t random = push_bytes(&sp, b->random, 16);
	uint64_t name = push_string(&sp, boot_string(b->payload_path)), platform = push_string(&sp, "x86_64");
	const uint64_t aux[][2] = {
		{AT_PHDR, phdrs}, {AT_PHENT, sizeof(Elf64_Phdr)}, {AT_PHNUM, eh->e_phnum}, {AT_PAGESZ, MOTE_PAGE},
		{AT_ENTRY, entry}, {AT_UID, b->uid}, {AT_EUID, b->uid}, {AT_GID, b->gid}, {AT_EGID, b->gid},
		{AT_SECURE, 0}, {AT_RANDOM, random}, {AT_EXECFN, name}, {AT_PLATFORM, platform}, {AT_CLKTCK, 100},
		{AT_HWCAP, hardware_features()}, {AT_HWCAP2, HWCAP2_FSGSBASE_}, {AT_BASE, 0}, {AT_FLAGS, 0},
		{AT_MINSIGSTKSZ, SIGNAL_FRAME_BYTES}, {AT_NULL, 0},
	};
	uint64_t text = (sp - bytes_of(argv, b->argc) - bytes_of(envv, b->envc)) & ~15UL;
	uint64_t words = 1 + (b->argc + 1UL) + (b->envc + 1UL);
	uint64_t rsp = (text - words * 8 - sizeof(aux)) & ~15UL, at = rsp;
	if (text > sp || rsp > text)
		refuse("its arguments and environment are larger than its stack");
	push_word(&at, b->argc);
	put_strings(&at, &text, argv, b->argc);
	put_strings(&at, &text, envv, b->envc);
	put(at, aux, sizeof(aux));
	return rsp;
}

/* Where the program headers are in memory, for AT_PHDR; 0 while no segment has them. */
static uint64_t headers_in(const Elf64_Ehdr *eh, const Elf64_Phdr *ph, uint64_t bias)
{
	bool inside = eh->e_phoff >= ph->p_offset && eh->e_phoff - ph->p_offset < ph->p_filesz;
	return inside ? bias + ph->p_vaddr + (eh->e_phoff - ph->p_offset) : 0;
}

void load_program(const uint8_t *bytes, uint64_t len, uint64_t *rip, uint64_t *rsp)
{
	Elf64_Ehdr eh;
	file = bytes;
	file_bytes = len;
	check_header(&eh);
	Elf64_Phdr loads[SEGMENTS_MAX]; /* copied: they need not be aligned, nor stay as they are */
	uint64_t bias = eh.e_type == ET_DYN ? LINUX_PIE_BASE : 0, end = 0, phdrs = 0;
	unsigned count = 0;
	for (unsigned i = 0; i < eh.e_phnum; i++) {
		Elf64_Phdr *ph = &loads[count];
		memcpy(ph, file + eh.e_phoff + i * sizeof(*ph), sizeof(*ph));
		if (ph->p_type == PT_INTERP)
			refuse("it is dynamically linked; Mote runs static programs: link it with -static");
		if (ph->p_type != PT_LOAD || ph->p_memsz == 0)
			continue;
		check_segment(ph, bias);
		map_segment(ph, bias);
		if (bias + ph->p_vaddr + ph->p_memsz > end)
			end = bias + ph->p_vaddr + ph->p_memsz;
		phdrs = headers_in(&eh, ph, bias) ?: phdrs;
		count++;
	}
	if (end == 0)
		refuse("it has nothing to load");
	if (eh.e_entry >= LINUX_MMAP_TOP - bias)
		refuse("its entry point is at an address that no program can have");
	L.stack_low = LINUX_STACK_TOP - LINUX_STACK_STEP;
	want(L.stack_low, LINUX_STACK_STEP, MOTE_MAP_ZEROED, MOTE_PROT_READ | MOTE_PROT_WRITE);
	want(LINUX_FAULT_STACK, LINUX_FAULT_STACK_BYTES, MOTE_MAP_ZEROED, MOTE_PROT_READ | MOTE_PROT_WRITE);
	map_wanted();
	for (unsigned i = 0; i < count; i++)
		fill_segment(&loads[i], bias);
	L.brk_start = L.brk = L.brk_mapped = up(end);
	*rip = bias + eh.e_entry;
	*rsp = make_stack(&eh, *rip, phdrs);
}
