/* SPDX-License-Identifier: Apache-2.0 */
/* Resource use in the two forms that containerd knows. */
#ifndef MOTE_SHIM_STATS_H
#define MOTE_SHIM_STATS_H

#include "base/cleanup.h"
#include "proto/types.pb-c.h"
#include "runtime/types.h"

/* In the form of the cgroup's version; out->value.data is the caller's to free. -ENOMEM. */
int stats_pack(const struct container_stats *s, Types__Any *out) must_check;

#endif
