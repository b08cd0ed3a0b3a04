/* SPDX-License-Identifier: Apache-2.0 */
/* The hooks that run while a monitor settles, in its namespaces. The others are the shim's to run. */
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
	int rc = dir < 0 ? err_sys(e, errno, "bundle %s", bundle) : oci_spec_read(dir, &spec, e);
	if (rc == 0)
		oci_hooks_take(&spec, &h->hooks);
	return rc;
}

void monitor_free_hooks(struct monitor_hooks *h)
{
	oci_hooks_free(&h->hooks);
}
