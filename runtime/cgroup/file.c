/* SPDX-License-Identifier: Apache-2.0 */
/* Reading and writing a cgroup's control files. */
#include "runtime/cgroup/internal.h"

#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

int cgroup_write(const char *dir, const char *file, const char *text)
{
	char path[4400];
	int n = snprintf(path, sizeof(path), "%s/%s", dir, file);
	if (n < 0 || (size_t)n >= sizeof(path))
		return -ENAMETOOLONG;
	cleanup_close int fd = open(path, O_WRONLY | O_CLOEXEC);
	return fd < 0 ? -errno : io_write_all(fd, text, strlen(text));
}

int cgroup_read(const char *dir, const char *file, char *to, size_t room)
{
	char path[4400];
	int n = snprintf(path, sizeof(path), "%s/%s", dir, file);
	if (n < 0 || (size_t)n >= sizeof(path))
		return -ENAMETOOLONG;
	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? -errno : io_read_full(fd, to, room - 1);
	if (got < 0)
		return (int)got;
	while (got > 0 && to[got - 1] == '\n')
		got--;
	to[got] = '\0';
	return (int)got;
}

uint64_t cgroup_number(const char *dir, const char *file)
{
	char text[32];
	if (!dir || cgroup_read(dir, file, text, sizeof(text)) <= 0)
		return 0;
	return strcmp(text, "max") == 0 ? UINT64_MAX : strtoull(text, NULL, 10);
}

uint64_t cgroup_field(const char *text, const char *key)
{
	size_t len = strlen(key);
	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, key, len) == 0 && line[len] == ' ')
			return strtoull(line + len + 1, NULL, 10);
	}
	return 0;
}
