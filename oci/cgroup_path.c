/* SPDX-License-Identifier: Apache-2.0 */
/*
 * linux.cgroupsPath: a path, or systemd's slice:prefix:name. Whoever made the bundle controls it.
 */
#include "oci/internal.h"

#include <stdio.h>
#include <string.h>

/* Joins components with one '/' between; refuses ".." and a path that is only the root. */
static int normal_path(const char *text, char **out)
{
	size_t at = 0;
	cleanup_free char *path = malloc(strlen(text) + 2);
	if (!path)
		return -ENOMEM;
	while (*text) {
		size_t n = strcspn(text, "/");
		if (n == 2 && memcmp(text, "..", 2) == 0)
			return -EINVAL;
		if (n > 0 && !(n == 1 && *text == '.')) {
			path[at++] = '/';
			memcpy(path + at, text, n);
			at += n;
		}
		text += n;
		text += *text == '/';
	}
	if (at == 0)
		return -EINVAL;
	path[at] = '\0';
	*out = take_ptr(path);
	return 0;
}

/* "a-b.slice" lies in "a.slice"; "-.slice" is the root. */
static int slice_path(const char *slice, size_t len, char *to, size_t size)
{
	static const char suffix[] = ".slice";
	size_t stem = len - (sizeof(suffix) - 1), at = 0;
	if (len < sizeof(suffix) || memcmp(slice + stem, suffix, sizeof(suffix) - 1) != 0 ||
	    memchr(slice, '/', len))
		return -EINVAL;
	to[0] = '\0';
	if (stem == 1 && *slice == '-')
		return 0;
	for (size_t i = 1; i <= stem; i++) {
		if (i < stem && slice[i] != '-')
			continue;
		if (slice[i - 1] == '-')
			return -EINVAL;
		int n = snprintf(to + at, size - at, "/%.*s%s", (int)i, slice, suffix);
		if (n < 0 || (size_t)n >= size - at)
			return -ENAMETOOLONG;
		at += (size_t)n;
	}
	return 0;
}

static int systemd_path(const char *text, const char *first, const char *second, char **out)
{
	char slice[OCI_PATH_MAX + 1], path[2 * OCI_PATH_MAX];
	const char *name = second + 1, *prefix = first + 1;
	size_t len = (size_t)(first - text);
	if (!*name || strchr(name, '/') || strchr(name, ':') ||
	    memchr(prefix, '/', (size_t)(second - prefix)))
		return -EINVAL;
	if (len == 0) {
		text = "system.slice";
		len = strlen(text);
	}
	int rc = slice_path(text, len, slice, sizeof(slice)), n;
	if (rc < 0)
		return rc;
	size_t end = strlen(name);
	if (end > 6 && strcmp(name + end - 6, ".slice") == 0)
		n = snprintf(path, sizeof(path), "%s/%s", slice, name);
	else if (second > prefix)
		n = snprintf(path, sizeof(path), "%s/%.*s-%s.scope", slice, (int)(second - prefix),
			     prefix, name);
	else
		n = snprintf(path, sizeof(path), "%s/%s.scope", slice, name);
	if (n < 0 || n > OCI_PATH_MAX)
		return -ENAMETOOLONG;
	return normal_path(path, out);
}

int oci_cgroup_path(const char *text, char **out)
{
	if (strlen(text) > OCI_PATH_MAX)
		return -ENAMETOOLONG;
	const char *first = strchr(text, ':'), *second = NULL;
	if (first)
		second = strchr(first + 1, ':');
	if (second && *text != '/')
		return systemd_path(text, first, second, out);
	return normal_path(text, out);
}
