/* SPDX-License-Identifier: Apache-2.0 */
/* IP addresses as text: RFC 4291, section 2.2, and the four decimal numbers of IPv4. */
#ifndef MOTE_WASI_P2_IP_TEXT_H
#define MOTE_WASI_P2_IP_TEXT_H

#include <stdbool.h>
#include <stdint.h>

/* An ip-address as the Canonical ABI lays it out. */
struct ip_address {
	uint8_t family; /* enum p2_family */
	union {
		uint8_t v4[4];
		uint16_t v6[8]; /* numbers */
	};
};

/* The text ends with NUL. False: it is not an address. */
bool ip_from_text(const char *text, struct ip_address *out);

#endif
