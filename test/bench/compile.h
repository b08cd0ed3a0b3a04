/* SPDX-License-Identifier: Apache-2.0 */
/* Timing the engine's compiler: what its two programs share, one of this machine and one in a
 * micro-VM. */
#ifndef MOTE_TEST_BENCH_COMPILE_H
#define MOTE_TEST_BENCH_COMPILE_H

#include <stddef.h>
#include <stdint.h>

/*
 * Compiles a module `runs` times and writes a line for each, `NANOSECONDS MACHINE-CODE-BYTES`; the
 * first one meets memory that nobody has touched. Returns 0, or 1 after a line that says why the
 * module does not compile.
 */
int compile_bench(const uint8_t *module, size_t size, unsigned runs);

/* The program's own: a monotonic clock, and where lines go. */
uint64_t compile_now_ns(void);
void compile_out(const char *line, size_t bytes);

#endif
