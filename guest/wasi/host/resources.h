/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the program has open. The host keeps the open files and hands out their numbers, lowest
 * first; this table knows what each of them is. It has no rights: an interface (p1/) keeps what it
 * adds to a resource in a table of its own, under the same number.
 */
#ifndef MOTE_WASI_HOST_RESOURCES_H
#define MOTE_WASI_HOST_RESOURCES_H

#include "abi/guest_calls.h"

#include <stdbool.h>
#include <stdint.h>

enum { RESOURCES_STDIO = 3 }; /* open at the start in any case: the descriptors below */

enum resource_type {
	RESOURCE_UNKNOWN, /* until resource_refresh_type() or a stat */
	RESOURCE_REGULAR_FILE,
	RESOURCE_DIRECTORY,
	RESOURCE_SYMLINK,
	RESOURCE_TERMINAL,
	RESOURCE_CHARACTER_DEVICE,
	RESOURCE_BLOCK_DEVICE,
	RESOURCE_STREAM_SOCKET,
	RESOURCE_DATAGRAM_SOCKET,
	RESOURCE_OTHER, /* a pipe, or what Linux has no type for */
	RESOURCE_TYPES,
};

struct resource {
	bool open;
	uint8_t type;        /* enum resource_type */
	const char *preopen; /* guest path of a directory that was open at the start, else NULL */
};

/* Enters stdio and what the boot information lists; all else, from before a snapshot, goes. */
void resources_init(void);
/* NULL if it is not open. Valid until the next resource_add(). */
struct resource *resource_get(uint32_t fd);
/* Enters a descriptor that the host has just made. False: there is no memory for it. */
bool resource_add(uint32_t fd, const struct resource *r);
void resource_forget(uint32_t fd);

/* Asks the host for the type if it is not known. 0 or a negative errno. */
int64_t resource_refresh_type(uint32_t fd, struct resource *r);
/* Remembers the type from the mode that a stat had, if that determines it. */
void resource_cache_type(struct resource *r, uint32_t mode);
/* By st_mode alone: a terminal is a character device, a socket a stream. */
enum resource_type resource_type_of_mode(uint32_t mode);

#endif
