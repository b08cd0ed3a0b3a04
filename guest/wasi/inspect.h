/* SPDX-License-Identifier: Apache-2.0 */
/* What a module or component is, for people: in the place of running it. */
#ifndef MOTE_WASI_INSPECT_H
#define MOTE_WASI_INSPECT_H

/*
 * Writes what the program is to descriptor 1, in ASCII, and ends; a program that is not valid is
 * refused as if it were run. None of its code runs.
 */
_Noreturn void inspect_program(void);

#endif
