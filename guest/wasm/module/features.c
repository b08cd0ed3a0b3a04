/* SPDX-License-Identifier: Apache-2.0 */
/* Features: which are enabled, and the refusal of the others by name. */
#include "guest/wasm/module/features.h"

#include "guest/wasm/module/module.h"

static const struct {
	uint32_t bit; /* enum wasm_feature; 0: the engine does not have it */
	const char *words, *verb;
} features[] = {
#define FEATURE(name, bit, words, verb) [FEATURE_##name] = {bit, words, verb},
#include "guest/wasm/module/features.def"
};

bool feature_enabled(const struct wasm_module *m, enum wasm_feature_id feature)
{
	return feature == FEATURE_BASE || (m->options.features & features[feature].bit);
}

_Noreturn void feature_refuse(const struct reader *r, enum wasm_feature_id feature,
			      const char *what)
{
	wasm_fail(r->fail, WASM_ERROR_UNSUPPORTED, reader_offset(r), "%s%s %s not %s",
		  features[feature].words, what, features[feature].verb,
		  features[feature].bit ? "enabled" : "supported");
}

void feature_need(const struct reader *r, const struct wasm_module *m, enum wasm_feature_id feature)
{
	if (!feature_enabled(m, feature))
		feature_refuse(r, feature, "");
}
