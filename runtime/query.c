/* SPDX-License-Identifier: Apache-2.0 */
/* What the shim asks before there is a container: of a bundle, and of Mote. */
#include "oci/spec.h"
#include "runtime/runtime.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

int runtime_group(const char *bundle, char **out, struct err *e)
{
	static const char *const names[] = {"io.containerd.runc.v2.group",
					    "io.kubernetes.cri.sandbox-id"};
	char *values[2];
	cleanup_close int fd = open(bundle, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_set(e, ERR_CONFIG, errno, "bundle %s: %s", bundle, strerror(errno));
	*out = NULL;
	if (faccessat(fd, OCI_CONFIG_NAME, F_OK, 0) < 0 && errno == ENOENT)
		return 0;
	int rc = oci_annotations(fd, names, values, 2, e);
	if (rc < 0)
		return rc;
	*out = values[1];
	if (values[0]) {
		*out = values[0];
		free(values[1]);
	}
	return 0;
}

int runtime_features(char **out)
{
	return oci_features_text(out);
}
