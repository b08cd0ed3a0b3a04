/* SPDX-License-Identifier: Apache-2.0 */
/* A module's working directory, which WASI preview 1 does not have. */
#ifndef MOTE_API_WORKING_DIR_H
#define MOTE_API_WORKING_DIR_H

#include "api/options.h"

/*
 * Gives the module options.cwd, unless that is "/": as a directory "." after the others, which C
 * libraries resolve relative paths in, and as the variable PWD, which Go takes. The directory has
 * to be one of options.dirs or in one. ERR_CONFIG if it is not there.
 */
int working_dir_add(const struct mote_options *o, struct sandbox_config *c,
		    struct err *e) must_check;

#endif
