/* SPDX-License-Identifier: Apache-2.0 */
/* What of the standard a module may use (features.def), and how the rest is refused. */
#ifndef MOTE_GUEST_WASM_MODULE_FEATURES_H
#define MOTE_GUEST_WASM_MODULE_FEATURES_H

#include <stdbool.h>

struct reader;
struct wasm_module;

enum wasm_feature_id {
	FEATURE_NEVER = 0, /* no feature allows it */
#define FEATURE(name, ...) FEATURE_##name,
#include "guest/wasm/module/features.def"
};

bool feature_enabled(const struct wasm_module *m, enum wasm_feature_id feature);

/*
 * Ends in WASM_ERROR_UNSUPPORTED: the feature is not there, or not enabled. `what` of it the reader
 * is at, such as " (tags)", or "".
 */
_Noreturn void feature_refuse(const struct reader *r, enum wasm_feature_id feature,
			      const char *what);

/* The same, unless the feature is enabled. */
void feature_need(const struct reader *r, const struct wasm_module *m,
		  enum wasm_feature_id feature);

#endif
