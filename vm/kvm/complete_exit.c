/* SPDX-License-Identifier: Apache-2.0 */
#include "vm/kvm/ioctl.h"
#include "vm/kvm/vcpu.h"

int kvm_vcpu_complete_exit(const struct kvm_vcpu *v)
{
	v->run->immediate_exit = 1;
	int rc = kvm_ioctl(v->fd, KVM_RUN, NULL);
	v->run->immediate_exit = 0;
	if (rc == -EINTR)
		return 0;
	if (rc < 0)
		return rc;
	return -EIO; /* it ran on */
}
