/* SPDX-License-Identifier: Apache-2.0 */
/* What the host calls on sockets share. */
#ifndef MOTE_VM_HOSTCALL_SOCKET_H
#define MOTE_VM_HOSTCALL_SOCKET_H

#include "vm/hostcall/unix_address.h"
#include "vm/memory/memory.h"

struct vcpu;
struct vm;

/* The host's descriptor of a guest's socket, borrowed: -EBADF, -ENOTSOCK. */
int socket_of(const struct vcpu *vcpu, int32_t fd) must_check;
/* The same for a change of the socket itself: -EPERM for an inherited listener. */
int socket_to_change(const struct vcpu *vcpu, int32_t fd) must_check;
bool socket_is_nonblocking(int host);

/*
 * Waits for events of a socket, for as long as its own time limit allows (SO_RCVTIMEO or
 * SO_SNDTIMEO): 0, -EAGAIN at the end of that, or what ends the wait.
 */
int socket_wait(struct vcpu *vcpu, int host, short events) must_check;
/* When that ends, on CLOCK_MONOTONIC; INT64_MAX: never. For calls that wait more than once. */
int64_t socket_wait_end(int host, short events);
/* socket_wait() until then: 0, -EAGAIN, or what ends the wait. */
int socket_wait_until(struct vcpu *vcpu, int host, short events, int64_t until) must_check;

/* Whether the guest may have AF_UNIX sockets: a native one with directories. */
bool socket_has_unix(const struct vm *vm);
/* What family an address is of; AF_UNSPEC: it is absent, or too short to say. */
uint16_t socket_family(const struct mote_sockaddr *addr);
/* An address that the guest wants to use: as system calls take it, valid as long as both are. */
int socket_outside_address(struct vm *vm, const struct mote_sockaddr *addr,
			   struct socket_address *out) must_check;
/*
 * The socket's file below a directory of the guest's. A program that is given one for reading does
 * not talk to the servers of whoever runs Mote, which may do anything for it. *file as unix_file
 * has it.
 */
int socket_file(struct vcpu *vcpu, int32_t fd, const char *path, uint32_t resolve, int *file,
		struct socket_address *to) must_check;
/*
 * What a call on that file says that returned rc. A container's system call has followed a link at
 * the path's end itself, and does not tell that from a file that is not there (enum mote_resolve).
 */
int64_t socket_file_result(struct vm *vm, int32_t fd, const char *path, uint32_t resolve,
			   int64_t rc);
/* Reports an address that the kernel gave, as the guest knows it, if the guest asked for it. */
void socket_put_address(struct vm *vm, gva_t to, const struct sockaddr_storage *from,
			socklen_t len);

#endif
