/* SPDX-License-Identifier: Apache-2.0 */
/* Functions within functions, for the cases of backtraces. */
static inline __attribute__((always_inline)) void innermost(volatile int *p, int n)
{
	*p = n / *p;
}

static inline __attribute__((always_inline)) void middle(volatile int *p, int n)
{
	innermost(p, n + 1);
}

static __attribute__((noinline)) void outer(volatile int *p, int n)
{
	middle(p, n);
	*p += 1;
}

__attribute__((export_name("_start"))) void start(void)
{
	volatile int zero = 0;
	outer(&zero, 3);
	zero += 1;
}
