/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Components (WebAssembly component model, binary format version 0x0d): validation, instances, and
 * calls of what they export. Everything in them is untrusted. DESIGN.md says how it is done.
 */
#ifndef MOTE_GUEST_COMPONENT_COMPONENT_H
#define MOTE_GUEST_COMPONENT_COMPONENT_H

#include "guest/component/host.h"
#include "guest/wasm/wasm.h"

struct component;          /* validated, its core modules compiled */
struct component_instance; /* with all that its component instantiates in it */
struct component_func;     /* a function that one exports */

/* Whether bytes begin as a component does: a module's preamble with another "layer". */
bool component_is(const void *bytes, size_t size);

/*
 * Decodes and validates a component with all that is nested in it, and compiles its core modules in
 * the store. 0, or a negative errno with *error filled in: WASM_ERROR_UNSUPPORTED names what is not
 * supported. The bytes are borrowed until the component is freed. Free it before its store is
 * closed, and when no call is under way.
 */
int component_load(struct wasm_store *store, const void *bytes, size_t size,
		   const struct wasm_options *options, struct component **component,
		   struct wasm_error *error);
void component_free(struct component *component); /* NULL is fine */

/* The same, and keeps nothing. */
int component_validate(const void *bytes, size_t size, const struct wasm_options *options,
		       struct wasm_error *error);

/*
 * Compiles what calls between the component's instances need, so that no code has to be made when
 * it runs. Before the instance; without it such calls are interpreted. On failure 0 is not
 * returned, and *error says why.
 */
int component_prepare(struct component *component, struct wasm_error *error);

/*
 * Makes an instance, and with it those of all components and core modules in it, in their order.
 * Imports are interfaces of the host's (host.h); before anything runs, link->refuse gets all that
 * are not there. On failure 0 is not returned, *error says why, and *stop is filled in when the
 * reason is a trap. A component has one instance at a time: a second one is another component.
 */
int component_instantiate(struct component *component, const struct component_link *link,
			  struct component_instance **instance, struct wasm_error *error,
			  struct wasm_stop *stop);

/*
 * Whether the host's interfaces have all that it imports, by name and version; what they have not
 * goes to link->refuse. Types of functions are compared when an instance is made.
 */
bool component_imports_fit(const struct component *component, const struct component_link *link);
/* Its type: what it imports and exports. */
const struct ctype *component_type(const struct component *component);
/* "wasi:io/streams@0.2" is what "wasi:io/streams@0.2.6" names. */
bool component_version_fits(struct wasm_name name, const char *interface);

/*
 * An exported function: of the component itself if the interface is "", of an exported one, whose
 * version is as in struct component_host_interface, or if it is NULL of the component or else of
 * the only interface that has one of that name. NULL: there is none.
 */
struct component_func *component_export(struct component_instance *instance, const char *interface,
					const char *name);

/*
 * Calls an exported function. Its parameters and its result are in memory as the Canonical ABI lays
 * them out, the parameters as a tuple; strings, lists and handles in them are the callee's, whose
 * memory the two functions reach: `lower` stores what there are of parameters, `lift` takes the
 * result before the callee's post-return function may free it. NULL: there is none, or it is
 * nobody's. A result of 16 bytes at most and without a pointer may be taken as it is by `result`.
 */
struct component_passing {
	void (*lower)(void *context, struct component_call *callee, void *params);
	void (*lift)(void *context, struct component_call *callee, const void *result);
	void *context;
};
enum wasm_outcome component_call(struct component_func *func, const struct component_passing *pass,
				 struct wasm_stop *stop);
const struct ctype *component_func_type(const struct component_func *func);

#endif
