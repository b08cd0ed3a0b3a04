/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages to and from a guest, and the host functions that it calls meanwhile. The guest may send
 * anything at any time; an invalid or unexpected message poisons the sandbox and does nothing else.
 */
#include "api/exchange.h"

#include "api/options.h"
#include "api/sandbox.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SEND_BYTES_MIN 4096 /* of the buffer */

/* --- the sandbox's state --- */

int exchange_poison(struct mote_sandbox *s, const struct err *why)
{
	if (s->state != SANDBOX_POISONED) {
		memcpy(s->poison, why->text, sizeof(s->poison));
		s->poison_code = why->code;
	}
	s->state = SANDBOX_POISONED;
	return -why->code;
}

struct mote_result result_of(const struct vm_outcome *out)
{
	static const enum mote_end ends[] = {
		[VM_EXITED] = MOTE_EXITED,           [VM_SIGNALLED] = MOTE_SIGNALLED,
		[VM_TIMED_OUT] = MOTE_TIMED_OUT,     [VM_FAULTED] = MOTE_FAULTED,
		[VM_INTERRUPTED] = MOTE_INTERRUPTED,
	};
	return (struct mote_result){.end = ends[out->end], .code = out->code};
}

/* The error of a call during which the guest ended. */
static int guest_ended(const struct vm *vm, const struct vm_outcome *out, struct err *e)
{
	switch (out->end) {
	case VM_EXITED:
		return err_set(e, ERR_GUEST, EIO, "the guest exited with status %d", out->code);
	case VM_SIGNALLED:
		return err_set(e, ERR_GUEST, EIO, "signal %d (%s) terminated the guest", out->code,
			       strsignal(out->code));
	case VM_TIMED_OUT:
		return err_set(e, ERR_GUEST, ETIMEDOUT, "the guest exceeded its limit of %s",
			       out->code ? "CPU time" : "wall-clock time");
	case VM_FAULTED:
		if (*vm_detail(vm))
			return err_set(e, ERR_GUEST, EIO, "the guest's VM failed: %s",
				       vm_detail(vm));
		return err_set(e, ERR_GUEST, EIO, "the guest failed with CPU exception %d",
			       out->code);
	case VM_INTERRUPTED:
		return err_set(e, ERR_GUEST, ECANCELED, "the guest was interrupted");
	case VM_WAITING:
		break;
	}
	return err_set(e, ERR_HOST, EINVAL, "the guest has not ended");
}

void exchange_free_memory(struct mote_sandbox *s, const struct host_function_memory *keep)
{
	while (s->memory != keep) {
		struct host_function_memory *gone = s->memory;
		s->memory = gone->next;
		free(gone);
	}
}

void *mote_call_memory(struct mote_sandbox *sandbox, size_t bytes)
{
	if (bytes > CALL_BYTES_MAX)
		return NULL;
	struct host_function_memory *m = malloc(sizeof(*m) + bytes);
	if (!m)
		return NULL;
	m->next = sandbox->memory;
	sandbox->memory = m;
	return m->bytes;
}

/* --- sending --- */

static void put_function(struct mote_out *o, const struct host_function *f)
{
	mote_put_text(o, f->module, strlen(f->module));
	mote_put_text(o, f->name, strlen(f->name));
	mote_put_text(o, f->signature, strlen(f->signature));
}

static bool encode(const struct mote_sandbox *s, const struct exchange_outgoing *m,
		   struct mote_out *o)
{
	switch (m->kind) {
	case MOTE_MESSAGE_CALL:
		return mote_put_call(o, m->name, m->want, m->values, m->count);
	case MOTE_MESSAGE_RETURN:
		return mote_put_return(o, m->values);
	case MOTE_MESSAGE_ERROR:
		mote_put_error(o, m->code, m->text);
		return true;
	case MOTE_MESSAGE_FUNCTIONS:
		mote_put_u8(o, MOTE_MESSAGE_FUNCTIONS);
		mote_put_u32(o, (uint32_t)s->function_count);
		for (size_t i = 0; i < s->function_count; i++)
			put_function(o, &s->functions[i]);
		return true;
	case MOTE_MESSAGE_READY:
	case MOTE_MESSAGE_LIST:
	case MOTE_MESSAGE_IMPORT:
		break;
	}
	return false;
}

/* A buffer for a message of that length; its contents are lost. */
static int grow_buffer(struct mote_sandbox *s, size_t len, struct err *e)
{
	size_t bytes = len < SEND_BYTES_MIN ? SEND_BYTES_MIN : len;
	free(s->send);
	s->send_bytes = 0;
	s->send = malloc(bytes);
	if (!s->send)
		return err_sys(e, ENOMEM, "a message of %zu bytes", len);
	s->send_bytes = bytes;
	return 0;
}

int exchange_send(struct mote_sandbox *s, const struct exchange_outgoing *m, struct err *e)
{
	struct mote_out o;
	int rc;
	for (;;) {
		o = (struct mote_out){.at = s->send, .capacity = s->send_bytes};
		if (!encode(s, m, &o))
			return err_set(e, ERR_CONFIG, EINVAL,
				       "a value without type, or a string with a NUL inside");
		if (o.len > s->message_max)
			return err_set(e, ERR_CONFIG, EMSGSIZE,
				       "a message of %zu bytes; call_bytes_max is %zu", o.len,
				       s->message_max);
		if (mote_out_fits(&o))
			break;
		rc = grow_buffer(s, o.len, e);
		if (rc < 0)
			return rc;
	}
	rc = vm_reply(s->vm, s->send, o.len, e);
	if (rc == -EFAULT)
		return exchange_poison(s, e);
	return rc;
}

/* --- host functions --- */

int exchange_send_error(struct mote_sandbox *s, enum mote_call_error code, const char *text,
			struct err *e)
{
	const struct exchange_outgoing m = {.kind = MOTE_MESSAGE_ERROR, .code = code, .text = text};
	int rc = exchange_send(s, &m, e);
	if (rc == -EMSGSIZE)
		return exchange_poison(s, e);
	return rc;
}

int exchange_send_result(struct mote_sandbox *s, const struct mote_value *result, struct err *e)
{
	const struct exchange_outgoing m = {.kind = MOTE_MESSAGE_RETURN, .values = result};
	int rc = exchange_send(s, &m, e);
	if (rc == -EMSGSIZE)
		return exchange_send_error(s, MOTE_CALL_TOO_LARGE,
					   "the host function's result is too large for a message",
					   e);
	if (rc == -EINVAL)
		return exchange_send_error(s, MOTE_CALL_FAILED,
					   "the host function's result cannot be sent", e);
	return rc;
}

/* Its caller leaves the call, if that is the outermost one: EXCHANGE_PAUSED. */
static int pause_function(struct mote_sandbox *s, const struct host_function *f, struct err *e)
{
	if (s->state != SANDBOX_READY || s->depth != 1)
		return exchange_send_error(
			s, MOTE_CALL_FAILED,
			"the host function cannot pause a call that is nested, or the "
			"guest's start",
			e);
	s->paused.by = f;
	return EXCHANGE_PAUSED;
}

/* Runs a host function and sends its result. Its failures are reported to the guest. */
static int run_function(struct mote_sandbox *s, const struct host_function *f,
			const struct mote_value *args, size_t count, struct err *e)
{
	struct mote_error why = {0};
	struct mote_value result = {0};
	int rc = f->call(f->arg, s, args, count, &result, &why);
	if (s->state == SANDBOX_POISONED) /* by a call of the function's own */
		return err_set(e, ERR_GUEST, s->poison_code, "%s", s->poison);
	if (rc < 0 && why.text[0])
		return exchange_send_error(s, MOTE_CALL_FAILED, why.text, e);
	if (rc < 0)
		return exchange_send_error(s, MOTE_CALL_FAILED, strerror(-rc), e);
	if (rc == MOTE_PAUSE)
		return pause_function(s, f, e);
	if (result.type == MOTE_ANY)
		result = mote_void();
	if (result.type != mote_signature_result(f->signature))
		return exchange_send_error(
			s, MOTE_CALL_FAILED,
			"the host function's result is not of the type in its signature", e);
	return exchange_send_result(s, &result, e);
}

/*
 * A call by the guest, CALL or IMPORT: of a function of the list, with arguments of its signature.
 * May be EXCHANGE_PAUSED.
 */
static int serve_call(struct mote_sandbox *s, uint8_t kind, struct mote_in in, struct err *e)
{
	const char *name, *module = MOTE_MODULE;
	enum mote_type want;
	struct mote_value args[MOTE_ARGS_MAX];
	size_t count;
	if ((kind == MOTE_MESSAGE_IMPORT && !mote_get_name(&in, &module)) ||
	    !mote_get_call(&in, &name, &want, args, &count)) {
		err_set(e, ERR_GUEST, EPROTO, "the guest sent a damaged call");
		return exchange_poison(s, e);
	}
	const struct host_function *f = functions_find(s, module, name);
	if (!f)
		return exchange_send_error(s, MOTE_CALL_UNKNOWN, "the host has no such function",
					   e);
	if (!mote_signature_takes(f->signature, args, count) ||
	    (want != MOTE_ANY && want != mote_signature_result(f->signature)))
		return exchange_send_error(s, MOTE_CALL_SIGNATURE, f->signature, e);
	/* A nested call receives messages of its own: this one, which args point into, is kept. */
	size_t bytes;
	uint8_t *message = vm_take_message(s->vm, &bytes);
	const struct host_function_memory *mark = s->memory;
	int rc = run_function(s, f, args, count, e);
	exchange_free_memory(s, mark);
	vm_give_message(s->vm, message, bytes);
	return rc;
}

/* --- the exchange of messages --- */

int exchange_run(struct mote_sandbox *s, uint8_t *kind, struct mote_in *in, struct err *e)
{
	const struct exchange_outgoing functions = {.kind = MOTE_MESSAGE_FUNCTIONS};
	s->ended = (struct mote_result){0};
	for (;;) {
		struct vm_outcome out;
		int rc = vm_resume(s->vm, &out, e);
		if (rc == 0 && out.end != VM_WAITING) {
			s->ended = result_of(&out);
			rc = guest_ended(s->vm, &out, e);
		}
		if (rc < 0)
			return exchange_poison(s, e);
		in->at = vm_message(s->vm, &in->left);
		if (!mote_get_u8(in, kind))
			*kind = 0;
		if (*kind == MOTE_MESSAGE_CALL || *kind == MOTE_MESSAGE_IMPORT)
			rc = serve_call(s, *kind, *in, e);
		else if (*kind == MOTE_MESSAGE_LIST && in->left == 0)
			rc = exchange_send(s, &functions, e);
		else
			return 0;
		if (rc < 0)
			return exchange_poison(s, e);
		if (rc == EXCHANGE_PAUSED)
			return rc;
	}
}

int exchange_unexpected(struct mote_sandbox *s, const char *what, struct err *e)
{
	err_set(e, ERR_GUEST, EPROTO, "the guest sent %s", what);
	return exchange_poison(s, e);
}
