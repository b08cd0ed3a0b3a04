/* SPDX-License-Identifier: Apache-2.0 */
/* openat2(2) with the container's root. The image's author controls every name and link in it. */
#include "oci/rootfs.h"

#include "base/path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>

int oci_open_in_root(int root_fd, const char *path, int flags)
{
	const struct open_how how = {
		.flags = (uint64_t)(flags | O_CLOEXEC),
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	int fd;
	do
		fd = path_openat2(root_fd, path, &how);
	while (fd == -EINTR);
	return fd;
}
