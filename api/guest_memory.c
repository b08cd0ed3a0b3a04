/* SPDX-License-Identifier: Apache-2.0 */
/* The guest's memory, for host functions and between calls: copies of checked spans. */
#include "api/error.h"
#include "api/sandbox.h"

#include <errno.h>

/* A guest that waits for the host: between two calls, or in one. */
static int check_waiting(const struct mote_sandbox *s, struct err *e)
{
	if (s->state == SANDBOX_NEW && s->depth > 0) /* a host function of mote_sandbox_init */
		return sandbox_check_process(s, e);
	return calls_check_ready(s, e);
}

static int span_error(const struct mote_sandbox *s, uint64_t address, size_t bytes, int rc,
		      struct err *e)
{
	if (rc == -ENOMEM)
		return err_set(e, ERR_GUEST, ENOMEM, "the guest's memory limit is reached");
	return err_set(e, ERR_GUEST, EFAULT,
		       "%zu bytes at %#lx are not all in the guest's memory of %#lx bytes, or not "
		       "accessible so",
		       bytes, address, vm_guest_bytes(s->vm));
}

int mote_sandbox_read(struct mote_sandbox *sandbox, uint64_t address, void *to, size_t bytes,
		      struct mote_error *error)
{
	struct err e = {0};
	int rc = check_waiting(sandbox, &e);
	if (rc < 0)
		return error_report(&e, error);
	rc = vm_guest_read(sandbox->vm, address, to, bytes);
	if (rc == 0)
		return 0;
	span_error(sandbox, address, bytes, rc, &e);
	return error_report(&e, error);
}

int mote_sandbox_write(struct mote_sandbox *sandbox, uint64_t address, const void *from,
		       size_t bytes, struct mote_error *error)
{
	struct err e = {0};
	int rc = check_waiting(sandbox, &e);
	if (rc < 0)
		return error_report(&e, error);
	rc = vm_guest_write(sandbox->vm, address, from, bytes);
	if (rc == 0)
		return 0;
	span_error(sandbox, address, bytes, rc, &e);
	return error_report(&e, error);
}

uint64_t mote_sandbox_memory_bytes(const struct mote_sandbox *sandbox)
{
	return vm_guest_bytes(sandbox->vm);
}
