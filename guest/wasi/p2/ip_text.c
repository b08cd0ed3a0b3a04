/* SPDX-License-Identifier: Apache-2.0 */
/* See ip_text.h. The program controls the text. */
#include "guest/wasi/p2/ip_text.h"

#include "guest/wasi/p2/sockets.h"

static int digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return 16;
}

/* Of at most so many digits; NULL if there is none, else what follows. */
static const char *read_number(const char *text, int base, int digits, uint32_t *out)
{
	const char *from = text;
	uint32_t value = 0;
	while (digit_of(*text) < base && text - from < digits)
		value = value * (uint32_t)base + (uint32_t)digit_of(*text++);
	*out = value;
	return text == from || digit_of(*text) < base ? NULL : text;
}

static bool read_v4(const char *text, uint8_t out[4])
{
	for (int i = 0; i < 4; i++) {
		uint32_t value;
		const char *from = text;
		text = read_number(text, 10, 3, &value);
		/* 010 is 8 for some, and 10 for others */
		if (!text || value > 255 || (*from == '0' && text - from > 1))
			return false;
		out[i] = (uint8_t)value;
		if (*text != (i < 3 ? '.' : 0))
			return false;
		text += i < 3;
	}
	return true;
}

/* What has been read of an IPv6 address: numbers, and where "::" stands for more. */
struct groups {
	uint16_t numbers[8];
	int count, gap; /* -1: none */
};

static const char *read_gap(const char *text, struct groups *g)
{
	if (text[0] != ':' || text[1] != ':')
		return text;
	if (g->gap >= 0)
		return NULL;
	g->gap = g->count;
	return text + 2;
}

/* The last 32 bits may be as those of IPv4. */
static const char *read_group(const char *text, struct groups *g)
{
	uint8_t v4[4];
	uint32_t value;
	if (g->count <= 6 && read_v4(text, v4)) {
		g->numbers[g->count++] = (uint16_t)(v4[0] << 8 | v4[1]);
		g->numbers[g->count++] = (uint16_t)(v4[2] << 8 | v4[3]);
		return text + strlen(text);
	}
	text = read_number(text, 16, 4, &value);
	if (text)
		g->numbers[g->count++] = (uint16_t)value;
	return text;
}

static bool read_v6(const char *text, uint16_t out[8])
{
	struct groups g = {.gap = -1};
	text = read_gap(text, &g);
	while (text && *text) {
		if (g.count == 8)
			return false;
		text = read_group(text, &g);
		if (!text || !*text)
			break;
		const char *next = read_gap(text, &g);
		if (next == text)
			next = *text == ':' && text[1] ? text + 1 : NULL;
		text = next;
	}
	if (!text || (g.gap < 0 ? g.count != 8 : g.count == 8))
		return false;
	const int zeroes = 8 - g.count;
	for (int i = 0; i < 8; i++) {
		if (g.gap < 0 || i < g.gap)
			out[i] = g.numbers[i];
		else if (i < g.gap + zeroes)
			out[i] = 0;
		else
			out[i] = g.numbers[i - zeroes];
	}
	return true;
}

bool ip_from_text(const char *text, struct ip_address *out)
{
	out->family = FAMILY_IPV4;
	if (read_v4(text, out->v4))
		return true;
	out->family = FAMILY_IPV6;
	return read_v6(text, out->v6);
}
