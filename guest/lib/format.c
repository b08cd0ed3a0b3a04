/* SPDX-License-Identifier: Apache-2.0 */
/* Bounded formatting: a small part of printf. */
#include "guest/lib/lib.h"

struct out {
	char *to;
	size_t room, len;
};

static void put(struct out *o, char c)
{
	if (o->len + 1 < o->room)
		o->to[o->len++] = c;
}

static void put_number(struct out *o, uint64_t v, unsigned base, bool minus, unsigned width, bool zeros)
{
	char digits[20];
	unsigned n = 0;
	do {
		digits[n++] = "0123456789abcdef"[v % base];
		v /= base;
	} while (v);
	unsigned len = n + minus;
	if (minus && zeros)
		put(o, '-');
	for (; width > len; width--)
		put(o, zeros ? '0' : ' ');
	if (minus && !zeros)
		put(o, '-');
	while (n)
		put(o, digits[--n]);
}

/* One conversion, from behind its '%'. Returns where the format goes on. */
static const char *convert(struct out *o, const char *f, va_list *ap)
{
	bool zeros = *f == '0', wide = false;
	unsigned width = 0;
	size_t limit = SIZE_MAX;
	for (; *f >= '0' && *f <= '9'; f++)
		width = (width * 10 + (unsigned)(*f - '0')) % 100;
	if (f[0] == '.' && f[1] == '*') {
		int n = va_arg(*ap, int);
		limit = n < 0 ? SIZE_MAX : (size_t)n;
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
	case 'd': {
		int64_t v = wide ? va_arg(*ap, int64_t) : va_arg(*ap, int);
		put_number(o, v < 0 ? -(uint64_t)v : (uint64_t)v, 10, v < 0, width, zeros);
		break;
	}
	case 'u':
	case 'x': {
		uint64_t v = wide ? va_arg(*ap, uint64_t) : va_arg(*ap, unsigned);
		put_number(o, v, *f == 'u' ? 10 : 16, false, width, zeros);
		break;
	}
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

size_t lib_vformat(char *to, size_t room, const char *fmt, va_list ap)
{
	struct out o = {.to = to, .room = room};
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

size_t lib_format(char *to, size_t room, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	size_t n = lib_vformat(to, room, fmt, ap);
	va_end(ap);
	return n;
}
