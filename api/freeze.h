/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Running a program up to a snapshot point and writing its state to a file: modules for the cache,
 * started programs.
 */
#ifndef MOTE_API_FREEZE_H
#define MOTE_API_FREEZE_H

#include "vm/vm.h"

/*
 * For a process that does nothing else: it gives up all that it does not need (descriptors but
 * `out`, the guest's and 2, to which seccomp violations are reported; files but those below the
 * configuration's directories; speculation), and enters its seccomp filter. Runs the guest to the
 * snapshot point that `config` names, and writes it to `out`, an empty file, with `extra`. ENOEXEC:
 * it ended before, or exceeded the limit.
 */
int freeze_guest(const struct vm_config *config, uint64_t limit_ns, const void *extra,
		 size_t extra_bytes, int out, struct err *e) must_check;

#endif
