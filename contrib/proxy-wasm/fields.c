/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which header fields a plugin may make: what would end a line or a message early, or has no
 * meaning, does not reach the server (RFC 9110, section 5). The plugin controls every byte.
 */
#include "proxy-wasm/internal.h"

#include <ctype.h>

static bool is_token(uint8_t c)
{
	return isalnum(c) || (c && strchr("!#$%&'*+-.^_`|~", c));
}

/* A pseudo-header has a colon before its name. */
static bool name_valid(const struct mote_proxy_bytes *key)
{
	size_t i = key->len && key->at[0] == ':' ? 1 : 0;
	if (i == key->len || key->len > 65536)
		return false;
	for (; i < key->len; i++)
		if (!is_token(key->at[i]))
			return false;
	return true;
}

static bool status_valid(const struct mote_proxy_bytes *value)
{
	return value->len == 3 && value->at[0] >= '2' && value->at[0] <= '5' &&
	       isdigit(value->at[1]) && isdigit(value->at[2]);
}

bool pw_field_valid(const struct mote_proxy_bytes *key, const struct mote_proxy_bytes *value)
{
	static const struct mote_proxy_bytes status = {(const uint8_t *)":status", 7};
	if (!name_valid(key))
		return false;
	for (size_t i = 0; i < value->len; i++)
		if (value->at[i] == '\r' || value->at[i] == '\n' || value->at[i] == 0)
			return false;
	return !mote_proxy_key_is(key, &status) || status_valid(value);
}
