/* SPDX-License-Identifier: Apache-2.0 */
/* The integer kernels, of two files. */
#ifndef MOTE_TEST_BENCH_KERNELS_INTEGER_H
#define MOTE_TEST_BENCH_KERNELS_INTEGER_H

#include "kernels.h"

uint64_t kernel_list(uint32_t seed);
uint64_t kernel_matrix_small(uint32_t seed);
uint64_t kernel_state_machine(uint32_t seed);
uint64_t kernel_crc(uint32_t seed);
uint64_t kernel_sort(uint32_t seed);
uint64_t kernel_hash_table(uint32_t seed);

#endif
