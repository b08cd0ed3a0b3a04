/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A guest that owns CPL 0 from its first instruction (../cpl0.c sees to it) and all of its memory,
 * by a mapping of guest-physical memory at IDENTITY. Until it is ended it changes page tables,
 * kernel pages, the words that the host reads, runs random code and forges the frames of faults and
 * calls. argv[0]: the seed; argv[1], if there is one: the CPU is QEMU's emulation.
 *
 * Every exception ends in again(), at CPL 0.
 */
#include "guest.h"
#include "owner.h"

#include "guest/lib/lib.h"

static uint64_t tables_gpa, stack_gpa;
static bool emulated;
static uint64_t known_tables[16];
static unsigned known_count;
static char loop_stack[8192] __attribute__((aligned(16)));
__attribute__((used)) static char *loop_stack_top = loop_stack + sizeof(loop_stack) - 64;

void again(void);
__attribute__((used, noinline)) _Noreturn static void loop(void);
__asm__("	.globl at_cpl_3\n"
	"again:	mov loop_stack_top(%rip), %rsp\n	cld\n	call loop\n	ud2\n"
	/* The fault handler that the host goes to: back to CPL 0 by a gate that CPL 3 may use. */
	"at_cpl_3:	int3\n	jmp at_cpl_3\n");
extern char at_cpl_3[];

static void know_table(uint64_t gpa)
{
	for (unsigned i = 0; i < known_count; i++)
		if (known_tables[i] == gpa)
			return;
	if (known_count < sizeof(known_tables) / sizeof(known_tables[0]))
		known_tables[known_count++] = gpa;
}

static uint64_t any_value(void)
{
	static const uint64_t odd[] = {0,
				       1,
				       7,
				       8,
				       0xfff,
				       0x1000,
				       0x1001,
				       1024,
				       4096,
				       0x7fffffff,
				       0x80000000,
				       0xffffffff,
				       1UL << 32,
				       (1UL << 47) - 1,
				       1UL << 47,
				       1UL << 62,
				       (1UL << 63) - 1,
				       1UL << 63,
				       ~0UL,
				       ~0UL - 0xfff,
				       DATA,
				       DATA + 0xff8,
				       DATA + 0xffff,
				       CODE,
				       MOTE_AREAS_VA,
				       MOTE_AREAS_VA + 0x3ff8,
				       MOTE_BOOT_VA,
				       MOTE_KERNEL,
				       MOTE_KERNEL + 0x400,
				       MOTE_KERNEL_STUBS,
				       MOTE_KERNEL_STATE,
				       MOTE_KERNEL_STACKS,
				       MOTE_KERNEL_STACKS + 0xfc8,
				       MOTE_KERNEL_END,
				       MOTE_VA_END,
				       IDENTITY,
				       MOTE_WINDOW,
				       3,
				       4,
				       5,
				       6,
				       16,
				       20};
	uint64_t r = guest_random();
	if (r & 3)
		return odd[(r >> 8) % (sizeof(odd) / sizeof(odd[0]))];
	return r & 4 ? guest_random() : (r >> 8) & 0xff;
}

/* --- what it does --- */

static void change_tables(void)
{
	uint64_t r = guest_random(), table = known_tables[r % known_count],
		 *entry = &owner_physical(table)[(r >> 8) & 511];
	/* Mostly where nothing is: the guest shall live for a while. */
	if (*entry & PTE_IS_PRESENT && (r >> 20) & 31)
		return;
	switch ((r >> 32) & 7) {
	case 0:
		*entry = guest_random();
		break;
	case 1:
		*entry ^= 1UL << ((r >> 40) & 63);
		break;
	case 2:
		*entry = known_tables[(r >> 40) % known_count] |
			 7; /* a table as a table, or as a page */
		break;
	case 3:
		*entry = (guest_random() & PTE_ADDRESS) | 0x67;
		break;
	case 4:
		*entry = (((r >> 40) << 12) & (IDENTITY_BYTES - 1)) | 7 | (r >> 33 & 1) << 63;
		break;
	case 5:
		*entry = (((r >> 40) << 21) & (IDENTITY_BYTES - 1)) | 0xe7;
		break;
	case 6:
		*entry = tables_gpa | 7;
		break;
	default:
		*entry = (~0UL << ((r >> 40) & 31)) & ~0xf00UL;
		break;
	}
	if (r >> 63)
		__asm__ volatile("mov %0, %%cr3" : : "r"(owner_cr3()) : "memory");
}

/*
 * Bits and words anywhere in what belongs to CPL 0; the gates are patched again from time to time.
 */
static void change_kernel_pages(void)
{
	uint64_t r = guest_random();
	if ((r & 7) == 0) {
		owner_patch_gates(tables_gpa, again);
		return;
	}
	uint64_t page = r & 8 ? stack_gpa : tables_gpa, at = (r >> 8) & 0xff8;
	if (page == tables_gpa && at < MOTE_KERNEL_IDT_AT + MOTE_VECTORS * 16 && (r >> 20) & 63)
		at = 0x800 | at;
	owner_physical(page + at)[0] = any_value();
}

/* Every word of the area that the host looks at. */
static void change_area(void)
{
	volatile struct mote_area *a = guest_area;
	uint64_t r = guest_random(), v = any_value();
	switch (r & 15) {
	case 0:
		a->fault_entry = r & 16 ? v : (uint64_t)at_cpl_3;
		break;
	case 1:
		a->fault_stack_top = v;
		break;
	case 2:
		a->fault_busy = (uint32_t)(r >> 8 & 1);
		break;
	case 3:
		a->events_open = (uint32_t)v;
		break;
	case 4:
		a->handled_signals = v;
		break;
	case 5:
		a->pending_signals = v;
		break;
	case 6:
		a->blocked_signals = v;
		break;
	case 7:
		a->resume_at = v;
		a->resume_bytes = any_value();
		break;
	case 8:
		a->slot.state = (uint32_t)(r >> 8) & 7;
		break;
	case 9:
		a->slot.polling = a->slot.request_cycles = (uint32_t)v;
		break;
	case 10:
		a->output_fd = (uint32_t)(r >> 8) & 3;
		a->output_armed = (uint32_t)(r >> 16) & 1;
		break;
	case 11:
		a->output_len = (uint32_t)v;
		break;
	case 12:
		a->vcpu = (uint32_t)v;
		break;
	case 13:
		((volatile uint64_t *)a)[(r >> 8) & 0x1ff] = v;
		break;
	default:
		((volatile uint64_t *)DATA)[(r >> 8) & 0x1fff] = v;
		break;
	}
}

/* A host call of random words; not often one that waits or ends the guest. */
static void call(void)
{
	volatile struct mote_frame *f = &guest_area->frame;
	uint64_t r = guest_random();
	uint32_t nr = (uint32_t)(r >> 8) % 140;
	bool dear = nr < 3 || nr == 59 || nr == 64 || nr == 67 || nr == 50 || nr == 49;
	if (dear && (r >> 20) & 0x3f)
		nr = 8 + nr % 6;
	f->nr = (r >> 32) & 0xff ? nr : (uint32_t)any_value();
	for (unsigned i = 0; i < 8; i++)
		f->arg[i] = any_value();
	if (!(r >> 48 & 31)) { /* a proper exchange, where the host freezes it */
		nr = f->nr = 128;
		f->arg[0] = f->arg[2] = DATA;
		f->arg[1] = 8;
		f->arg[3] = 256;
	}
	if (nr >= 16 && nr < 128 && (r >> 40) & 3)
		f->arg[0] = (r >> 44) & 31;
	if (nr == 17 && f->arg[0] < 3)
		f->arg[0] += 3;
	/*
	 * The same with one word changed, some times: an instruction costs microseconds where CPL 0
	 * is interpreted.
	 */
	for (unsigned i = 0; i < (dear ? 1 : 8); i++) {
		__asm__ volatile("outb %%al, %0" : : "i"(MOTE_PORT_CALL), "a"(0) : "memory");
		r = guest_random();
		f->arg[1 + (r & 3)] = (r & 0x30) ? DATA + (r >> 52) : r >> (r & 63);
		f->nr = nr;
	}
}

/*
 * What the host takes for an exception of CPL 3 code: the frame lies where a stub would have left
 * it.
 */
static void forge_fault(void)
{
	uint64_t r = guest_random(), *frame = owner_physical(stack_gpa + MOTE_PAGE - 56);
	const uint64_t usual[] = {r >> 8 & 31,  0,     (uint64_t)at_cpl_3,
				  MOTE_USER_CS, 0x202, DATA + 0x8000,
				  MOTE_USER_DS};
	uint64_t rsp = MOTE_KERNEL_STACKS + MOTE_PAGE - 56;
	for (unsigned i = 0; i < 7; i++)
		frame[i] = (r >> (16 + 5 * i)) & 31 && i != 3 ? usual[i] : any_value();
	if (r >> 52 & 63)
		frame[3] = MOTE_USER_CS;
	if (!(r >> 58))
		rsp = any_value();
	if (r & 0x3f00) {
		guest_area->fault_entry = (uint64_t)at_cpl_3;
		guest_area->fault_stack_top = DATA + 0x9000;
		guest_area->fault_busy = 0;
	}
	__asm__ volatile("mov %0, %%rsp\n\toutb %%al, %1\n\tint3"
			 :
			 : "r"(rsp), "i"(MOTE_PORT_FAULT), "a"(0)
			 : "memory");
}

/* Instructions of CPL 0, with whatever is in the registers. */
static const uint8_t privileged[][4] = {
	{0x0f, 0x22, 0xc0, 0x90}, {0x0f, 0x22, 0xd8, 0x90}, {0x0f, 0x22, 0xe0, 0x90},
	{0x44, 0x0f, 0x22, 0xc0}, {0x0f, 0x30, 0x90, 0x90}, {0x0f, 0x32, 0x90, 0x90},
	{0x0f, 0x01, 0x13, 0x90}, {0x0f, 0x01, 0x1b, 0x90}, {0x0f, 0x00, 0xd8, 0x90},
	{0x0f, 0x00, 0xd0, 0x90}, {0x0f, 0x01, 0x3b, 0x90}, {0x0f, 0x01, 0xf8, 0x90},
	{0x0f, 0x23, 0xf8, 0x90}, {0x0f, 0x23, 0xc0, 0x90}, {0x0f, 0x01, 0xd1, 0x90},
	{0x48, 0x0f, 0x07, 0x90}, {0x48, 0xcf, 0x90, 0x90}, {0x48, 0xcb, 0x90, 0x90},
	{0x0f, 0x01, 0xc1, 0x90}, {0x0f, 0x01, 0xd9, 0x90}, {0xee, 0x90, 0x90, 0x90},
	{0xef, 0x90, 0x90, 0x90}, {0x66, 0xef, 0x90, 0x90}, {0xec, 0x90, 0x90, 0x90},
	{0xed, 0x90, 0x90, 0x90}, {0xf3, 0x6e, 0x90, 0x90}, {0xf3, 0x6f, 0x90, 0x90},
	{0xf3, 0x6c, 0x90, 0x90}, {0xe6, 0x10, 0x90, 0x90}, {0xe6, 0x11, 0x90, 0x90},
	{0xe4, 0x10, 0x90, 0x90}, {0xe7, 0x10, 0x90, 0x90}, {0xfa, 0x90, 0x90, 0x90},
	{0xfb, 0x90, 0x90, 0x90}, {0x0f, 0x09, 0x90, 0x90}, {0x0f, 0x06, 0x90, 0x90},
	{0x8e, 0xd0, 0x90, 0x90}, {0x8e, 0xe8, 0x90, 0x90}, {0xf3, 0x48, 0x0f, 0xae},
	{0x0f, 0x05, 0x90, 0x90}, {0x0f, 0x01, 0xf0, 0x90}, {0x50, 0x9d, 0x90, 0x90},
	{0x48, 0x89, 0xc4, 0x90}, {0x0f, 0x01, 0xc8, 0x90}, {0x0f, 0x01, 0xd8, 0x90},
};

static const uint8_t load_task_register[4] = {0x0f, 0x00, 0xd8, 0x90};
static const uint8_t or_8_to_ax[4] = {0x66, 0x83, 0xc8, 0x08};

static void run_code(void)
{
	static const uint32_t msrs[] = {0xc0000080, 0xc0000081, 0xc0000082, 0xc0000084, 0xc0000100,
					0xc0000101, 0xc0000102, 0x10,       0x1b,       0x174,
					0x175,      0x176,      0x277,      0x1d9,      0x3b,
					0x4b564d00, 0x4b564d01, 0x4b564d02, 0x4b564d03, 0x4b564d04,
					0x40000000, 0x40000001, 0x40000021, 0xc0010114, 0xc0010117,
					0xda0,      0x48,       0x49,       0x122,      0x8b};
	uint8_t *code = (uint8_t *)CODE;
	uint64_t r = guest_random();
	unsigned n = 0;
	for (unsigned i = 0; i < 1 + (r & 3); i++) {
		uint64_t k = guest_random();
		if (k & 7) {
			const uint8_t *chosen = privileged[(k >> 8) % (sizeof(privileged) / 4)];
			/*
			 * LTR of a null selector, which a CPU refuses, ends QEMU at the next
			 * exception: another one.
			 */
			if (emulated && memcmp(chosen, load_task_register, 4) == 0) {
				memcpy(code + n, or_8_to_ax, 4);
				n += 4;
			}
			memcpy(code + n, chosen, 4);
			n += 4;
		} else {
			memcpy(code + n, &k, 8);
			n += 8;
		}
	}
	code[n++] = 0xcc;
	code[n] = 0xcc;
	uint64_t a = any_value(), b = any_value(),
		 d = r >> 32 & 1 ? any_value() : 0x10 + (r >> 33 & 1);
	uint64_t c = r >> 34 & 1 ? msrs[(r >> 40) % (sizeof(msrs) / 4)] : (r >> 40) & 31;
	__asm__ volatile("jmp *%%rdi"
			 :
			 : "a"(a), "b"(b), "c"(c), "d"(d), "S"(DATA), "D"(code)
			 : "memory");
}

_Noreturn static void loop(void)
{
	for (;;) {
		uint64_t r = guest_random();
		switch (r & 31) {
		case 0:
		case 1:
			change_tables();
			break;
		case 2:
			change_kernel_pages();
			break;
		case 3:
		case 4:
		case 5:
		case 6:
			change_area();
			break;
		case 7:
			if (!(r >> 8 & 7))
				run_code();
			break;
		case 8:
			forge_fault();
			break;
		default:
			call();
			break;
		}
	}
}

int guest_main(int argc, const char **argv)
{
	uint64_t seed = 0;
	emulated = argc > 1;
	for (const char *c = argv[0]; argc && *c; c++)
		seed = seed * 10 + (uint64_t)(*c - '0');
	for (unsigned i = 0; i < 8; i++)
		seed ^= guest_random() * (seed + 1);
	guest_seed(seed);
	tables_gpa = owner_physical_of(MOTE_KERNEL_TABLES, know_table);
	stack_gpa = owner_physical_of(MOTE_KERNEL_STACKS, know_table);
	(void)owner_physical_of(DATA, know_table);
	(void)owner_physical_of(MOTE_BOOT_VA, know_table);
	owner_patch_gates(tables_gpa, again);
	again();
	return 1;
}
