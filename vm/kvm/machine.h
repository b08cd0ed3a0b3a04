/* SPDX-License-Identifier: Apache-2.0 */
/* KVM's side of a whole VM. Its vCPUs are kvm/vcpu.h's, its memory slots memory/memory.h's. */
#ifndef MOTE_VM_KVM_MACHINE_H
#define MOTE_VM_KVM_MACHINE_H

#include "base/cleanup.h"
#include "base/err.h"

struct machine {
	int vm_fd; /* owned */
};

#define MACHINE_NONE ((struct machine){.vm_fd = -1})

/* A VM without memory or vCPUs, set up as the architecture needs it. kvm_fd is borrowed. */
int machine_create(struct machine *m, int kvm_fd, struct err *e) must_check;
void machine_destroy(struct machine *m); /* accepts MACHINE_NONE */

#endif
