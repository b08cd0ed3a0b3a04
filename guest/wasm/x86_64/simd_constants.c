/* SPDX-License-Identifier: Apache-2.0 */
/* Constants of the SIMD instructions: collected while a function is emitted, and put behind it. */
#include "guest/wasm/x86_64/simd_emit.h"

void simd_flush(const struct simd_emitter *e)
{
	struct simd_constants *k = e->constants;
	if (k->count == 0)
		return;
	while ((e->x->p - e->code) % 16)
		x64_u8(e->x, 0xcc);
	for (uint32_t i = 0; i < k->count; i++) {
		uint32_t at = (uint32_t)(e->x->p - e->code), use = k->of[i].uses;
		while (use) {
			uint32_t next, rel = at - use;
			memcpy(&next, e->code + use - 4, 4);
			memcpy(e->code + use - 4, &rel, 4);
			use = next;
		}
		x64_u64(e->x, k->of[i].low);
		x64_u64(e->x, k->of[i].high);
	}
	k->count = 0;
}

/* No instruction takes more than this many constants. */
enum { CONSTANTS_OF_ONE = 4 };

void simd_flush_full(const struct simd_emitter *e)
{
	if (e->constants->count + CONSTANTS_OF_ONE <= SIMD_CONSTANTS_MAX)
		return;
	x64_jmp32(e->x, 0);
	uint8_t *from = e->x->p;
	simd_flush(e);
	uint32_t rel = (uint32_t)(e->x->p - from);
	memcpy(from - 4, &rel, 4);
}

/* op dst, a, constant */
void simd_with_constant(const struct simd_emitter *e, uint32_t op, unsigned dst, unsigned a,
			uint64_t low, uint64_t high)
{
	struct simd_constants *k = e->constants;
	uint32_t i = 0;
	while (i < k->count && (k->of[i].low != low || k->of[i].high != high))
		i++;
	if (i == k->count) {
		k->of[i].low = low;
		k->of[i].high = high;
		k->of[i].uses = 0;
		k->count++;
	}
	struct x64_mem at = X64_RIP;
	at.disp = (int32_t)k->of[i].uses;
	x64_vex_rrm(e->x, op, 0, dst, a, at);
	k->of[i].uses = (uint32_t)(e->x->p - e->code);
}

void simd_constant_to(const struct simd_emitter *e, unsigned xmm, uint64_t low, uint64_t high)
{
	if (low == 0 && high == 0)
		zeroes(e, xmm);
	else if (low == UINT64_MAX && high == UINT64_MAX)
		ones(e, xmm);
	else
		simd_with_constant(e, MOVAPS, xmm, 0, low, high);
}
