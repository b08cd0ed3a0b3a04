/* SPDX-License-Identifier: Apache-2.0 */
/* The point at which hashes are computed. */
#include "guest/wasm/module/hash.h"

#include "guest/wasm/platform.h"

uint64_t hash_point;

void hash_draw_point(void)
{
	hash_point = 1 + platform_random() % (HASH_PRIME - 1);
}
