/* SPDX-License-Identifier: Apache-2.0 */
/* Prints that it runs, and then loops forever. */
#include <unistd.h>

int main(void)
{
	if (write(1, "running\n", 8) != 8)
		return 1;
	for (volatile unsigned long n = 0;; n++)
		;
}
