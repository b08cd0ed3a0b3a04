/* SPDX-License-Identifier: Apache-2.0 */
/* The first bytes of a program. Whoever made the file controls them. */
#include "base/program.h"

#include <elf.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#define WHAT_RUNS "Mote runs WebAssembly modules and static x86-64 ELF programs"

static bool begins_with(const char *head, size_t n, const char *magic, size_t len)
{
	return n >= len && memcmp(head, magic, len) == 0;
}

static bool is_text(const char *head, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)head[i] < ' ' && !strchr("\t\n\r\f\033", head[i]))
			return false;
	return true;
}

/* What is most often taken for a program. */
static const char *describe(const char *head, size_t n)
{
	static const struct {
		const char *magic, *what;
	} known[] = {
		{"MZ", "is a program for Windows"},
		{"\xcf\xfa\xed\xfe", "is a program for macOS"},
		{"\x1f\x8b", "is compressed with gzip"},
		{"(module", "is a WebAssembly module's text, which wat2wasm translates"},
	};
	if (n == 0)
		return "is empty";
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (begins_with(head, n, known[i].magic, strlen(known[i].magic)))
			return known[i].what;
	if (is_text(head, n))
		return "is a text file";
	return "is neither a WebAssembly module nor an ELF program";
}

/* More headers than a program has (the guest takes no more). */
enum { ELF_HEADERS_MAX = 64 };

bool program_is_dynamic(int fd)
{
	Elf64_Ehdr head;
	if (pread(fd, &head, sizeof(head), 0) != sizeof(head) ||
	    head.e_phentsize != sizeof(Elf64_Phdr) || head.e_phoff > INT64_MAX / 2)
		return false;
	for (unsigned i = 0; i < head.e_phnum && i < ELF_HEADERS_MAX; i++) {
		Elf64_Phdr segment;
		off_t at = (off_t)(head.e_phoff + i * sizeof(segment));
		if (pread(fd, &segment, sizeof(segment), at) != sizeof(segment))
			return false;
		if (segment.p_type == PT_INTERP)
			return true;
	}
	return false;
}

int program_identify(int fd, const char *name, enum program_kind *out, struct err *e)
{
	char head[128];
	ssize_t got = pread(fd, head, sizeof(head) - 1, 0);
	if (got < 0 && errno == EISDIR)
		return err_set(e, ERR_CONFIG, EACCES, "%.200s is a directory", name);
	if (got < 0)
		return err_sys(e, errno, "%.200s", name);
	size_t n = (size_t)got;
	head[n] = '\0';
	if (begins_with(head, n, "\0asm", 4)) {
		*out = PROGRAM_WASM;
		return 0;
	}
	if (begins_with(head, n, "\177ELF", 4)) {
		*out = PROGRAM_ELF;
		return 0;
	}
	if (begins_with(head, n, "#!", 2)) {
		*out = PROGRAM_SCRIPT;
		return 0;
	}
	return err_set(e, ERR_CONFIG, ENOEXEC, "%.200s %s; " WHAT_RUNS, name, describe(head, n));
}
