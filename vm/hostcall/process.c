/* SPDX-License-Identifier: Apache-2.0 */
/* Host calls by which a guest ends, and speaks to the operator. */
#include "vm/internal.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>

int64_t host_exit(struct vcpu *vcpu, const struct call_exit *a)
{
	struct vm *vm = vcpu->vm;
	vm_end(vm, VM_EXITED, a->status & 0xff);
	return 0;
}

int64_t host_exit_signal(struct vcpu *vcpu, const struct call_exit_signal *a)
{
	struct vm *vm = vcpu->vm;
	if (a->signo < 1 || a->signo > 64)
		return -EINVAL;
	vm_end(vm, VM_SIGNALLED, a->signo);
	return 0;
}

/* A snapshot taken here goes on with other arguments, in other VMs (snapshot/snapshot.c). */
int64_t host_ready(struct vcpu *vcpu, const struct call_ready *a)
{
	struct vm *vm = vcpu->vm;
	(void)a;
	if (vm->stop_ready)
		vm->state = VM_AT_READY;
	return 0;
}

int64_t host_log(struct vcpu *vcpu, const struct call_log *a)
{
	struct vm *vm = vcpu->vm;
	char line[400];
	size_t n = 0;
	for (size_t i = 0; i < a->text.len && n + 5 < sizeof(line); i++) {
		unsigned char c = a->text.data[i];
		if (isprint(c))
			line[n++] = (char)c;
		else
			n += (size_t)snprintf(line + n, sizeof(line) - n, "\\x%02x", c);
	}
	line[n] = '\0';
	vm_log(vm, "guest: %s", line);
	return 0;
}
