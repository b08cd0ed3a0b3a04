/* SPDX-License-Identifier: Apache-2.0 */
/* Registers of x86-64 programs. */
#include "guest/linux/arch/arch.h"
#include "guest/linux/state.h"

#include <asm/processor-flags.h>

enum { SYSCALL_BYTES = 2 }; /* of the instruction */

void context_repeat_call(struct mote_context *c, uint64_t nr)
{
	c->rip -= SYSCALL_BYTES;
	c->rax = nr;
}

uint64_t syscall_stack_pointer(void)
{
	return mote_area()->saved_rsp;
}

void context_set_pc(struct mote_context *c, uint64_t pc)
{
	c->rip = pc;
}

struct mote_context context_of_program(uint64_t pc, uint64_t sp)
{
	return (struct mote_context){
		.rip = pc,
		.rsp = sp,
		.rflags = X86_EFLAGS_IF | X86_EFLAGS_FIXED,
	};
}
