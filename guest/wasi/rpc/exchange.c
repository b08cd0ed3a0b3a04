/* SPDX-License-Identifier: Apache-2.0 */
/* Messages to and from the host, and the imports by which a module exchanges its own. */
#include "guest/wasi/imports.h"
#include "guest/wasi/memory.h"
#include "guest/wasi/rpc/internal.h"
#include "guest/wasi/state.h"

#include <linux/errno.h>

#define CAPACITY_FIRST (1 << 14)

struct buffer {
	uint8_t *bytes;
	uint64_t capacity;
	size_t len;
};

/*
 * The message received and the one being written. One of each is enough: what a message holds has
 * been copied to the module's memory before anything of the module runs.
 */
static struct buffer received, written;
static struct buffer kept; /* the host's list of functions, while a module is linked */

/* Contents are lost. */
static bool reserve(struct buffer *b, uint64_t bytes)
{
	uint64_t capacity = b->capacity;
	if (capacity == 0)
		capacity = CAPACITY_FIRST;
	while (capacity < bytes)
		capacity *= 2;
	if (capacity == b->capacity)
		return true;
	uint8_t *to = platform_reserve(capacity);
	if (!to)
		return false;
	if (!platform_commit(to, capacity)) {
		platform_free(to, capacity);
		return false;
	}
	if (b->bytes)
		platform_free(b->bytes, b->capacity);
	b->bytes = to;
	b->capacity = capacity;
	return true;
}

void rpc_keep_received(void)
{
	kept = received;
	received = (struct buffer){0};
}

void rpc_drop_kept(void)
{
	if (!received.bytes)
		received = kept;
	else if (kept.bytes)
		platform_free(kept.bytes, kept.capacity);
	kept = (struct buffer){0};
}

/* Says where the memory is that the host may read and write during an exchange. */
__attribute__((hot)) static void offer_memory(const struct wasm_instance *inst)
{
	struct mote_linear *offered = &mote_area()->linear;
	const struct wasm_memory *memory = inst ? wasm_instance_memory(inst) : NULL;
	*offered = (struct mote_linear){0};
	if (memory) {
		offered->at = (uint64_t)wasm_memory_base(memory);
		offered->bytes = wasm_memory_bytes(memory);
	}
}

int rpc_send_and_receive(const struct wasm_instance *inst, struct mote_in *in)
{
	offer_memory(inst);
	if (!reserve(&received, 1))
		lib_panic("no memory for messages");
	int64_t n = mote_exchange(mote_area(), (uint64_t)written.bytes, written.len,
				  (uint64_t)received.bytes, received.capacity);
	while (n > 0 && (uint64_t)n > received.capacity) {
		if (!reserve(&received, (uint64_t)n))
			lib_panic("no memory for a message of %ld bytes", n);
		n = mote_exchange(mote_area(), 0, 0, (uint64_t)received.bytes, received.capacity);
	}
	if (n == -E2BIG)
		return 0;
	if (n <= 0)
		lib_panic("exchanging messages: error %ld", -n);
	*in = (struct mote_in){.at = received.bytes + 1, .left = (size_t)n - 1};
	return received.bytes[0];
}

bool rpc_write(bool (*put)(struct mote_out *o, const void *what), const void *what)
{
	for (;;) {
		struct mote_out o = {.at = written.bytes, .capacity = written.capacity};
		if (!put(&o, what))
			return false;
		if (mote_out_fits(&o)) {
			written.len = o.len;
			return true;
		}
		if (o.len > UINT32_MAX || !reserve(&written, o.len))
			return false;
	}
}

struct error_message {
	enum mote_call_error code;
	const char *text;
};

static bool put_error(struct mote_out *o, const void *what)
{
	const struct error_message *e = what;
	mote_put_error(o, e->code, e->text);
	return true;
}

void rpc_write_error(enum mote_call_error code, const char *text)
{
	if (!rpc_write(put_error, &(struct error_message){.code = code, .text = text}))
		lib_panic("no memory for a message");
}

/* --- imports of module mote_guest --- */

/* As the host call, with addresses in linear memory; a negative errno is Linux's. */
__attribute__((hot)) static uint32_t import_exchange(const struct wasm_instance *inst,
						     uint32_t message, uint32_t bytes,
						     uint32_t reply, uint32_t capacity)
{
	const void *from = wasi_span(inst, message, bytes);
	void *to = wasi_span(inst, reply, capacity);
	if (!from || !to)
		return (uint32_t)-EFAULT;
	offer_memory(inst);
	return (uint32_t)mote_exchange(mote_area(), (uint64_t)from, bytes, (uint64_t)to, capacity);
}

static uint64_t import_generation(const struct wasm_instance *inst)
{
	(void)inst;
	return wasi.boot->generation;
}

static const struct import_function functions[] = {
	{"exchange", "iiii:i", (wasm_host_fn)import_exchange},
	{"generation", ":I", (wasm_host_fn)import_generation},
};

const struct import_interface rpc_guest_interface = {
	.module = "mote_guest",
	.functions = functions,
	.count = sizeof(functions) / sizeof(functions[0]),
	.unknown = "mote_guest has the functions exchange and generation",
};
