/* SPDX-License-Identifier: Apache-2.0 */
#include "vm/kvm/vcpu.h"

#include "vm/arch/arch.h"
#include "vm/kvm/ioctl.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

static int create(struct kvm_vcpu *v, const struct machine *m, int kvm_fd, struct err *e)
{
	v->fd = ioctl(m->vm_fd, KVM_CREATE_VCPU, v->index);
	if (v->fd < 0)
		return err_sys(e, errno, "KVM_CREATE_VCPU");
	int run_bytes = ioctl(kvm_fd, KVM_GET_VCPU_MMAP_SIZE, 0);
	if (run_bytes < 0)
		return err_sys(e, errno, "KVM_GET_VCPU_MMAP_SIZE");
	if (run_bytes < (int)sizeof(struct kvm_run))
		return err_sys(e, EPROTO, "KVM_GET_VCPU_MMAP_SIZE");
	v->run_bytes = (size_t)run_bytes;
	void *run = mmap(NULL, v->run_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, v->fd, 0);
	if (run == MAP_FAILED)
		return err_sys(e, errno, "mapping the vCPU's run page");
	v->run = run;
	return arch_vcpu_init(v, kvm_fd, e);
}

int kvm_vcpu_create(struct kvm_vcpu *v, const struct machine *m, int kvm_fd, unsigned index,
		    struct err *e)
{
	*v = KVM_VCPU_NONE;
	v->index = index;
	int rc = create(v, m, kvm_fd, e);
	if (rc < 0)
		kvm_vcpu_destroy(v);
	return rc;
}

void kvm_vcpu_destroy(struct kvm_vcpu *v)
{
	if (v->run)
		munmap(v->run, v->run_bytes);
	cleanup_closep(&v->fd);
	*v = KVM_VCPU_NONE;
}

int kvm_vcpu_signal_mask(const struct kvm_vcpu *v, const sigset_t *mask)
{
	enum { SET_BYTES = 8 };
	static_assert(SET_BYTES <= sizeof(*mask), "the kernel's signal set is the first 8 bytes");
	_Alignas(struct kvm_signal_mask) uint8_t bytes[sizeof(struct kvm_signal_mask) + SET_BYTES];
	struct kvm_signal_mask *arg = (struct kvm_signal_mask *)bytes;
	arg->len = SET_BYTES;
	memcpy(arg->sigset, mask, SET_BYTES);
	return kvm_ioctl(v->fd, KVM_SET_SIGNAL_MASK, arg);
}

/*
 * An error for what a guest cannot bring about, and its end for everything else: by what it does in
 * its VM KVM may run out of memory, find a state that it does not know, or give the VM up.
 */
static int run_failed(struct kvm_vcpu *v, int error, enum vcpu_exit *out, struct err *e)
{
	*out = VCPU_DEAD;
	switch (error) {
	case EINTR:
		*out = VCPU_INTERRUPTED;
		return 0;
	case EAGAIN: /* the first run starts a kernel thread for the VM; trying again would spin */
		return err_set(
			e, ERR_HOST, EAGAIN,
			"KVM_RUN: no thread can be started for the VM; the limit of processes is "
			"reached "
			"(pids.max of a cgroup, or RLIMIT_NPROC)");
	case EBADF:
	case EPERM:
	case ENOTTY:
	case ENOSYS:
		return err_sys(e, error, "KVM_RUN");
	case EFAULT: /* a mapped file that became shorter */
		*out = VCPU_NO_MEMORY;
		snprintf(v->detail, sizeof(v->detail),
			 "guest memory is gone (was the program's file truncated?)");
		return 0;
	default:
		snprintf(v->detail, sizeof(v->detail), "KVM_RUN failed: %s", strerror(error));
		return 0;
	}
}

static int run(struct kvm_vcpu *v, enum vcpu_exit *out, struct err *e)
{
	if (ioctl(v->fd, KVM_RUN, 0) < 0)
		return run_failed(v, errno, out, e);
	const struct kvm_run *run = v->run;
	*out = arch_exit(run);
	if (*out != VCPU_DEAD)
		return 0;
	if (run->exit_reason == KVM_EXIT_SHUTDOWN)
		snprintf(v->detail, sizeof(v->detail), "triple fault");
	else if (run->exit_reason == KVM_EXIT_INTERNAL_ERROR)
		snprintf(v->detail, sizeof(v->detail), "KVM internal error %u",
			 run->internal.suberror);
	else
		snprintf(v->detail, sizeof(v->detail), "unexpected VM exit %u", run->exit_reason);
	return 0;
}

int kvm_vcpu_run(struct kvm_vcpu *v, enum vcpu_exit *out, struct err *e)
{
	v->state_due = false;
	v->has_run = true;
	int rc = run(v, out, e);
	if (rc == 0 && *out == VCPU_CALL)
		v->loading = false;
	v->dead = rc < 0 || *out == VCPU_DEAD || *out == VCPU_NO_MEMORY;
	return rc;
}
