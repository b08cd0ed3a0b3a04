/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loading the program (ELF-64 object file format; System V ABI, AMD64 supplement, 3.4). The image decides
 * every byte of the file: offsets and sizes are checked against it, and what does not fit is refused by a
 * sentence on descriptor 2 and status 126.
 */
#include "guest/linux/linux.h"

#include <elf.h>

enum { SEGMENTS_MAX = 64, AUX_MAX = 24, CANNOT_RUN = 126 };

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

/*
 * Whole pages that lie in the file are mapped from it; the first and last page of a segment may hold bytes
 * that are not its own, and a writable one needs its zeroes, so those are copied.
 */
static void map_segment(const Elf64_Phdr *ph, uint64_t bias)
{
	uint64_t start = bias + ph->p_vaddr, in_file = start + ph->p_filesz, end = start + ph->p_memsz;
	uint64_t first = down(start), last = up(end);
	uint32_t prot = prot_of(ph->p_flags);
	bool congruent = (start - ph->p_offset) % MOTE_PAGE == 0, writable = ph->p_flags & PF_W;
	if (!prot)
		return;
	uint64_t mapped = congruent ? (writable ? down(in_file) : up(in_file)) : first;
	if (mapped < first)
		mapped = first;
	if (mapped > first)
		must_map(mote_mem_map_payload(L.area, first, mapped - first, down(ph->p_offset), prot));
	if (last == mapped)
		return;
	must_map(mote_mem_map(L.area, mapped, last - mapped, MOTE_PROT_READ | MOTE_PROT_WRITE));
	uint64_t from = mapped > start ? mapped : start;
	if (from < in_file)
		memcpy((void *)from, file + ph->p_offset + (from - start), in_file - from);
	if (prot != (MOTE_PROT_READ | MOTE_PROT_WRITE))
		must_map(mote_mem_protect(L.area, mapped, last - mapped, prot));
}

static void check_header(const Elf64_Ehdr *eh)
{
	if (file_bytes < sizeof(*eh) || memcmp(eh->e_ident, ELFMAG, SELFMAG) != 0)
		refuse("it is no ELF file");
	if (eh->e_ident[EI_CLASS] != ELFCLASS64 || eh->e_machine != EM_X86_64 || eh->e_ident[EI_DATA] != ELFDATA2LSB)
		refuse("it is an ELF file for another machine; Mote runs programs for x86-64");
	if (eh->e_type != ET_EXEC && eh->e_type != ET_DYN)
		refuse("it is an ELF file, but no program");
	if (eh->e_phentsize != sizeof(Elf64_Phdr) || eh->e_phnum == 0 || eh->e_phnum > SEGMENTS_MAX)
		refuse("its program headers are damaged");
	if (eh->e_phoff > file_bytes || eh->e_phnum * sizeof(Elf64_Phdr) > file_bytes - eh->e_phoff)
		refuse("it is truncated: its program headers are past its end");
}

static void check_segment(const Elf64_Phdr *ph)
{
	uint64_t end;
	if (ph->p_offset > file_bytes || ph->p_filesz > file_bytes - ph->p_offset)
		refuse("it is truncated: a segment is past its end");
	if (ph->p_filesz > ph->p_memsz || __builtin_add_overflow(ph->p_vaddr, ph->p_memsz, &end) || end > LINUX_MMAP_TOP)
		refuse("its segments are damaged");
	if ((ph->p_flags & PF_W) && (ph->p_flags & PF_X))
		refuse("a segment is both writable and executable, which Mote does not allow");
}

struct stack {
	uint64_t at; /* grows down */
};

static uint64_t push_bytes(struct stack *s, const void *bytes, uint64_t len)
{
	s->at -= len;
	memcpy((void *)s->at, bytes, len);
	return s->at;
}

static uint64_t push_string(struct stack *s, const char *text)
{
	return push_bytes(s, text, strlen(text) + 1);
}

/* argc, argv, envp and the auxiliary vector, as the ABI has them at the program's entry. */
static uint64_t make_stack(const Elf64_Ehdr *eh, uint64_t entry, uint64_t phdrs)
{
	const struct mote_boot *b = L.boot;
	const uint32_t *argv = (const void *)boot_string(b->argv), *envv = (const void *)boot_string(b->envv);
	must_map(mote_mem_map(L.area, LINUX_STACK_TOP - LINUX_STACK_BYTES, LINUX_STACK_BYTES,
			      MOTE_PROT_READ | MOTE_PROT_WRITE));
	struct stack s = {.at = LINUX_STACK_TOP - 16};
	uint64_t random = push_bytes(&s, b->random, 16);
	uint64_t name = push_string(&s, boot_string(b->payload_path)), platform = push_string(&s, "x86_64");
	uint64_t words = 1 + b->argc + 1 + b->envc + 1 + 2 * AUX_MAX;
	uint64_t strings = 0;
	for (uint32_t i = 0; i < b->argc; i++)
		strings += strlen(boot_string(argv[i])) + 1;
	for (uint32_t i = 0; i < b->envc; i++)
		strings += strlen(boot_string(envv[i])) + 1;
	s.at = (s.at - strings) & ~15UL;
	uint64_t text = s.at, rsp = (s.at - words * 8) & ~15UL, *w = (uint64_t *)rsp;
	*w++ = b->argc;
	for (uint32_t i = 0; i < b->argc + b->envc; i++) {
		const char *from = boot_string(i < b->argc ? argv[i] : envv[i - b->argc]);
		uint64_t len = strlen(from) + 1;
		if (i == b->argc)
			*w++ = 0;
		memcpy((void *)text, from, len);
		*w++ = text;
		text += len;
	}
	if (b->envc == 0)
		*w++ = 0;
	*w++ = 0;
	const uint64_t aux[][2] = {
		{AT_PHDR, phdrs}, {AT_PHENT, sizeof(Elf64_Phdr)}, {AT_PHNUM, eh->e_phnum}, {AT_PAGESZ, MOTE_PAGE},
		{AT_ENTRY, entry}, {AT_UID, b->uid}, {AT_EUID, b->uid}, {AT_GID, b->gid}, {AT_EGID, b->gid},
		{AT_SECURE, 0}, {AT_RANDOM, random}, {AT_EXECFN, name}, {AT_PLATFORM, platform}, {AT_CLKTCK, 100},
		{AT_HWCAP, 0}, {AT_HWCAP2, 2 /* FSGSBASE */}, {AT_BASE, 0}, {AT_FLAGS, 0}, {AT_NULL, 0},
	};
	memcpy(w, aux, sizeof(aux));
	return rsp;
}

void load_program(uint64_t *rip, uint64_t *rsp)
{
	file = (const uint8_t *)MOTE_PAYLOAD_VA;
	file_bytes = L.boot->payload_bytes;
	const Elf64_Ehdr *eh = (const void *)file;
	check_header(eh);
	const Elf64_Phdr *ph = (const void *)(file + eh->e_phoff);
	uint64_t bias = eh->e_type == ET_DYN ? LINUX_PIE_BASE : 0, end = 0, phdrs = 0;
	for (unsigned i = 0; i < eh->e_phnum; i++) {
		if (ph[i].p_type == PT_INTERP)
			refuse("it is dynamically linked; Mote runs static programs: link it with -static");
		if (ph[i].p_type != PT_LOAD || ph[i].p_memsz == 0)
			continue;
		check_segment(&ph[i]);
		map_segment(&ph[i], bias);
		if (bias + ph[i].p_vaddr + ph[i].p_memsz > end)
			end = bias + ph[i].p_vaddr + ph[i].p_memsz;
		if (eh->e_phoff >= ph[i].p_offset && eh->e_phoff - ph[i].p_offset < ph[i].p_filesz)
			phdrs = bias + ph[i].p_vaddr + (eh->e_phoff - ph[i].p_offset);
	}
	if (end == 0)
		refuse("it has nothing to load");
	L.brk_start = L.brk = L.brk_mapped = up(end);
	*rip = bias + eh->e_entry;
	*rsp = make_stack(eh, *rip, phdrs);
}
