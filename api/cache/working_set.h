/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Working sets of starts, recorded next to the compiled modules: what the first start touched, the
 * next ones prefetch.
 */
#ifndef MOTE_API_CACHE_WORKING_SET_H
#define MOTE_API_CACHE_WORKING_SET_H

#include "api/cache/key.h"
#include "vm/snapshot/snapshot.h"

/*
 * Gives a start from a snapshot the working set that is recorded under `key`. If none is, *record
 * is a descriptor (the caller's) for vm_record_working_set, else -1.
 */
void working_set_expect(int dir, const struct cache_key *key, struct vm_snapshot *s, int *record);
/*
 * The same for a snapshot that is the file `program`, in the directory at `path`, which is made if
 * it is missing. If it cannot be used, nothing happens.
 */
void working_set_expect_of_file(const char *path, int program, int kvm_fd, struct vm_snapshot *s,
				int *record);

#endif
