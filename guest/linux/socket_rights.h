/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Descriptors and credentials that messages carry (SCM_RIGHTS, SCM_CREDENTIALS). They never leave
 * the program: the host gets the bytes alone, and what goes with them waits here, with how many
 * bytes are in front of it. So both ends are those of a pair (socket_pairs.h).
 */
#ifndef MOTE_GUEST_LINUX_SOCKET_RIGHTS_H
#define MOTE_GUEST_LINUX_SOCKET_RIGHTS_H

#include "guest/linux/socket_pairs.h"

enum { RIGHTS_PER_MESSAGE = 253 }; /* SCM_MAX_FD */

/* What one message carries. */
struct socket_cargo {
	uint32_t count;
	int32_t fds[RIGHTS_PER_MESSAGE];
	bool says_ids; /* SCM_CREDENTIALS; else they are the program's */
	struct socket_ids ids;
};

struct socket_ids socket_own_ids(void);

/*
 * Before a send to an end: duplicates of the descriptors are made and stand in the cargo.
 * -ETOOMANYREFS: too many are under way.
 */
int64_t rights_pack(struct socket_cargo *c);
/* After it: the cargo goes with the message of `bytes` that has `ahead` bytes before it. */
void rights_send(uint32_t end, const struct socket_cargo *c, uint64_t ahead, uint64_t bytes);
/* Instead of it: nothing was sent. */
void rights_unpack(const struct socket_cargo *c);

extern uint32_t rights_waiting; /* messages under way that carry something */
bool rights_wait_at(int32_t fd);
/* Whether there is one for whom reads this descriptor. */
static inline bool rights_wait(int32_t fd)
{
	return rights_waiting && rights_wait_at(fd);
}

/*
 * Receives from such a descriptor, no further than the message that carries something: as recv of
 * the host with MOTE_RECV_LENGTH. What came is *cargo, or NULL; borrowed until rights_drop.
 */
int64_t rights_recv(int32_t fd, const struct mote_iovec *v, uint64_t count, uint32_t flags,
		    struct mote_sockaddr *from, const struct socket_cargo **cargo);
/* The same of a read that has no place for it. */
int64_t rights_read(int32_t fd, const struct mote_iovec *v, uint64_t count, uint32_t flags,
		    struct mote_sockaddr *from);
/* Descriptors of the cargo for the program, at `to`; how many, of at most `most`. */
uint32_t rights_receive(const struct socket_cargo *c, uint64_t to, uint32_t most, bool on_exec);
/* Lets go of what rights_recv gave. */
void rights_drop(void);

/* Whether a number is that of a descriptor under way. */
bool rights_hold(int32_t fd);
/* After descriptors were closed: what nobody can receive any more is closed as well. */
void rights_collect(void);

#endif
