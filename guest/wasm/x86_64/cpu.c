/* SPDX-License-Identifier: Apache-2.0 */
/* What the CPU has, by CPUID. */
#include "guest/wasm/x86_64/cpu.h"

#include "guest/wasm/wasm.h"

static void cpuid(uint32_t leaf, uint32_t r[4])
{
	__asm__("cpuid" : "=a"(r[0]), "=b"(r[1]), "=c"(r[2]), "=d"(r[3]) : "a"(leaf), "c"(0));
}

static uint32_t if_bit(uint32_t word, unsigned bit, enum wasm_cpu cpu)
{
	return word >> bit & 1 ? (uint32_t)cpu : 0;
}

uint32_t wasm_cpu_detect(void)
{
	uint32_t one[4], seven[4], extended[4], cpu = 0;
	cpuid(1, one);
	cpuid(7, seven);
	cpuid(0x80000001, extended);
	cpu |= if_bit(extended[2], 5, WASM_CPU_LZCNT);
	cpu |= if_bit(seven[1], 3, WASM_CPU_BMI1);
	cpu |= if_bit(seven[1], 8, WASM_CPU_BMI2);
	if ((one[2] & 1 << 27) && (one[2] & 1 << 28)) {
		uint32_t low, high;
		__asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
		if ((low & 6) == 6) {
			cpu |= WASM_CPU_AVX;
			cpu |= if_bit(seven[1], 5, WASM_CPU_AVX2);
			cpu |= if_bit(one[2], 12, WASM_CPU_FMA);
		}
	}
	return cpu;
}
