/* SPDX-License-Identifier: Apache-2.0 */
/* What handlers of host calls share: ends without a result, stores to the guest, vectors, pairs. */
#include "vm/internal.h"

#include <errno.h>
#include <sys/uio.h>
#include <unistd.h>

static int end_as(struct vcpu *vcpu, enum outcome_kind kind)
{
	vcpu->outcome = kind;
	return -EAGAIN;
}

int call_defer(struct vcpu *vcpu)
{
	return end_as(vcpu, CALL_DEFER);
}

int call_stop(struct vcpu *vcpu)
{
	return end_as(vcpu, CALL_STOP);
}

void vm_put(struct vm *vm, gva_t to, const void *from, uint64_t bytes)
{
	/*
	 * Decoding has checked the range, and only a call of this vCPU could have unmapped it
	 * since.
	 */
	if (memory_write(&vm->memory, to, from, bytes) < 0)
		vm_log(vm, "result at %#lx could not be stored", to.v);
}

void vm_skip_bytes(struct iovec **v, int *count, size_t n)
{
	while (*count > 0 && n >= (*v)->iov_len) {
		n -= (*v)->iov_len;
		(*v)++;
		(*count)--;
	}
	if (*count > 0) {
		(*v)->iov_base = (char *)(*v)->iov_base + n;
		(*v)->iov_len -= n;
	}
}

int64_t vm_add_pair(struct vm *vm, const int host[2], unsigned flags, const struct call_out *to)
{
	int32_t guest[2];
	guest[0] = fdtable_add(&vm->fds, host[0], flags, 0);
	if (guest[0] < 0) {
		close(host[1]);
		return guest[0];
	}
	guest[1] = fdtable_add(&vm->fds, host[1], flags, 0);
	if (guest[1] < 0 && fdtable_close(&vm->fds, guest[0]) < 0)
		return -EIO;
	if (guest[1] < 0)
		return guest[1];
	vm_put(vm, to->at, guest, sizeof(guest));
	return 0;
}
