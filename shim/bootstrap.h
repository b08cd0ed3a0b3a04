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

/* What the standard input of `start` says. */
struct bootstrap_input {
	char *socket_dir; /* owned; NULL: not given */
	bool debug;
};

#define BOOTSTRAP_PATH_MAX      106 /* bytes; what containerd dials */
#define BOOTSTRAP_ADDRESS_BYTES 114 /* "unix://", path, NUL */

/* Go's flags: -name value, -name=value, --name…, before the action. Unknown ones are an error. */
int bootstrap_parse(int argc, char **argv, struct bootstrap_flags *out, struct err *e) must_check;
/*
 * Reads len bytes that came on standard input: parameters of containerd 2.3 and later if they name
 * this container, else options of earlier ones, which do not matter here. Neither is an error.
 */
int bootstrap_parse_input(const void *bytes, size_t len, const struct bootstrap_flags *f,
			  struct bootstrap_input *out) must_check;
/* The same, reading standard input, which may be closed. */
int bootstrap_read_input(const struct bootstrap_flags *f, struct bootstrap_input *out,
			 struct err *e) must_check;
/*
 * The address of the shim for a group (or a single container's id), below state_dir or, NULL, the
 * usual one.
 */
int bootstrap_address(const struct bootstrap_flags *f, const char *state_dir, const char *group,
		      char out[BOOTSTRAP_ADDRESS_BYTES], struct err *e) must_check;
/*
 * Listens at the address. *listener is the caller's; -1 with 0 returned: another shim answers
 * there. One that nobody listens on is replaced; a lock on its directory keeps others from doing so
 * at the same time.
 */
int bootstrap_listen(const char *address, int *listener, struct err *e) must_check;
/* Writes the `address` file into the bundle. */
int bootstrap_write_address(const char *bundle, const char *address, struct err *e) must_check;
/*
 * In the child that becomes the shim: a process group of its own, child subreaper, standard
 * descriptors away from containerd's (stderr to the bundle's FIFO `log`), OOM score. The listener
 * becomes descriptor 3.
 */
int bootstrap_daemon(const char *bundle, int *listener, struct err *e) must_check;
/* Removes the socket that the bundle's address file names, if nobody listens on it any more. */
int bootstrap_remove_stale(const char *bundle, struct err *e) must_check;

#endif
