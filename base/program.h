/* SPDX-License-Identifier: Apache-2.0 */
/* What kinds of program Mote runs, told apart by their first bytes. */
#ifndef MOTE_BASE_PROGRAM_H
#define MOTE_BASE_PROGRAM_H

#include "base/cleanup.h"
#include "base/err.h"

#include <stdbool.h>

/* A script's interpreter is looked for by the guest, in its own directories. */
enum program_kind { PROGRAM_WASM, PROGRAM_ELF, PROGRAM_SCRIPT };

/*
 * The kind of an open file. ERR_CONFIG: EACCES a directory, ENOEXEC neither kind; the sentence says
 * what it is instead. name: for messages. Any thread.
 */
int program_identify(int fd, const char *name, enum program_kind *out, struct err *e) must_check;
/*
 * Whether an ELF program names an interpreter, the dynamic linker. Of the file that, and no more,
 * is read: whatever else is wrong with it the guest finds. Any thread.
 */
bool program_is_dynamic(int fd) must_check;

#endif
