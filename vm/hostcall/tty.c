/* SPDX-License-Identifier: Apache-2.0 */
/* Host calls on terminals. */
#include "vm/internal.h"
#include "vm/run/blocking.h"
#include "vm/run/signals.h"

#include <asm/termbits.h>
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

_Static_assert(sizeof(((struct termios *)0)->c_cc) == sizeof(((struct mote_termios *)0)->cc),
	       "control characters");

int64_t host_tty_get(struct vcpu *vcpu, const struct call_tty_get *a)
{
	struct vm *vm = vcpu->vm;
	struct termios t;
	int host = fdtable_host(&vm->fds, a->fd);
	if (host < 0)
		return host;
	if (ioctl(host, TCGETS, &t) < 0)
		return -errno;
	struct mote_termios out = {
		.iflag = t.c_iflag,
		.oflag = t.c_oflag,
		.cflag = t.c_cflag,
		.lflag = t.c_lflag,
		.line = t.c_line,
	};
	memcpy(out.cc, t.c_cc, sizeof(out.cc));
	if (a->termios.v)
		vm_put(vm, a->termios, &out, sizeof(out));
	return 0;
}

int64_t host_tty_set(struct vcpu *vcpu, const struct call_tty_set *a)
{
	static const unsigned long requests[] = {TCSETS, TCSETSW, TCSETSF};
	int host = fdtable_host(&vcpu->vm->fds, a->fd);
	if (host < 0)
		return host;
	if (a->when >= 3 || !a->termios)
		return -EINVAL;
	struct termios t;
	if (ioctl(host, TCGETS, &t) < 0)
		return -errno;
	/*
	 * Not its line discipline: at the terminal's next opening the kernel would load that one.
	 */
	t.c_iflag = a->termios->iflag;
	t.c_oflag = a->termios->oflag;
	t.c_cflag = a->termios->cflag;
	t.c_lflag = a->termios->lflag;
	memcpy(t.c_cc, a->termios->cc, sizeof(t.c_cc));
	if (a->when == 0)
		return sys_status(ioctl(host, TCSETS, &t));
	/* The others wait until a terminal has sent its output, which it may never have. */
	while (!vcpu_interrupted(vcpu)) {
		long rc = blocking_call(SYS_ioctl, host, (long)requests[a->when], (long)&t, 0);
		if (rc != -EINTR)
			return rc;
	}
	return -EINTR;
}

int64_t host_tty_size(struct vcpu *vcpu, const struct call_tty_size *a)
{
	struct vm *vm = vcpu->vm;
	struct mote_winsize size;
	int host = fdtable_host(&vm->fds, a->fd);
	if (host < 0)
		return host;
	if (ioctl(host, TIOCGWINSZ, &size) < 0)
		return -errno;
	if (a->size.v)
		vm_put(vm, a->size, &size, sizeof(size));
	return 0;
}

int64_t host_readable_bytes(struct vcpu *vcpu, const struct call_readable_bytes *a)
{
	int n, host = fdtable_host(&vcpu->vm->fds, a->fd);
	if (host < 0)
		return host;
	if (ioctl(host, FIONREAD, &n) < 0)
		return -errno;
	return n;
}
