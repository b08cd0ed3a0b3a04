/* SPDX-License-Identifier: Apache-2.0 */
/* The host's functions as imports of module "mote": WebAssembly's types in, messages out, and back.
 */
#include "guest/wasi/rpc/calls.h"
#include "guest/wasi/rpc/calls_private.h"
#include "guest/wasi/wasi.h"

#define SLOTS 256 /* as host_slots.S has them */
#define SLOT_BYTES 16

extern const uint8_t host_function_slots[];

/* In the order of host_slots.S. */
struct host_registers {
	uint64_t integer[6];
	uint64_t vector[8];
};

static struct host_function {
	char name[MOTE_NAME_MAX + 1];
	char signature[MOTE_SIGNATURE_MAX + 1]; /* "" until it is bound */
	const struct wasm_functype *type;	/* the import's */
} functions[SLOTS];
static uint32_t function_count;

/* --- linking --- */

static bool put_list(struct mote_out *o, const void *unused)
{
	(void)unused;
	mote_put_u8(o, MOTE_MESSAGE_LIST);
	return true;
}

/* Asks the host and finds one of its functions; *signature points into calls_in. */
static bool ask(const struct wasm_name *name, const char **signature)
{
	struct mote_in in;
	const char *each;
	uint32_t count;
	if (!calls_write(put_list, NULL) || calls_talk(&in) != MOTE_MESSAGE_FUNCTIONS ||
	    !mote_get_u32(&in, &count))
		lib_panic("the host does not say which functions it has");
	for (; count; count--) {
		if (!mote_get_name(&in, &each) || !mote_get_name(&in, signature) ||
		    !mote_signature_valid(*signature))
			lib_panic("the host's list of functions is damaged");
		if (strlen(each) == name->bytes && memcmp(each, name->text, name->bytes) == 0)
			return true;
	}
	return false;
}

/* The type that an import of the function has, as wasm_functype_is() reads it. */
static void lower(const char *signature, char out[2 * MOTE_ARGS_MAX + 4])
{
	char *to = out;
	bool pointer = false;
	for (; *signature; signature++) {
		char c = *signature;
		if (c == ':') {
			pointer = signature[1] == MOTE_STRING || signature[1] == MOTE_BYTES;
			if (pointer)
				*to++ = 'i';
			*to++ = ':';
			if (pointer)
				break;
		} else if (c == MOTE_STRING || c == MOTE_BYTES) {
			*to++ = 'i';
			*to++ = 'i';
		} else
			*to++ = (char)(c == MOTE_U32 || c == MOTE_BOOL ? 'i'
				       : c == MOTE_U64		       ? 'I'
								       : c);
	}
	*to = '\0';
}

/* Asks the host for the function behind an import. NULL, or why there is none. */
static const char *bind(struct host_function *f)
{
	const struct wasm_name name = {.text = f->name, .bytes = (uint32_t)strlen(f->name)};
	const char *signature;
	char type[2 * MOTE_ARGS_MAX + 4];
	if (!(wasi_boot->flags & MOTE_BOOT_CALLS))
		return "it is a function of a program that embeds Mote, and there is none";
	if (!ask(&name, &signature))
		return "the host has no function of that name";
	lower(signature, type);
	if (!wasm_functype_is(f->type, type))
		return "the host's function is of another type";
	memcpy(f->signature, signature, strlen(signature) + 1);
	return NULL;
}

const char *calls_import(const struct wasm_import *import, struct wasm_extern *out)
{
	if (import->type.kind != WASM_KIND_FUNC)
		return "the host has functions only";
	if (import->name.bytes > MOTE_NAME_MAX)
		return "the host has no function of that name";
	if (function_count == SLOTS)
		return "a module can import 256 of the host's functions at most";
	struct host_function *f = &functions[function_count];
	memcpy(f->name, import->name.text, import->name.bytes);
	f->type = import->type.func;
	const char *why = wasi_boot->flags & MOTE_BOOT_READY ? NULL : bind(f);
	if (why)
		return why;
	*out = (struct wasm_extern){
		.kind = WASM_KIND_FUNC,
		.host = (wasm_host_fn)(uintptr_t)(host_function_slots +
						  (uint64_t)SLOT_BYTES * function_count),
	};
	function_count++;
	return NULL;
}

const char *calls_bind(const char **name)
{
	const char *why = NULL;
	for (uint32_t i = 0; i < function_count && !why; i++) {
		*name = functions[i].name;
		why = functions[i].signature[0] ? NULL : bind(&functions[i]);
	}
	return why;
}

/* --- calling --- */

/* The import's parameters one after the other, as the SysV ABI has them. */
struct parameters {
	const struct host_registers *registers;
	const uint64_t *stack;
	unsigned integers, vectors;
};

static uint64_t next_integer(struct parameters *p)
{
	return p->integers < 6 ? p->registers->integer[p->integers++] : *p->stack++;
}

static uint64_t next_vector(struct parameters *p)
{
	return p->vectors < 8 ? p->registers->vector[p->vectors++] : *p->stack++;
}

static struct mote_value next_value(struct wasm_instance *inst, struct parameters *p,
				    enum mote_type type)
{
	struct mote_value v = {.type = type};
	uint32_t at, len;
	const char *why;
	switch (type) {
	case MOTE_BOOL:
		v.of.boolean = (uint32_t)next_integer(p) != 0;
		break;
	case MOTE_I32:
	case MOTE_U32:
		v.of.u32 = (uint32_t)next_integer(p);
		break;
	case MOTE_I64:
	case MOTE_U64:
		v.of.u64 = next_integer(p);
		break;
	case MOTE_F32:
		v.of.u32 = (uint32_t)next_vector(p);
		break;
	case MOTE_F64:
		v.of.u64 = next_vector(p);
		break;
	case MOTE_STRING:
	case MOTE_BYTES:
		at = (uint32_t)next_integer(p);
		len = (uint32_t)next_integer(p);
		why = calls_take_bytes(inst, type, at, len, &v);
		if (why)
			wasm_trap(inst, WASM_TRAP_HOST, why);
		break;
	case MOTE_ANY:
	case MOTE_VOID:
		break;
	}
	return v;
}

struct outcall {
	const struct host_function *function;
	const struct mote_value *args;
	size_t count;
};

static bool put_outcall(struct mote_out *o, const void *what)
{
	const struct outcall *c = what;
	return mote_put_call(o, c->function->name, mote_signature_result(c->function->signature),
			     c->args, c->count);
}

/* The host's answer; its failures are traps, since WebAssembly has no other way to say so. */
static void answer(struct wasm_instance *inst, const struct host_function *f,
		   struct mote_value *result)
{
	char text[128];
	struct mote_in in;
	uint32_t code;
	const char *why = "a damaged message";
	int kind = calls_talk(&in);
	while (kind == MOTE_MESSAGE_CALL) {
		calls_serve_one(inst, in);
		kind = calls_talk(&in);
		if (kind == 0) {
			calls_write_error(MOTE_CALL_TOO_LARGE,
					  "the function's result is larger than the host allows");
			kind = calls_talk(&in);
		}
	}
	if (kind == MOTE_MESSAGE_RETURN && mote_get_return(&in, result) &&
	    result->type == mote_signature_result(f->signature))
		return;
	if (kind == 0)
		why = "its arguments are larger than the host allows";
	else if (kind == MOTE_MESSAGE_ERROR && !mote_get_error(&in, &code, &why))
		why = "a damaged message";
	lib_format(text, sizeof(text), "host function %.*s: %s", (int)strnlen(f->name, 40), f->name,
		   why);
	wasm_trap(inst, WASM_TRAP_HOST, text);
}

uint64_t host_function_call(uint32_t slot, const struct host_registers *registers,
			    const uint64_t *stack);
uint64_t host_function_call(uint32_t slot, const struct host_registers *registers,
			    const uint64_t *stack)
{
	const struct host_function *f = &functions[slot];
	struct parameters p = {.registers = registers, .stack = stack};
	struct wasm_instance *inst = (struct wasm_instance *)next_integer(&p);
	struct mote_value args[MOTE_ARGS_MAX], result;
	struct outcall c = {.function = f, .args = args};
	if (calls_allocating)
		wasm_trap(inst, WASM_TRAP_HOST,
			  "a host function is called by the module's allocator");
	for (; f->signature[c.count] != ':'; c.count++)
		args[c.count] = next_value(inst, &p, (enum mote_type)f->signature[c.count]);
	if (!calls_write(put_outcall, &c))
		wasm_trap(inst, WASM_TRAP_HOST, "no memory for a message to the host");
	answer(inst, f, &result);
	if (result.type == MOTE_BOOL)
		return result.of.boolean;
	if (result.type != MOTE_STRING && result.type != MOTE_BYTES)
		return result.of.u64;
	uint32_t pair[2], at = (uint32_t)next_integer(&p);
	const char *why =
		result.type == MOTE_STRING
			? calls_give_bytes(inst, result.of.string.text, result.of.string.len, pair)
			: calls_give_bytes(inst, result.of.bytes.data, result.of.bytes.len, pair);
	void *to = wasi_span(inst, at, sizeof(pair));
	if (why || !to)
		wasm_trap(inst, WASM_TRAP_HOST,
			  why ? why : "the result's address is outside the module's memory");
	memcpy(to, pair, sizeof(pair));
	return 0;
}
