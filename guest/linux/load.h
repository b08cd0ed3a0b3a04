/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MOTE_GUEST_LINUX_LOAD_H
#define MOTE_GUEST_LINUX_LOAD_H

#include <stdint.h>

struct loaded_program {
	uint64_t entry;
	uint64_t stack; /* pointer, with arguments, environment and auxiliary vector */
};

/*
 * Maps the program file, its stack and the fault stack. Ends the guest with a sentence if it
 * cannot.
 */
struct loaded_program load_program(const uint8_t *file, uint64_t bytes);

#endif
