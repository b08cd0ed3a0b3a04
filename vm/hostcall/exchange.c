/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The function-call channel: one message out, the next one in (abi/message.h). The guest stops in
 * its host call; vm_reply() completes it later. Addresses and sizes are the guest's and are checked
 * when used.
 */
#include "vm/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void vm_offer_calls(struct vm *vm, size_t max)
{
	vm->channel.max = max;
	vm->boot->flags |= MOTE_BOOT_CALLS;
}

void channel_free(struct vm_channel *c)
{
	free(c->message);
	free(c->unfetched);
	*c = (struct vm_channel){0};
}

/* Room for a message of `bytes`, which are at most c->max; kept, since calls come in series. */
static int make_capacity(struct vm_channel *c, size_t bytes)
{
	if (bytes <= c->capacity)
		return 0;
	size_t capacity = c->capacity;
	if (capacity == 0)
		capacity = 4096;
	while (capacity < bytes)
		capacity *= 2;
	free(c->message);
	c->capacity = 0;
	c->message = malloc(capacity);
	if (!c->message)
		return -ENOMEM;
	c->capacity = capacity;
	return 0;
}

/* The guest asks again, with more capacity, for a message that it could not take. */
static int64_t fetch(struct vm *vm, const struct call_exchange *a)
{
	struct vm_channel *c = &vm->channel;
	if (!c->unfetched)
		return -EINVAL;
	if (a->size < c->unfetched_len)
		return (int64_t)c->unfetched_len;
	if (memory_write(&vm->memory, gva(a->reply), c->unfetched, c->unfetched_len) < 0)
		return -EFAULT;
	free(take_ptr(c->unfetched));
	return (int64_t)c->unfetched_len;
}

int64_t host_exchange(struct vcpu *vcpu, const struct call_exchange *a)
{
	struct vm *vm = vcpu->vm;
	struct vm_channel *c = &vm->channel;
	if (c->max == 0)
		return -ENOSYS;
	if (a->bytes == 0)
		return fetch(vm, a);
	if (c->unfetched)
		return -EINVAL;
	if (a->bytes > c->max)
		return -E2BIG;
	int rc = make_capacity(c, a->bytes);
	if (rc < 0)
		return rc;
	if (memory_read(&vm->memory, gva(a->message), c->message, a->bytes) < 0)
		return -EFAULT;
	c->len = a->bytes;
	c->reply_at = gva(a->reply);
	c->reply_size = a->size;
	vm->state = VM_IN_EXCHANGE;
	return 0;
}

const char *vm_detail(const struct vm *vm)
{
	const struct vcpu *vcpu = &vm->vcpus[0];
	return vcpu->kvm.detail;
}

const uint8_t *vm_message(const struct vm *vm, size_t *len)
{
	*len = vm->channel.len;
	return vm->channel.message;
}

uint8_t *vm_take_message(struct vm *vm, size_t *capacity)
{
	struct vm_channel *c = &vm->channel;
	*capacity = c->capacity;
	c->capacity = 0;
	return take_ptr(c->message);
}

void vm_give_message(struct vm *vm, uint8_t *memory, size_t capacity)
{
	struct vm_channel *c = &vm->channel;
	if (c->message) {
		free(memory);
		return;
	}
	c->message = memory;
	c->capacity = capacity;
}

static int keep(struct vm_channel *c, const void *bytes, size_t len, struct err *e)
{
	c->unfetched = malloc(len);
	if (!c->unfetched)
		return err_sys(e, ENOMEM, "a message of %zu bytes for the guest", len);
	memcpy(c->unfetched, bytes, len);
	c->unfetched_len = len;
	return 0;
}

int vm_reply(struct vm *vm, const void *bytes, size_t len, struct err *e)
{
	struct vcpu *vcpu = &vm->vcpus[0];
	struct vm_channel *c = &vm->channel;
	if (vm->state != VM_IN_EXCHANGE || len == 0)
		return err_set(e, ERR_HOST, EINVAL, "the guest waits for no message");
	dirty_enter(&vm->memory.dirty);
	int rc = 0;
	if (len > c->reply_size)
		rc = keep(c, bytes, len, e);
	else if (memory_write(&vm->memory, c->reply_at, bytes, len) < 0)
		rc = err_set(e, ERR_GUEST, EFAULT,
			     "the guest has no memory at %#lx, where it wants its next message",
			     c->reply_at.v);
	if (rc < 0)
		return rc;
	*(volatile int64_t *)&vcpu->area->frame.result = (int64_t)len;
	vm->state = VM_RUNNING;
	return 0;
}
