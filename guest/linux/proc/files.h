/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Open synthetic files. The descriptor itself is an epoll of the host's that does not block and of
 * which nothing can be read: only what the host has refused is looked up here, so that other
 * descriptors cost nothing.
 */
#ifndef MOTE_GUEST_LINUX_PROC_FILES_H
#define MOTE_GUEST_LINUX_PROC_FILES_H

#include <stdbool.h>
#include <stdint.h>

enum { PROC_PATH_MAX = 256 };

struct proc_open {
	uint32_t users; /* descriptors */
	uint64_t offset;
	char path[PROC_PATH_MAX];
};

/* What a descriptor is; NULL: not one of these. */
struct proc_open *proc_file(int32_t fd);
/* Makes a descriptor one: 0 or -ENFILE. */
int64_t proc_file_set(int32_t fd, const char *path);
void proc_file_forget(int32_t fd);
void proc_file_copied(int32_t from, int32_t to);

#endif
