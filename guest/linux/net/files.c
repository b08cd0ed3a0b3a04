/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/linux/net/files.h"

static const char *const texts[] = {
#define NET_FILE(name, text) text,
#include "abi/net_files.def"
};

static int64_t read_text(const char *text, uint64_t offset, void *to, uint64_t bytes)
{
	if (!text)
		return -ENOENT;
	const uint64_t len = strlen(text);
	if (offset >= len)
		return 0;
	bytes = min_u64(bytes, len - offset);
	memcpy(to, text + offset, bytes);
	return (int64_t)bytes;
}

int64_t net_file_read(uint32_t file, uint64_t offset, void *to, uint64_t bytes)
{
	int64_t rc = mote_net_file(mote_area(), file, offset, to, bytes);
	if (rc != -EPERM)
		return rc;
	return read_text(texts[file], offset, to, bytes);
}

bool net_file_is_there(uint32_t file)
{
	char byte;
	return net_file_read(file, 0, &byte, 0) == 0;
}

/* --- lines --- */

static struct {
	uint32_t file;
	uint64_t offset; /* of what follows the bytes here */
	uint32_t at, len;
	char bytes[4096];
	char line[NET_LINE_MAX];
} lines;

void net_lines_open(uint32_t file)
{
	lines.file = file;
	lines.offset = lines.at = lines.len = 0;
}

static bool fill(void)
{
	if (lines.at < lines.len)
		return true;
	int64_t n = net_file_read(lines.file, lines.offset, lines.bytes, sizeof(lines.bytes));
	if (n <= 0)
		return false;
	lines.offset += (uint64_t)n;
	lines.at = 0;
	lines.len = (uint32_t)n;
	return true;
}

/* What of a line does not fit is left out. */
char *net_lines_next(void)
{
	uint32_t used = 0;
	bool any = false;
	while (fill()) {
		const char c = lines.bytes[lines.at++];
		any = true;
		if (c == '\n')
			break;
		if (used < NET_LINE_MAX - 1)
			lines.line[used++] = c;
	}
	lines.line[used] = '\0';
	return any ? lines.line : NULL;
}

/* --- words --- */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

char *net_word(char **at)
{
	char *word = *at;
	while (is_blank(*word))
		word++;
	if (!*word)
		return NULL;
	char *end = word;
	while (*end && !is_blank(*end))
		end++;
	*at = *end ? end + 1 : end;
	*end = '\0';
	return word;
}

static uint32_t digit(char c)
{
	if (c >= '0' && c <= '9')
		return (uint32_t)(c - '0');
	if (c >= 'a' && c <= 'f')
		return (uint32_t)(c - 'a') + 10;
	if (c >= 'A' && c <= 'F')
		return (uint32_t)(c - 'A') + 10;
	return 16;
}

static uint64_t number(const char *digits, uint32_t base)
{
	uint64_t n = 0;
	for (; digits && digit(*digits) < base; digits++)
		n = n * base + digit(*digits);
	return n;
}

uint64_t net_hex(const char *digits)
{
	return number(digits, 16);
}

uint64_t net_decimal(const char *digits)
{
	return number(digits, 10);
}
