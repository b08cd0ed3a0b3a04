/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A WebAssembly module as any toolchain makes it, without mote_guest.h: memory by cabi_realloc,
 * results by the canonical ABI's pair of address and length.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct pair {
	char *at;
	uint32_t len;
};

__attribute__((import_module("mote"), import_name("string"))) void host_string(const char *at,
									       uint32_t len,
									       struct pair *result);
__attribute__((import_module("mote"), import_name("bytes"))) void host_bytes(const char *at,
									     uint32_t len,
									     struct pair *result);

static int given, freed;
static struct pair result;

__attribute__((export_name("cabi_realloc"))) void *cabi_realloc(void *old, size_t old_bytes,
								size_t align, size_t bytes)
{
	if (old || old_bytes || align != 1)
		abort();
	given++;
	return malloc(bytes ? bytes : 1);
}

/* Both texts, joined; the arguments are its own. */
__attribute__((export_name("join"))) struct pair *join(char *a, uint32_t a_len, char *b,
						       uint32_t b_len)
{
	result.len = a_len + b_len;
	result.at = malloc(result.len + 1);
	memcpy(result.at, a, a_len);
	memcpy(result.at + a_len, b, b_len);
	free(a);
	free(b);
	return &result;
}

__attribute__((export_name("cabi_post_join"))) void post_join(struct pair *p)
{
	free(p->at);
	freed++;
}

__attribute__((export_name("host_twice"))) struct pair *host_twice(char *text, uint32_t len)
{
	struct pair once;
	host_string(text, len, &once);
	host_bytes(once.at, once.len, &result);
	free(text);
	free(once.at);
	return &result;
}

__attribute__((export_name("balance"))) int64_t balance(void)
{
	return (int64_t)given << 32 | freed;
}

__attribute__((export_name("hello"))) void hello(void)
{
	printf("hello from a reactor\n");
}
