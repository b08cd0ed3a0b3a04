/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host's own look at a VM before and after a run: control registers, descriptor-table registers
 * and MSRs, the pages of the kernel window, and what the guest's page tables give CPL 3.
 */
#include "security.h"

#include "vm/memory/page_table.h"

#include <assert.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

enum { MSRS = 11, WINDOW_PAGES_MAX = 256 };

static const uint32_t msr_numbers[MSRS] = {
	0xc0000081, 0xc0000082, 0xc0000083, 0xc0000084, 0x174, 0x175,
	0x176,      0x1d9,      0x277,      0xc0000103, 0x1b,
};

struct window_page {
	uint64_t va, gpa, entry, sum;
};

struct security_evidence {
	struct vm *vm;
	struct kvm_sregs sregs;
	struct kvm_debugregs debug;
	uint64_t msrs[MSRS];
	bool msr_read[MSRS];
	struct window_page pages[WINDOW_PAGES_MAX];
	unsigned page_count;
	uint8_t *tables; /* owned: a bit for each page of guest memory that is a page table */
	const char *alias;
};

/* --- page tables --- */

struct walk {
	struct vm *vm;
	void (*leaf)(void *, const struct security_leaf *);
	void (*table)(void *, uint64_t);
	void *arg;
};

static uint64_t *table_at(struct vm *vm, uint64_t gpa)
{
	return gpa > vm->memory.slot_end - MOTE_PAGE ? NULL
						     : (uint64_t *)(void *)(vm->memory.hva + gpa);
}

static void walk_table(const struct walk *w, uint64_t gpa, uint64_t va, int level, uint64_t above)
{
	const uint64_t *table = table_at(w->vm, gpa);
	if (!table)
		return;
	if (w->table)
		w->table(w->arg, gpa);
	for (unsigned i = 0; i < ENTRIES; i++) {
		uint64_t entry = table[i], at = va + i * memory_level_bytes(level);
		if (!(entry & PTE_PRESENT))
			continue;
		uint64_t rights =
			(entry & above & (PTE_WRITE | PTE_USER)) | ((entry | above) & PTE_NX);
		bool is_leaf = level == 1 || (level <= 3 && entry & PTE_LARGE);
		uint64_t bytes = memory_level_bytes(level),
			 to = entry & PTE_ADDR & ~(is_leaf ? bytes - 1 : MOTE_PAGE - 1);
		if (!is_leaf) {
			walk_table(w, to, at, level - 1, rights);
			continue;
		}
		const struct security_leaf leaf = {
			.va = at,
			.gpa = to,
			.bytes = bytes,
			.entry = rights | PTE_PRESENT,
		};
		w->leaf(w->arg, &leaf);
	}
}

void security_walk(struct vm *vm, uint64_t cr3, void (*leaf)(void *, const struct security_leaf *),
		   void (*table)(void *, uint64_t), void *arg)
{
	const struct walk w = {.vm = vm, .leaf = leaf, .table = table, .arg = arg};
	walk_table(&w, cr3 & PTE_ADDR, 0, 4, PTE_WRITE | PTE_USER);
}

/* --- evidence --- */

static uint64_t sum_of(const uint8_t *page)
{
	uint64_t sum = 0xcbf29ce484222325;
	for (unsigned i = 0; i < MOTE_PAGE; i += 8) {
		uint64_t word;
		memcpy(&word, page + i, sizeof(word));
		sum = (sum ^ word) * 0x100000001b3;
	}
	return sum;
}

static bool in_window(uint64_t va)
{
	return va >= MOTE_KERNEL && va < MOTE_KERNEL_END;
}

/* The stacks are written by the CPU at each exception. */
static bool is_stack(uint64_t va)
{
	return va >= MOTE_KERNEL_STACKS && va < MOTE_KERNEL_STACKS + 0x10000;
}

static void note_table(void *arg, uint64_t gpa)
{
	struct security_evidence *e = arg;
	e->tables[gpa / MOTE_PAGE / 8] |= (uint8_t)(1u << gpa / MOTE_PAGE % 8);
}

static void note_page(void *arg, const struct security_leaf *l)
{
	struct security_evidence *e = arg;
	const uint8_t *page = (const uint8_t *)table_at(e->vm, l->gpa);
	if (!in_window(l->va) || e->page_count == WINDOW_PAGES_MAX || !page)
		return;
	e->pages[e->page_count++] = (struct window_page){
		.va = l->va,
		.gpa = l->gpa,
		.entry = l->entry,
		.sum = is_stack(l->va) ? 0 : sum_of(page),
	};
}

/* struct kvm_msrs with one entry. */
struct one_msr {
	uint32_t count, pad;
	struct kvm_msr_entry entry;
};
static_assert(offsetof(struct one_msr, entry) == sizeof(struct kvm_msrs), "the kernel's layout");

static struct security_evidence *collect(struct vm *vm, const struct kvm_sregs *sregs)
{
	struct security_evidence *e = calloc(1, sizeof(*e));
	if (!e || !(e->tables = calloc(1, vm->memory.slot_end / MOTE_PAGE / 8 + 1)))
		security_die("out of memory");
	e->vm = vm;
	e->sregs = *sregs;
	if (ioctl(vm->vcpus[0].kvm.fd, KVM_GET_DEBUGREGS, &e->debug) < 0)
		security_die("KVM_GET_DEBUGREGS: %m");
	for (unsigned i = 0; i < MSRS; i++) {
		struct one_msr one = {.count = 1, .entry.index = msr_numbers[i]};
		e->msr_read[i] = ioctl(vm->vcpus[0].kvm.fd, KVM_GET_MSRS, &one) == 1;
		e->msrs[i] = one.entry.data;
	}
	security_walk(vm, e->sregs.cr3, note_page, note_table, e);
	return e;
}

struct security_evidence *security_note(struct vm *vm)
{
	/* what the first run begins with */
	return collect(vm, &vm->vcpus[0].kvm.run->s.regs.sregs);
}

static void free_evidence(struct security_evidence *e)
{
	free(e->tables);
	free(e);
}

/* No page of CPL 3's is a page table, and none that it can write is one of the kernel window's. */
static void find_alias(void *arg, const struct security_leaf *l)
{
	struct security_evidence *e = arg;
	if (!(l->entry & PTE_USER))
		return;
	for (uint64_t gpa = l->gpa; gpa < l->gpa + l->bytes && gpa < e->vm->memory.slot_end;
	     gpa += MOTE_PAGE)
		if (e->tables[gpa / MOTE_PAGE / 8] >> gpa / MOTE_PAGE % 8 & 1)
			e->alias = "a page table is mapped for CPL 3";
	if (in_window(l->va) && l->entry & PTE_WRITE)
		e->alias = "a page of the kernel window can be written by CPL 3";
	for (unsigned i = 0; i < e->page_count; i++)
		if (l->entry & PTE_WRITE && e->pages[i].gpa - l->gpa < l->bytes)
			e->alias = "a page of the kernel window is mapped elsewhere for CPL 3";
}

static const char *compare_registers(const struct security_evidence *a,
				     const struct security_evidence *b)
{
	const struct kvm_sregs *x = &a->sregs, *y = &b->sregs;
	const uint64_t own = 1 << 3; /* DE, by which the host has KVM drop translations */
	if (x->cr0 != y->cr0 || x->cr3 != y->cr3 || (x->cr4 ^ y->cr4) & ~own ||
	    x->efer != y->efer) {
		static char text[160];
		snprintf(
			text, sizeof(text),
			"a control register was changed: CR0 %#llx CR3 %#llx CR4 %#llx EFER %#llx, "
			"was %#llx %#llx %#llx %#llx",
			y->cr0, y->cr3, y->cr4, y->efer, x->cr0, x->cr3, x->cr4, x->efer);
		return text;
	}
	if (x->gdt.base != y->gdt.base || x->gdt.limit != y->gdt.limit ||
	    x->idt.base != y->idt.base || x->idt.limit != y->idt.limit ||
	    x->tr.base != y->tr.base || x->tr.limit != y->tr.limit)
		return "a descriptor table was moved";
	if (!y->ldt.unusable && y->ldt.limit > 0)
		return "there is an LDT";
	if (a->debug.dr7 != b->debug.dr7)
		return "DR7 was changed";
	for (unsigned i = 0; i < MSRS; i++)
		if (a->msr_read[i] && a->msrs[i] != b->msrs[i]) {
			static char text[64];
			snprintf(text, sizeof(text), "MSR %#x was changed", msr_numbers[i]);
			return text;
		}
	return NULL;
}

static const char *compare_window(const struct security_evidence *a,
				  const struct security_evidence *b)
{
	static char text[80];
	if (a->page_count != b->page_count)
		return "the kernel window has other pages";
	for (unsigned i = 0; i < a->page_count; i++) {
		const struct window_page *x = &a->pages[i], *y = &b->pages[i];
		if (x->va == y->va && x->gpa == y->gpa && x->entry == y->entry && x->sum == y->sum)
			continue;
		snprintf(text, sizeof(text), "the page at %#lx of the kernel window was changed",
			 x->va);
		return text;
	}
	return NULL;
}

const char *security_compare(struct vm *vm, struct security_evidence *before)
{
	struct kvm_sregs sregs;
	if (ioctl(vm->vcpus[0].kvm.fd, KVM_GET_SREGS, &sregs) < 0)
		security_die("KVM_GET_SREGS: %m");
	/*
	 * A triple fault resets an SVM guest's registers, and others never ran; their memory is
	 * left to look at.
	 */
	bool reset = sregs.cr3 == 0 && !(sregs.cr0 >> 31);
	if (reset)
		sregs = before->sregs;
	struct security_evidence *after = collect(vm, &sregs);
	const char *wrong = reset ? NULL : compare_registers(before, after);
	if (!wrong)
		wrong = compare_window(before, after);
	if (!wrong) {
		security_walk(vm, sregs.cr3, find_alias, NULL, after);
		wrong = after->alias;
	}
	free_evidence(before);
	free_evidence(after);
	return wrong;
}
