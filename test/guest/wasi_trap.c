/* SPDX-License-Identifier: Apache-2.0 */
/* Every way in which Wasm code traps; argv[1] names it. Output before the trap must not be lost. */
#include "wasi_check.h"

static volatile int zero, minus_one = -1, lowest = (int)0x80000000;
static volatile double huge = 1e30;

__attribute__((noinline)) static void do_read(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	CHECK(*(volatile char *)0xfffffff0 == 0);
}

__attribute__((noinline)) static void do_write(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	char *end = (char *)(__builtin_wasm_memory_size(0) * 65536);
	end[-1] = 1;
	*(volatile char *)end = 1;
}

static void do_unreachable(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	__builtin_trap();
}

static void do_divide(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	printf("%d\n", 7 / zero);
}

static void do_overflow(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	printf("%d\n", lowest / minus_one);
}

static void do_convert(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	int r;
	double d = huge;
	__asm__("local.get %1\n\ti32.trunc_f64_s\n\tlocal.set %0" : "=r"(r) : "r"(d));
	printf("%d\n", r);
}

__attribute__((noinline)) static int deeper(int n)
{
	return n == minus_one ? 0 : deeper(n + 1) + deeper(n + 2);
}

static void do_recurse(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	printf("%d\n", deeper(1));
}

static void do_call_wrong_type(int argc, char **argv)
{
	(void)argv;
	double (*volatile f)(double, double) = (double (*)(double, double))(void *)deeper;
	printf("%f\n", f(argc, argc));
}

static void do_call_null(int argc, char **argv)
{
	(void)argv;
	int (*volatile f)(int) = (int (*)(int))0;
	printf("%d\n", f(argc));
}

static void do_call_outside(int argc, char **argv)
{
	(void)argv;
	int (*volatile f)(int) = (int (*)(int))1000000;
	printf("%d\n", f(argc));
}

int main(int argc, char **argv)
{
	static const struct test_case cases[] = {
		{"read", do_read},
		{"write", do_write},
		{"unreachable", do_unreachable},
		{"divide", do_divide},
		{"overflow", do_overflow},
		{"convert", do_convert},
		{"recurse", do_recurse},
		{"call-wrong-type", do_call_wrong_type},
		{"call-null", do_call_null},
		{"call-outside", do_call_outside},
		{NULL, NULL},
	};
	printf("before\n");
	fflush(stdout);
	return run_case(cases, argc, argv);
}
