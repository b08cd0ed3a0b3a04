/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target: what a hostile guest says in the course of function calls. The input is a row of
 * messages, u16 length before each, that the guest hands over in turn; then it exits. The host
 * makes calls in between, and its functions call back. vm/ is replaced by what is here.
 */
#include "abi/message.h"
#include "api/error.h"
#include "api/sandbox.h"

#include <errno.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MESSAGE_MAX 4096

static struct mote_in script;
static bool waiting;
static struct {
	uint8_t *at; /* exactly as long as the message: a byte too many is seen */
	size_t len;
} message;

static void require(bool condition)
{
	if (!condition)
		abort();
}

/* --- in the place of vm/ --- */

void vm_offer_calls(struct vm *vm, size_t max, bool imports)
{
	(void)vm, (void)imports;
	require(max == MESSAGE_MAX);
}

void vm_begin(struct vm *vm, const struct vm_limits *limits)
{
	(void)vm, (void)limits;
}

void vm_finish(struct vm *vm)
{
	(void)vm;
}

void vm_pause(struct vm *vm)
{
	(void)vm;
}

void vm_unpause(struct vm *vm)
{
	(void)vm;
}

const char *vm_detail(const struct vm *vm)
{
	(void)vm;
	return "";
}

int vm_interrupt(struct vm *vm)
{
	(void)vm;
	return 0;
}

int vm_resume(struct vm *vm, struct vm_outcome *out, struct err *e)
{
	uint8_t len[2];
	(void)vm, (void)e;
	require(!waiting);
	*out = (struct vm_outcome){.end = VM_EXITED};
	if (!mote_get(&script, len, 2) || (len[0] | len[1] << 8) == 0)
		return 0;
	message.len = (size_t)(len[0] | len[1] << 8);
	if (message.len > script.left)
		message.len = script.left;
	if (message.len == 0)
		return 0;
	free(message.at);
	message.at = malloc(message.len);
	require(message.at && mote_get(&script, message.at, message.len));
	waiting = true;
	out->end = VM_WAITING;
	return 0;
}

const uint8_t *vm_message(const struct vm *vm, size_t *len)
{
	(void)vm;
	*len = message.len;
	return message.at;
}

uint8_t *vm_take_message(struct vm *vm, size_t *capacity)
{
	(void)vm;
	*capacity = message.len;
	return take_ptr(message.at);
}

void vm_give_message(struct vm *vm, uint8_t *memory, size_t capacity)
{
	(void)vm, (void)capacity;
	free(memory);
}

int vm_reply(struct vm *vm, const void *bytes, size_t len, struct err *e)
{
	(void)vm, (void)e;
	require(waiting && len >= 1 && len <= MESSAGE_MAX &&
		*(const uint8_t *)bytes >= MOTE_MESSAGE_CALL);
	waiting = false;
	return 0;
}

int error_report(const struct err *from, struct mote_error *to)
{
	require(from->code > 0 && from->text[0]);
	if (to) {
		to->code = from->code;
		memcpy(to->text, from->text, sizeof(to->text));
	}
	return -from->code;
}

/* --- the host --- */

static void use(const struct mote_value *v)
{
	if (v->type == MOTE_STRING)
		require(strlen(v->of.string.text) == v->of.string.len);
	if (v->type == MOTE_BYTES)
		for (size_t i = 0; i < v->of.bytes.len; i++)
			(void)((const volatile uint8_t *)v->of.bytes.data)[i];
}

static bool fails; /* what has paused the call does so */

/* Until it is not paused again. Meanwhile the sandbox is called as in a host function. */
static int go_on(struct mote_sandbox *s, struct mote_value *result)
{
	const struct mote_value answer = mote_i32(1), wrong = mote_i64(1);
	int rc;
	do {
		require(mote_sandbox_continue(s, &wrong, NULL, result, NULL) == -EINVAL);
		rc = mote_sandbox_continue(s, fails ? NULL : &answer, "it failed", result, NULL);
	} while (rc == -EINPROGRESS);
	require(mote_sandbox_continue(s, &answer, NULL, result, NULL) == -EAGAIN);
	return rc;
}

/* Calls every exported function without arguments, and one of any signature. */
static void call_back(struct mote_sandbox *s)
{
	struct mote_value text = mote_string("text"), result = {0};
	const char *name, *signature;
	for (size_t i = 0; i < 4 && mote_sandbox_export(s, i, &name, &signature) == 0; i++) {
		result.type = MOTE_ANY;
		int rc = mote_sandbox_call(s, name, &text, signature[0] != ':', &result, NULL);
		if (rc == -EINPROGRESS) {
			require(s->depth == 1);
			rc = go_on(s, &result);
		}
		if (rc == 0)
			use(&result);
	}
}

static int any(void *arg, struct mote_sandbox *s, const struct mote_value *args, size_t count,
	       struct mote_value *result, struct mote_error *error)
{
	(void)arg, (void)error;
	for (size_t i = 0; i < count; i++)
		use(&args[i]);
	call_back(s);
	for (size_t i = 0; i < count; i++) /* they are there still */
		use(&args[i]);
	char *copy = mote_call_memory(s, 8);
	require(copy);
	memcpy(copy, "memory", 7);
	*result = mote_string(copy);
	return count > 2 ? -EPERM : 0;
}

/* The same without a result, as an import has it. */
static int any_core(void *arg, struct mote_sandbox *s, const struct mote_value *args, size_t count,
		    struct mote_value *result, struct mote_error *error)
{
	(void)arg, (void)args, (void)result, (void)error;
	require(count == 2);
	call_back(s);
	return 0;
}

/* Pauses the call, which go_on() continues; of an odd argument with a failure. */
static int pauses(void *arg, struct mote_sandbox *s, const struct mote_value *args, size_t count,
		  struct mote_value *result, struct mote_error *error)
{
	(void)s, (void)result, (void)error;
	require(count == 1);
	*(bool *)arg = args[0].of.u32 % 2;
	return MOTE_PAUSE;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct mote_function functions[] = {
		{"f", "sy:s", any, NULL}, {"g", ":s", any, NULL}, {"h", "iIu:s", any, NULL}};
	const struct mote_import imports[] = {{"env", "f", "iI:", any_core, NULL},
					      {"env", "pauses", "i:i", pauses, &fails}};
	const struct mote_options o = {
		.functions = functions,
		.function_count = 3,
		.imports = imports,
		.import_count = 2,
		.call_bytes_max = MESSAGE_MAX,
	};
	struct mote_sandbox s = {0};
	struct err e = {0};
	script = (struct mote_in){.at = data, .left = size};
	waiting = false;
	require(calls_configure(&s, &o, &e) == 0);
	if (mote_sandbox_init(&s, NULL) == 0)
		for (int i = 0; i < 4 && !mote_sandbox_poisoned(&s); i++)
			call_back(&s);
	require(mote_sandbox_poisoned(&s) || s.state == SANDBOX_READY);
	require(s.depth == 0 && !s.memory);
	calls_free(&s);
	free(take_ptr(message.at));
	return 0;
}
