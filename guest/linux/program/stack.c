/* SPDX-License-Identifier: Apache-2.0 */
/* System V ABI, 3.4.1 of the processor's supplement; getauxval(3). */
#include "guest/linux/program/stack.h"

#include "guest/linux/mm/layout.h"
#include "guest/linux/syscall.h"
#include "guest/linux/task/credentials.h"

#include <linux/auxvec.h>

enum { CLOCK_TICKS = 100, AUX_MAX = 20, GAP = 16 };

/* Where each part is, from the stack pointer up. */
struct places {
	uint64_t words, strings, platform, name, random;
};

static uint64_t bytes_of(const struct string_list *l)
{
	uint64_t bytes = 0;
	for (uint32_t i = 0; i < l->count; i++)
		bytes += strlen(l->base + l->offset[i]) + 1;
	return bytes;
}

static struct places places_of(const struct stack_content *s)
{
	const uint64_t words = 1 + (s->argv.count + 1UL) + (s->envv.count + 1UL) + 2 * AUX_MAX;
	struct places p;
	p.random = LINUX_STACK_TOP - GAP - sizeof(s->random);
	p.name = p.random - (strlen(s->name) + 1);
	p.platform = p.name - (strlen(arch_platform()) + 1);
	p.strings = (p.platform - bytes_of(&s->argv) - bytes_of(&s->envv)) & ~15UL;
	p.words = (p.strings - words * sizeof(uint64_t)) & ~15UL;
	return p;
}

uint64_t stack_bytes(const struct stack_content *s)
{
	return LINUX_STACK_TOP - places_of(s).words;
}

static int put_string(uint64_t to, const char *text)
{
	return put_user(to, text, strlen(text) + 1);
}

static int put_word(uint64_t *at, uint64_t word)
{
	*at += sizeof(word);
	return put_user(*at - sizeof(word), &word, sizeof(word));
}

/* Strings one after the other at *text, their addresses and a 0 at *at; both advance. */
static int put_strings(uint64_t *at, uint64_t *text, const struct string_list *l)
{
	for (uint32_t i = 0; i < l->count; i++) {
		const char *s = l->base + l->offset[i];
		if (put_string(*text, s) < 0 || put_word(at, *text) < 0)
			return -EFAULT;
		*text += strlen(s) + 1;
	}
	return put_word(at, 0);
}

static int put_vector(uint64_t at, const struct places *where, const struct elf_program *p)
{
	const struct credentials *c = &process.credentials;
	uint64_t hwcap[2];
	arch_hardware_features(hwcap);
	const uint64_t vector[AUX_MAX][2] = {
		{AT_PHDR, p->headers},
		{AT_PHENT, sizeof(Elf64_Phdr)},
		{AT_PHNUM, p->header.e_phnum},
		{AT_PAGESZ, MOTE_PAGE},
		{AT_ENTRY, p->bias + p->header.e_entry},
		{AT_UID, c->uid[ID_REAL]},
		{AT_EUID, c->uid[ID_EFFECTIVE]},
		{AT_GID, c->gid[ID_REAL]},
		{AT_EGID, c->gid[ID_EFFECTIVE]},
		{AT_SECURE, credentials_secure()},
		{AT_RANDOM, where->random},
		{AT_EXECFN, where->name},
		{AT_PLATFORM, where->platform},
		{AT_CLKTCK, CLOCK_TICKS},
		{AT_HWCAP, hwcap[0]},
		{AT_HWCAP2, hwcap[1]},
		{AT_BASE, 0},
		{AT_FLAGS, 0},
		{AT_MINSIGSTKSZ, SIGNAL_FRAME_MAX},
		{AT_NULL, 0},
	};
	return put_user(at, vector, sizeof(vector));
}

int64_t stack_write(const struct stack_content *s, const struct elf_program *p)
{
	const struct places where = places_of(s);
	uint64_t at = where.words, text = where.strings;
	if (put_user(where.random, s->random, sizeof(s->random)) < 0 ||
	    put_string(where.name, s->name) < 0 ||
	    put_string(where.platform, arch_platform()) < 0 || put_word(&at, s->argv.count) < 0)
		return -EFAULT;
	struct program_text *t = &process.text;
	t->arguments = text;
	if (put_strings(&at, &text, &s->argv) < 0)
		return -EFAULT;
	t->environment = text;
	if (put_strings(&at, &text, &s->envv) < 0 || put_vector(at, &where, p) < 0)
		return -EFAULT;
	t->end = text;
	t->vector = at;
	t->vector_end = at + 2 * AUX_MAX * sizeof(uint64_t);
	return (int64_t)where.words;
}
