/* SPDX-License-Identifier: Apache-2.0 */
#include "vm/memory/pagemap.h"

#include "vm/memory/page_table.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

enum { CHUNK = 512 }; /* entries read at a time */
#define PAGEMAP_PRESENT (1UL << 63)
#define PAGEMAP_SWAPPED (1UL << 62)
#define PAGEMAP_FILE    (1UL << 61)

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int descriptor = -1; /* guarded by lock */
static pid_t descriptor_of =
	0; /* guarded by lock: the process whose page map it is; a child needs its own */

/* A descriptor that stays open, or -1. */
static int open_pagemap(void)
{
	pthread_mutex_lock(&lock);
	if (descriptor_of != getpid()) {
		cleanup_closep(&descriptor);
		descriptor = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
		descriptor_of = getpid();
	}
	int fd = descriptor;
	pthread_mutex_unlock(&lock);
	return fd;
}

void pagemap_prepare(void)
{
	open_pagemap();
}

int pagemap_descriptor(void)
{
	pthread_mutex_lock(&lock);
	int fd = -1;
	if (descriptor_of == getpid())
		fd = descriptor;
	pthread_mutex_unlock(&lock);
	return fd;
}

bool pagemap_is_open(void)
{
	return pagemap_descriptor() >= 0;
}

static int read_entries(int fd, const struct memory *m, uint64_t gpa, uint64_t *entries,
			size_t count)
{
	size_t bytes = count * sizeof(*entries);
	off_t at = (off_t)(((uintptr_t)m->hva + gpa) / SMALL * sizeof(*entries));
	if (pread(fd, entries, bytes, at) == (ssize_t)bytes)
		return 0;
	return -EIO;
}

static bool is_private(uint64_t entry)
{
	return entry & (PAGEMAP_PRESENT | PAGEMAP_SWAPPED) && !(entry & PAGEMAP_FILE);
}

int pagemap_each_private(const struct memory *m, uint64_t from, uint64_t end, pagemap_visit *visit,
			 void *arg)
{
	uint64_t entries[CHUNK];
	int fd = open_pagemap();
	if (fd < 0)
		return -ENOSYS;
	for (uint64_t at = from; at < end;) {
		uint64_t count = (end - at) / SMALL;
		if (count > CHUNK)
			count = CHUNK;
		int rc = read_entries(fd, m, at, entries, count);
		for (uint64_t i = 0; rc == 0 && i < count; i++)
			if (is_private(entries[i]))
				rc = visit(arg, at + i * SMALL);
		if (rc != 0)
			return rc;
		at += count * SMALL;
	}
	return 0;
}

bool pagemap_untouched(const struct memory *m, uint64_t gpa, bool *untouched, unsigned count)
{
	uint64_t entries[CHUNK];
	int fd = open_pagemap();
	if (fd < 0 || count > CHUNK || read_entries(fd, m, gpa, entries, count) < 0)
		return false;
	for (unsigned i = 0; i < count; i++)
		untouched[i] = !(entries[i] & (PAGEMAP_PRESENT | PAGEMAP_SWAPPED));
	return true;
}

bool pagemap_present(const struct memory *m, uint64_t gpa, bool *present, unsigned count)
{
	uint64_t entries[CHUNK];
	if (count > CHUNK || read_entries(open_pagemap(), m, gpa, entries, count) < 0)
		return false;
	for (unsigned i = 0; i < count; i++)
		present[i] = entries[i] & PAGEMAP_PRESENT;
	return true;
}
