/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cases: cflags -gdwarf-2 -nostdlib -Wl,--no-entry
 * cases: filter sed 's, at /.*test.cases, at /...,; s/: 0x[0-9a-f]* - /: /'
 *
 * A backtrace with the functions that were inlined, by DWARF 2; paths are absolute.
 */
#include "inlined.h"
