/* SPDX-License-Identifier: Apache-2.0 */
/* Errors become ttrpc codes here, and nowhere else. */
#include "shim/status.h"

#include <errno.h>

/* What is wrong with a request at this time. */
static enum ttrpc_code code_of_request(int code)
{
	switch (code) {
	case ENOENT:
	case ESRCH:
		return TTRPC_NOT_FOUND;
	case EEXIST:
		return TTRPC_ALREADY_EXISTS;
	case EBUSY:
		return TTRPC_FAILED_PRECONDITION;
	case ENOSYS:
		return TTRPC_UNIMPLEMENTED;
	default:
		return TTRPC_INVALID_ARGUMENT;
	}
}

/*
 * Only a request's own errors are NotFound or Unimplemented: to containerd these say that the task
 * is gone already, or that the shim speaks an older protocol. A file that is missing is neither.
 */
static enum ttrpc_code code_of(const struct err *e)
{
	switch (e->blame) {
	case ERR_PEER:
		return code_of_request(e->code);
	case ERR_CONFIG:
		return TTRPC_INVALID_ARGUMENT;
	case ERR_GUEST:
		return TTRPC_FAILED_PRECONDITION;
	case ERR_NONE:
	case ERR_HOST:
		break;
	}
	if (e->code == ENOMEM || e->code == ENOSPC || e->code == EMFILE || e->code == ENFILE)
		return TTRPC_RESOURCE_EXHAUSTED;
	return TTRPC_INTERNAL;
}

void status_fail(struct ttrpc_call *call, const struct err *e)
{
	ttrpc_fail(call, code_of(e), "%s", e->text);
}

void status_reply_empty(struct ttrpc_call *call)
{
	Types__Empty empty = TYPES__EMPTY__INIT;
	ttrpc_reply(call, &empty.base);
}

Types__Timestamp status_timestamp(struct timespec t)
{
	Types__Timestamp out = TYPES__TIMESTAMP__INIT;
	out.seconds = t.tv_sec;
	out.nanos = (int32_t)t.tv_nsec;
	return out;
}

char *status_text(const char *s)
{
	return (char *)(uintptr_t)s;
}
