/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/wasi/proxy/internal.h"

struct proxy_state proxy;
