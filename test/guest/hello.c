/* SPDX-License-Identifier: Apache-2.0 */
/* hello, for every kind of guest and for runc. */
#include <stdio.h>

int main(void)
{
	puts("hello");
	return 0;
}
