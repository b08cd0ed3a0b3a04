/* SPDX-License-Identifier: Apache-2.0 */
/* Types of functions as text. Types that are as long as the buffer end there. */
#include "guest/component/type_text.h"

#include "guest/component/layout.h"

struct writer {
	const struct component_instance *inst;
	char *out;
	uint32_t n;
};

static void put(struct writer *w, const char *text)
{
	while (*text && w->n < TYPE_TEXT_BYTES - 1)
		w->out[w->n++] = *text++;
}

static bool is_full(const struct writer *w)
{
	return w->n == TYPE_TEXT_BYTES - 1;
}

static void put_type(struct writer *w, const struct ctype *t);

static void put_parts(struct writer *w, const struct ctype *t)
{
	for (uint32_t i = 0; i < t->count && !is_full(w); i++) {
		if (i)
			put(w, ", ");
		put_type(w, t->members[i].type);
	}
}

static void put_number(struct writer *w, uint32_t n)
{
	char text[16];
	wasm_format(text, sizeof(text), "<%u>", n);
	put(w, text);
}

static void put_handle(struct writer *w, const struct ctype *t)
{
	const struct resource_type *r = resource_at(w->inst, t->of->resource);
	put(w, ctype_name(t));
	put(w, " ");
	if (r && r->host)
		put(w, r->host->name);
	else
		put(w, "another");
}

static void put_type(struct writer *w, const struct ctype *t)
{
	if (!t) {
		put(w, "_");
		return;
	}
	switch (t->kind) {
	case CTYPE_OWN:
	case CTYPE_BORROW:
		put_handle(w, t);
		return;
	case CTYPE_ENUM:
	case CTYPE_FLAGS:
		put(w, ctype_name(t));
		put_number(w, t->count);
		return;
	case CTYPE_FIXED_LIST:
		put(w, "list");
		put_number(w, t->length);
		put_parts(w, t);
		return;
	default:
		put(w, ctype_name(t));
		if (t->kind < CTYPE_PRIMITIVES)
			return;
		put(w, "<");
		put_parts(w, t);
		put(w, ">");
	}
}

void type_text(const struct component_instance *i, const struct ctype *func,
	       char out[TYPE_TEXT_BYTES])
{
	struct writer w = {i, out, 0};
	if (func->is_async)
		put(&w, "async ");
	put(&w, "(");
	put_parts(&w, func);
	put(&w, ")");
	if (func->of) {
		put(&w, " -> ");
		put_type(&w, func->of);
	}
	out[w.n] = '\0';
}
