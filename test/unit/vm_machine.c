/* SPDX-License-Identifier: Apache-2.0 */
/* A machine without a guest of Mote's: what its CPL 0 code may do where that is somebody else's. */
#include "vm/kvm/machine.h"

#include "vm/arch/arch.h"
#include "vm/arch/x86_64/kernel_window.h"
#include "vm/kvm/open.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { VECTOR_UD = 6, PAGE = 4096, CODE_VA = 0x400000 };

static struct machine machine;
static struct kvm_vcpu vcpu;
static struct memory memory;
static const struct arch_start start = {.entry = {CODE_VA}, .stack_top = {CODE_VA}};

static void setup(void)
{
	struct err e = {0};
	int kvm = kvm_open(&e);
	cr_assert(kvm >= 0, "%s", e.text);
	cr_assert(machine_create(&machine, kvm, &e) == 0, "%s", e.text);
	cr_assert(kvm_vcpu_create(&vcpu, &machine, kvm, 0, &e) == 0, "%s", e.text);
	cr_assert(memory_init(&memory, machine.vm_fd, 16 << 20, &e) == 0, "%s", e.text);
	cr_assert(kernel_window_map(&memory) == 0);
	kernel_window_set_entry(&memory, gva(CODE_VA));
	close(kvm);
}

static void teardown(void)
{
	kvm_vcpu_destroy(&vcpu);
	machine_destroy(&machine);
	memory_destroy(&memory);
}

TestSuite(vm_machine, .init = setup, .fini = teardown);

static uint8_t *host_of(uint64_t va)
{
	struct iovec at;
	cr_assert(memory_span(&memory, gva(va), 1, MEMORY_READ, &at, 1) == 1);
	return at.iov_base;
}

/* CPL 3 code raises #UD, whose stub now reads EFER and then makes a call. */
static enum vcpu_exit read_msr(void)
{
	static const uint8_t ud2[] = {0x0f, 0x0b};
	static const uint8_t stub[] = {0xb9, 0x80, 0x00,           0x00, 0xc0, 0x0f,
				       0x32, 0xe6, MOTE_PORT_CALL, 0xeb, 0xfe};
	struct err e = {0};
	enum vcpu_exit why;
	cr_assert(memory_map(&memory, gva(CODE_VA), PAGE, MEMORY_READ | MEMORY_EXEC) == 0);
	memcpy(host_of(CODE_VA), ud2, sizeof(ud2));
	memcpy(memory_at(&memory, KERNEL_STUBS_AT, PAGE) + VECTOR_UD * MOTE_KERNEL_STUB_BYTES, stub,
	       sizeof(stub));
	arch_vcpu_start(&vcpu, &memory, &start);
	cr_assert(kvm_vcpu_run(&vcpu, &why, &e) == 0, "%s", e.text);
	return why;
}

Test(vm_machine, cpl_0_code_is_denied_msrs)
{
	struct mote_fault f;
	cr_expect(read_msr() == VCPU_FAULT, "%s", vcpu.detail);
	cr_expect(arch_vcpu_fault(&vcpu, &memory, &f) == -EPROTO, "#GP was raised at CPL 0");
}

static uint8_t shadow(void)
{
	struct kvm_vcpu_events events;
	cr_assert(ioctl(vcpu.fd, KVM_GET_VCPU_EVENTS, &events) == 0);
	return events.interrupt.shadow;
}

static void leave_shadow(void)
{
	const struct kvm_vcpu_events events = {
		.flags = KVM_VCPUEVENT_VALID_SHADOW,
		.interrupt.shadow = KVM_X86_SHADOW_INT_STI,
	};
	cr_assert(ioctl(vcpu.fd, KVM_SET_VCPU_EVENTS, &events) == 0 && shadow() != 0);
	vcpu.has_run = true;
}

/*
 * A guest that is ended right behind an STI at CPL 0: the next one's vCPU would not start, having
 * no IF.
 */
Test(vm_machine, nothing_of_an_sti_stays)
{
	struct arch_vcpu_state s = {0};
	leave_shadow();
	cr_assert(arch_vcpu_renew(&vcpu) == 0);
	cr_expect(shadow() == 0);
	arch_vcpu_start(&vcpu, &memory, &start);
	cr_assert(arch_vcpu_save(&vcpu, &s) == 0);
	leave_shadow();
	cr_assert(arch_vcpu_load(&vcpu, &memory, &s) == 0 && arch_vcpu_save(&vcpu, &s) == 0);
	cr_expect(shadow() == 0);
}

static unsigned protections;

/* Instead of the C library's: how often the host drops translations. */
int mprotect(void *at, size_t bytes, int prot)
{
	protections++;
	return (int)syscall(SYS_mprotect, at, bytes, prot);
}

/*
 * Neighbours of a guest's may be anywhere in its memory: no reason for the host to drop
 * translations page by page.
 */
Test(vm_machine, scattered_pages_are_protected_at_once)
{
	enum { HALF = 1500, RW = MEMORY_READ | MEMORY_WRITE };
	for (uint64_t i = 0; i < 2 * HALF; i++)
		cr_assert(memory_map(&memory, gva(CODE_VA + (i % 2 * HALF + i / 2) * PAGE), PAGE,
				     RW) == 0);
	protections = 0;
	cr_assert(memory_protect(&memory, gva(CODE_VA), 2 * HALF * PAGE, MEMORY_READ) == 0);
	cr_expect(protections > 0 && protections < 200, "%u", protections);
	cr_expect(!memory.broken && memory_write(&memory, gva(CODE_VA + PAGE), "", 1) == -EFAULT);
	protections = 0;
	cr_assert(memory_protect(&memory, gva(CODE_VA), 2 * PAGE, RW) == 0);
	cr_expect(protections == 4, "%u", protections);
}
