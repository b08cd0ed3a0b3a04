/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Function calls by name between a program and the guest in its sandbox, both ways.
 *
 *     struct mote_sandbox *s;                        options.functions: what the guest may call
 *     mote_sandbox_new(&options, &s, &error);
 *     mote_sandbox_init(s, &error);                  runs it until it is ready for calls
 *     struct mote_value arg = mote_string("you"), result = {0};
 *     mote_sandbox_call(s, "greet", &arg, 1, &result, &error);
 *
 * Guests: a native program or a WebAssembly module built with mote_guest.h, or any WebAssembly
 * module that is not a command (it exports neither "" nor _start), whose exported functions can be
 * called with WebAssembly's own types; or a component that is not a command (wasi:cli/run), with
 * arguments and results as bytes (mote/wit.h).
 *
 * A module that knows nothing of Mote imports what it needs by module and name, say env.log, takes
 * numbers and reaches for memory by its addresses. options.imports are functions for it, which find
 * their arguments in its memory by mote_sandbox_read() and write results by mote_sandbox_write().
 *
 * Threads: one at a time uses a sandbox; which one may change from call to call. A host function
 * runs on the thread of the call that led to it, and may call the same sandbox again; calls nest 16
 * deep at most. It may also pause that call (MOTE_PAUSE), which any thread continues later.
 * mote_sandbox_interrupt() may be called from any thread while the sandbox exists.
 *
 * Signals: as in mote.h. The first call with a limit starts a thread, one per process, which takes
 * no signals.
 */
#ifndef MOTE_CALL_H
#define MOTE_CALL_H

#include <mote/mote.h>
#include <mote/value.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What a host function returns to pause the call that led to it: see mote_sandbox_continue. */
enum { MOTE_PAUSE = 1 };

/*
 * A host function. args has the number and types of its signature; strings and bytes in them come
 * from the guest (untrusted) and are borrowed until the function returns. *result is zero at first,
 * and stays so for a function without result; what it points to must be valid until libmote is back
 * in control, for which mote_call_memory() has memory. Returns 0, MOTE_PAUSE, or a negative errno,
 * optionally with a sentence in *error: the guest's call then fails with that sentence, and the
 * guest continues. A module that imports the function traps instead, as imports report nothing.
 */
typedef int (*mote_host_function)(void *arg, struct mote_sandbox *sandbox,
				  const struct mote_value *args, size_t count,
				  struct mote_value *result, struct mote_error *error);

/*
 * What options.functions points to: everything is copied by mote_sandbox_new, `arg` as a pointer.
 */
struct mote_function {
	const char *name;      /* 1 to 255 bytes */
	const char *signature; /* mote/value.h */
	mote_host_function call;
	void *arg;
};

/*
 * A function that a WebAssembly module may import, with its own types: of what options.imports
 * points to, everything is copied by mote_sandbox_new, `arg` as a pointer. The module links only if
 * its type is the import's exactly. `module` is any but "mote", whose functions are
 * options.functions, and "mote_guest"; one of WASI's functions is replaced. A module that is linked
 * can import 256 functions of the host in all. Native programs and components import none.
 */
struct mote_import {
	const char *module;    /* 1 to 255 bytes: "env" */
	const char *name;      /* 1 to 255 bytes */
	const char *signature; /* mote/value.h, of the letters i I f F alone: "iiiI:i" */
	mote_host_function call;
	void *arg;
};

/*
 * Runs the guest until it is ready for calls, instead of mote_sandbox_run. Host functions may be
 * called meanwhile, and the limits of a call apply. After an error the sandbox is poisoned. Errors:
 * as for mote_sandbox_call; EIO also if the program ends before it is ready.
 */
MOTE_API int mote_sandbox_init(struct mote_sandbox *sandbox, struct mote_error *error);

/*
 * Calls a function that the guest exports. On entry result->type is the wanted type, MOTE_ANY (0)
 * for the type that the function returns; result may be NULL. Strings and bytes in the result are
 * borrowed until the sandbox is used again (called, restored, freed) or, inside a host function,
 * until that returns. They are the guest's: untrusted.
 *
 * Errors that leave the sandbox as it was:
 *   ENOENT     the guest exports no function of that name
 *   EINVAL     arguments or wanted result do not match its signature, a parameter or result of
 *              it is a v128 or a reference, or the sandbox is not initialised
 *   E2BIG      more than 32 arguments
 *   EMSGSIZE   arguments, name included, or the result are larger than options.call_bytes_max
 *   EBUSY      called from a host function, and the guest does not allow that for this function
 *   EREMOTEIO  the function failed; the text is the guest's
 *   ENOMEM     the host has no memory for the message
 * EINPROGRESS: a host function has paused the call, which mote_sandbox_continue takes up again.
 * Errors after which it is poisoned (blame is the guest's):
 *   EIO        the guest trapped, crashed or exited
 *   ETIMEDOUT  the call's limit of wall-clock or CPU time
 *   ECANCELED  mote_sandbox_interrupt
 *   EPROTO     the guest sent an invalid message
 * ENOTRECOVERABLE: it was poisoned before.
 */
MOTE_API int mote_sandbox_call(struct mote_sandbox *sandbox, const char *name,
			       const struct mote_value *args, size_t count,
			       struct mote_value *result, struct mote_error *error);

/*
 * The same for WebAssembly functions with any number of results, at most MOTE_RESULTS_MAX, each of
 * the type that the function returns. mote_sandbox_call() gives the first of several.
 */
MOTE_API int mote_sandbox_call_all(struct mote_sandbox *sandbox, const char *name,
				   const struct mote_value *args, size_t count,
				   struct mote_value results[MOTE_RESULTS_MAX],
				   size_t *result_count, struct mote_error *error);

/*
 * Continues a call that a host function has paused. `answer` is what that function would have given
 * as its result, copied (mote_void() if it has none); NULL: it has failed, with the sentence
 * `failure`, which may be NULL. *result and errors are those of mote_sandbox_call, which may be
 * EINPROGRESS again; only the first of several results is given. EAGAIN: no call is paused, or the
 * one that is being paused has not returned yet. EINVAL: the answer is not of the type in the host
 * function's signature; nothing has happened then. Any thread, one at a time.
 *
 * While a call is paused, the sandbox may be used as in that host function: its memory can be read
 * and written, and its functions called, whose host functions may not pause. Nor may those of
 * mote_sandbox_init: the guest's call fails. mote_sandbox_restore and mote_sandbox_free give up a
 * paused call. The time until it is continued counts towards no limit.
 */
MOTE_API int mote_sandbox_continue(struct mote_sandbox *sandbox, const struct mote_value *answer,
				   const char *failure, struct mote_value *result,
				   struct mote_error *error);

/*
 * Copies bytes out of the guest's memory, at an address that the guest may have made up: of a
 * WebAssembly module in its linear memory (the one that it exports as "memory", else its first), of
 * a native program any of its own. Between two calls, in a host function, or while a call is
 * paused. What is read is the guest's, which may hold anything and change whenever it runs. EFAULT:
 * not all of the span is memory that the guest may read; nothing was copied. EINVAL: not
 * initialised. ENOTRECOVERABLE: poisoned. ENOMEM: the guest's memory limit is reached.
 */
MOTE_API int mote_sandbox_read(struct mote_sandbox *sandbox, uint64_t address, void *to,
			       size_t bytes, struct mote_error *error);
/* The same into the guest's memory, where the guest may write. */
MOTE_API int mote_sandbox_write(struct mote_sandbox *sandbox, uint64_t address, const void *from,
				size_t bytes, struct mote_error *error);
/*
 * The size of that memory in bytes, which a module can grow whenever it runs; of a native program
 * the end of its addresses. 0: there is none.
 */
MOTE_API uint64_t mote_sandbox_memory_bytes(const struct mote_sandbox *sandbox);

/*
 * Terminates the running call (or init, or run), also while a host call of the guest blocks; while
 * a host function runs, as soon as that returns; a paused one when it is continued. 0, or -ESRCH if
 * none is running. Any thread.
 */
MOTE_API int mote_sandbox_interrupt(struct mote_sandbox *sandbox);

/*
 * Why the sandbox is poisoned: a sentence, valid until the sandbox is restored or freed. NULL if it
 * is not.
 */
MOTE_API const char *mote_sandbox_poisoned(const struct mote_sandbox *sandbox);

/*
 * How the guest ended, if it did during an init or a call; a Wasm trap as signal 6. 0, or -ESRCH if
 * it did not.
 */
MOTE_API int mote_sandbox_result(const struct mote_sandbox *sandbox, struct mote_result *result);

/*
 * The index-th function that the guest exports, in order of names; borrowed until the sandbox is
 * freed. A signature of WebAssembly's own types has only the letters i I f F. 0, or -ENOENT past
 * the last.
 */
MOTE_API int mote_sandbox_export(const struct mote_sandbox *sandbox, size_t index,
				 const char **name, const char **signature);

/*
 * For host functions: memory for a result, freed once the guest has it. NULL: out of memory.
 */
MOTE_API void *mote_call_memory(struct mote_sandbox *sandbox, size_t bytes);

#ifdef __cplusplus
}
#endif
#endif
