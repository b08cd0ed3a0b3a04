/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The messages of host call `exchange`: function calls by name between host and guest.
 * Freestanding; host, guest/sdk and guest/wasi use this one encoder and decoder. Each side treats
 * what it receives as untrusted.
 *
 * The guest speaks first, and then each side in turn:
 *
 *   guest: READY, the functions that it exports     host: CALL of one when there is work
 *   guest: RETURN or ERROR of that call             host: the next CALL
 *   guest: CALL of a host function                  host: RETURN or ERROR of it, or CALL (re-entry)
 *   guest: IMPORT, the same of one with a module    host: the same
 *   guest: LIST, which host functions are there?    host: FUNCTIONS
 *
 * Calls nest like those of a stack: RETURN and ERROR belong to the last CALL that has not ended.
 * After READY the stack is empty, and with an empty stack only the host calls.
 *
 * Encoding, little-endian, without padding; nothing follows the last field:
 *
 *   message    u8 kind, then
 *   READY      u32 version, u32 count, count x (name, signature, u8 flags)
 *   CALL       name, u8 type of the result that is wanted (0: any), u8 count, count x value
 *   RETURN     value, of type void if there is no result; if there are several, each in turn
 *   ERROR      u32 code (enum mote_call_error), string
 *   LIST       nothing
 *   FUNCTIONS  u32 count, count x (module, name, signature); of functions for CALL the module is
 *              "mote"
 *   IMPORT     module, then as CALL
 *
 *   value      u8 type, then nothing (void), u8 0 or 1 (bool), 4 or 8 bytes (numbers), string,
 *              bytes
 *   string     u32 n, n bytes that are not NUL, a NUL
 *   bytes      u32 n, n bytes
 *   name       a string of 1 to 255 bytes; a module and a signature are one too
 */
#ifndef MOTE_ABI_MESSAGE_H
#define MOTE_ABI_MESSAGE_H

#include <mote/value.h>

#include <string.h>

#define MOTE_MESSAGE_VERSION 1
#define MOTE_SIGNATURE_MAX   (MOTE_ARGS_MAX + 1 + MOTE_RESULTS_MAX) /* bytes, a colon between */
#define MOTE_EXPORTS_MAX     100000 /* as many as a module may have */

enum mote_message_kind {
	MOTE_MESSAGE_READY = 1,
	MOTE_MESSAGE_CALL,
	MOTE_MESSAGE_RETURN,
	MOTE_MESSAGE_ERROR,
	MOTE_MESSAGE_LIST,
	MOTE_MESSAGE_FUNCTIONS,
	MOTE_MESSAGE_IMPORT,
};

/* The module of host functions that are called by name alone. */
#define MOTE_MODULE "mote"

enum mote_call_error {
	MOTE_CALL_FAILED = 1, /* the function says so; the text is its own */
	MOTE_CALL_UNKNOWN,    /* no function of that name */
	MOTE_CALL_SIGNATURE,  /* arguments of other types */
	MOTE_CALL_TOO_LARGE,  /* the result does not fit a message */
	MOTE_CALL_REENTRY,    /* called back although that is not allowed */
	MOTE_CALL_PROTOCOL,   /* a message that does not belong here */
	MOTE_CALL_TRAPPED,    /* the guest's code stopped in the middle: nothing works any more */
};

enum mote_export_flag {
	MOTE_EXPORT_REENTRANT = 1, /* may be called while the guest waits for a host function */
	/*
	 * A WebAssembly function: the signature has its own types, i I f F. Arguments become those:
	 * u32 and bool i32, u64 i64, string and bytes two i32 (address, length). A result of type i
	 * may be asked for as string or bytes: it is then the address of two i32, address and
	 * length. There may be several results. Letters of MOTE_UNCALLABLE say why the function
	 * cannot be called.
	 */
	MOTE_EXPORT_WASM = 2,
};

/* A parameter or result is a v128, or a reference; there are more of them than may be. */
#define MOTE_UNCALLABLE "VR+"

/* --- encoding --- */

/* Bytes being written. len counts on past room: then nothing was stored there, and len is what it
 * takes. */
struct mote_out {
	uint8_t *at;
	size_t len, capacity;
};

static inline void mote_put(struct mote_out *o, const void *bytes, size_t n)
{
	if (n && o->len <= o->capacity && n <= o->capacity - o->len)
		memcpy(o->at + o->len, bytes, n);
	o->len = n > SIZE_MAX - o->len ? SIZE_MAX : o->len + n;
}

static inline bool mote_out_fits(const struct mote_out *o)
{
	return o->len <= o->capacity;
}

static inline void mote_put_u8(struct mote_out *o, uint8_t v)
{
	mote_put(o, &v, sizeof(v));
}

static inline void mote_put_u32(struct mote_out *o, uint32_t v)
{
	mote_put(o, &v, sizeof(v));
}

/* A length that does not fit makes the message too large for any room. */
static inline void mote_put_len(struct mote_out *o, size_t len)
{
	if (len > UINT32_MAX - 16)
		o->len = SIZE_MAX;
	else
		mote_put_u32(o, (uint32_t)len);
}

static inline void mote_put_text(struct mote_out *o, const char *text, size_t len)
{
	mote_put_len(o, len);
	mote_put(o, text, len);
	mote_put_u8(o, 0);
}

/* False for a value of no type, or a string with a NUL inside. */
static inline bool mote_put_value(struct mote_out *o, const struct mote_value *v)
{
	mote_put_u8(o, (uint8_t)v->type);
	switch (v->type) {
	case MOTE_VOID:
		return true;
	case MOTE_BOOL:
		mote_put_u8(o, v->of.boolean);
		return true;
	case MOTE_I32:
	case MOTE_U32:
	case MOTE_F32:
		mote_put(o, &v->of, 4);
		return true;
	case MOTE_I64:
	case MOTE_U64:
	case MOTE_F64:
		mote_put(o, &v->of, 8);
		return true;
	case MOTE_STRING:
		mote_put_text(o, v->of.string.text, v->of.string.len);
		return v->of.string.len == 0 || !memchr(v->of.string.text, 0, v->of.string.len);
	case MOTE_BYTES:
		mote_put_len(o, v->of.bytes.len);
		mote_put(o, v->of.bytes.data, v->of.bytes.len);
		return true;
	case MOTE_ANY:
		break;
	}
	return false;
}

/* What CALL and IMPORT end with. */
static inline bool mote_put_arguments(struct mote_out *o, const char *name, enum mote_type want,
				      const struct mote_value *args, size_t count)
{
	bool ok = count <= MOTE_ARGS_MAX;
	mote_put_text(o, name, strlen(name));
	mote_put_u8(o, (uint8_t)want);
	mote_put_u8(o, (uint8_t)count);
	for (size_t i = 0; ok && i < count; i++)
		ok = mote_put_value(o, &args[i]) && args[i].type != MOTE_VOID;
	return ok;
}

static inline bool mote_put_call(struct mote_out *o, const char *name, enum mote_type want,
				 const struct mote_value *args, size_t count)
{
	mote_put_u8(o, MOTE_MESSAGE_CALL);
	return mote_put_arguments(o, name, want, args, count);
}

static inline bool mote_put_import(struct mote_out *o, const char *module, const char *name,
				   enum mote_type want, const struct mote_value *args, size_t count)
{
	mote_put_u8(o, MOTE_MESSAGE_IMPORT);
	mote_put_text(o, module, strlen(module));
	return mote_put_arguments(o, name, want, args, count);
}

static inline bool mote_put_return(struct mote_out *o, const struct mote_value *result)
{
	mote_put_u8(o, MOTE_MESSAGE_RETURN);
	return mote_put_value(o, result);
}

/* Of several results. */
static inline bool mote_put_returns(struct mote_out *o, const struct mote_value *results,
				    size_t count)
{
	bool ok = true;
	mote_put_u8(o, MOTE_MESSAGE_RETURN);
	for (size_t i = 0; ok && i < count; i++)
		ok = mote_put_value(o, &results[i]);
	return ok;
}

static inline void mote_put_error(struct mote_out *o, enum mote_call_error code, const char *text)
{
	mote_put_u8(o, MOTE_MESSAGE_ERROR);
	mote_put_u32(o, (uint32_t)code);
	mote_put_text(o, text, strlen(text));
}

static inline bool mote_type_is_value(char letter)
{
	return letter && strchr("iuIUfFbsy", letter);
}

/* --- decoding: each false when the bytes are not what is asked for; results point into the message
 * --- */

struct mote_in {
	const uint8_t *at;
	size_t left;
};

static inline bool mote_get(struct mote_in *in, void *to, size_t n)
{
	if (n > in->left)
		return false;
	memcpy(to, in->at, n);
	in->at += n;
	in->left -= n;
	return true;
}

static inline bool mote_get_u8(struct mote_in *in, uint8_t *out)
{
	return mote_get(in, out, sizeof(*out));
}

static inline bool mote_get_u32(struct mote_in *in, uint32_t *out)
{
	return mote_get(in, out, sizeof(*out));
}

static inline bool mote_get_bytes(struct mote_in *in, const uint8_t **out, size_t *len)
{
	struct mote_in rest = *in;
	uint32_t n;
	if (!mote_get_u32(&rest, &n) || n > rest.left)
		return false;
	*out = rest.at;
	*len = n;
	*in = (struct mote_in){.at = rest.at + n, .left = rest.left - n};
	return true;
}

static inline bool mote_get_text(struct mote_in *in, const char **out, size_t *len)
{
	struct mote_in rest = *in;
	const uint8_t *bytes;
	uint8_t end;
	size_t n;
	if (!mote_get_bytes(&rest, &bytes, &n) || !mote_get_u8(&rest, &end) || end != 0 ||
	    memchr(bytes, 0, n))
		return false;
	*out = (const char *)bytes;
	*len = n;
	*in = rest;
	return true;
}

static inline bool mote_get_name(struct mote_in *in, const char **out)
{
	size_t len;
	return mote_get_text(in, out, &len) && len >= 1 && len <= MOTE_NAME_MAX;
}

static inline bool mote_get_value(struct mote_in *in, struct mote_value *v)
{
	uint8_t type, truth;
	const uint8_t *data;
	*v = (struct mote_value){.type = MOTE_VOID};
	if (!mote_get_u8(in, &type))
		return false;
	switch (type) {
	case MOTE_VOID:
		return true;
	case MOTE_BOOL:
		if (!mote_get_u8(in, &truth) || truth > 1)
			return false;
		v->of.boolean = truth;
		break;
	case MOTE_I32:
	case MOTE_U32:
	case MOTE_F32:
		if (!mote_get(in, &v->of, 4))
			return false;
		break;
	case MOTE_I64:
	case MOTE_U64:
	case MOTE_F64:
		if (!mote_get(in, &v->of, 8))
			return false;
		break;
	case MOTE_STRING:
		if (!mote_get_text(in, &v->of.string.text, &v->of.string.len))
			return false;
		break;
	case MOTE_BYTES:
		if (!mote_get_bytes(in, &data, &v->of.bytes.len))
			return false;
		v->of.bytes.data = data;
		break;
	default:
		return false;
	}
	v->type = (enum mote_type)type;
	return true;
}

/* The rest of a CALL after its kind, or of an IMPORT after its module. */
static inline bool mote_get_call(struct mote_in *in, const char **name, enum mote_type *want,
				 struct mote_value args[MOTE_ARGS_MAX], size_t *count)
{
	uint8_t n, type;
	if (!mote_get_name(in, name) || !mote_get_u8(in, &type) || !mote_get_u8(in, &n) ||
	    n > MOTE_ARGS_MAX)
		return false;
	if (type != MOTE_ANY && type != MOTE_VOID && !mote_type_is_value((char)type))
		return false;
	*want = (enum mote_type)type;
	for (*count = 0; *count < n; ++*count)
		if (!mote_get_value(in, &args[*count]) || args[*count].type == MOTE_VOID)
			return false;
	return in->left == 0;
}

/* The rest of a RETURN after its kind. */
static inline bool mote_get_return(struct mote_in *in, struct mote_value *result)
{
	return mote_get_value(in, result) && in->left == 0;
}

/* The same with any number of results, one of type void if there is none. */
static inline bool mote_get_returns(struct mote_in *in, struct mote_value results[MOTE_RESULTS_MAX],
				    size_t *count)
{
	size_t n = 0;
	do {
		if (n == MOTE_RESULTS_MAX || !mote_get_value(in, &results[n++]))
			return false;
	} while (in->left);
	*count = n;
	return true;
}

/* The rest of an ERROR after its kind. The code may be one that is not known here. */
static inline bool mote_get_error(struct mote_in *in, uint32_t *code, const char **text)
{
	size_t len;
	return mote_get_u32(in, code) && mote_get_text(in, text, &len) && in->left == 0;
}

/* --- signatures --- */

static inline bool mote_signature_valid(const char *s)
{
	size_t n = 0;
	while (mote_type_is_value(s[n]))
		n++;
	return n <= MOTE_ARGS_MAX && s[n] == ':' &&
	       (!s[n + 1] || (mote_type_is_value(s[n + 1]) && !s[n + 2]));
}

/* The signature of a WebAssembly function: of its own types, and any number of results. */
static inline bool mote_wasm_signature_valid(const char *s)
{
	const size_t params = strspn(s, "iIfF" MOTE_UNCALLABLE);
	if (params > MOTE_ARGS_MAX || s[params] != ':')
		return false;
	const size_t results = strspn(s + params + 1, "iIfF" MOTE_UNCALLABLE);
	return results <= MOTE_RESULTS_MAX && !s[params + 1 + results];
}

/* The result's type in a valid signature, of several the first one's. */
static inline enum mote_type mote_signature_result(const char *s)
{
	const char *colon = strchr(s, ':');
	return colon[1] ? (enum mote_type)colon[1] : MOTE_VOID;
}

/* Whether arguments are exactly what a valid signature says. */
static inline bool mote_signature_takes(const char *s, const struct mote_value *args, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!mote_type_is_value(s[i]) || s[i] != (char)args[i].type)
			return false;
	return s[count] == ':';
}

#endif
