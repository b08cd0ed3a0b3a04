/* SPDX-License-Identifier: Apache-2.0 */
/* yield N: makes N sched_yield system calls, each of which leaves the VM. */
#include <sched.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
	for (long n = argc > 1 ? atol(argv[1]) : 0; n > 0; n--)
		if (sched_yield() != 0)
			return 1;
	return 0;
}
