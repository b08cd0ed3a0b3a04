/* SPDX-License-Identifier: Apache-2.0 */
/* Components as programs: of the world wasi:cli/command of WASI 0.2. */
#ifndef MOTE_WASI_P2_RUN_H
#define MOTE_WASI_P2_RUN_H

#include "guest/component/component.h"
#include "guest/component/types.h"

/* What a component is called by that is a command. */
#define P2_RUN_INTERFACE "wasi:cli/run@0.2"
#define P2_RUN           "run"
/* Whether a function of that name has the type that it should. */
bool p2_is_run(const struct ctype *func);
/* Whether all that it imports is there, by name and version (component_imports_fit). */
bool p2_imports_fit(const struct component *component,
		    void (*refuse)(void *context, struct wasm_name import,
				   struct wasm_name function, const char *why),
		    void *context);

/* Runs the program that is to be run, which is a component, and ends with its status. */
_Noreturn void p2_run(void);

/* serve.c: calls functions of a component of that type for the host program. */
_Noreturn void p2_serve(const struct ctype *type, struct component_instance *instance);

#endif
