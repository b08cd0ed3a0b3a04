/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The program counter of a thread that a signal has interrupted: a handler's ucontext_t.
 * Async-signal-safe.
 */
#ifndef MOTE_VM_ARCH_SIGNAL_CONTEXT_H
#define MOTE_VM_ARCH_SIGNAL_CONTEXT_H

#include <stdint.h>
#include <ucontext.h>

uintptr_t signal_context_pc(const ucontext_t *context);
void signal_context_set_pc(ucontext_t *context, uintptr_t pc);

#endif
