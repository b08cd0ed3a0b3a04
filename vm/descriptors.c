/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which descriptors of the process a VM needs, so that those that it does not need can be closed.
 */
#include "vm/snapshot/private.h"

#include "base/confine.h"
#include "vm/memory/pagemap.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The capacity is asked for by a first call with `out` NULL. Their number; -1 among them: none. */
static size_t list(const struct vm *vm, int *out)
{
	const struct vcpu *vcpu = &vm->vcpus[0];
	int snapshot_fd = -1;
	if (vm->snapshot)
		snapshot_fd = vm->snapshot->memory.fd;
	const int own[] = {vm->machine.vm_fd, vcpu->kvm.fd, vm->working_set_fd,
			   pagemap_descriptor(), snapshot_fd};
	const struct fdtable *t = &vm->fds;
	size_t n = sizeof(own) / sizeof(own[0]);
	if (out)
		memcpy(out, own, sizeof(own));
	for (uint32_t i = 0; i < t->len; i++, n++)
		if (out)
			out[n] = t->entries[i].host;
	for (uint32_t i = 0; i < t->kept_len; i++, n++)
		if (out)
			out[n] = t->kept[i].host;
	return n;
}

int vm_close_others(const struct vm *vm, const int *keep, size_t count)
{
	size_t n = list(vm, NULL);
	cleanup_free int *all = calloc(n + count, sizeof(*all));
	if (!all)
		return -ENOMEM;
	list(vm, all);
	for (size_t i = 0; i < count; i++)
		all[n + i] = keep[i];
	return confine_descriptors(all, n + count);
}
