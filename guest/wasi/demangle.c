/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names by libiberty's demanglers, the parts of GCC's library that may be linked into anything (its
 * exception to the LGPL), and the few functions of a C library that they call.
 */
#include "guest/wasi/demangle.h"

#include "guest/lib/lib.h"
#include "guest/wasi/start.h"

#include <libiberty/demangle.h>

enum {
	NAME_MAX_BYTES = 1024, /* the demanglers' stack grows by 80 bytes for each of these */
	MEMORY_BYTES = 16384,
};

/* --- what libiberty takes from a C library --- */

void *malloc(size_t bytes);
void *realloc(void *old, size_t bytes);
void free(void *at);
int __sprintf_chk(char *to, int flag, size_t size, const char *fmt, ...);
int __snprintf_chk(char *to, size_t max, int flag, size_t size, const char *fmt, ...);
_Noreturn void __stack_chk_fail(void);

/* One name's, on the stack of demangle(): it is all free again with the next one. */
static uint8_t *memory;
static size_t memory_used;

struct block {
	_Alignas(16) size_t bytes;
};

void *malloc(size_t bytes)
{
	if (bytes > MEMORY_BYTES || memory_used + sizeof(struct block) + bytes > MEMORY_BYTES)
		return NULL;
	struct block *b = (void *)(memory + memory_used);
	b->bytes = (bytes + 15) & ~(size_t)15;
	memory_used += sizeof(*b) + b->bytes;
	return b + 1;
}

void *realloc(void *old, size_t bytes)
{
	const struct block *b = (const struct block *)old - 1;
	if (old && b->bytes >= bytes)
		return old;
	void *to = malloc(bytes);
	if (old && to)
		memcpy(to, old, b->bytes);
	return to;
}

void free(void *at)
{
	(void)at;
}

int __sprintf_chk(char *to, int flag, size_t size, const char *fmt, ...)
{
	(void)flag;
	va_list ap;
	va_start(ap, fmt);
	const size_t n = lib_vformat(to, size, fmt, ap);
	va_end(ap);
	return (int)n;
}

int __snprintf_chk(char *to, size_t max, int flag, size_t size, const char *fmt, ...)
{
	(void)flag;
	va_list ap;
	va_start(ap, fmt);
	const size_t n = lib_vformat(to, max < size ? max : size, fmt, ap);
	va_end(ap);
	return (int)n;
}

_Noreturn void __stack_chk_fail(void)
{
	__builtin_trap(); /* a fault, which the report of a trap expects */
}

/* --- names --- */

struct text {
	char *to;
	size_t size, used;
};

/* A piece of the name; what does not fit is cut. */
static void add_piece(const char *piece, size_t bytes, void *opaque)
{
	struct text *t = opaque;
	if (bytes > t->size - t->used)
		bytes = t->size - t->used;
	memcpy(t->to + t->used, piece, bytes);
	t->used += bytes;
}

/* Both kinds of Rust's names begin so, and C++'s. */
static bool is_mangled(const char *name)
{
	return strncmp(name, "_Z", 2) == 0 || strncmp(name, "_R", 2) == 0;
}

size_t demangle(const char *name, size_t bytes, char *to, size_t size)
{
	_Alignas(16) uint8_t space[MEMORY_BYTES];
	char mangled[NAME_MAX_BYTES + 1];
	struct text text = {.to = to, .size = size};
	if (bytes <= NAME_MAX_BYTES) {
		memcpy(mangled, name, bytes);
		mangled[bytes] = '\0';
		memory = space;
		memory_used = 0;
		wasi_guard_stack();
		if (is_mangled(mangled) &&
		    (rust_demangle_callback(mangled, 0, add_piece, &text) ||
		     cplus_demangle_v3_callback(mangled, DMGL_PARAMS | DMGL_ANSI, add_piece,
						&text)) &&
		    text.used)
			return text.used;
	}
	text.used = 0;
	add_piece(name, bytes, &text);
	return text.used;
}
