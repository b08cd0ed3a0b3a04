/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target: config.json, and linux.resources alone. The whole input is the document. */
#include "oci/spec.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct oci_spec s;
	struct err e = {0};
	int rc = oci_spec_parse((const char *)data, size, &s, &e);
	/* A refusal says why; what was accepted has what the runtime relies on. */
	if (rc < 0 && (e.code != -rc || !e.text[0]))
		abort();
	if (rc == 0 && (!s.args[0] || s.cwd[0] != '/' || !s.root_path[0]))
		abort();
	if (rc == 0 && s.cgroup_path && (s.cgroup_path[0] != '/' || strstr(s.cgroup_path, "/../")))
		abort();
	oci_spec_free(&s);
	/* As Exec brings a process. */
	rc = oci_process_parse((const char *)data, size, &s, &e);
	if ((rc < 0 && (e.code != -rc || !e.text[0])) || (rc == 0 && (!s.args[0] || s.cwd[0] != '/')))
		abort();
	oci_spec_free(&s);
	/* As Update brings linux.resources. */
	rc = oci_resources_parse((const char *)data, size, &s, &e);
	if (rc < 0 && (e.code != -rc || !e.text[0]))
		abort();
	oci_spec_free(&s);
	return 0;
}
