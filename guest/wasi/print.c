/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/wasi/print.h"

#include "guest/lib/lib.h"

static struct {
	char text[4096];
	uint64_t bytes;
} output;

void print_flush(void)
{
	lib_write(1, output.text, output.bytes);
	output.bytes = 0;
}

void print_bytes(void *unused, const char *text, uint64_t bytes)
{
	(void)unused;
	while (bytes) {
		uint64_t n = sizeof(output.text) - output.bytes;
		if (n > bytes)
			n = bytes;
		memcpy(output.text + output.bytes, text, n);
		output.bytes += n;
		text += n;
		bytes -= n;
		if (output.bytes == sizeof(output.text))
			print_flush();
	}
}
