/* SPDX-License-Identifier: Apache-2.0 */
/* How much the directories of compiled modules hold, and what goes when it is too much. */
#ifndef MOTE_API_CACHE_STORE_H
#define MOTE_API_CACHE_STORE_H

#include "base/cleanup.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#define CACHE_SUFFIX ".snapshot"
#define CACHE_SUFFIX_TOUCHED ".touched"

/* Whether only this user may have written it. */
bool cache_is_ours(const struct stat *st);
/* Opens a tenant's directory below `folder`, made if it is missing. Descriptor, or -1. */
int cache_open_tenant(int folder, const char *tenant) must_check;
/* Removes what was used least recently, but not `keep`, until a directory has at most max_bytes. */
void cache_evict(int folder, const char *keep, uint64_t max_bytes);
/*
 * The same for all tenants' directories below `folder` together. Each tenant that has something there may
 * have an equal share of max_bytes. Files go from the directory `own`, to which one was just added, as long as it has more
 * than its share; then from others that have more than theirs. So a tenant within its share loses nothing to others.
 */
void cache_evict_shares(int folder, int own, const char *keep, uint64_t max_bytes);

#endif
