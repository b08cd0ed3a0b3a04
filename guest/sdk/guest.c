/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The guest's side of abi/message.h for programs with a C library, native or WebAssembly. What the
 * host sends is decoded with the same care as what guests send.
 */
#include "mote_guest.h"

#include "abi/message.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* --- the way to the host --- */

#ifdef __wasm__

__attribute__((import_module("mote_guest"), import_name("exchange"))) int32_t sdk_exchange(
	const void *message, size_t bytes, void *reply, size_t capacity);
__attribute__((import_module("mote_guest"), import_name("generation"))) uint64_t sdk_generation(
	void);

uint64_t mote_guest_generation(void)
{
	return sdk_generation();
}

#else

#include "abi/layout.h"
#if defined(__x86_64__)
#include "guest/sdk/x86_64/exchange.h"
#elif defined(MOTE_ARCH_INTERFACE)
long sdk_exchange(const void *message, size_t bytes, void *reply, size_t capacity);
#else
#error "no guest/sdk/ARCHITECTURE/exchange.h for this architecture"
#endif

uint64_t mote_guest_generation(void)
{
	return ((const volatile struct mote_boot *)MOTE_BOOT_VA)->generation;
}

#endif

#define DEPTH_MAX 20                       /* the host's own bound is lower */
enum { HOST_ENOSYS = 38, HOST_E2BIG = 7 }; /* as the host counts, whatever errno.h says here */

/* A message being received or written. Memory is kept: calls come in series. */
struct buffer {
	uint8_t *at; /* owned, or one of those below */
	size_t capacity;
};

/*
 * The first messages', next to the program's other data: a small call needs no page of its own for
 * them, which would cost a new VM a fault each.
 */
static struct {
	uint8_t out[512], received[4096];
} first;

static struct mote_guest_export *exports;
static size_t export_count;
static struct buffer out = {first.out, sizeof(first.out)};
static size_t out_len;
/* One for each level of nesting: arguments and results of the levels below stay valid. */
static struct buffer received[DEPTH_MAX] = {{first.received, sizeof(first.received)}};
static unsigned depth;
static char failure[256], host_failure[256];

static void keep_text(char to[256], const char *text)
{
	strncpy(to, text, 255);
	to[255] = '\0';
}

int mote_fail(const char *text)
{
	keep_text(failure, text);
	return -1;
}

const char *mote_host_error(void)
{
	return host_failure;
}

void mote_guest_register(struct mote_guest_export *e)
{
	size_t len = strlen(e->name);
	if (len < 1 || len > MOTE_NAME_MAX || !mote_signature_valid(e->signature)) {
		fprintf(stderr, "mote: exported function %s: wrong name or signature (%s)\n",
			e->name, e->signature);
		abort();
	}
	e->next = exports;
	exports = e;
	export_count++;
}

static int reserve(struct buffer *b, size_t bytes)
{
	if (bytes <= b->capacity)
		return 0;
	size_t capacity = 4096;
	while (capacity < bytes)
		capacity *= 2;
	if (b->at != first.out && b->at != first.received)
		free(b->at);
	b->capacity = 0;
	b->at = malloc(capacity);
	if (!b->at)
		return -ENOMEM;
	b->capacity = capacity;
	return 0;
}

/* Writes a message to `out` by put(o, what), once more if it turns out to be too small. */
static int write_out(bool (*put)(struct mote_out *o, const void *what), const void *what)
{
	for (;;) {
		struct mote_out o = {.at = out.at, .capacity = out.capacity};
		if (!put(&o, what))
			return -EINVAL;
		if (mote_out_fits(&o)) {
			out_len = o.len;
			return 0;
		}
		if (o.len > INT32_MAX / 2)
			return -E2BIG;
		if (reserve(&out, o.len) < 0)
			return -ENOMEM;
	}
}

/* --- one exchange --- */

/*
 * Sends `out`; the next message is in received[depth]. Its kind, or a negative errno of the host's.
 */
static int send_and_receive(struct mote_in *in)
{
	struct buffer *to = &received[depth];
	if (reserve(to, 4096) < 0)
		return -ENOMEM;
	fflush(stdout);
	long n = sdk_exchange(out.at, out_len, to->at, to->capacity);
	while (n > 0 && (size_t)n > to->capacity) {
		if (reserve(to, (size_t)n) < 0)
			abort(); /* the host's message could never be answered */
		n = sdk_exchange(NULL, 0, to->at, to->capacity);
	}
	if (n < 0)
		return (int)n;
	if (n == 0)
		return -EIO;
	*in = (struct mote_in){.at = to->at + 1, .left = (size_t)n - 1};
	return to->at[0];
}

/* --- being called --- */

struct answer {
	const struct mote_value *result; /* NULL: an error */
	enum mote_call_error code;
	const char *text;
};

static bool put_answer(struct mote_out *o, const void *what)
{
	const struct answer *a = what;
	if (a->result)
		return mote_put_return(o, a->result);
	mote_put_error(o, a->code, a->text);
	return true;
}

static void write_error(enum mote_call_error code, const char *text)
{
	const struct answer a = {.code = code, .text = text};
	if (write_out(put_answer, &a) < 0)
		abort(); /* not even 300 bytes of memory */
}

static const struct mote_guest_export *find_export(const char *name)
{
	const struct mote_guest_export *e = exports;
	while (e && strcmp(e->name, name) != 0)
		e = e->next;
	return e;
}

static void call_export(const struct mote_guest_export *e, const struct mote_value *args)
{
	struct mote_value result = {0};
	failure[0] = '\0';
	if (e->call(args, &result) != 0) {
		if (!failure[0])
			keep_text(failure, "the function failed");
		write_error(MOTE_CALL_FAILED, failure);
		return;
	}
	if (result.type == MOTE_ANY)
		result = mote_void();
	if (result.type != mote_signature_result(e->signature)) {
		write_error(MOTE_CALL_FAILED,
			    "the function's result is not of the type that it promises");
		return;
	}
	int rc = write_out(put_answer, &(struct answer){.result = &result});
	if (rc == -EINVAL)
		write_error(MOTE_CALL_FAILED,
			    "the function's result is a string with a NUL inside");
	else if (rc < 0)
		write_error(MOTE_CALL_TOO_LARGE,
			    "the function's result is too large for the guest's memory");
}

/* Carries out a CALL; the answer is in `out` then. */
static void serve_call(struct mote_in in)
{
	const char *name;
	enum mote_type want;
	struct mote_value args[MOTE_ARGS_MAX];
	size_t count;
	if (!mote_get_call(&in, &name, &want, args, &count)) {
		write_error(MOTE_CALL_PROTOCOL, "the host sent a damaged call");
		return;
	}
	const struct mote_guest_export *e = find_export(name);
	if (!e)
		write_error(MOTE_CALL_UNKNOWN, "the guest has no such function");
	else if (!mote_signature_takes(e->signature, args, count))
		write_error(MOTE_CALL_SIGNATURE, e->signature);
	else if (depth > 0 && !(e->flags & MOTE_REENTRANT))
		write_error(MOTE_CALL_REENTRY,
			    "this function may not be called from host functions");
	else
		call_export(e, args);
}

static bool put_ready(struct mote_out *o, const void *unused)
{
	(void)unused;
	mote_put_u8(o, MOTE_MESSAGE_READY);
	mote_put_u32(o, MOTE_MESSAGE_VERSION);
	mote_put_u32(o, (uint32_t)export_count);
	for (const struct mote_guest_export *e = exports; e; e = e->next) {
		mote_put_text(o, e->name, strlen(e->name));
		mote_put_text(o, e->signature, strlen(e->signature));
		uint8_t flags = 0;
		if (e->flags & MOTE_REENTRANT)
			flags = MOTE_EXPORT_REENTRANT;
		mote_put_u8(o, flags);
	}
	return true;
}

#ifdef __wasm__
/* For modules without _start: Mote calls it after _initialize. */
__attribute__((export_name("mote_serve")))
#endif
int mote_serve(void)
{
	struct mote_in in;
	int kind = write_out(put_ready, NULL);
	if (kind == 0)
		kind = send_and_receive(&in);
	while (kind > 0) {
		if (kind == MOTE_MESSAGE_CALL)
			serve_call(in);
		else
			write_error(MOTE_CALL_PROTOCOL, "only calls are expected");
		kind = send_and_receive(&in);
		if (kind == -HOST_E2BIG) {
			write_error(MOTE_CALL_TOO_LARGE,
				    "the function's result is larger than the host allows");
			kind = send_and_receive(&in);
		}
	}
	if (kind == -HOST_ENOSYS)
		fprintf(stderr,
			"mote: this program serves function calls, and the host makes none\n");
	else
		fprintf(stderr, "mote: serving function calls failed (error %d)\n", -kind);
	return 1;
}

/* --- calling --- */

struct outgoing_call {
	const char *name;
	enum mote_type want;
	const struct mote_value *args;
	size_t count;
};

static bool put_call(struct mote_out *o, const void *what)
{
	const struct outgoing_call *c = what;
	return mote_put_call(o, c->name, c->want, c->args, c->count);
}

static int host_error(struct mote_in in)
{
	uint32_t code;
	const char *text;
	if (!mote_get_error(&in, &code, &text))
		return -EIO;
	keep_text(host_failure, text);
	switch (code) {
	case MOTE_CALL_UNKNOWN:
		return -ENOENT;
	case MOTE_CALL_SIGNATURE:
		return -EINVAL;
	case MOTE_CALL_TOO_LARGE:
		return -E2BIG;
	default:
		return -EIO;
	}
}

/* Until the host's answer comes, its calls are served. */
static int wait_answer(struct mote_value *result)
{
	struct mote_in in;
	struct mote_value value;
	int kind = send_and_receive(&in);
	while (kind == MOTE_MESSAGE_CALL) {
		serve_call(in);
		kind = send_and_receive(&in);
		if (kind == -HOST_E2BIG) {
			write_error(MOTE_CALL_TOO_LARGE,
				    "the function's result is larger than the host allows");
			kind = send_and_receive(&in);
		}
	}
	if (kind == MOTE_MESSAGE_ERROR)
		return host_error(in);
	if (kind == -HOST_ENOSYS)
		return -ENOSYS;
	if (kind == -HOST_E2BIG)
		return -E2BIG;
	if (kind != MOTE_MESSAGE_RETURN || !mote_get_return(&in, &value))
		return -EIO;
	if (result)
		*result = value;
	return 0;
}

int mote_call_host(const char *name, const struct mote_value *args, size_t count,
		   struct mote_value *result)
{
	struct outgoing_call c = {.name = name, .want = MOTE_ANY, .args = args, .count = count};
	if (result)
		c.want = result->type;
	host_failure[0] = '\0';
	if (depth + 1 == DEPTH_MAX)
		return -EINVAL;
	int rc = write_out(put_call, &c);
	if (rc < 0)
		return rc;
	depth++;
	rc = wait_answer(result);
	depth--;
	return rc;
}
