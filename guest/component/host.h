/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the embedder gives to components: interfaces as tables of functions and resources, and what
 * such a function can do with its caller.
 */
#ifndef MOTE_GUEST_COMPONENT_HOST_H
#define MOTE_GUEST_COMPONENT_HOST_H

#include "guest/wasm/wasm.h"

struct component_call; /* one under way, as its host side sees it: whose memory and handles */

/*
 * Its parameters as a tuple and its result in the layout of the Canonical ABI with 32-bit pointers.
 * What the parameters say has been checked: numbers are within their types, borrows and owns are
 * representations, strings and lists lie in the caller's memory; list elements are as the caller
 * has them. The result is zeroed; strings, lists and handles in it are the caller's.
 */
typedef void (*component_host_fn)(struct component_call *call, const void *params, void *result);

struct component_host_function {
	const char *name; /* "[method]input-stream.read" */
	/* As type_text() (type_text.h) writes it: all aliases resolved, names of parts left out. */
	const char *type;
	component_host_fn call;
};

struct component_host_resource {
	const char *name;
	void (*drop)(uint32_t rep);
};

struct component_host_interface {
	const char *name; /* "wasi:io/streams@0.2": versions match within this prefix */
	const struct component_host_function *functions;
	uint32_t function_count;
	const struct component_host_resource *const *resources; /* that it defines */
	uint32_t resource_count;
};

struct component_link {
	const struct component_host_interface *const *interfaces;
	uint32_t count;
	/* Told of each import that cannot be had; `function` is empty if all of it cannot. */
	void (*refuse)(void *context, struct wasm_name import, struct wasm_name function,
		       const char *why);
	void *context;
};

/* --- for host functions --- */

/* Ends the outermost call with a trap. */
_Noreturn void call_trap(struct component_call *call, const char *message);
/* The bytes at an address in the caller's memory; traps if not all of them are there. */
void *call_span(struct component_call *call, uint32_t at, uint64_t bytes);
/* Memory that the caller allocates for a result, and its address there. */
void *call_allocate(struct component_call *call, uint32_t align, uint64_t bytes, uint32_t *at);
/* A string as the result has it: pointer and length, in the caller's encoding. `text` is UTF-8. */
void call_string(struct component_call *call, const char *text, uint32_t bytes, uint32_t out[2]);
/*
 * A string parameter as UTF-8; its length, or -1 if it does not fit. What is not Unicode traps.
 */
int64_t call_text(struct component_call *call, const uint32_t string[2], char *to, uint32_t size);
/* An own handle of the caller's for a new representation. */
uint32_t call_own(struct component_call *call, const struct component_host_resource *resource,
		  uint32_t rep);
/* What a handle of the caller's, one of a list, borrows; traps if it is not one of the resource. */
uint32_t call_borrowed(struct component_call *call, const struct component_host_resource *resource,
		       uint32_t handle);

#endif
