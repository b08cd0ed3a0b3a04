/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What freestanding guest code takes for granted: memory and string functions, bounded formatting,
 * messages. Shared by the guest runtimes; usable with general registers only.
 */
#ifndef MOTE_GUEST_LIB_H
#define MOTE_GUEST_LIB_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void *memcpy(void *restrict to, const void *restrict from, size_t bytes);
void *memmove(void *to, const void *from, size_t bytes);
void *memset(void *at, int value, size_t bytes);
int memcmp(const void *a, const void *b, size_t bytes);
void *memchr(const void *at, int value, size_t bytes);
size_t strlen(const char *s);
size_t strnlen(const char *s, size_t max);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t max);
char *strchr(const char *s, int c);
char *strrchr(const char *s, int c);

/*
 * Writes a NUL-terminated line of at most capacity - 1 characters (capacity > 0) and returns its
 * length; what does not fit is cut. Knows %s %.*s %c %p %% and d, u, x with l, ll, z, a width and a
 * 0 before it.
 */
size_t lib_vformat(char *to, size_t capacity, const char *fmt, va_list ap);
size_t lib_format(char *to, size_t capacity, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

struct mote_area;
struct mote_time;
/* As mote_clock_get, mostly without leaving the guest. */
int64_t lib_clock_get(struct mote_area *area, uint32_t clock, struct mote_time *to);
/* One line for the operator's log. */
void lib_log(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* One line on descriptor 2 for the user, "mote: " before it and a newline after it. */
void lib_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* A broken invariant of the guest runtime: both of the above, and the guest ends by SIGABRT. */
_Noreturn void lib_panic(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Writes bytes to a descriptor until done or until an error. */
void lib_write(int fd, const void *bytes, size_t len);

#endif
