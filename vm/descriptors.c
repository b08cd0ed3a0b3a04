/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which descriptors of the process a VM needs, so that those that it does not need can be closed.
 */
#include "vm/snapshot/private.h"

#include "base/confine.h"
#include "vm/hostcall/network.h"
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
	for (uint32_t i = 0; i < MOTE_NET_FILES; i++, n++)
		if (out)
			out[n] = network_file(vm, i);
	for (uint32_t i = 0; i < t->len; i++, n++)
		if (out)
			out[n] = t->entries[i].host;
	for (uint32_t i = 0; i < t->kept_len; i++, n++)
		if (out)
			out[n] = t->kept[i].host;
	return n;
}

/* What a thread may reach of a descriptor that the guest was given. False: no directory. */
static bool directory_of(const struct fd_entry *entry, struct confine_dir *out)
{
	static const char *const devices[] = {MOTE_DEVICES, NULL};
	if (entry->host < 0 || !(entry->flags & FD_GIVEN) || !(entry->flags & FD_DIR))
		return false;
	*out = (struct confine_dir){
		.fd = entry->host,
		.readonly = entry->flags & FD_READONLY,
		.only = entry->flags & FD_DEVICES ? devices : NULL,
	};
	return true;
}

int vm_confine_thread(const struct vm *vm, struct err *e)
{
	const struct fdtable *t = &vm->fds;
	unsigned keeps = CONFINE_KEEPS_SIGNALS;
	if (vm->network)
		keeps |= CONFINE_KEEPS_NETWORK;
	struct confine_dir *dirs = calloc(t->len + t->kept_len + 1, sizeof(*dirs));
	cleanup_free struct confine_dir *all = dirs;
	if (!all)
		return err_sys(e, ENOMEM, "the directories of a sandbox");
	for (uint32_t i = 0; i < t->len; i++)
		dirs += directory_of(&t->entries[i], dirs);
	for (uint32_t i = 0; i < t->kept_len; i++)
		dirs += directory_of(&t->kept[i], dirs);
	return confine_files(all, (size_t)(dirs - all), keeps, e);
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
	network_close();
	return confine_descriptors(all, n + count);
}
