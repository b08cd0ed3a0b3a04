/* SPDX-License-Identifier: Apache-2.0 */
/* Output that the guest gathers in its area, written out in time: abi/layout.h has the protocol. */
#include "vm/run/output.h"

#include "vm/hostcall/memfd.h"
#include "vm/internal.h"
#include "vm/run/blocking.h"
#include "vm/run/signals.h"
#include "vm/run/timer.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/syscall.h>

#define FLUSH_NS 5000000L /* buffered output waits this long at most */

/* --- the protocol --- */

uint32_t output_take(struct mote_area *area, uint8_t to[MOTE_OUTPUT_BYTES], uint32_t *fd)
{
	uint32_t taken = 0, len = __atomic_load_n(&area->output_len, __ATOMIC_SEQ_CST);
	if (len == 0)
		return 0;
	*fd = guest_word(area->output_fd);
	do {
		if (len <= taken || len > MOTE_OUTPUT_BYTES) {
			__atomic_store_n(&area->output_len, 0, __ATOMIC_RELEASE);
			return 0;
		}
		memcpy(to + taken, area->output + taken, len - taken);
		taken = len;
	} while (!__atomic_compare_exchange_n(&area->output_len, &len, 0, false, __ATOMIC_RELEASE,
					      __ATOMIC_ACQUIRE));
	return taken;
}

void output_disarm(struct mote_area *area)
{
	__atomic_store_n(&area->output_armed, 0, __ATOMIC_SEQ_CST);
}

/* --- writing it out --- */

/* Of a guest that is to end: what the descriptor takes in a moment. -EAGAIN if that is not all. */
static int write_at_end(struct vcpu *vcpu, int fd, const uint8_t *from, uint32_t len)
{
	enum { PIECES_MAX = 4 };
	struct pollfd p = {.fd = fd, .events = POLLOUT};
	uint32_t done = 0;
	for (int piece = 0; done < len && piece < PIECES_MAX; piece++) {
		const struct iovec v = {(void *)(uintptr_t)(from + done), len - done};
		if (poll(&p, 1, 0) <= 0)
			return -EAGAIN;
		long n = blocking_transfer_briefly(vcpu, SYS_writev, fd, &v, 1);
		if (n < 0)
			return (int)n;
		done += (uint32_t)n;
	}
	if (done < len)
		return -EAGAIN;
	return 0;
}

/* All of it, unless the guest is to end, or an error, which the next write reports. */
static int write_all(struct vcpu *vcpu, int fd, const uint8_t *from, uint32_t len)
{
	struct pollfd p = {.fd = fd, .events = POLLOUT};
	for (uint32_t done = 0; done < len;) {
		if (vcpu_ending(vcpu))
			return write_at_end(vcpu, fd, from + done, len - done);
		long n = -EINTR;
		if (ppoll(&p, 1, NULL, &vcpu->wait_mask) > 0)
			n = blocking_call(SYS_write, fd, (long)(from + done), len - done, 0);
		if (n > 0)
			done += (uint32_t)n;
		else if (n < 0 && n != -EINTR && n != -EAGAIN)
			return (int)n;
	}
	return 0;
}

/* Takes what waits and writes it; what is for a descriptor that cannot have any is dropped. 0 or
 * -errno. */
static int write_waiting(struct vcpu *vcpu)
{
	uint8_t bytes[MOTE_OUTPUT_BYTES];
	uint32_t fd, len = output_take(vcpu->area, bytes, &fd);
	if (len == 0)
		return 0;
	vcpu->may_pend = true;
	struct fd_entry *entry = NULL;
	if (fd == 1 || fd == 2)
		entry = fdtable_get(&vcpu->vm->fds, (int32_t)fd);
	if (!entry)
		return 0;
	if (entry->flags & FD_MEMORY) {
		int rc = memfd_admit_write(vcpu->vm, entry, MEMFD_CURRENT, len);
		if (rc < 0)
			return rc;
	}
	return write_all(vcpu, entry->host, bytes, len);
}

void vcpu_flush_output(struct vcpu *vcpu)
{
	if (guest_word(vcpu->area->output_len) != 0 && write_waiting(vcpu) < 0)
		vcpu_output_stop(vcpu);
}

void vcpu_output_stop(struct vcpu *vcpu)
{
	output_disarm(vcpu->area);
	(void)!write_waiting(vcpu); /* an error is what the guest's next write finds, too */
}

/* --- when --- */

void vcpu_output_expired(struct vcpu *vcpu)
{
	if (guest_word(vcpu->area->output_len) == 0)
		vcpu_output_stop(vcpu);
	else
		vcpu_flush_output(vcpu);
	if (guest_word(vcpu->area->output_armed) &&
	    vcpu_timer_set(vcpu, &vcpu->flush, FLUSH_NS, 0) < 0)
		vcpu_output_stop(vcpu);
}

void vcpu_note_write(struct vcpu *vcpu, int32_t fd, int64_t written)
{
	if ((fd != 1 && fd != 2) || written <= 0 || written > MOTE_OUTPUT_SMALL ||
	    guest_word(vcpu->area->output_armed))
		return;
	if (vcpu_timer_set(vcpu, &vcpu->flush, FLUSH_NS, 0) == 0)
		__atomic_store_n(&vcpu->area->output_armed, 1, __ATOMIC_RELEASE);
}
