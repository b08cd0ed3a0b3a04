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

/* Nobody waits at one that could be woken or move to another. */
static int64_t futex_requeue(uint64_t at, bool compare, uint32_t wake, uint64_t move,
			     uint32_t expected)
{
	uint32_t value;
	if ((int32_t)wake < 0 || (int32_t)move < 0)
		return -EINVAL;
	if (!compare)
		return 0;
	if (get_user(&value, at, sizeof(value)) < 0)
		return -EFAULT;
	return value == expected ? 0 : -EAGAIN;
}

/* Those that change a word for the program, and wake whom there is not. */
static int64_t futex_change(uint64_t at, uint32_t what)
{
	const uint32_t operation = what >> 28 & 7, shift = what >> 31;
	uint32_t value, by = what >> 12 & 0xfff;
	if (get_user(&value, at, sizeof(value)) < 0)
		return -EFAULT;
	if (by & 0x800)
		by |= 0xfffff000; /* twelve bits with a sign */
	if (shift)
		by = 1U << (by & 31);
	switch (operation) {
	case FUTEX_OP_SET:
		value = by;
		break;
	case FUTEX_OP_ADD:
		value += by;
		break;
	case FUTEX_OP_OR:
		value |= by;
		break;
	case FUTEX_OP_ANDN:
		value &= ~by;
		break;
	case FUTEX_OP_XOR:
		value ^= by;
		break;
	default:
		return -ENOSYS;
	}
	return put_user(at, &value, sizeof(value));
}

/* --- locks that the kernel knows the owner of --- */

/* Who holds it is this thread, nobody, or a thread that there is not. */
static int64_t futex_lock(uint64_t at)
{
	const uint32_t own = process.boot->pid;
	uint32_t value;
	if (get_user(&value, at, sizeof(value)) < 0)
		return -EFAULT;
	if ((value & FUTEX_TID_MASK) == own)
		return -EDEADLK;
	if (value & FUTEX_TID_MASK) { /* as Linux has it, which then looks for the thread */
		value |= FUTEX_WAITERS;
		if (put_user(at, &value, sizeof(value)) < 0)
			return -EFAULT;
		return -ESRCH;
	}
	value = (value & FUTEX_OWNER_DIED) | own;
	return put_user(at, &value, sizeof(value));
}

static int64_t futex_lock_until(uint64_t at, uint64_t timeout_at)
{
	struct mote_time t;
	const struct mote_time *timeout;
	if (get_user_timeout(timeout_at, &t, &timeout) < 0)
		return -EFAULT;
	if (timeout && (t.sec < 0 || t.nsec < 0 || t.nsec >= 1000000000))
		return -EINVAL;
	return futex_lock(at);
}

static int64_t futex_unlock(uint64_t at)
{
	uint32_t value;
	if (get_user(&value, at, sizeof(value)) < 0)
		return -EFAULT;
	if ((value & FUTEX_TID_MASK) != process.boot->pid)
		return -EPERM;
	value = 0;
	return put_user(at, &value, sizeof(value));
}

int64_t sys_futex(uint64_t at, uint32_t operation, uint32_t value, uint64_t timeout_at,
		  uint64_t other, uint32_t bits)
{
	if (at % sizeof(uint32_t))
		return -EINVAL;
	switch (operation & FUTEX_CMD_MASK) {
	case FUTEX_WAKE_BITSET:
		return bits ? 0 : -EINVAL;
	case FUTEX_WAKE:
		return 0;
	case FUTEX_WAIT_BITSET:
		if (!bits)
			return -EINVAL;
		return futex_wait(at, operation, value, timeout_at);
	case FUTEX_WAIT:
		return futex_wait(at, operation, value, timeout_at);
	case FUTEX_REQUEUE:
	case FUTEX_CMP_REQUEUE:
		return futex_requeue(at, (operation & FUTEX_CMD_MASK) == FUTEX_CMP_REQUEUE, value,
				     timeout_at, bits);
	case FUTEX_LOCK_PI:
	case FUTEX_LOCK_PI2:
		return futex_lock_until(at, timeout_at);
	case FUTEX_TRYLOCK_PI:
		return futex_lock(at);
	case FUTEX_UNLOCK_PI:
		return futex_unlock(at);
	case FUTEX_WAKE_OP:
		return other % sizeof(uint32_t) ? -EINVAL : futex_change(other, bits);
	default:
		return -ENOSYS;
	}
}
