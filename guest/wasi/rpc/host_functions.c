/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host's functions as imports, those called by name alone of module "mote": WebAssembly's types
 * from the module, messages of abi/message.h to the host, and the result back.
 */
#include "guest/wasi/imports.h"
#include "guest/wasi/memory.h"
#include "guest/wasi/rpc/host_parameters.h"
#include "guest/wasi/rpc/internal.h"
#include "guest/wasi/rpc/rpc.h"
#include "guest/wasi/state.h"

static struct host_function {
	char module[MOTE_NAME_MAX + 1], name[MOTE_NAME_MAX + 1];
	char signature[MOTE_SIGNATURE_MAX + 1]; /* "" until it is bound */
	const struct wasm_functype *type;       /* the import's */
} functions[HOST_SLOTS];
static uint32_t function_count;

/* --- calling --- */

static struct mote_value next_value(const struct wasm_instance *inst, struct host_parameters *p,
				    enum mote_type type)
{
	struct mote_value v = {.type = type};
	uint32_t at, len;
	const char *why;
	switch (type) {
	case MOTE_BOOL:
		v.of.boolean = (uint32_t)host_next_integer(p) != 0;
		break;
	case MOTE_I32:
	case MOTE_U32:
		v.of.u32 = (uint32_t)host_next_integer(p);
		break;
	case MOTE_I64:
	case MOTE_U64:
		v.of.u64 = host_next_integer(p);
		break;
	case MOTE_F32:
		v.of.u32 = (uint32_t)host_next_float(p);
		break;
	case MOTE_F64:
		v.of.u64 = host_next_float(p);
		break;
	case MOTE_STRING:
	case MOTE_BYTES:
		at = (uint32_t)host_next_integer(p);
		len = (uint32_t)host_next_integer(p);
		why = rpc_borrow_bytes(inst, type, at, len, &v);
		if (why)
			wasm_trap(inst, WASM_TRAP_HOST, why);
		break;
	case MOTE_ANY:
	case MOTE_VOID:
		break;
	}
	return v;
}

struct outgoing_call {
	const char *module, *name;
	enum mote_type want;
	const struct mote_value *args;
	size_t count;
};

static bool put_call(struct mote_out *o, const void *what)
{
	const struct outgoing_call *c = what;
	if (strcmp(c->module, MOTE_MODULE) == 0)
		return mote_put_call(o, c->name, c->want, c->args, c->count);
	return mote_put_import(o, c->module, c->name, c->want, c->args, c->count);
}

/* The kind of the host's answer. Until it comes, the host may call the module: those calls are
 * served. */
static int receive_answer(struct wasm_instance *inst, struct mote_in *in)
{
	int kind = rpc_send_and_receive(inst, in);
	while (kind == MOTE_MESSAGE_CALL) {
		rpc_serve_call(inst, *in);
		kind = rpc_send_and_receive(inst, in);
		if (kind == 0) {
			rpc_write_error(MOTE_CALL_TOO_LARGE,
					"the function's result is larger than the host allows");
			kind = rpc_send_and_receive(inst, in);
		}
	}
	return kind;
}

/* The host's result. Its failures are traps, since WebAssembly has no other way to report them. */
static void receive_result(struct wasm_instance *inst, const struct outgoing_call *c,
			   struct mote_value *result)
{
	char text[128];
	struct mote_in in;
	uint32_t code;
	const char *why = "a damaged message";
	const int kind = receive_answer(inst, &in);
	if (kind == MOTE_MESSAGE_RETURN && mote_get_return(&in, result) && result->type == c->want)
		return;
	if (kind == 0)
		why = "its arguments are larger than the host allows";
	else if (kind == MOTE_MESSAGE_ERROR && !mote_get_error(&in, &code, &why))
		why = "a damaged message";
	if (strcmp(c->module, MOTE_MODULE) == 0)
		lib_format(text, sizeof(text), "host function %.*s: %s", (int)strnlen(c->name, 40),
			   c->name, why);
	else
		lib_format(text, sizeof(text), "host function %.*s.%.*s: %s",
			   (int)strnlen(c->module, 40), c->module, (int)strnlen(c->name, 40),
			   c->name, why);
	wasm_trap(inst, WASM_TRAP_HOST, text);
}

static void ask(struct wasm_instance *inst, const struct outgoing_call *c,
		struct mote_value *result)
{
	if (!rpc_write(put_call, c))
		wasm_trap(inst, WASM_TRAP_HOST, "no memory for a message to the host");
	receive_result(inst, c, result);
}

void rpc_ask_host(struct wasm_instance *inst, const char *name, enum mote_type want,
		  const struct mote_value *args, size_t count, struct mote_value *result)
{
	const struct outgoing_call c = {MOTE_MODULE, name, want, args, count};
	ask(inst, &c, result);
}

/* Copies a string or bytes into the module's memory, and stores its address and length at `at`. */
static void store_bytes(struct wasm_instance *inst, const struct mote_value *v, uint32_t at)
{
	uint32_t pair[2];
	const char *why = rpc_pass_value(inst, v, pair);
	if (why)
		wasm_trap(inst, WASM_TRAP_HOST, why);
	void *to = wasi_span(inst, at, sizeof(pair));
	if (!to)
		wasm_trap(inst, WASM_TRAP_HOST,
			  "the result's address is outside the module's memory");
	memcpy(to, pair, sizeof(pair));
}

static uint64_t call_host(uint32_t slot, struct host_parameters *p)
{
	const struct host_function *f = &functions[slot];
	struct wasm_instance *inst = (struct wasm_instance *)host_next_integer(p);
	struct mote_value args[MOTE_ARGS_MAX], result;
	struct outgoing_call c = {f->module, f->name, mote_signature_result(f->signature), args, 0};
	if (rpc_is_allocating())
		wasm_trap(inst, WASM_TRAP_HOST,
			  "a host function is called by the module's allocator");
	for (; f->signature[c.count] != ':'; c.count++)
		args[c.count] = next_value(inst, p, (enum mote_type)f->signature[c.count]);
	ask(inst, &c, &result);
	if (rpc_is_bytes(result.type)) {
		store_bytes(inst, &result, (uint32_t)host_next_integer(p));
		return 0;
	}
	if (result.type == MOTE_BOOL)
		return result.of.boolean;
	return result.of.u64;
}

/* --- linking --- */

static bool put_list_request(struct mote_out *o, const void *unused)
{
	(void)unused;
	mote_put_u8(o, MOTE_MESSAGE_LIST);
	return true;
}

/* The host's list, which is asked for once and kept until rpc_linked(). */
static struct mote_in host_list;

static void ask_for_list(void)
{
	if (host_list.at)
		return;
	if (!rpc_write(put_list_request, NULL) ||
	    rpc_send_and_receive(NULL, &host_list) != MOTE_MESSAGE_FUNCTIONS)
		lib_panic("the host does not list its functions");
	rpc_keep_received();
}

/* The signature of a function in the host's list; NULL: it is not there. */
static const char *look_up(const char *module, const char *name)
{
	const char *m, *n, *signature;
	uint32_t count;
	ask_for_list();
	struct mote_in in = host_list;
	if (!mote_get_u32(&in, &count))
		lib_panic("the host's list of functions is damaged");
	for (; count; count--) {
		if (!mote_get_name(&in, &m) || !mote_get_name(&in, &n) ||
		    !mote_get_name(&in, &signature) || !mote_signature_valid(signature))
			lib_panic("the host's list of functions is damaged");
		if (strcmp(n, name) == 0 && strcmp(m, module) == 0)
			return signature;
	}
	return NULL;
}

static char lowered(char type)
{
	switch (type) {
	case MOTE_U32:
	case MOTE_BOOL:
		return MOTE_I32;
	case MOTE_U64:
		return MOTE_I64;
	default:
		return type;
	}
}

/* The type of an import of the function, as wasm_functype_is() reads it. */
static void lower_signature(const char *signature, char out[2 * MOTE_ARGS_MAX + 4])
{
	char *to = out;
	for (; *signature != ':'; signature++) {
		if (rpc_is_bytes((enum mote_type) * signature)) {
			*to++ = MOTE_I32;
			*to++ = MOTE_I32;
		} else {
			*to++ = lowered(*signature);
		}
	}
	if (rpc_is_bytes((enum mote_type)
				 signature[1])) { /* stored at the address in the last parameter */
		*to++ = MOTE_I32;
		*to++ = ':';
	} else {
		*to++ = ':';
		if (signature[1])
			*to++ = lowered(signature[1]);
	}
	*to = '\0';
}

/* Finds the host's function for an import. NULL, or why there is none. */
static const char *bind_function(struct host_function *f)
{
	char type[2 * MOTE_ARGS_MAX + 4];
	if (!(wasi.boot->flags & MOTE_BOOT_CALLS)) {
		if (strcmp(f->module, MOTE_MODULE) == 0)
			return "it is a function of a program that embeds Mote, and there is none";
		return IMPORT_UNSUPPORTED;
	}
	const char *signature = look_up(f->module, f->name);
	if (!signature)
		return "the host has no function of that name";
	lower_signature(signature, type);
	if (!wasm_functype_is(f->type, type))
		return "the host's function is of another type";
	memcpy(f->signature, signature, strlen(signature) + 1);
	return NULL;
}

static bool copy_name(const struct wasm_name *from, char to[MOTE_NAME_MAX + 1])
{
	if (from->bytes == 0 || from->bytes > MOTE_NAME_MAX || memchr(from->text, 0, from->bytes))
		return false;
	memcpy(to, from->text, from->bytes);
	to[from->bytes] = '\0';
	return true;
}

const char *rpc_resolve(const struct wasm_import *import, struct wasm_extern *out)
{
	if (import->type.kind != WASM_KIND_FUNC)
		return "the host has functions only";
	if (function_count == HOST_SLOTS)
		return "a module can import 256 of the host's functions at most";
	struct host_function *f = &functions[function_count];
	if (!copy_name(&import->module, f->module) || !copy_name(&import->name, f->name))
		return "the host has no function of that name";
	f->type = import->type.func;
	f->signature[0] = '\0';
	if (!(wasi.boot->flags & MOTE_BOOT_READY)) { /* else by rpc_bind_imports() */
		const char *why = bind_function(f);
		if (why)
			return why;
	}
	*out = (struct wasm_extern){.kind = WASM_KIND_FUNC,
				    .host = host_slot(function_count, call_host)};
	function_count++;
	return NULL;
}

bool rpc_replaces(const struct wasm_import *import)
{
	char module[MOTE_NAME_MAX + 1], name[MOTE_NAME_MAX + 1];
	const uint32_t flags = MOTE_BOOT_CALLS | MOTE_BOOT_IMPORTS;
	return (wasi.boot->flags & flags) == flags && !(wasi.boot->flags & MOTE_BOOT_READY) &&
	       copy_name(&import->module, module) && copy_name(&import->name, name) &&
	       look_up(module, name);
}

const struct import_interface rpc_host_interface = {.module = MOTE_MODULE, .resolve = rpc_resolve};

const char *rpc_bind_imports(const char **module, const char **name)
{
	const char *why = NULL;
	for (uint32_t i = 0; i < function_count && !why; i++) {
		*module = functions[i].module;
		*name = functions[i].name;
		if (!functions[i].signature[0])
			why = bind_function(&functions[i]);
	}
	return why;
}

void rpc_linked(void)
{
	rpc_drop_kept();
	host_list = (struct mote_in){0};
}
