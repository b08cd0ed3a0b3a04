/* SPDX-License-Identifier: Apache-2.0 */
/* The guest's table of exports. The guest controls every byte of the message. */
#include "api/exports.h"

#include "abi/message.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct export *)a)->name, ((const struct export *)b)->name);
}

static bool read_export(struct mote_in *in, struct export *to)
{
	if (!mote_get_name(in, &to->name) || !mote_get_name(in, &to->signature) ||
	    !mote_get_u8(in, &to->flags))
		return false;
	if (to->flags & ~(MOTE_EXPORT_REENTRANT | MOTE_EXPORT_WASM))
		return false;
	if (to->flags & MOTE_EXPORT_WASM)
		return mote_wasm_signature_valid(to->signature);
	return mote_signature_valid(to->signature);
}

const char *export_uncallable(const struct export *f)
{
	const char *why = strpbrk(f->signature, MOTE_UNCALLABLE);
	if (!(f->flags & MOTE_EXPORT_WASM) || !why)
		return NULL;
	if (*why == 'V')
		return "a parameter or result of type v128";
	if (*why == 'R')
		return "a parameter or result of a reference type";
	return "more than 32 parameters or results";
}

static bool read_table(struct exports *x, struct mote_in in)
{
	uint8_t kind;
	uint32_t version, count;
	if (!mote_get_u8(&in, &kind) || kind != MOTE_MESSAGE_READY ||
	    !mote_get_u32(&in, &version) || version != MOTE_MESSAGE_VERSION ||
	    !mote_get_u32(&in, &count) || count > MOTE_EXPORTS_MAX)
		return false;
	x->list = calloc(count + 1, sizeof(x->list[0]));
	x->callable = calloc(count + 1, sizeof(x->callable[0]));
	if (!x->list || !x->callable)
		return false;
	for (; x->count < count; x->count++)
		if (!read_export(&in, &x->list[x->count]))
			return false;
	if (in.left)
		return false;
	qsort(x->list, x->count, sizeof(x->list[0]), by_name);
	for (size_t i = 1; i < x->count; i++)
		if (by_name(&x->list[i - 1], &x->list[i]) == 0)
			return false;
	for (uint32_t i = 0; i < x->count; i++)
		if (!export_uncallable(&x->list[i]))
			x->callable[x->callable_count++] = i;
	return true;
}

int exports_read(struct exports **out, const uint8_t *message, size_t len, struct err *e)
{
	struct exports *x = calloc(1, sizeof(*x));
	uint8_t *copy = malloc(len);
	if (!x || !copy) {
		free(x);
		free(copy);
		return err_sys(e, ENOMEM, "the table of the guest's functions");
	}
	x->message = memcpy(copy, message, len);
	x->message_len = len;
	atomic_init(&x->refs, 1);
	if (!read_table(x, (struct mote_in){.at = copy, .left = len})) {
		exports_drop(x);
		return err_set(e, ERR_GUEST, EPROTO, "the guest's table of functions is damaged");
	}
	*out = x;
	return 0;
}

struct exports *exports_ref(struct exports *x)
{
	atomic_fetch_add(&x->refs, 1);
	return x;
}

void exports_drop(struct exports *x)
{
	if (!x || atomic_fetch_sub(&x->refs, 1) != 1)
		return;
	free(x->list);
	free(x->callable);
	free(x->message);
	free(x);
}

const struct export *exports_find(const struct exports *x, const char *name)
{
	const struct export key = {.name = name};
	if (!x || x->count == 0)
		return NULL;
	return bsearch(&key, x->list, x->count, sizeof(x->list[0]), by_name);
}

size_t export_results(const struct export *f)
{
	return strlen(strchr(f->signature, ':') + 1);
}

/* The WebAssembly types that an argument becomes. */
static const char *lowered(enum mote_type type)
{
	switch (type) {
	case MOTE_I32:
	case MOTE_U32:
	case MOTE_BOOL:
		return "i";
	case MOTE_I64:
	case MOTE_U64:
		return "I";
	case MOTE_F32:
		return "f";
	case MOTE_F64:
		return "F";
	case MOTE_STRING:
	case MOTE_BYTES:
		return "ii";
	case MOTE_ANY:
	case MOTE_VOID:
		break;
	}
	return "?";
}

static bool wasm_takes(const char *signature, const struct mote_value *args, size_t count)
{
	for (size_t i = 0; i < count; i++)
		for (const char *p = lowered(args[i].type); *p; p++)
			if (*signature++ != *p)
				return false;
	return *signature == ':';
}

bool export_returns(const struct export *f, enum mote_type want, enum mote_type got)
{
	enum mote_type type = mote_signature_result(f->signature);
	if (!(f->flags & MOTE_EXPORT_WASM) || want == MOTE_ANY || want == MOTE_VOID ||
	    type == MOTE_VOID)
		return got == type && (want == MOTE_ANY || want == type);
	if (want == MOTE_STRING || want == MOTE_BYTES)
		return got == want && type == MOTE_I32;
	return got == want && lowered(want)[0] == (char)type;
}

static bool export_takes(const struct export *f, const struct mote_value *args, size_t count)
{
	if (f->flags & MOTE_EXPORT_WASM)
		return wasm_takes(f->signature, args, count);
	return mote_signature_takes(f->signature, args, count);
}

int export_check(const struct export *f, const struct mote_value *args, size_t count,
		 enum mote_type want, struct err *e)
{
	enum mote_type got = want == MOTE_ANY ? mote_signature_result(f->signature) : want;
	if (!export_takes(f, args, count))
		return err_set(
			e, ERR_CONFIG, EINVAL,
			"the guest's function %s has signature %s; the arguments do not match",
			f->name, f->signature);
	if ((export_results(f) > 1 && want != MOTE_ANY) || !export_returns(f, want, got))
		return err_set(
			e, ERR_CONFIG, EINVAL,
			"the guest's function %s has signature %s; its result is not of the wanted "
			"type",
			f->name, f->signature);
	return 0;
}
