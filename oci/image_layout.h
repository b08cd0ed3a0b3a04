/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OCI image layouts (image-spec, image-layout.md) of one image with one config and one layer. What
 * these hold is the caller's matter. Part of libmote too, which keeps snapshots so: nothing here
 * knows of containers or of VMs.
 */
#ifndef MOTE_OCI_IMAGE_LAYOUT_H
#define MOTE_OCI_IMAGE_LAYOUT_H

#include "base/cleanup.h"
#include "base/err.h"

#include <stdint.h>

#define IMAGE_LAYER_BYTES_MAX (1L << 40)

/* The media types of the config and the layer. */
struct image_types {
	const char *config, *layer; /* borrowed */
};

/*
 * Writes a layout, which appears at `path` complete or not at all. write_layer fills the layer's
 * file, which is open for reading and writing; 0 or -errno with *e. config: its JSON text. EEXIST:
 * there is something at path.
 */
int image_layout_write(const char *path, const struct image_types *types, const char *config,
		       int (*write_layer)(void *arg, int fd, struct err *e), void *arg,
		       struct err *e) must_check;

/*
 * Reads a layout that may come from anybody: every digest is checked, and the layer is copied
 * first, so that nobody can change it afterwards. A sealed descriptor, which is the caller's.
 * EINVAL: it is not a layout of these types, or was cut or altered. EFBIG: the layer has more than
 * bytes_max bytes.
 */
int image_layout_open_layer(const char *path, const struct image_types *types, uint64_t bytes_max,
			    struct err *e) must_check;

#endif
