/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What config.json says of paths in /proc and /sys. These are the guest runtime's own there, so it
 * has to know what is masked, what is read-only, and where the container's root has a mount. Of use
 * for all processes of a container, those of Exec included.
 */
#ifndef MOTE_RUNTIME_GUEST_PATHS_H
#define MOTE_RUNTIME_GUEST_PATHS_H

#include "oci/spec.h"

struct guest_paths {
	const char **masked, **readonly, **mounted; /* owned, with what they lead to; NULL: none */
	size_t masked_count, readonly_count, mounted_count;
};

/*
 * Copies what the spec says of them. -EINVAL, -ENOSYS: a mount that a guest would not see. *p is
 * released with guest_paths_free, also after an error.
 */
int guest_paths_note(struct guest_paths *p, const struct oci_spec *s, struct err *e) must_check;
void guest_paths_free(struct guest_paths *p); /* accepts a zeroed one */
/* What a process of Exec is sent: the spec borrows it. */
void guest_paths_lend(const struct guest_paths *p, struct oci_spec *s);

#endif
