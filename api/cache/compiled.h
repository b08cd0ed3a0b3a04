/* SPDX-License-Identifier: Apache-2.0 */
/* What the cache's folder does for others than compiled modules: notes of what starts touch. */
#ifndef MOTE_API_CACHE_COMPILED_H
#define MOTE_API_CACHE_COMPILED_H

#include "vm/snapshot/snapshot.h"

/*
 * Lets a start from a snapshot, which the file `program` has, know what the first one touched. Where that is not
 * known, *note is a descriptor (the caller's) for vm_note_touched, else -1. The folder is made where it is missing;
 * where it cannot be used, nothing happens.
 */
void cache_expect(const char *folder, int program, int kvm_fd, struct vm_snapshot *s, int *note);

#endif
