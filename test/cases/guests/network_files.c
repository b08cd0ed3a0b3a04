/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files of /proc and /sys that tell of the network are not there, and the first that is looked for
 * is named.
 *
 * cases: reference this kernel has them
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "show.h"

int main(void)
{
	struct stat st;
	char to[64];
	SAY(open("/proc/self/netted", O_RDONLY)); /* another name */
	SAY(open("/proc/net/tcp", O_RDONLY));
	SAY(stat("/proc/net", &st));
	SAY(readlink("/proc/net", to, sizeof(to)));
	SAY(open("/proc/self/net/dev", O_RDONLY));
	SAY(open("/proc/sys/net/core/somaxconn", O_RDONLY));
	SAY(open("/sys/class/net", O_RDONLY | O_DIRECTORY));
	return 0;
}
