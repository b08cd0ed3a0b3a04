/* SPDX-License-Identifier: Apache-2.0 */
/* Text on standard output that comes in small pieces. */
#ifndef MOTE_WASI_PRINT_H
#define MOTE_WASI_PRINT_H

#include <stdint.h>

void print_bytes(void *unused, const char *text, uint64_t bytes);
void print_flush(void);

#endif
