/* SPDX-License-Identifier: Apache-2.0 */
/* passwd(5): name:password:uid:gid:comment:home:shell. The image's author controls the file. */
#include "oci/passwd.h"

#include "base/io.h"
#include "oci/rootfs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#define PASSWD_MAX (1UL << 20)

int oci_home_in(char *text, uint32_t uid, char **out)
{
	char want[16];
	snprintf(want, sizeof(want), "%u", uid);
	*out = NULL;
	for (char *line; (line = strsep(&text, "\n"));) {
		char *fields[6];
		size_t n = 0;
		while (n < 6 && (fields[n] = strsep(&line, ":")))
			n++;
		if (n < 6 || strcmp(fields[2], want) != 0 || fields[5][0] != '/')
			continue;
		*out = strdup(fields[5]);
		if (!*out)
			return -ENOMEM;
		return 0;
	}
	return 0;
}

int oci_home(int root_fd, uint32_t uid, char **out)
{
	*out = NULL;
	cleanup_close int fd =
		oci_open_in_root(root_fd, "/etc/passwd", O_RDONLY | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return 0;
	cleanup_free char *text = malloc(PASSWD_MAX + 1);
	if (!text)
		return -ENOMEM;
	ssize_t n = io_read_full(fd, text, PASSWD_MAX);
	if (n < 0)
		return 0;
	text[n] = '\0';
	return oci_home_in(text, uid, out);
}
