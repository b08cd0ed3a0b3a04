/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/linux/fs/vector.h"

#include "guest/linux/user.h"

int64_t vector_bytes(const struct mote_iovec *v, uint64_t count)
{
	uint64_t total = 0;
	if (count > VECTORS_MAX)
		return -EINVAL;
	for (uint64_t i = 0; i < count; i++) {
		struct mote_iovec one;
		if (get_user(&one, (uint64_t)&v[i], sizeof(one)) < 0)
			return -EFAULT;
		total += min_u64(one.len, INT64_MAX - total);
	}
	return (int64_t)total;
}
