/* SPDX-License-Identifier: Apache-2.0 */
/* The guest runtimes inside the binary, and the binary's file to map them from. */
#ifndef MOTE_API_IMAGES_H
#define MOTE_API_IMAGES_H

#include <stdint.h>

extern const uint8_t mote_image_linux[], mote_image_linux_end[];
extern const uint8_t mote_image_wasm[], mote_image_wasm_end[];
/*
 * 64 hexadecimal digits that differ for each build of guest images and vm/: what snapshots depend
 * on.
 */
extern const char mote_build_id[64];

/*
 * Opens the file that this code was loaded from, once a process; later calls answer from what it
 * found, also if /proc is gone. Any thread.
 */
void images_open(void);
/*
 * Descriptor (borrowed) and file offset of an address inside the images; -1 if they cannot be
 * mapped.
 */
int images_file(const void *at, uint64_t *offset);

#endif
