/* SPDX-License-Identifier: Apache-2.0 */
#include "vm/kvm/machine.h"

#include "vm/arch/arch.h"

#include <errno.h>
#include <linux/kvm.h>
#include <sys/ioctl.h>

int machine_create(struct machine *m, int kvm_fd, struct err *e)
{
	arch_prepare();
	m->vm_fd = ioctl(kvm_fd, KVM_CREATE_VM, 0);
	if (m->vm_fd < 0)
		return err_sys(e, errno, "KVM_CREATE_VM");
	int rc = arch_machine_init(m->vm_fd, e);
	if (rc < 0)
		machine_destroy(m);
	return rc;
}

void machine_destroy(struct machine *m)
{
	cleanup_closep(&m->vm_fd);
	*m = MACHINE_NONE;
}
