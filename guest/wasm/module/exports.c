/* SPDX-License-Identifier: Apache-2.0 */
/* What a module imports and exports, as its embedder asks. */
#include "guest/wasm/module/hash.h"
#include "guest/wasm/module/module.h"

static uint32_t hash_name(struct wasm_name name)
{
	uint64_t h = hash_begin();
	for (uint32_t i = 0; i < name.bytes; i++)
		h = hash_add(h, (uint8_t)name.text[i]);
	return hash_end(h);
}

uint32_t *module_export_cell(const struct wasm_module *m, struct wasm_name name)
{
	uint32_t at = hash_name(name) & m->export_hash_mask;
	for (; m->export_hash[at]; at = (at + 1) & m->export_hash_mask) {
		struct wasm_name other = m->exports[m->export_hash[at] - 1].name;
		if (other.bytes == name.bytes && memcmp(other.text, name.text, name.bytes) == 0)
			break;
	}
	return &m->export_hash[at];
}

static struct wasm_externtype extern_type(const struct wasm_module *m, enum wasm_kind kind,
					  uint32_t i)
{
	struct wasm_externtype t = {.kind = kind};
	switch (kind) {
	case WASM_KIND_FUNC:
		t.func = module_func_type(m, i);
		break;
	case WASM_KIND_TABLE:
		t.limits = m->tables[i].limits;
		t.type = m->tables[i].type;
		break;
	case WASM_KIND_MEMORY:
		t.limits = m->memories[i];
		break;
	case WASM_KIND_GLOBAL:
		t.type = m->globals[i].type;
		t.is_mutable = m->globals[i].is_mutable;
		break;
	case WASM_KIND_TAG:
		t.func = module_tag_type(m, i);
		break;
	}
	return t;
}

uint32_t wasm_module_import_count(const struct wasm_module *m)
{
	return m->import_count;
}

void wasm_module_import(const struct wasm_module *m, uint32_t i, struct wasm_import *import)
{
	const struct import *im = &m->imports[i];
	*import = (struct wasm_import){im->module, im->name, extern_type(m, im->kind, im->index)};
}

uint32_t wasm_module_export_count(const struct wasm_module *m)
{
	return m->export_count;
}

void wasm_module_export(const struct wasm_module *m, uint32_t i, struct wasm_export *export)
{
	const struct export *e = &m->exports[i];
	*export = (struct wasm_export){e->name, extern_type(m, e->kind, e->index), e->index};
}

bool wasm_module_export_find(const struct wasm_module *m, const char *name, size_t bytes,
			     struct wasm_export *export)
{
	if (!m->export_count || bytes > UINT32_MAX)
		return false;
	uint32_t i = *module_export_cell(m, (struct wasm_name){name, (uint32_t)bytes});
	if (i)
		wasm_module_export(m, i - 1, export);
	return i;
}

uint64_t wasm_module_code_bytes(const struct wasm_module *m)
{
	return m->code_bytes;
}

bool wasm_module_has_start(const struct wasm_module *m)
{
	return m->start != WASM_NONE;
}
