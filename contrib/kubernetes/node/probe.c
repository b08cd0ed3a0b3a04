/* SPDX-License-Identifier: Apache-2.0 */
/* What a node runs to show that micro-VMs run on it: first by `mote run`, then in a pod. */
#include <stdio.h>

int main(void)
{
	return puts("a micro-VM runs") < 0;
}
