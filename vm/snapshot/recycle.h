/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recycled VMs: KVM's part and the memory of a VM whose guest has exited, emptied for the next one.
 * Closing a VM waits for the kernel (0.4 ms alone, milliseconds when many do it), and creating one
 * costs more than all that a guest's start needs; so a process that asks for it keeps some, which a
 * background thread empties, or closes. Nothing of the former guest stays: memory is replaced,
 * every register is set. Any thread may call.
 */
#ifndef MOTE_VM_SNAPSHOT_RECYCLE_H
#define MOTE_VM_SNAPSHOT_RECYCLE_H

#include "vm/kvm/machine.h"
#include "vm/kvm/vcpu.h"
#include "vm/memory/memory.h"

/*
 * Keeps up to `count` empty VMs from now on; 0, as at the beginning: none, and a VM is closed by
 * the thread that destroys it. Ends with what was begun before finished. 0 or -errno (no thread can
 * be made).
 */
int recycle_keep(unsigned count) must_check;
/* A recycled VM with memory for as many bytes. False if none is ready. */
bool recycle_take(uint64_t memory_bytes, struct machine *machine, struct kvm_vcpu *vcpu,
		  struct memory *memory);
/*
 * Takes a VM's machine, vCPU and memory, whatever state they are in; they are empty structures
 * afterwards.
 */
void recycle_give(struct machine *machine, struct kvm_vcpu *vcpu, struct memory *memory);
/* Recycled VMs that are ready now. */
unsigned recycle_ready(void);

#endif
