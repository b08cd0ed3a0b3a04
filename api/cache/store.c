/* SPDX-License-Identifier: Apache-2.0 */
/* Directories of compiled modules by size. Processes that have an evicted file open keep using it. */
#include "api/cache/store.h"

#include "base/sha256.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define ABANDONED_S 3600 /* what a process that died was writing */
#define TENANTS_MAX 4096 /* that are looked at; the shares of so many would hold no module */

bool cache_is_ours(const struct stat *st)
{
	return st->st_uid == geteuid() && !(st->st_mode & (S_IWGRP | S_IWOTH));
}

/* --- files --- */

struct kept {
	char name[80];
	struct timespec used;
	uint64_t bytes;
};

static int least_recent_first(const void *a, const void *b)
{
	const struct kept *x = a, *y = b;
	if (x->used.tv_sec != y->used.tv_sec)
		return x->used.tv_sec < y->used.tv_sec ? -1 : 1;
	return x->used.tv_nsec < y->used.tv_nsec ? -1 : x->used.tv_nsec > y->used.tv_nsec;
}

static bool has_suffix(const char *name)
{
	return strlen(name) > 64 && (strcmp(name + 64, CACHE_SUFFIX) == 0 || strcmp(name + 64, CACHE_SUFFIX_TOUCHED) == 0);
}

static DIR *open_list(int folder)
{
	int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	if (!d && fd >= 0)
		close(fd);
	return d;
}

/* The files of the folder; abandoned ones go. Owned array, NULL where there is no memory. */
static struct kept *list(int folder, size_t *count, uint64_t *bytes)
{
	size_t room = 64;
	struct kept *all = malloc(room * sizeof(*all));
	DIR *d = open_list(folder);
	*count = *bytes = 0;
	for (struct dirent *entry; all && d && (entry = readdir(d));) {
		struct stat st;
		if (fstatat(folder, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
			continue;
		if (!has_suffix(entry->d_name)) {
			if (strncmp(entry->d_name, "new-", 4) == 0 && time(NULL) - st.st_mtim.tv_sec > ABANDONED_S)
				unlinkat(folder, entry->d_name, 0);
			continue;
		}
		if (*count == room) {
			struct kept *more = reallocarray(all, room *= 2, sizeof(*all));
			if (!more)
				break;
			all = more;
		}
		struct kept *k = &all[(*count)++];
		snprintf(k->name, sizeof(k->name), "%.79s", entry->d_name);
		k->used = st.st_mtim;
		k->bytes = (uint64_t)st.st_blocks * 512;
		*bytes += k->bytes;
	}
	if (d)
		closedir(d);
	return all;
}

/* Least recent ones go, until `excess` bytes have gone or only `least` are left. Bytes that went. */
static uint64_t shrink(int folder, const char *keep, uint64_t excess, uint64_t least)
{
	size_t count;
	uint64_t bytes, gone = 0;
	cleanup_free struct kept *all = list(folder, &count, &bytes);
	if (!all)
		return 0;
	qsort(all, count, sizeof(*all), least_recent_first);
	for (size_t i = 0; i < count && gone < excess && bytes - gone > least; i++)
		if ((!keep || strcmp(all[i].name, keep) != 0) && unlinkat(folder, all[i].name, 0) == 0)
			gone += all[i].bytes;
	return gone;
}

void cache_evict(int folder, const char *keep, uint64_t max_bytes)
{
	shrink(folder, keep, UINT64_MAX, max_bytes);
}

/* --- tenants --- */

/* A name of its own for any text, and none that could be something else in a directory. */
int cache_open_tenant(int folder, const char *tenant)
{
	char name[65];
	struct stat st;
	sha256_hex(tenant, strlen(tenant), name);
	if (mkdirat(folder, name, 0700) < 0 && errno != EEXIST)
		return -1;
	cleanup_close int fd = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd >= 0 && fstat(fd, &st) == 0 && cache_is_ours(&st) ? take_fd(&fd) : -1;
}

struct share {
	char name[65]; /* "." is the folder itself: what is kept there for nobody in particular */
	ino_t inode;
	uint64_t bytes;
};

static int largest_first(const void *a, const void *b)
{
	const struct share *x = a, *y = b;
	return x->bytes > y->bytes ? -1 : x->bytes < y->bytes;
}

static int open_share(int folder, const char *name)
{
	return openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* Fills in one tenant's; false where it has nothing. A directory that has long been empty goes. */
static bool measure(int folder, const char *name, struct share *s)
{
	struct stat st;
	size_t count;
	cleanup_close int fd = open_share(folder, name);
	if (fd < 0 || fstat(fd, &st) < 0 || !cache_is_ours(&st))
		return false;
	snprintf(s->name, sizeof(s->name), "%.64s", name);
	s->inode = st.st_ino;
	free(list(fd, &count, &s->bytes));
	if (count == 0 && strcmp(name, ".") != 0 && time(NULL) - st.st_mtim.tv_sec > ABANDONED_S)
		unlinkat(folder, name, AT_REMOVEDIR);
	return count > 0;
}

/* Those that have something; their number. */
static size_t list_shares(int folder, struct share *out, uint64_t *total)
{
	size_t n = 0;
	DIR *d = open_list(folder);
	*total = 0;
	for (struct dirent *entry; d && n < TENANTS_MAX && (entry = readdir(d));)
		if ((strcmp(entry->d_name, ".") == 0 || strlen(entry->d_name) == 64) && measure(folder, entry->d_name, &out[n]))
			*total += out[n++].bytes;
	if (d)
		closedir(d);
	return n;
}

void cache_evict_shares(int folder, int own, const char *keep, uint64_t max_bytes)
{
	uint64_t total;
	struct stat st;
	cleanup_free struct share *all = calloc(TENANTS_MAX, sizeof(*all));
	size_t n = all ? list_shares(folder, all, &total) : 0;
	if (n == 0 || total <= max_bytes || fstat(own, &st) < 0)
		return;
	uint64_t share = max_bytes / n;
	total -= shrink(own, keep, total - max_bytes, share);
	qsort(all, n, sizeof(*all), largest_first);
	for (size_t i = 0; i < n && total > max_bytes && all[i].bytes > share; i++) {
		cleanup_close int fd = all[i].inode == st.st_ino ? -1 : open_share(folder, all[i].name);
		if (fd >= 0)
			total -= shrink(fd, NULL, total - max_bytes, share);
	}
	/* What was added alone is larger than a share; all others are within theirs. */
	if (total > max_bytes)
		shrink(own, NULL, total - max_bytes, share);
}
