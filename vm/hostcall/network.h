/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What tells a guest of its network: files of /proc/net, which a VM with the network holds from its
 * beginning, since later no path leads to them (in a container there is no /proc, and with Landlock
 * none in reach).
 */
#ifndef MOTE_VM_HOSTCALL_NETWORK_H
#define MOTE_VM_HOSTCALL_NETWORK_H

#include "abi/types.h"
#include "base/cleanup.h"
#include "base/err.h"

struct vm;

/* Opens /proc, for a process that is to lose it. Any thread. */
void network_prepare(void);
/*
 * Closes it for good: before any thread is in a seccomp filter, since openat2 would find
 * /proc/self/mem by it. Any thread.
 */
void network_close(void);
/*
 * Opens the files of the calling thread's network namespace if the VM has the network. What is not
 * there is left out: on a thread in a seccomp filter, all of them.
 */
int network_open(struct vm *vm, struct err *e) must_check;
void network_free(struct vm *vm);
/* The descriptor of a file, borrowed; -1: none. */
int network_file(const struct vm *vm, uint32_t file);

#endif
