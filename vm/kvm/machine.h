/* SPDX-License-Identifier: Apache-2.0 */
/* KVM's side of a VM: descriptors, the vCPU, its registers and what it is allowed to see. */
#ifndef MOTE_VM_KVM_MACHINE_H
#define MOTE_VM_KVM_MACHINE_H

#include "abi/layout.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "vm/memory/memory.h"

#include <linux/kvm.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct machine {
	int vm_fd, vcpu_fd; /* owned */
	struct kvm_run *run; /* owned mapping */
	size_t run_bytes;
	uint64_t xcr0;               /* extended state that the guest may use */
	uint32_t xsave_bytes;        /* and what XSAVE needs for it */
	uint64_t cr4;                /* that guests have */
	bool state_due;              /* the vCPU loads its extended state when it runs next */
	bool loading;                /* it has not been seen to have done so */
	bool has_run;                /* so its registers may be whatever a guest has left */
	bool dead;                   /* KVM cannot run this vCPU any more */
	char detail[96];             /* why */
};

/* All that a guest can have changed in a vCPU. */
struct machine_state {
	struct kvm_regs regs;
	struct kvm_sregs sregs;
	uint32_t xsave[1024]; /* struct kvm_xsave, as far as XCR0 of guests goes */
};

enum machine_exit {
	MACHINE_CALL,        /* the doorbell */
	MACHINE_FAULT,       /* an exception reached its stub */
	MACHINE_INTERRUPTED, /* a signal, or immediate_exit */
	MACHINE_DEAD,        /* the guest cannot go on: triple fault, KVM gave up on an instruction */
};

/* Looks at what it needs of /sys, for a process that is to lose it. Others do without. */
void machine_prepare(void);
/*
 * Whether KVM runs guests by hardware virtualisation. If not, code at CPL 3 is native: SYSCALL stays there, and XGETBV
 * reads the host's XCR0.
 */
bool machine_by_hardware(void);
/* Opens /dev/kvm and checks that it can do what Mote needs. The descriptor, or -errno with the reason. */
int machine_open_kvm(struct err *e) must_check;
/* VM and vCPU, its CPUID chosen. kvm_fd is borrowed. */
int machine_create(struct machine *m, int kvm_fd, struct err *e) must_check;
void machine_destroy(struct machine *m); /* accepts a zeroed-and-minus-one'd or half-built one */
/* Sets every register of a new or renewed vCPU to the start state at CPL 3; takes effect with the next run. */
void machine_start(struct machine *m, const struct memory *mem, gva_t rip, gva_t rsp, uint64_t rdi, uint64_t rsi,
		   gva_t gs_base);
/*
 * The state of a stopped vCPU. Finishes the exit that it stopped with first: afterwards RIP is past the
 * instruction on every KVM.
 */
int machine_save(struct machine *m, struct machine_state *out) must_check;
/*
 * Writes a state that was saved to the page from which guests load it. Nothing if it does not fit: machine_reload is then
 * as machine_load.
 */
void machine_keep(const struct machine *m, struct memory *mem, const struct machine_state *s);
/*
 * Sets every register, whatever the vCPU held before; takes effect with the next run. Of the state count the general and
 * extended registers and the bases of FS and GS; control registers and descriptor tables are always the host's.
 */
int machine_load(struct machine *m, const struct memory *mem, const struct machine_state *s) must_check;
/*
 * The same for a state that machine_keep has written to this memory, or to what it is a copy of: the guest begins
 * with loading its extended state, which costs less than having KVM set it.
 */
int machine_reload(struct machine *m, const struct memory *mem, const struct machine_state *s) must_check;
/* Makes of a state that anybody may have written one that can be loaded, with arithmetic flags only. */
void machine_state_sanitize(struct machine_state *s);
/* Makes a vCPU that ran another guest one that machine_start can be called on. */
int machine_renew(struct machine *m) must_check;
/* The signals that stay blocked during KVM_RUN. */
int machine_signal_mask(struct machine *m, const sigset_t *mask) must_check;
/* KVM_RUN once. Not an error: a signal that came. m->detail says more about MACHINE_DEAD. */
int machine_run(struct machine *m, enum machine_exit *out, struct err *e) must_check;
/*
 * After MACHINE_FAULT, from its stub's stack. -EPROTO: the exception was not raised at CPL 3. -ESTALE: a guest that was
 * reset could not load its extended state, and machine_load is to do it.
 */
int machine_fault(struct machine *m, struct memory *mem, struct mote_fault *out) must_check;
/* The registers as they are. After an I/O exit RIP may or may not be past the instruction. */
int machine_context(struct machine *m, struct mote_context *out) must_check;
/* Makes the vCPU go on at CPL 3 with rip, rsp and rdi; other registers as they are. */
int machine_redirect(struct machine *m, const struct memory *mem, uint64_t rip, uint64_t rsp, uint64_t rdi) must_check;

#endif
