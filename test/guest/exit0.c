/* SPDX-License-Identifier: Apache-2.0 */
/* The smallest native program: exits with 0 at its first instructions. No libc. */
__attribute__((noreturn)) void _start(void);
void _start(void)
{
	__asm__ volatile("syscall" : : "a"(60), "D"(0));
	__builtin_unreachable();
}
