/* SPDX-License-Identifier: Apache-2.0 */
/* struct err as a caller of libmote sees it. */
#include "api/error.h"

#include <string.h>

static enum mote_blame blame_of(enum err_blame blame)
{
	switch (blame) {
	case ERR_CONFIG:
		return MOTE_BLAME_CONFIG;
	case ERR_GUEST:
		return MOTE_BLAME_GUEST;
	case ERR_NONE:
	case ERR_HOST:
	case ERR_PEER:
		break;
	}
	return MOTE_BLAME_HOST;
}

int error_report(const struct err *from, struct mote_error *to)
{
	if (to) {
		to->code = from->code;
		to->blame = blame_of(from->blame);
		memcpy(to->text, from->text, sizeof(to->text));
	}
	return -from->code;
}
