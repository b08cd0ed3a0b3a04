/* SPDX-License-Identifier: Apache-2.0 */
/* What the files that parse config.json share. */
#ifndef MOTE_OCI_INTERNAL_H
#define MOTE_OCI_INTERNAL_H

#include "oci/spec.h"

#define OCI_PATH_MAX 4095
#define OCI_STRINGS_MAX 16384
#define OCI_STRING_BYTES_MAX (128UL << 10) /* as execve(2) has it for one argument */

/* The parts of the document; each fills its members of *s. */
int oci_parse_process(const struct json_at *root, struct oci_spec *s, struct err *e) must_check;
int oci_parse_linux(const struct json_at *root, struct oci_spec *s, struct err *e) must_check;
int oci_parse_hooks(const struct json_at *root, struct oci_hooks *out, struct err *e) must_check;

/* A string that must begin with '/', has no ".." component. As json_get_string. */
int oci_get_abs_path(const struct json_at *at, const char **out, struct err *e) must_check;

#endif
