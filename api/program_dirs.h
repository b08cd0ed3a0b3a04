/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The directories of a program that a snapshot was taken of, as its file has them: for each
 * `readonly`, the length of its guest path, and the path.
 */
#ifndef MOTE_API_PROGRAM_DIRS_H
#define MOTE_API_PROGRAM_DIRS_H

#include "api/options.h"
#include "base/buf.h"
#include "base/reader.h"

int program_dirs_put(struct buf *b, const struct mote_options *o) must_check;
/*
 * The start's directories in the snapshot's order. ERR_CONFIG unless they have the same paths and
 * kinds.
 */
int program_dirs_order(const struct mote_options *o, struct reader r,
		       struct mote_dir dirs[PREOPENS_MAX], struct err *e) must_check;

#endif
