/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a container's configuration says of paths in the runtime's tree: what is masked there, what
 * is read-only, and what is hidden by a mount of the container's root (enum mote_path_kind).
 */
#ifndef MOTE_GUEST_LINUX_PROC_RULES_H
#define MOTE_GUEST_LINUX_PROC_RULES_H

#include "guest/linux/proc/files.h"
#include "guest/linux/state.h"

enum proc_masking { PROC_NOT_MASKED, PROC_MASKED, PROC_BELOW_MASKED };

/* A path as the list of files has it: its only thread is the process, whose number is PID. */
const char *proc_listed_name(const char *path, char to[PROC_PATH_MAX]);
/*
 * Paths are canonical, but that a process's number may be PID, as in the list of files; a mount is
 * looked for in other paths as well, and is not found if something leads to it.
 */
enum proc_masking proc_masking(const char *path);
bool proc_is_readonly(const char *path);
/* Whether a mount of the root's is there or above. One that is below what is masked is hidden. */
bool proc_is_mounted(const char *path);
/* The mounts in turn; NULL at their end. */
const char *proc_mount(uint32_t index);

#endif
