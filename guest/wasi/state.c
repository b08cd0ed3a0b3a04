/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/wasi/state.h"

struct wasi_state wasi;
