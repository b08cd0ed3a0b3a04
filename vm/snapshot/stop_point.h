/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Snapshot points: the host calls before which a guest stops so that a snapshot can be taken. A VM
 * made from that snapshot begins with the call.
 */
#ifndef MOTE_VM_SNAPSHOT_STOP_POINT_H
#define MOTE_VM_SNAPSHOT_STOP_POINT_H

#include "vm/internal.h"

int stop_init(struct vm *vm, const struct vm_config *config, struct err *e) must_check;
void stop_free(struct vm *vm);
/* Whether it is to stop before it reads from a descriptor, or waits until it can. */
bool stop_before_reading(const struct vm *vm, const struct fd_entry *entry);
/* Whether it is to stop before it opens a path below a directory. */
bool stop_before_opening(const struct vm *vm, const struct fd_entry *dir, const char *path);

#endif
