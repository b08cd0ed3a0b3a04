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

void vm_offer_calls(struct vm *vm, size_t max, bool imports)
{
	vm->channel.max = max;
	vm->boot->flags |= MOTE_BOOT_CALLS;
	if (imports)
		vm->boot->flags |= MOTE_BOOT_IMPORTS;
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

/* --- the guest's memory, for the embedding program --- */

/*
 * The guest says where its linear memory is, and may say anything: what is there is looked up in
 * the host's own page tables, and is the guest's to read or write in any case.
 */
static struct mote_linear linear_memory(const struct vm *vm)
{
	if (!vm->wasm)
		return (struct mote_linear){.bytes = MOTE_VA_END};
	const struct mote_linear *guests = &vm->vcpus[0].area->linear;
	const struct mote_linear m = {guest_word(guests->at), guest_word(guests->bytes)};
	if (m.at > MOTE_VA_END || m.bytes > MOTE_VA_END - m.at)
		return (struct mote_linear){0};
	return m;
}

uint64_t vm_guest_bytes(const struct vm *vm)
{
	return linear_memory(vm).bytes;
}

static int find_span(struct vm *vm, uint64_t at, size_t bytes, gva_t *span)
{
	const struct mote_linear m = linear_memory(vm);
	if (vm->state != VM_IN_EXCHANGE || at > m.bytes || bytes > m.bytes - at)
		return -EFAULT;
	vm->memory.uncommitted = 0;
	*span = gva(m.at + at);
	return 0;
}

/* Why a copy failed. */
static int span_error(const struct vm *vm)
{
	if (vm->memory.uncommitted)
		return -ENOMEM;
	return -EFAULT;
}

int vm_guest_read(struct vm *vm, uint64_t at, void *to, size_t bytes)
{
	gva_t span;
	int rc = find_span(vm, at, bytes, &span);
	if (rc < 0)
		return rc;
	if (memory_read(&vm->memory, span, to, bytes) < 0)
		return span_error(vm);
	return 0;
}

int vm_guest_write(struct vm *vm, uint64_t at, const void *from, size_t bytes)
{
	gva_t span;
	int rc = find_span(vm, at, bytes, &span);
	if (rc < 0)
		return rc;
	dirty_enter(&vm->memory.dirty);
	rc = memory_write(&vm->memory, span, from, bytes);
	dirty_leave(&vm->memory.dirty);
	if (rc < 0)
		return span_error(vm);
	return 0;
}
