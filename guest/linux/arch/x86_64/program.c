/* SPDX-License-Identifier: Apache-2.0 */
/* What x86-64 programs find out about their CPU, and arch_prctl. */
#include "guest/linux/arch/arch.h"
#include "guest/linux/syscall.h"

#include <asm/hwcap2.h>
#include <asm/prctl.h>
#include <linux/elf-em.h>

uint16_t arch_elf_machine(void)
{
	return EM_X86_64;
}

const char *arch_platform(void)
{
	return "x86_64";
}

/* AT_HWCAP has the feature bits of CPUID's first leaf. */
void arch_hardware_features(uint64_t hwcap[2])
{
	uint32_t a = 1, b, c = 0, d;
	__asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
	hwcap[0] = d;
	hwcap[1] = HWCAP2_FSGSBASE;
}

int64_t sys_arch_prctl(uint32_t code, uint64_t arg)
{
	uint64_t base;
	if ((code == ARCH_SET_FS || code == ARCH_SET_GS) && arg >= MOTE_VA_END)
		return -EPERM;
	switch (code) {
	case ARCH_SET_FS:
		__asm__ volatile("wrfsbase %0" : : "r"(arg));
		return 0;
	case ARCH_GET_FS:
		__asm__ volatile("rdfsbase %0" : "=r"(base));
		return put_user(arg, &base, sizeof(base));
	case ARCH_SET_GS:
		this_thread()->program_gs = arg;
		return 0;
	case ARCH_GET_GS:
		return put_user(arg, &this_thread()->program_gs, sizeof(base));
	default:
		return -EINVAL;
	}
}
