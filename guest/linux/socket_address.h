/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses of sockets: as the program has them, and as the host does. */
#ifndef MOTE_GUEST_LINUX_SOCKET_ADDRESS_H
#define MOTE_GUEST_LINUX_SOCKET_ADDRESS_H

#include "guest/linux/state.h"

/* As much of the address as fits, and how long it is. */
int64_t address_put(const struct mote_sockaddr *a, uint64_t to, uint64_t len_at);
/* Makes of an address that the host reported the program's own. */
void address_from_host(struct mote_sockaddr *a);
/* mote_send to an address of the program's; 0: to what the socket is connected to. */
int64_t address_send(int32_t fd, const struct mote_iovec *v, uint64_t count, uint32_t flags,
		     uint64_t address, uint64_t len);

#endif
