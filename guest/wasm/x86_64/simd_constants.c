/* SPDX-License-Identifier: Apache-2.0 */
/* Constants of the SIMD instructions: collected while a function is emitted, and put behind it. */
#include "guest/wasm/x86_64/simd_emit.h"

void simd_flush(struct simd_emitter *e)
{
	if (e->constants == 0)
		return;
	while ((e->x->p - e->code) % 16)
		x64_u8(e->x, 0xcc);
	for (uint32_t i = 0; i < e->constants; i++) {
		uint32_t at = (uint32_t)(e->x->p - e->code), use = e->constant[i].uses;
		while (use) {
			uint32_t next, rel = at - use;
			memcpy(&next, e->code + use - 4, 4);
			memcpy(e->code + use - 4, &rel, 4);
			use = next;
		}
		x64_u64(e->x, e->constant[i].low);
		x64_u64(e->x, e->constant[i].high);
	}
	e->constants = 0;
}

/* No instruction takes more than this many constants. */
enum { CONSTANTS_OF_ONE = 4 };

void simd_flush_full(struct simd_emitter *e)
{
	if (e->constants + CONSTANTS_OF_ONE <= SIMD_CONSTANTS_MAX)
		return;
	x64_jmp32(e->x, 0);
	uint8_t *from = e->x->p;
	simd_flush(e);
	uint32_t rel = (uint32_t)(e->x->p - from);
	memcpy(from - 4, &rel, 4);
}

/* op dst, a, constant */
void simd_with_constant(struct simd_emitter *e, uint32_t op, unsigned dst, unsigned a, uint64_t low,
			uint64_t high)
{
	uint32_t i = 0;
	while (i < e->constants && (e->constant[i].low != low || e->constant[i].high != high))
		i++;
	if (i == e->constants) {
		e->constant[i].low = low;
		e->constant[i].high = high;
		e->constant[i].uses = 0;
		e->constants++;
	}
	struct x64_mem at = X64_RIP;
	at.disp = (int32_t)e->constant[i].uses;
	x64_vex_rrm(e->x, op, 0, dst, a, at);
	e->constant[i].uses = (uint32_t)(e->x->p - e->code);
}

void simd_constant_to(struct simd_emitter *e, unsigned xmm, uint64_t low, uint64_t high)
{
	if (low == 0 && high == 0)
		zeroes(e, xmm);
	else if (low == UINT64_MAX && high == UINT64_MAX)
		ones(e, xmm);
	else
		simd_with_constant(e, MOVAPS, xmm, 0, low, high);
}
