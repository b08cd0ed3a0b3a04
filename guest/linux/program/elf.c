/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading a program's file (ELF-64 object file format; System V ABI, 3.4 of the processor's
 * supplement). The image decides every byte of it: offsets and sizes are checked against the file.
 */
#include "guest/linux/program/elf.h"

#include "guest/linux/mm/layout.h"
#include "guest/linux/state.h"

static int64_t refused(const char **why, int64_t error, const char *sentence)
{
	*why = sentence;
	return error;
}

static int64_t refused_machine(const char **why)
{
	static char sentence[96];
	lib_format(sentence, sizeof(sentence),
		   "it is an ELF file for another machine; Mote runs programs for %s here",
		   arch_platform());
	return refused(why, -ENOEXEC, sentence);
}

static int64_t check_header(struct elf_program *p, const struct program_file *f, const char **why)
{
	Elf64_Ehdr *eh = &p->header;
	if (program_file_read(f, 0, eh, sizeof(*eh)) < 0 ||
	    memcmp(eh->e_ident, ELFMAG, SELFMAG) != 0)
		return refused(why, -ENOEXEC, "it is not an ELF file");
	if (eh->e_ident[EI_CLASS] != ELFCLASS64 || eh->e_ident[EI_DATA] != ELFDATA2LSB ||
	    eh->e_machine != arch_elf_machine())
		return refused_machine(why);
	if (eh->e_type != ET_EXEC && eh->e_type != ET_DYN)
		return refused(why, -ENOEXEC, "it is an ELF file, but not a program");
	if (eh->e_phentsize != sizeof(Elf64_Phdr) || eh->e_phnum == 0 || eh->e_phnum > SEGMENTS_MAX)
		return refused(why, -ENOEXEC, "its program headers are damaged");
	if (eh->e_phoff > f->bytes || eh->e_phnum * sizeof(Elf64_Phdr) > f->bytes - eh->e_phoff)
		return refused(why, -ENOEXEC,
			       "it is truncated: its program headers are past its end");
	return 0;
}

static int64_t check_segment(const struct elf_program *p, const struct program_file *f,
			     const Elf64_Phdr *ph, const char **why)
{
	uint64_t end;
	if (ph->p_offset > f->bytes || ph->p_filesz > f->bytes - ph->p_offset)
		return refused(why, -ENOEXEC, "it is truncated: a segment is past its end");
	if (ph->p_filesz > ph->p_memsz || __builtin_add_overflow(ph->p_vaddr, ph->p_memsz, &end) ||
	    end > LINUX_MMAP_TOP)
		return refused(why, -ENOEXEC, "its segments are damaged");
	if (page_down(p->bias + ph->p_vaddr) < MOTE_WINDOW_END &&
	    page_up(p->bias + end) > MOTE_WINDOW)
		return refused(why, -ENOEXEC,
			       "its segments are at addresses that no program can have");
	if ((ph->p_flags & PF_W) && (ph->p_flags & PF_X))
		return refused(
			why, -EACCES,
			"a segment is both writable and executable, which Mote does not allow");
	return 0;
}

/* Where a segment has the program headers in memory; 0 if it does not. */
static uint64_t headers_in(const struct elf_program *p, const Elf64_Phdr *ph)
{
	uint64_t at = p->header.e_phoff;
	if (at < ph->p_offset || at - ph->p_offset >= ph->p_filesz)
		return 0;
	return p->bias + ph->p_vaddr + (at - ph->p_offset);
}

/* Takes over one program header, if it is of a segment to be loaded. */
static int64_t add_segment(struct elf_program *p, const struct program_file *f, unsigned index,
			   const char **why)
{
	static const char dynamic[] =
		"it is dynamically linked; Mote runs static programs: link it with -static";
	Elf64_Phdr *ph = &p->loads[p->load_count];
	uint64_t at = p->header.e_phoff + index * sizeof(*ph);
	if (program_file_read(f, at, ph, sizeof(*ph)) < 0)
		return refused(why, -ENOEXEC, "its program headers cannot be read");
	if (ph->p_type == PT_INTERP)
		return refused(why, -ELIBACC, dynamic);
	if (ph->p_type == PT_GNU_STACK && (ph->p_flags & PF_X))
		p->stack_exec = MOTE_PROT_EXEC;
	if (ph->p_type != PT_LOAD || ph->p_memsz == 0)
		return 0;
	int64_t rc = check_segment(p, f, ph, why);
	if (rc < 0)
		return rc;
	uint64_t end = p->bias + ph->p_vaddr + ph->p_memsz, headers = headers_in(p, ph);
	if (end > p->end)
		p->end = end;
	if (headers)
		p->headers = headers;
	p->load_count++;
	return 0;
}

int64_t elf_read(struct elf_program *p, const struct program_file *f, const char **why)
{
	p->load_count = 0;
	p->stack_exec = 0;
	p->bias = p->end = p->headers = 0;
	int64_t rc = check_header(p, f, why);
	if (rc < 0)
		return rc;
	if (p->header.e_type == ET_DYN)
		p->bias = LINUX_PIE_BASE;
	for (unsigned i = 0; i < p->header.e_phnum; i++) {
		rc = add_segment(p, f, i, why);
		if (rc < 0)
			return rc;
	}
	if (p->end == 0)
		return refused(why, -ENOEXEC, "it has nothing to load");
	if (p->header.e_entry >= LINUX_MMAP_TOP - p->bias)
		return refused(why, -ENOEXEC,
			       "its entry point is at an address that no program can have");
	return 0;
}
