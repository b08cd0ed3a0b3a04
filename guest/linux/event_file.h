/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Descriptors whose events are the guest's own: signalfd and pidfd. The descriptor itself is an
 * epoll of the host's, so that it can be waited for with others; while it is to be readable, an
 * eventfd that always is is in it. It does not block, and of it nothing can be read: what is read
 * is made here.
 */
#ifndef MOTE_GUEST_LINUX_EVENT_FILE_H
#define MOTE_GUEST_LINUX_EVENT_FILE_H

#include "guest/linux/state.h"

enum event_kind { EVENT_SIGNALS, EVENT_PROCESS };

struct event_file {
	uint32_t users; /* descriptors; 0: free */
	enum event_kind kind;
	bool nonblocking;
	bool readable;    /* as the host's epoll has it */
	uint64_t signals; /* that signalfd tells of */
};

/* What a descriptor is; NULL: not one of these. */
struct event_file *event_file(int32_t fd);
/* A new descriptor of one, or a negative errno. */
int64_t event_file_open(enum event_kind kind, bool nonblocking);
/* The signals of a signalfd are these from now on. */
void event_file_watch(int32_t fd, uint64_t signals);
void event_file_forget(int32_t fd);
void event_file_copied(int32_t from, int32_t to);
/* The result of reading one, in place of the host's refusal rc of another or of none. */
int64_t event_file_read(int64_t rc, int32_t fd, const struct mote_iovec *v, uint64_t count);
/* Before each wait: what is pending now can be read, and nothing else. */
void event_files_refresh(void);
/* What the link of a descriptor in /proc/self/fd says of it. */
const char *event_file_name(const struct event_file *file);

#endif
