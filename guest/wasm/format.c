/* SPDX-License-Identifier: Apache-2.0 */
/* Messages, and failures that end in one. */
#include "guest/wasm/format.h"

#include <errno.h>

struct text {
	char *p, *end;
};

static void put(struct text *t, char c)
{
	if (t->p < t->end)
		*t->p++ = c;
}

static void put_number(struct text *t, uint64_t v, unsigned radix)
{
	char digits[24];
	unsigned n = 0;
	do
		digits[n++] = "0123456789abcdef"[v % radix];
	while ((v /= radix) != 0);
	while (n)
		put(t, digits[--n]);
}

static void put_name(struct text *t, const struct wasm_name *name)
{
	for (uint32_t i = 0; i < name->bytes && i < 80; i++) {
		uint8_t c = (uint8_t)name->text[i];
		if (c >= 0x20 && c != 0x7f) {
			put(t, (char)c);
		} else {
			put(t, '\\');
			put(t, 'x');
			put(t, "0123456789abcdef"[c >> 4]);
			put(t, "0123456789abcdef"[c & 15]);
		}
	}
}

void wasm_vformat(char *out, size_t size, const char *f, va_list ap)
{
	struct text t = {out, out + size - 1};
	for (; *f; f++) {
		if (*f != '%') {
			put(&t, *f);
			continue;
		}
		switch (*++f) {
		case 's':
			for (const char *s = va_arg(ap, const char *); *s; s++)
				put(&t, *s);
			break;
		case 'u':
			put_number(&t, va_arg(ap, uint32_t), 10);
			break;
		case 'U':
			put_number(&t, va_arg(ap, uint64_t), 10);
			break;
		case 'x':
			put_number(&t, va_arg(ap, uint32_t), 16);
			break;
		case 'N':
			put_name(&t, va_arg(ap, const struct wasm_name *));
			break;
		}
	}
	*t.p = 0;
}

void wasm_format(char *out, size_t size, const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	wasm_vformat(out, size, format, ap);
	va_end(ap);
}

_Noreturn void wasm_fail(struct failure *fail, enum wasm_error_kind kind, uint64_t offset,
			 const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	wasm_vformat(fail->error->message, sizeof fail->error->message, format, ap);
	va_end(ap);
	fail->error->kind = kind;
	fail->error->offset = offset;
	wasm_jump_to(&fail->jump);
}

int wasm_error_number(enum wasm_error_kind kind)
{
	switch (kind) {
	case WASM_ERROR_MEMORY:
		return -ENOMEM;
	case WASM_ERROR_LIMIT:
		return -E2BIG;
	case WASM_ERROR_UNSUPPORTED:
		return -ENOTSUP;
	case WASM_ERROR_MALFORMED:
	case WASM_ERROR_INVALID:
	case WASM_ERROR_LINK:
	case WASM_ERROR_TRAP:
		break;
	}
	return -EINVAL;
}
