/* SPDX-License-Identifier: Apache-2.0 */
/* The name section (WebAssembly specification, appendix 7.4): read when a trap asks, broken ones are no names. */
#include "guest/wasm/internal.h"

static bool take(const uint8_t **p, const uint8_t *end, uint32_t *v)
{
	uint64_t value = 0;
	for (unsigned shift = 0; shift < 35; shift += 7) {
		if (*p == end)
			return false;
		uint8_t b = *(*p)++;
		value |= (uint64_t)(b & 0x7f) << shift;
		if (!(b & 0x80)) {
			*v = (uint32_t)value;
			return value <= UINT32_MAX;
		}
	}
	return false;
}

struct wasm_name wasm_module_func_name(const struct wasm_module *m, uint32_t func_index)
{
	const struct wasm_name none = {"", 0};
	const uint8_t *p = m->names;
	while (p && p < m->names_end) {
		uint8_t id = *p++;
		uint32_t size, count, index, bytes;
		if (!take(&p, m->names_end, &size) || size > (uint64_t)(m->names_end - p))
			return none;
		const uint8_t *end = p + size;
		if (id != 1) {
			p = end;
			continue;
		}
		if (!take(&p, end, &count))
			return none;
		for (; count > 0; count--) {
			if (!take(&p, end, &index) || !take(&p, end, &bytes) || bytes > (uint64_t)(end - p))
				return none;
			if (index == func_index)
				return (struct wasm_name){(const char *)p, bytes};
			p += bytes;
		}
		return none;
	}
	return none;
}
