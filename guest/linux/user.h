/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The program's memory, seen from the runtime. Pointers that only the host uses go on to it as they
 * are, since it checks them; what is read or written here goes through these. Each returns 0 or
 * -EFAULT.
 */
#ifndef MOTE_GUEST_LINUX_USER_H
#define MOTE_GUEST_LINUX_USER_H

#include "guest/linux/state.h"

static inline int get_user(void *to, uint64_t from, uint64_t bytes)
{
	return user_copy(to, (const void *)from, bytes);
}

static inline int put_user(uint64_t to, const void *from, uint64_t bytes)
{
	return user_copy((void *)to, from, bytes);
}

/* If the program asked for it: nothing is written to address 0. */
static inline int put_user_optional(uint64_t to, const void *from, uint64_t bytes)
{
	if (!to)
		return 0;
	return put_user(to, from, bytes);
}

/* An optional timeout: *timeout is `to`, or NULL if the program gave none. */
static inline int get_user_timeout(uint64_t from, struct mote_time *to,
				   const struct mote_time **timeout)
{
	*timeout = from ? to : NULL;
	if (!from)
		return 0;
	return get_user(to, from, sizeof(*to));
}

#endif
