/* SPDX-License-Identifier: Apache-2.0 */
#include "vm/kvm/open.h"

#include "vm/arch/arch.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <sys/ioctl.h>

static int open_failed(int error, struct err *e)
{
	switch (error) {
	case EACCES:
		return err_set(
			e, ERR_HOST, EACCES,
			"/dev/kvm: permission denied; run as root or as a member of the group kvm");
	case ENOENT:
	case ENXIO:
	case ENODEV:
		return err_set(
			e, ERR_HOST, error,
			"/dev/kvm is missing; load kvm-intel or kvm-amd, or enable virtualisation "
			"for "
			"this machine");
	default:
		return err_sys(e, error, "/dev/kvm");
	}
}

/* The list ends with an entry that has no name. */
static int check_capabilities(int fd, const struct kvm_capability *needed, struct err *e)
{
	for (; needed->name; needed++)
		if (ioctl(fd, KVM_CHECK_EXTENSION, needed->number) <= 0)
			return err_set(e, ERR_HOST, ENOSYS,
				       "/dev/kvm lacks %s; a newer kernel has it", needed->name);
	return 0;
}

int kvm_open(struct err *e)
{
	static const struct kvm_capability portable[] = {
		{KVM_CAP_USER_MEMORY, "KVM_CAP_USER_MEMORY"},
		{KVM_CAP_IMMEDIATE_EXIT, "KVM_CAP_IMMEDIATE_EXIT"},
		{0},
	};
	cleanup_close int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return open_failed(errno, e);
	int version = ioctl(fd, KVM_GET_API_VERSION, 0);
	if (version != KVM_API_VERSION)
		return err_set(e, ERR_HOST, ENOSYS, "/dev/kvm speaks version %d, needed is %d",
			       version, KVM_API_VERSION);
	int rc = check_capabilities(fd, portable, e);
	if (rc == 0)
		rc = check_capabilities(fd, arch_capabilities, e);
	if (rc < 0)
		return rc;
	return take_fd(&fd);
}
