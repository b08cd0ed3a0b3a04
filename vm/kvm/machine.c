/* SPDX-License-Identifier: Apache-2.0 */
/* KVM: creating the machine, its register state, running it. */
#include "vm/kvm/machine.h"

#include "vm/arch/x86_64/cpuid.h"
#include "vm/arch/x86_64/kernel_window.h"

#include <assert.h>
#include <cpuid.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

int machine_open_kvm(struct err *e)
{
	cleanup_close int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (fd < 0 && errno == EACCES)
		return err_set(e, ERR_HOST, EACCES,
			       "/dev/kvm: permission denied; run as root or as a member of the group kvm");
	if (fd < 0 && (errno == ENOENT || errno == ENXIO || errno == ENODEV))
		return err_set(e, ERR_HOST, errno,
			       "/dev/kvm is missing; load kvm-intel or kvm-amd, or enable virtualisation for this machine");
	if (fd < 0)
		return err_sys(e, errno, "/dev/kvm");
	int version = ioctl(fd, KVM_GET_API_VERSION, 0);
	if (version != KVM_API_VERSION)
		return err_set(e, ERR_HOST, ENOSYS, "/dev/kvm speaks version %d, needed is %d", version,
			       KVM_API_VERSION);
	static const struct {
		int cap;
		const char *name;
	} needed[] = {
		{KVM_CAP_USER_MEMORY, "KVM_CAP_USER_MEMORY"},
		{KVM_CAP_IMMEDIATE_EXIT, "KVM_CAP_IMMEDIATE_EXIT"},
		{KVM_CAP_XCRS, "KVM_CAP_XCRS"},
		{KVM_CAP_X86_MSR_FILTER, "KVM_CAP_X86_MSR_FILTER"},
		{KVM_CAP_SYNC_REGS, "KVM_CAP_SYNC_REGS"},
	};
	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
		if (ioctl(fd, KVM_CHECK_EXTENSION, needed[i].cap) <= 0)
			return err_set(e, ERR_HOST, ENOSYS, "/dev/kvm lacks %s; a newer kernel has it",
				       needed[i].name);
	return take_fd(&fd);
}

/*
 * Refuses the guest every MSR access, for as long as the VM lives: no code of Mote's in the guest makes one. It waits for
 * a grace period of the kernel, which is shortest while the VM has no vCPU. One range is needed to make the default count.
 */
static int deny_msrs(const struct machine *m)
{
	uint8_t denied[1] = {0};
	struct kvm_msr_filter filter = {
		.flags = KVM_MSR_FILTER_DEFAULT_DENY,
		.ranges[0] = {.flags = KVM_MSR_FILTER_READ | KVM_MSR_FILTER_WRITE, .nmsrs = 8, .bitmap = denied},
	};
	return ioctl(m->vm_fd, KVM_X86_SET_MSR_FILTER, &filter) < 0 ? -errno : 0;
}

/* --- which kind of KVM --- */

enum { CPUID_VMX = 1 << 5, CPUID_SVM = 1 << 2, CPUID_HYPERVISOR = 1 << 31 };

static pthread_once_t kind_once = PTHREAD_ONCE_INIT;
static bool hardware;
static bool smap_usable;
/*
 * The TSS's type. VMX wants it busy (Intel SDM volume 3, 26.3.1.2). SVM does not care, but KVM's copy of the busy bit
 * comes back on every read, and QEMU's emulation consults the I/O bitmap of an available TSS only: so it is set again
 * whenever segments are set.
 */
static uint8_t tss_type;
enum { TSS_AVAILABLE = 9, TSS_BUSY = 11 };

/* QEMU's emulation has an IRET at CPL 3 read its stack as CPL 0 would (before version 9.1): with SMAP, it faults. */
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
	tss_type = intel ? TSS_BUSY : TSS_AVAILABLE;
}

void machine_prepare(void)
{
	pthread_once(&kind_once, look_at_kind);
}

bool machine_by_hardware(void)
{
	machine_prepare();
	return hardware;
}

/* Where SYSCALL arrives: at CPL 0 as the CPU has it, or still at CPL 3 on KVM without hardware virtualisation. */
static uint64_t syscall_target(void)
{
	return hardware ? MOTE_KERNEL_STUBS + MOTE_KERNEL_SYSCALL_AT : MOTE_KERNEL_USER_STUBS + MOTE_KERNEL_USER_SYSCALL_AT;
}

enum {
	CR0 = 1u << 31 | 1 << 18 | 1 << 16 | 1 << 5 | 1 << 4 | 1 << 1 | 1, /* PG AM WP NE ET MP PE */
	CR4 = 1 << 18 | 1 << 16 | 1 << 10 | 1 << 9 | 1 << 5,	       /* OSXSAVE FSGSBASE OSXMMEXCPT OSFXSR PAE */
	CR4_UMIP = 1 << 11, /* these three where the CPU has them */
	CR4_SMEP = 1 << 20,
	CR4_SMAP = 1 << 21,
	CR4_DE = 1 << 3, /* nothing in a guest depends on it: see flush_translations */
	EFER = 1 << 11 | 1 << 10 | 1 << 8 | 1,			       /* NXE LMA LME SCE */
};

static int set_msrs(const struct machine *m, const struct kvm_msr_entry *entries, unsigned count)
{
	enum { ENTRIES_MAX = 4 };
	_Alignas(struct kvm_msrs) uint8_t room[sizeof(struct kvm_msrs) + ENTRIES_MAX * sizeof(*entries)];
	struct kvm_msrs *msrs = (struct kvm_msrs *)room;
	assert(count <= ENTRIES_MAX);
	*msrs = (struct kvm_msrs){.nmsrs = count};
	memcpy(msrs->entries, entries, count * sizeof(*entries));
	int n = ioctl(m->vcpu_fd, KVM_SET_MSRS, msrs);
	if (n < 0)
		return -errno;
	return (unsigned)n == count ? 0 : -EIO;
}

static int set_constant_msrs(const struct machine *m)
{
	const struct kvm_msr_entry entries[] = {
		/* STAR: SYSCALL loads CS from 0x10. SYSRET, which is not used, would load CS from 0x20 + 16. */
		{.index = 0xc0000081, .data = 0x23UL << 48 | (uint64_t)MOTE_KERNEL_CS << 32},
		{.index = 0xc0000082, .data = syscall_target()},
		{.index = 0xc0000084, .data = 0x47700}, /* cleared on entry: TF IF DF IOPL NT AC */
	};
	return set_msrs(m, entries, sizeof(entries) / sizeof(entries[0]));
}

/* KERNEL_GS_BASE, the one MSR that an instruction changes which no filter of MSRs sees: SWAPGS at CPL 0. */
static int reset_swapped_base(const struct machine *m)
{
	const struct kvm_msr_entry entry = {.index = 0xc0000102};
	return set_msrs(m, &entry, 1);
}

static int reset_xcr0(const struct machine *m)
{
	struct kvm_xcrs xcrs = {.nr_xcrs = 1, .xcrs[0] = {.xcr = 0, .value = m->xcr0}};
	return ioctl(m->vcpu_fd, KVM_SET_XCRS, &xcrs) < 0 ? -errno : 0;
}

static int set_constants(struct machine *m)
{
	int rc = reset_xcr0(m);
	return rc < 0 ? rc : set_constant_msrs(m);
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
 * One TSC for guest and host, so that the guest can tell the time by it (arch/x86_64/tsc_clock.c). Where KVM cannot do that,
 * the guest finds out, and asks.
 */
static void align_tsc(const struct machine *m)
{
	uint64_t offset = 0;
	struct kvm_device_attr attr = {
		.group = KVM_VCPU_TSC_CTRL, .attr = KVM_VCPU_TSC_OFFSET, .addr = (uint64_t)&offset};
	(void)ioctl(m->vcpu_fd, KVM_SET_DEVICE_ATTR, &attr);
}

static int create(struct machine *m, int kvm_fd, struct err *e)
{
	machine_prepare();
	m->vm_fd = ioctl(kvm_fd, KVM_CREATE_VM, 0);
	if (m->vm_fd < 0)
		return err_sys(e, errno, "KVM_CREATE_VM");
	int rc = deny_msrs(m);
	if (rc < 0)
		return err_sys(e, -rc, "KVM_X86_SET_MSR_FILTER");
	m->vcpu_fd = ioctl(m->vm_fd, KVM_CREATE_VCPU, 0);
	if (m->vcpu_fd < 0)
		return err_sys(e, errno, "KVM_CREATE_VCPU");
	align_tsc(m);
	int run_bytes = ioctl(kvm_fd, KVM_GET_VCPU_MMAP_SIZE, 0);
	if (run_bytes < (int)sizeof(struct kvm_run))
		return err_sys(e, run_bytes < 0 ? errno : EPROTO, "KVM_GET_VCPU_MMAP_SIZE");
	m->run_bytes = (size_t)run_bytes;
	void *run = mmap(NULL, m->run_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, m->vcpu_fd, 0);
	if (run == MAP_FAILED)
		return err_sys(e, errno, "mapping the vCPU's run page");
	m->run = run;
	struct cpuid_features features;
	rc = cpuid_apply(kvm_fd, m->vcpu_fd, &features, e);
	if (rc < 0)
		return rc;
	m->xcr0 = features.xcr0;
	m->xsave_bytes = features.state_bytes;
	m->cr4 = cr4_of(&features);
	rc = set_constants(m);
	return rc < 0 ? err_sys(e, -rc, "setting up the vCPU") : 0;
}

int machine_create(struct machine *m, int kvm_fd, struct err *e)
{
	*m = (struct machine){.vm_fd = -1, .vcpu_fd = -1};
	int rc = create(m, kvm_fd, e);
	if (rc < 0)
		machine_destroy(m);
	return rc;
}

void machine_destroy(struct machine *m)
{
	if (m->run)
		munmap(m->run, m->run_bytes);
	cleanup_closep(&m->vcpu_fd);
	cleanup_closep(&m->vm_fd);
	*m = (struct machine){.vm_fd = -1, .vcpu_fd = -1};
}

/* --- registers --- */

static const struct kvm_segment user_code = {
	.limit = ~0u, .selector = MOTE_USER_CS, .type = 11, .present = 1, .dpl = 3, .s = 1, .l = 1, .g = 1};
static const struct kvm_segment user_data = {
	.limit = ~0u, .selector = MOTE_USER_DS, .type = 3, .present = 1, .dpl = 3, .s = 1, .db = 1, .g = 1};

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
		.gdt = {.base = MOTE_KERNEL_TABLES + MOTE_KERNEL_GDT_AT, .limit = KERNEL_TSS_SELECTOR + 15},
		.idt = {.base = MOTE_KERNEL_TABLES + MOTE_KERNEL_IDT_AT, .limit = MOTE_VECTORS * 16 - 1},
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
 * A guest at CPL 0 may have had other page tables, of which the CPU knows translations still, although they are as they
 * were now. A change of CR4 makes KVM drop all of them; this bit of it means nothing to anybody.
 */
static void flush_translations(struct machine *m)
{
	m->cr4 ^= CR4_DE;
}

/* No exception is under way, and no STI or MOV SS has just been: on VMX, a vCPU after an STI does not start without IF. */
static const struct kvm_vcpu_events no_events = {.flags = KVM_VCPUEVENT_VALID_SHADOW};

/* Through the run page: KVM_RUN takes them, which spares a call each. Control registers and tables are the host's. */
static void set_registers(struct machine *m, const struct memory *mem, const struct kvm_regs *regs,
			  const struct kvm_sregs *user)
{
	struct kvm_sync_regs *sync = &m->run->s.regs;
	flush_translations(m);
	sync->regs = *regs;
	fill_sregs(&sync->sregs, mem->root, m->cr4);
	sync->sregs.fs.base = user->fs.base;
	sync->sregs.gs.base = user->gs.base;
	sync->sregs.cr2 = user->cr2;
	sync->events = no_events;
	m->run->kvm_dirty_regs = KVM_SYNC_X86_REGS | KVM_SYNC_X86_SREGS | KVM_SYNC_X86_EVENTS;
	m->run->cr8 = 0; /* KVM, which has no local APIC here, takes it from the run page and not from sregs */
}

void machine_start(struct machine *m, const struct memory *mem, gva_t rip, gva_t rsp, uint64_t rdi, uint64_t rsi,
		   gva_t gs_base)
{
	struct kvm_regs regs = {.rip = rip.v, .rsp = rsp.v, .rdi = rdi, .rsi = rsi, .rflags = 2};
	const struct kvm_sregs user = {.gs.base = gs_base.v};
	set_registers(m, mem, &regs, &user);
}

/* --- saving and loading --- */

/* The standard format of XSAVE (Intel SDM volume 1, 13.4). */
enum { XSAVE_MXCSR_AT = 24, XSAVE_HEADER_AT = 512, XCR0_MAX = 0xe7 };

/*
 * Some KVMs move RIP past an I/O instruction only when the vCPU is run again. This lets them, without
 * running the guest.
 */
static int finish_exit(struct machine *m)
{
	m->run->immediate_exit = 1;
	int rc = ioctl(m->vcpu_fd, KVM_RUN, 0) < 0 ? -errno : 0;
	m->run->immediate_exit = 0;
	return rc == -EINTR ? 0 : rc < 0 ? rc : -EIO;
}

int machine_save(struct machine *m, struct machine_state *out)
{
	int rc = finish_exit(m);
	if (rc < 0)
		return rc;
	if (ioctl(m->vcpu_fd, KVM_GET_REGS, &out->regs) < 0 || ioctl(m->vcpu_fd, KVM_GET_SREGS, &out->sregs) < 0 ||
	    ioctl(m->vcpu_fd, KVM_GET_XSAVE, out->xsave) < 0)
		return -errno;
	/* KVM tells the values of components that are not in use too; of these two, loading shall set them. */
	out->xsave[128] |= 3;
	return 0;
}

void machine_state_sanitize(struct machine_state *s)
{
	uint64_t *header = (uint64_t *)(void *)((uint8_t *)s->xsave + XSAVE_HEADER_AT);
	s->regs.rflags = (s->regs.rflags & 0xcd5) | 2; /* arithmetic flags and the direction */
	*header &= XCR0_MAX;
	memset(header + 1, 0, 7 * sizeof(*header)); /* the standard format; the rest must be zero */
	s->xsave[XSAVE_MXCSR_AT / sizeof(s->xsave[0])] &= 0xffff;
}

void machine_keep(const struct machine *m, struct memory *mem, const struct machine_state *s)
{
	uint8_t page[MOTE_STATE_SYSCALL];
	uint64_t mask = m->xcr0, *header = (uint64_t *)(void *)(page + XSAVE_HEADER_AT);
	if (m->xsave_bytes > MOTE_STATE_BYTES)
		return;
	memcpy(page, s->xsave, MOTE_STATE_BYTES);
	memset(header + 1, 0, 7 * sizeof(*header));
	*header &= mask;
	memcpy(page + MOTE_STATE_RAX, &s->regs.rax, sizeof(uint64_t));
	memcpy(page + MOTE_STATE_RDX, &s->regs.rdx, sizeof(uint64_t));
	memcpy(page + MOTE_STATE_RCX, &s->regs.rcx, sizeof(uint64_t));
	memcpy(page + MOTE_STATE_RIP, &s->regs.rip, sizeof(uint64_t));
	memcpy(page + MOTE_STATE_MASK, &mask, sizeof(mask));
	memory_publish(mem, KERNEL_STATE_AT, page, sizeof(page));
}

static int reset_debug_registers(const struct machine *m)
{
	struct kvm_debugregs debug = {.dr6 = 0xffff0ff0, .dr7 = 0x400};
	return ioctl(m->vcpu_fd, KVM_SET_DEBUGREGS, &debug) < 0 ? -errno : 0;
}

/* What only CPL 0 changes, and no stub can set at CPL 3. */
static int reset_privileged(const struct machine *m)
{
	int rc = reset_debug_registers(m);
	return rc < 0 ? rc : reset_swapped_base(m);
}

/* What CPL 0 may have changed and no way of loading a state sets. A vCPU that has not run has both as they shall be. */
static int reset_rest(const struct machine *m)
{
	int rc = m->has_run ? reset_privileged(m) : 0;
	return rc == 0 && m->has_run ? reset_xcr0(m) : rc;
}

int machine_load(struct machine *m, const struct memory *mem, const struct machine_state *s)
{
	int rc = reset_rest(m);
	if (rc < 0)
		return rc;
	if (ioctl(m->vcpu_fd, KVM_SET_XSAVE, s->xsave) < 0)
		return -errno;
	set_registers(m, mem, &s->regs, &s->sregs);
	m->state_due = false;
	return 0;
}

int machine_reload(struct machine *m, const struct memory *mem, const struct machine_state *s)
{
	uint64_t mask;
	memcpy(&mask, memory_published(mem, KERNEL_STATE_AT) + MOTE_STATE_MASK, sizeof(mask));
	if (mask != m->xcr0)
		return machine_load(m, mem, s);
	int rc = reset_privileged(m); /* XCR0: the stub looks */
	if (rc < 0)
		return rc;
	set_registers(m, mem, &s->regs, &s->sregs);
	m->run->s.regs.regs.rip = MOTE_KERNEL_USER_STUBS + MOTE_KERNEL_LOAD_AT;
	m->state_due = m->loading = true;
	return 0;
}

int machine_renew(struct machine *m)
{
	struct kvm_xsave xsave = {0};
	/* The reset state. x87 and SSE are said to be in use: some kernels take MXCSR only then. */
	uint16_t control = 0x37f;
	uint32_t mxcsr = 0x1f80;
	uint64_t in_use = 3;
	memcpy((uint8_t *)xsave.region, &control, sizeof(control));
	memcpy((uint8_t *)xsave.region + XSAVE_MXCSR_AT, &mxcsr, sizeof(mxcsr));
	memcpy((uint8_t *)xsave.region + XSAVE_HEADER_AT, &in_use, sizeof(in_use));
	int rc = finish_exit(m);
	if (rc < 0)
		return rc;
	if (ioctl(m->vcpu_fd, KVM_SET_XSAVE, &xsave) < 0 || ioctl(m->vcpu_fd, KVM_SET_VCPU_EVENTS, &no_events) < 0)
		return -errno;
	m->detail[0] = '\0';
	m->loading = false;
	rc = reset_privileged(m);
	if (rc == 0)
		rc = set_constants(m);
	m->has_run = rc < 0;
	return rc;
}

int machine_signal_mask(struct machine *m, const sigset_t *mask)
{
	enum { SET_BYTES = 8 };
	static_assert(SET_BYTES <= sizeof(*mask), "the kernel's signal set is the first 8 bytes");
	_Alignas(struct kvm_signal_mask) uint8_t room[sizeof(struct kvm_signal_mask) + SET_BYTES];
	struct kvm_signal_mask *arg = (struct kvm_signal_mask *)room;
	arg->len = SET_BYTES;
	memcpy(arg->sigset, mask, SET_BYTES);
	return ioctl(m->vcpu_fd, KVM_SET_SIGNAL_MASK, arg) < 0 ? -errno : 0;
}

/*
 * An error for what a guest cannot bring about, and its end for everything else: by what it does in
 * its VM KVM may run out of memory, find a state that it does not know, or give the VM up.
 */
static int run_failed(struct machine *m, int error, enum machine_exit *out, struct err *e)
{
	*out = MACHINE_DEAD;
	switch (error) {
	case EINTR:
		*out = MACHINE_INTERRUPTED;
		return 0;
	case EAGAIN: /* the first run starts a kernel thread for the VM; trying again would spin */
		return err_set(e, ERR_HOST, EAGAIN,
			       "KVM_RUN: no thread can be started for the VM; the limit of processes is reached "
			       "(pids.max of a cgroup, or RLIMIT_NPROC)");
	case EBADF:
	case EPERM:
	case ENOTTY:
	case ENOSYS:
		return err_sys(e, error, "KVM_RUN");
	case EFAULT: /* a mapped file that became shorter */
		snprintf(m->detail, sizeof(m->detail), "guest memory is gone (was the program's file truncated?)");
		return 0;
	default:
		snprintf(m->detail, sizeof(m->detail), "KVM_RUN failed: %s", strerror(error));
		return 0;
	}
}

static int run(struct machine *m, enum machine_exit *out, struct err *e)
{
	if (ioctl(m->vcpu_fd, KVM_RUN, 0) < 0)
		return run_failed(m, errno, out, e);
	const struct kvm_run *run = m->run;
	*out = MACHINE_DEAD;
	if (run->exit_reason == KVM_EXIT_IO && run->io.direction == KVM_EXIT_IO_OUT &&
	    run->io.port == MOTE_PORT_CALL)
		*out = MACHINE_CALL;
	else if (run->exit_reason == KVM_EXIT_IO && run->io.direction == KVM_EXIT_IO_OUT &&
		 run->io.port == MOTE_PORT_FAULT)
		*out = MACHINE_FAULT;
	else if (run->exit_reason == KVM_EXIT_INTR)
		*out = MACHINE_INTERRUPTED;
	else if (run->exit_reason == KVM_EXIT_SHUTDOWN)
		snprintf(m->detail, sizeof(m->detail), "triple fault");
	else if (run->exit_reason == KVM_EXIT_INTERNAL_ERROR)
		snprintf(m->detail, sizeof(m->detail), "KVM internal error %u", run->internal.suberror);
	else
		snprintf(m->detail, sizeof(m->detail), "unexpected VM exit %u", run->exit_reason);
	return 0;
}

int machine_run(struct machine *m, enum machine_exit *out, struct err *e)
{
	m->state_due = false;
	m->has_run = true;
	int rc = run(m, out, e);
	if (rc == 0 && *out == MACHINE_CALL)
		m->loading = false;
	m->dead = rc < 0 || *out == MACHINE_DEAD;
	return rc;
}

static void context_of(const struct kvm_regs *r, struct mote_context *c)
{
	*c = (struct mote_context){
		.rax = r->rax, .rbx = r->rbx, .rcx = r->rcx, .rdx = r->rdx, .rsi = r->rsi, .rdi = r->rdi,
		.rbp = r->rbp, .rsp = r->rsp, .r8 = r->r8,   .r9 = r->r9,   .r10 = r->r10, .r11 = r->r11,
		.r12 = r->r12, .r13 = r->r13, .r14 = r->r14, .r15 = r->r15, .rip = r->rip, .rflags = r->rflags,
	};
}

int machine_context(struct machine *m, struct mote_context *out)
{
	struct kvm_regs r;
	if (ioctl(m->vcpu_fd, KVM_GET_REGS, &r) < 0)
		return -errno;
	context_of(&r, out);
	return 0;
}

/* What a stub leaves at the top of the kernel stack, lowest address first. */
struct stub_frame {
	uint64_t vector, error_code, rip, cs, rflags, rsp, ss;
};

int machine_fault(struct machine *m, struct memory *mem, struct mote_fault *out)
{
	struct kvm_regs r;
	struct kvm_sregs s;
	if (ioctl(m->vcpu_fd, KVM_GET_REGS, &r) < 0 || ioctl(m->vcpu_fd, KVM_GET_SREGS, &s) < 0)
		return -errno;
	/* The CPU and the stubs put it there; a frame elsewhere means that a stub was interrupted itself. */
	if (r.rsp != MOTE_KERNEL_STACKS + MOTE_PAGE - sizeof(struct stub_frame))
		return -EPROTO;
	struct stub_frame f;
	memcpy(&f, memory_at(mem, KERNEL_STACK_AT, MOTE_PAGE) + MOTE_PAGE - sizeof(f), sizeof(f));
	if ((f.cs & 3) != 3 || f.vector >= MOTE_VECTORS)
		return -EPROTO;
	bool loading = m->loading;
	m->loading = false;
	if (loading && f.rip - MOTE_KERNEL_USER_STUBS < MOTE_PAGE)
		return -ESTALE;
	*out = (struct mote_fault){
		.vector = (uint32_t)f.vector,
		.error_code = (uint32_t)f.error_code,
		.address = f.vector == 14 ? s.cr2 : 0,
	};
	context_of(&r, &out->context);
	out->context.rip = f.rip;
	out->context.rsp = f.rsp;
	out->context.rflags = f.rflags;
	return 0;
}

int machine_redirect(struct machine *m, const struct memory *mem, uint64_t rip, uint64_t rsp, uint64_t rdi)
{
	struct kvm_regs r;
	struct kvm_sregs now, s;
	if (ioctl(m->vcpu_fd, KVM_GET_REGS, &r) < 0 || ioctl(m->vcpu_fd, KVM_GET_SREGS, &now) < 0)
		return -errno;
	r.rip = rip;
	r.rsp = rsp;
	r.rdi = rdi;
	r.rflags = 2;
	fill_sregs(&s, mem->root, m->cr4);
	s.fs.base = now.fs.base;
	s.gs.base = now.gs.base;
	if (ioctl(m->vcpu_fd, KVM_SET_SREGS, &s) < 0 || ioctl(m->vcpu_fd, KVM_SET_REGS, &r) < 0)
		return -errno;
	return 0;
}
