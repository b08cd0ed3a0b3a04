/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MOTE_GUEST_LINUX_PROGRAM_EXEC_H
#define MOTE_GUEST_LINUX_PROGRAM_EXEC_H

#include "guest/linux/program/load.h"

/*
 * The guest program's file, or the interpreter of the script that it is: as load_program, also in
 * how it fails.
 */
struct loaded_program exec_start(const uint8_t *file, uint64_t bytes);

#endif
