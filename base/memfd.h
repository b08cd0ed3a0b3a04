/* SPDX-License-Identifier: Apache-2.0 */
/* Files in memory that become immutable. */
#ifndef MOTE_BASE_MEMFD_H
#define MOTE_BASE_MEMFD_H

#include "base/cleanup.h"

#include <stddef.h>

/*
 * An empty file in memory that can be sealed; `name` is what /proc/PID/fd shows. The descriptor, or
 * -errno.
 */
int memfd_new(const char *name) must_check;
/* Gives it so many zero bytes, and from now on nobody can change its size. 0 or -errno. */
int memfd_fix_size(int fd, size_t bytes) must_check;
/*
 * From now on nobody can change contents or size, whoever has a descriptor. No writable mapping may
 * exist. 0 or -errno.
 */
int memfd_seal(int fd) must_check;

#endif
