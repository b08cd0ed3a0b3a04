/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A directory of files that processes of one user make for each other: how a file appears in it,
 * and which go when there are too many bytes. Others' files are not looked at.
 */
#ifndef MOTE_API_CACHE_STORE_H
#define MOTE_API_CACHE_STORE_H

#include "base/cleanup.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#define STORE_SUFFIX             ".snapshot"
#define STORE_SUFFIX_WORKING_SET ".touched"

struct store {
	int dir;            /* that has the files: the whole, or a tenant's */
	int tenants;        /* that has the tenants' directories, or -1 */
	uint64_t max_bytes; /* 0: 1 GiB */
};

/* Opens the directory, made if it is missing. -1: it cannot be used. */
int store_open(const char *path) must_check;
/* Whether a descriptor is of a directory that only this user can write to. */
bool store_is_usable(int dir);
/* Opens a tenant's directory below `dir`, made if it is missing. Descriptor, or -1. */
int store_open_tenant(int dir, const char *tenant) must_check;

/*
 * Opens a file that only this user may have written: descriptor or -errno, -EPERM if it is
 * another's.
 */
int store_open_file(int dir, const char *name) must_check;
void store_mark_used(int fd); /* what was used least recently is evicted first */
/*
 * Has `write` fill a file, which then appears under its name at once and complete, and evicts
 * others for it.
 */
bool store_add(const struct store *s, const char *name, bool (*write)(void *arg, int fd),
	       void *arg) must_check;

#endif
