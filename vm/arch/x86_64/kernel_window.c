/* SPDX-License-Identifier: Apache-2.0 */
/* What CPL 0 needs (AMD64 Architecture Programmer's Manual, volume 2, 4.7, 8.2 and 12.2). */
#include "vm/arch/x86_64/kernel_window.h"

#include <assert.h>
#include <string.h>

extern const uint8_t vm_kernel_image[], vm_kernel_image_end[];

static void lay_out_gdt(uint8_t *page)
{
	uint64_t *gdt = (uint64_t *)(void *)(page + MOTE_KERNEL_GDT_AT);
	uint64_t tss = MOTE_KERNEL_TABLES + MOTE_KERNEL_TSS_AT;
	/* All accessed already: the CPU writes nothing here, where CPL 0 may not write either. */
	gdt[MOTE_KERNEL_CS / 8] = 0x00af9b000000ffff;
	gdt[MOTE_KERNEL_CS / 8 + 1] = 0x00cf93000000ffff;
	gdt[MOTE_USER_DS / 8] = 0x00cff3000000ffff;
	gdt[MOTE_USER_CS / 8] = 0x00affb000000ffff;
	gdt[KERNEL_TSS_SELECTOR / 8] =
		KERNEL_TSS_LIMIT | (tss & 0xffffff) << 16 | 0x8bUL << 40 | (tss >> 24 & 0xff) << 56;
	gdt[KERNEL_TSS_SELECTOR / 8 + 1] = tss >> 32;
}

/* Offsets of RSP0, IST1 and IST2 in a TSS. */
enum { TSS_RSP0 = 4, TSS_IST1 = 36, TSS_IST2 = 44, TSS_IO_BITMAP = 102 };

static void lay_out_tss(uint8_t *tss, unsigned vcpu)
{
	const uint64_t top = kernel_stack_va(vcpu) + MOTE_PAGE, middle = top - MOTE_PAGE / 2;
	const uint16_t bitmap_at = KERNEL_TSS_BYTES;
	memcpy(tss + TSS_RSP0, &top, sizeof(top));
	memcpy(tss + TSS_IST1, &top, sizeof(top));
	memcpy(tss + TSS_IST2, &middle, sizeof(middle));
	memcpy(tss + TSS_IO_BITMAP, &bitmap_at, sizeof(bitmap_at));
	memset(tss + bitmap_at, 0xff, MOTE_IO_BITMAP_BYTES + 1);
	tss[bitmap_at + MOTE_PORT_CALL / 8] &= (uint8_t) ~(1u << MOTE_PORT_CALL % 8);
}

/*
 * Every exception gets its stack from the TSS, raised at whatever CPL: the stack pointer of a stub
 * that is entered with the program's is never used. #DF and #MC, which may come on top of another
 * one, have a stack of their own.
 */
static void lay_out_idt(uint8_t *page)
{
	for (uint64_t v = 0; v < MOTE_VECTORS; v++) {
		uint64_t stub = MOTE_KERNEL_STUBS + v * MOTE_KERNEL_STUB_BYTES;
		uint64_t *gate = (uint64_t *)(void *)(page + MOTE_KERNEL_IDT_AT + v * 16);
		uint64_t ist = 1, dpl = 0;
		if (v == 8 || v == 18) /* #DF, #MC */
			ist = 2;
		if (v == 3 || v == 4) /* int3 and into may be executed */
			dpl = 3;
		gate[0] = (stub & 0xffff) | (uint64_t)MOTE_KERNEL_CS << 16 | ist << 32 |
			  (0x8eUL | dpl << 5) << 40 | (stub >> 16 & 0xffff) << 48;
		gate[1] = stub >> 32;
	}
}

static int map(struct memory *m, uint64_t at, gpa_t from, uint64_t pages, unsigned access)
{
	return memory_map_fixed(m, gva(at), from, pages * MOTE_PAGE, access);
}

int kernel_window_map(struct memory *m)
{
	const size_t image_bytes = (size_t)(vm_kernel_image_end - vm_kernel_image);
	const gpa_t user_stubs = {KERNEL_STUBS_AT.v + MOTE_PAGE};
	uint8_t tables[MOTE_PAGE] = {0};
	if (m->window_ready)
		return 0;
	int rc = map(m, MOTE_KERNEL_TABLES, KERNEL_TABLES_AT, 1, MEMORY_READ | MEMORY_KERNEL);
	if (rc == 0)
		rc = map(m, MOTE_KERNEL_STUBS, KERNEL_STUBS_AT, 1,
			 MEMORY_READ | MEMORY_EXEC | MEMORY_KERNEL);
	if (rc == 0)
		rc = map(m, MOTE_KERNEL_USER_STUBS, user_stubs, 1,
			 MEMORY_READ | MEMORY_EXEC | MEMORY_SHARED_KERNEL);
	if (rc == 0)
		rc = map(m, kernel_state_va(0), kernel_state_at(0), 1,
			 MEMORY_READ | MEMORY_SHARED_KERNEL);
	if (rc == 0)
		rc = map(m, kernel_stack_va(0), kernel_stack_at(0), 1,
			 MEMORY_READ | MEMORY_WRITE | MEMORY_KERNEL);
	if (rc < 0)
		return rc;
	lay_out_gdt(tables);
	lay_out_tss(tables + MOTE_KERNEL_TSS_AT, 0);
	lay_out_idt(tables);
	memory_publish(m, KERNEL_TABLES_AT, tables, sizeof(tables));
	assert(image_bytes <= 2 * MOTE_PAGE);
	memory_publish(m, KERNEL_STUBS_AT, vm_kernel_image, image_bytes);
	m->window_ready = true;
	return 0;
}

void kernel_window_set_entry(struct memory *m, gva_t entry)
{
	const uint64_t target = entry.v + MOTE_ENTRY_SYSCALL;
	/* As IRETQ takes it: RIP, CS, RFLAGS, RSP, SS. The stub fills in RSP. */
	const uint64_t frame[] = {target, MOTE_USER_CS, 0x202, 0, MOTE_USER_DS};
	static_assert(MOTE_KERNEL_FRAME_RSP_AT == 3 * sizeof(frame[0]), "the stub's");
	memory_publish(m, (gpa_t){kernel_stack_at(0).v + MOTE_KERNEL_FRAME_AT}, frame,
		       sizeof(frame));
	memory_publish(m, (gpa_t){kernel_state_at(0).v + MOTE_STATE_SYSCALL}, &target,
		       sizeof(target));
}
