/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host calls exported functions: messages of abi/message.h in, WebAssembly's types to the
 * function, and the result back.
 */
#include "guest/wasi/memory.h"
#include "guest/wasi/report.h"
#include "guest/wasi/rpc/internal.h"
#include "guest/wasi/rpc/rpc.h"
#include "guest/wasi/state.h"

/* --- one call --- */

struct call {
	struct wasm_func *func, *post;
	const struct wasm_functype *type;
	union wasm_value args[MOTE_ARGS_MAX];
	uint32_t count;
};

static const char *push_argument(struct call *p, uint32_t type, uint64_t bits)
{
	if (p->count >= p->type->param_count || p->type->params[p->count] != type)
		return "arguments of other types";
	p->args[p->count] = (union wasm_value){.i64 = bits};
	p->count++;
	return NULL;
}

static const char *push_value(struct wasm_instance *inst, struct call *p,
			      const struct mote_value *v)
{
	uint32_t pair[2];
	const char *why;
	switch (v->type) {
	case MOTE_BOOL:
		return push_argument(p, WASM_I32, v->of.boolean);
	case MOTE_I32:
	case MOTE_U32:
		return push_argument(p, WASM_I32, v->of.u32);
	case MOTE_I64:
	case MOTE_U64:
		return push_argument(p, WASM_I64, v->of.u64);
	case MOTE_F32:
		return push_argument(p, WASM_F32, v->of.u32);
	case MOTE_F64:
		return push_argument(p, WASM_F64, v->of.u64);
	case MOTE_STRING:
	case MOTE_BYTES:
		why = rpc_pass_value(inst, v, pair);
		if (!why)
			why = push_argument(p, WASM_I32, pair[0]);
		if (!why)
			why = push_argument(p, WASM_I32, pair[1]);
		return why;
	case MOTE_ANY:
	case MOTE_VOID:
		break;
	}
	return "an argument without type";
}

/* The message type of a Wasm type; MOTE_VOID if messages have none for it. */
static enum mote_type message_type(uint32_t type)
{
	switch (type) {
	case WASM_I32:
		return MOTE_I32;
	case WASM_I64:
		return MOTE_I64;
	case WASM_F32:
		return MOTE_F32;
	case WASM_F64:
		return MOTE_F64;
	default:
		return MOTE_VOID;
	}
}

static char letter_of(uint32_t type)
{
	const enum mote_type known = message_type(type);
	if (known != MOTE_VOID)
		return (char)known;
	if (type == WASM_V128)
		return 'V';
	return 'R';
}

/* The letters of a function's type. False: it cannot be called, and some of them say why. */
static bool signature_of(const struct wasm_functype *t, char out[MOTE_SIGNATURE_MAX + 1])
{
	const bool fits = t->param_count <= MOTE_ARGS_MAX && t->result_count <= MOTE_RESULTS_MAX;
	size_t n = 0;
	for (uint32_t i = 0; fits && i < t->param_count; i++)
		out[n++] = letter_of(t->params[i]);
	if (!fits)
		out[n++] = '+';
	out[n++] = ':';
	for (uint32_t i = 0; fits && i < t->result_count; i++)
		out[n++] = letter_of(t->results[i]);
	out[n] = '\0';
	for (size_t i = 0; i < n; i++)
		if (strchr(MOTE_UNCALLABLE, out[i]))
			return false;
	return true;
}

static const char *result_of(const struct wasm_instance *inst, const struct call *p,
			     enum mote_type want, const union wasm_value *got,
			     struct mote_value *result)
{
	*result = mote_void();
	if (p->type->result_count == 0)
		return NULL;
	result->of.u64 = got->i64;
	result->type = message_type(p->type->results[0]);
	if (want == MOTE_BOOL)
		result->of.boolean = got->i32 != 0;
	if (rpc_is_bytes(want)) {
		const void *pair = wasi_span(inst, got->i32, 2 * sizeof(uint32_t));
		uint32_t v[2];
		if (!pair)
			return "the function's result is not the address of an address and a "
			       "length";
		memcpy(v, pair, sizeof(v));
		return rpc_borrow_bytes(inst, want, v[0], v[1], result);
	}
	if (want != MOTE_ANY)
		result->type = want;
	return NULL;
}

struct results {
	struct mote_value of[MOTE_RESULTS_MAX];
	size_t count; /* a void one if the function has none */
};

static bool put_results(struct mote_out *o, const void *what)
{
	const struct results *r = what;
	return mote_put_returns(o, r->of, r->count);
}

/* NULL, or why they are not what was asked for. */
static const char *results_of(const struct wasm_instance *inst, const struct call *p,
			      enum mote_type want, const union wasm_value *got, struct results *r)
{
	r->count = 1;
	if (p->type->result_count <= 1)
		return result_of(inst, p, want, got, &r->of[0]);
	r->count = p->type->result_count;
	for (size_t i = 0; i < r->count; i++) {
		r->of[i] = mote_void();
		r->of[i].type = message_type(p->type->results[i]);
		r->of[i].of.u64 = got[i].i64;
	}
	return NULL;
}

_Noreturn void rpc_report_stop(void)
{
	wasi_report_trap(&wasi.stop);
	char text[200];
	lib_format(text, sizeof(text), "wasm trap: %s", wasi_trap_text(&wasi.stop));
	rpc_write_error(MOTE_CALL_TRAPPED, text);
	for (;;) {
		struct mote_in in;
		(void)rpc_send_and_receive(NULL, &in);
		rpc_write_error(MOTE_CALL_TRAPPED, "the module has trapped before");
	}
}

/* Calls the function and writes the answer. */
static void call_function(const struct wasm_instance *inst, const struct call *p,
			  enum mote_type want)
{
	union wasm_value got[MOTE_RESULTS_MAX] = {0};
	struct results results;
	wasi.stop.outcome = WASM_RETURNED;
	if (wasm_call(p->func, p->args, got, &wasi.stop) != WASM_RETURNED)
		rpc_report_stop();
	const char *why = results_of(inst, p, want, got, &results);
	if (why)
		rpc_write_error(MOTE_CALL_FAILED, why);
	else if (!rpc_write(put_results, &results))
		rpc_write_error(MOTE_CALL_TOO_LARGE,
				"the function's result is too large for the guest's memory");
	if (p->post && wasm_call(p->post, got, NULL, &wasi.stop) != WASM_RETURNED)
		rpc_report_stop();
}

static const struct rpc_function *added_function;

static bool put_value_returned(struct mote_out *o, const void *what)
{
	return mote_put_return(o, what);
}

static void call_added(struct wasm_instance *inst, const struct mote_value *args, size_t count)
{
	struct mote_value result;
	if (count != 1 || args[0].type != MOTE_BYTES) {
		rpc_write_error(MOTE_CALL_SIGNATURE, "arguments or result of other types");
		return;
	}
	const char *why =
		added_function->call(inst, args[0].of.bytes.data, args[0].of.bytes.len, &result);
	if (why)
		rpc_write_error(MOTE_CALL_FAILED, why);
	else if (!rpc_write(put_value_returned, &result))
		rpc_write_error(MOTE_CALL_TOO_LARGE,
				"the function's result is too large for the guest's memory");
}

void rpc_serve_call(struct wasm_instance *inst, struct mote_in in)
{
	const char *name, *why = NULL;
	enum mote_type want;
	struct mote_value args[MOTE_ARGS_MAX];
	struct call p = {0};
	struct wasm_export e;
	struct wasm_extern found;
	char text[MOTE_NAME_MAX + 16], signature[MOTE_SIGNATURE_MAX + 1];
	size_t count;
	if (!mote_get_call(&in, &name, &want, args, &count)) {
		rpc_write_error(MOTE_CALL_PROTOCOL, "the host sent a damaged call");
		return;
	}
	if (added_function && strcmp(name, added_function->name) == 0) {
		call_added(inst, args, count);
		return;
	}
	if (!wasm_module_export_find(wasm_instance_module(inst), name, strlen(name), &e) ||
	    e.type.kind != WASM_KIND_FUNC || !signature_of(e.type.func, signature) ||
	    wasm_instance_export(inst, name, strlen(name), &found) != 0) {
		rpc_write_error(MOTE_CALL_UNKNOWN, "the module exports no such function");
		return;
	}
	p.func = found.func;
	p.type = e.type.func;
	lib_format(text, sizeof(text), "cabi_post_%s", name);
	if (rpc_is_bytes(want))
		p.post = rpc_find_export(inst, text, "i:");
	for (size_t i = 0; i < count && !why; i++)
		why = push_value(inst, &p, &args[i]);
	if (why)
		rpc_write_error(MOTE_CALL_FAILED, why);
	else if (p.count != p.type->param_count || (want != MOTE_ANY && p.type->result_count > 1) ||
		 (rpc_is_bytes(want) && !(p.type->result_count && p.type->results[0] == WASM_I32)))
		rpc_write_error(MOTE_CALL_SIGNATURE, "arguments or result of other types");
	else
		call_function(inst, &p, want);
}

/* --- READY --- */

/* Exported for Mote itself, not for the host to call. */
static bool is_helper(const struct wasm_name *n)
{
	static const char *const helpers[] = {"_initialize", "cabi_realloc", "mote_alloc",
					      "mote_serve"};
	for (size_t i = 0; i < sizeof(helpers) / sizeof(helpers[0]); i++)
		if (n->bytes == strlen(helpers[i]) && memcmp(n->text, helpers[i], n->bytes) == 0)
			return true;
	return n->bytes >= 10 && memcmp(n->text, "cabi_post_", 10) == 0;
}

/* What the guest runtime adds hides what the module exports by the same name. */
static bool is_added(const struct wasm_name *n)
{
	return added_function && n->bytes == strlen(added_function->name) &&
	       memcmp(n->text, added_function->name, n->bytes) == 0;
}

/* Whether the host is to know of it, even of a function that cannot be called. */
static bool is_listed(const struct wasm_export *e)
{
	return e->type.kind == WASM_KIND_FUNC && e->name.bytes >= 1 &&
	       e->name.bytes <= MOTE_NAME_MAX && !memchr(e->name.text, 0, e->name.bytes) &&
	       !is_helper(&e->name) && !is_added(&e->name);
}

static bool put_ready(struct mote_out *o, const void *what)
{
	const struct wasm_module *m = what;
	char signature[MOTE_SIGNATURE_MAX + 1];
	struct wasm_export e;
	uint32_t count = added_function ? 1 : 0, all = wasm_module_export_count(m);
	for (uint32_t i = 0; i < all; i++) {
		wasm_module_export(m, i, &e);
		if (is_listed(&e))
			count++;
	}
	mote_put_u8(o, MOTE_MESSAGE_READY);
	mote_put_u32(o, MOTE_MESSAGE_VERSION);
	mote_put_u32(o, count);
	for (uint32_t i = 0; i < all; i++) {
		wasm_module_export(m, i, &e);
		if (!is_listed(&e))
			continue;
		(void)signature_of(e.type.func, signature);
		mote_put_text(o, e.name.text, e.name.bytes);
		mote_put_text(o, signature, strlen(signature));
		mote_put_u8(o, MOTE_EXPORT_WASM | MOTE_EXPORT_REENTRANT);
	}
	if (added_function) {
		mote_put_text(o, added_function->name, strlen(added_function->name));
		mote_put_text(o, "y:y", 3);
		mote_put_u8(o, 0);
	}
	return true;
}

_Noreturn void rpc_serve(struct wasm_instance *inst, const struct rpc_function *added)
{
	struct mote_in in;
	added_function = added;
	if (!rpc_write(put_ready, wasm_instance_module(inst)))
		lib_panic("no memory for the table of exports");
	int kind = rpc_send_and_receive(inst, &in);
	if (kind == 0)
		lib_panic(
			"the module exports more functions than fit a message of the host's size");
	for (;;) {
		if (kind == MOTE_MESSAGE_CALL)
			rpc_serve_call(inst, in);
		else if (kind == 0)
			rpc_write_error(MOTE_CALL_TOO_LARGE,
					"the function's result is larger than the host allows");
		else
			rpc_write_error(MOTE_CALL_PROTOCOL, "only calls are expected");
		kind = rpc_send_and_receive(inst, &in);
	}
}
