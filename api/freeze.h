/* SPDX-License-Identifier: Apache-2.0 */
/* Running a program up to a point and writing what it is then to a file: modules for the cache, started programs. */
#ifndef MOTE_API_FREEZE_H
#define MOTE_API_FREEZE_H

#include "vm/vm.h"

/*
 * In a process that does nothing else: it gives up all that it does not need (descriptors but `out`, the guest's and 2,
 * to which its filter writes; files but those below config's directories; speculation), and enters its filter. Runs the guest until it stops where `config` says,
 * and writes it to `out`, an empty file, with `extra`. ENOEXEC: it ended before, or a limit did end it.
 */
int freeze_guest(const struct vm_config *config, uint64_t limit_ns, const void *extra, size_t extra_bytes, int out,
		 struct err *e) must_check;

#endif
