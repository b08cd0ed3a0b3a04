/* SPDX-License-Identifier: Apache-2.0 */
/* How containerd starts a shim: flags, the socket's address, becoming a daemon. */
#ifndef MOTE_SHIM_BOOTSTRAP_H
#define MOTE_SHIM_BOOTSTRAP_H

#include "base/cleanup.h"
#include "base/err.h"

#include <stdbool.h>

struct bootstrap_flags {
	const char *containerd_namespace, *address, *publish_binary, *id, *bundle;
	const char *action; /* "start", "delete", or NULL */
	bool debug, version, info;
};

#define BOOTSTRAP_ADDRESS_BYTES 108 /* "unix://", path, NUL: what every containerd accepts */

/* Go's flags: -name value, -name=value, --name…, before the action. Unknown ones are an error. */
int bootstrap_parse(int argc, char **argv, struct bootstrap_flags *out, struct err *e) must_check;
/* The address of the shim for a group (or a single container's id). */
void bootstrap_address(const struct bootstrap_flags *f, const char *group, char out[BOOTSTRAP_ADDRESS_BYTES]);
/*
 * Listens at the address. *listener is the caller's; -1 with 0 returned: another shim answers there.
 */
int bootstrap_listen(const char *address, int *listener, struct err *e) must_check;
/* Writes the `address` file into the bundle. */
int bootstrap_write_address(const char *bundle, const char *address, struct err *e) must_check;
/*
 * In the child that becomes the shim: a process group of its own, child subreaper, standard descriptors
 * away from containerd's (stderr to the bundle's FIFO `log`), OOM score. The listener becomes descriptor 3.
 */
int bootstrap_daemon(const char *bundle, int *listener, struct err *e) must_check;
/* Removes the socket of an address where nobody listens any more. */
void bootstrap_remove_stale(const char *bundle);

#endif
