/* SPDX-License-Identifier: Apache-2.0 */
/* The tree's parts that its descriptors are made of (proc.c). */
#ifndef MOTE_GUEST_LINUX_PROC_TREE_H
#define MOTE_GUEST_LINUX_PROC_TREE_H

#include "guest/linux/proc/proc.h"

struct proc_text;

enum proc_kind { PROC_IS_FILE, PROC_IS_NETWORK, PROC_IS_LINK, PROC_IS_DIRECTORY };

struct proc_node {
	enum proc_kind kind;
	const char *path;
	void (*make)(struct proc_text *t);
	const char *text;
	const uint64_t *from, *to;
	uint32_t file; /* PROC_IS_NETWORK: enum mote_net_file */
};

/* NULL: a directory that the list does not have by itself, or a descriptor's link. */
const struct proc_node *proc_node(const char *path);
bool proc_is_link(const char *path);

union proc_entry {
	struct mote_dirent d;
	uint8_t bytes[sizeof(struct mote_dirent) + NAME_MAX + 1];
};
/* What is at a position of a directory; false: nothing is. */
bool proc_entry_at(const char *path, uint64_t position, union proc_entry *e);
/* No position behind it is of the directory. */
uint64_t proc_entries_end(const char *path);

#endif
