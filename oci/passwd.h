/* SPDX-License-Identifier: Apache-2.0 */
/* The container's own /etc/passwd. */
#ifndef MOTE_OCI_PASSWD_H
#define MOTE_OCI_PASSWD_H

#include "base/cleanup.h"

#include <stdint.h>

/*
 * The home directory of a user in the root file system at root_fd: *out is the caller's, NULL if
 * the file does not list the user or cannot be read. -ENOMEM.
 */
int oci_home(int root_fd, uint32_t uid, char **out) must_check;
/* The same for the file's text, which is modified. */
int oci_home_in(char *text, uint32_t uid, char **out) must_check;

#endif
