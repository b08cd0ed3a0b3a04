/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hooks that run while a monitor sets itself up, in its namespaces. The shim runs the others.
 */
#include "runtime/monitor/monitor.h"

#include <errno.h>
#include <fcntl.h>

int monitor_read_hooks(struct monitor_hooks *h, const char *id, const char *bundle, pid_t pid,
		       struct err *e)
{
	*h = (struct monitor_hooks){
		.state = {.id = id, .bundle = bundle, .status = "creating", .pid = pid},
	};
	cleanup_spec struct oci_spec spec = {0};
	cleanup_close int dir = open(bundle, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return err_sys(e, errno, "bundle %s", bundle);
	int rc = oci_spec_read(dir, &spec, e);
	if (rc < 0)
		return rc;
	oci_hooks_take(&spec, &h->hooks);
	return 0;
}

void monitor_free_hooks(struct monitor_hooks *h)
{
	oci_hooks_free(&h->hooks);
}
