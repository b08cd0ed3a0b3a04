/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls as text, as `mote run --invoke` has them: read by the types of one of the functions below,
 * into memory that stands for the component's. What was read is shown, and that text means the same
 * values: it is read and shown again.
 */
#include "guest/component/wave.h"

#include "component_types.h"

#include <setjmp.h>

/* --- the component's side --- */

enum { MEMORY_BYTES = 1 << 20, TEXT_MAX = 1 << 20 };

struct component_call {
	jmp_buf stop;
	_Alignas(16) uint8_t memory[MEMORY_BYTES];
	uint32_t used;
};

void call_trap(struct component_call *call, const char *message)
{
	(void)message;
	longjmp(call->stop, 1);
}

void *call_span(struct component_call *call, uint32_t at, uint64_t bytes)
{
	if (at > MEMORY_BYTES || bytes > MEMORY_BYTES - at)
		abort(); /* only what has been read is shown */
	return call->memory + at;
}

void *call_allocate(struct component_call *call, uint32_t align, uint64_t bytes, uint32_t *at)
{
	const uint64_t from = layout_align(call->used, align);
	if (from > MEMORY_BYTES || bytes > MEMORY_BYTES - from)
		longjmp(call->stop, 1);
	*at = (uint32_t)from;
	call->used = (uint32_t)(from + bytes);
	return call->memory + from;
}

void call_string(struct component_call *call, const char *text, uint32_t bytes, uint32_t out[2])
{
	memcpy(call_allocate(call, 1, bytes, &out[0]), text, bytes);
	out[1] = bytes;
}

int64_t call_text(struct component_call *call, const uint32_t string[2], char *to, uint32_t size)
{
	const void *text = call_span(call, string[0], string[1]);
	if (string[1] > size)
		return -1;
	memcpy(to, text, string[1]);
	return string[1];
}

static const struct function *find(struct wasm_name name)
{
	for (size_t i = 0; i < COUNT(functions); i++)
		if (strlen(functions[i].name) == name.bytes &&
		    memcmp(functions[i].name, name.text, name.bytes) == 0)
			return &functions[i];
	return NULL;
}

/* --- reading and showing --- */

struct text {
	char *at;
	uint64_t bytes;
};

static void add(void *context, const char *text, uint64_t bytes)
{
	struct text *to = context;
	if (bytes > TEXT_MAX - to->bytes)
		abort(); /* what is shown is not much longer than what was read */
	memcpy(to->at + to->bytes, text, bytes);
	to->bytes += bytes;
}

static void fail(void *context, const struct wave_reader *reader, const char *why)
{
	struct component_call *call = context;
	if (reader->at > reader->end || !*why)
		abort();
	longjmp(call->stop, 1);
}

/* Reads a call and shows its parameters as a call: false if it is not one. */
static bool read_and_show(const char *text, uint64_t bytes, struct text *shown)
{
	static struct component_call call;
	static uint8_t params[1 << 12] __attribute__((aligned(16)));
	struct wave_reader r = {text, text + bytes, &call, fail, &call};
	const struct wave_writer w = {add, shown, &call};
	call.used = 0;
	shown->bytes = 0;
	if (setjmp(call.stop))
		return false;
	const struct wasm_name name = wave_function(&r);
	const struct function *f = find(name);
	if (!f)
		return false;
	memset(params, 0, sizeof(params));
	wave_arguments(&r, &f->params, params);
	add(shown, name.text, name.bytes);
	wave_print(&w, &f->params, params);
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char first[TEXT_MAX], second[TEXT_MAX];
	struct text shown = {.at = first}, again = {.at = second};
	complete_types();
	char *input = malloc(size + 1); /* its end is watched */
	if (!input)
		return 0;
	memcpy(input, data, size);
	bool good = read_and_show(input, size, &shown);
	free(input);
	if (!good)
		return 0;
	if (!read_and_show(shown.at, shown.bytes, &again) || again.bytes != shown.bytes ||
	    memcmp(shown.at, again.at, shown.bytes) != 0)
		abort();
	return 0;
}
