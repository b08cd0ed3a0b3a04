/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A guest runtime for the tests of vm/: argv[0] names what it shall do. It ends with status 0 if
 * all was as expected; see guest_check.h.
 */
#include "guest_check.h"

#include <linux/errno.h>

static struct mote_area *area;
static volatile uint64_t seen_vector, seen_address, seen_error;
static char fault_stack[4096] __attribute__((aligned(16)));

#define SCRATCH 0x10000000UL

/* Exceptions of the CPU. */
enum {
	VECTOR_DIVIDE = 0,
	VECTOR_INVALID_OPCODE = 6,
	VECTOR_GENERAL_PROTECTION = 13,
	VECTOR_PAGE_FAULT = 14
};

/* Where try() goes on after a fault: RSP, RIP. */
__attribute__((used)) static void *resume_stack[2];

/* By IRETQ at CPL 3, as guest runtimes do. */
static void resume(uint64_t rip, uint64_t rsp)
{
	uint64_t frame[5] = {rip, MOTE_USER_CS, 0x202, rsp, MOTE_USER_DS};
	area->fault_busy = 0;
	__asm__ volatile("mov %0, %%rsp\n\tiretq" : : "r"(frame) : "memory");
	__builtin_unreachable();
}

__attribute__((used)) static void on_fault(struct mote_area *a)
{
	seen_vector = a->fault.vector;
	seen_address = a->fault.address;
	seen_error = a->fault.error_code;
	resume((uint64_t)resume_stack[1], (uint64_t)resume_stack[0]);
}

/* Calls f(arg); returns 0 when it returned, 1 when it faulted. */
int try(void (*f)(uint64_t), uint64_t arg);
/* clang-format off */
__asm__("try:\n"
	"	push %rbx\n	push %rbp\n	push %r12\n	push %r13\n	push %r14\n"
	"	push %r15\n	sub $8, %rsp\n"
	"	mov %rsp, resume_stack(%rip)\n"
	"	lea 1f(%rip), %rax\n"
	"	mov %rax, 8+resume_stack(%rip)\n"
	"	mov %rdi, %rax\n	mov %rsi, %rdi\n"
	"	call *%rax\n"
	"	xor %eax, %eax\n	jmp 2f\n"
	"1:	mov $1, %eax\n"
	"2:	add $8, %rsp\n	pop %r15\n	pop %r14\n	pop %r13\n	pop %r12\n"
	"	pop %rbp\n	pop %rbx\n	ret\n");
/* clang-format on */

__attribute__((noinline)) static void do_read(uint64_t at)
{
	(void)*(volatile uint64_t *)at;
}

__attribute__((noinline)) static void do_write(uint64_t at)
{
	*(volatile uint64_t *)at = 0x1122334455667788;
}

static void do_exec(uint64_t at)
{
	((void (*)(void))at)();
}

static void do_divide(uint64_t by)
{
	__asm__ volatile("divl %0" : : "r"((uint32_t)by), "a"(1), "d"(0) : "cc");
}

static void do_ud2(uint64_t unused)
{
	(void)unused;
	__asm__ volatile("ud2");
}

static void do_out(uint64_t unused)
{
	(void)unused;
	__asm__ volatile("outb %%al, %0" : : "i"(MOTE_PORT_FAULT), "a"(0));
}

static void do_cli(uint64_t unused)
{
	(void)unused;
	__asm__ volatile("cli");
}

static void do_rdmsr(uint64_t unused)
{
	(void)unused;
	__asm__ volatile("rdmsr" : : "c"(0x10) : "eax", "edx");
}

static int page_fault(uint64_t at, uint64_t error)
{
	return seen_vector == VECTOR_PAGE_FAULT && seen_address == at &&
	       (seen_error & 0x17) == error;
}

static void test_memory(void)
{
	CHECK_EQ(try(do_read, SCRATCH), 1);
	CHECK(page_fault(SCRATCH, 4));
	CHECK_EQ(mote_mem_map(area, SCRATCH, 0x3000, MOTE_PROT_READ | MOTE_PROT_WRITE), 0);
	CHECK_EQ(mote_mem_map(area, SCRATCH + 0x2000, 0x1000, MOTE_PROT_READ), -EEXIST);
	CHECK_EQ(try(do_write, SCRATCH + 0x1000), 0);
	CHECK_EQ(mote_mem_protect(area, SCRATCH + 0x1000, 0x1000, MOTE_PROT_READ), 0);
	CHECK_EQ(try(do_write, SCRATCH + 0x1000), 1);
	CHECK(page_fault(SCRATCH + 0x1000, 7));
	CHECK_EQ(*(volatile uint64_t *)(SCRATCH + 0x1000), 0x1122334455667788);
	CHECK_EQ(try(do_exec, SCRATCH), 1);
	CHECK(page_fault(SCRATCH, 0x15));
	CHECK_EQ(try(do_write, SCRATCH + 0x2000), 0);
	CHECK_EQ(try(do_write, SCRATCH), 0);
	CHECK_EQ(mote_mem_protect(area, SCRATCH + 0x1000, 0x1000, 0), 0);
	CHECK_EQ(try(do_read, SCRATCH + 0x1000), 1);
	CHECK_EQ(mote_mem_protect(area, SCRATCH + 0x1000, 0x1000, MOTE_PROT_READ | MOTE_PROT_WRITE),
		 0);
	CHECK_EQ(*(volatile uint64_t *)(SCRATCH + 0x1000), 0x1122334455667788);
	CHECK_EQ(mote_mem_zero(area, SCRATCH, 0x3000), 0);
	CHECK_EQ(*(volatile uint64_t *)(SCRATCH + 0x1000), 0);
	CHECK_EQ(mote_mem_unmap(area, SCRATCH, 0x3000), 0);
	CHECK_EQ(try(do_read, SCRATCH + 0x2000), 1);
	CHECK(page_fault(SCRATCH + 0x2000, 4));
	CHECK_EQ(mote_mem_protect(area, SCRATCH, 0x1000, MOTE_PROT_READ), -ENOMEM);
	/* A new mapping is zeroed. */
	CHECK_EQ(mote_mem_map(area, SCRATCH, 0x3000, MOTE_PROT_READ | MOTE_PROT_WRITE), 0);
	for (uint64_t at = SCRATCH; at < SCRATCH + 0x3000; at += 8)
		CHECK_EQ(*(volatile uint64_t *)at, 0);
}

/* Large pages: mapped, split by a protection of a part, unmapped in parts. */
static void test_large(void)
{
	uint64_t large = 0x200000;
	CHECK_EQ(mote_mem_map(area, SCRATCH * 2, 3 * large, MOTE_PROT_READ | MOTE_PROT_WRITE), 0);
	for (uint64_t at = SCRATCH * 2; at < SCRATCH * 2 + 3 * large; at += 0x1000)
		*(volatile uint64_t *)at = at;
	CHECK_EQ(mote_mem_protect(area, SCRATCH * 2 + 0x5000, 0x1000, MOTE_PROT_READ), 0);
	CHECK_EQ(try(do_write, SCRATCH * 2 + 0x5000), 1);
	CHECK(page_fault(SCRATCH * 2 + 0x5000, 7));
	CHECK_EQ(try(do_write, SCRATCH * 2 + 0x6000), 0);
	CHECK_EQ(try(do_write, SCRATCH * 2 + 0x4000), 0);
	CHECK_EQ(try(do_write, SCRATCH * 2 + 0x5000), 1);
	CHECK(page_fault(SCRATCH * 2 + 0x5000, 7));
	CHECK_EQ(mote_mem_unmap(area, SCRATCH * 2 + large + 0x1000, large), 0);
	CHECK_EQ(try(do_read, SCRATCH * 2 + large + 0x1000), 1);
	CHECK_EQ(try(do_read, SCRATCH * 2 + 2 * large), 1);
	CHECK_EQ(*(volatile uint64_t *)(SCRATCH * 2 + large), SCRATCH * 2 + large);
	CHECK_EQ(*(volatile uint64_t *)(SCRATCH * 2 + 2 * large + 0x1000),
		 SCRATCH * 2 + 2 * large + 0x1000);
	CHECK_EQ(mote_mem_unmap(area, SCRATCH * 2, 3 * large), 0);
}

static void test_faults(void)
{
	CHECK_EQ(try(do_divide, 0), 1);
	CHECK_EQ(seen_vector, VECTOR_DIVIDE);
	CHECK_EQ(try(do_ud2, 0), 1);
	CHECK_EQ(seen_vector, VECTOR_INVALID_OPCODE);
	CHECK_EQ(try(do_out, 0), 1);
	CHECK_EQ(seen_vector, VECTOR_GENERAL_PROTECTION);
	CHECK_EQ(try(do_cli, 0), 1);
	CHECK_EQ(seen_vector, VECTOR_GENERAL_PROTECTION);
	CHECK_EQ(try(do_rdmsr, 0), 1);
	CHECK_EQ(seen_vector, VECTOR_GENERAL_PROTECTION);
	CHECK_EQ(try(do_read, MOTE_KERNEL_TABLES), 1);
	CHECK(page_fault(MOTE_KERNEL_TABLES, 5));
	CHECK_EQ(try(do_write, MOTE_KERNEL_STUBS), 1);
	CHECK(page_fault(MOTE_KERNEL_STUBS, 7));
	CHECK_EQ(try(do_write, (uint64_t)&test_faults), 1);
	CHECK_EQ(seen_vector, VECTOR_PAGE_FAULT);
}

static void test_bounds(void)
{
	CHECK_EQ(mote_mem_map(area, 0, 0x1000, MOTE_PROT_READ), -EINVAL);
	CHECK_EQ(mote_mem_map(area, SCRATCH + 1, 0x1000, MOTE_PROT_READ), -EINVAL);
	CHECK_EQ(mote_mem_map(area, SCRATCH, 0, MOTE_PROT_READ), -EINVAL);
	CHECK_EQ(mote_mem_map(area, SCRATCH, 0x1000, 0), -EINVAL);
	CHECK_EQ(mote_mem_map(area, SCRATCH, 0x1000, MOTE_MAP_FILL), -EINVAL);
	CHECK_EQ(mote_mem_map(area, MOTE_KERNEL, 0x1000, MOTE_PROT_READ), -EINVAL);
	CHECK_EQ(mote_mem_map(area, MOTE_KERNEL - 0x1000, 0x2000, MOTE_PROT_READ), -EINVAL);
	CHECK_EQ(mote_mem_map(area, 0x800000000000, 0x1000, MOTE_PROT_READ), -EINVAL);
	CHECK_EQ(mote_mem_map(area, SCRATCH, ~0xfffUL, MOTE_PROT_READ), -EINVAL);
	CHECK_EQ(mote_mem_unmap(area, MOTE_KERNEL, 0x1000), -EINVAL);
	CHECK_EQ(
		mote_mem_protect(area, MOTE_KERNEL_STUBS, 0x1000, MOTE_PROT_READ | MOTE_PROT_WRITE),
		-EINVAL);
	CHECK_EQ(mote_mem_map(area, SCRATCH, 1UL << 40, MOTE_PROT_READ), -ENOMEM);
	area->frame.nr = 9999;
	CHECK_EQ(mote_hostcall(area), -ENOSYS);
	CHECK_EQ(mote_log(area, (const char *)8, 100), -EFAULT);
	CHECK_EQ(mote_log(area, (const char *)MOTE_KERNEL_TABLES, 100), -EFAULT);
	CHECK_EQ(mote_log(area, "x", 1UL << 40), -E2BIG);
}

static void test_payload(const struct mote_boot *boot)
{
	const char *payload = (const char *)MOTE_PROGRAM_VA;
	CHECK_EQ(boot->program_bytes, 5000);
	CHECK_EQ(payload[0], 'p');
	CHECK_EQ(payload[4999], 'q');
	CHECK_EQ(payload[5000], 0);
	CHECK_EQ(try(do_write, MOTE_PROGRAM_VA), 1);
	CHECK_EQ(mote_mem_map_program(area, SCRATCH, 0x1000, 0x1000,
				      MOTE_PROT_READ | MOTE_PROT_WRITE),
		 0);
	CHECK_EQ(*(char *)(SCRATCH + 4999 - 4096), 'q');
	CHECK_EQ(try(do_write, SCRATCH), 0);
	CHECK_EQ(mote_mem_map_program(area, SCRATCH + 0x1000, 0x2000, 0x1000, MOTE_PROT_READ),
		 -EINVAL);
	CHECK_EQ(mote_mem_unmap(area, SCRATCH, 0x1000), 0);
	CHECK_EQ(try(do_read, SCRATCH), 1);
	const struct mote_mapping many[] = {
		{.addr = SCRATCH, .bytes = 0x1000, .from = 0x1000, .prot = MOTE_PROT_READ},
		{
			.addr = SCRATCH + 0x1000,
			.bytes = 0x1000,
			.from = MOTE_MAP_ZEROED,
			.prot = MOTE_PROT_READ | MOTE_PROT_WRITE,
		},
		{.addr = SCRATCH + 0x2000, .bytes = 0x2000, .from = 0x1000, .prot = MOTE_PROT_READ},
		{
			.addr = SCRATCH + 0x4000,
			.bytes = 0x1000,
			.from = MOTE_MAP_ZEROED,
			.prot = MOTE_PROT_READ,
		},
	};
	CHECK_EQ(mote_mem_map_many(area, many, sizeof(many) - 1), -EINVAL);
	CHECK_EQ(try(do_read, SCRATCH), 1);
	CHECK_EQ(mote_mem_map_many(area, many, sizeof(many)),
		 -EINVAL); /* the third: beyond the file */
	CHECK_EQ(*(char *)(SCRATCH + 4999 - 4096), 'q');
	CHECK_EQ(try(do_write, SCRATCH), 1);
	CHECK_EQ(try(do_write, SCRATCH + 0x1000), 0);
	CHECK_EQ(try(do_read, SCRATCH + 0x4000), 1);
	CHECK_EQ(mote_mem_map_many(area, many, sizeof(many[0])), -EEXIST);
	CHECK_EQ(mote_mem_unmap(area, SCRATCH, 0x2000), 0);
	CHECK_EQ(payload[0], 'p');
}

/* The system-call stub goes on at the runtime's entry, whatever CPL it was reached at. */
__attribute__((used)) static uint64_t seen_rax;
/* clang-format off */
__asm__("on_syscall:\n"
	"	mov %rax, seen_rax(%rip)\n"
	"	mov $42, %eax\n"
	"	jmp *%rcx\n");
/* clang-format on */

static void test_syscall(void)
{
	for (int i = 0; i < 3; i++) {
		uint64_t rax = 1234 + (uint64_t)i, rbx = 77;
		__asm__ volatile("syscall" : "+a"(rax), "+b"(rbx) : : "rcx", "r11", "memory");
		CHECK_EQ(rax, 42);
		CHECK_EQ(rbx, 77);
		CHECK_EQ(seen_rax, 1234 + (uint64_t)i);
	}
}

static int same(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	return *a == *b;
}

#pragma GCC diagnostic ignored "-Winfinite-recursion"
static void recurse(uint64_t depth)
{
	volatile char big[512];
	big[0] = (char)depth;
	recurse(depth + 1);
	big[1] = big[0];
}

/* Function calls as the host's test expects them: each message comes back as it is, until "end". */
static void test_exchange(const struct mote_boot *boot)
{
	static char buffer[8192];
	CHECK(boot->flags & MOTE_BOOT_CALLS);
	CHECK_EQ(mote_exchange(area, (uint64_t)buffer, 8193, (uint64_t)buffer, 16), -E2BIG);
	CHECK_EQ(mote_exchange(area, 8, 5, (uint64_t)buffer, 16), -EFAULT);
	CHECK_EQ(mote_exchange(area, (uint64_t)buffer, 0, (uint64_t)buffer, 16), -EINVAL);
	int64_t n = mote_exchange(area, (uint64_t) "ready", 5, (uint64_t)buffer, 16);
	for (;;) {
		CHECK(n > 0);
		if (n > 16) { /* did not fit: asked for again */
			CHECK_EQ(mote_exchange(area, (uint64_t) "x", 1, (uint64_t)buffer, 16),
				 -EINVAL);
			CHECK_EQ(mote_exchange(area, 0, 0, (uint64_t)buffer, 16), n);
			CHECK_EQ(mote_exchange(area, 0, 0, (uint64_t)buffer, sizeof(buffer)), n);
			CHECK_EQ(mote_exchange(area, 0, 0, (uint64_t)buffer, sizeof(buffer)),
				 -EINVAL);
		}
		if (n == 3 && buffer[0] == 'e')
			return;
		if (n == 4 && buffer[0] == 'l')
			for (;;)
				__asm__ volatile("pause");
		uint64_t reply = n == 4 && buffer[0] == 'h' ? 8 : (uint64_t)buffer;
		n = mote_exchange(area, (uint64_t)buffer, (uint64_t)n, reply, 16);
	}
}

_Static_assert(MOTE_ENTRY_SYSCALL == 16, "below");
/* clang-format off */
__asm__(".globl mote_guest_entry\n"
	"mote_guest_entry:\n	jmp start\n	.org mote_guest_entry + 16, 0xcc\n"
	"	jmp on_syscall\n");
/* clang-format on */

void start(const struct mote_boot *boot, struct mote_area *a);
void start(const struct mote_boot *boot, struct mote_area *a)
{
	area = a;
	const uint32_t *argv = (const void *)((const char *)boot + boot->argv);
	const char *what = boot->argc ? (const char *)boot + argv[0] : "";
	CHECK_EQ(boot->magic, MOTE_BOOT_MAGIC);
	CHECK_EQ(boot->abi_version, MOTE_ABI_VERSION);
	CHECK_EQ(mote_area(), a);
	CHECK_EQ(a->self, (uint64_t)a);
	area->fault_stack_top = (uint64_t)(fault_stack + sizeof(fault_stack)) - 8;
	area->fault_entry = (uint64_t)on_fault;
	if (same(what, "memory"))
		test_memory();
	else if (same(what, "large"))
		test_large();
	else if (same(what, "faults"))
		test_faults();
	else if (same(what, "bounds"))
		test_bounds();
	else if (same(what, "payload"))
		test_payload(boot);
	else if (same(what, "syscall"))
		test_syscall();
	else if (same(what, "exchange"))
		test_exchange(boot);
	else if (same(what, "closed")) {
		CHECK_EQ(mote_exchange(a, (uint64_t)a, 1, (uint64_t)a, 1), -ENOSYS);
		CHECK(!(boot->flags & MOTE_BOOT_CALLS));
	} else if (same(what, "exit-300"))
		mote_exit(a, 300);
	else if (same(what, "signal"))
		mote_exit_signal(a, 15);
	else if (same(what, "loop"))
		for (;;)
			__asm__ volatile("pause");
	else if (same(what, "unhandled")) {
		area->fault_entry = 0;
		do_write(8);
	} else if (same(what, "fault-in-handler")) {
		area->fault_entry = 8;
		do_write(8);
	} else if (same(what, "bad-handler-stack")) {
		area->fault_stack_top = 8;
		do_write(8);
	} else if (same(what, "output")) {
		for (int i = 0; i < 6; i++)
			area->output[i] = (uint8_t) "onetwo"[i];
		area->output_fd = 1;
		__atomic_store_n(&area->output_len, 6, __ATOMIC_RELEASE);
		area->fault_entry = 0;
		do_write(8);
	} else if (same(what, "recurse")) {
		area->fault_entry = 0;
		recurse(0);
	} else
		mote_exit(a, 99);
	mote_exit(a, 0);
}
