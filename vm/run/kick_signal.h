/* SPDX-License-Identifier: Apache-2.0 */
/* Which signal kicks are (kick.h), and its handler. */
#ifndef MOTE_VM_RUN_KICK_SIGNAL_H
#define MOTE_VM_RUN_KICK_SIGNAL_H

#include "base/cleanup.h"
#include "base/err.h"

#include <signal.h>

typedef void (*kick_handler)(int signo, siginfo_t *info, void *context);

/* As kick_prepare (kick.h), which knows the handler. */
int kick_signal_prepare(kick_handler handler, struct err *e) must_check;
/* The kick's number; does not change once kick_prepare() has succeeded. Signal handlers, too. */
int kick_signal(void);
/*
 * What is blocked in a vCPU's thread: the kick, SIGPIPE and SIGXFSZ. A guest's broken pipe and a
 * file that would become too large are an errno.
 */
const sigset_t *kick_blocked(void);

#endif
