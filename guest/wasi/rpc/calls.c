/* SPDX-License-Identifier: Apache-2.0 */
/* Calls of a module's exported functions: messages of abi/message.h in, WebAssembly's types out,
 * and back. */
#include "guest/wasi/rpc/calls.h"

#include "guest/wasi/rpc/calls_private.h"
#include "guest/wasi/start.h"
#include "guest/wasi/wasi.h"

enum { LX_EFAULT = 14, LX_E2BIG = 7 };

struct calls_buffer calls_in, calls_out;
static struct wasm_stop stop;

/* --- exchanges --- */

bool calls_room(struct calls_buffer *b, uint64_t bytes)
{
	uint64_t room = b->room ? b->room : 1 << 14;
	while (room < bytes)
		room *= 2;
	if (room == b->room)
		return true;
	uint8_t *at = platform_reserve(room);
	if (!at || !platform_commit(at, room)) {
		if (at)
			platform_free(at, room);
		return false;
	}
	if (b->at)
		platform_free(b->at, b->room);
	b->at = at;
	b->room = room;
	return true;
}

uint32_t calls_exchange(struct wasm_instance *inst, uint32_t message, uint32_t bytes,
			uint32_t reply, uint32_t room)
{
	const void *from = wasi_span(inst, message, bytes);
	void *to = wasi_span(inst, reply, room);
	if (!from || !to)
		return (uint32_t)-LX_EFAULT;
	return (uint32_t)mote_exchange(wasi_area, (uint64_t)from, bytes, (uint64_t)to, room);
}

int calls_talk(struct mote_in *in)
{
	if (!calls_room(&calls_in, 1))
		lib_panic("no memory for messages");
	int64_t n = mote_exchange(wasi_area, (uint64_t)calls_out.at, calls_out.len,
				  (uint64_t)calls_in.at, calls_in.room);
	while (n > 0 && (uint64_t)n > calls_in.room) {
		if (!calls_room(&calls_in, (uint64_t)n))
			lib_panic("no memory for a message of %ld bytes", n);
		n = mote_exchange(wasi_area, 0, 0, (uint64_t)calls_in.at, calls_in.room);
	}
	if (n == -LX_E2BIG)
		return 0;
	if (n <= 0)
		lib_panic("exchanging messages: error %ld", -n);
	*in = (struct mote_in){.at = calls_in.at + 1, .left = (size_t)n - 1};
	return calls_in.at[0];
}

bool calls_write(bool (*put)(struct mote_out *o, const void *what), const void *what)
{
	for (;;) {
		struct mote_out o = {.at = calls_out.at, .room = calls_out.room};
		if (!put(&o, what))
			return false;
		if (mote_out_fits(&o)) {
			calls_out.len = o.len;
			return true;
		}
		if (o.len > UINT32_MAX || !calls_room(&calls_out, o.len))
			return false;
	}
}

static bool put_error(struct mote_out *o, const void *what)
{
	const struct calls_error *e = what;
	mote_put_error(o, e->code, e->text);
	return true;
}

void calls_write_error(enum mote_call_error code, const char *text)
{
	if (!calls_write(put_error, &(struct calls_error){.code = code, .text = text}))
		lib_panic("no memory for a message");
}

/* --- memory of the module --- */

static struct wasm_func *find(struct wasm_instance *inst, const char *name, const char *signature)
{
	struct wasm_export e;
	struct wasm_extern found;
	if (!wasm_module_export_find(wasm_instance_module(inst), name, strlen(name), &e) ||
	    e.type.kind != WASM_KIND_FUNC || !wasm_functype_is(e.type.func, signature) ||
	    wasm_instance_export(inst, name, strlen(name), &found) != 0)
		return NULL;
	return found.func;
}

/* Set while the module allocates: what it then calls must leave the messages alone. */
bool calls_allocating;

const char *calls_give_bytes(struct wasm_instance *inst, const void *bytes, size_t len,
			     uint32_t out[2])
{
	struct wasm_func *realloc = find(inst, "cabi_realloc", "iiii:i"),
			 *alloc = realloc ? NULL : find(inst, "mote_alloc", "i:i");
	union wasm_value args[4] = {0}, at = {0};
	if (!realloc && !alloc)
		return "the module exports neither cabi_realloc nor mote_alloc, so it takes no "
		       "strings and bytes";
	if (len > INT32_MAX)
		return "more bytes than the module's memory can hold";
	args[2].i32 = 1;
	args[realloc ? 3 : 0].i32 = (uint32_t)len;
	calls_allocating = true;
	enum wasm_outcome outcome = wasm_call(realloc ? realloc : alloc, args, &at, &stop);
	calls_allocating = false;
	if (outcome != WASM_RETURNED)
		return "the module's allocator trapped";
	void *to = wasi_span(inst, at.i32, len);
	if (!to || (at.i32 == 0 && len))
		return "the module's allocator has no memory";
	memcpy(to, bytes, len);
	out[0] = at.i32;
	out[1] = (uint32_t)len;
	return NULL;
}

const char *calls_take_bytes(struct wasm_instance *inst, enum mote_type type, uint32_t at,
			     uint32_t len, struct mote_value *v)
{
	const void *from = wasi_span(inst, at, len);
	if (!from)
		return "a string or bytes outside the module's memory";
	*v = mote_bytes(from, len);
	if (type == MOTE_STRING) {
		*v = (struct mote_value){.type = MOTE_STRING, .of.string = {from, len}};
		if (memchr(from, 0, len))
			return "a string with a NUL inside";
	}
	return NULL;
}

/* --- being called --- */

struct prepared {
	struct wasm_func *func, *post;
	const struct wasm_functype *type;
	union wasm_value args[MOTE_ARGS_MAX];
	uint32_t count;
};

static const char *add_cell(struct prepared *p, uint8_t type, uint64_t bits)
{
	if (p->count >= p->type->param_count || p->type->params[p->count] != type)
		return "arguments of other types";
	p->args[p->count] = (union wasm_value){.i64 = bits};
	p->count++;
	return NULL;
}

static const char *add_argument(struct wasm_instance *inst, struct prepared *p,
				const struct mote_value *v)
{
	uint32_t pair[2];
	const char *why;
	switch (v->type) {
	case MOTE_BOOL:
		return add_cell(p, WASM_I32, v->of.boolean);
	case MOTE_I32:
	case MOTE_U32:
		return add_cell(p, WASM_I32, v->of.u32);
	case MOTE_I64:
	case MOTE_U64:
		return add_cell(p, WASM_I64, v->of.u64);
	case MOTE_F32:
		return add_cell(p, WASM_F32, v->of.u32);
	case MOTE_F64:
		return add_cell(p, WASM_F64, v->of.u64);
	case MOTE_STRING:
	case MOTE_BYTES:
		why = v->type == MOTE_STRING
			      ? calls_give_bytes(inst, v->of.string.text, v->of.string.len, pair)
			      : calls_give_bytes(inst, v->of.bytes.data, v->of.bytes.len, pair);
		if (!why)
			why = add_cell(p, WASM_I32, pair[0]);
		return why ? why : add_cell(p, WASM_I32, pair[1]);
	case MOTE_ANY:
	case MOTE_VOID:
		break;
	}
	return "an argument without type";
}

/* Whether a function can be called with the types that messages know; their letters. */
static bool signature_of(const struct wasm_functype *t, char out[MOTE_SIGNATURE_MAX + 1])
{
	size_t n = 0;
	if (t->param_count > MOTE_ARGS_MAX || t->result_count > 1)
		return false;
	for (uint32_t i = 0; i < t->param_count + t->result_count; i++) {
		if (i == t->param_count)
			out[n++] = ':';
		switch (t->params[i]) {
		case WASM_I32:
			out[n++] = MOTE_I32;
			break;
		case WASM_I64:
			out[n++] = MOTE_I64;
			break;
		case WASM_F32:
			out[n++] = MOTE_F32;
			break;
		case WASM_F64:
			out[n++] = MOTE_F64;
			break;
		default:
			return false;
		}
	}
	if (t->result_count == 0)
		out[n++] = ':';
	out[n] = '\0';
	return true;
}

static const char *result_of(struct wasm_instance *inst, const struct prepared *p,
			     enum mote_type want, const union wasm_value *got,
			     struct mote_value *result)
{
	*result = mote_void();
	if (p->type->result_count == 0)
		return NULL;
	result->of.u64 = got->i64;
	result->type = p->type->results[0] == WASM_I32	 ? MOTE_I32
		       : p->type->results[0] == WASM_I64 ? MOTE_I64
		       : p->type->results[0] == WASM_F32 ? MOTE_F32
							 : MOTE_F64;
	if (want == MOTE_BOOL)
		result->of.boolean = got->i32 != 0;
	if (want == MOTE_STRING || want == MOTE_BYTES) {
		const void *pair = wasi_span(inst, got->i32, 2 * sizeof(uint32_t));
		uint32_t v[2];
		if (!pair)
			return "the function's result is not the address of an address and a "
			       "length";
		memcpy(v, pair, sizeof(v));
		return calls_take_bytes(inst, want, v[0], v[1], result);
	}
	if (want != MOTE_ANY)
		result->type = want;
	return NULL;
}

static bool put_return(struct mote_out *o, const void *what)
{
	return mote_put_return(o, what);
}

static _Noreturn void stopped(void)
{
	if (stop.outcome == WASM_EXITED)
		wasi_end(stop.exit_status);
	wasi_report_trap(&stop);
	char text[200];
	lib_format(text, sizeof(text), "wasm trap: %s",
		   stop.code == WASM_TRAP_HOST ? stop.message : wasm_trap_text(stop.code));
	calls_write_error(MOTE_CALL_TRAPPED, text);
	for (;;) { /* nothing of the module can be relied on any more */
		struct mote_in in;
		(void)calls_talk(&in);
		calls_write_error(MOTE_CALL_TRAPPED, "the module has trapped before");
	}
}

/* Runs what is prepared. The answer is in calls_out then. */
static void run(struct wasm_instance *inst, struct prepared *p, enum mote_type want)
{
	union wasm_value got = {0};
	struct mote_value result;
	stop.outcome = WASM_RETURNED;
	if (wasm_call(p->func, p->args, &got, &stop) != WASM_RETURNED)
		stopped();
	const char *why = result_of(inst, p, want, &got, &result);
	if (why)
		calls_write_error(MOTE_CALL_FAILED, why);
	else if (!calls_write(put_return, &result))
		calls_write_error(MOTE_CALL_TOO_LARGE,
				  "the function's result is too large for the guest's memory");
	if (p->post && wasm_call(p->post, &got, NULL, &stop) != WASM_RETURNED)
		stopped();
}

void calls_serve_one(struct wasm_instance *inst, struct mote_in in)
{
	const char *name, *why = NULL;
	enum mote_type want;
	struct mote_value args[MOTE_ARGS_MAX];
	struct prepared p = {0};
	struct wasm_export e;
	struct wasm_extern found;
	char text[MOTE_NAME_MAX + 16];
	size_t count;
	if (!mote_get_call(&in, &name, &want, args, &count)) {
		calls_write_error(MOTE_CALL_PROTOCOL, "the host sent a damaged call");
		return;
	}
	if (!wasm_module_export_find(wasm_instance_module(inst), name, strlen(name), &e) ||
	    e.type.kind != WASM_KIND_FUNC || !signature_of(e.type.func, text) ||
	    wasm_instance_export(inst, name, strlen(name), &found) != 0) {
		calls_write_error(MOTE_CALL_UNKNOWN, "the module exports no such function");
		return;
	}
	p.func = found.func;
	p.type = e.type.func;
	lib_format(text, sizeof(text), "cabi_post_%s", name);
	p.post = want == MOTE_STRING || want == MOTE_BYTES ? find(inst, text, "i:") : NULL;
	for (size_t i = 0; i < count && !why; i++)
		why = add_argument(inst, &p, &args[i]);
	if (why)
		calls_write_error(MOTE_CALL_FAILED, why);
	else if (p.count != p.type->param_count ||
		 ((want == MOTE_STRING || want == MOTE_BYTES) &&
		  !(p.type->result_count && p.type->results[0] == WASM_I32)))
		calls_write_error(MOTE_CALL_SIGNATURE, "arguments or result of other types");
	else
		run(inst, &p, want);
}

/* --- READY --- */

/* Functions that are there for Mote and not for the host's calls. */
static bool is_helper(const struct wasm_name *n)
{
	static const char *const helpers[] = {"_initialize", "cabi_realloc", "mote_alloc",
					      "mote_serve"};
	for (size_t i = 0; i < sizeof(helpers) / sizeof(helpers[0]); i++)
		if (n->bytes == strlen(helpers[i]) && memcmp(n->text, helpers[i], n->bytes) == 0)
			return true;
	return n->bytes >= 10 && memcmp(n->text, "cabi_post_", 10) == 0;
}

static bool listed(const struct wasm_export *e, char signature[MOTE_SIGNATURE_MAX + 1])
{
	return e->type.kind == WASM_KIND_FUNC && e->name.bytes >= 1 &&
	       e->name.bytes <= MOTE_NAME_MAX && !memchr(e->name.text, 0, e->name.bytes) &&
	       !is_helper(&e->name) && signature_of(e->type.func, signature);
}

static bool put_ready(struct mote_out *o, const void *what)
{
	const struct wasm_module *m = what;
	char signature[MOTE_SIGNATURE_MAX + 1];
	struct wasm_export e;
	uint32_t count = 0, all = wasm_module_export_count(m);
	for (uint32_t i = 0; i < all; i++) {
		wasm_module_export(m, i, &e);
		count += listed(&e, signature);
	}
	mote_put_u8(o, MOTE_MESSAGE_READY);
	mote_put_u32(o, MOTE_MESSAGE_VERSION);
	mote_put_u32(o, count);
	for (uint32_t i = 0; i < all; i++) {
		wasm_module_export(m, i, &e);
		if (!listed(&e, signature))
			continue;
		mote_put_text(o, e.name.text, e.name.bytes);
		mote_put_text(o, signature, strlen(signature));
		mote_put_u8(o, MOTE_EXPORT_WASM | MOTE_EXPORT_REENTRANT);
	}
	return true;
}

_Noreturn void calls_serve(struct wasm_instance *inst)
{
	struct mote_in in;
	if (!calls_write(put_ready, wasm_instance_module(inst)))
		lib_panic("no memory for the table of exports");
	int kind = calls_talk(&in);
	if (kind == 0)
		lib_panic(
			"the module exports more functions than fit a message of the host's size");
	for (;;) {
		if (kind == MOTE_MESSAGE_CALL)
			calls_serve_one(inst, in);
		else if (kind == 0)
			calls_write_error(MOTE_CALL_TOO_LARGE,
					  "the function's result is larger than the host allows");
		else
			calls_write_error(MOTE_CALL_PROTOCOL, "only calls are expected");
		kind = calls_talk(&in);
	}
}

uint64_t calls_generation(struct wasm_instance *inst)
{
	(void)inst;
	return wasi_boot->generation;
}
