/* SPDX-License-Identifier: Apache-2.0 */
/* What the files that parse config.json share. */
#ifndef MOTE_OCI_INTERNAL_H
#define MOTE_OCI_INTERNAL_H

#include "oci/json.h"
#include "oci/spec.h"

#include <errno.h>

#define OCI_PATH_MAX         4095
#define OCI_STRINGS_MAX      16384
#define OCI_STRING_BYTES_MAX (128UL << 10) /* as execve(2) has it for one argument */

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/*
 * The parts of the document; each fills its members of *s. What is wrong is the document's error
 * (json.h).
 */
void oci_parse_process(const struct json *process, struct oci_spec *s);
void oci_parse_mounts(const struct json *top, struct oci_spec *s);
void oci_parse_linux(const struct json *top, struct oci_spec *s);
void oci_parse_resources(const struct json *resources, struct oci_resources *r);
void oci_parse_hooks(const struct json *top, struct oci_hooks *out);
/*
 * What is supported of a kind, the i-th of it; NULL: there is none. recursive: with an 'r' before
 * it, too.
 */
const char *oci_hook_name(size_t i);
const char *oci_namespace_name(size_t i);
const char *oci_mount_option_name(size_t i, bool *recursive);
/* Refuses a seccomp profile that Mote cannot keep. */
void oci_parse_seccomp(const struct json *linux_, struct oci_spec *s);
/* Refuses annotations of Mote's that it does not know. */
void oci_check_annotations(const struct json *top);

#endif
