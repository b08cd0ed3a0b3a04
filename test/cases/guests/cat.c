/* SPDX-License-Identifier: Apache-2.0 */
/* cases: stdin line\nand a second one without an end */
#include <stdio.h>
#include <unistd.h>

int main(void)
{
	char bytes[65536];
	ssize_t got;
	while ((got = read(0, bytes, sizeof(bytes))) > 0)
		if (write(1, bytes, (size_t)got) != got)
			return 2;
	fprintf(stderr, "end: %zd\n", got);
	return got < 0;
}
