/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decodes and checks a module's sections. The module is untrusted. WebAssembly specification 5.5
 * (binary format of modules) and 3.4 (validation of modules).
 */
#include "guest/wasm/module/const_expr.h"
#include "guest/wasm/module/features.h"
#include "guest/wasm/module/module.h"
#include "guest/wasm/module/types.h"

struct decoder {
	struct reader r;
	struct wasm_module *m;
};

/* clang-format off */
enum section {
	SECTION_CUSTOM, SECTION_TYPE, SECTION_IMPORT, SECTION_FUNCTION, SECTION_TABLE,
	SECTION_MEMORY, SECTION_GLOBAL, SECTION_EXPORT, SECTION_START, SECTION_ELEMENT,
	SECTION_CODE, SECTION_DATA, SECTION_DATA_COUNT, SECTION_TAG,
};
/* clang-format on */

/* Bytes and flags of the sections' entries. */
enum { KIND_EXACT_FUNC = 0x20, TABLE_WITH_INIT = 0x40 };
enum { LIMITS_HAS_MAX = 1, LIMITS_SHARED = 2, LIMITS_64 = 4, LIMITS_PAGE_SIZE = 8 };
enum { TABLE_LIMITS = LIMITS_HAS_MAX | LIMITS_64, MEMORY_LIMITS = 15 };
enum { PAGE_64K_LOG2 = 16 };
enum { ELEM_NOT_ACTIVE = 1, ELEM_EXPLICIT = 2, ELEM_EXPRESSIONS = 4, ELEM_FLAGS = 7 };
enum { DATA_ACTIVE, DATA_PASSIVE, DATA_ACTIVE_IN };

static _Noreturn void invalid(const struct decoder *d, const char *what)
{
	reader_fail(&d->r, WASM_ERROR_INVALID, what);
}

/* The numbers, behind the flags. */
static struct wasm_limits read_limits(struct decoder *d, uint8_t flags)
{
	struct reader *r = &d->r;
	struct wasm_limits l = {.is_64 = flags & LIMITS_64, .has_max = flags & LIMITS_HAS_MAX};
	l.min = l.is_64 ? read_u64(r) : read_u32(r);
	if (l.has_max)
		l.max = l.is_64 ? read_u64(r) : read_u32(r);
	return l;
}

static void check_limits(const struct decoder *d, struct wasm_limits *l, uint64_t max,
			 const char *what)
{
	if (!l->has_max)
		l->max = max;
	if (l->min > max || l->max > max)
		wasm_fail(d->r.fail, WASM_ERROR_INVALID, reader_offset(&d->r),
			  "%s size must be at most %U", what, max);
	if (l->min > l->max)
		invalid(d, "size minimum must not be greater than maximum");
}

static uint8_t read_limits_flags(struct decoder *d, uint8_t known)
{
	struct reader *r = &d->r;
	uint8_t flags = read_u8(r);
	if (!(flags & ~LIMITS_HAS_MAX))
		return flags;
	r->p--;
	if (flags & ~known)
		reader_fail(r, WASM_ERROR_MALFORMED, "malformed limits flags");
	if (flags & LIMITS_SHARED)
		feature_refuse(r, FEATURE_THREADS, " (shared memory)");
	if (flags & LIMITS_64)
		feature_need(r, d->m, FEATURE_MEMORY64);
	if (flags & LIMITS_PAGE_SIZE)
		feature_need(r, d->m, FEATURE_CUSTOM_PAGE_SIZES);
	r->p++;
	return flags;
}

static struct wasm_limits read_memory_type(struct decoder *d)
{
	uint8_t flags = read_limits_flags(d, MEMORY_LIMITS);
	struct wasm_limits l = read_limits(d, flags);
	uint32_t page_log2 = PAGE_64K_LOG2;
	if (flags & LIMITS_PAGE_SIZE)
		page_log2 = read_u32(&d->r);
	if (page_log2 >= 64)
		reader_fail(&d->r, WASM_ERROR_MALFORMED, "malformed custom page size");
	if (page_log2 != 0 && page_log2 != PAGE_64K_LOG2)
		invalid(d, "invalid custom page size");
	l.byte_pages = page_log2 == 0;
	d->m->checked_memories |= l.is_64 || l.byte_pages;
	/* As many as make up the address space; there is no number for 2^64. */
	if (l.is_64)
		check_limits(d, &l, l.byte_pages ? UINT64_MAX : 1ull << 48, "memory");
	else
		check_limits(d, &l, l.byte_pages ? 1ull << 32 : WASM_MAX_MEMORY_PAGES, "memory");
	return l;
}

static struct table_type read_table_type(struct decoder *d)
{
	struct table_type t = {0};
	t.type = read_reftype(&d->r, d->m);
	t.limits = read_limits(d, read_limits_flags(d, TABLE_LIMITS));
	check_limits(d, &t.limits, t.limits.is_64 ? UINT64_MAX : UINT32_MAX, "table");
	return t;
}

static void need_memory_limits(const struct decoder *d, uint32_t count)
{
	if (count > 1)
		feature_need(&d->r, d->m, FEATURE_MULTI_MEMORY);
	if (count > WASM_MAX_MEMORIES)
		reader_fail(&d->r, WASM_ERROR_LIMIT, "too many memories");
}

static void read_global_type(struct decoder *d, struct global_type *g)
{
	g->type = read_valtype(&d->r, d->m);
	uint8_t flag = read_u8(&d->r);
	if (flag > 1) {
		d->r.p--;
		if (flag & 2)
			reader_fail(&d->r, WASM_ERROR_MALFORMED,
				    "malformed mutability (shared globals are not supported)");
		reader_fail(&d->r, WASM_ERROR_MALFORMED, "malformed mutability");
	}
	g->is_mutable = flag;
}

/* Index spaces are sized in one go: imports are counted first, then their arrays are made. */
struct import_counts {
	uint32_t n[WASM_KINDS];
};

static uint32_t read_func_type(struct decoder *d)
{
	uint32_t type = read_u32(&d->r);
	if (type >= d->m->type_count)
		invalid(d, "unknown type");
	if (d->m->types[type]->form != TYPE_FORM_FUNC)
		invalid(d, "type mismatch: not a function type");
	return type;
}

/* A tag: its attribute, of which there is one, and the type of its values. */
static uint32_t read_tag_type(struct decoder *d)
{
	feature_need(&d->r, d->m, FEATURE_EXCEPTIONS);
	if (read_u8(&d->r) != 0) {
		d->r.p--;
		reader_fail(&d->r, WASM_ERROR_MALFORMED, "malformed tag attribute");
	}
	uint32_t type = read_func_type(d);
	if (d->m->types[type]->func.result_count)
		invalid(d, "non-empty tag result type");
	return type;
}

static void decode_import(struct decoder *d, struct import *im, struct import_counts *c, bool store)
{
	struct wasm_module *m = d->m;
	struct reader *r = &d->r;
	im->offset = (uint32_t)reader_offset(r);
	im->module = read_name(r);
	im->name = read_name(r);
	uint8_t kind = read_u8(r);
	if (kind >= WASM_KINDS) {
		r->p--;
		reader_fail(r, WASM_ERROR_MALFORMED,
			    kind == KIND_EXACT_FUNC
				    ? "malformed import kind (exact functions are not supported)"
				    : "malformed import kind");
	}
	im->kind = kind;
	im->index = c->n[kind]++;
	switch (im->kind) {
	case WASM_KIND_FUNC: {
		uint32_t type = read_func_type(d);
		if (store)
			m->func_type[im->index] = type;
		break;
	}
	case WASM_KIND_TABLE: {
		struct table_type t = read_table_type(d);
		if (store)
			m->tables[im->index] = t;
		break;
	}
	case WASM_KIND_MEMORY: {
		struct wasm_limits l = read_memory_type(d);
		if (store)
			m->memories[im->index] = l;
		break;
	}
	case WASM_KIND_GLOBAL: {
		struct global_type g = {0};
		read_global_type(d, &g);
		if (store)
			m->globals[im->index] = g;
		break;
	}
	case WASM_KIND_TAG: {
		uint32_t type = read_tag_type(d);
		if (store)
			m->tags[im->index] = type;
		break;
	}
	}
}

/* Section sizes are known only later, so a first look counts what the other sections declare. */
static uint32_t peek_section_count(const struct decoder *d, enum section wanted, uint32_t max)
{
	struct reader r = d->r;
	r.p = d->m->bytes + 8;
	r.end = d->m->bytes + d->m->size;
	while (r.p < r.end) {
		uint8_t id = *r.p++;
		uint32_t size = read_u32(&r);
		if (size > (uint64_t)(r.end - r.p))
			return 0;
		if (id == wanted) {
			r.end = r.p + size;
			uint32_t n = read_u32(&r);
			if (n > max || n > (uint64_t)(r.end - r.p))
				return 0;
			return n;
		}
		r.p += size;
	}
	return 0;
}

static void make_spaces(const struct decoder *d, const struct import_counts *c)
{
	struct wasm_module *m = d->m;
	struct arena *a = &m->arena;
	uint32_t funcs = c->n[0] + peek_section_count(d, SECTION_FUNCTION, WASM_MAX_FUNCS);
	uint32_t own = funcs - c->n[0];
	m->imported_funcs = m->func_count = c->n[0];
	m->imported_tables = m->table_count = c->n[1];
	m->imported_memories = m->memory_count = c->n[2];
	m->imported_globals = m->global_count = c->n[3];
	m->imported_tags = m->tag_count = c->n[WASM_KIND_TAG];
	if (c->n[1] > WASM_MAX_TABLES)
		reader_fail(&d->r, WASM_ERROR_LIMIT, "too many tables");
	need_memory_limits(d, c->n[2]);
	m->func_type = arena_need(a, d->r.fail, funcs, sizeof(uint32_t));
	m->func_body = arena_need(a, d->r.fail, own, sizeof(uint32_t));
	m->func_end = arena_need(a, d->r.fail, own, sizeof(uint32_t));
	m->func_code = arena_need(a, d->r.fail, own, sizeof(uint32_t));
	m->func_entry = arena_need(a, d->r.fail, own, sizeof(uint32_t));
	m->func_declared = arena_need(a, d->r.fail, funcs / 8 + 1, 1);
	m->tables = arena_need(a, d->r.fail,
			       c->n[1] + peek_section_count(d, SECTION_TABLE, WASM_MAX_TABLES),
			       sizeof *m->tables);
	m->memories = arena_need(a, d->r.fail,
				 c->n[2] + peek_section_count(d, SECTION_MEMORY, WASM_MAX_MEMORIES),
				 sizeof *m->memories);
	m->globals = arena_need(a, d->r.fail,
				c->n[3] + peek_section_count(d, SECTION_GLOBAL, WASM_MAX_GLOBALS),
				sizeof *m->globals);
	m->tags =
		arena_need(a, d->r.fail,
			   c->n[WASM_KIND_TAG] + peek_section_count(d, SECTION_TAG, WASM_MAX_TAGS),
			   sizeof *m->tags);
}

static void decode_imports(struct decoder *d)
{
	struct wasm_module *m = d->m;
	struct import_counts counts = {0};
	m->import_count = read_count(&d->r, WASM_MAX_IMPORTS, "imports");
	m->imports = arena_need(&m->arena, d->r.fail, m->import_count, sizeof *m->imports);
	const uint8_t *begin = d->r.p;
	for (uint32_t i = 0; i < m->import_count; i++)
		decode_import(d, &m->imports[i], &counts, false);
	make_spaces(d, &counts);
	d->r.p = begin;
	memset(&counts, 0, sizeof counts);
	for (uint32_t i = 0; i < m->import_count; i++)
		decode_import(d, &m->imports[i], &counts, true);
}

static void decode_functions(struct decoder *d)
{
	struct wasm_module *m = d->m;
	uint32_t n = read_count(&d->r, WASM_MAX_FUNCS, "functions");
	for (uint32_t i = 0; i < n; i++)
		m->func_type[m->func_count++] = read_func_type(d);
}

static void decode_tables(struct decoder *d)
{
	struct wasm_module *m = d->m;
	struct reader *r = &d->r;
	uint32_t n = read_count(&d->r, WASM_MAX_TABLES, "tables");
	for (uint32_t i = 0; i < n; i++) {
		bool has_init = r->p < r->end && *r->p == TABLE_WITH_INIT;
		if (has_init) {
			r->p++;
			if (read_u8(r) != 0)
				reader_fail(r, WASM_ERROR_MALFORMED, "malformed table");
		}
		struct table_type t = read_table_type(d);
		if (has_init) {
			t.init = r->p;
			const_expr_check(r, m, t.type);
		} else if (!type_has_default(t.type)) {
			invalid(d, "type mismatch: a table of references that are not null "
				   "needs an initial value");
		}
		m->tables[m->table_count++] = t;
	}
}

static void decode_memories(struct decoder *d)
{
	struct wasm_module *m = d->m;
	uint32_t n = read_count(&d->r, WASM_MAX_MEMORIES, "memories");
	need_memory_limits(d, m->memory_count + n);
	for (uint32_t i = 0; i < n; i++)
		m->memories[m->memory_count++] = read_memory_type(d);
}

static void decode_tags(struct decoder *d)
{
	struct wasm_module *m = d->m;
	uint32_t n = read_count(&d->r, WASM_MAX_TAGS, "tags");
	for (uint32_t i = 0; i < n; i++)
		m->tags[m->tag_count++] = read_tag_type(d);
}

static void decode_globals(struct decoder *d)
{
	struct wasm_module *m = d->m;
	uint32_t n = read_count(&d->r, WASM_MAX_GLOBALS, "globals");
	for (uint32_t i = 0; i < n; i++) {
		struct global_type g = {0};
		read_global_type(d, &g);
		g.init = d->r.p;
		const_expr_check(&d->r, m, g.type);
		m->globals[m->global_count++] = g;
	}
}

static void decode_exports(struct decoder *d)
{
	struct wasm_module *m = d->m;
	struct reader *r = &d->r;
	const uint32_t counts[WASM_KINDS] = {m->func_count, m->table_count, m->memory_count,
					     m->global_count, m->tag_count};
	static const char *const unknown[WASM_KINDS] = {
		"unknown function", "unknown table", "unknown memory",
		"unknown global",   "unknown tag",
	};
	uint32_t n = read_count(&d->r, WASM_MAX_EXPORTS, "exports");
	uint32_t buckets = 4;
	while (buckets < n * 2)
		buckets *= 2;
	m->exports = arena_need(&m->arena, d->r.fail, n, sizeof *m->exports);
	m->export_hash = arena_need(&m->arena, d->r.fail, buckets, sizeof *m->export_hash);
	m->export_hash_mask = buckets - 1;
	for (uint32_t i = 0; i < n; i++) {
		struct export *e = &m->exports[i];
		e->name = read_name(r);
		uint8_t kind = read_u8(r);
		if (kind >= WASM_KINDS) {
			r->p--;
			reader_fail(r, WASM_ERROR_MALFORMED, "malformed export kind");
		}
		e->kind = kind;
		e->index = read_u32(r);
		if (e->index >= counts[kind])
			invalid(d, unknown[kind]);
		if (kind == WASM_KIND_FUNC)
			module_declare_func(m, e->index);
		if (kind == WASM_KIND_MEMORY && e->name.bytes == 6 &&
		    memcmp(e->name.text, "memory", 6) == 0)
			m->main_memory = e->index;
		uint32_t *cell = module_export_cell(m, e->name);
		if (*cell)
			invalid(d, "duplicate export name");
		*cell = i + 1;
		m->export_count++;
	}
}

static void decode_start(struct decoder *d)
{
	struct wasm_module *m = d->m;
	m->start = read_u32(&d->r);
	if (m->start >= m->func_count)
		invalid(d, "unknown function");
	const struct wasm_functype *t = module_func_type(m, m->start);
	if (t->param_count || t->result_count)
		invalid(d, "start function must have no parameters and no results");
}

static void decode_elem_items(struct decoder *d, struct elem_segment *s)
{
	struct wasm_module *m = d->m;
	s->count = read_count(&d->r, WASM_MAX_TABLE_ELEMENTS, "elements");
	s->items = d->r.p;
	for (uint32_t k = 0; k < s->count; k++) {
		if (s->expressions) {
			const_expr_check(&d->r, m, s->type);
			continue;
		}
		uint32_t func = read_u32(&d->r);
		if (func >= m->func_count)
			invalid(d, "unknown function");
		module_declare_func(m, func);
	}
}

static void decode_elements(struct decoder *d)
{
	struct wasm_module *m = d->m;
	struct reader *r = &d->r;
	static const enum segment_mode modes[] = {SEGMENT_ACTIVE, SEGMENT_PASSIVE, SEGMENT_ACTIVE,
						  SEGMENT_DECLARATIVE};
	uint32_t n = read_count(&d->r, WASM_MAX_ELEM_SEGMENTS, "element segments");
	m->elems = arena_need(&m->arena, d->r.fail, n, sizeof *m->elems);
	m->elem_count = n;
	for (uint32_t i = 0; i < n; i++) {
		struct elem_segment *s = &m->elems[i];
		uint32_t flags = read_u32(r);
		if (flags > ELEM_FLAGS)
			reader_fail(r, WASM_ERROR_MALFORMED, "malformed elements segment kind");
		s->mode = modes[flags & (ELEM_NOT_ACTIVE | ELEM_EXPLICIT)];
		s->expressions = flags & ELEM_EXPRESSIONS;
		s->type = WASM_FUNCREF;
		if (!s->expressions)
			s->type |= WASM_TYPE_NON_NULL;
		if (s->mode == SEGMENT_ACTIVE) {
			if (flags & ELEM_EXPLICIT)
				s->table = read_u32(r);
			if (s->table >= m->table_count)
				invalid(d, "unknown table");
			s->offset = r->p;
			const_expr_check(r, m, limits_address(&m->tables[s->table].limits));
		}
		if (flags & (ELEM_NOT_ACTIVE | ELEM_EXPLICIT)) {
			if (s->expressions)
				s->type = read_reftype(r, m);
			else if (read_u8(r) != 0)
				reader_fail(r, WASM_ERROR_MALFORMED, "malformed element kind");
		}
		if (s->mode == SEGMENT_ACTIVE && !type_matches(s->type, m->tables[s->table].type))
			invalid(d, "type mismatch between segment and table");
		decode_elem_items(d, s);
	}
}

static void decode_datas(struct decoder *d)
{
	struct wasm_module *m = d->m;
	struct reader *r = &d->r;
	uint32_t n = read_count(&d->r, WASM_MAX_DATA_SEGMENTS, "data segments");
	if (m->has_data_count && n != m->data_count)
		reader_fail(r, WASM_ERROR_MALFORMED,
			    "data count and data section have inconsistent lengths");
	m->datas = arena_need(&m->arena, d->r.fail, n, sizeof *m->datas);
	m->data_count = n;
	for (uint32_t i = 0; i < n; i++) {
		struct data_segment *s = &m->datas[i];
		uint32_t flags = read_u32(r);
		if (flags > DATA_ACTIVE_IN)
			reader_fail(r, WASM_ERROR_MALFORMED, "malformed data segment kind");
		s->mode = flags == DATA_PASSIVE ? SEGMENT_PASSIVE : SEGMENT_ACTIVE;
		if (s->mode == SEGMENT_ACTIVE) {
			if (flags == DATA_ACTIVE_IN)
				s->memory = read_u32(r);
			if (s->memory >= m->memory_count)
				invalid(d, "unknown memory");
			s->offset = r->p;
			const_expr_check(r, m, limits_address(&m->memories[s->memory]));
		}
		s->bytes = read_u32(r);
		s->data = read_bytes(r, s->bytes);
	}
}

static void decode_code(struct decoder *d)
{
	struct wasm_module *m = d->m;
	struct reader *r = &d->r;
	uint32_t own = m->func_count - m->imported_funcs;
	uint64_t at = reader_offset(r);
	uint32_t n = read_u32(r);
	if (n != own)
		wasm_fail(d->r.fail, WASM_ERROR_MALFORMED, at,
			  "function and code section have inconsistent lengths");
	for (uint32_t i = 0; i < n; i++) {
		uint32_t bytes = read_u32(r);
		if (bytes > WASM_MAX_BODY_BYTES)
			reader_fail(r, WASM_ERROR_LIMIT, "function body too large");
		m->func_body[i] = (uint32_t)reader_offset(r);
		read_bytes(r, bytes);
		m->func_end[i] = (uint32_t)reader_offset(r);
	}
}

static void decode_custom(struct decoder *d)
{
	struct wasm_name name = read_name(&d->r);
	if (name.bytes == 4 && memcmp(name.text, "name", 4) == 0 && !d->m->names) {
		d->m->names = d->r.p;
		d->m->names_end = d->r.end;
	}
	d->r.p = d->r.end;
}

/* The order in which sections may come; custom ones anywhere. */
static unsigned section_rank(uint8_t id)
{
	static const uint8_t rank[] = {
		[SECTION_TYPE] = 1,     [SECTION_IMPORT] = 2,      [SECTION_FUNCTION] = 3,
		[SECTION_TABLE] = 4,    [SECTION_MEMORY] = 5,      [SECTION_TAG] = 6,
		[SECTION_GLOBAL] = 7,   [SECTION_EXPORT] = 8,      [SECTION_START] = 9,
		[SECTION_ELEMENT] = 10, [SECTION_DATA_COUNT] = 11, [SECTION_CODE] = 12,
		[SECTION_DATA] = 13,
	};
	return rank[id];
}

static void decode_section(struct decoder *d, uint8_t id)
{
	switch ((enum section)id) {
	case SECTION_CUSTOM:
		decode_custom(d);
		return;
	case SECTION_TYPE:
		module_decode_types(d->m, &d->r);
		return;
	case SECTION_IMPORT:
		decode_imports(d);
		return;
	case SECTION_FUNCTION:
		decode_functions(d);
		return;
	case SECTION_TABLE:
		decode_tables(d);
		return;
	case SECTION_MEMORY:
		decode_memories(d);
		return;
	case SECTION_GLOBAL:
		decode_globals(d);
		return;
	case SECTION_EXPORT:
		decode_exports(d);
		return;
	case SECTION_START:
		decode_start(d);
		return;
	case SECTION_ELEMENT:
		decode_elements(d);
		return;
	case SECTION_CODE:
		decode_code(d);
		return;
	case SECTION_DATA:
		decode_datas(d);
		return;
	case SECTION_DATA_COUNT:
		d->m->has_data_count = true;
		d->m->data_count = read_u32(&d->r);
		return;
	case SECTION_TAG:
		decode_tags(d);
		return;
	}
}

static void decode_module(struct decoder *d)
{
	static const uint8_t magic[4] = {0, 'a', 's', 'm'};
	struct wasm_module *m = d->m;
	struct reader *r = &d->r;
	const uint8_t *end = r->end;
	unsigned last = 0;
	bool code_seen = false, data_seen = false;
	if (m->size < 4 || memcmp(r->p, magic, 4) != 0)
		reader_fail(r, WASM_ERROR_MALFORMED, "magic header not detected");
	r->p += 4;
	static const uint8_t version[4] = {1, 0, 0, 0}, component[4] = {0x0d, 0, 1, 0};
	if (m->size < 8 || memcmp(r->p, version, 4) != 0) {
		if (m->size >= 8 && memcmp(r->p, component, 4) == 0)
			reader_fail(r, WASM_ERROR_UNSUPPORTED,
				    "this is a component; components are not supported");
		reader_fail(r, WASM_ERROR_MALFORMED, "unknown binary version");
	}
	r->p += 4;
	m->start = WASM_NONE;
	make_spaces(d, &(struct import_counts){0});
	while (r->p < end) {
		uint8_t id = read_u8(r);
		if (id > SECTION_TAG) {
			r->p--;
			reader_fail(r, WASM_ERROR_MALFORMED, "malformed section id");
		}
		uint32_t size = read_u32(r);
		if (size > (uint64_t)(end - r->p))
			reader_fail(r, WASM_ERROR_MALFORMED,
				    "unexpected end: length out of bounds");
		if (id != SECTION_CUSTOM) {
			if (section_rank(id) <= last)
				reader_fail(r, WASM_ERROR_MALFORMED,
					    "unexpected content after last section");
			last = section_rank(id);
		}
		code_seen |= id == SECTION_CODE;
		data_seen |= id == SECTION_DATA;
		r->end = r->p + size;
		decode_section(d, id);
		if (r->p != r->end)
			reader_fail(r, WASM_ERROR_MALFORMED, "section size mismatch");
		r->end = end;
	}
	if (!code_seen && m->func_count > m->imported_funcs)
		reader_fail(r, WASM_ERROR_MALFORMED,
			    "function and code section have inconsistent lengths");
	if (!data_seen && m->has_data_count && m->data_count)
		reader_fail(r, WASM_ERROR_MALFORMED,
			    "data count and data section have inconsistent lengths");
}

uint64_t module_code_section_bytes(const uint8_t *bytes, uint64_t size)
{
	for (uint64_t at = 8; at < size;) {
		uint8_t id = bytes[at++];
		uint64_t section = 0;
		for (unsigned shift = 0; at < size && shift < 35; shift += 7) {
			section |= (uint64_t)(bytes[at] & 0x7f) << shift;
			if (!(bytes[at++] & LEB_MORE))
				break;
		}
		if (section > size - at)
			return 0;
		if (id == SECTION_CODE)
			return section;
		at += section;
	}
	return 0;
}

void module_read_externtype(struct reader *r, struct wasm_module *m, struct wasm_externtype *t)
{
	struct decoder d = {.r = *r, .m = m};
	uint8_t kind = read_u8(&d.r);
	if (kind >= WASM_KINDS) {
		d.r.p--;
		reader_fail(&d.r, WASM_ERROR_MALFORMED, "malformed kind of an import or export");
	}
	*t = (struct wasm_externtype){.kind = kind};
	switch (t->kind) {
	case WASM_KIND_FUNC:
		t->func = &m->types[read_func_type(&d)]->func;
		break;
	case WASM_KIND_TABLE: {
		struct table_type table = read_table_type(&d);
		t->type = table.type;
		t->limits = table.limits;
		break;
	}
	case WASM_KIND_MEMORY:
		t->limits = read_memory_type(&d);
		break;
	case WASM_KIND_GLOBAL: {
		struct global_type global = {0};
		read_global_type(&d, &global);
		t->type = global.type;
		t->is_mutable = global.is_mutable;
		break;
	}
	case WASM_KIND_TAG:
		t->func = &m->types[read_tag_type(&d)]->func;
		break;
	}
	*r = d.r;
}

void module_decode(struct wasm_module *m, struct reader *r)
{
	struct decoder d = {.r = *r, .m = m};
	decode_module(&d);
}
