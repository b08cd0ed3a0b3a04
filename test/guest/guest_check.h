/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Assertions of guests without a C library. One that does not hold is a line in the host's log,
 * with file, line, expression and values, and ends the guest with GUEST_CHECK_FAILED.
 */
#ifndef MOTE_TEST_GUEST_CHECK_H
#define MOTE_TEST_GUEST_CHECK_H

#include "abi/guest_calls.h"
#include "guest/lib/lib.h"

enum { GUEST_CHECK_FAILED = 1 };

#define CHECK(condition)                                                      \
	do {                                                                  \
		if (!(condition)) {                                           \
			lib_log("%s:%d: %s", __FILE__, __LINE__, #condition); \
			mote_exit(mote_area(), GUEST_CHECK_FAILED);           \
		}                                                             \
	} while (0)

#define CHECK_EQ(got, wanted)                                                                \
	do {                                                                                 \
		long got_ = (long)(got), wanted_ = (long)(wanted);                           \
		if (got_ != wanted_) {                                                       \
			lib_log("%s:%d: %s is %ld (0x%lx), not %s, %ld (0x%lx)", __FILE__,   \
				__LINE__, #got, got_, (unsigned long)got_, #wanted, wanted_, \
				(unsigned long)wanted_);                                     \
			mote_exit(mote_area(), GUEST_CHECK_FAILED);                          \
		}                                                                            \
	} while (0)

#endif
