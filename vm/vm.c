/* SPDX-License-Identifier: Apache-2.0 */
/* Creating and destroying a vm. */
#include "vm/vm.h"

#include "vm/arch/arch.h"
#include "vm/boot.h"
#include "vm/hostcall/epoll_watch.h"
#include "vm/hostcall/inotify.h"
#include "vm/hostcall/memfd.h"
#include "vm/hostcall/network.h"
#include "vm/hostcall/record_locks.h"
#include "vm/hostcall/resolve.h"
#include "vm/hostcall/unix_address.h"
#include "vm/internal.h"
#include "vm/jail/jail.h"
#include "vm/kvm/open.h"
#include "vm/memory/pagemap.h"
#include "vm/run/kick.h"
#include "vm/snapshot/recycle.h"
#include "vm/snapshot/stop_point.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#define MEMORY_MIN (8UL << 20)

/*
 * A descriptor of the embedder's for the guest. A directory is opened again, so that the guest can
 * list, sync and change it, which O_PATH descriptors refuse, and has a position of its own; one
 * that may not be read is still a way to what is below it, and so is one of devices, which is not
 * the guest's to list or change.
 */
static int own_descriptor(int host, unsigned flags)
{
	cleanup_close int opened = -1;
	if ((flags & (FD_DIR | FD_DEVICES)) == FD_DIR)
		opened = resolve_open(host, ".", 0, O_RDONLY | O_DIRECTORY, 0);
	if (opened > STDERR_FILENO)
		return take_fd(&opened);
	if (opened >= 0)
		host = opened;
	return fcntl(host, F_DUPFD_CLOEXEC, 3);
}

/* Gives it to the guest at exactly the number `at`. */
static int give_fd(struct vm *vm, int host, unsigned flags, uint32_t at, struct err *e)
{
	int fd = own_descriptor(host, flags);
	if (fd < 0)
		return err_sys(e, errno, "descriptor %d for the guest", host);
	int rc = fdtable_give(&vm->fds, fd, flags, at);
	if (rc < 0)
		return err_sys(e, -rc, "descriptor %d for the guest", host);
	return 0;
}

static unsigned preopen_flags(uint32_t kind)
{
	switch (kind) {
	case MOTE_PREOPEN_DIR:
		return FD_DIR;
	case MOTE_PREOPEN_DIR_READONLY:
		return FD_DIR | FD_READONLY;
	case MOTE_PREOPEN_DEVICES:
		return FD_DIR | FD_DEVICES;
	default:
		return FD_SOCKET | FD_LISTENER | FD_FIXED_STATE;
	}
}

/*
 * A listener may be shared with others, who may take a connection that was seen there: waiting for
 * it is poll's task, which can be interrupted, and never accept's. The guest has a flag of its own.
 */
static int make_nonblocking(int fd, struct err *e)
{
	int flags = fcntl(fd, F_GETFL);
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
		return err_sys(e, errno, "listener %d for the guest", fd);
	return 0;
}

int vm_give_fds(struct vm *vm, const struct vm_config *config, struct err *e)
{
	vm->given = (uint32_t)(3 + config->preopen_count);
	for (uint32_t i = 0; i < 3; i++)
		if (config->stdio[i] >= 0) {
			int rc = give_fd(vm, config->stdio[i], FD_FIXED_STATE, i, e);
			if (rc < 0)
				return rc;
		}
	for (size_t i = 0; i < config->preopen_count; i++) {
		const struct vm_preopen *p = &config->preopens[i];
		int rc = 0;
		if (p->kind == MOTE_PREOPEN_LISTENER)
			rc = make_nonblocking(p->fd, e);
		if (rc < 0)
			return rc;
		if (p->kind == MOTE_PREOPEN_DIR)
			vm->paths |= JAIL_PATHS | JAIL_CHANGES;
		else if (p->kind != MOTE_PREOPEN_LISTENER)
			vm->paths |= JAIL_PATHS;
		rc = give_fd(vm, p->fd, preopen_flags(p->kind), (uint32_t)(3 + i), e);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int build(struct vm *vm, const struct vm_config *config, struct err *e)
{
	struct vcpu *vcpu = &vm->vcpus[0];
	int rc = kernel_window_map(&vm->memory);
	if (rc < 0)
		return err_sys(e, -rc, "laying out the VM's descriptor tables");
	rc = boot_load_image(vm, config, e);
	if (rc < 0)
		return rc;
	rc = boot_map_area(vm, e);
	if (rc < 0)
		return rc;
	rc = boot_map_program(vm, config, e);
	if (rc < 0)
		return rc;
	rc = boot_write_info(vm, config, e);
	if (rc < 0)
		return rc;
	rc = vm_give_fds(vm, config, e);
	if (rc < 0)
		return rc;
	kernel_window_set_entry(&vm->memory, vm->entry);
	const struct arch_start start = {
		.entry = vm->entry,
		.stack_top = gva(MOTE_BOOT_STACK_TOP),
		.arg = {MOTE_BOOT_VA, vcpu->area_va.v},
		.area = vcpu->area_va,
	};
	arch_vcpu_start(&vcpu->kvm, &vm->memory, &start);
	return 0;
}

/* KVM's part of a VM, without memory. kvm_fd is borrowed. */
int vm_make_machine(struct vm *vm, int kvm_fd, struct err *e)
{
	int rc = machine_create(&vm->machine, kvm_fd, e);
	if (rc < 0)
		return rc;
	return kvm_vcpu_create(&vm->vcpus[0].kvm, &vm->machine, kvm_fd, 0, e);
}

/* KVM's part of a VM and its memory, empty or as `from` has it. */
static int make_machine_and_memory(struct vm *vm, const struct vm_config *config,
				   const struct vm_snapshot *from, struct err *e)
{
	if (config->private_memory) /* its pages are copied in each VM */
		from = NULL;
	if (recycle_take(from, config->memory_bytes & ~(uint64_t)(MOTE_PAGE - 1), &vm->machine,
			 &vm->vcpus[0].kvm, &vm->memory, &vm->kept))
		return 0;
	cleanup_close int own_kvm = -1;
	int kvm_fd = config->kvm_fd;
	if (kvm_fd < 0) {
		own_kvm = kvm_fd = kvm_open(e);
		if (kvm_fd < 0)
			return kvm_fd;
	}
	int rc = vm_make_machine(vm, kvm_fd, e);
	if (rc < 0)
		return rc;
	return memory_init(&vm->memory, vm->machine.vm_fd, config->memory_bytes, e);
}

void vm_prepare(void)
{
	clock_prepare();
	arch_prepare();
	network_prepare();
}

static uint64_t machine_bytes(void)
{
	struct sysinfo is;
	if (sysinfo(&is) < 0)
		return UINT64_MAX;
	return ((uint64_t)is.totalram + is.totalswap) * is.mem_unit;
}

int vm_new(const struct vm_config *config, const struct vm_snapshot *from, struct vm **out,
	   struct err *e)
{
	if (config->memory_bytes < MEMORY_MIN || config->memory_bytes > MEMORY_MAX_BYTES)
		return err_set(e, ERR_CONFIG, EINVAL,
			       "a memory limit of %lu bytes; it must be from 8 MiB to 1 TiB",
			       config->memory_bytes);
	struct vm *vm = calloc(1, sizeof(*vm));
	if (!vm)
		return err_sys(e, ENOMEM, "a VM");
	vm->working_set_fd = -1;
	vm->machine = MACHINE_NONE;
	for (unsigned i = 0; i < VM_VCPUS_MAX; i++) {
		vm->vcpus[i].vm = vm;
		vm->vcpus[i].kvm = KVM_VCPU_NONE;
		vm->vcpus[i].poller.off = config->no_polling;
	}
	vm->machine_bytes = machine_bytes();
	vm->network = config->network;
	vm->fds.max = config->fds_max;
	vm->wasm = config->wasm;
	vm->set_ids = config->set_ids;
	vm->credentials.wanted = config->credentials;
	vm->credentials.on_change = config->on_credentials;
	vm->credentials.on_bind_refused = config->on_bind_refused;
	vm->credentials.arg = config->on_credentials_arg;
	vm->container_key = config->container_key;
	vm->stop_ready = config->stop_ready;
	clock_prepare();
	vm->time_limit_ns = config->time_limit_ns;
	vm->log = config->log;
	vm->log_arg = config->log_arg;
	if (!config->wasm)
		pagemap_prepare(); /* memory_reclaim */
	int rc = kick_prepare(e);
	if (rc == 0)
		rc = stop_init(vm, config, e);
	if (rc == 0)
		rc = network_open(vm, e);
	if (rc == 0)
		rc = make_machine_and_memory(vm, config, from, e);
	vm->memory.copies = config->private_memory;
	vm_watch_memory(vm);
	if (rc < 0) {
		vm_destroy(vm);
		return rc;
	}
	*out = vm;
	return 0;
}

int vm_create(const struct vm_config *config, struct vm **out, struct err *e)
{
	struct vm *vm;
	int rc = vm_new(config, NULL, &vm, e);
	if (rc < 0)
		return rc;
	rc = build(vm, config, e);
	if (rc < 0) {
		vm_destroy(vm);
		return rc;
	}
	*out = vm;
	return 0;
}

void vm_destroy(struct vm *vm)
{
	if (!vm)
		return;
	watchdog_leave(vm);
	channel_free(&vm->channel);
	stop_free(vm);
	fdtable_destroy(&vm->fds);
	unix_names_free(vm);
	memfds_free(vm);
	inotify_free(vm);
	epoll_watches_free(vm);
	record_locks_free(vm);
	network_free(vm);
	call_drop_fifo(&vm->vcpus[0]);
	if (vm->snapshot)
		vm->kept = vm->leave_snapshot(vm);
	cleanup_closep(&vm->working_set_fd);
	recycle_give(&vm->machine, &vm->vcpus[0].kvm, &vm->memory, &vm->kept);
	free(vm);
}
