/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the VM asks of an architecture. Everything outside vm/arch/NAME is portable; a new
 * architecture is a directory that defines these.
 */
#ifndef MOTE_VM_ARCH_ARCH_H
#define MOTE_VM_ARCH_ARCH_H

#include "abi/layout.h"
#include "vm/kvm/vcpu.h"
#include "vm/memory/memory.h"

/* --- the host --- */

/* A capability of KVM (KVM_CHECK_EXTENSION). */
struct kvm_capability {
	int number;
	const char *name;
};
/* What this architecture needs beyond what all do; ends with an entry without a name. */
extern const struct kvm_capability arch_capabilities[];
/*
 * Finds out what kind of KVM this is, while the process still sees /sys. Once a process; any
 * thread.
 */
void arch_prepare(void);
/* 64 hexadecimal digits that differ where guests are shown other features of the CPU. */
int arch_cpu_digest(int kvm_fd, char out[65], struct err *e) must_check;

/* --- a VM and its vCPUs --- */

/* Before the VM has a vCPU. */
int arch_machine_init(int vm_fd, struct err *e) must_check;
/* What is the same in every vCPU and what guests cannot change. */
int arch_vcpu_init(struct kvm_vcpu *v, int kvm_fd, struct err *e) must_check;
/* What KVM_RUN returned for; VCPU_DEAD for what no guest of Mote's should bring about. */
enum vcpu_exit arch_exit(const struct kvm_run *run);

/*
 * The kernel window (abi/layout.h): what the CPU and the stubs need. It is Mote's own in every VM,
 * never from a snapshot's file, at the same places of the system block. kernel_window_map lays it
 * out and maps it, for the first vCPU; once for each memory. 0 or -errno.
 */
int kernel_window_map(struct memory *m) must_check;
/*
 * Where system calls go on at user privilege: MOTE_ENTRY_SYSCALL behind the guest runtime's entry.
 */
void kernel_window_set_entry(struct memory *m, gva_t entry);

/* Where a new guest begins, at user privilege: its entry point, stack and two arguments. */
struct arch_start {
	gva_t entry, stack_top;
	uint64_t arg[2];
	gva_t area; /* of its vCPU */
};
/* Sets every register of a new or renewed vCPU; takes effect with the next run. */
void arch_vcpu_start(struct kvm_vcpu *v, const struct memory *mem, const struct arch_start *s);
/* The state of a stopped vCPU, past the instruction that it stopped at. */
int arch_vcpu_save(const struct kvm_vcpu *v, struct arch_vcpu_state *out) must_check;
/*
 * Writes a saved state to the page from which guests load it. No-op if it does not fit:
 * arch_vcpu_reload is then as arch_vcpu_load.
 */
void arch_vcpu_keep(const struct kvm_vcpu *v, struct memory *mem, const struct arch_vcpu_state *s);
/*
 * Sets every register, whatever the vCPU held before; takes effect with the next run. Of the state
 * count the general and extended registers and the thread pointers; privileged registers are always
 * the host's.
 */
int arch_vcpu_load(struct kvm_vcpu *v, const struct memory *mem,
		   const struct arch_vcpu_state *s) must_check;
/*
 * The same for a state that arch_vcpu_keep has written to this memory, or to what it is a copy of:
 * the guest begins with loading its extended state, which costs less than having KVM set it.
 */
int arch_vcpu_reload(struct kvm_vcpu *v, const struct memory *mem,
		     const struct arch_vcpu_state *s) must_check;
/*
 * Makes of a state that anybody may have written one that can be loaded, with arithmetic flags
 * only.
 */
void arch_state_sanitize(struct arch_vcpu_state *s);
/* Makes a vCPU that ran another guest one that arch_vcpu_start can be called on. */
int arch_vcpu_renew(struct kvm_vcpu *v) must_check;
/*
 * After VCPU_FAULT, from its stub's stack. -EPROTO: the exception was not raised at user privilege.
 * -ESTALE: a guest that was reset could not load its extended state, and arch_vcpu_load is to do
 * it.
 */
int arch_vcpu_fault(struct kvm_vcpu *v, const struct memory *mem,
		    struct mote_fault *out) must_check;
/*
 * The registers as they are. After an exit by the doorbell the program counter may or may not be
 * past the instruction.
 */
int arch_vcpu_context(const struct kvm_vcpu *v, struct mote_context *out) must_check;
/* Where a vCPU goes on at user privilege, with one argument; other registers as they are. */
struct arch_redirect {
	uint64_t entry, stack_top, arg;
};
int arch_vcpu_redirect(const struct kvm_vcpu *v, const struct memory *mem,
		       const struct arch_redirect *to) must_check;
/*
 * Continues at user privilege where an exception was raised, as if it had not been; the registers
 * are the guest's own.
 */
int arch_vcpu_continue(const struct kvm_vcpu *v, const struct memory *mem,
		       const struct mote_context *at) must_check;
/* Whether it is for a page that was not present, and for which access (enum memory_access). */
bool arch_fault_absent(const struct mote_fault *f, unsigned *access);
/* Makes it one for a page that is mapped without the access. */
void arch_fault_deny(struct mote_fault *f);
/*
 * What is said of an exception that ends a guest, and the number that its outcome has: the CPU's
 * for it.
 */
void arch_fault_describe(const struct mote_fault *f, char *text, size_t bytes);
/* The number for what no exception is: the guest's kernel or KVM cannot go on. */
extern const int arch_fatal_vector;

#endif
