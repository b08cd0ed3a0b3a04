/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bare KVM calls of a cold start and of an exit. Guest-physical and guest-virtual addresses are
 * the same.
 */
#include "floor.h"
#include "measure.h"

#include "abi/layout.h"

#include <cpuid.h>
#include <linux/kvm.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define MEM_BYTES (64UL << 20)
enum {
	PML4 = 0x1000,
	PDPT = 0x2000,
	PD = 0x3000,
	GDT = 0x4000,
	TSS = 0x5000,
	CODE = 0x6000,
	TSS_SELECTOR = 0x40
};

struct floor_vm {
	int vm, cpu;
	uint8_t *mem;
	struct kvm_run *run;
	int run_bytes;
};

static int must(int rc, const char *what)
{
	if (rc < 0) {
		perror(what);
		exit(1);
	}
	return rc;
}

/* The memory that every start maps privately: tables, and code that exits by `out` forever. */
static int image_fd(void)
{
	static int fd = -1;
	if (fd >= 0)
		return fd;
	fd = must(memfd_create("floor", MFD_CLOEXEC), "memfd_create");
	must(ftruncate(fd, MEM_BYTES), "ftruncate");
	uint8_t *mem = mmap(NULL, MEM_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	must(mem == MAP_FAILED ? -1 : 0, "mmap");
	uint64_t *pml4 = (void *)(mem + PML4), *pdpt = (void *)(mem + PDPT),
		 *pd = (void *)(mem + PD);
	pml4[0] = PDPT | 7;
	pdpt[0] = PD | 7;
	pd[0] = 0xe7; /* one page of 2 MiB, accessed and dirty */
	uint64_t *gdt = (void *)(mem + GDT), limit = 104 + MOTE_IO_BITMAP_BYTES;
	gdt[5] = 0x00cff3000000ffff;
	gdt[6] = 0x00affb000000ffff;
	gdt[TSS_SELECTOR / 8] = limit | (uint64_t)TSS << 16 | 0x8bUL << 40;
	uint16_t bitmap_at = 104;
	memcpy(mem + TSS + 102, &bitmap_at, 2);
	static const uint8_t code[] = {0xe6, MOTE_PORT_CALL, 0xeb, 0xfc}; /* out; jmp back */
	memcpy(mem + CODE, code, sizeof(code));
	munmap(mem, MEM_BYTES);
	return fd;
}

static struct kvm_cpuid2 *host_cpuid(int kvm_fd)
{
	static struct kvm_cpuid2 *c;
	if (!c) {
		c = calloc(1, sizeof(*c) + 256 * sizeof(struct kvm_cpuid_entry2));
		must(c ? 0 : -1, "calloc");
		c->nent = 256;
		must(ioctl(kvm_fd, KVM_GET_SUPPORTED_CPUID, c), "KVM_GET_SUPPORTED_CPUID");
	}
	return c;
}

static void set_registers(struct floor_vm *f)
{
	struct kvm_segment code = {
		.limit = ~0u,
		.selector = 0x33,
		.type = 11,
		.present = 1,
		.dpl = 3,
		.s = 1,
		.l = 1,
		.g = 1,
	};
	struct kvm_segment data = {
		.limit = ~0u,
		.selector = 0x2b,
		.type = 3,
		.present = 1,
		.dpl = 3,
		.s = 1,
		.db = 1,
		.g = 1,
	};
	unsigned eax, ebx, ecx, edx;
	int intel = __get_cpuid(0, &eax, &ebx, &ecx, &edx) && ebx == signature_INTEL_ebx;
	struct kvm_sregs s;
	must(ioctl(f->cpu, KVM_GET_SREGS, &s), "KVM_GET_SREGS");
	s.cr0 = 0x80050033;
	s.cr3 = PML4;
	s.cr4 = 0x620;
	s.efer = 0xd00;
	s.cs = code;
	s.ss = s.ds = s.es = s.fs = s.gs = data;
	s.gdt = (struct kvm_dtable){.base = GDT, .limit = TSS_SELECTOR + 15};
	s.tr = (struct kvm_segment){
		.base = TSS,
		.limit = 104 + MOTE_IO_BITMAP_BYTES,
		.selector = TSS_SELECTOR,
		.type = intel ? 11 : 9,
		.present = 1,
	};
	must(ioctl(f->cpu, KVM_SET_SREGS, &s), "KVM_SET_SREGS");
	struct kvm_regs r = {.rip = CODE, .rsp = 0x80000, .rflags = 2};
	must(ioctl(f->cpu, KVM_SET_REGS, &r), "KVM_SET_REGS");
}

static void run_to_exit(struct floor_vm *f)
{
	must(ioctl(f->cpu, KVM_RUN, 0), "KVM_RUN");
	if (f->run->exit_reason != KVM_EXIT_IO || f->run->io.port != MOTE_PORT_CALL) {
		fprintf(stderr, "floor: unexpected exit %u\n", f->run->exit_reason);
		exit(1);
	}
}

static void start(struct floor_vm *f, int kvm_fd, int image, const struct kvm_cpuid2 *cpuid)
{
	f->vm = must(ioctl(kvm_fd, KVM_CREATE_VM, 0), "KVM_CREATE_VM");
	f->mem = mmap(NULL, MEM_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE, image, 0);
	must(f->mem == MAP_FAILED ? -1 : 0, "mmap");
	struct kvm_userspace_memory_region slot = {
		.memory_size = MEM_BYTES,
		.userspace_addr = (uintptr_t)f->mem,
	};
	must(ioctl(f->vm, KVM_SET_USER_MEMORY_REGION, &slot), "KVM_SET_USER_MEMORY_REGION");
	f->cpu = must(ioctl(f->vm, KVM_CREATE_VCPU, 0), "KVM_CREATE_VCPU");
	f->run_bytes = must(ioctl(kvm_fd, KVM_GET_VCPU_MMAP_SIZE, 0), "KVM_GET_VCPU_MMAP_SIZE");
	f->run = mmap(NULL, (size_t)f->run_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, f->cpu, 0);
	must(f->run == MAP_FAILED ? -1 : 0, "mmap of the vCPU");
	must(ioctl(f->cpu, KVM_SET_CPUID2, cpuid), "KVM_SET_CPUID2");
	set_registers(f);
	run_to_exit(f);
}

static void end(struct floor_vm *f)
{
	munmap(f->run, (size_t)f->run_bytes);
	close(f->cpu);
	close(f->vm);
	munmap(f->mem, MEM_BYTES);
}

double floor_cold_start_us(int kvm_fd)
{
	struct floor_vm f;
	int image = image_fd();
	const struct kvm_cpuid2 *cpuid = host_cpuid(kvm_fd);
	double since = now_us();
	start(&f, kvm_fd, image, cpuid);
	double took = now_us() - since;
	end(&f);
	return took;
}

double floor_exit_us(int kvm_fd, unsigned rounds)
{
	struct floor_vm f;
	start(&f, kvm_fd, image_fd(), host_cpuid(kvm_fd));
	double since = now_us();
	for (unsigned i = 0; i < rounds; i++)
		run_to_exit(&f);
	double took = (now_us() - since) / rounds;
	end(&f);
	return took;
}

static struct floor_vm restored;

void floor_restore_begin(int kvm_fd)
{
	start(&restored, kvm_fd, image_fd(), host_cpuid(kvm_fd));
}

double floor_restore_us(void)
{
	double since = now_us();
	must(madvise(restored.mem, MEM_BYTES, MADV_DONTNEED), "MADV_DONTNEED");
	set_registers(&restored);
	run_to_exit(&restored);
	return now_us() - since;
}

void floor_restore_end(void)
{
	end(&restored);
}
