/* SPDX-License-Identifier: Apache-2.0 */
/* Names of compiled modules: a module, on a host that can use its compiled form. */
#ifndef MOTE_API_CACHE_KEY_H
#define MOTE_API_CACHE_KEY_H

#include "api/cache/store.h"

struct cache_key {
	char name[64 + sizeof(STORE_SUFFIX)];
};

/*
 * By the identity of the module's file: device, inode, size, times. False for a file that changed
 * within the last two seconds, since it could change again with the same times, or if this host
 * cannot say what it is.
 */
bool cache_key_of_file(int program, int kvm_fd, struct cache_key *key);
/* By the module's content. */
bool cache_key_of_content(const char digest[65], int kvm_fd, struct cache_key *key);

#endif
