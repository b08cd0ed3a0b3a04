/* SPDX-License-Identifier: Apache-2.0 */
/* /proc/cpuinfo of the guest's CPU, by CPUID (Intel SDM volume 2, CPUID). */
#include "guest/lib/lib.h"
#include "guest/linux/arch/arch.h"

struct leaf {
	uint32_t a, b, c, d;
};

static struct leaf cpuid(uint32_t number)
{
	struct leaf l = {.a = number};
	__asm__ volatile("cpuid" : "+a"(l.a), "=b"(l.b), "+c"(l.c), "=d"(l.d));
	return l;
}

/* A register's bits by Linux's names, from bit 0 on; "-": a bit without one. */
static const char *const names_1d = "fpu vme de pse tsc msr pae mce cx8 apic - sep mtrr pge mca "
				    "cmov pat pse36 pn clflush - dts acpi mmx fxsr sse sse2 ss ht "
				    "tm ia64 pbe";
static const char *const names_1c =
	"pni pclmulqdq dtes64 monitor ds_cpl vmx smx est tm2 ssse3 cid "
	"sdbg fma cx16 xtpr pdcm - pcid dca sse4_1 sse4_2 x2apic movbe "
	"popcnt tsc_deadline_timer aes xsave - avx f16c rdrand hypervisor";
static const char *const names_7b =
	"fsgsbase tsc_adjust sgx bmi1 hle avx2 - smep bmi2 erms "
	"invpcid rtm cqm - mpx rdt_a avx512f avx512dq rdseed adx smap "
	"avx512ifma - clflushopt clwb intel_pt avx512pf avx512er avx512cd "
	"sha_ni avx512bw avx512vl";

static size_t add_flags(char *to, size_t capacity, uint32_t bits, const char *names)
{
	size_t used = 0;
	for (; *names; bits >>= 1) {
		int len = 0;
		while (names[len] && names[len] != ' ')
			len++;
		if ((bits & 1) && names[0] != '-')
			used += lib_format(to + used, capacity - used, " %.*s", len, names);
		names += len + (names[len] == ' ');
	}
	return used;
}

static void brand_of(char to[49])
{
	const uint32_t first = 0x80000002;
	memset(to, 0, 49);
	if (cpuid(0x80000000).a < first + 2)
		return;
	for (uint32_t i = 0; i < 3; i++) {
		struct leaf l = cpuid(first + i);
		memcpy(to + i * sizeof(l), &l, sizeof(l));
	}
}

size_t arch_cpu_info(char *to, size_t capacity)
{
	const struct leaf vendor = cpuid(0), model = cpuid(1);
	const uint32_t base = model.a >> 8 & 15;
	char name[13] = "", brand[49];
	memcpy(name, &vendor.b, 4);
	memcpy(name + 4, &vendor.d, 4);
	memcpy(name + 8, &vendor.c, 4);
	brand_of(brand);
	size_t used = lib_format(
		to, capacity,
		"processor\t: 0\nvendor_id\t: %s\ncpu family\t: %u\nmodel\t\t: %u\n"
		"model name\t: %s\nstepping\t: %u\nphysical id\t: 0\nsiblings\t: 1\n"
		"core id\t\t: 0\ncpu cores\t: 1\nfpu\t\t: yes\ncpuid level\t: %u\nflags\t\t:",
		name, base == 15 ? base + (model.a >> 20 & 255) : base,
		(model.a >> 4 & 15) | (model.a >> 12 & 0xf0), brand, model.a & 15, vendor.a);
	used += add_flags(to + used, capacity - used, model.d, names_1d);
	used += add_flags(to + used, capacity - used, model.c, names_1c);
	if (vendor.a >= 7)
		used += add_flags(to + used, capacity - used, cpuid(7).b, names_7b);
	used += lib_format(to + used, capacity - used, "\nclflush size\t: %u\n\n",
			   (model.b >> 8 & 255) * 8);
	return used;
}
