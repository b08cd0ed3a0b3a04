/* SPDX-License-Identifier: Apache-2.0 */
/* The edge between struct err and libmote's public error. */
#ifndef MOTE_API_ERROR_H
#define MOTE_API_ERROR_H

#include <mote/mote.h>

#include "base/err.h"

/* Fills *to, unless it is NULL. Returns -from->code. */
int error_report(const struct err *from, struct mote_error *to);

#endif
