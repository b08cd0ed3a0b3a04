/* SPDX-License-Identifier: Apache-2.0 */
/* The Linux image's start: its own state, the program, and off into it. */
#include "guest/linux/main.h"

#include "guest/linux/fs/lookup.h"
#include "guest/linux/mm/layout.h"
#include "guest/linux/program/exec.h"
#include "guest/linux/state.h"
#include "guest/linux/syscall.h"
#include "guest/linux/task/credentials.h"
#include "guest/linux/task/limits.h"

void linux_start(const struct mote_boot *boot, struct mote_area *area)
{
	state_start(boot);
	credentials_start(boot);
	syscall_start(boot);
	/* exec_start maps the stack; no fault comes before. */
	area->fault_stack_top = LINUX_FAULT_STACK + LINUX_FAULT_STACK_BYTES;
	area->fault_entry = (uint64_t)linux_fault_entry;
	lookup_start();
	struct loaded_program p = exec_start((const uint8_t *)MOTE_PROGRAM_VA, boot->program_bytes);
	struct mote_context c = context_of_program(p.entry, p.stack);
	area->resume_at = (uint64_t)linux_resume_from;
	area->resume_bytes = (uint64_t)(linux_resume_to - linux_resume_from);
	area->events_open = 1;
	limits_start();
	linux_resume(&c, &this_thread()->not_busy);
}
