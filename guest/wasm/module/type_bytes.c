/* SPDX-License-Identifier: Apache-2.0 */
/* What each byte means where a type is expected. */
#include "guest/wasm/module/types.h"

#include "guest/wasm/module/features.h"

const struct wasm_type_row wasm_types[256] = {
#define TYPE(byte, name, kind, feature) [byte] = {TYPE_KIND_##kind, FEATURE_##feature},
#include "guest/wasm/module/types.def"
};
