/* SPDX-License-Identifier: Apache-2.0 */
/* Reading DWARF, whose author is the module's: nothing is taken for granted. */
#ifndef MOTE_GUEST_WASM_MODULE_DWARF_CURSOR_H
#define MOTE_GUEST_WASM_MODULE_DWARF_CURSOR_H

#include "guest/wasm/bytes.h"
#include "guest/wasm/module/dwarf.h"

/* Failure is remembered, and leaves nothing to be read. */
struct cursor {
	const uint8_t *at, *end;
	bool bad;
};

static inline struct cursor cursor_of(const uint8_t *at, uint64_t size)
{
	return (struct cursor){.at = at, .end = at + size};
}

static inline const uint8_t *take(struct cursor *c, uint64_t bytes)
{
	const uint8_t *from = c->at;
	if (bytes > (uint64_t)(c->end - c->at)) {
		c->bad = true;
		c->at = c->end;
		return NULL;
	}
	c->at += bytes;
	return from;
}

/* Little endian, of 1 to 8 bytes. */
static inline uint64_t take_fixed(struct cursor *c, uint32_t bytes)
{
	const uint8_t *from = take(c, bytes);
	uint64_t v = 0;
	for (uint32_t i = 0; from && i < bytes; i++)
		v |= (uint64_t)from[i] << 8 * i;
	return v;
}

/* LEB128. What does not fit 64 bits is lost, as it is of no use; *bits is how many were there. */
static inline uint64_t take_leb(struct cursor *c, uint32_t *bits)
{
	uint64_t v = 0;
	uint8_t b = 0x80;
	for (*bits = 0; b & 0x80 && !c->bad; *bits += 7) {
		b = (uint8_t)take_fixed(c, 1);
		if (*bits < 64)
			v |= (uint64_t)(b & 0x7f) << *bits;
	}
	return v;
}

static inline uint64_t take_unsigned(struct cursor *c)
{
	uint32_t bits;
	return take_leb(c, &bits);
}

static inline int64_t take_signed(struct cursor *c)
{
	uint32_t bits;
	uint64_t v = take_leb(c, &bits);
	if (bits > 0 && bits < 64 && v >> (bits - 1) & 1)
		v |= ~0ull << bits;
	return (int64_t)v;
}

static inline struct wasm_name take_text(struct cursor *c)
{
	const uint8_t *nul = memchr(c->at, 0, (size_t)(c->end - c->at));
	if (!nul || nul - c->at > UINT32_MAX) {
		(void)take(c, UINT64_MAX);
		return (struct wasm_name){"", 0};
	}
	const struct wasm_name name = {(const char *)c->at, (uint32_t)(nul - c->at)};
	c->at = nul + 1;
	return name;
}

/* A text in a section of texts. */
static inline struct wasm_name text_at(struct dwarf_bytes section, uint64_t offset,
				       struct cursor *c)
{
	if (offset >= section.size) {
		c->bad = true;
		return (struct wasm_name){"", 0};
	}
	struct cursor at = cursor_of(section.at + offset, section.size - offset);
	const struct wasm_name name = take_text(&at);
	c->bad |= at.bad;
	return name;
}

/* --- forms of attributes (7.5.6) --- */

enum form {
	FORM_ADDR = 0x01,
	FORM_BLOCK2 = 0x03,
	FORM_BLOCK4 = 0x04,
	FORM_DATA2 = 0x05,
	FORM_DATA4 = 0x06,
	FORM_DATA8 = 0x07,
	FORM_STRING = 0x08,
	FORM_BLOCK = 0x09,
	FORM_BLOCK1 = 0x0a,
	FORM_DATA1 = 0x0b,
	FORM_FLAG = 0x0c,
	FORM_SDATA = 0x0d,
	FORM_STRP = 0x0e,
	FORM_UDATA = 0x0f,
	FORM_REF_ADDR = 0x10,
	FORM_REF1 = 0x11,
	FORM_REF2 = 0x12,
	FORM_REF4 = 0x13,
	FORM_REF8 = 0x14,
	FORM_REF_UDATA = 0x15,
	FORM_SEC_OFFSET = 0x17,
	FORM_EXPRLOC = 0x18,
	FORM_FLAG_PRESENT = 0x19,
	FORM_STRX = 0x1a,
	FORM_ADDRX = 0x1b,
	FORM_REF_SUP4 = 0x1c,
	FORM_STRP_SUP = 0x1d,
	FORM_DATA16 = 0x1e,
	FORM_LINE_STRP = 0x1f,
	FORM_REF_SIG8 = 0x20,
	FORM_IMPLICIT_CONST = 0x21,
	FORM_LOCLISTX = 0x22,
	FORM_RNGLISTX = 0x23,
	FORM_REF_SUP8 = 0x24,
	FORM_STRX1 = 0x25, /* to STRX4, of 1 to 4 bytes */
	FORM_STRX4 = 0x28,
	FORM_ADDRX1 = 0x29, /* to ADDRX4 */
	FORM_ADDRX4 = 0x2c,
};

#endif
