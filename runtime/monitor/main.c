/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The monitor: the process that has the VM. What needs rights happens first; then they are given
 * up, the VM is made, the thread's system calls are filtered, and only the guest runs.
 */
#include "runtime/monitor/private.h"

#include "oci/entry.h"
#include "runtime/runtime.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/prctl.h>
#include <unistd.h>

/* --- signals --- */

static struct mote_sandbox *running; /* for the handler: set before `started` */
static atomic_bool started;

static bool ignored_by_default(int signo)
{
	return signo == SIGCHLD || signo == SIGCONT || signo == SIGURG || signo == SIGWINCH;
}

static void on_signal(int signo, siginfo_t *info, void *context)
{
	(void)context;
	if (signo == MONITOR_SIGNAL_CARRIER && info->si_code == SI_QUEUE)
		signo = info->si_value.sival_int;
	/*
	 * The end of its terminal does not end the first process of a PID namespace, which finds it
	 * closed; it does end one that Exec added.
	 */
	if (signo == SIGHUP && info->si_code == SI_KERNEL && getpid() == 1)
		return;
	if (atomic_load(&started))
		mote_sandbox_signal(running, signo);
	else if (!ignored_by_default(signo))
		_exit(128 + signo);
}

/*
 * Before anything else: this is the first process of its PID namespace, which a signal without a
 * handler does not end (but SIGKILL from outside does, and its own faults).
 */
static int catch_signals(struct err *e)
{
	struct sigaction sa = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO};
	sigfillset(&sa.sa_mask);
	signal(SIGPIPE, SIG_IGN); /* the guest gets EPIPE */
	for (int signo = 1; signo < NSIG; signo++) {
		if (signo == SIGKILL || signo == SIGSTOP || monitor_signal_is_own(signo))
			continue;
		/* 32 and 33 are the C library's; nothing here uses threads. */
		if (sigaction(signo, &sa, NULL) < 0 && errno != EINVAL)
			return err_sys(e, errno, "handler of signal %d", signo);
	}
	return 0;
}

static int run(struct monitor *m, struct err *e)
{
	prctl(PR_SET_NAME, "mote-monitor", 0, 0, 0);
	int rc = catch_signals(e);
	mote_prepare(); /* while the host's /proc is in reach */
	if (rc < 0)
		return rc;
	rc = monitor_receive_config(m, e);
	if (rc < 0)
		return rc;
	monitor_open_cache(m);
	rc = monitor_set_up(m, e);
	if (rc < 0)
		return rc;
	rc = monitor_report(WIRE_READY, e);
	if (rc < 0)
		return rc;
	rc = monitor_build(m, e);
	if (rc < 0)
		return rc;
	running = m->sandbox;
	rc = monitor_report(WIRE_BUILT, e);
	if (rc < 0)
		return rc;
	rc = monitor_receive(WIRE_START, e);
	if (rc < 0)
		return rc;
	atomic_store(&started, true);
	struct mote_result result;
	struct mote_error me;
	if (mote_sandbox_run(m->sandbox, &result, &me) < 0)
		return monitor_error(&me, e);
	return mote_exit_status(&result);
}

/*
 * Whoever reads the output sees its end at once, not when the kernel has taken the VM apart. One by
 * one, as the filter allows close(2) alone; what the guest opened beyond these closes with the
 * process.
 */
static void close_guest_descriptors(void)
{
	for (int fd = 0; fd < 64; fd++)
		if (fd != MONITOR_CONTROL_FD)
			close(fd);
}

int runtime_monitor_main(void)
{
	static struct monitor m = {
		.root_fd = -1,
		.cache_fd = -1,
		.lsm = {.proc = -1},
		.userns = {.fd = -1},
		.artefact.entry = {.fd = -1},
		.body = {.cap = WIRE_BODY_MAX},
	};
	struct err e = {0};
	int status = run(&m, &e);
	/*
	 * Reporting is best effort: a shim that is gone needs none, one that is there sees our end.
	 */
	if (status < 0) {
		status = wire_failure_status(&e);
		(void)!wire_send_failure(MONITOR_CONTROL_FD, &e);
		monitor_say(e.text);
	} else {
		uint32_t body = (uint32_t)status;
		close_guest_descriptors();
		(void)!wire_send(MONITOR_CONTROL_FD, WIRE_EXIT, &body, sizeof(body));
	}
	return status;
}
