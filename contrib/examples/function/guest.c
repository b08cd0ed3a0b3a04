/* SPDX-License-Identifier: Apache-2.0 */
/* Functions for a host to call: number theory by brute force. */
#include <mote_guest.h>

static int is_prime(const struct mote_value *args, struct mote_value *result)
{
	uint64_t n = args[0].of.u64;
	bool prime = n > 1;
	for (uint64_t d = 2; prime && d * d <= n && d < UINT32_MAX; d++)
		prime = n % d != 0;
	*result = mote_boolean(prime);
	return 0;
}
MOTE_EXPORT(is_prime, "U:b")

/* Told to the host one after the other, by its function `found`. */
static int factors(const struct mote_value *args, struct mote_value *result)
{
	uint64_t n = args[0].of.u64;
	(void)result;
	if (n == 0)
		return mote_fail("0 has no factors");
	for (uint64_t d = 2; n > 1; d++) {
		if (d * d > n)
			d = n;
		for (; n % d == 0; n /= d) {
			const struct mote_value factor = mote_u64(d);
			if (mote_call_host("found", &factor, 1, NULL) < 0)
				return mote_fail(mote_host_error());
		}
	}
	return 0;
}
MOTE_EXPORT(factors, "U:")
