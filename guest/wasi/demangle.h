/* SPDX-License-Identifier: Apache-2.0 */
/* Functions' names as their source has them. */
#ifndef MOTE_WASI_DEMANGLE_H
#define MOTE_WASI_DEMANGLE_H

#include <stddef.h>

/*
 * A function's name of C++ or Rust as the source has it, cut to `size` bytes and without a NUL; how
 * many bytes. Any other name, and one that is too long, as it is. The name is the module's, and so
 * is what is wrong with it: a fault in here, or work without end, is the guest's own.
 */
size_t demangle(const char *name, size_t bytes, char *to, size_t size);

#endif
