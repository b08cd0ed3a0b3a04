/* SPDX-License-Identifier: Apache-2.0 */
/* The Linux image's start: its own state, the program, and off into it. */
#include "guest/linux/linux.h"

struct linux_state L;

int64_t get_path(char *to, uint64_t from)
{
	/* Page by page, so that a short string at a mapping's end is no fault. */
	for (uint64_t n = 0; n < PATH_MAX_BYTES;) {
		uint64_t piece = MOTE_PAGE - ((from + n) & (MOTE_PAGE - 1));
		if (piece > PATH_MAX_BYTES - n)
			piece = PATH_MAX_BYTES - n;
		if (get_user(to + n, from + n, piece) < 0)
			return -E_FAULT;
		const char *end = memchr(to + n, 0, piece);
		if (end)
			return end - to;
		n += piece;
	}
	return -E_NAMETOOLONG;
}

void linux_start(const struct mote_boot *boot, struct mote_area *area)
{
	L.area = area;
	L.boot = boot;
	L.umask = 022;
	/* load_program maps the stack; no fault comes before. */
	area->fault_stack_top = LINUX_FAULT_STACK + LINUX_FAULT_STACK_BYTES;
	area->fault_entry = (uint64_t)linux_fault_entry;
	size_t cwd = strnlen(boot_string(boot->cwd), PATH_MAX_BYTES - 1);
	memcpy(L.cwd, boot_string(boot->cwd), cwd);
	place_start();
	struct mote_context c = {.rflags = 0x202};
	load_program((const uint8_t *)MOTE_PAYLOAD_VA, boot->payload_bytes, &c.rip, &c.rsp);
	area->resume_at = (uint64_t)linux_resume_from;
	area->resume_bytes = (uint64_t)(linux_resume_to - linux_resume_from);
	area->events_open = 1;
	uint32_t unused;
	linux_resume(&c, &unused);
}
