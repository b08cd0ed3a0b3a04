/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shells: what is left of a VM when its guest is gone. Closing a VM waits for the kernel (0.4 ms alone,
 * milliseconds when many do it), and creating one costs more than all that a guest's start needs; so a
 * process that asks for it keeps shells for its next guests, and a thread of its own empties and closes.
 * Nothing of the former guest stays: memory is replaced, every register set anew. Any thread may call.
 */
#ifndef MOTE_VM_SNAPSHOT_RECYCLE_H
#define MOTE_VM_SNAPSHOT_RECYCLE_H

#include "vm/kvm/machine.h"
#include "vm/kvm/vcpu.h"
#include "vm/memory/memory.h"

/*
 * Keeps up to `count` empty shells from now on; 0, as at the beginning: none, and a VM is closed by the
 * thread that destroys it. Ends with what was begun before finished. 0 or -errno (no thread can be made).
 */
int shell_keep(unsigned count) must_check;
/* A shell with memory for as many bytes, emptied. False where none is ready. */
bool shell_take(uint64_t memory_bytes, struct machine *machine, struct kvm_vcpu *vcpu, struct memory *memory);
/* Takes a VM's machine, vCPU and memory, whatever state they are in; they are empty structures afterwards. */
void shell_give(struct machine *machine, struct kvm_vcpu *vcpu, struct memory *memory);
/* Shells that are ready now. */
unsigned shell_ready(void);

#endif
