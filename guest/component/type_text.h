/* SPDX-License-Identifier: Apache-2.0 */
/* A function's type as text, in which that of the host's functions is given. */
#ifndef MOTE_GUEST_COMPONENT_TYPE_TEXT_H
#define MOTE_GUEST_COMPONENT_TYPE_TEXT_H

#include "guest/component/instance.h"

enum { TYPE_TEXT_BYTES = 640 };

/*
 * Writes "(u32, list<u8>) -> result<u64, own error>": in WIT's form, with all aliases resolved, and
 * records, variants, enums and flags written out without the names of their parts:
 * "record<u8, u16>", "variant<u8, _>", "enum<3>", "flags<2>". A handle has its resource's name.
 * What does not fit is cut.
 */
void type_text(const struct component_instance *i, const struct ctype *func,
	       char out[TYPE_TEXT_BYTES]);

#endif
