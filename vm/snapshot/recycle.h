/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recycled VMs: KVM's part and the memory of a VM whose guest has exited, emptied for the next one.
 * Closing a VM waits for the kernel (0.4 ms alone, milliseconds when many do it), and creating one
 * costs more than all that a guest's start needs; so a process that asks for it keeps some, which a
 * background thread empties, or closes. Nothing of the former guest stays: memory is replaced,
 * every register is set. A VM that was made from an image is reset to it instead if the VM that was
 * asked for last is to be of the same one: the next guest then finds pages where it needs them.
 * Any thread may call.
 */
#ifndef MOTE_VM_SNAPSHOT_RECYCLE_H
#define MOTE_VM_SNAPSHOT_RECYCLE_H

#include "vm/kvm/machine.h"
#include "vm/kvm/vcpu.h"
#include "vm/memory/memory.h"

/* What a VM was made from and can be reset to. */
struct recycle_image {
	void *image; /* owned reference; NULL: it can be emptied only */
	/*
	 * Undoes all that a guest did in memory and vCPU. 0, or -errno: the VM has to be emptied or
	 * closed.
	 */
	int (*reset)(void *image, struct memory *memory, struct kvm_vcpu *vcpu);
	/* Whether references to the image are held by recycled VMs alone. */
	bool (*is_left)(const void *image);
	/* Gives the reference back. Called with a lock of this file's: it calls none of it. */
	void (*drop)(void *image);
};

/*
 * Keeps up to `count` VMs from now on; 0, as at the beginning: none, and a VM is closed by
 * the thread that destroys it. Ends with what was begun before finished. 0 or -errno (no thread can
 * be made).
 */
int recycle_keep(unsigned count) must_check;
/*
 * A recycled VM with memory for as many bytes: as `image` has it, with kept->image a reference to
 * it, or empty, with kept->image NULL. False if none is ready.
 */
bool recycle_take(const void *image, uint64_t memory_bytes, struct machine *machine,
		  struct kvm_vcpu *vcpu, struct memory *memory, struct recycle_image *kept);
/*
 * Takes a VM's machine, vCPU and memory, whatever state they are in, and what it was made from;
 * they are empty structures afterwards.
 */
void recycle_give(struct machine *machine, struct kvm_vcpu *vcpu, struct memory *memory,
		  struct recycle_image *image);
/*
 * A reference to an image was given back: if those that are left are of recycled VMs alone, these
 * are emptied. The image may be gone.
 */
void recycle_leave(const void *image);
/* Recycled VMs that are ready now. */
unsigned recycle_ready(void);

#endif
