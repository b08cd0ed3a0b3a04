/* SPDX-License-Identifier: Apache-2.0 */
/* Function calls: of the guest's functions by name, paused and continued ones (exchange.h). */
#include "api/error.h"
#include "api/exchange.h"
#include "api/options.h"
#include "api/sandbox.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define CALL_DEPTH_MAX 16 /* nested calls between host and guest */

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

void calls_free(struct mote_sandbox *s)
{
	functions_free(s);
	free(s->send);
	exports_drop(s->exports);
	exchange_free_memory(s, NULL);
}

/* --- calls --- */

const char *mote_sandbox_poisoned(const struct mote_sandbox *sandbox)
{
	if (sandbox->state != SANDBOX_POISONED)
		return NULL;
	return sandbox->poison;
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
			return exchange_unexpected(s, "a damaged error", e);
		if (!*text)
			text = "the guest's function failed";
		int rc = err_set(e, ERR_GUEST, call_errno(code), "%s", text);
		if (code != MOTE_CALL_TRAPPED)
			return rc;
		s->ended = (struct mote_result){.end = MOTE_SIGNALLED, .code = SIGABRT};
		return exchange_poison(s, e);
	}
	if (kind != MOTE_MESSAGE_RETURN || !mote_get_returns(&in, answer->values, &answer->count))
		return exchange_unexpected(s, "an invalid answer to a call", e);
	if (!is_answer_of(f, want, answer))
		return exchange_unexpected(s, "a result that is not of its function's type", e);
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
	int rc = exchange_run(s, &kind, &in, e);
	if (rc == EXCHANGE_PAUSED)
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
	const struct exchange_outgoing m = {
		.kind = MOTE_MESSAGE_CALL,
		.name = name,
		.want = want,
		.values = args,
		.count = count,
	};
	rc = exchange_send(s, &m, e);
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
		return exchange_send_result(s, answer, e);
	if (!failure)
		failure = "the host function failed";
	return exchange_send_error(s, MOTE_CALL_FAILED, failure, e);
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
	rc = exchange_run(s, &kind, &in, e);
	s->depth--;
	vm_finish(s->vm);
	if (rc < 0)
		return err_prefix(e, "the guest did not become ready for calls");
	if (kind != MOTE_MESSAGE_READY)
		return exchange_unexpected(s, "an unexpected message before it was ready", e);
	rc = exports_read(&s->exports, in.at - 1, in.left + 1, e);
	if (rc < 0)
		return exchange_poison(s, e);
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
