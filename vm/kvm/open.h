/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MOTE_VM_KVM_OPEN_H
#define MOTE_VM_KVM_OPEN_H

#include "base/cleanup.h"
#include "base/err.h"

/*
 * Opens /dev/kvm and checks that it can do what Mote needs. The descriptor, or -errno with the
 * reason.
 */
int kvm_open(struct err *e) must_check;

#endif
