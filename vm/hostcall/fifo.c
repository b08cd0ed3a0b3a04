/* SPDX-License-Identifier: Apache-2.0 */
/*
 * FIFOs opened for reading, which waits for a writer. The guest, or another process, may have the
 * other end.
 */
#include "vm/hostcall/resolve.h"
#include "vm/internal.h"
#include "vm/run/signals.h"

#include <errno.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

/* How late the opening of a FIFO notices a writer that has written nothing yet. */
#define SILENT_WRITER_NS 5000000

/*
 * Whether a FIFO, opened for reading without waiting, has or had a writer since: 1 or 0, or -errno.
 * A read of one byte into memory that cannot be written tells and takes nothing: with data it is
 * EFAULT, with a writer that is silent so far EAGAIN, and without one the end. That end is a hangup
 * for poll only if a writer came and went.
 */
static int has_writer(int fd)
{
	static const char unwritable = 0;
	if (syscall(SYS_read, fd, &unwritable, 1) < 0) {
		if (errno == EAGAIN || errno == EFAULT)
			return 1;
		return -errno;
	}
	struct pollfd p = {.fd = fd, .events = POLLIN};
	if (poll(&p, 1, 0) < 0)
		return -errno;
	return p.revents != 0;
}

/*
 * Waits for a FIFO's first writer, as its open for reading does. The descriptor is the one by which
 * the writer found its reader: another open could come after a writer that has already gone, and
 * would wait for a second one.
 */
static int wait_for_writer(struct vcpu *vcpu, int fd)
{
	for (;;) {
		int rc = has_writer(fd);
		if (rc < 0)
			return rc;
		if (rc > 0)
			return 0;
		rc = vcpu_wait_fd_until(vcpu, fd, POLLIN,
					vm_now_ns(CLOCK_MONOTONIC) + SILENT_WRITER_NS);
		if (rc < 0)
			return rc;
	}
}

void call_drop_fifo(struct vcpu *vcpu)
{
	if (vcpu->has_fifo)
		close(vcpu->fifo);
	vcpu->has_fifo = false;
}

/*
 * A FIFO opened for reading. The poller may not wait, nor read to find out whether it has to, and
 * leaves the descriptor to the vCPU's thread, which is asked next: closed, a writer that has found
 * its reader by it would be alone again, and perhaps gone before the next open.
 */
int call_wait_fifo(struct vcpu *vcpu, int *fd, const struct stat *st)
{
	struct stat before;
	if (vcpu->on_poller) {
		call_drop_fifo(vcpu);
		vcpu->fifo = take_fd(fd);
		vcpu->has_fifo = true;
		return call_defer(vcpu);
	}
	if (vcpu->has_fifo && resolve_stat(vcpu->fifo, &before) == 0 &&
	    before.st_dev == st->st_dev && before.st_ino == st->st_ino) {
		close(*fd);
		*fd = vcpu->fifo;
		vcpu->has_fifo = false;
	}
	call_drop_fifo(vcpu);
	return wait_for_writer(vcpu, *fd);
}
