/* SPDX-License-Identifier: Apache-2.0 */
/* How a program finds the listening sockets that it inherits. */
#ifndef MOTE_API_LISTEN_H
#define MOTE_API_LISTEN_H

#include "api/options.h"

/* Adds LISTEN_FDS and LISTEN_PID, as systemd has them, to the environment of a program. */
int listen_environment(struct sandbox_config *c, struct err *e) must_check;
/* Puts listeners before directories: descriptors 3, 4, … as native programs look for them. */
void listen_first(struct sandbox_config *c);

#endif
