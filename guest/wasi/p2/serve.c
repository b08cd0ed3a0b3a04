/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A component's functions for a host program (mote/wit.h): bytes in a message are the parameters,
 * bytes in the answer the result.
 */
#include "guest/component/encode.h"
#include "guest/wasi/invoke.h"
#include "guest/wasi/p2/run.h"
#include "guest/wasi/rpc/internal.h"
#include "guest/wasi/state.h"

/* --- one call --- */

struct served {
	const struct ctype *type;
	struct mote_wit_in params;
	struct component_call *callee;
	const uint8_t *result;
	bool is_written;
};

static void lower(void *context, struct component_call *callee, void *params)
{
	const struct served *s = context;
	encode_params(s->params, s->type, callee, params);
}

/* RETURN with bytes, whose number is stored when it is known. */
static bool put_result(struct mote_out *o, const void *what)
{
	const struct served *s = what;
	mote_put_u8(o, MOTE_MESSAGE_RETURN);
	mote_put_u8(o, MOTE_BYTES);
	const size_t at = o->len;
	mote_put_u32(o, 0);
	struct mote_wit_out values = {.at = o->at, .len = o->len, .capacity = o->capacity};
	if (s->result)
		encode_value(&values, s->type->of, s->callee, s->result);
	o->len = values.len;
	const uint64_t bytes = o->len - at - sizeof(uint32_t);
	if (mote_out_fits(o) && bytes <= UINT32_MAX)
		memcpy(o->at + at, &(uint32_t){(uint32_t)bytes}, sizeof(uint32_t));
	return bytes <= UINT32_MAX;
}

/* Before the component may free what its result points to. */
static void lift(void *context, struct component_call *callee, const void *result)
{
	struct served *s = context;
	s->callee = callee;
	s->result = result;
	s->is_written = rpc_write(put_result, s);
}

static void call(struct component_func *func, struct mote_wit_in params)
{
	struct served s = {.type = component_func_type(func), .params = params};
	const struct component_passing pass = {.lower = lower, .lift = lift, .context = &s};
	const char *why = encode_refuses(s.type);
	if (!why)
		why = encode_check(params, s.type);
	if (why) {
		rpc_write_error(MOTE_CALL_FAILED, why);
		return;
	}
	if (component_call(func, &pass, &wasi.stop) != WASM_RETURNED)
		rpc_report_stop();
	if (!s.type->of)
		s.is_written = rpc_write(put_result, &s);
	if (!s.is_written)
		rpc_write_error(MOTE_CALL_TOO_LARGE,
				"the function's result is too large for the guest's memory");
}

static void serve_call(struct component_instance *instance, struct mote_in in)
{
	struct mote_value args[MOTE_ARGS_MAX];
	char copy[MOTE_NAME_MAX + 1];
	const char *name;
	enum mote_type want;
	size_t count;
	if (!mote_get_call(&in, &name, &want, args, &count)) {
		rpc_write_error(MOTE_CALL_PROTOCOL, "the host sent a damaged call");
		return;
	}
	memcpy(copy, name, strlen(name) + 1);
	struct component_func *func = invoke_find(instance, copy);
	if (!func) {
		rpc_write_error(MOTE_CALL_UNKNOWN, "the component exports no such function");
		return;
	}
	if (count != 1 || args[0].type != MOTE_BYTES || (want != MOTE_BYTES && want != MOTE_ANY)) {
		rpc_write_error(MOTE_CALL_SIGNATURE, "arguments or result of other types");
		return;
	}
	call(func, (struct mote_wit_in){args[0].of.bytes.data, args[0].of.bytes.len});
}

/* --- READY --- */

struct table {
	struct mote_out *o;
	uint32_t count;
};

static void put_export(struct table *t, const struct extern_item *interface,
		       const struct extern_item *e)
{
	char name[MOTE_NAME_MAX + 1];
	size_t n = 0;
	if (e->item.sort != SORT_FUNC ||
	    e->name.bytes + (interface ? interface->name.bytes + 1 : 0) > MOTE_NAME_MAX)
		return;
	if (interface) {
		memcpy(name, interface->name.text, interface->name.bytes);
		n = interface->name.bytes;
		name[n++] = '#';
	}
	memcpy(name + n, e->name.text, e->name.bytes);
	mote_put_text(t->o, name, n + e->name.bytes);
	mote_put_text(t->o, "y:y", 3);
	mote_put_u8(t->o, 0);
	t->count++;
}

static bool put_ready(struct mote_out *o, const void *what)
{
	const struct externs *exports = &((const struct ctype *)what)->exports;
	struct table t = {.o = o};
	mote_put_u8(o, MOTE_MESSAGE_READY);
	mote_put_u32(o, MOTE_MESSAGE_VERSION);
	const size_t at = o->len;
	mote_put_u32(o, 0);
	for (uint32_t i = 0; i < exports->count; i++) {
		const struct extern_item *e = &exports->list[i];
		put_export(&t, NULL, e);
		if (e->item.sort != SORT_INSTANCE)
			continue;
		for (uint32_t k = 0; k < e->item.type->exports.count; k++)
			put_export(&t, e, &e->item.type->exports.list[k]);
	}
	if (mote_out_fits(o))
		memcpy(o->at + at, &t.count, sizeof(t.count));
	return true;
}

_Noreturn void p2_serve(const struct ctype *type, struct component_instance *instance)
{
	struct mote_in in;
	if (!rpc_write(put_ready, type))
		lib_panic("no memory for the table of exports");
	int kind = rpc_send_and_receive(NULL, &in);
	if (kind == 0)
		lib_panic("the component exports more functions than fit a message of the host's "
			  "size");
	for (;;) {
		if (kind == MOTE_MESSAGE_CALL)
			serve_call(instance, in);
		else if (kind == 0)
			rpc_write_error(MOTE_CALL_TOO_LARGE,
					"the function's result is larger than the host allows");
		else
			rpc_write_error(MOTE_CALL_PROTOCOL, "only calls are expected");
		kind = rpc_send_and_receive(NULL, &in);
	}
}
