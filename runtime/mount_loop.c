/* SPDX-License-Identifier: Apache-2.0 */
/* Loop devices (loop(4)), for mounts whose source is a file: the kernel frees each at its end. */
#include "runtime/mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

/* Others take devices at the same time. */
enum { TRIES_MAX = 64 };

static int configure(int device, int file, const char *path, bool readonly)
{
	struct loop_config config = {.fd = (uint32_t)file};
	config.info.lo_flags = LO_FLAGS_AUTOCLEAR;
	if (readonly)
		config.info.lo_flags |= LO_FLAGS_READ_ONLY;
	snprintf((char *)config.info.lo_file_name, LO_NAME_SIZE, "%s", path);
	if (ioctl(device, LOOP_CONFIGURE, &config) < 0)
		return -errno;
	return 0;
}

/* One try: -EBUSY if somebody else was faster. */
static int open_free(int control, int file, const char *path, bool readonly, char *device)
{
	int number = ioctl(control, LOOP_CTL_GET_FREE);
	if (number < 0)
		return -errno;
	snprintf(device, 32, "/dev/loop%d", number);
	cleanup_close int fd = open(device, (readonly ? O_RDONLY : O_RDWR) | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	int rc = configure(fd, file, path, readonly);
	if (rc < 0)
		return rc;
	return take_fd(&fd);
}

int mounts_open_loop(const char *path, bool readonly, int *fd, char *device, struct err *e)
{
	cleanup_close int file =
		open(path, (readonly ? O_RDONLY : O_RDWR) | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (file < 0)
		return err_set(e, ERR_CONFIG, errno, "mount with the option loop: %s: %s", path,
			       strerror(errno));
	cleanup_close int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	if (control < 0)
		return err_sys(e, errno, "mount with the option loop: /dev/loop-control");
	int rc = -EBUSY;
	for (int i = 0; rc == -EBUSY && i < TRIES_MAX; i++)
		rc = open_free(control, file, path, readonly, device);
	if (rc < 0)
		return err_sys(e, -rc, "a loop device of %s", path);
	*fd = rc;
	return 0;
}
