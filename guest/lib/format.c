/* SPDX-License-Identifier: Apache-2.0 */
/* Bounded formatting: a small part of printf. */
#include "guest/lib/lib.h"

struct out {
	char *to;
	size_t capacity, len;
};

static void put(struct out *o, char c)
{
	if (o->len + 1 < o->capacity)
		o->to[o->len++] = c;
}

static void put_number(struct out *o, uint64_t v, unsigned base, bool minus, unsigned width,
		       bool zeros)
{
	char digits[20];
	unsigned n = 0;
	do {
		digits[n++] = "0123456789abcdef"[v % base];
		v /= base;
	} while (v);
	unsigned len = n + minus;
	char pad = ' ';
	if (zeros)
		pad = '0';
	if (minus && zeros)
		put(o, '-');
	for (; width > len; width--)
		put(o, pad);
	if (minus && !zeros)
		put(o, '-');
	while (n)
		put(o, digits[--n]);
}

static void put_signed(struct out *o, int64_t v, unsigned width, bool zeros)
{
	if (v < 0)
		put_number(o, -(uint64_t)v, 10, true, width, zeros);
	else
		put_number(o, (uint64_t)v, 10, false, width, zeros);
}

static int64_t take_signed(va_list *ap, bool wide)
{
	if (wide)
		return va_arg(*ap, int64_t);
	return va_arg(*ap, int);
}

static uint64_t take_unsigned(va_list *ap, bool wide)
{
	if (wide)
		return va_arg(*ap, uint64_t);
	return va_arg(*ap, unsigned);
}

/* Formats one conversion specifier, given behind its '%'. Returns the rest of the format. */
static const char *convert(struct out *o, const char *f, va_list *ap)
{
	bool zeros = *f == '0', wide = false;
	unsigned width = 0;
	size_t limit = SIZE_MAX;
	for (; *f >= '0' && *f <= '9'; f++)
		width = (width * 10 + (unsigned)(*f - '0')) % 100;
	if (f[0] == '.' && f[1] == '*') {
		const int n = va_arg(*ap, int);
		if (n >= 0)
			limit = (size_t)n;
		f += 2;
	}
	for (; *f == 'l' || *f == 'z'; f++)
		wide = true;
	switch (*f) {
	case 's':
		for (const char *s = va_arg(*ap, const char *); limit && *s; s++, limit--)
			put(o, *s);
		break;
	case 'c':
		put(o, (char)va_arg(*ap, int));
		break;
	case 'd':
		put_signed(o, take_signed(ap, wide), width, zeros);
		break;
	case 'u':
		put_number(o, take_unsigned(ap, wide), 10, false, width, zeros);
		break;
	case 'x':
		put_number(o, take_unsigned(ap, wide), 16, false, width, zeros);
		break;
	case 'p':
		put(o, '0');
		put(o, 'x');
		put_number(o, (uintptr_t)va_arg(*ap, void *), 16, false, 0, false);
		break;
	case '\0':
		return f;
	default:
		put(o, *f);
	}
	return f + 1;
}

size_t lib_vformat(char *to, size_t capacity, const char *fmt, va_list ap)
{
	struct out o = {.to = to, .capacity = capacity};
	va_list args;
	va_copy(args, ap);
	while (*fmt) {
		if (*fmt == '%')
			fmt = convert(&o, fmt + 1, &args);
		else
			put(&o, *fmt++);
	}
	va_end(args);
	to[o.len] = '\0';
	return o.len;
}

size_t lib_format(char *to, size_t capacity, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	size_t n = lib_vformat(to, capacity, fmt, ap);
	va_end(ap);
	return n;
}
