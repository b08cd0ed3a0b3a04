/* SPDX-License-Identifier: Apache-2.0 */
/* What the synthetic files say: each maker of proc.def appends to a text. */
#ifndef MOTE_GUEST_LINUX_PROC_TEXT_H
#define MOTE_GUEST_LINUX_PROC_TEXT_H

#include "guest/linux/state.h"

enum { PROC_TEXT_MAX = 16384 };

struct proc_text {
	size_t len;
	char bytes[PROC_TEXT_MAX]; /* what does not fit is cut */
};

void text_add(struct proc_text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#define PROC_FILE(path, maker) void proc_make_##maker(struct proc_text *t);
#define PROC_LINK(path, maker) void proc_make_##maker(struct proc_text *t);
#define PROC_TEXT(path, text)
#define PROC_MEMORY(path, from, to)
#define PROC_NETWORK(path, file)
#define PROC_LINK_TO(path, target)
#define PROC_DIRECTORY(path)
#include "guest/linux/proc/proc.def"

#endif
