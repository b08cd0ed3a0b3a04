/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Images whose program is a layer of its own, which is not unpacked into a root file system: Wasm
 * artefacts (the CNCF's guidance, and what came before it), and Mote's own for native programs.
 */
#ifndef MOTE_OCI_ARTEFACT_H
#define MOTE_OCI_ARTEFACT_H

#include "oci/content.h"
#include "oci/entry.h"

#include <stddef.h>

/* The media type of a layer that is a native program: a static ELF executable. */
#define OCI_LAYER_NATIVE "application/vnd.mote.program.layer.v1+elf"

#define OCI_LAYERS_MAX      256
#define OCI_DOCUMENT_MAX    (1UL << 20) /* bytes */
#define OCI_ARTEFACT_DIGEST (7 + CONTENT_DIGEST_CHARS + 1)
#define OCI_PROGRAM_MAX     (4UL << 30) /* bytes; what a guest's address space has for it */

/* What is looked for, and where. Borrowed. */
struct oci_artefact_query {
	int store;          /* see content.h */
	const char *digest; /* of the image's manifest, or of an index of manifests */
	const char *arg0;   /* as oci_entry_open's */
	/*
	 * Of a further process of the container: the first one's args[0], which names its program
	 * again. NULL: it is the first one, and an image's only program is meant by any name.
	 */
	const char *first_arg0;
};

struct oci_artefact {
	struct oci_entry entry;             /* released with oci_entry_free */
	char layer[OCI_ARTEFACT_DIGEST];    /* the program's digest, which was checked */
	char manifest[OCI_ARTEFACT_DIGEST]; /* of the image that was chosen */
};

/*
 * Finds the program of an image: 1; 0: the image is not an artefact, or has no program of that
 * name. Of one program layer that is the program, whatever arg0 is; of several, the one whose title
 * (org.opencontainers.image.title) is arg0. The layer's bytes are checked against its digest.
 *
 * Errors, ERR_CONFIG: ENOENT a blob is missing, or none of several programs has that name; ENOEXEC
 * another platform, or not what its media type says; EBADMSG bytes that are not of their digest;
 * EINVAL what is not as the image specification has it; EFBIG.
 */
int oci_artefact_open(const struct oci_artefact_query *query, struct oci_artefact *out,
		      struct err *e) must_check;

#endif
