/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Code on the stack: with PT_GNU_STACK that asks for it the stack can be executed.
 * Also where it has grown.
 * cases: cflags -Wl,-z,execstack
 */
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

static sigjmp_buf back;

static void handler(int signo)
{
	siglongjmp(back, signo);
}

static int run_here(void)
{
	static const unsigned char code[] = {0xb8, 42, 0, 0, 0, 0xc3}; /* mov $42, %eax; ret */
	volatile unsigned char at[64];
	memcpy((void *)at, code, sizeof(code));
	int signo = sigsetjmp(back, 1);
	if (signo)
		return -signo;
	return ((int (*)(void))(void *)at)();
}

static int run_deep(int depth)
{
	volatile char fill[4096];
	fill[0] = (char)depth;
	return depth ? run_deep(depth - 1) + (fill[0] - fill[0]) : run_here();
}

int main(void)
{
	signal(SIGSEGV, handler);
	printf("%d\n%d\n", run_here(), run_deep(1000));
	return 0;
}
