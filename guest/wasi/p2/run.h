/* SPDX-License-Identifier: Apache-2.0 */
/* Components as programs: of the world wasi:cli/command of WASI 0.2. */
#ifndef MOTE_WASI_P2_RUN_H
#define MOTE_WASI_P2_RUN_H

/* Runs the program that is to be run, which is a component, and ends with its status. */
_Noreturn void p2_run(void);

#endif
