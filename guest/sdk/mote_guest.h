/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For guests whose functions the host calls by name, and that call functions of the host:
 *
 *     static int greet(const struct mote_value *args, struct mote_value *result)
 *     {
 *         struct mote_value who = {0};
 *         if (mote_call_host("user_name", args, 1, &who) < 0)
 *             return mote_fail("the host knows no such user");
 *         *result = who;
 *         return 0;
 *     }
 *     MOTE_EXPORT(greet, "i:s")
 *
 * The same source is a native guest (mote-cc greet.c -o greet) or a WebAssembly one (mote-cc --wasm
 * greet.c -o greet.wasm). Without a main of its own a program serves calls from its
 * start; with one, when main calls mote_serve(). One thread only.
 */
#ifndef MOTE_GUEST_H
#define MOTE_GUEST_H

#include <mote/value.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * args are as many and of those types as the signature says; strings and bytes in them are borrowed
 * until the function returns. *result is zero at first, stays so without a result, and otherwise
 * must be of the signature's type at the end; what it points to must outlive the return (static
 * memory, args, or the result of mote_call_host). Returns 0, or -1 after mote_fail(): the host's
 * call then fails with that text.
 */
typedef int (*mote_guest_function)(const struct mote_value *args, struct mote_value *result);

enum {
	MOTE_REENTRANT = 1, /* may be called by a host function that this guest has called */
};

struct mote_guest_export {
	const char *name, *signature;
	mote_guest_function call;
	unsigned flags;
	struct mote_guest_export *next;
};

/*
 * Before mote_serve(). The structure stays in use. A wrong signature ends the program with a
 * sentence.
 */
void mote_guest_register(struct mote_guest_export *e);

/* At file scope: exports a function by its own name, or by another. */
#define MOTE_EXPORT(function, signature) MOTE_EXPORT_AS(#function, function, signature, 0)
#define MOTE_EXPORT_AS(name, function, signature, flags)                                   \
	__attribute__((constructor)) static void mote_register_##function(void)            \
	{                                                                                  \
		static struct mote_guest_export e = {name, signature, function, flags, 0}; \
		mote_guest_register(&e);                                                   \
	}

/*
 * Calls a function of the host. On entry result->type is the type wanted, MOTE_ANY (0) for any;
 * result may be NULL. Strings and bytes in it are borrowed until the next mote_call_host or until
 * the exported function that called it returns. 0, or a negative errno: -ENOENT the host offers
 * none of that name, -EINVAL arguments or result do not fit its signature, -E2BIG too large for a
 * message, -EIO it failed, -ENOSYS this program was not started for function calls, -ENOMEM.
 */
int mote_call_host(const char *name, const struct mote_value *args, size_t count,
		   struct mote_value *result);
/* What the host said to the last mote_call_host that failed; "" if it said nothing. */
const char *mote_host_error(void);

/* Keeps the text (cut at 255 bytes) for the host and returns -1. */
int mote_fail(const char *text);

/*
 * Tells the host that the guest is ready and carries out its calls. Returns only if there is no
 * host that makes calls (1, after a sentence on standard error): `return mote_serve();` at main's
 * end.
 */
int mote_serve(void);

/*
 * Changes whenever the host has restored a snapshot of this guest, or made this guest of
 * one. A program that keeps keys, seeds or nonces checks it before using them, and draws new ones.
 */
uint64_t mote_guest_generation(void);

#ifdef __cplusplus
}
#endif
#endif
