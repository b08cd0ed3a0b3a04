/* SPDX-License-Identifier: Apache-2.0 */
/* Filling in struct err. */
#include "base/err.h"

#include <stdio.h>
#include <string.h>

int err_set(struct err *e, enum err_blame blame, int code, const char *fmt, ...)
{
	if (!e)
		return -code;
	e->code = code;
	e->blame = blame;
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(e->text, sizeof(e->text), fmt, ap);
	va_end(ap);
	return -code;
}

int err_sys(struct err *e, int code, const char *fmt, ...)
{
	if (!e)
		return -code;
	char what[sizeof(e->text)];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	char why[64];
	return err_set(e, ERR_HOST, code, "%.300s: %s", what, strerror_r(code, why, sizeof(why)));
}

int err_clean(struct err *e)
{
	if (!e)
		return 0;
	for (char *c = e->text; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
	return -e->code;
}

int err_prefix(struct err *e, const char *fmt, ...)
{
	char old[sizeof(e->text)];
	memcpy(old, e->text, sizeof(old));
	char prefix[128];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(prefix, sizeof(prefix), fmt, ap);
	va_end(ap);
	snprintf(e->text, sizeof(e->text), "%.120s: %.250s", prefix, old);
	return -e->code;
}
