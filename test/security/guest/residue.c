/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A guest that leaves a pattern wherever it can, CPL 0 included, and one that says what it finds.
 * argv[0]: "fill" does the former and ends; "look" the latter; "serve" waits in an exchange for the
 * letter of one of them (u: fill at CPL 3), so that it can be frozen and reset in between. argv[1]:
 * "owner" if the guest was started at CPL 0; "tidy": the same, and page tables and kernel pages are
 * put back as they were, so that only registers and MSRs are other.
 */
#include "residue.h"

#include "guest.h"
#include "owner.h"

#include "guest/lib/lib.h"

static uint64_t tables_gpa, filled_msrs, refused_msrs;
static uint8_t vectors[4096] __attribute__((aligned(64)));
__attribute__((used)) static uint64_t pattern_value;

/* Does f(arg) at CPL 0; false if it raised an exception. */
bool attempt(void (*f)(uint64_t), uint64_t arg);
void recover(void);
_Noreturn void leave_with_pattern(uint64_t nr_status);
void drop_to_cpl_3(void);
__asm__("	.local attempt_rsp\n	.comm attempt_rsp, 8, 8\n"
	"attempt:	push %rbx\n	push %rbp\n	push %r12\n	push %r13\n"
	"	push %r14\n	push %r15\n"
	"	mov %rsp, attempt_rsp(%rip)\n	mov %rdi, %rax\n	mov %rsi, %rdi\n"
	"	call *%rax\n"
	"	mov $1, %eax\n	jmp 1f\n"
	"recover:	mov attempt_rsp(%rip), %rsp\n	xor %eax, %eax\n"
	"1:	cld\n	pop %r15\n	pop %r14\n	pop %r13\n	pop %r12\n"
	"	pop %rbp\n	pop %rbx\n	ret\n"
	"drop_to_cpl_3:	pop %rax\n	mov %rsp, %rdx\n"
	"	push $0x2b\n	push %rdx\n	push $2\n	push $0x33\n	push %rax\n"
	"	iretq\n"
	/* The doorbell with the pattern in every register; the frame is filled in already. */
	"leave_with_pattern:	mov pattern_value(%rip), %rax\n	wrfsbase %rax\n	wrgsbase %rax\n"
	"	mov %rax, %rbx\n	mov %rax, %rcx\n	mov %rax, %rdx\n"
	"	mov %rax, %rsi\n	mov %rax, %rdi\n"
	"	mov %rax, %rbp\n	mov %rax, %r8\n	mov %rax, %r9\n	mov %rax, %r10\n"
	"	mov %rax, %r11\n"
	"	mov %rax, %r12\n	mov %rax, %r13\n	mov %rax, %r14\n"
	"	mov %rax, %r15\n	mov %rax, %rsp\n"
	"	std\n	outb %al, $0x10\n	ud2\n");

static void fill_words(uint64_t *at, uint64_t words)
{
	for (uint64_t i = 0; i < words; i++)
		at[i] = RESIDUE_PATTERN;
}

/* --- at CPL 0 --- */

static void fill_table(uint64_t gpa, int level)
{
	uint64_t *table = owner_physical(gpa);
	for (unsigned i = 0; i < 512; i++) {
		if (!(table[i] & PTE_IS_PRESENT))
			table[i] = RESIDUE_PATTERN; /* its bit 0 is clear, too */
		else if (level > 1 && !(table[i] & PTE_IS_LARGE) &&
			 (table[i] & PTE_ADDRESS) != gpa && !(level == 4 && i == IDENTITY_SLOT))
			fill_table(table[i] & PTE_ADDRESS, level - 1);
	}
}

/* What the CPU does not need of them. */
static void fill_kernel_pages(void)
{
	uint64_t state = owner_physical_of(MOTE_KERNEL_STATE, NULL),
		 stack = owner_physical_of(MOTE_KERNEL_STACKS, NULL);
	fill_words(owner_physical(tables_gpa + MOTE_KERNEL_IDT_AT + MOTE_VECTORS * 16), 64);
	fill_words(owner_physical(owner_physical_of(MOTE_KERNEL_STUBS, NULL) + 0x800), 64);
	fill_words(owner_physical(state), 512);
	fill_words(owner_physical(stack + 0x100), 192);
}

static void write_msr(uint64_t n)
{
	__asm__ volatile("wrmsr"
			 :
			 : "c"((uint32_t)n), "a"((uint32_t)RESIDUE_PATTERN),
			   "d"(RESIDUE_PATTERN >> 32));
}

static void write_msr_small(uint64_t n)
{
	__asm__ volatile("wrmsr" : : "c"((uint32_t)n), "a"(6), "d"(0));
}

static void fill_msrs(void)
{
	static const uint32_t numbers[] = {
		0xc0000081, 0xc0000082, 0xc0000083, 0xc0000084, 0xc0000100, 0xc0000101, 0xc0000102,
		0xc0000103, 0x174,      0x175,      0x176,      0x277,      0x1d9,      0x3b,
		0x10,       0x1b,       0x200,      0x201,      0x250,      0x268,      0x2ff,
		0x4b564d00, 0x4b564d01, 0x4b564d02, 0x4b564d03, 0x4b564d04, 0x4b564d05, 0x40000000,
		0x40000001, 0xc0010117, 0xc0010015, 0xda0,      0x48,       0x49,       0x122,
		0x140,      0x179,      0x400,      0xc0000104, 0x8b,       0x17a,      0x6e0,
		0x800,      0xc0010114, 0xc0010140, 0xc0010141, 0xc001011f};
	for (unsigned i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		if (attempt(write_msr, numbers[i]) || attempt(write_msr_small, numbers[i]))
			filled_msrs++;
		else
			refused_msrs++;
	}
}

#define WRITE_REGISTER(name, text)                            \
	static void name(uint64_t v)                          \
	{                                                     \
		__asm__ volatile(text : : "r"(v) : "memory"); \
	}
WRITE_REGISTER(write_dr0, "mov %0, %%dr0")
WRITE_REGISTER(write_dr1, "mov %0, %%dr1")
WRITE_REGISTER(write_dr2, "mov %0, %%dr2")
WRITE_REGISTER(write_dr3, "mov %0, %%dr3")
WRITE_REGISTER(write_dr6, "mov %0, %%dr6")
WRITE_REGISTER(write_dr7, "mov %0, %%dr7")
WRITE_REGISTER(write_cr2, "mov %0, %%cr2")
WRITE_REGISTER(write_cr8, "mov %0, %%cr8")
WRITE_REGISTER(write_cr4, "mov %0, %%cr4")
WRITE_REGISTER(write_cr0, "mov %0, %%cr0")

static void write_xcr0(uint64_t v)
{
	__asm__ volatile("xsetbv" : : "c"(0), "a"((uint32_t)v), "d"(0));
}

static void move_gdt(uint64_t limit)
{
	struct {
		uint16_t limit;
		uint64_t base;
	} __attribute__((packed)) to = {(uint16_t)limit, MOTE_KERNEL_TABLES};
	__asm__ volatile("lgdt %0" : : "m"(to));
}

static void move_idt(uint64_t limit)
{
	struct {
		uint16_t limit;
		uint64_t base;
	} __attribute__((packed)) to = {(uint16_t)limit, MOTE_KERNEL_TABLES + MOTE_KERNEL_IDT_AT};
	__asm__ volatile("lidt %0" : : "m"(to));
}

/* GS is as it was afterwards; its base that SWAPGS has parked is the pattern. */
static void swap_base(uint64_t v)
{
	__asm__ volatile("rdgsbase %%rax\n\twrgsbase %0\n\tswapgs\n\twrgsbase %%rax"
			 :
			 : "r"(v)
			 : "rax");
}

static void fill_registers(void)
{
	uint64_t cr4, cr0;
	__asm__("mov %%cr4, %0\n\tmov %%cr0, %1" : "=r"(cr4), "=r"(cr0));
	attempt(write_dr0, RESIDUE_PATTERN);
	attempt(write_dr1, RESIDUE_PATTERN);
	attempt(write_dr2, RESIDUE_PATTERN);
	attempt(write_dr3, RESIDUE_PATTERN);
	attempt(write_dr6, 0xffff0fff);
	attempt(write_dr7, 0x0fff0400); /* conditions and lengths, none enabled */
	attempt(write_cr2, RESIDUE_PATTERN);
	attempt(write_cr8, 6);
	attempt(write_cr4, cr4 | 1 << 2 | 1 << 3 | 1 << 8); /* TSD DE PCE */
	attempt(write_cr0, cr0 & ~(uint64_t)(1 << 16 | 1 << 5));
	attempt(swap_base, RESIDUE_PATTERN);
	attempt(move_gdt, 0x7ff);
	attempt(move_idt, 0xfff);
}

/* --- at CPL 3 --- */

static void fill_vectors(void)
{
	uint32_t low, high;
	__asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
	fill_words((uint64_t *)(void *)vectors, sizeof(vectors) / 8);
	memset(vectors, 0, 32);
	memset(vectors + 512, 0, 64);
	vectors[0] = 0x7f;
	vectors[1] = 2;
	vectors[4] = 0xff;
	*(uint32_t *)(void *)(vectors + 24) = 0x9f80;
	*(uint64_t *)(void *)(vectors + 512) = low;
	__asm__ volatile("xrstor64 %0" : : "m"(vectors), "a"(-1), "d"(-1) : "memory");
}

static bool maps = true; /* more memory, which is filled too: such a VM is not reset but emptied */

static void fill_memory(void)
{
	for (uint64_t at = 0x200000000; maps && mote_mem_map(guest_area, at, 0x100000, RW) == 0;
	     at += 0x100000)
		fill_words((uint64_t *)at, 0x100000 / 8);
	fill_words((uint64_t *)DATA, 0x10000 / 8);
	fill_words((uint64_t *)(void *)guest_area->output, MOTE_OUTPUT_BYTES / 8);
	fill_words((uint64_t *)(MOTE_BOOT_STACK_TOP - MOTE_BOOT_STACK_BYTES),
		   MOTE_BOOT_STACK_BYTES / 32);
}

static void fill_at_cpl_0(bool tidy)
{
	static uint64_t kept[512];
	tables_gpa = owner_physical_of(MOTE_KERNEL_TABLES, NULL);
	memcpy(kept, owner_physical(tables_gpa), sizeof(kept));
	owner_patch_gates(tables_gpa, recover);
	fill_msrs();
	fill_registers();
	attempt(write_xcr0, 3);
	attempt(write_xcr0, 7);
	if (tidy) {
		memcpy(owner_physical(tables_gpa), kept, sizeof(kept));
		owner_physical(owner_cr3())[IDENTITY_SLOT] = 0;
	} else {
		fill_kernel_pages();
		fill_table(owner_cr3(), 4);
	}
	drop_to_cpl_3();
	guest_say("%llu MSRs written, %llu refused", (unsigned long long)filled_msrs,
		  (unsigned long long)refused_msrs);
}

static void fill(bool owner, bool tidy)
{
	if (owner)
		fill_at_cpl_0(tidy);
	fill_memory();
	fill_vectors();
}

/* How much of the pattern is in what the guest began with; 0 is right. */
static int look(void)
{
	uint64_t found = guest_noted_count(~RESIDUE_PATTERN);
	if (found)
		guest_say("the pattern is in %llu words of registers", (unsigned long long)found);
	return found != 0;
}

int guest_main(int argc, const char **argv)
{
	static char message[64];
	bool tidy = argc > 1 && argv[1][0] == 't', owner = tidy || (argc > 1 && argv[1][0] == 'o');
	if (argv[0][0] == 'l')
		return look();
	if (argv[0][0] == 's') {
		if (mote_exchange(guest_area, (uint64_t) "ready", 5, (uint64_t)message,
				  sizeof(message)) < 1)
			return 2;
		if (message[0] == 'l')
			return look();
		maps = message[0] == 'f' || message[0] == 'u';
		owner = owner && (message[0] == 'f' || message[0] == 'o');
	}
	pattern_value = RESIDUE_PATTERN;
	fill(owner, tidy);
	guest_area->frame.nr = 1;
	guest_area->frame.arg[0] = 0;
	leave_with_pattern(0);
}
