/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decodes the type section: recursion groups of function, structure and array types (WebAssembly
 * specification, 5.3.5 to 5.3.9). The module is untrusted; whether subtypes match their supertypes
 * is checked where the groups are kept (types.c).
 */
#include "guest/wasm/module/features.h"
#include "guest/wasm/module/module.h"

struct type_decoder {
	struct wasm_module *m;
	struct reader *r;
	uint32_t capacity; /* of m->types */
	uint32_t values[WASM_MAX_PARAMS + WASM_MAX_RESULTS];
};

static void decode_functype(struct type_decoder *d, struct deftype *to)
{
	struct wasm_functype *t = &to->func;
	t->param_words = t->param_count = read_count(d->r, WASM_MAX_PARAMS, "parameters");
	for (uint32_t i = 0; i < t->param_count; i++) {
		d->values[i] = read_valtype(d->r, d->m);
		t->param_words += d->values[i] == WASM_V128;
	}
	t->result_count = read_count(d->r, WASM_MAX_RESULTS, "results");
	for (uint32_t i = 0; i < t->result_count; i++)
		d->values[t->param_count + i] = read_valtype(d->r, d->m);
	uint64_t bytes = (t->param_count + t->result_count) * sizeof(uint32_t);
	uint32_t *all = types_take(d->r, bytes);
	memcpy(all, d->values, bytes);
	t->params = all;
	t->results = all + t->param_count;
}

static void decode_field(struct type_decoder *d, struct field *f)
{
	struct reader *r = d->r;
	bool packed = r->p < r->end && wasm_types[*r->p].kind == TYPE_KIND_PACKED;
	f->type = packed ? read_u8(r) : read_valtype(r, d->m);
	uint8_t mutability = read_u8(r);
	if (mutability > 1) {
		r->p--;
		reader_fail(r, WASM_ERROR_MALFORMED, "malformed mutability");
	}
	f->is_mutable = mutability == 1;
}

static void decode_fields(struct type_decoder *d, struct deftype *to, uint32_t count)
{
	struct field *fields = types_take(d->r, count * sizeof(*fields));
	d->m->has_objects = true;
	for (uint32_t i = 0; i < count; i++)
		decode_field(d, &fields[i]);
	to->fields = fields;
	to->field_count = count;
}

/* What a type consists of. */
static void decode_composite(struct type_decoder *d, struct deftype *to)
{
	struct reader *r = d->r;
	to->form = read_u8(r);
	switch (to->form) {
	case TYPE_FORM_FUNC:
		decode_functype(d, to);
		return;
	case TYPE_FORM_STRUCT:
		decode_fields(d, to, read_count(r, WASM_MAX_FIELDS, "fields"));
		return;
	case TYPE_FORM_ARRAY:
		decode_fields(d, to, 1);
		return;
	}
	r->p--;
	if (wasm_types[to->form].kind == TYPE_KIND_FORM)
		feature_refuse(r, wasm_types[to->form].feature, " (types)");
	reader_fail(r, WASM_ERROR_MALFORMED, "malformed type: not a function type");
}

static void need_form(struct type_decoder *d)
{
	const struct reader *r = d->r;
	uint8_t form = r->p < r->end ? *r->p : (uint8_t)TYPE_FORM_FUNC;
	if (wasm_types[form].kind == TYPE_KIND_FORM &&
	    !feature_enabled(d->m, wasm_types[form].feature))
		feature_refuse(r, wasm_types[form].feature, " (types)");
}

/* The type that comes as number `k` of its group; it may only extend one that came before. */
static void decode_subtype(struct type_decoder *d, struct deftype *to, uint32_t k)
{
	struct reader *r = d->r;
	need_form(d);
	to->is_final = true;
	if (r->p < r->end && (*r->p == TYPE_FORM_SUB || *r->p == TYPE_FORM_SUB_FINAL)) {
		to->is_final = *r->p++ == TYPE_FORM_SUB_FINAL;
		uint32_t supers = read_count(r, UINT32_MAX, "super types");
		if (supers > 1)
			reader_fail(r, WASM_ERROR_INVALID, "sub type with several super types");
		if (supers) {
			uint32_t index = read_u32(r), before = d->m->type_count;
			if (index >= before + k)
				reader_fail(r, WASM_ERROR_INVALID, "unknown type");
			to->super = WASM_TYPE_DEFINED;
			if (index < before)
				to->super |= d->m->types[index]->func.id;
			else
				to->super |= TYPE_IN_GROUP | (index - before);
		}
		need_form(d);
	}
	decode_composite(d, to);
}

static void grow_types(struct type_decoder *d, uint32_t count)
{
	struct wasm_module *m = d->m;
	if (count > WASM_MAX_TYPES - m->type_count)
		reader_fail(d->r, WASM_ERROR_LIMIT, "too many types");
	if (count <= d->capacity - m->type_count)
		return;
	uint32_t n = (m->type_count + count) * 2;
	const struct deftype **more = arena_need(&m->arena, d->r->fail, n, sizeof(*more));
	memcpy(more, m->types, m->type_count * sizeof(*more));
	m->types = more;
	d->capacity = n;
}

/* A recursion group; a type that is in none is one of its own. */
static void decode_group(struct type_decoder *d)
{
	struct wasm_module *m = d->m;
	need_form(d);
	uint32_t count = 1;
	if (d->r->p < d->r->end && *d->r->p == TYPE_FORM_REC) {
		d->r->p++;
		count = read_count(d->r, WASM_MAX_TYPES, "types");
	}
	if (!count)
		return;
	grow_types(d, count);
	struct deftype *group = types_open(d->r, count);
	m->open_types = count;
	for (uint32_t k = 0; k < count; k++)
		decode_subtype(d, &group[k], k);
	const struct deftype *known = types_close(d->r, group, count);
	for (uint32_t k = 0; k < count; k++)
		m->types[m->type_count + k] = &known[k];
	m->type_count += count;
	m->open_types = 0;
}

const struct wasm_functype *module_read_functype(struct reader *r, struct wasm_module *m,
						 bool is_final)
{
	struct type_decoder d;
	d.m = m;
	d.r = r;
	struct deftype *t = types_open(r, 1);
	t->form = TYPE_FORM_FUNC;
	t->is_final = is_final;
	decode_functype(&d, t);
	return &types_close(r, t, 1)->func;
}

void module_decode_types(struct wasm_module *m, struct reader *r)
{
	struct type_decoder d;
	uint32_t groups = read_count(r, WASM_MAX_TYPES, "types");
	d.m = m;
	d.r = r;
	d.capacity = groups;
	m->types = arena_need(&m->arena, r->fail, groups, sizeof(*m->types));
	while (groups-- > 0)
		decode_group(&d);
}
