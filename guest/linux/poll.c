/* SPDX-License-Identifier: Apache-2.0 */
/* System calls that wait for descriptors: poll, and select in its terms. */
#include "guest/linux/poll.h"

#include "guest/linux/event_file.h"
#include "guest/linux/fs/fd_paths.h"
#include "guest/linux/fs/file_limit.h"
#include "guest/linux/syscall.h"
#include "guest/linux/time.h"

#include <linux/poll.h>

int64_t poll_for(uint64_t fds, uint32_t count, const struct mote_time *timeout)
{
	struct wait w;
	int64_t rc;
	wait_begin(&w, timeout);
	do {
		event_files_refresh();
		rc = mote_poll(mote_area(), fds, count, w.timeout);
	} while (wait_again(&w, rc));
	return rc;
}

int64_t sys_ppoll(uint64_t fds, uint32_t count, uint64_t timeout_at, uint64_t mask,
		  uint64_t mask_bytes)
{
	struct mote_time t;
	const struct mote_time *timeout;
	int64_t rc = wait_arguments(timeout_at, mask, mask_bytes, &t, &timeout);
	if (rc < 0)
		return rc;
	return poll_for(fds, count, timeout);
}

/* --- select --- */

enum { READ_SET, WRITE_SET, EXCEPT_SET, SETS };

/* What each set asks of poll, and what of its answers puts a descriptor into the result. */
static const struct {
	int16_t asks, means;
} kinds[SETS] = {
	[READ_SET] = {POLLIN, POLLIN | POLLHUP | POLLERR},
	[WRITE_SET] = {POLLOUT, POLLOUT | POLLERR},
	[EXCEPT_SET] = {POLLPRI, POLLPRI},
};

enum { SELECT_MAX = 1024 }; /* FD_SETSIZE */

struct fd_set_words {
	uint64_t word[SELECT_MAX / 64];
};

static bool has(const struct fd_set_words *set, uint32_t fd)
{
	return set->word[fd / 64] >> fd % 64 & 1;
}

static uint32_t gather(const struct fd_set_words asked[SETS], uint32_t count,
		       struct mote_pollfd fds[])
{
	uint32_t used = 0;
	for (uint32_t fd = 0; fd < count; fd++) {
		int16_t events = 0;
		for (int i = 0; i < SETS; i++)
			if (has(&asked[i], fd))
				events |= kinds[i].asks;
		if (events)
			fds[used++] = (struct mote_pollfd){.fd = (int32_t)fd, .events = events};
	}
	return used;
}

/* Puts one answer into the sets: in how many it is, or -EBADF. */
static int64_t scatter(const struct fd_set_words asked[SETS], struct fd_set_words ready[SETS],
		       const struct mote_pollfd *p)
{
	uint32_t fd = (uint32_t)p->fd;
	int64_t n = 0;
	if (p->revents & POLLNVAL)
		return -EBADF;
	for (int i = 0; i < SETS; i++)
		if ((p->revents & kinds[i].means) && has(&asked[i], fd)) {
			ready[i].word[fd / 64] |= 1UL << fd % 64;
			n++;
		}
	return n;
}

int64_t select_for(uint32_t count, const uint64_t sets[SETS], const struct mote_time *timeout)
{
	struct mote_pollfd fds[SELECT_MAX];
	struct fd_set_words asked[SETS] = {0}, ready[SETS] = {0};
	int64_t total = 0;
	/* As Linux does it: what is above all descriptors is not looked at. */
	if (count > SELECT_MAX && count <= INT32_MAX && descriptor_highest() < SELECT_MAX)
		count = SELECT_MAX;
	if (count > SELECT_MAX)
		return -EINVAL;
	const uint64_t bytes = (count + 63) / 64 * 8;
	for (int i = 0; i < SETS; i++)
		if (sets[i] && get_user(&asked[i], sets[i], bytes) < 0)
			return -EFAULT;
	uint32_t used = gather(asked, count, fds);
	int64_t rc = poll_for((uint64_t)fds, used, timeout);
	if (rc < 0)
		return rc;
	for (uint32_t i = 0; i < used; i++) {
		rc = scatter(asked, ready, &fds[i]);
		if (rc < 0)
			return rc;
		total += rc;
	}
	for (int i = 0; i < SETS; i++)
		if (put_user_optional(sets[i], &ready[i], bytes) < 0)
			return -EFAULT;
	return total;
}

int64_t sys_pselect6(uint32_t count, uint64_t read, uint64_t write, uint64_t except,
		     uint64_t timeout_at, uint64_t mask_at)
{
	const uint64_t sets[SETS] = {read, write, except};
	struct {
		uint64_t address, bytes;
	} mask = {0};
	struct mote_time t;
	const struct mote_time *timeout;
	if (get_user_timeout(timeout_at, &t, &timeout) < 0)
		return -EFAULT;
	if (mask_at && get_user(&mask, mask_at, sizeof(mask)) < 0)
		return -EFAULT;
	int64_t rc = signal_mask_for_wait(mask.address, mask.bytes);
	if (rc < 0)
		return rc;
	return select_for(count, sets, timeout);
}
