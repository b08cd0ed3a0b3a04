/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Symlinks that the host does not follow to their end: those that lead to the program's own
 * descriptors, as images have them for their logs (/var/log/NAME -> /dev/stdout), and those to
 * where there is nothing yet.
 */
#ifndef MOTE_WASI_P1_LINK_H
#define MOTE_WASI_P1_LINK_H

#include "guest/wasi/p1/p1.h"

#include <linux/limits.h>

struct link_end {
	int32_t own;         /* the descriptor that it is, else -1 */
	char path[PATH_MAX]; /* else below the same directory: no link is on the way any more */
};

/*
 * After a host call on a path below a directory gave the error rc: 0 if it can be made on what *end
 * says; else the error that it is.
 */
int64_t link_follow(const struct p1_path *p, int64_t rc, struct link_end *end);

#endif
