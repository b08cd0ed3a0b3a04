/* SPDX-License-Identifier: Apache-2.0 */
/* The process, and its only thread's scratch memory. */
#include "guest/linux/state.h"

struct process process;

static struct scratch first_scratch;

void state_start(const struct mote_boot *boot)
{
	process.boot = boot;
	process.umask = boot->umask;
	size_t cwd = strnlen(boot_string(boot->cwd), sizeof(process.cwd) - 1);
	memcpy(process.cwd, boot_string(boot->cwd), cwd);
	process.cwd[cwd] = '\0';
	this_thread()->scratch = &first_scratch;
}
