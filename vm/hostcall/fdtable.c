/* SPDX-License-Identifier: Apache-2.0 */
/* Guest descriptors. */
#include "vm/hostcall/fdtable.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

void fdtable_destroy(struct fdtable *t)
{
	for (uint32_t i = 0; i < t->len; i++)
		cleanup_closep(&t->entries[i].host);
	for (uint32_t i = 0; i < t->kept_len; i++)
		cleanup_closep(&t->kept[i].host);
	free(t->entries);
	free(t->kept);
	*t = (struct fdtable){0};
}

/* Makes room for descriptor number `at`. */
static int grow(struct fdtable *t, uint32_t at)
{
	if (at < t->len)
		return 0;
	uint32_t max = FDTABLE_MAX, len = t->len;
	if (t->max && t->max < max)
		max = t->max;
	if (at >= max)
		return -EMFILE;
	if (len == 0)
		len = 16;
	while (len <= at)
		len *= 2;
	if (len > max)
		len = max;
	struct fd_entry *entries = reallocarray(t->entries, len, sizeof(*entries));
	if (!entries)
		return -ENOMEM;
	for (uint32_t i = t->len; i < len; i++)
		entries[i] = (struct fd_entry){.host = -1};
	t->entries = entries;
	t->len = len;
	return 0;
}

/* An inherited descriptor goes: it is parked instead of being closed, if wanted. True if it was. */
static bool park(struct fdtable *t, struct fd_entry *entry)
{
	uint32_t at = (uint32_t)(entry - t->entries);
	t->changes++;
	if (!t->keep || !(entry->flags & FD_GIVEN))
		return false;
	if (at >= t->kept_len) {
		struct fd_entry *kept = reallocarray(t->kept, at + 1, sizeof(*kept));
		if (!kept)
			return false;
		for (uint32_t i = t->kept_len; i <= at; i++)
			kept[i] = (struct fd_entry){.host = -1};
		t->kept = kept;
		t->kept_len = at + 1;
	}
	t->kept[at] = *entry;
	entry->host = -1;
	return true;
}

static struct fd_entry new_entry(struct fdtable *t, int host, unsigned flags)
{
	return (struct fd_entry){.host = host,
				 .flags = (uint16_t)(flags & ~(unsigned)FD_GIVEN),
				 .opened = ++t->opened};
}

int fdtable_add(struct fdtable *t, int host, unsigned flags, uint32_t at_least)
{
	uint32_t at = at_least;
	if (at < t->lowest)
		at = t->lowest;
	while (at < t->len && t->entries[at].host >= 0)
		at++;
	int rc = grow(t, at);
	if (rc < 0) {
		close(host);
		return rc;
	}
	t->changes++;
	t->entries[at] = new_entry(t, host, flags);
	if (at_least <= t->lowest)
		t->lowest = at + 1;
	return (int)at;
}

int fdtable_add_new(struct fdtable *t, int host, unsigned flags)
{
	if (host < 0)
		return -errno;
	return fdtable_add(t, host, flags, 0);
}

int fdtable_put(struct fdtable *t, int host, unsigned flags, uint32_t at)
{
	int rc = grow(t, at);
	if (rc < 0) {
		close(host);
		return rc;
	}
	if (!park(t, &t->entries[at]))
		cleanup_closep(&t->entries[at].host);
	t->entries[at] = new_entry(t, host, flags);
	return 0;
}

int fdtable_give(struct fdtable *t, int host, unsigned flags, uint32_t at)
{
	int rc = fdtable_put(t, host, flags, at);
	if (rc < 0)
		return rc;
	t->entries[at].flags |= FD_GIVEN;
	t->entries[at].origin = (uint16_t)(at + 1);
	return 0;
}

void fdtable_note_copy(struct fdtable *t, uint32_t at, const struct fd_entry *of)
{
	t->entries[at].origin = of->origin;
	t->entries[at].object = of->object;
	t->entries[at].opened = of->opened;
}

void fdtable_note_object(struct fdtable *t, uint32_t at, uint16_t object)
{
	t->entries[at].object = object;
}

void fdtable_note_lock(struct fdtable *t, const struct fd_entry *entry, enum fd_lock kind)
{
	if (!entry->origin)
		return;
	t->locks |= kind;
	t->changes++;
}

/* A lock that is not there is none to end, and a file without locks has none. */
static void unlock(const struct fd_entry *entry, unsigned kinds)
{
	struct flock all = {.l_type = F_UNLCK, .l_whence = SEEK_SET};
	if (entry->host < 0 || !(entry->flags & FD_GIVEN))
		return;
	if (kinds & FD_LOCK_WHOLE)
		(void)!flock(entry->host, LOCK_UN | LOCK_NB);
	if (kinds & FD_LOCK_PROCESS)
		(void)!fcntl(entry->host, F_SETLK, &all);
	if (kinds & FD_LOCK_OPEN_FILE)
		(void)!fcntl(entry->host, F_OFD_SETLK, &all);
}

/* Duplicates have the same open file. */
static void unlock_all(struct fdtable *t)
{
	for (uint32_t i = 0; t->locks && i < t->len; i++)
		unlock(&t->entries[i], t->locks);
	for (uint32_t i = 0; t->locks && i < t->kept_len; i++)
		unlock(&t->kept[i], t->locks);
	t->locks = 0;
}

static bool as_wanted(const struct fd_entry *entry, const struct fd_wanted *w)
{
	return entry->origin == w->origin && !((entry->flags ^ w->flags) & FD_GIVEN);
}

/* An inherited descriptor, open or parked; NULL if there is none. */
static const struct fd_entry *given(const struct fdtable *t, uint16_t origin)
{
	uint32_t at = (uint32_t)origin - 1;
	if (at < t->len && t->entries[at].host >= 0 && t->entries[at].flags & FD_GIVEN)
		return &t->entries[at];
	if (at < t->kept_len && t->kept[at].host >= 0)
		return &t->kept[at];
	return NULL;
}

/* Fills a free entry: the inherited descriptor itself, which was parked, or a duplicate of it. */
static int put_back(struct fdtable *t, const struct fd_wanted *w, struct fd_entry *entry)
{
	const struct fd_entry *from = given(t, w->origin);
	if (!from)
		return -EBADF;
	struct fd_entry made = *from;
	if (w->flags & FD_GIVEN) {
		t->kept[w->at].host = -1;
	} else {
		made.host = fcntl(from->host, F_DUPFD_CLOEXEC, 3);
		made.flags &= (uint16_t)~FD_GIVEN;
		if (made.host < 0)
			return -errno;
	}
	*entry = made;
	return 0;
}

/*
 * A snapshot may be from anybody: it says which of the descriptors that this guest was given are
 * where. What they are and what may be done with them is as they were given.
 */
static int make_wanted(struct fdtable *t, const struct fd_wanted *w)
{
	int rc = grow(t, w->at);
	if (rc < 0)
		return rc;
	struct fd_entry *entry = &t->entries[w->at];
	if (entry->host < 0)
		rc = put_back(t, w, entry);
	if (rc == 0)
		entry->flags = (uint16_t)((entry->flags & ~FD_NONBLOCK) | (w->flags & FD_NONBLOCK));
	return rc;
}

int fdtable_reset(struct fdtable *t, const struct fd_wanted *wanted, uint32_t count)
{
	unlock_all(t);
	for (uint32_t i = 0, k = 0; i < t->len; i++) {
		while (k < count && wanted[k].at < i)
			k++;
		bool stays =
			k < count && wanted[k].at == i && as_wanted(&t->entries[i], &wanted[k]);
		if (t->entries[i].host < 0 || stays)
			continue;
		if (!park(t, &t->entries[i]))
			close(take_fd(&t->entries[i].host));
	}
	t->lowest = 0;
	t->changes++;
	int rc = 0;
	for (uint32_t k = 0; k < count && rc == 0; k++)
		rc = make_wanted(t, &wanted[k]);
	return rc;
}

struct fd_entry *fdtable_get(struct fdtable *t, int32_t fd)
{
	if (fd < 0 || (uint32_t)fd >= t->len || t->entries[fd].host < 0)
		return NULL;
	return &t->entries[fd];
}

int fdtable_host(struct fdtable *t, int32_t fd)
{
	const struct fd_entry *entry = fdtable_get(t, fd);
	if (entry)
		return entry->host;
	return -EBADF;
}

int fdtable_close(struct fdtable *t, int32_t fd)
{
	struct fd_entry *entry = fdtable_get(t, fd);
	if (!entry)
		return -EBADF;
	int host = entry->host;
	bool kept = park(t, entry);
	entry->host = -1;
	if ((uint32_t)fd < t->lowest)
		t->lowest = (uint32_t)fd;
	if (!kept && close(host) < 0 && errno != EINTR)
		return -errno;
	return 0;
}
