/* SPDX-License-Identifier: Apache-2.0 */
/* Instructions that compiled code uses if the CPU has them. */
#ifndef MOTE_GUEST_WASM_X86_64_CPU_H
#define MOTE_GUEST_WASM_X86_64_CPU_H

/* Beyond x86-64-v2; wasm_cpu_detect() asks the CPU. */
enum wasm_cpu {
	WASM_CPU_LZCNT = 1 << 0,
	WASM_CPU_BMI1 = 1 << 1,
	WASM_CPU_BMI2 = 1 << 2,
	WASM_CPU_AVX = 1 << 3, /* and the system saves the state */
	WASM_CPU_AVX2 = 1 << 4,
	WASM_CPU_FMA = 1 << 5,
};

#endif
