/* SPDX-License-Identifier: Apache-2.0 */
/* The end of a shim: it takes no further connections, and stops when its events have been sent. */
#include "shim/task.h"

#include <unistd.h>

void shim_end(struct shim *shim)
{
	if (shim->ending)
		return;
	shim->ending = true;
	/* While we listen on it nobody replaces the socket: what is removed is our own. */
	unlink(shim->socket_path);
	ttrpc_stop_listening(&shim->server);
	events_stop_when_sent(&shim->events);
}
