/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is x86-64 in the interface of host and guest: addresses, ways out of the VM, the kernel
 * window with the CPU's tables, register frames, and the few instructions that guest code needs.
 * layout.h includes it; the assembler reads the constants. A port defines the same names in a file
 * of its own: interface.h lists them.
 */
#ifndef MOTE_ABI_ARCH_X86_64_H
#define MOTE_ABI_ARCH_X86_64_H

/* --- the address space, as layout.h draws it --- */

#define MOTE_WINDOW     0x7d0000000000
#define MOTE_IMAGE_VA   MOTE_WINDOW
#define MOTE_BOOT_VA    0x7d1000000000
#define MOTE_PROGRAM_VA 0x7d1040000000
/*
 * After the initial stack, whose top page begins a group of eight: KVM with shadow paging then
 * gives the guest both by one fault.
 */
#define MOTE_AREAS_VA   0x7d1400019000
#define MOTE_FREE_VA    0x7d1800000000
#define MOTE_KERNEL     0x7dff00000000
#define MOTE_KERNEL_END 0x7dff40000000
#define MOTE_WINDOW_END MOTE_KERNEL_END
/* The highest address a guest mapping may end at. */
#define MOTE_VA_END 0x7ffffffff000

/* --- ways out of the VM: I/O ports, of which the value written is ignored --- */

#define MOTE_PORT_CALL 0x10 /* the doorbell: a host call is in the vCPU area's frame */
/* from the CPL 0 stubs: an exception's vector and frame are on its stack */
#define MOTE_PORT_FAULT 0x11
/* The TSS I/O bitmap allows CPL 3 the ports below 8 * MOTE_IO_BITMAP_BYTES whose bit is clear. */
#define MOTE_IO_BITMAP_BYTES 4

/* --- the kernel window: supervisor only, but for two pages --- */

#define MOTE_KERNEL_CS 0x10
#define MOTE_USER_CS   0x33
#define MOTE_USER_DS   0x2b

#define MOTE_KERNEL_TABLES MOTE_KERNEL /* one page: GDT, TSS, IDT */
#define MOTE_KERNEL_GDT_AT 0x000
#define MOTE_KERNEL_TSS_AT 0x100
#define MOTE_KERNEL_IDT_AT 0x400
/* one page: MOTE_VECTORS stubs, SYSCALL's */
#define MOTE_KERNEL_STUBS      (MOTE_KERNEL + 0x1000)
#define MOTE_KERNEL_STUB_BYTES 16
#define MOTE_VECTORS           32
#define MOTE_KERNEL_SYSCALL_AT (MOTE_VECTORS * MOTE_KERNEL_STUB_BYTES)
/*
 * One page that CPL 3 executes: the way into a system call if SYSCALL stays at CPL 3 (KVM without
 * hardware virtualisation), also for programs that jump here with the return address in RCX; and
 * the stub that loads the extended state.
 */
#define MOTE_KERNEL_USER_STUBS      (MOTE_KERNEL + 0x2000)
#define MOTE_KERNEL_USER_SYSCALL_AT 0x00
#define MOTE_KERNEL_LOAD_AT         0x40
/*
 * One page, read-only at CPL 3: the extended state of a snapshot's guest, in XRSTOR's format;
 * behind it the registers that the stub at MOTE_KERNEL_LOAD_AT needs, at which a guest that is
 * reset begins; and where system calls continue.
 */
#define MOTE_KERNEL_STATE  (MOTE_KERNEL + 0x3000)
#define MOTE_STATE_BYTES   0xfc0
#define MOTE_STATE_MASK    0xfc0 /* of components: XCR0 */
#define MOTE_STATE_RAX     0xfc8
#define MOTE_STATE_RDX     0xfd0
#define MOTE_STATE_RIP     0xfd8
#define MOTE_STATE_RCX     0xfe0
#define MOTE_STATE_SYSCALL 0xfe8
/*
 * One page a vCPU: at its beginning the frame with which a system call returns to CPL 3; IST2 in
 * its middle, IST1 at its end.
 */
#define MOTE_KERNEL_STACKS       (MOTE_KERNEL + 0x10000)
#define MOTE_KERNEL_FRAME_AT     0x00
#define MOTE_KERNEL_FRAME_RSP_AT 0x18

#ifndef __ASSEMBLER__

#include <stddef.h>
#include <stdint.h>

/* --- registers --- */

/* What the CPU held when an exception or an event stopped CPL 3 code. */
struct mote_context {
	uint64_t rax, rbx, rcx, rdx, rsi, rdi, rbp, rsp;
	uint64_t r8, r9, r10, r11, r12, r13, r14, r15;
	uint64_t rip, rflags;
};
_Static_assert(offsetof(struct mote_context, rdi) == 0x28 &&
		       offsetof(struct mote_context, rsp) == 0x38 &&
		       offsetof(struct mote_context, r15) == 0x78 &&
		       offsetof(struct mote_context, rip) == 0x80 &&
		       offsetof(struct mote_context, rflags) == 0x88,
	       "as the guest's assembly has them");

static inline uint64_t mote_context_pc(const struct mote_context *c)
{
	return c->rip;
}

static inline uint64_t mote_context_sp(const struct mote_context *c)
{
	return c->rsp;
}

/* --- instructions of guest code --- */

/* The address of this vCPU's area, which begins with it: %gs:0. */
static inline void *mote_arch_area(void)
{
	void *area;
	__asm__("mov %%gs:0, %0" : "=r"(area));
	return area;
}

/*
 * Exits to the host, which may read and write any of the guest's memory meanwhile. It must not rely
 * on RIP, which is past the instruction on some KVMs and at it on others.
 */
static inline void mote_arch_doorbell(void)
{
	__asm__ volatile("outb %%al, %0" : : "i"(MOTE_PORT_CALL), "a"(0) : "memory");
}

/* A counter that goes at one rate on all CPUs: struct mote_clock is in its units. */
static inline uint64_t mote_arch_cycles(void)
{
	uint32_t low, high;
	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high) : : "memory");
	return (uint64_t)high << 32 | low;
}

/* Within a loop that waits for another CPU. */
static inline void mote_arch_relax(void)
{
	__builtin_ia32_pause();
}

#endif /* __ASSEMBLER__ */
#endif
