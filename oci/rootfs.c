/* SPDX-License-Identifier: Apache-2.0 */
/* openat2(2) with the container's root. The image's author controls every name and link in it. */
#include "oci/rootfs.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <sys/syscall.h>

int oci_open_in_root(int root_fd, const char *path, int flags)
{
	struct open_how how = {
		.flags = (uint64_t)(flags | O_CLOEXEC),
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	int fd;
	do
		fd = (int)syscall(SYS_openat2, root_fd, path, &how, sizeof(how));
	while (fd < 0 &&
	       (errno == EAGAIN || errno == EINTR)); /* EAGAIN: a rename raced with the look-up */
	return fd < 0 ? -errno : fd;
}
