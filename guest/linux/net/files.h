/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files of /proc/net, as the host has them or, without the network, as abi/net_files.def says.
 */
#ifndef MOTE_GUEST_LINUX_NET_FILES_H
#define MOTE_GUEST_LINUX_NET_FILES_H

#include "guest/linux/state.h"

/* Bytes from an offset on: how many, 0 at the end, or -ENOENT. */
int64_t net_file_read(uint32_t file, uint64_t offset, void *to, uint64_t bytes);
bool net_file_is_there(uint32_t file);

/* Reads such a file line by line; one at a time. */
enum { NET_LINE_MAX = 512 };
void net_lines_open(uint32_t file);
/* NUL-terminated, without the newline; NULL: there are no more. Valid until the next call. */
char *net_lines_next(void);

/* The next word of a line, NUL-terminated, and *at behind it; NULL: there are no more. */
char *net_word(char **at);
/* Numbers in hexadecimal and decimal, up to the first other character. */
uint64_t net_hex(const char *digits);
uint64_t net_decimal(const char *digits);

#endif
