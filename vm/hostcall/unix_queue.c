/* SPDX-License-Identifier: Apache-2.0 */
/* See unix_queue.h. An entry's `object` is how many connections its socket keeps, or 1: a name. */
#include "vm/hostcall/unix_queue.h"

#include "vm/internal.h"

#include <errno.h>
#include <sys/socket.h>

enum {
	WAITING_MAX = 256,   /* connections */
	NAMED_MAX = 16,      /* datagram sockets; each keeps net.unix.max_dgram_qlen messages */
	BUFFER_MAX = 106496, /* as SO_SNDBUF says it: Linux's default */
};

static bool is_unix(const struct fd_entry *e)
{
	int family = 0;
	socklen_t len = sizeof(family);
	return getsockopt(e->host, SOL_SOCKET, SO_DOMAIN, &family, &len) == 0 && family == AF_UNIX;
}

/* What all other sockets of a kind keep. */
static uint32_t kept_by_others(const struct vm *vm, const struct fd_entry *own)
{
	const unsigned kind = FD_SOCKET | FD_DATAGRAMS;
	uint32_t sum = 0;
	for (uint32_t i = 0; i < vm->fds.len; i++) {
		const struct fd_entry *e = &vm->fds.entries[i];
		if (e->host >= 0 && e->opened != own->opened &&
		    (e->flags & kind) == (own->flags & kind))
			sum += e->object;
	}
	return sum;
}

/* In all descriptors of the socket. It never gets less: what waits stays. */
static void note(struct vm *vm, uint64_t opened, uint16_t kept)
{
	for (uint32_t i = 0; i < vm->fds.len; i++) {
		struct fd_entry *e = &vm->fds.entries[i];
		if (e->host >= 0 && e->opened == opened && e->object < kept)
			e->object = kept;
	}
}

int unix_queue_listen(struct vm *vm, const struct fd_entry *e, uint32_t backlog)
{
	if (!fdtable_is_bounded(&vm->fds) || !is_unix(e))
		return (int)backlog;
	const uint32_t others = kept_by_others(vm, e);
	if (others >= WAITING_MAX)
		return -ENOMEM;
	/* The kernel keeps one more than the backlog. */
	const uint32_t most = WAITING_MAX - others - 1;
	if (backlog > most)
		backlog = most;
	note(vm, e->opened, (uint16_t)(backlog + 1));
	return (int)backlog;
}

int unix_queue_check_bind(const struct vm *vm, const struct fd_entry *e)
{
	if (!fdtable_is_bounded(&vm->fds) || !(e->flags & FD_DATAGRAMS))
		return 0;
	return kept_by_others(vm, e) < NAMED_MAX ? 0 : -ENOMEM;
}

void unix_queue_bound(struct vm *vm, const struct fd_entry *e)
{
	if (e->flags & FD_DATAGRAMS)
		note(vm, e->opened, 1);
}

int unix_queue_send_buffer(const struct vm *vm, const struct fd_entry *e, int asked)
{
	if (asked <= BUFFER_MAX || !fdtable_is_bounded(&vm->fds) || !is_unix(e))
		return asked;
	return BUFFER_MAX;
}
