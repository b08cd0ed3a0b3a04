/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/linux/net/sockets.h"

#include "guest/linux/fs/fd_paths.h"
#include "guest/linux/state.h"

enum { SOCKETS_MAX = 32 };

static struct netlink sockets[SOCKETS_MAX];
static uint8_t socket_of[DESCRIPTORS_MAX]; /* index + 1; 0: none */
static uint32_t used;                      /* sockets below this one have been in use */

struct netlink *netlink_of(int32_t fd)
{
	if (!used || fd < 0 || fd >= DESCRIPTORS_MAX || !socket_of[fd])
		return NULL;
	return &sockets[socket_of[fd] - 1];
}

struct netlink *netlink_set(int32_t fd, int32_t other)
{
	for (uint32_t i = 0; fd >= 0 && fd < DESCRIPTORS_MAX && i < SOCKETS_MAX; i++) {
		if (sockets[i].users)
			continue;
		sockets[i] = (struct netlink){.users = 1, .other = other};
		socket_of[fd] = (uint8_t)(i + 1);
		if (i >= used)
			used = i + 1;
		return &sockets[i];
	}
	return NULL;
}

bool netlink_port_is_taken(uint32_t port)
{
	for (uint32_t i = 0; i < used; i++)
		if (sockets[i].users && sockets[i].port == port)
			return true;
	return false;
}

void netlink_forget(int32_t fd)
{
	struct netlink *n = netlink_of(fd);
	if (!n)
		return;
	socket_of[fd] = 0;
	if (--n->users == 0)
		(void)!mote_close(mote_area(), n->other);
}

void netlink_copied(int32_t from, int32_t to)
{
	struct netlink *n = netlink_of(from);
	if (!n || to < 0 || to >= DESCRIPTORS_MAX)
		return;
	n->users++;
	socket_of[to] = socket_of[from];
}

bool netlink_holds(int32_t fd)
{
	for (uint32_t i = 0; i < used; i++)
		if (sockets[i].users && sockets[i].other == fd)
			return true;
	return false;
}
