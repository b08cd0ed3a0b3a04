/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Function calls: the host's side of abi/message.h. The guest may send anything at any time; an
 * invalid or unexpected message poisons the sandbox and does nothing else.
 */
#include "abi/message.h"
#include "api/error.h"
#include "api/options.h"
#include "api/sandbox.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define SEND_BYTES_MIN 4096 /* of the buffer */
#define CALL_DEPTH_MAX 16   /* nested calls between host and guest */

/* No error: a host function has paused the call. */
enum { CALL_PAUSED = 1 };

/* --- configuration --- */

int calls_configure(struct mote_sandbox *s, const struct mote_options *o, struct err *e)
{
	if (o->call_bytes_max > CALL_BYTES_MAX)
		return err_set(e, ERR_CONFIG, EINVAL,
			       "call_bytes_max is %lu; at most 1 GiB is possible",
			       o->call_bytes_max);
	s->message_max = o->call_bytes_max ? o->call_bytes_max : CALL_BYTES_DEFAULT;
	s->limits = (struct vm_limits){
		.wall_ns = o->call_time_limit_ns,
		.cpu_ns = o->call_cpu_limit_ns,
	};
	return functions_configure(s, o, e);
}

static void free_memory_to(struct mote_sandbox *s, const struct host_function_memory *keep)
{
	while (s->memory != keep) {
		struct host_function_memory *gone = s->memory;
		s->memory = gone->next;
		free(gone);
	}
}

void calls_free(struct mote_sandbox *s)
{
	functions_free(s);
	free(s->send);
	exports_drop(s->exports);
	free_memory_to(s, NULL);
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

/* --- the sandbox's state --- */

static int poison(struct mote_sandbox *s, const struct err *why)
{
	if (s->state != SANDBOX_POISONED) {
		memcpy(s->poison, why->text, sizeof(s->poison));
		s->poison_code = why->code;
	}
	s->state = SANDBOX_POISONED;
	return -why->code;
}

const char *mote_sandbox_poisoned(const struct mote_sandbox *sandbox)
{
	if (sandbox->state != SANDBOX_POISONED)
		return NULL;
	return sandbox->poison;
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

/* --- sending --- */

/* A message to be sent; encoded twice if the buffer turns out to be too small. */
struct outgoing {
	enum mote_message_kind kind;
	const char *name; /* CALL */
	enum mote_type want;
	const struct mote_value *values; /* CALL: arguments, RETURN: one */
	size_t count;
	enum mote_call_error code; /* ERROR */
	const char *text;
};

static void put_function(struct mote_out *o, const struct host_function *f)
{
	mote_put_text(o, f->module, strlen(f->module));
	mote_put_text(o, f->name, strlen(f->name));
	mote_put_text(o, f->signature, strlen(f->signature));
}

static bool encode(const struct mote_sandbox *s, const struct outgoing *m, struct mote_out *o)
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

/* Passes a message to the waiting guest. EMSGSIZE, EINVAL, ENOMEM: nothing was sent. */
static int send_message(struct mote_sandbox *s, const struct outgoing *m, struct err *e)
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
		return poison(s, e);
	return rc;
}

/* --- host functions --- */

static int send_error(struct mote_sandbox *s, enum mote_call_error code, const char *text,
		      struct err *e)
{
	const struct outgoing m = {.kind = MOTE_MESSAGE_ERROR, .code = code, .text = text};
	int rc = send_message(s, &m, e);
	if (rc == -EMSGSIZE)
		return poison(s, e);
	return rc;
}

static int send_result(struct mote_sandbox *s, const struct mote_value *result, struct err *e)
{
	const struct outgoing m = {.kind = MOTE_MESSAGE_RETURN, .values = result};
	int rc = send_message(s, &m, e);
	if (rc == -EMSGSIZE)
		return send_error(s, MOTE_CALL_TOO_LARGE,
				  "the host function's result is too large for a message", e);
	if (rc == -EINVAL)
		return send_error(s, MOTE_CALL_FAILED, "the host function's result cannot be sent",
				  e);
	return rc;
}

/* Its caller leaves the call, if that is the outermost one: CALL_PAUSED. */
static int pause_function(struct mote_sandbox *s, const struct host_function *f, struct err *e)
{
	if (s->state != SANDBOX_READY || s->depth != 1)
		return send_error(s, MOTE_CALL_FAILED,
				  "the host function cannot pause a call that is nested, or the "
				  "guest's start",
				  e);
	s->paused.by = f;
	return CALL_PAUSED;
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
		return send_error(s, MOTE_CALL_FAILED, why.text, e);
	if (rc < 0)
		return send_error(s, MOTE_CALL_FAILED, strerror(-rc), e);
	if (rc == MOTE_PAUSE)
		return pause_function(s, f, e);
	if (result.type == MOTE_ANY)
		result = mote_void();
	if (result.type != mote_signature_result(f->signature))
		return send_error(s, MOTE_CALL_FAILED,
				  "the host function's result is not of the type in its signature",
				  e);
	return send_result(s, &result, e);
}

/*
 * A call by the guest, CALL or IMPORT: of a function of the list, with arguments of its signature.
 * May be CALL_PAUSED.
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
		return poison(s, e);
	}
	const struct host_function *f = functions_find(s, module, name);
	if (!f)
		return send_error(s, MOTE_CALL_UNKNOWN, "the host has no such function", e);
	if (!mote_signature_takes(f->signature, args, count) ||
	    (want != MOTE_ANY && want != mote_signature_result(f->signature)))
		return send_error(s, MOTE_CALL_SIGNATURE, f->signature, e);
	/* A nested call receives messages of its own: this one, which args point into, is kept. */
	size_t bytes;
	uint8_t *message = vm_take_message(s->vm, &bytes);
	const struct host_function_memory *mark = s->memory;
	int rc = run_function(s, f, args, count, e);
	free_memory_to(s, mark);
	vm_give_message(s->vm, message, bytes);
	return rc;
}

/* --- the exchange of messages --- */

/*
 * Runs the guest and serves its calls until it sends another message: READY, RETURN or ERROR, in
 * *in; or until one of them is CALL_PAUSED. An error of the exchange itself poisons the sandbox.
 */
static int run_until_answer(struct mote_sandbox *s, uint8_t *kind, struct mote_in *in,
			    struct err *e)
{
	const struct outgoing functions = {.kind = MOTE_MESSAGE_FUNCTIONS};
	s->ended = (struct mote_result){0};
	for (;;) {
		struct vm_outcome out;
		int rc = vm_resume(s->vm, &out, e);
		if (rc == 0 && out.end != VM_WAITING) {
			s->ended = result_of(&out);
			rc = guest_ended(s->vm, &out, e);
		}
		if (rc < 0)
			return poison(s, e);
		in->at = vm_message(s->vm, &in->left);
		if (!mote_get_u8(in, kind))
			*kind = 0;
		if (*kind == MOTE_MESSAGE_CALL || *kind == MOTE_MESSAGE_IMPORT)
			rc = serve_call(s, *kind, *in, e);
		else if (*kind == MOTE_MESSAGE_LIST && in->left == 0)
			rc = send_message(s, &functions, e);
		else
			return 0;
		if (rc < 0)
			return poison(s, e);
		if (rc == CALL_PAUSED)
			return rc;
	}
}

static int unexpected(struct mote_sandbox *s, const char *what, struct err *e)
{
	err_set(e, ERR_GUEST, EPROTO, "the guest sent %s", what);
	return poison(s, e);
}

static int call_errno(uint32_t code)
{
	switch (code) {
	case MOTE_CALL_TRAPPED:
		return EIO;
	case MOTE_CALL_REENTRY:
		return EBUSY;
	case MOTE_CALL_TOO_LARGE:
		return EMSGSIZE;
	}
	return EREMOTEIO;
}

/* What a call returned: as many values as the function has results, a void one if it has none. */
struct answer {
	struct mote_value values[MOTE_RESULTS_MAX];
	size_t count;
};

/* Whether they are of the types of the function's results. */
static bool is_answer_of(const struct export *f, enum mote_type want, const struct answer *a)
{
	const size_t results = export_results(f);
	const char *types = strchr(f->signature, ':') + 1;
	if (results <= 1)
		return a->count == 1 && export_returns(f, want, a->values[0].type);
	for (size_t i = 0; i < results; i++)
		if (i == a->count || (char)a->values[i].type != types[i])
			return false;
	return a->count == results;
}

/* The guest's answer to a call. */
static int take_answer(struct mote_sandbox *s, uint8_t kind, struct mote_in in,
		       const struct export *f, enum mote_type want, struct answer *answer,
		       struct err *e)
{
	uint32_t code;
	const char *text;
	if (kind == MOTE_MESSAGE_ERROR) {
		if (!mote_get_error(&in, &code, &text))
			return unexpected(s, "a damaged error", e);
		if (!*text)
			text = "the guest's function failed";
		int rc = err_set(e, ERR_GUEST, call_errno(code), "%s", text);
		if (code != MOTE_CALL_TRAPPED)
			return rc;
		s->ended = (struct mote_result){.end = MOTE_SIGNALLED, .code = SIGABRT};
		return poison(s, e);
	}
	if (kind != MOTE_MESSAGE_RETURN || !mote_get_returns(&in, answer->values, &answer->count))
		return unexpected(s, "an invalid answer to a call", e);
	if (!is_answer_of(f, want, answer))
		return unexpected(s, "a result that is not of its function's type", e);
	return 0;
}

int calls_check_ready(const struct mote_sandbox *s, struct err *e)
{
	int rc = sandbox_check_process(s, e);
	if (rc < 0)
		return rc;
	if (s->state == SANDBOX_POISONED)
		return err_set(e, ERR_GUEST, ENOTRECOVERABLE, "the sandbox is poisoned: %.300s",
			       s->poison);
	if (s->state != SANDBOX_READY)
		return err_set(e, ERR_CONFIG, EINVAL,
			       "the sandbox is not initialised; mote_sandbox_init() does that");
	return 0;
}

static int find_callable(const struct mote_sandbox *s, const char *name, size_t arg_count,
			 const struct export **f, struct err *e)
{
	int rc = calls_check_ready(s, e);
	if (rc < 0)
		return rc;
	if (arg_count > MOTE_ARGS_MAX)
		return err_set(e, ERR_CONFIG, E2BIG, "%zu arguments; a function has %d at most",
			       arg_count, MOTE_ARGS_MAX);
	*f = exports_find(s->exports, name);
	if (!*f)
		return err_set(e, ERR_CONFIG, ENOENT, "the guest exports no function %.64s", name);
	const char *why = export_uncallable(*f);
	if (why)
		return err_set(e, ERR_CONFIG, EINVAL,
			       "the guest's function %.64s cannot be called: it has %s", name, why);
	return 0;
}

static int check_depth(const struct mote_sandbox *s, const struct export *f, struct err *e)
{
	if (s->depth > 0 && !(f->flags & MOTE_EXPORT_REENTRANT))
		return err_set(e, ERR_CONFIG, EBUSY,
			       "the guest's function %s may not be called from host functions",
			       f->name);
	if (s->depth >= CALL_DEPTH_MAX)
		return err_set(e, ERR_CONFIG, EBUSY,
			       "calls between host and guest are nested more than %d deep",
			       CALL_DEPTH_MAX);
	return 0;
}

static int leave_paused(struct mote_sandbox *s, const struct export *f, enum mote_type want,
			struct err *e)
{
	err_set(e, ERR_CONFIG, EINPROGRESS, "the host function %.64s.%.64s has paused the call",
		s->paused.by->module, s->paused.by->name);
	s->paused.export = f;
	s->paused.want = want;
	vm_pause(s->vm);
	atomic_store(&s->paused.is, true);
	return -EINPROGRESS;
}

/* Runs the guest until it has answered the call whose message it has got, or that is paused. */
static int finish_call(struct mote_sandbox *s, const struct export *f, enum mote_type want,
		       struct answer *answer, struct err *e)
{
	uint8_t kind;
	struct mote_in in;
	int rc = run_until_answer(s, &kind, &in, e);
	if (rc == CALL_PAUSED)
		return leave_paused(s, f, want, e);
	if (--s->depth == 0)
		vm_finish(s->vm);
	if (rc < 0)
		return rc;
	return take_answer(s, kind, in, f, want, answer, e);
}

static int call(struct mote_sandbox *s, const char *name, const struct mote_value *args,
		size_t count, enum mote_type want, struct answer *answer, struct err *e)
{
	const struct export *f = NULL;
	int rc = find_callable(s, name, count, &f, e);
	if (rc == 0)
		rc = export_check(f, args, count, want, e);
	if (rc == 0)
		rc = check_depth(s, f, e);
	if (rc < 0)
		return rc;
	const struct outgoing m = {
		.kind = MOTE_MESSAGE_CALL,
		.name = name,
		.want = want,
		.values = args,
		.count = count,
	};
	rc = send_message(s, &m, e);
	if (rc < 0)
		return rc;
	if (s->depth++ == 0)
		vm_begin(s->vm, &s->limits);
	const bool paused = s->depth == 2 && atomic_load(&s->paused.is);
	if (paused)
		vm_unpause(s->vm);
	rc = finish_call(s, f, want, answer, e);
	if (paused)
		vm_pause(s->vm);
	return rc;
}

int mote_sandbox_call(struct mote_sandbox *sandbox, const char *name, const struct mote_value *args,
		      size_t count, struct mote_value *result, struct mote_error *error)
{
	struct err e = {0};
	struct answer answer;
	enum mote_type want = result ? result->type : MOTE_ANY;
	if (call(sandbox, name, args, count, want, &answer, &e) < 0)
		return error_report(&e, error);
	if (result)
		*result = answer.values[0];
	return 0;
}

int mote_sandbox_call_all(struct mote_sandbox *sandbox, const char *name,
			  const struct mote_value *args, size_t count,
			  struct mote_value results[MOTE_RESULTS_MAX], size_t *result_count,
			  struct mote_error *error)
{
	struct err e = {0};
	struct answer answer;
	if (call(sandbox, name, args, count, MOTE_ANY, &answer, &e) < 0)
		return error_report(&e, error);
	if (answer.values[0].type == MOTE_VOID)
		answer.count = 0;
	memcpy(results, answer.values, answer.count * sizeof(*results));
	*result_count = answer.count;
	return 0;
}

/* --- calls that are paused --- */

int calls_abandon(struct mote_sandbox *s, struct err *e)
{
	if (s->depth == 1 && atomic_load(&s->paused.is)) {
		atomic_store(&s->paused.is, false);
		s->depth = 0;
		vm_finish(s->vm);
	}
	if (s->depth > 0)
		return err_set(e, ERR_CONFIG, EINVAL, "a call of the sandbox is running");
	return 0;
}

/* That there is a call to continue, and the answer is one that its host function could give. */
static int check_continue(const struct mote_sandbox *s, const struct mote_value *answer,
			  struct err *e)
{
	int rc = sandbox_check_process(s, e);
	if (rc < 0)
		return rc;
	if (!atomic_load(&s->paused.is))
		return err_set(e, ERR_CONFIG, EAGAIN, "no call of the sandbox is paused");
	if (s->depth != 1)
		return err_set(e, ERR_CONFIG, EINVAL,
			       "the paused call cannot be continued by a host function of another");
	if (answer && answer->type != mote_signature_result(s->paused.by->signature))
		return err_set(e, ERR_CONFIG, EINVAL,
			       "the answer is not of the type in the signature %s of the host "
			       "function %.64s",
			       s->paused.by->signature, s->paused.by->name);
	return 0;
}

/* Sends what the host function that has paused would have. */
static int send_late(struct mote_sandbox *s, const struct mote_value *answer, const char *failure,
		     struct err *e)
{
	if (answer)
		return send_result(s, answer, e);
	if (!failure)
		failure = "the host function failed";
	return send_error(s, MOTE_CALL_FAILED, failure, e);
}

static int continue_call(struct mote_sandbox *s, const struct mote_value *answer,
			 const char *failure, struct answer *result, struct err *e)
{
	int rc = check_continue(s, answer, e);
	if (rc < 0)
		return rc;
	rc = calls_check_ready(s, e); /* a call that was nested in it may have poisoned it */
	if (rc == 0)
		rc = send_late(s, answer, failure, e);
	if (rc == -ENOMEM)
		return rc;
	atomic_store(&s->paused.is, false);
	if (rc < 0) {
		s->depth = 0;
		vm_finish(s->vm);
		return rc;
	}
	vm_unpause(s->vm);
	return finish_call(s, s->paused.export, s->paused.want, result, e);
}

int mote_sandbox_continue(struct mote_sandbox *sandbox, const struct mote_value *answer,
			  const char *failure, struct mote_value *result, struct mote_error *error)
{
	struct err e = {0};
	struct answer all;
	if (continue_call(sandbox, answer, failure, &all, &e) < 0)
		return error_report(&e, error);
	if (result)
		*result = all.values[0];
	return 0;
}

/* --- readiness --- */

static int init(struct mote_sandbox *s, struct err *e)
{
	int rc = sandbox_check_process(s, e);
	if (rc < 0)
		return rc;
	if (s->state != SANDBOX_NEW)
		return err_set(e, ERR_CONFIG, EINVAL, "the sandbox was used before");
	vm_offer_calls(s->vm, s->message_max, s->has_imports);
	uint8_t kind;
	struct mote_in in;
	vm_begin(s->vm, &s->limits);
	s->depth++;
	rc = run_until_answer(s, &kind, &in, e);
	s->depth--;
	vm_finish(s->vm);
	if (rc < 0)
		return err_prefix(e, "the guest did not become ready for calls");
	if (kind != MOTE_MESSAGE_READY)
		return unexpected(s, "an unexpected message before it was ready", e);
	rc = exports_read(&s->exports, in.at - 1, in.left + 1, e);
	if (rc < 0)
		return poison(s, e);
	s->state = SANDBOX_READY;
	return 0;
}

int mote_sandbox_init(struct mote_sandbox *sandbox, struct mote_error *error)
{
	struct err e = {0};
	if (init(sandbox, &e) < 0)
		return error_report(&e, error);
	return 0;
}

int mote_sandbox_interrupt(struct mote_sandbox *sandbox)
{
	if (sandbox->process != process_number())
		return -ESRCH;
	return vm_interrupt(sandbox->vm);
}

int mote_sandbox_result(const struct mote_sandbox *sandbox, struct mote_result *result)
{
	if (sandbox->state != SANDBOX_POISONED || !sandbox->ended.end)
		return -ESRCH;
	*result = sandbox->ended;
	return 0;
}

int mote_sandbox_export(const struct mote_sandbox *sandbox, size_t index, const char **name,
			const char **signature)
{
	const struct exports *x = sandbox->exports;
	if (!x || index >= x->callable_count)
		return -ENOENT;
	const struct export *f = &x->list[x->callable[index]];
	*name = f->name;
	*signature = f->signature;
	return 0;
}
