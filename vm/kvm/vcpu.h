/* SPDX-License-Identifier: Apache-2.0 */
/*
 * KVM's side of one vCPU: its descriptor, its run page, KVM_RUN. Its registers are arch/arch.h's.
 */
#ifndef MOTE_VM_KVM_VCPU_H
#define MOTE_VM_KVM_VCPU_H

#include "base/cleanup.h"
#include "base/err.h"
#include "vm/arch/types.h"
#include "vm/kvm/machine.h"

#include <linux/kvm.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

struct kvm_vcpu {
	int fd;              /* owned */
	struct kvm_run *run; /* owned mapping */
	size_t run_bytes;
	unsigned index; /* of the VM's vCPUs: where its kernel stack and state page are */
	struct arch_vcpu arch;
	bool state_due;  /* it loads its extended state when it runs next */
	bool loading;    /* it has not been seen to have done so */
	bool has_run;    /* so its registers may be whatever a guest has left */
	bool dead;       /* KVM cannot run this vCPU any more */
	char detail[96]; /* why */
};

#define KVM_VCPU_NONE ((struct kvm_vcpu){.fd = -1})

enum vcpu_exit {
	VCPU_CALL,        /* the doorbell */
	VCPU_FAULT,       /* an exception reached its stub */
	VCPU_INTERRUPTED, /* a signal, or immediate_exit */
	VCPU_NO_MEMORY,   /* the memory of a mapped file is gone */
	VCPU_DEAD,        /* the guest cannot go on: triple fault, KVM gave up on an instruction */
};

/* A vCPU with its architecture's constants set. kvm_fd is borrowed. */
int kvm_vcpu_create(struct kvm_vcpu *v, const struct machine *m, int kvm_fd, unsigned index,
		    struct err *e) must_check;
void kvm_vcpu_destroy(struct kvm_vcpu *v); /* accepts KVM_VCPU_NONE, and half-built ones */
/* The signals that stay blocked during KVM_RUN. */
int kvm_vcpu_signal_mask(const struct kvm_vcpu *v, const sigset_t *mask) must_check;
/* KVM_RUN once. A signal that came is not an error. v->detail says more about VCPU_DEAD. */
int kvm_vcpu_run(struct kvm_vcpu *v, enum vcpu_exit *out, struct err *e) must_check;
/*
 * Some KVMs move the program counter past an exiting instruction only when the vCPU is run again.
 * This lets them, without running the guest.
 */
int kvm_vcpu_complete_exit(const struct kvm_vcpu *v) must_check;

#endif
