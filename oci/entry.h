/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The program that a container starts with, found in its root file system as Linux would find it.
 */
#ifndef MOTE_OCI_ENTRY_H
#define MOTE_OCI_ENTRY_H

#include "base/cleanup.h"
#include "base/err.h"

#include <stdbool.h>

/* Released with oci_entry_free. */
struct oci_entry {
	int fd;         /* the file, open for reading */
	char *path;     /* its path in the container */
	char *function; /* the part of args[0] after '#', for a module; NULL if there is none */
};

/*
 * Looks up arg0: a path (relative to cwd) if it has a '/', else a name in each directory of
 * `path` (PATH's value; NULL: the usual one). root_fd is the container's root directory: no
 * symbolic link leads out of it. "PATH#FUNCTION" names a module's export, unless a file of that
 * whole name exists; "PATH#" names the export of the empty name.
 *
 * The rights are the calling thread's: its file system user and groups, its effective capabilities.
 * A module must be readable, a native program executable, too.
 *
 * Errors, all ERR_CONFIG: -ENOENT not found (shells answer 127); -EACCES a directory, or not
 * readable, or not executable, -ENOEXEC neither a WebAssembly module nor an ELF program (126); the
 * sentence says what it is.
 */
int oci_entry_open(int root_fd, const char *cwd, const char *path, const char *arg0,
		   struct oci_entry *out, struct err *e) must_check;
/* Whether a regular file is there, by the same lookup; nothing is opened. */
bool oci_entry_is_there(int root_fd, const char *cwd, const char *path,
			const char *arg0) must_check;
/*
 * Whether the dynamic linker runs it, or the interpreter of the script that it is, as the image has
 * them. False as well for what is not there or cannot be read.
 */
bool oci_entry_is_dynamic(int root_fd, const char *cwd, const char *path,
			  const char *arg0) must_check;
void oci_entry_free(struct oci_entry *entry);

#endif
