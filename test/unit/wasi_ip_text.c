/* SPDX-License-Identifier: Apache-2.0 */
/* guest/wasi/p2/ip_text.c: what is an address and what is not, as inet_pton has it. */
#include "guest/wasi/p2/ip_text.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void compare(const char *text)
{
	uint8_t v4[4], v6[16];
	struct ip_address ip = {0};
	const bool is4 = inet_pton(AF_INET, text, v4) == 1;
	const bool is6 = !is4 && inet_pton(AF_INET6, text, v6) == 1;
	const bool is = ip_from_text(text, &ip);
	cr_expect(is == (is4 || is6), "'%s': %d", text, is);
	if (is4)
		cr_expect(ip.family == 0 && memcmp(ip.v4, v4, 4) == 0, "'%s'", text);
	for (int i = 0; is6 && i < 8; i++)
		cr_expect(ip.family == 1 && ip.v6[i] == (v6[2 * i] << 8 | v6[2 * i + 1]),
			  "'%s': %x at %d", text, ip.v6[i], i);
}

Test(wasi_ip_text, addresses)
{
	static const char *const texts[] = {
		"127.0.0.1",
		"255.255.255.255",
		"0.0.0.0",
		"256.0.0.1",
		"1.2.3",
		"1.2.3.4.5",
		"1.2.3.4 ",
		"01.2.3.4",
		"1..2.3",
		"1.2.3.",
		"",
		":",
		"::",
		":::",
		"::1",
		"1::",
		"1::2",
		"1::2::3",
		"1:2:3:4:5:6:7:8",
		"1:2:3:4:5:6:7:8:9",
		"1:2:3:4:5:6:7",
		"::1:2:3:4:5:6:7:8",
		"1::3:4:5:6:7:8",
		"1:2:3:4:5:6:7::",
		"::1.2.3.4",
		"::ffff:1.2.3.4",
		"1:2:3:4:5:6:1.2.3.4",
		"1:2:3:4:5:6:7:1.2.3.4",
		"::1.2.3",
		"1.2.3.4::",
		"FE80::abcd",
		"12345::",
		"::g",
		"1:",
		":1",
		"1:2:3:4:5:6:7:",
		"::1%1",
		"localhost",
	};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		compare(texts[i]);
}

Test(wasi_ip_text, texts_by_chance)
{
	static const char *const parts[] = {":",  "::",   ".",   "1",      "0",
					    "10", "ffff", "255", "1.2.3.4"};
	size_t addresses = 0;
	srand(1);
	for (int i = 0; i < 300000; i++) {
		char text[128] = "";
		uint8_t unused[16];
		for (int n = rand() % 18; n >= 0; n--)
			strcat(text, parts[(size_t)rand() % (sizeof(parts) / sizeof(parts[0]))]);
		compare(text);
		addresses += inet_pton(AF_INET6, text, unused) == 1;
	}
	cr_expect(addresses > 100, "%zu addresses", addresses);
}
