/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a component imports and exports, as text in the manner of WIT: a line for each function and
 * type, all of them below the interface that they are of. Names are as the component has them.
 */
#ifndef MOTE_GUEST_COMPONENT_WIT_H
#define MOTE_GUEST_COMPONENT_WIT_H

#include "guest/component/types.h"

struct wit_writer {
	/* False: no more is wanted, and nothing follows. */
	bool (*write)(void *context, const char *text, uint64_t bytes);
	void *context;
};

/* `world` is a component's type. False: there is no memory. */
bool wit_print(const struct ctype *world, const struct wit_writer *to);

#endif
