/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The documents for another OCI runtime, which runs a container of the same bundle, and what that
 * runtime logs.
 */
#ifndef MOTE_OCI_RUNTIME_CONFIG_H
#define MOTE_OCI_RUNTIME_CONFIG_H

#include "oci/spec.h"

/* What is not as config.json has it. Borrowed. */
struct oci_runtime_config {
	const char *rootfs;      /* absolute */
	const char *cgroup_path; /* absolute, below a hierarchy's root */
	bool terminal;
};

/*
 * config.json of a spec that was read, with those changes and the mounts that oci_add_mount has
 * added. *text is the caller's.
 */
int oci_runtime_config_text(const struct oci_spec *s, const struct oci_runtime_config *c,
			    char **text, struct err *e) must_check;
/* The document that oci_process_parse has read. *text is the caller's. */
int oci_runtime_process_text(const struct oci_spec *s, bool terminal, char **text,
			     struct err *e) must_check;

/*
 * The last error in a log of lines of JSON, as runc and crun write it: *message is the caller's,
 * with `?` for what cannot be printed. -ENOENT: there is none; -ENOMEM.
 */
int oci_runtime_log_error(const char *log, size_t len, char **message) must_check;

#endif
