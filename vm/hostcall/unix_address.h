/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Addresses of AF_UNIX sockets, which a guest names in two ways.
 *
 * Files: the kernel would resolve a path from the process's own root and working directory. A
 * container's process has the container's root as its own and nothing else to go by its working
 * directory, so it goes to a directory of the guest's and names the socket as the guest does. Any
 * other process resolves the path as every path of a guest (resolve.h), and names what it found by
 * its descriptor in /proc/self/fd, where nothing can change what it means.
 *
 * Abstract names: those of a container are marked with its key, by which its processes find each
 * other and no other container or process of the host is found; those of another VM are names that
 * were made before, of which it has a table.
 */
#ifndef MOTE_VM_HOSTCALL_UNIX_ADDRESS_H
#define MOTE_VM_HOSTCALL_UNIX_ADDRESS_H

#include "abi/types.h"
#include "base/cleanup.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

struct vm;
struct vcpu;

/* An address as system calls take it. */
struct socket_address {
	const struct sockaddr *addr; /* `own`, or memory that the thread's filter knows */
	socklen_t len;
	struct sockaddr_un own;
};

bool unix_is_abstract(const struct mote_sockaddr *guest);
/* No address at all (AF_UNSPEC). */
void unix_unspecified(struct socket_address *out);
/*
 * A socket's file below the directory of an entry, to connect or send to. -EACCES if nothing may be
 * changed there: a server changes what its client asks for. *fd (the caller's, -1 before) must stay
 * open for that; a container's process changes its working directory instead.
 */
struct fd_entry;
int unix_file(struct vcpu *vcpu, const struct fd_entry *entry, const char *path, uint32_t resolve,
	      int *fd, struct socket_address *out) must_check;
/* The socket with an abstract name, to connect or send to. */
int unix_abstract(struct vm *vm, const struct mote_sockaddr *guest,
		  struct socket_address *out) must_check;
/* Bind: to the file that the path is to lead to, which the guest calls `guest`; or to a name. */
int unix_bind_file(struct vcpu *vcpu, int host, int dir, const char *path, uint32_t resolve,
		   const struct mote_sockaddr *guest) must_check;
int unix_bind_abstract(struct vm *vm, int host, const struct mote_sockaddr *guest) must_check;
/* Makes of an address that the kernel reports what the guest knows. */
void unix_report(const struct vm *vm, struct mote_sockaddr *address);

void unix_names_free(struct vm *vm);

#endif
