/* SPDX-License-Identifier: Apache-2.0 */
/* A reactor: no main, but functions to be called after _initialize has run the constructors. */
#include <stdio.h>
#include <stdlib.h>

static int constructed;

__attribute__((constructor)) static void construct(void)
{
	constructed = 41;
}

__attribute__((export_name("report"))) void report(void)
{
	printf("constructed %d\n", constructed + 1);
	fflush(stdout);
}

__attribute__((export_name("leave"))) void leave(void)
{
	exit(7);
}

__attribute__((export_name("add"))) int add(int a, int b)
{
	return a + b;
}
