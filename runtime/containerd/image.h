/* SPDX-License-Identifier: Apache-2.0 */
/* Which image a container is made of, as containerd knows it. */
#ifndef MOTE_RUNTIME_CONTAINERD_IMAGE_H
#define MOTE_RUNTIME_CONTAINERD_IMAGE_H

#include "base/cleanup.h"
#include "base/err.h"

/* Released with containerd_image_free. All are owned. */
struct containerd_image {
	char *name;
	char *digest; /* "sha256:…", of its manifest or index */
	char *store;  /* the directory of containerd's content store */
};

/*
 * address: of containerd's gRPC socket. 1; 0: the container has no image; or an error. Waits some
 * seconds at most.
 */
int containerd_image_of(const char *address, const char *containerd_namespace, const char *id,
			struct containerd_image *out, struct err *e) must_check;
void containerd_image_free(struct containerd_image *image);
#define cleanup_image cleanup_(containerd_image_free)

#endif
