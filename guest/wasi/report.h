/* SPDX-License-Identifier: Apache-2.0 */
/* Reports to the user about the module, and the end of the guest. */
#ifndef MOTE_WASI_REPORT_H
#define MOTE_WASI_REPORT_H

#include "guest/wasm/wasm.h"

enum { WASI_CANNOT_RUN = 126 /* exit status of a module that is not fit to be run */ };

/* The program's name in messages: the last part of its path. */
const char *wasi_program_name(void);
_Noreturn void wasi_end(int32_t status);
/* The reason of a trap. */
const char *wasi_trap_text(const struct wasm_stop *stop);
/* That reason and a backtrace on descriptor 2. */
void wasi_report_trap(const struct wasm_stop *stop);
/* The same, and ends as by SIGABRT. */
_Noreturn void wasi_end_by_trap(const struct wasm_stop *stop);
/* Says why a module cannot be run, and ends. */
_Noreturn void wasi_refuse_module(const struct wasm_error *error);
/* The same of a component. */
_Noreturn void wasi_refuse_component(const struct wasm_error *error);
/* The same in other words: after the program's name, printf form. */
_Noreturn void wasi_refuse(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
