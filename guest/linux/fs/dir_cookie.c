/* SPDX-License-Identifier: Apache-2.0 */
/* How far directories have been read. */
#include "guest/linux/fs/dir_cookie.h"

#include "guest/linux/fs/fd_paths.h"

static int64_t cookies[DESCRIPTORS_MAX];

int64_t dir_cookie(int32_t fd)
{
	if (fd < 0 || fd >= DESCRIPTORS_MAX)
		return 0;
	return cookies[fd];
}

void dir_cookie_set(int32_t fd, int64_t cookie)
{
	if (fd >= 0 && fd < DESCRIPTORS_MAX)
		cookies[fd] = cookie;
}
