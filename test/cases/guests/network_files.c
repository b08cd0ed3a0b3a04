/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Without the network /proc/net tells of a loopback interface that is down; what tells how the
 * network is set up is not there, and the first that is looked for is named.
 *
 * cases: reference this machine has a network
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "show.h"

static void print(const char *path)
{
	char text[4096];
	int fd = open(path, O_RDONLY);
	ssize_t n = read(fd, text, sizeof(text));
	printf("%s:\n%.*s", path, (int)n, text);
	SAY(pread(fd, text, 7, 4));
	SAY(lseek(fd, 1, SEEK_SET));
	SAY(read(fd, text, sizeof(text)) == n - 1);
	SAY(read(fd, text, sizeof(text)));
	close(fd);
}

int main(void)
{
	struct stat st;
	char to[64] = "";
	SAY(open("/proc/self/netted", O_RDONLY)); /* another name */
	SAY(stat("/proc/net", &st));
	SAY(readlink("/proc/net", to, sizeof(to)));
	printf("%s\n", to);
	print("/proc/net/tcp");
	print("/proc/self/net/dev");
	print("/proc/thread-self/net/route");
	SAY(open("/proc/net/dev", O_WRONLY));
	SAY(open("/proc/net/snmp", O_RDONLY));
	SAY(open("/proc/net/sockstat", O_RDONLY));
	SAY(open("/proc/sys/net/core/somaxconn", O_RDONLY));
	return 0;
}
