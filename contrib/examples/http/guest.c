/* SPDX-License-Identifier: Apache-2.0 */
/* The guest: the handler as a function that the server calls. Native or WebAssembly. */
#include "handler.h"

#include <mote_guest.h>

static int handle(const struct mote_value *args, struct mote_value *result)
{
	static char text[4096];
	handle_request(args[0].of.string.text, args[1].of.string.text, args[2].of.string.text, text,
		       sizeof(text));
	*result = mote_string(text);
	return 0;
}

/* method, path, headers: the answer */
MOTE_EXPORT(handle, "sss:s")
