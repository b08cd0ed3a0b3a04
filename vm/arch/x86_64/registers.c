/* SPDX-License-Identifier: Apache-2.0 */
/* The registers of a vCPU: what all guests have alike, saving and loading what is a guest's own. */
#include "vm/arch/arch.h"

#include "vm/arch/x86_64/cpuid.h"
#include "vm/arch/x86_64/kernel_window.h"
#include "vm/kvm/ioctl.h"

#include <assert.h>
#include <cpuid.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

const struct kvm_capability arch_capabilities[] = {
	{KVM_CAP_XCRS, "KVM_CAP_XCRS"},
	{KVM_CAP_X86_MSR_FILTER, "KVM_CAP_X86_MSR_FILTER"},
	{KVM_CAP_SYNC_REGS, "KVM_CAP_SYNC_REGS"},
	{0},
};

/*
 * Refuses the guest every MSR access, for as long as the VM lives: no code of Mote's in the guest
 * makes one. It waits for an SRCU grace period, which is shortest while the VM has no vCPU. One
 * range is needed to make the default count.
 */
static int deny_msrs(int vm_fd)
{
	uint8_t denied[1] = {0};
	struct kvm_msr_filter filter = {
		.flags = KVM_MSR_FILTER_DEFAULT_DENY,
		.ranges[0] = {.flags = KVM_MSR_FILTER_READ | KVM_MSR_FILTER_WRITE,
			      .nmsrs = 8,
			      .bitmap = denied},
	};
	return kvm_ioctl(vm_fd, KVM_X86_SET_MSR_FILTER, &filter);
}

/* --- which kind of KVM --- */

enum { CPUID_VMX = 1 << 5, CPUID_SVM = 1 << 2, CPUID_HYPERVISOR = 1 << 31 };

static pthread_once_t kind_once = PTHREAD_ONCE_INIT;
/*
 * KVM runs guests by hardware virtualisation. If not, code at CPL 3 is native: SYSCALL stays there,
 * and XGETBV reads the host's XCR0.
 */
static bool hardware;
static bool smap_usable;
/*
 * The TSS's type. VMX wants it busy (Intel SDM volume 3, 26.3.1.2). SVM does not care, but KVM's
 * copy of the busy bit comes back on every read, and QEMU's emulation consults the I/O bitmap of an
 * available TSS only: so it is set again whenever segments are set.
 */
static uint8_t tss_type;
enum { TSS_AVAILABLE = 9, TSS_BUSY = 11 };

/*
 * QEMU's emulation has an IRET at CPL 3 read its stack as CPL 0 would (before version 9.1): with
 * SMAP, it faults.
 */
static bool is_emulated(void)
{
	unsigned eax, ebx, ecx, edx;
	char name[13] = "";
	if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx) || !(ecx & (unsigned)CPUID_HYPERVISOR))
		return false;
	__cpuid(0x40000000, eax, ebx, ecx, edx);
	memcpy(name, &ebx, 4);
	memcpy(name + 4, &ecx, 4);
	memcpy(name + 8, &edx, 4);
	return strcmp(name, "TCGTCGTCGTCG") == 0;
}

/* A CPU with VMX or SVM runs guests by it, unless KVM is the one that does without. */
static void look_at_kind(void)
{
	unsigned eax, ebx, ecx, edx;
	bool vmx = __get_cpuid(1, &eax, &ebx, &ecx, &edx) && ecx & CPUID_VMX;
	bool svm = __get_cpuid(0x80000001, &eax, &ebx, &ecx, &edx) && ecx & CPUID_SVM;
	hardware = (vmx || svm) && access("/sys/module/kvm_pvm", F_OK) < 0;
	smap_usable = !is_emulated();
	bool intel = __get_cpuid(0, &eax, &ebx, &ecx, &edx) && ebx == signature_INTEL_ebx;
	tss_type = TSS_AVAILABLE;
	if (intel)
		tss_type = TSS_BUSY;
}

void arch_prepare(void)
{
	pthread_once(&kind_once, look_at_kind);
}

/*
 * Where SYSCALL arrives: at CPL 0 as the CPU has it, or still at CPL 3 on KVM without hardware
 * virtualisation.
 */
static uint64_t syscall_target(void)
{
	if (hardware)
		return MOTE_KERNEL_STUBS + MOTE_KERNEL_SYSCALL_AT;
	return MOTE_KERNEL_USER_STUBS + MOTE_KERNEL_USER_SYSCALL_AT;
}

enum {
	/* PG AM WP NE ET MP PE */
	CR0 = 1u << 31 | 1 << 18 | 1 << 16 | 1 << 5 | 1 << 4 | 1 << 1 | 1,
	/* OSXSAVE FSGSBASE OSXMMEXCPT OSFXSR PAE */
	CR4 = 1 << 18 | 1 << 16 | 1 << 10 | 1 << 9 | 1 << 5,
	CR4_UMIP = 1 << 11, /* these three where the CPU has them */
	CR4_SMEP = 1 << 20,
	CR4_SMAP = 1 << 21,
	CR4_DE = 1 << 3, /* nothing in a guest depends on it: see flush_translations */
	EFER = 1 << 11 | 1 << 10 | 1 << 8 | 1, /* NXE LMA LME SCE */
};

static int set_msrs(const struct kvm_vcpu *v, const struct kvm_msr_entry *entries, unsigned count)
{
	enum { ENTRIES_MAX = 4 };
	_Alignas(struct kvm_msrs)
		uint8_t bytes[sizeof(struct kvm_msrs) + ENTRIES_MAX * sizeof(*entries)];
	struct kvm_msrs *msrs = (struct kvm_msrs *)bytes;
	assert(count <= ENTRIES_MAX);
	*msrs = (struct kvm_msrs){.nmsrs = count};
	memcpy(msrs->entries, entries, count * sizeof(*entries));
	int n = kvm_ioctl(v->fd, KVM_SET_MSRS, msrs);
	if (n < 0)
		return n;
	if ((unsigned)n != count)
		return -EIO;
	return 0;
}

enum {
	MSR_STAR = 0xc0000081,
	MSR_LSTAR = 0xc0000082,
	MSR_SFMASK = 0xc0000084,
	MSR_KERNEL_GS_BASE = 0xc0000102,
	/* Cleared on SYSCALL: TF, IF, DF, IOPL, NT, AC. */
	SYSCALL_MASK = 0x47700,
	DR6_NONE = 0xffff0ff0, /* both as they are after a reset */
	DR7_NONE = 0x400,
};

static int set_constant_msrs(const struct kvm_vcpu *v)
{
	const struct kvm_msr_entry entries[] = {
		/*
		 * SYSCALL loads CS from 0x10. SYSRET, which is not used, would load CS from
		 * 0x20 + 16.
		 */
		{.index = MSR_STAR, .data = 0x23UL << 48 | (uint64_t)MOTE_KERNEL_CS << 32},
		{.index = MSR_LSTAR, .data = syscall_target()},
		{.index = MSR_SFMASK, .data = SYSCALL_MASK},
	};
	return set_msrs(v, entries, sizeof(entries) / sizeof(entries[0]));
}

/*
 * The one MSR that an instruction changes which no filter of MSRs sees: SWAPGS at
 * CPL 0.
 */
static int reset_swapped_base(const struct kvm_vcpu *v)
{
	const struct kvm_msr_entry entry = {.index = MSR_KERNEL_GS_BASE};
	return set_msrs(v, &entry, 1);
}

static int reset_xcr0(const struct kvm_vcpu *v)
{
	struct kvm_xcrs xcrs = {.nr_xcrs = 1, .xcrs[0] = {.xcr = 0, .value = v->arch.xcr0}};
	return kvm_ioctl(v->fd, KVM_SET_XCRS, &xcrs);
}

static int set_constants(const struct kvm_vcpu *v)
{
	int rc = reset_xcr0(v);
	if (rc < 0)
		return rc;
	return set_constant_msrs(v);
}

static uint64_t cr4_of(const struct cpuid_features *features)
{
	uint64_t cr4 = CR4;
	if (features->umip)
		cr4 |= CR4_UMIP;
	if (features->smep)
		cr4 |= CR4_SMEP;
	if (features->smap && smap_usable)
		cr4 |= CR4_SMAP;
	return cr4;
}

/*
 * One TSC for guest and host, so that the guest can tell the time by it (arch/x86_64/tsc_clock.c).
 * Where KVM cannot do that, the guest finds out, and asks.
 */
static void align_tsc(const struct kvm_vcpu *v)
{
	uint64_t offset = 0;
	struct kvm_device_attr attr = {
		.group = KVM_VCPU_TSC_CTRL,
		.attr = KVM_VCPU_TSC_OFFSET,
		.addr = (uint64_t)&offset,
	};
	(void)ioctl(v->fd, KVM_SET_DEVICE_ATTR, &attr);
}

int arch_machine_init(int vm_fd, struct err *e)
{
	int rc = deny_msrs(vm_fd);
	if (rc < 0)
		return err_sys(e, -rc, "KVM_X86_SET_MSR_FILTER");
	return 0;
}

int arch_vcpu_init(struct kvm_vcpu *v, int kvm_fd, struct err *e)
{
	struct cpuid_features features;
	align_tsc(v);
	int rc = cpuid_apply(kvm_fd, v->fd, &features, e);
	if (rc < 0)
		return rc;
	v->arch.xcr0 = features.xcr0;
	v->arch.xsave_bytes = features.state_bytes;
	v->arch.cr4 = cr4_of(&features);
	rc = set_constants(v);
	if (rc < 0)
		return err_sys(e, -rc, "setting up the vCPU");
	return 0;
}

int arch_cpu_digest(int kvm_fd, char out[65], struct err *e)
{
	return cpuid_digest(kvm_fd, out, e);
}

/* --- registers --- */

static const struct kvm_segment user_code = {
	.limit = ~0u,
	.selector = MOTE_USER_CS,
	.type = 11,
	.present = 1,
	.dpl = 3,
	.s = 1,
	.l = 1,
	.g = 1,
};
static const struct kvm_segment user_data = {
	.limit = ~0u,
	.selector = MOTE_USER_DS,
	.type = 3,
	.present = 1,
	.dpl = 3,
	.s = 1,
	.db = 1,
	.g = 1,
};

/* What no guest can change, and 0 for what it can. */
static void fill_sregs(struct kvm_sregs *to, uint64_t root, uint64_t cr4)
{
	*to = (struct kvm_sregs){
		.cr0 = CR0,
		.cr3 = root,
		.cr4 = cr4,
		.efer = EFER,
		.cs = user_code,
		.ss = user_data,
		.ds = user_data,
		.es = user_data,
		.fs = user_data,
		.gs = user_data,
		.gdt = {.base = MOTE_KERNEL_TABLES + MOTE_KERNEL_GDT_AT,
			.limit = KERNEL_TSS_SELECTOR + 15},
		.idt = {.base = MOTE_KERNEL_TABLES + MOTE_KERNEL_IDT_AT,
			.limit = MOTE_VECTORS * 16 - 1},
		.ldt = {.unusable = 1},
		.tr = {.base = MOTE_KERNEL_TABLES + MOTE_KERNEL_TSS_AT,
		       .limit = KERNEL_TSS_LIMIT,
		       .selector = KERNEL_TSS_SELECTOR,
		       .type = tss_type,
		       .present = 1},
		.apic_base = 0xfee00900, /* as KVM resets the first vCPU's */
	};
}

/*
 * A guest at CPL 0 may have had other page tables, of which the CPU knows translations still,
 * although they are as they were now. A change of CR4 makes KVM drop all of them; this bit of it
 * means nothing to anybody.
 */
static void flush_translations(struct kvm_vcpu *v)
{
	v->arch.cr4 ^= CR4_DE;
}

/*
 * No exception is under way, and no STI or MOV SS has just been: on VMX, a vCPU after an STI does
 * not start without IF.
 */
static const struct kvm_vcpu_events no_events = {.flags = KVM_VCPUEVENT_VALID_SHADOW};

/*
 * Through the run page: KVM_RUN takes them, which spares a call each. Control registers and tables
 * are the host's.
 */
static void set_registers(struct kvm_vcpu *v, const struct memory *mem, const struct kvm_regs *regs,
			  const struct kvm_sregs *user)
{
	struct kvm_sync_regs *sync = &v->run->s.regs;
	flush_translations(v);
	sync->regs = *regs;
	fill_sregs(&sync->sregs, mem->root, v->arch.cr4);
	sync->sregs.fs.base = user->fs.base;
	sync->sregs.gs.base = user->gs.base;
	sync->sregs.cr2 = user->cr2;
	sync->events = no_events;
	v->run->kvm_dirty_regs = KVM_SYNC_X86_REGS | KVM_SYNC_X86_SREGS | KVM_SYNC_X86_EVENTS;
	/* KVM, which has no local APIC here, takes it from the run page and not from sregs */
	v->run->cr8 = 0;
}

void arch_vcpu_start(struct kvm_vcpu *v, const struct memory *mem, const struct arch_start *s)
{
	struct kvm_regs regs = {
		.rip = s->entry.v,
		.rsp = s->stack_top.v,
		.rdi = s->arg[0],
		.rsi = s->arg[1],
		.rflags = 2,
	};
	const struct kvm_sregs user = {.gs.base = s->area.v};
	set_registers(v, mem, &regs, &user);
}

/* --- saving and loading --- */

/* The standard format of XSAVE (Intel SDM volume 1, 13.4). */
enum { XSAVE_MXCSR_AT = 24, XSAVE_HEADER_AT = 512, XCR0_MAX = 0xe7 };

int arch_vcpu_save(const struct kvm_vcpu *v, struct arch_vcpu_state *out)
{
	int rc = kvm_vcpu_complete_exit(v);
	if (rc < 0)
		return rc;
	if (ioctl(v->fd, KVM_GET_REGS, &out->regs) < 0 ||
	    ioctl(v->fd, KVM_GET_SREGS, &out->sregs) < 0 ||
	    ioctl(v->fd, KVM_GET_XSAVE, out->xsave) < 0)
		return -errno;
	/*
	 * KVM tells the values of components that are not in use too; of these two, loading shall
	 * set them.
	 */
	out->xsave[128] |= 3;
	return 0;
}

void arch_state_sanitize(struct arch_vcpu_state *s)
{
	uint64_t *header = (uint64_t *)(void *)((uint8_t *)s->xsave + XSAVE_HEADER_AT);
	s->regs.rflags = (s->regs.rflags & 0xcd5) | 2; /* arithmetic flags and the direction */
	*header &= XCR0_MAX;
	memset(header + 1, 0, 7 * sizeof(*header)); /* the standard format; the rest must be zero */
	s->xsave[XSAVE_MXCSR_AT / sizeof(s->xsave[0])] &= 0xffff;
}

void arch_vcpu_keep(const struct kvm_vcpu *v, struct memory *mem, const struct arch_vcpu_state *s)
{
	uint8_t page[MOTE_STATE_SYSCALL];
	uint64_t mask = v->arch.xcr0, *header = (uint64_t *)(void *)(page + XSAVE_HEADER_AT);
	if (v->arch.xsave_bytes > MOTE_STATE_BYTES)
		return;
	memcpy(page, s->xsave, MOTE_STATE_BYTES);
	memset(header + 1, 0, 7 * sizeof(*header));
	*header &= mask;
	memcpy(page + MOTE_STATE_RAX, &s->regs.rax, sizeof(uint64_t));
	memcpy(page + MOTE_STATE_RDX, &s->regs.rdx, sizeof(uint64_t));
	memcpy(page + MOTE_STATE_RCX, &s->regs.rcx, sizeof(uint64_t));
	memcpy(page + MOTE_STATE_RIP, &s->regs.rip, sizeof(uint64_t));
	memcpy(page + MOTE_STATE_MASK, &mask, sizeof(mask));
	memory_publish(mem, kernel_state_at(v->index), page, sizeof(page));
}

static int reset_debug_registers(const struct kvm_vcpu *v)
{
	struct kvm_debugregs debug = {.dr6 = DR6_NONE, .dr7 = DR7_NONE};
	return kvm_ioctl(v->fd, KVM_SET_DEBUGREGS, &debug);
}

/* What only CPL 0 changes, and no stub can set at CPL 3. */
static int reset_privileged(const struct kvm_vcpu *v)
{
	int rc = reset_debug_registers(v);
	if (rc < 0)
		return rc;
	return reset_swapped_base(v);
}

/*
 * What CPL 0 may have changed and no way of loading a state sets. A vCPU that has not run has both
 * as they shall be.
 */
static int reset_rest(const struct kvm_vcpu *v)
{
	if (!v->has_run)
		return 0;
	int rc = reset_privileged(v);
	if (rc < 0)
		return rc;
	return reset_xcr0(v);
}

int arch_vcpu_load(struct kvm_vcpu *v, const struct memory *mem, const struct arch_vcpu_state *s)
{
	int rc = reset_rest(v);
	if (rc < 0)
		return rc;
	if (ioctl(v->fd, KVM_SET_XSAVE, s->xsave) < 0)
		return -errno;
	set_registers(v, mem, &s->regs, &s->sregs);
	v->state_due = false;
	return 0;
}

int arch_vcpu_reload(struct kvm_vcpu *v, const struct memory *mem, const struct arch_vcpu_state *s)
{
	uint64_t mask;
	memcpy(&mask, memory_published(mem, kernel_state_at(v->index)) + MOTE_STATE_MASK,
	       sizeof(mask));
	if (mask != v->arch.xcr0)
		return arch_vcpu_load(v, mem, s);
	int rc = reset_privileged(v); /* XCR0: the stub looks */
	if (rc < 0)
		return rc;
	set_registers(v, mem, &s->regs, &s->sregs);
	v->run->s.regs.regs.rip = MOTE_KERNEL_USER_STUBS + MOTE_KERNEL_LOAD_AT;
	v->state_due = v->loading = true;
	return 0;
}

int arch_vcpu_renew(struct kvm_vcpu *v)
{
	struct kvm_xsave xsave = {0};
	/* The reset state. x87 and SSE are marked as in use: some kernels take MXCSR only then. */
	uint16_t control = 0x37f;
	uint32_t mxcsr = 0x1f80;
	uint64_t in_use = 3;
	memcpy((uint8_t *)xsave.region, &control, sizeof(control));
	memcpy((uint8_t *)xsave.region + XSAVE_MXCSR_AT, &mxcsr, sizeof(mxcsr));
	memcpy((uint8_t *)xsave.region + XSAVE_HEADER_AT, &in_use, sizeof(in_use));
	int rc = kvm_vcpu_complete_exit(v);
	if (rc < 0)
		return rc;
	if (ioctl(v->fd, KVM_SET_XSAVE, &xsave) < 0 ||
	    ioctl(v->fd, KVM_SET_VCPU_EVENTS, &no_events) < 0)
		return -errno;
	v->detail[0] = '\0';
	v->loading = false;
	rc = reset_privileged(v);
	if (rc == 0)
		rc = set_constants(v);
	v->has_run = rc < 0;
	return rc;
}

static bool is_out(const struct kvm_run *run, uint16_t port)
{
	return run->exit_reason == KVM_EXIT_IO && run->io.direction == KVM_EXIT_IO_OUT &&
	       run->io.port == port;
}

enum vcpu_exit arch_exit(const struct kvm_run *run)
{
	if (is_out(run, MOTE_PORT_CALL))
		return VCPU_CALL;
	if (is_out(run, MOTE_PORT_FAULT))
		return VCPU_FAULT;
	if (run->exit_reason == KVM_EXIT_INTR)
		return VCPU_INTERRUPTED;
	return VCPU_DEAD;
}

static void context_of(const struct kvm_regs *r, struct mote_context *c)
{
	/* clang-format off */
	*c = (struct mote_context){
		.rax = r->rax, .rbx = r->rbx, .rcx = r->rcx, .rdx = r->rdx, .rsi = r->rsi,
		.rdi = r->rdi, .rbp = r->rbp, .rsp = r->rsp, .r8 = r->r8, .r9 = r->r9,
		.r10 = r->r10, .r11 = r->r11, .r12 = r->r12, .r13 = r->r13, .r14 = r->r14,
		.r15 = r->r15, .rip = r->rip, .rflags = r->rflags,
	};
	/* clang-format on */
}

int arch_vcpu_context(const struct kvm_vcpu *v, struct mote_context *out)
{
	struct kvm_regs r;
	if (ioctl(v->fd, KVM_GET_REGS, &r) < 0)
		return -errno;
	context_of(&r, out);
	return 0;
}

enum { VECTOR_DOUBLE_FAULT = 8, VECTOR_PAGE_FAULT = 14 };

/* What a stub leaves at the top of the kernel stack, lowest address first. */
struct stub_frame {
	uint64_t vector, error_code, rip, cs, rflags, rsp, ss;
};

int arch_vcpu_fault(struct kvm_vcpu *v, const struct memory *mem, struct mote_fault *out)
{
	struct kvm_regs r;
	struct kvm_sregs s;
	if (ioctl(v->fd, KVM_GET_REGS, &r) < 0 || ioctl(v->fd, KVM_GET_SREGS, &s) < 0)
		return -errno;
	/*
	 * The CPU and the stubs put it there; a frame elsewhere means that a stub was interrupted
	 * itself.
	 */
	if (r.rsp != kernel_stack_va(v->index) + MOTE_PAGE - sizeof(struct stub_frame))
		return -EPROTO;
	struct stub_frame f;
	memcpy(&f, memory_at(mem, kernel_stack_at(v->index), MOTE_PAGE) + MOTE_PAGE - sizeof(f),
	       sizeof(f));
	if ((f.cs & 3) != 3 || f.vector >= MOTE_VECTORS)
		return -EPROTO;
	bool loading = v->loading;
	v->loading = false;
	if (loading && f.rip - MOTE_KERNEL_USER_STUBS < MOTE_PAGE)
		return -ESTALE;
	*out = (struct mote_fault){
		.vector = (uint32_t)f.vector,
		.error_code = (uint32_t)f.error_code,
	};
	if (f.vector == VECTOR_PAGE_FAULT)
		out->address = s.cr2;
	context_of(&r, &out->context);
	out->context.rip = f.rip;
	out->context.rsp = f.rsp;
	out->context.rflags = f.rflags;
	return 0;
}

int arch_vcpu_redirect(const struct kvm_vcpu *v, const struct memory *mem,
		       const struct arch_redirect *to)
{
	struct kvm_regs r;
	struct kvm_sregs now, s;
	if (ioctl(v->fd, KVM_GET_REGS, &r) < 0 || ioctl(v->fd, KVM_GET_SREGS, &now) < 0)
		return -errno;
	r.rip = to->entry;
	r.rsp = to->stack_top;
	r.rdi = to->arg;
	r.rflags = 2;
	fill_sregs(&s, mem->root, v->arch.cr4);
	s.fs.base = now.fs.base;
	s.gs.base = now.gs.base;
	if (ioctl(v->fd, KVM_SET_SREGS, &s) < 0 || ioctl(v->fd, KVM_SET_REGS, &r) < 0)
		return -errno;
	return 0;
}

/* The flags that code at CPL 3 has a use for: arithmetic, TF, DF, RF, AC, ID. */
#define USER_FLAGS 0x250dd5UL

static void regs_of(const struct mote_context *c, struct kvm_regs *r)
{
	/* clang-format off */
	*r = (struct kvm_regs){
		.rax = c->rax, .rbx = c->rbx, .rcx = c->rcx, .rdx = c->rdx, .rsi = c->rsi,
		.rdi = c->rdi, .rbp = c->rbp, .rsp = c->rsp, .r8 = c->r8, .r9 = c->r9,
		.r10 = c->r10, .r11 = c->r11, .r12 = c->r12, .r13 = c->r13, .r14 = c->r14,
		.r15 = c->r15, .rip = c->rip, .rflags = (c->rflags & USER_FLAGS) | 2,
	};
	/* clang-format on */
}

int arch_vcpu_continue(const struct kvm_vcpu *v, const struct memory *mem,
		       const struct mote_context *at)
{
	struct kvm_regs r;
	struct kvm_sregs now, s;
	if (ioctl(v->fd, KVM_GET_SREGS, &now) < 0)
		return -errno;
	regs_of(at, &r);
	fill_sregs(&s, mem->root, v->arch.cr4);
	s.fs.base = now.fs.base;
	s.gs.base = now.gs.base;
	if (ioctl(v->fd, KVM_SET_SREGS, &s) < 0 || ioctl(v->fd, KVM_SET_REGS, &r) < 0)
		return -errno;
	return 0;
}

enum { ERROR_PRESENT = 1, ERROR_WRITE = 2, ERROR_FETCH = 16 };

bool arch_fault_absent(const struct mote_fault *f, unsigned *access)
{
	*access = MEMORY_READ;
	if (f->error_code & ERROR_WRITE)
		*access |= MEMORY_WRITE;
	if (f->error_code & ERROR_FETCH)
		*access |= MEMORY_EXEC;
	return f->vector == VECTOR_PAGE_FAULT && !(f->error_code & ERROR_PRESENT);
}

void arch_fault_deny(struct mote_fault *f)
{
	f->error_code |= ERROR_PRESENT;
}

const int arch_fatal_vector = VECTOR_DOUBLE_FAULT;

static const char *vector_name(uint32_t vector)
{
	/* clang-format off */
	static const char *const names[MOTE_VECTORS] = {
		[0] = "divide error", [1] = "debug exception", [2] = "NMI", [3] = "breakpoint",
		[4] = "overflow", [5] = "bound range exceeded", [6] = "invalid opcode",
		[7] = "device not available", [8] = "double fault", [10] = "invalid TSS",
		[11] = "segment not present", [12] = "stack fault",
		[13] = "general protection fault", [14] = "page fault",
		[16] = "x87 floating-point error", [17] = "alignment check", [18] = "machine check",
		[19] = "SIMD floating-point error",
	};
	/* clang-format on */
	if (vector >= MOTE_VECTORS || !names[vector])
		return "unknown exception";
	return names[vector];
}

static const char *access_of(uint32_t error_code)
{
	if (error_code & ERROR_FETCH)
		return "executing";
	if (error_code & ERROR_WRITE)
		return "writing";
	return "reading";
}

void arch_fault_describe(const struct mote_fault *f, char *text, size_t bytes)
{
	if (f->vector == VECTOR_PAGE_FAULT)
		snprintf(text, bytes, "page fault %s %#lx at RIP %#lx, RSP %#lx",
			 access_of(f->error_code), f->address, f->context.rip, f->context.rsp);
	else
		snprintf(text, bytes, "%s (vector %u, error code %#x) at RIP %#lx, RSP %#lx",
			 vector_name(f->vector), f->vector, f->error_code, f->context.rip,
			 f->context.rsp);
}
