/* SPDX-License-Identifier: Apache-2.0 */
/* How the image starts, and how faults reach C and leave it: start.S, fault_entry.S, resume.S. */
#ifndef MOTE_WASI_START_H
#define MOTE_WASI_START_H

#include "abi/layout.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Called by start.S: on the initial stack, then on the large one, which the first has mapped. */
void wasi_start(const struct mote_boot *boot, struct mote_area *area);
_Noreturn void wasi_main(void);
/* On the fault stack. */
_Noreturn void wasi_fault(struct mote_area *area);

/* In fault_entry.S. */
void wasi_fault_entry(void);
/* In resume.S. */
_Noreturn void wasi_resume(const struct mote_context *context, uint32_t *busy);

/* For code with stack guards as Linux's ABI has them: libiberty's. */
void wasi_guard_stack(void);

/*
 * What wasi_start begins with: notes the boot information, makes faults arrive at wasi_fault(), and
 * maps the large stack. False: there is no memory for that.
 */
bool wasi_prepare(const struct mote_boot *boot);

#endif
