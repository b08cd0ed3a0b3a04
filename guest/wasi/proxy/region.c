/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that grows without moving. */
#include "guest/wasi/proxy/internal.h"
#include "guest/wasm/platform.h"

#define REGION_BYTES (1UL << 32) /* of addresses */
#define COMMIT_BYTES (1UL << 16) /* at first, then as much as there is */
#define ALIGN_UP(n)  (((n) + 7) & ~7UL)

static bool grow(struct region *r, uint64_t bytes)
{
	uint64_t more = r->committed ? r->committed : COMMIT_BYTES;
	if (!r->base)
		r->base = platform_reserve(REGION_BYTES);
	if (!r->base)
		return false;
	while (more < bytes)
		more *= 2;
	if (more > REGION_BYTES - r->committed || !platform_commit(r->base + r->committed, more))
		return false;
	r->committed += more;
	return true;
}

void *region_take(struct region *r, uint64_t bytes)
{
	if (bytes > REGION_BYTES / 2)
		return NULL;
	bytes = ALIGN_UP(bytes);
	if (bytes > r->committed - r->used && !grow(r, bytes - (r->committed - r->used)))
		return NULL;
	void *at = r->base + r->used;
	r->used += bytes;
	return at;
}
