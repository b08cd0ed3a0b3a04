/* SPDX-License-Identifier: Apache-2.0 */
/* Vectors of pieces of the program's memory (struct iovec), as it has them. */
#ifndef MOTE_GUEST_LINUX_FS_VECTOR_H
#define MOTE_GUEST_LINUX_FS_VECTOR_H

#include <linux/uio.h>
#include <stdint.h>

struct mote_iovec;

enum { VECTORS_MAX = UIO_MAXIOV };

/* How many bytes they have in all, at most INT64_MAX; -EFAULT, or -EINVAL for more vectors. */
int64_t vector_bytes(const struct mote_iovec *v, uint64_t count);

#endif
