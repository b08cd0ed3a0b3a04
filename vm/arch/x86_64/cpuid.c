/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The CPUID policy. Kept: what unprivileged code uses to choose instructions and to size its
 * copies. Left out: virtualisation, power management, local APIC, performance counters, protection
 * keys, shadow stacks, AMX, and leaves that describe the host (topology, frequencies of idle
 * states, hypervisor).
 */
#include "vm/arch/x86_64/cpuid.h"

#include "base/sha256.h"

#include <errno.h>
#include <linux/kvm.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

enum { LEAVES_MAX = 256, XCR0_ALLOWED = 0xe7 /* x87, SSE, AVX, AVX-512 */ };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct kvm_cpuid2 *chosen;                             /* guarded by lock; set once */
static struct cpuid_features features = {.state_bytes = 576}; /* as XSAVE lays it out */

/*
 * Bits to take away from a leaf. index ~0u: any. (AMD64 APM volume 3, appendix E; Intel SDM 2A,
 * CPUID.)
 */
static const struct mask {
	uint32_t function, index, eax, ebx, ecx, edx;
} masks[] = {
	/*
	 * ECX: DTES64 MONITOR DS_CPL VMX SMX EIST TM2 CNXT_ID SDBG xTPR PDCM PCID DCA x2APIC
	 * TSC_DEADLINE. EDX: MCE APIC SEP MTRR MCA PSN DS ACPI HTT TM PBE. EBX: local APIC id.
	 */
	{1, ~0u, 0, 0xff000000, 0x0126cdfc, 0xb0645a80},
	/*
	 * EBX: TSC_ADJUST SGX HLE INVPCID RTM PQM MPX PQE PT. ECX: PKU OSPKE WAITPKG SHSTK TME LA57
	 * KL ENQCMD SGX_LC PKS. EDX: UINTR RTM HYBRID TSXLDTRK PCONFIG LBR IBT AMX speculation
	 * controls.
	 */
	{7, 0, 0, 0x0200dc16, 0xe08120b8, 0xff5da820},
	{7, 1, 0x00200000, 0, 0, 0},   /* AMX-FP16 */
	{0xd, 1, 0x18, ~0u, ~0u, ~0u}, /* XSAVES and XFD: supervisor state */
	/*
	 * CmpLegacy SVM ExtApic AltMovCr8 OSVW IBS SKINIT WDT LWP TCE NodeId TopoExt Perf* DBExt
	 * MWAITX
	 */
	{0x80000001, ~0u, 0, 0, 0x3dcab61e, 0},
	{0x80000007, ~0u, ~0u, ~0u, ~0u, ~(1u << 8)}, /* the invariant TSC stays */
	{0x80000008, ~0u, 0, ~0u, ~0u, ~0u},
};

static const uint32_t kept[] = {0,          1,          2,          4,
				7,          0xd,        0x80000000, 0x80000001,
				0x80000002, 0x80000003, 0x80000004, 0x80000005,
				0x80000006, 0x80000007, 0x80000008, 0x8000001d};

static bool is_kept(uint32_t function)
{
	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
		if (kept[i] == function)
			return true;
	return false;
}

static void apply_masks(struct kvm_cpuid_entry2 *entry)
{
	for (size_t i = 0; i < sizeof(masks) / sizeof(masks[0]); i++) {
		const struct mask *m = &masks[i];
		if (m->function != entry->function || (m->index != ~0u && m->index != entry->index))
			continue;
		entry->eax &= ~m->eax;
		entry->ebx &= ~m->ebx;
		entry->ecx &= ~m->ecx;
		entry->edx &= ~m->edx;
	}
}

/* Restricts a leaf to what guests may use. False if the guest does not get it at all. */
static bool choose_entry(struct kvm_cpuid_entry2 *entry)
{
	if (!is_kept(entry->function))
		return false;
	if (entry->function == 0xd && entry->index == 0) {
		entry->eax &= XCR0_ALLOWED;
		entry->edx = 0;
		features.xcr0 = entry->eax;
	}
	if (entry->function == 0xd && entry->index >= 2) {
		bool allowed = entry->index < 64 && (XCR0_ALLOWED >> entry->index & 1);
		if (allowed && entry->eax + entry->ebx > features.state_bytes)
			features.state_bytes = entry->eax + entry->ebx;
		return allowed;
	}
	if (entry->function == 7 && entry->index == 0) {
		features.smep = entry->ebx >> 7 & 1;
		features.smap = entry->ebx >> 20 & 1;
		features.umip = entry->ecx >> 2 & 1;
	}
	if (entry->function == 0 && entry->eax > 0xd)
		entry->eax = 0xd;
	apply_masks(entry);
	return true;
}

static int choose(int kvm_fd, struct err *e)
{
	struct kvm_cpuid2 *all = calloc(1, sizeof(*all) + LEAVES_MAX * sizeof(all->entries[0]));
	if (!all)
		return err_sys(e, ENOMEM, "CPUID");
	all->nent = LEAVES_MAX;
	if (ioctl(kvm_fd, KVM_GET_SUPPORTED_CPUID, all) < 0) {
		int code = errno;
		free(all);
		return err_sys(e, code, "KVM_GET_SUPPORTED_CPUID");
	}
	uint32_t n = 0;
	for (uint32_t i = 0; i < all->nent; i++)
		if (choose_entry(&all->entries[i]))
			all->entries[n++] = all->entries[i];
	all->nent = n;
	chosen = all;
	return 0;
}

/* Sets `chosen`, unless an earlier call has. */
static int choose_once(int kvm_fd, struct err *e)
{
	int rc = 0;
	pthread_mutex_lock(&lock);
	if (!chosen)
		rc = choose(kvm_fd, e);
	pthread_mutex_unlock(&lock);
	return rc;
}

int cpuid_digest(int kvm_fd, char out[65], struct err *e)
{
	int rc = choose_once(kvm_fd, e);
	if (rc == 0)
		sha256_hex(chosen->entries, chosen->nent * sizeof(chosen->entries[0]), out);
	return rc;
}

int cpuid_apply(int kvm_fd, int vcpu_fd, struct cpuid_features *out, struct err *e)
{
	int rc = choose_once(kvm_fd, e);
	if (rc < 0)
		return rc;
	if (ioctl(vcpu_fd, KVM_SET_CPUID2, chosen) < 0)
		return err_sys(e, errno, "KVM_SET_CPUID2");
	if ((features.xcr0 & 3) != 3)
		return err_set(e, ERR_HOST, ENOSYS,
			       "this CPU has no XSAVE, which Mote's guests need");
	*out = features;
	return 0;
}
