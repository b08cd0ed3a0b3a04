/* SPDX-License-Identifier: Apache-2.0 */
/* A key is a SHA-256 digest of the host's digest and of what identifies the module. */
#include "api/cache/key.h"

#include "api/images.h"
#include "base/sha256.h"
#include "vm/snapshot/snapshot.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define UNCHANGED_S 2

/* The digest of the host's digest and of what identifies the module. */
static bool make_key(int kvm_fd, const void *identity, size_t bytes, struct cache_key *key)
{
	char host[65], digest[65];
	struct err e = {0};
	if (vm_snapshot_host(mote_build_id, kvm_fd, host, &e) < 0)
		return false;
	struct sha256_ctx sha;
	sha256_init(&sha);
	sha256_update(&sha, 64, (const uint8_t *)host);
	sha256_update(&sha, bytes, identity);
	sha256_end(&sha, digest);
	snprintf(key->name, sizeof(key->name), "%.64s" STORE_SUFFIX, digest);
	return true;
}

bool cache_key_of_file(int program, int kvm_fd, struct cache_key *key)
{
	struct stat st;
	struct timespec now;
	if (fstat(program, &st) < 0 || clock_gettime(CLOCK_REALTIME, &now) < 0 ||
	    now.tv_sec - st.st_ctim.tv_sec < UNCHANGED_S)
		return false;
	const uint64_t identity[] = {
		st.st_dev,
		st.st_ino,
		(uint64_t)st.st_size,
		(uint64_t)st.st_mtim.tv_sec,
		(uint64_t)st.st_mtim.tv_nsec,
		(uint64_t)st.st_ctim.tv_sec,
		(uint64_t)st.st_ctim.tv_nsec,
	};
	return make_key(kvm_fd, identity, sizeof(identity), key);
}

bool cache_key_of_content(const char digest[65], int kvm_fd, struct cache_key *key)
{
	return make_key(kvm_fd, digest, 64, key);
}
