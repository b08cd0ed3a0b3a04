/* SPDX-License-Identifier: Apache-2.0 */
/* The handler of SIGBUS, which makes an access to memory that is gone an error of its copy. */
#include "vm/memory/guest_copy.h"

#include "vm/arch/signal_context.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <ucontext.h>

/* arch/x86_64/guest_copy.S. Begin, end and failed are addresses in it. */
int guest_copy_unchecked(void *to, const void *from, size_t bytes);
int guest_zero_unchecked(void *to, size_t bytes);
extern const char guest_copy_begin[], guest_copy_end[], guest_copy_failed[];

static pthread_once_t once = PTHREAD_ONCE_INIT;
static int prepare_rc;
static struct sigaction before;  /* written before the handler is there */
static atomic_bool before_spent; /* it was to be called once (SA_RESETHAND), and has been */

/*
 * Raised by this thread's access, and not sent by a process, or for broken memory that nobody uses
 * yet.
 */
static bool is_fault(const siginfo_t *info)
{
	return info->si_code > 0 && info->si_code != BUS_MCEERR_AO;
}

/* Ends the process as SIGBUS does: when the access is tried again, or when this handler returns. */
static void act_by_default(int signo, const siginfo_t *info)
{
	signal(signo, SIG_DFL);
	if (!is_fault(info))
		raise(signo);
}

/* As the kernel would have called it, but for the stack, which is this handler's. */
static void call_before(int signo, siginfo_t *info, void *context)
{
	pthread_sigmask(SIG_BLOCK, &before.sa_mask, NULL); /* until this handler returns */
	if (before.sa_flags & SA_SIGINFO)
		before.sa_sigaction(signo, info, context);
	else
		before.sa_handler(signo);
}

static void pass_on(int signo, siginfo_t *info, void *context)
{
	bool handled = before.sa_flags & SA_SIGINFO ||
		       (before.sa_handler != SIG_DFL && before.sa_handler != SIG_IGN);
	if (handled && !(before.sa_flags & SA_RESETHAND && atomic_exchange(&before_spent, true)))
		call_before(signo, info, context);
	else if (handled || before.sa_handler == SIG_DFL || is_fault(info))
		act_by_default(signo, info);
	/* What was sent is ignored as before; an access cannot be. */
}

static void on_bus(int signo, siginfo_t *info, void *context)
{
	ucontext_t *c = context;
	uintptr_t at = signal_context_pc(c);
	int saved = errno;
	if (is_fault(info) && at >= (uintptr_t)guest_copy_begin && at < (uintptr_t)guest_copy_end)
		signal_context_set_pc(c, (uintptr_t)guest_copy_failed);
	else
		pass_on(signo, info, context);
	errno = saved;
}

static void prepare(void)
{
	if (sigaction(SIGBUS, NULL, &before) < 0) {
		prepare_rc = -errno;
		return;
	}
	struct sigaction sa = {.sa_sigaction = on_bus, .sa_flags = SA_SIGINFO | SA_ONSTACK};
	sa.sa_flags |= before.sa_flags & (SA_NODEFER | SA_RESTART);
	sigemptyset(&sa.sa_mask);
	if (sigaction(SIGBUS, &sa, NULL) < 0)
		prepare_rc = -errno;
}

int guest_copy_prepare(void)
{
	pthread_once(&once, prepare);
	return prepare_rc;
}

/* AddressSanitizer does not see what assembly reads and writes, so it is informed. */
#ifdef __has_feature
#if __has_feature(address_sanitizer) && !defined(__SANITIZE_ADDRESS__)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>

static void check(const void *at, size_t bytes)
{
	const char *bad = __asan_region_is_poisoned((void *)(uintptr_t)at, bytes);
	if (bad)
		(void)*(const volatile char *)bad; /* reported as an access of ours */
}
#else
static void check(const void *at, size_t bytes)
{
	(void)at;
	(void)bytes;
}
#endif

static _Thread_local bool unblocked;

void guest_copy_unblocked(bool is)
{
	unblocked = is;
}

struct guest_copy_scope guest_copies_begin(void)
{
	struct guest_copy_scope s = {.outer = !unblocked};
	sigset_t bus;
	if (!s.outer)
		return s;
	sigemptyset(&bus);
	sigaddset(&bus, SIGBUS);
	pthread_sigmask(SIG_UNBLOCK, &bus, &s.saved);
	unblocked = true;
	return s;
}

void guest_copies_end(const struct guest_copy_scope *s)
{
	if (!s->outer)
		return;
	unblocked = false;
	if (sigismember(&s->saved, SIGBUS))
		pthread_sigmask(SIG_SETMASK, &s->saved, NULL);
}

int guest_copy(void *to, const void *from, size_t bytes)
{
	check(to, bytes);
	check(from, bytes);
	if (unblocked)
		return guest_copy_unchecked(to, from, bytes);
	guest_copies;
	return guest_copy_unchecked(to, from, bytes);
}

int guest_zero(void *to, size_t bytes)
{
	check(to, bytes);
	if (unblocked)
		return guest_zero_unchecked(to, bytes);
	guest_copies;
	return guest_zero_unchecked(to, bytes);
}
