/* SPDX-License-Identifier: Apache-2.0 */
/* Freezing and restoring a VM: memory/image.c's and the vCPU's registers put together. */
#include "vm/snapshot/private.h"

#include "base/time.h"
#include "vm/arch/arch.h"
#include "vm/boot.h"
#include "vm/hostcall/epoll_watch.h"
#include "vm/hostcall/inotify.h"
#include "vm/hostcall/memfd.h"
#include "vm/hostcall/record_locks.h"
#include "vm/kvm/open.h"
#include "vm/memory/pagemap.h"
#include "vm/memory/shared_file.h"
#include "vm/memory/working_set.h"
#include "vm/snapshot/recycle.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

/* --- taking --- */

static const char *kind_of(unsigned flags)
{
	if (flags & FD_DIR)
		return "directory";
	if (flags & FD_SOCKET)
		return "socket";
	if (flags & FD_INOTIFY)
		return "watch of files, by inotify";
	return "file, pipe or terminal";
}

static int record_fds(struct vm *vm, struct vm_snapshot *s, struct err *e)
{
	uint32_t count = 0;
	if (memory_shares(&vm->memory))
		return err_set(
			e, ERR_GUEST, EBUSY,
			"the guest has a file mapped MAP_SHARED, which a snapshot cannot hold");
	if (vm->credentials.changed)
		return err_set(e, ERR_GUEST, EBUSY,
			       "the guest has changed its user, groups or capabilities, which a "
			       "snapshot cannot hold");
	for (uint32_t i = 0; i < vm->fds.len; i++)
		count += vm->fds.entries[i].host >= 0;
	s->state.given = vm->given;
	s->fds = calloc(count + 1, sizeof(*s->fds));
	if (!s->fds)
		return err_sys(e, ENOMEM, "a snapshot");
	for (uint32_t i = 0; i < vm->fds.len; i++) {
		const struct fd_entry *entry = fdtable_get(&vm->fds, (int32_t)i);
		if (!entry)
			continue;
		if (!entry->origin)
			return err_set(
				e, ERR_GUEST, EBUSY,
				"the guest has descriptor %u open (a %s), which a snapshot cannot "
				"hold",
				i, kind_of(entry->flags));
		const unsigned found_out = FD_ASKED | FD_NO_READING | FD_NO_WRITING;
		s->fds[s->fd_count++] = (struct fd_wanted){
			.at = i,
			.flags = (uint16_t)(entry->flags & ~found_out),
			.origin = entry->origin,
		};
	}
	return 0;
}

static uint64_t gpa_of(const struct vm *vm, const void *host)
{
	return (uint64_t)((const uint8_t *)host - vm->memory.hva);
}

int snapshot_fill(struct vm *vm, struct vm_snapshot *s, struct err *e)
{
	struct vcpu *vcpu = &vm->vcpus[0];
	int rc = record_fds(vm, s, e);
	if (rc < 0)
		return rc;
	/*
	 * It was reset and has not run since: the registers that it is to load are not in KVM yet.
	 */
	if (vcpu->kvm.state_due)
		rc = arch_vcpu_load(&vcpu->kvm, &vm->memory, &vm->snapshot->state.cpu);
	if (rc == 0)
		rc = arch_vcpu_save(&vcpu->kvm, &s->state.cpu);
	if (rc < 0)
		return err_sys(e, -rc, "reading the vCPU's registers");
	dirty_enter(&vm->memory.dirty);
	arch_vcpu_keep(&vcpu->kvm, &vm->memory, &s->state.cpu);
	vcpu->state_kept = false; /* of this snapshot now */
	s->state.area = gpa_of(vm, vcpu->area);
	s->state.boot = gpa_of(vm, vm->boot);
	s->state.boot_bytes = vm->boot_bytes;
	s->state.area_va = vcpu->area_va;
	s->state.entry = vm->entry;
	s->state.program = vm->program;
	s->state.program_bytes = vm->program_bytes;
	s->state.stopped = vm->state;
	s->state.wasm = vm->wasm;
	s->state.exec_sealed = vm->exec_sealed;
	s->state.channel_max = vm->channel.max;
	s->state.reply_at = vm->channel.reply_at;
	s->state.reply_size = vm->channel.reply_size;
	s->state.alarm_left_ns = vcpu->alarm_left_ns;
	s->state.alarm_interval_ns = vcpu->alarm_interval_ns;
	return 0;
}

int vm_snapshot_take(struct vm *vm, struct vm_snapshot **out, struct err *e)
{
	if (vm->state == VM_RUNNING || vm->state == VM_ENDED)
		return err_set(e, ERR_CONFIG, EINVAL,
			       "a snapshot can only be taken of a guest that waits for a call");
	struct vm_snapshot *s = calloc(1, sizeof(*s));
	if (!s)
		return err_sys(e, ENOMEM, "a snapshot");
	s->refs = 1;
	s->memory.fd = -1;
	int rc = snapshot_fill(vm, s, e);
	if (rc == 0)
		rc = memory_image_take(&vm->memory, &s->memory, e);
	if (rc < 0) {
		vm_snapshot_drop(s);
		return rc;
	}
	vm->fds.keep = true;
	*out = s;
	return 0;
}

struct vm_snapshot *vm_snapshot_ref(struct vm_snapshot *s)
{
	atomic_fetch_add(&s->refs, 1);
	return s;
}

/* False: that was the last reference. */
static bool give_back(struct vm_snapshot *s)
{
	if (atomic_fetch_sub(&s->refs, 1) != 1)
		return true;
	memory_image_free(&s->memory);
	free(s->fds);
	free(s->extra);
	free(s);
	return false;
}

void vm_snapshot_drop(struct vm_snapshot *s)
{
	if (s && give_back(s))
		recycle_leave(s);
}

bool vm_snapshot_wasm(const struct vm_snapshot *s)
{
	return s->state.wasm;
}

uint64_t vm_snapshot_memory(const struct vm_snapshot *s)
{
	return s->memory.shape.max_bytes;
}

enum vm_state vm_snapshot_state(const struct vm_snapshot *s)
{
	return (enum vm_state)s->state.stopped;
}

/* --- recycled VMs that are reset to their snapshot --- */

/* As for somebody else's guest: nothing is left to the guest to load. */
static int reset_recycled(void *image, struct memory *memory, struct kvm_vcpu *vcpu)
{
	struct vm_snapshot *s = image;
	int rc = memory_image_reset(&s->memory, memory);
	if (rc == 0)
		rc = arch_vcpu_renew(vcpu);
	if (rc == 0)
		rc = arch_vcpu_load(vcpu, memory, &s->state.cpu);
	return rc;
}

static bool is_left(const void *image)
{
	const struct vm_snapshot *s = image;
	return atomic_load(&s->refs) == atomic_load(&s->held);
}

static void drop_recycled(void *image)
{
	struct vm_snapshot *s = image;
	atomic_fetch_sub(&s->held, 1);
	give_back(s);
}

/*
 * Not of a file that others may shorten: the pages that the host uses itself do not lie in it
 * (copy_pages_of_host), and a reset may bring them back.
 */
static bool can_be_recycled(const struct vm *vm)
{
	const struct memory *m = &vm->memory;
	return m->hva && !m->changed && !m->copies && !memory_shares(m) &&
	       vm->vcpus[0].state_kept && !vm->snapshot->memory.may_vanish;
}

/*
 * Of a VM that is no longer restored from its snapshot: the next ones of the snapshot profit from
 * it.
 */
static struct recycle_image leave_snapshot(struct vm *vm)
{
	struct recycle_image image = {
		.reset = reset_recycled,
		.is_left = is_left,
		.drop = drop_recycled,
	};
	if (vm->memory.hva)
		working_set_record(&vm->snapshot->memory, &vm->memory, vm->working_set_fd >= 0);
	if (vm->working_set_fd >= 0)
		working_set_write(vm->snapshot, vm->working_set_fd);
	if (!can_be_recycled(vm)) {
		vm_snapshot_drop(take_ptr(vm->snapshot));
		return image;
	}
	atomic_fetch_add(&vm->snapshot->held, 1);
	image.image = take_ptr(vm->snapshot);
	return image;
}

int vm_record_working_set(struct vm *vm, int fd)
{
	pagemap_prepare();
	vm->working_set_fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (vm->working_set_fd < 0)
		return -errno;
	return 0;
}

/* --- restoring --- */

/* What no two VMs may have in common. */
static int reseed(const struct vm *vm)
{
	struct mote_boot *boot = vm->boot;
	boot->generation++; /* for the guest alone, whose memory it is */
	if (getrandom(boot->random, sizeof(boot->random), 0) == sizeof(boot->random))
		return 0;
	return -EIO;
}

/*
 * Whether the VM was restored from this snapshot before, and since changed contents of pages and
 * registers alone.
 */
static bool can_reset(const struct vm *vm, const struct vm_snapshot *s)
{
	/* the page map tells no copy from a change */
	return vm->snapshot == s && !vm->memory.changed && !vm->memory.copies;
}

/* Takes a reference over. */
static void use_snapshot(struct vm *vm, struct vm_snapshot *s)
{
	vm->snapshot = s;
	vm->leave_snapshot = leave_snapshot;
}

static int restore_memory(struct vm *vm, struct vm_snapshot *s)
{
	if (can_reset(vm, s))
		return memory_image_reset(&s->memory, &vm->memory);
	vm_snapshot_drop(take_ptr(vm->snapshot));
	int rc = memory_image_restore(&s->memory, &vm->memory);
	if (rc == 0)
		use_snapshot(vm, vm_snapshot_ref(s));
	return rc;
}

static void restore_fields(struct vm *vm, const struct vm_snapshot *s)
{
	struct vcpu *vcpu = &vm->vcpus[0];
	uint8_t *hva = vm->memory.hva;
	vcpu->area = (struct mote_area *)(void *)(hva + s->state.area);
	vm->boot = (struct mote_boot *)(void *)(hva + s->state.boot);
	vm->boot_bytes = s->state.boot_bytes;
	vcpu->area_va = s->state.area_va;
	vm->entry = s->state.entry;
	vm->wasm = s->state.wasm;
	vm->exec_sealed = s->state.exec_sealed;
	vm->program = s->state.program;
	vm->program_bytes = s->state.program_bytes;
	free(take_ptr(vm->channel.unfetched));
	if (!vm->channel.max)
		vm->channel.max = s->state.channel_max;
	vm->state = (enum vm_state)s->state.stopped;
	vm->channel.reply_at = s->state.reply_at;
	vm->channel.reply_size = s->state.reply_size;
	vcpu->alarm_left_ns = s->state.alarm_left_ns; /* goes on from here */
	vcpu->alarm_interval_ns = s->state.alarm_interval_ns;
	vcpu->alarm_left_at = time_monotonic_ns();
	vm->log_lines = 0; /* another guest's do not count for this one */
	atomic_store(&vm->pending, 0);
	atomic_store(&vcpu->alarm.fired, false);
	atomic_store(&vcpu->flush.fired, false);
}

/* Kernel pages, unless they are the snapshot's already. */
static int restore_kernel_pages(struct vm *vm, const struct vm_snapshot *s)
{
	struct vcpu *vcpu = &vm->vcpus[0];
	vcpu->state_kept = vm->memory.shared_block;
	if (vcpu->state_kept)
		return 0;
	int rc = kernel_window_map(&vm->memory);
	if (rc < 0)
		return rc;
	kernel_window_set_entry(&vm->memory, s->state.entry);
	return 0;
}

/*
 * Copies pages of a snapshot's file to memory of this process alone. -EFAULT: it has become
 * shorter.
 */
static int copy_pages(const struct vm *vm, const struct memory_image *i, uint64_t gpa,
		      uint64_t bytes)
{
	uint64_t from = gpa & ~(uint64_t)(MOTE_PAGE - 1);
	size_t len = memory_page_up(gpa + bytes) - from;
	void *at = mmap(vm->memory.hva + from, len, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
	if (at == MAP_FAILED)
		return -errno;
	ssize_t n = pread(i->fd, at, len, (off_t)(i->file_at + from));
	if (n < 0)
		return -errno;
	if (n == (ssize_t)len)
		return 0;
	return -EFAULT;
}

/*
 * The host uses the area and the boot information where they are. Of a private mapping of a file
 * even the pages that were written vanish when somebody truncates the file: so these do not lie in
 * one.
 */
static int copy_pages_of_host(const struct vm *vm, const struct vm_snapshot *s)
{
	if (!s->memory.may_vanish)
		return 0;
	int rc = copy_pages(vm, &s->memory, s->state.area, MOTE_AREA_BYTES);
	if (rc < 0)
		return rc;
	return copy_pages(vm, &s->memory, s->state.boot, MOTE_PAGE);
}

/* Memory and registers are the snapshot's already. */
static int use_kept(struct vm *vm)
{
	struct vm_snapshot *s = vm->kept.image;
	vm->kept = (struct recycle_image){0};
	atomic_fetch_sub(&s->held, 1);
	use_snapshot(vm, s);
	vm->vcpus[0].state_kept = true;
	restore_fields(vm, s);
	return reseed(vm);
}

static int restore(struct vm *vm, struct vm_snapshot *s)
{
	struct vcpu *vcpu = &vm->vcpus[0];
	if (vm->kept.image)
		return use_kept(vm);
	bool again = can_reset(vm, s);
	int rc = restore_memory(vm, s);
	if (rc == 0 && !again)
		rc = restore_kernel_pages(vm, s);
	/* A reset that did not find all pages that were written has dropped these, too. */
	if (rc == 0 && (!again || !vm->memory.dirty.complete))
		rc = copy_pages_of_host(vm, s);
	if (rc < 0)
		return rc;
	if (!vcpu->state_kept)
		arch_vcpu_keep(&vcpu->kvm, &vm->memory, &s->state.cpu);
	vcpu->state_kept = true;
	restore_fields(vm, s);
	if (again)
		rc = arch_vcpu_reload(&vcpu->kvm, &vm->memory, &s->state.cpu);
	else
		rc = arch_vcpu_load(&vcpu->kvm, &vm->memory, &s->state.cpu);
	if (rc < 0)
		return rc;
	return reseed(vm);
}

int vm_snapshot_load_registers(struct vm *vm)
{
	struct vcpu *vcpu = &vm->vcpus[0];
	return arch_vcpu_load(&vcpu->kvm, &vm->memory, &vm->snapshot->state.cpu);
}

/* The old VM can be neither used further nor reset: another one in its place. */
static int replace(struct vm *vm, struct err *e)
{
	struct vcpu *vcpu = &vm->vcpus[0];
	cleanup_close int kvm_fd = kvm_open(e);
	if (kvm_fd < 0)
		return kvm_fd;
	uint64_t bytes = vm->memory.max_bytes;
	bool copies = vm->memory.copies;
	vm_snapshot_drop(take_ptr(vm->snapshot));
	recycle_give(&vm->machine, &vm->vcpus[0].kvm, &vm->memory, &(struct recycle_image){0});
	vcpu->kvm_mask_set = false;
	int rc = vm_make_machine(vm, kvm_fd, e);
	if (rc == 0)
		rc = memory_init(&vm->memory, vm->machine.vm_fd, bytes, e);
	vm->memory.copies = copies;
	vm_watch_memory(vm);
	return rc;
}

static int restore_or_explain(struct vm *vm, struct vm_snapshot *s, struct err *e)
{
	int rc = restore(vm, s);
	if (rc == -EAGAIN) {
		rc = replace(vm, e);
		if (rc < 0)
			return rc;
		rc = restore(vm, s);
	}
	if (rc == -ENOMEM && (s->memory.shape.next > vm->memory.end ||
			      s->memory.shape.used_bytes > vm->memory.max_bytes))
		return err_set(
			e, ERR_CONFIG, ENOMEM,
			"the memory limit of %lu KiB is too small for the snapshot, which uses %lu "
			"KiB",
			vm->memory.max_bytes >> 10, s->memory.shape.next >> 10);
	if (rc == -EFAULT)
		return err_set(e, ERR_CONFIG, EFAULT, "the snapshot's file has become shorter");
	if (rc < 0)
		return err_sys(e, -rc, "restoring a snapshot");
	return 0;
}

/* Nothing to do if the guest has not changed its descriptors since the last time. */
static int restore_fds(struct vm *vm, const struct vm_snapshot *s, struct err *e)
{
	if (vm->snapshot == s && vm->fds_seen == vm->fds.changes)
		return 0;
	memfds_free(vm);
	inotify_free(vm);
	epoll_watches_free(vm);
	record_locks_free(vm);
	int rc = fdtable_reset(&vm->fds, s->fds, s->fd_count);
	if (rc == -EBADF)
		return err_set(
			e, ERR_CONFIG, EBADF,
			"the snapshot is of a guest with other descriptors than this one was "
			"given");
	vm->fds_seen = vm->fds.changes;
	if (rc < 0)
		return err_sys(e, -rc, "restoring descriptors");
	return 0;
}

int vm_restore(struct vm *vm, struct vm_snapshot *s, struct err *e)
{
	struct vcpu *vcpu = &vm->vcpus[0];
	/* those that it was started with, from now on: the snapshot's are copies of them */
	vm->fds.keep = true;
	call_drop_fifo(vcpu);
	dirty_enter(&vm->memory.dirty);
	int rc = restore_fds(vm, s, e);
	if (rc == 0 && vcpu->kvm.dead)
		rc = replace(vm, e);
	if (rc < 0)
		return rc;
	return restore_or_explain(vm, s, e);
}

/* Its descriptors are those that the snapshot's guest was started with, and no others. */
static int check_fds(const struct vm *vm, const struct vm_snapshot *s, struct err *e)
{
	const unsigned kinds =
		FD_DIR | FD_READONLY | FD_SOCKET | FD_LISTENER | FD_FIXED_STATE | FD_DEVICES;
	for (uint32_t k = 0; k < s->fd_count; k++) {
		uint32_t at = (uint32_t)s->fds[k].origin - 1;
		const struct fd_entry *entry = NULL;
		if (at < vm->fds.len && vm->fds.entries[at].host >= 0)
			entry = &vm->fds.entries[at];
		if (!entry)
			return err_set(e, ERR_CONFIG, EBADF,
				       "the snapshot's guest was given a descriptor %u; give one",
				       at);
		if ((s->fds[k].flags & kinds) != (entry->flags & kinds))
			return err_set(
				e, ERR_CONFIG, EBADF,
				"descriptor %u is not of the kind that the snapshot's guest was "
				"given",
				at);
	}
	if (vm->given != s->state.given)
		return err_set(
			e, ERR_CONFIG, EBADF,
			"the snapshot's guest was given %u directories and listeners, not %u",
			s->state.given - 3, vm->given - 3);
	return 0;
}

static int build(struct vm *vm, struct vm_snapshot *s, const struct vm_config *config,
		 struct err *e)
{
	int rc = vm_give_fds(vm, config, e);
	if (rc == 0)
		rc = check_fds(vm, s, e);
	if (rc < 0)
		return rc;
	vm->fds.keep = true;
	rc = restore_fds(vm, s, e);
	if (rc == 0)
		rc = restore_or_explain(vm, s, e);
	if (rc == 0 && vm->state == VM_BEFORE_CALL)
		vm->channel.max = 0;
	return rc;
}

/*
 * For a guest of which the snapshot was taken in `ready`: descriptors and boot information are this
 * VM's own, and it no longer waits.
 */
static int build_ready(struct vm *vm, struct vm_snapshot *s, const struct vm_config *config,
		       struct err *e)
{
	struct vcpu *vcpu = &vm->vcpus[0];
	int rc = vm_give_fds(vm, config, e);
	if (rc == 0)
		rc = restore_or_explain(vm, s, e);
	if (rc < 0)
		return rc;
	rc = memory_unmap(&vm->memory, gva(MOTE_BOOT_VA), vm->boot_bytes);
	if (rc < 0)
		return err_sys(e, -rc, "boot information");
	vm->state = VM_RUNNING;
	vm->channel.max = 0;
	vcpu->area->frame.result = 0;
	return boot_write_info(vm, config, e);
}

int vm_create_from(struct vm_snapshot *s, const struct vm_config *config, struct vm **out,
		   struct err *e)
{
	struct vm *vm;
	int rc = vm_new(config, s, &vm, e);
	if (rc < 0)
		return rc;
	if (s->state.stopped == VM_AT_READY)
		rc = build_ready(vm, s, config, e);
	else
		rc = build(vm, s, config, e);
	if (rc < 0) {
		vm_destroy(vm);
		return rc;
	}
	*out = vm;
	return 0;
}
