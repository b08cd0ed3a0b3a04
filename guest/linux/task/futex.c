/* SPDX-License-Identifier: Apache-2.0 */
/*
 * futex, for a process of one thread: nobody else can wake a waiter, so a wait without end is an
 * error.
 */
#include "guest/linux/syscall.h"

#include <linux/futex.h>
#include <linux/signal.h>
#include <linux/time.h>

static _Noreturn void deadlock(void)
{
	lib_error("%s: deadlock: its only thread waits for another one", program_name());
	signal_end(SIGABRT);
}

static int64_t futex_wait(uint64_t at, uint32_t operation, uint32_t expected, uint64_t timeout_at)
{
	const bool absolute = (operation & FUTEX_CMD_MASK) == FUTEX_WAIT_BITSET;
	const uint32_t clock = operation & FUTEX_CLOCK_REALTIME ? CLOCK_REALTIME : CLOCK_MONOTONIC;
	uint32_t value;
	struct mote_time t;
	if (get_user(&value, at, sizeof(value)) < 0)
		return -EFAULT;
	if (value != expected)
		return -EAGAIN;
	if (!timeout_at)
		deadlock();
	if (get_user(&t, timeout_at, sizeof(t)) < 0)
		return -EFAULT;
	int64_t rc = mote_sleep(mote_area(), clock, absolute, &t);
	if (rc < 0)
		return rc;
	return -ETIMEDOUT;
}

int64_t sys_futex(uint64_t at, uint32_t operation, uint32_t value, uint64_t timeout_at)
{
	switch (operation & FUTEX_CMD_MASK) {
	case FUTEX_WAKE:
	case FUTEX_WAKE_BITSET:
		return 0;
	case FUTEX_WAIT:
	case FUTEX_WAIT_BITSET:
		return futex_wait(at, operation, value, timeout_at);
	default:
		return -ENOSYS;
	}
}
