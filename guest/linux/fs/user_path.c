/* SPDX-License-Identifier: Apache-2.0 */
/* Paths out of the program's memory. */
#include "guest/linux/fs/user_path.h"

int64_t user_path(char to[PATH_MAX], uint64_t from)
{
	/* Page by page, so that a short string at a mapping's end is not a fault. */
	for (uint64_t n = 0; n < PATH_MAX;) {
		uint64_t piece = MOTE_PAGE - ((from + n) & (MOTE_PAGE - 1));
		if (piece > PATH_MAX - n)
			piece = PATH_MAX - n;
		if (get_user(to + n, from + n, piece) < 0)
			return -EFAULT;
		const char *end = memchr(to + n, 0, piece);
		if (end)
			return end - to;
		n += piece;
	}
	return -ENAMETOOLONG;
}

int user_path_empty(uint64_t path)
{
	char first;
	if (get_user(&first, path, 1) < 0)
		return -EFAULT;
	return first == '\0';
}
