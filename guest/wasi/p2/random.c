/* SPDX-License-Identifier: Apache-2.0 */
/* wasi:random: all of it is the host's, what need not be secure too. */
#include "guest/wasi/p2/p2.h"

enum { PIECE = 1 << 20 };

static void fill(struct component_call *call, void *to, uint64_t bytes)
{
	for (uint64_t done = 0; done < bytes;) {
		const uint64_t piece = bytes - done < PIECE ? bytes - done : PIECE;
		const int64_t rc = mote_random(mote_area(), (uint8_t *)to + done, piece);
		if (rc <= 0)
			call_trap(call, "the host has no random bytes");
		done += (uint64_t)rc;
	}
}

static void get_bytes(struct component_call *call, const void *params, void *result)
{
	const uint64_t bytes = *(const uint64_t *)params;
	uint32_t *out = result;
	if (bytes > UINT32_MAX)
		call_trap(call, "more random bytes than a list can have");
	void *to = call_allocate(call, 1, bytes, &out[0]);
	out[1] = (uint32_t)bytes;
	fill(call, to, bytes);
}

static void get_u64(struct component_call *call, const void *params, void *result)
{
	(void)params;
	fill(call, result, sizeof(uint64_t));
}

static void get_seed(struct component_call *call, const void *params, void *result)
{
	(void)params;
	fill(call, result, 2 * sizeof(uint64_t));
}

static const struct component_host_function random_functions[] = {
	{"get-random-bytes", "(u64) -> list<u8>", get_bytes},
	{"get-random-u64", "() -> u64", get_u64},
};
static const struct component_host_function insecure_functions[] = {
	{"get-insecure-random-bytes", "(u64) -> list<u8>", get_bytes},
	{"get-insecure-random-u64", "() -> u64", get_u64},
};
static const struct component_host_function seed_functions[] = {
	{"insecure-seed", "() -> tuple<u64, u64>", get_seed},
};
const struct component_host_interface p2_random = {"wasi:random/random@0.2", random_functions,
						   P2_COUNT(random_functions), NULL, 0};
const struct component_host_interface p2_insecure = {"wasi:random/insecure@0.2", insecure_functions,
						     P2_COUNT(insecure_functions), NULL, 0};
const struct component_host_interface p2_insecure_seed = {
	"wasi:random/insecure-seed@0.2", seed_functions, P2_COUNT(seed_functions), NULL, 0};
