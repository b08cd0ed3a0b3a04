/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MOTE_GUEST_LINUX_FS_TRANSFER_FAULT_H
#define MOTE_GUEST_LINUX_FS_TRANSFER_FAULT_H

#include "guest/linux/syscall.h"

/*
 * The host looks at all of a buffer before it does anything. What Linux, which looks at the
 * descriptor first and takes what memory there is, makes of a read or write that was -EFAULT, or
 * -EINVAL for its number of vectors. Hands on rc for other calls. If there is memory at the
 * beginning of the buffer, *shorter is the call for that much, and the result is 0.
 */
int64_t transfer_fault(int64_t rc, const struct syscall *s, struct syscall *shorter);

#endif
