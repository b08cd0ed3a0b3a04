/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clone3(2) as vfork(2): nothing of our address space is copied, and the child runs at once. The C
 * library has no call that can do that and enter a cgroup. The child has the parent's registers but
 * for the stack pointer, and never comes back.
 */
#include "runtime/launch.h"

#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#define STACK_BYTES 32768

long launch_clone(const struct clone_args *args, void (*fn)(const void *arg), const void *arg)
{
	_Alignas(16) char stack[STACK_BYTES];
	struct clone_args own = *args;
	own.flags |= CLONE_VM | CLONE_VFORK;
	own.stack = (uint64_t)(uintptr_t)stack;
	own.stack_size = sizeof(stack);
	long rc = SYS_clone3;
	register const void *child_arg __asm__("r12") = arg;
	register void (*child_fn)(const void *) __asm__("r13") = fn;
	__asm__ volatile("syscall\n\t"
			 "test %%rax, %%rax\n\t"
			 "jnz 1f\n\t"
			 "xor %%ebp, %%ebp\n\t"
			 "mov %[arg], %%rdi\n\t"
			 "call *%[fn]\n\t"
			 "ud2\n"
			 "1:"
			 : "+a"(rc)
			 : "D"(&own), "S"(sizeof(own)), [arg] "r"(child_arg), [fn] "r"(child_fn)
			 : "rcx", "r11", "memory");
	return rc;
}
