/* SPDX-License-Identifier: Apache-2.0 */
/* Guest descriptors. */
#include "vm/fdtable.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

void fdtable_destroy(struct fdtable *t)
{
	for (uint32_t i = 0; i < t->len; i++)
		cleanup_closep(&t->entries[i].host);
	free(t->entries);
	*t = (struct fdtable){0};
}

/* Makes room for descriptor number `at`. */
static int grow(struct fdtable *t, uint32_t at)
{
	if (at < t->len)
		return 0;
	if (at >= FDTABLE_MAX)
		return -EMFILE;
	uint32_t len = t->len ? t->len : 16;
	while (len <= at)
		len *= 2;
	struct fd_entry *entries = reallocarray(t->entries, len, sizeof(*entries));
	if (!entries)
		return -ENOMEM;
	for (uint32_t i = t->len; i < len; i++)
		entries[i] = (struct fd_entry){.host = -1};
	t->entries = entries;
	t->len = len;
	return 0;
}

int fdtable_add(struct fdtable *t, int host, unsigned flags, uint32_t at_least)
{
	uint32_t at = at_least > t->lowest ? at_least : t->lowest;
	while (at < t->len && t->entries[at].host >= 0)
		at++;
	int rc = grow(t, at);
	if (rc < 0) {
		close(host);
		return rc;
	}
	t->entries[at] = (struct fd_entry){.host = host, .flags = (uint16_t)flags};
	if (at_least <= t->lowest)
		t->lowest = at + 1;
	return (int)at;
}

int fdtable_put(struct fdtable *t, int host, unsigned flags, uint32_t at)
{
	int rc = grow(t, at);
	if (rc < 0) {
		close(host);
		return rc;
	}
	cleanup_closep(&t->entries[at].host);
	t->entries[at] = (struct fd_entry){.host = host, .flags = (uint16_t)flags};
	return 0;
}

struct fd_entry *fdtable_get(struct fdtable *t, int32_t fd)
{
	if (fd < 0 || (uint32_t)fd >= t->len || t->entries[fd].host < 0)
		return NULL;
	return &t->entries[fd];
}

int fdtable_close(struct fdtable *t, int32_t fd)
{
	struct fd_entry *entry = fdtable_get(t, fd);
	if (!entry)
		return -EBADF;
	int host = entry->host;
	entry->host = -1;
	if ((uint32_t)fd < t->lowest)
		t->lowest = (uint32_t)fd;
	return close(host) < 0 && errno != EINTR ? -errno : 0;
}
