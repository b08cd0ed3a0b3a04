/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/linux/socket_rights.h"

#include "guest/linux/fs/fd_paths.h"
#include "guest/linux/fs/file_limit.h"
#include "guest/linux/fs/vector.h"
#include "guest/linux/socket_pairs.h"
#include "guest/linux/task/credentials.h"
#include "guest/linux/task/limits.h"
#include "guest/linux/user.h"

#include <linux/capability.h>
#include <linux/resource.h>

enum { PARCELS_MAX = 256, FLYING_MAX = 512 };
enum { MSG_PEEK = 2, MSG_TRUNC = 0x20 }; /* <sys/socket.h> */

/* Messages under way, in the order in which they were sent. */
static struct parcel {
	uint32_t end; /* that receives it; 0: free, or has been received */
	uint64_t ahead, bytes;
	struct socket_cargo cargo;
} parcels[PARCELS_MAX];
uint32_t rights_waiting; /* parcels above are free */
static uint32_t flying;  /* descriptors in them */
static uint64_t held[DESCRIPTORS_MAX / 64];
static struct parcel taken; /* what rights_recv gave; end 0: nothing to let go of */

struct socket_ids socket_own_ids(void)
{
	const struct credentials *c = &process.credentials;
	return (struct socket_ids){(int32_t)process.boot->pid, c->uid[ID_REAL], c->gid[ID_REAL]};
}

bool rights_hold(int32_t fd)
{
	return flying && fd >= 0 && fd < DESCRIPTORS_MAX && (held[fd / 64] >> fd % 64 & 1);
}

/* --- duplicates --- */

static void let_go(int32_t fd)
{
	const uint32_t end = socket_end_of(fd);
	if (end)
		socket_end(end)->flying--;
	held[fd / 64] &= ~(1UL << fd % 64);
	flying--;
	fd_forget(fd);
	(void)!mote_close(mote_area(), fd);
}

static int64_t hold(int32_t fd)
{
	int64_t copy = mote_dup(mote_area(), fd, DESCRIPTORS_OWN);
	if (copy >= DESCRIPTORS_MAX) {
		(void)!mote_close(mote_area(), (int32_t)copy);
		return -EMFILE;
	}
	if (copy < 0)
		return copy;
	(void)!fd_copied(fd, copy);
	held[copy / 64] |= 1UL << copy % 64;
	flying++;
	const uint32_t end = socket_end_of(fd);
	if (end)
		socket_end(end)->flying++;
	return copy;
}

void rights_unpack(const struct socket_cargo *c)
{
	for (uint32_t i = 0; i < c->count; i++)
		let_go(c->fds[i]);
}

static bool too_many(uint32_t more)
{
	const bool limited = !capable(CAP_SYS_RESOURCE) && !capable(CAP_SYS_ADMIN);
	return flying + more > FLYING_MAX || rights_waiting == PARCELS_MAX ||
	       (more && limited && flying > limits_soft(RLIMIT_NOFILE));
}

int64_t rights_pack(struct socket_cargo *c)
{
	if (too_many(c->count))
		return -ETOOMANYREFS;
	for (uint32_t i = 0; i < c->count; i++) {
		int64_t fd = hold(c->fds[i]);
		if (fd < 0) {
			c->count = i;
			rights_unpack(c);
			return -ETOOMANYREFS;
		}
		c->fds[i] = (int32_t)fd;
	}
	return 0;
}

/* --- messages --- */

void rights_send(uint32_t end, const struct socket_cargo *c, uint64_t ahead, uint64_t bytes)
{
	struct parcel *p = &parcels[rights_waiting++];
	p->end = end;
	p->ahead = ahead;
	p->bytes = bytes;
	p->cargo = *c;
}

static struct parcel *first_of(uint32_t end)
{
	for (uint32_t i = 0; i < rights_waiting; i++)
		if (parcels[i].end == end)
			return &parcels[i];
	return NULL;
}

bool rights_wait_at(int32_t fd)
{
	const uint32_t end = socket_end_of(fd);
	return end && first_of(end);
}

static void remove(struct parcel *p)
{
	const uint32_t at = (uint32_t)(p - parcels);
	memmove(p, p + 1, (rights_waiting - at - 1) * sizeof(*p));
	rights_waiting--;
}

/* After a read of `bytes`. */
static const struct socket_cargo *take(uint32_t end, uint64_t bytes, bool peek)
{
	struct parcel *p = first_of(end);
	/* An end of file comes after all messages; of those without a byte each is one. */
	bool comes = bytes > p->ahead;
	if (socket_end(end)->messages)
		comes = p->ahead == 0 && bytes == p->bytes;
	rights_drop();
	if (comes)
		taken = *p;
	if (comes && peek)
		taken.end = 0; /* its descriptors stay */
	for (uint32_t i = 0; i < rights_waiting && !peek; i++)
		if (parcels[i].end == end)
			parcels[i].ahead -= min_u64(parcels[i].ahead, bytes);
	if (comes && !peek)
		remove(p);
	if (!comes)
		return NULL;
	return &taken.cargo;
}

/* The program's vectors, no longer than what may be read at once; how many. */
static int64_t limited_vectors(struct mote_iovec *to, const struct mote_iovec *v, uint64_t count,
			       uint64_t left)
{
	uint64_t n = 0;
	if (count > VECTORS_MAX)
		return -EMSGSIZE;
	for (; n < count && left > 0; n++) {
		if (get_user(&to[n], (uint64_t)&v[n], sizeof(*v)) < 0)
			return -EFAULT;
		to[n].len = min_u64(to[n].len, left);
		left -= to[n].len;
	}
	return (int64_t)n;
}

int64_t rights_recv(int32_t fd, const struct mote_iovec *v, uint64_t count, uint32_t flags,
		    struct mote_sockaddr *from, const struct socket_cargo **cargo)
{
	struct mote_iovec *to = (void *)this_thread()->scratch->copy;
	const uint32_t end = socket_end_of(fd);
	const struct parcel *p = first_of(end);
	uint64_t limit = p->ahead + p->bytes;
	*cargo = NULL;
	if (socket_end(end)->messages)
		limit = UINT64_MAX;
	int64_t rc = limited_vectors(to, v, count, limit);
	if (rc < 0)
		return rc;
	rc = mote_recv(mote_area(), fd, to, (uint64_t)rc, flags | MOTE_RECV_LENGTH, from);
	if (rc >= 0)
		*cargo = take(end, (uint64_t)rc, flags & MSG_PEEK);
	return rc;
}

int64_t rights_read(int32_t fd, const struct mote_iovec *v, uint64_t count, uint32_t flags,
		    struct mote_sockaddr *from)
{
	const struct socket_cargo *cargo;
	const struct mote_iovec *to = (void *)this_thread()->scratch->copy;
	uint64_t capacity = 0;
	int64_t rc = rights_recv(fd, v, count, flags, from, &cargo);
	rights_drop();
	for (uint64_t i = 0; i < count && rc > 0 && capacity < (uint64_t)rc; i++)
		capacity += to[i].len;
	if (rc <= 0 || flags & MSG_TRUNC)
		return rc;
	return (int64_t)min_u64((uint64_t)rc, capacity);
}

uint32_t rights_receive(const struct socket_cargo *c, uint64_t to, uint32_t most, bool on_exec)
{
	uint32_t i = 0;
	for (; i < c->count && i < most; i++) {
		int64_t fd = descriptor_admit(mote_dup(mote_area(), c->fds[i], 0));
		if (fd < 0)
			break;
		const int32_t number = (int32_t)fd;
		(void)!fd_set_close_on_exec(fd_copied(c->fds[i], fd), on_exec);
		if (put_user(to + i * sizeof(number), &number, sizeof(number)) == 0)
			continue;
		fd_forget(number);
		(void)!mote_close(mote_area(), number);
		break;
	}
	return i;
}

void rights_drop(void)
{
	if (taken.end)
		rights_unpack(&taken.cargo);
	taken.end = 0;
}

/* --- what nobody can receive --- */

/* Ends that the program has, and those in messages for these. */
static void mark_reachable(uint64_t reached[SOCKET_ENDS_MAX / 64])
{
	bool more = true;
	for (uint32_t e = 2; e < SOCKET_ENDS_MAX; e++)
		if (socket_end(e)->users > socket_end(e)->flying)
			reached[e / 64] |= 1UL << e % 64;
	while (more) {
		more = false;
		for (uint32_t i = 0; i < rights_waiting; i++) {
			const struct parcel *p = &parcels[i];
			if (!(reached[p->end / 64] >> p->end % 64 & 1))
				continue;
			for (uint32_t k = 0; k < p->cargo.count; k++) {
				const uint32_t e = socket_end_of(p->cargo.fds[k]);
				more |= e && !(reached[e / 64] >> e % 64 & 1);
				reached[e / 64] |= 1UL << e % 64;
			}
		}
	}
}

void rights_collect(void)
{
	uint64_t reached[SOCKET_ENDS_MAX / 64] = {0};
	if (!rights_waiting)
		return;
	mark_reachable(reached);
	for (uint32_t i = rights_waiting; i > 0; i--) {
		struct parcel *p = &parcels[i - 1];
		if (reached[p->end / 64] >> p->end % 64 & 1)
			continue;
		rights_unpack(&p->cargo);
		remove(p);
	}
}
