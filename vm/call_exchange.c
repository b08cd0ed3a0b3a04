/* SPDX-License-Identifier: Apache-2.0 */
/* The function-call channel: one message out, the next one in (abi/message.h). */
#include "vm/internal.h"

#include <errno.h>
#include <stdlib.h>

#define MESSAGE_MAX (16UL << 20)

int64_t host_exchange(struct vm *vm, const struct call_exchange *a)
{
	if (!vm->exchange)
		return -ENOSYS;
	if (a->bytes > MESSAGE_MAX)
		return -E2BIG;
	cleanup_free uint8_t *message = malloc(a->bytes + 1), *reply = malloc(a->reply.len + 1);
	if (!message || !reply)
		return -ENOMEM;
	if (memory_read(&vm->memory, gva(a->message), message, a->bytes) < 0)
		return -EFAULT;
	int64_t n = vm->exchange(vm->exchange_arg, message, a->bytes, reply, a->reply.len);
	if (n > 0)
		vm_put(vm, a->reply.at, reply, (uint64_t)n);
	return n;
}
