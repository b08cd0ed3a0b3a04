/* SPDX-License-Identifier: Apache-2.0 */
/* Adapters of one component: how calls between its instances are compiled (DESIGN.md). */
#ifndef MOTE_GUEST_COMPONENT_ADAPTER_H
#define MOTE_GUEST_COMPONENT_ADAPTER_H

#include "guest/component/call.h"

/* Notes what the next lower of a lifted function needs, and compiles it. */
void adapter_plan(struct component_instance *caller, const struct canon *canon,
		  const struct component_func *callee);
/* The core function of the next lower, or NULL: it is interpreted. */
struct wasm_func *adapter_link(struct component_instance *caller, const struct canon *canon,
			       struct component_func *callee, const struct canon_options *options);
/* For component_prepare() (instantiate.c), around the plan. */
void adapters_open(struct component *c, struct failure *fail);
void adapters_close_plan(struct component *c);
void adapters_free(struct component *c);

#endif
