/* SPDX-License-Identifier: Apache-2.0 */
/* Reading and writing a cgroup's control files. */
#include "runtime/cgroup/internal.h"

#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

const char *cgroup_dir(const struct cgroup *c, enum cgroup_controller controller)
{
	for (size_t i = 0; i < c->count; i++)
		if (c->hierarchies[i].controllers & controller)
			return c->hierarchies[i].dir;
	return NULL;
}

int cgroup_write(const char *dir, const char *file, const char *text)
{
	char path[4400];
	int n = snprintf(path, sizeof(path), "%s/%s", dir, file);
	if (n < 0 || (size_t)n >= sizeof(path))
		return -ENAMETOOLONG;
	cleanup_close int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	return io_write_all(fd, text, strlen(text));
}

int cgroup_read(const char *dir, const char *file, char *to, size_t size)
{
	char path[4400];
	int n = snprintf(path, sizeof(path), "%s/%s", dir, file);
	if (n < 0 || (size_t)n >= sizeof(path))
		return -ENAMETOOLONG;
	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ssize_t got = io_read_full(fd, to, size - 1);
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
	if (strcmp(text, "max") == 0)
		return UINT64_MAX;
	return strtoull(text, NULL, 10);
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
