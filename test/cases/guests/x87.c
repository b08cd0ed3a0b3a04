/* SPDX-License-Identifier: Apache-2.0 */
/* A handler may use the x87 although what it is called for is an exception of it. */
/* cases: cflags -lm */
#define _GNU_SOURCE
#include <fenv.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
static sigjmp_buf out;
static int n, code;
static void h(int s, siginfo_t *i, void *u)
{
	code = i->si_code;
	if (++n > 3) {
		printf("again and again\n");
		fflush(stdout);
		_exit(1);
	}
	siglongjmp(out, 1);
}
int main(void)
{
	struct sigaction a = {.sa_sigaction = h, .sa_flags = SA_SIGINFO};
	sigaction(SIGFPE, &a, 0);
	feenableexcept(FE_DIVBYZERO);
	if (!sigsetjmp(out, 1)) {
		volatile long double x = 1, y = 0;
		x = x / y;
		x = x + 1;
	}
	long double z = 2;
	z = z * 3;
	printf("code %d (FPE_FLTDIV is 3), %Lg\n", code, z);
	return 0;
}
