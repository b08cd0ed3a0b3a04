/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MOTE_VM_KVM_IOCTL_H
#define MOTE_VM_KVM_IOCTL_H

#include "base/cleanup.h"

#include <errno.h>
#include <sys/ioctl.h>

/* ioctl() with its error as everywhere in Mote: the result, or -errno. */
must_check static inline int kvm_ioctl(int fd, unsigned long request, const void *arg)
{
	int rc = ioctl(fd, request, arg);
	if (rc < 0)
		return -errno;
	return rc;
}

#endif
