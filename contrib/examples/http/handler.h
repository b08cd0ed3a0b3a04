/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HANDLER_H
#define HANDLER_H

#include <stddef.h>

/*
 * Answers one request: writes "STATUS LF LOCATION LF BODY" with a NUL to `to` (room bytes, 256 and
 * more). The same code in a guest and, for comparison, in the server itself.
 */
void handle_request(const char *method, const char *path, const char *headers, char *to,
		    size_t capacity);

#endif
