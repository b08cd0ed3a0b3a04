/* SPDX-License-Identifier: Apache-2.0 */
#include "vm/arch/signal_context.h"

uintptr_t signal_context_pc(const ucontext_t *context)
{
	return (uintptr_t)context->uc_mcontext.gregs[REG_RIP];
}

void signal_context_set_pc(ucontext_t *context, uintptr_t pc)
{
	context->uc_mcontext.gregs[REG_RIP] = (greg_t)pc;
}
