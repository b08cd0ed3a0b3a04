/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target: the messages of function calls. The whole input is one message. What is accepted
 * must be exactly what encoding it gives again, and a table of exports must be fit for looking up
 * and checking.
 */
#include "abi/message.h"
#include "api/exports.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
	if (!condition)
		abort();
}

static void same(const struct mote_out *o, const uint8_t *data, size_t size)
{
	require(mote_out_fits(o) && o->len == size && memcmp(o->at, data, size) == 0);
}

static void check_texts(const struct mote_value *v)
{
	if (v->type == MOTE_STRING)
		require(strlen(v->of.string.text) == v->of.string.len);
	if (v->type == MOTE_BYTES && v->of.bytes.len) {
		volatile uint8_t last = ((const uint8_t *)v->of.bytes.data)[v->of.bytes.len - 1];
		(void)last;
	}
}

static void try_call(struct mote_in in, struct mote_out *o, const uint8_t *data, size_t size)
{
	const char *name;
	enum mote_type want;
	struct mote_value args[MOTE_ARGS_MAX];
	size_t count;
	if (!mote_get_call(&in, &name, &want, args, &count))
		return;
	require(count <= MOTE_ARGS_MAX && strlen(name) >= 1 && strlen(name) <= MOTE_NAME_MAX);
	for (size_t i = 0; i < count; i++)
		check_texts(&args[i]);
	require(mote_put_call(o, name, want, args, count));
	same(o, data, size);
}

static void try_import(struct mote_in in, struct mote_out *o, const uint8_t *data, size_t size)
{
	const char *module, *name;
	enum mote_type want;
	struct mote_value args[MOTE_ARGS_MAX];
	size_t count;
	if (!mote_get_name(&in, &module) || !mote_get_call(&in, &name, &want, args, &count))
		return;
	require(strlen(module) >= 1 && strlen(module) <= MOTE_NAME_MAX);
	require(mote_put_import(o, module, name, want, args, count));
	same(o, data, size);
}

static void try_answer(uint8_t kind, struct mote_in in, struct mote_out *o, const uint8_t *data,
		       size_t size)
{
	struct mote_value v;
	uint32_t code;
	const char *text;
	if (kind == MOTE_MESSAGE_RETURN && mote_get_return(&in, &v)) {
		check_texts(&v);
		require(mote_put_return(o, &v));
		same(o, data, size);
	}
	if (kind == MOTE_MESSAGE_ERROR && mote_get_error(&in, &code, &text)) {
		mote_put_error(o, (enum mote_call_error)code, text);
		same(o, data, size);
	}
}

static void try_table(const uint8_t *data, size_t size)
{
	static const struct mote_value args[2] = {{.type = MOTE_I32},
						  {.type = MOTE_STRING, .of.string = {"", 0}}};
	struct exports *x = NULL;
	struct err e = {0};
	if (exports_read(&x, data, size, &e) < 0) {
		require(e.code && e.text[0] && !x);
		return;
	}
	require(x->count <= MOTE_EXPORTS_MAX);
	for (size_t i = 0; i < x->count; i++) {
		const struct export *f = &x->list[i];
		require(exports_find(x, f->name) == f);
		require(mote_signature_valid(f->signature) ||
			mote_wasm_signature_valid(f->signature));
		for (size_t n = 0; n <= 2; n++)
			if (export_check(f, args, n, MOTE_ANY, &e) == 0)
				require(export_returns(f, MOTE_ANY,
						       mote_signature_result(f->signature)));
	}
	exports_drop(x);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mote_in in = {.at = data, .left = size};
	uint8_t kind;
	/* malloc of exactly the size: a byte too many is seen. */
	struct mote_out o = {malloc(size + 1), 0, size};
	if (!o.at || !mote_get_u8(&in, &kind)) {
		free(o.at);
		return 0;
	}
	if (kind == MOTE_MESSAGE_CALL)
		try_call(in, &o, data, size);
	else if (kind == MOTE_MESSAGE_IMPORT)
		try_import(in, &o, data, size);
	else if (kind == MOTE_MESSAGE_READY)
		try_table(data, size);
	else
		try_answer(kind, in, &o, data, size);
	free(o.at);
	return 0;
}
