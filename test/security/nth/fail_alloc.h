/* SPDX-License-Identifier: Apache-2.0 */
/* Allocations that fail: see fail_alloc.c. */
#ifndef MOTE_TEST_FAIL_ALLOC_H
#define MOTE_TEST_FAIL_ALLOC_H

/* The nth allocation from now on fails, and no other. */
void fail_alloc_arm(long nth);
/* Whether it has. */
int fail_alloc_disarm(void);

#endif
