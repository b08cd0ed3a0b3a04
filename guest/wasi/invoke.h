/* SPDX-License-Identifier: Apache-2.0 */
/* Calls that the command line asks for: f("x", 3), with values in WAVE (guest/component/wave.h). */
#ifndef MOTE_WASI_INVOKE_H
#define MOTE_WASI_INVOKE_H

#include "guest/component/component.h"

/* Whether an entry is a call, and not only a name. */
bool invoke_is_call(const char *entry);
/*
 * "f", of the component or of the only interface that has it; or "ns:package/interface#f". NULL:
 * there is none. The name is as it was afterwards.
 */
struct component_func *invoke_find(struct component_instance *instance, char *name);
/* Calls the export and prints what it returns; refuses what cannot be, and ends after a trap. */
_Noreturn void invoke_component(struct component_instance *instance, const char *call);
void invoke_module(struct wasm_instance *instance, const char *call);

#endif
