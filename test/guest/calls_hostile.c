/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A guest that does not keep to abi/message.h. argv[1] names the misdeed; those beginning with
 * "call-" come as the answer to the first call, the others instead of READY.
 */
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#define EXCHANGE 0x6d6f7465
static char in[65536];

static long say(const void *bytes, size_t len)
{
	return syscall(EXCHANGE, bytes, len, in, sizeof(in));
}
#define SAY(text) say(text, sizeof(text) - 1)

#define READY "\1\1\0\0\0\1\0\0\0\1\0\0\0f\0\2\0\0\0:i\0\0" /* f, :i */

static const struct misdeed {
	const char *name, *bytes;
	size_t len;
} misdeeds[] = {
#define MISDEED(name, bytes)                   \
	{                                      \
		name, bytes, sizeof(bytes) - 1 \
	}
	MISDEED("kind-0", "\0"),
	MISDEED("kind-99", "\143"),
	MISDEED("return-first", "\3v"),
	MISDEED("error-first", "\4\1\0\0\0\0\0\0\0\0"),
	MISDEED("ready-empty", "\1"),
	MISDEED("ready-version", "\1\2\0\0\0\0\0\0\0"),
	MISDEED("ready-many", "\1\1\0\0\0\377\377\377\377"),
	MISDEED("ready-more-than-there", "\1\1\0\0\0\2\0\0\0\1\0\0\0f\0\2\0\0\0:i\0\0"),
	MISDEED("ready-rest", READY "x"),
	MISDEED("ready-name-empty", "\1\1\0\0\0\1\0\0\0\0\0\0\0\0\2\0\0\0:i\0\0"),
	MISDEED("ready-name-no-nul", "\1\1\0\0\0\1\0\0\0\1\0\0\0ff\2\0\0\0:i\0\0"),
	MISDEED("ready-name-nul-inside", "\1\1\0\0\0\1\0\0\0\3\0\0\0f\0g\0\2\0\0\0:i\0\0"),
	MISDEED("ready-name-huge", "\1\1\0\0\0\1\0\0\0\377\377\377\377f\0"),
	MISDEED("ready-signature", "\1\1\0\0\0\1\0\0\0\1\0\0\0f\0\2\0\0\0:x\0\0"),
	MISDEED("ready-wasm-signature", "\1\1\0\0\0\1\0\0\0\1\0\0\0f\0\2\0\0\0:s\0\2"),
	MISDEED("ready-flags", "\1\1\0\0\0\1\0\0\0\1\0\0\0f\0\2\0\0\0:i\0\200"),
	MISDEED("ready-twice-the-name",
		"\1\1\0\0\0\2\0\0\0\1\0\0\0f\0\2\0\0\0:i\0\0\1\0\0\0f\0\2\0\0\0:i\0\0"),
	MISDEED("damaged-call", "\2"),
	MISDEED("call-arguments", "\2\1\0\0\0g\0\0\41"),
	MISDEED("call-void-argument", "\2\1\0\0\0g\0\0\1v"),
	MISDEED("call-want", "\2\1\0\0\0g\0x\0"),
	MISDEED("call-rest", "\2\1\0\0\0g\0\0\0x"),
	MISDEED("list-rest", "\5x"),
	MISDEED("functions", "\6\0\0\0\0"),
	MISDEED("call-kind-0", "\0"),
	MISDEED("call-ready", READY),
	MISDEED("call-return-nothing", "\3"),
	MISDEED("call-return-void", "\3v"),
	MISDEED("call-return-other-type", "\3u\1\0\0\0"),
	MISDEED("call-return-short", "\3i\1\0\0"),
	MISDEED("call-return-rest", "\3i\1\0\0\0\0"),
	MISDEED("call-return-no-type", "\3z"),
	MISDEED("call-return-string", "\3s\377\377\377\377a"),
	MISDEED("call-return-bytes", "\3y\5\0\0\0abcd"),
	MISDEED("call-return-bool", "\3b\2"),
	MISDEED("call-error-short", "\4\1\0\0"),
	MISDEED("call-error-text", "\4\1\0\0\0\5\0\0\0a"),
};

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	if (strcmp(what, "silent") == 0)
		for (;;)
			pause();
	if (strcmp(what, "reply-nowhere") == 0)
		return (int)syscall(EXCHANGE, READY, sizeof(READY) - 1, 8, 4096);
	if (strcmp(what, "message-nowhere") == 0)
		return syscall(EXCHANGE, 8, 5, in, sizeof(in)) == -1 ? 7 : 8;
	if (strcmp(what, "message-huge") == 0)
		return syscall(EXCHANGE, in, 1UL << 40, in, sizeof(in)) == -1 ? 7 : 8;
	for (size_t i = 0; i < sizeof(misdeeds) / sizeof(misdeeds[0]); i++) {
		if (strcmp(what, misdeeds[i].name) != 0)
			continue;
		if (strncmp(what, "call-", 5) == 0)
			(void)SAY(READY);
		for (;;)
			(void)say(misdeeds[i].bytes, misdeeds[i].len);
	}
	return 9;
}
