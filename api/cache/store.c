/* SPDX-License-Identifier: Apache-2.0 */
/* Processes that have an evicted file open keep using it. */
#include "api/cache/store.h"

#include "base/sha256.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#define MAX_BYTES_DEFAULT (1UL << 30)
#define ABANDONED_S       3600
/* that are looked at; the shares of so many would hold no module */
#define TENANTS_MAX 4096

/* Whether only this user may have written it. */
static bool is_ours(const struct stat *st)
{
	return st->st_uid == geteuid() && !(st->st_mode & (S_IWGRP | S_IWOTH));
}

bool store_is_usable(int dir)
{
	struct stat st;
	return fstat(dir, &st) == 0 && S_ISDIR(st.st_mode) && is_ours(&st);
}

int store_open(const char *path)
{
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return -1;
	cleanup_close int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0 || !store_is_usable(dir))
		return -1;
	return take_fd(&dir);
}

int store_open_file(int dir, const char *name)
{
	struct stat st;
	cleanup_close int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0 || !is_ours(&st))
		return -EPERM;
	return take_fd(&fd);
}

void store_mark_used(int fd)
{
	futimens(fd, NULL);
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
		return (x->used.tv_sec > y->used.tv_sec) - (x->used.tv_sec < y->used.tv_sec);
	return (x->used.tv_nsec > y->used.tv_nsec) - (x->used.tv_nsec < y->used.tv_nsec);
}

static bool has_suffix(const char *name)
{
	return strlen(name) > 64 && (strcmp(name + 64, STORE_SUFFIX) == 0 ||
				     strcmp(name + 64, STORE_SUFFIX_WORKING_SET) == 0);
}

static DIR *open_list(int dir)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	DIR *d = fdopendir(fd);
	if (!d)
		close(fd);
	return d;
}

/* The files of a directory. */
struct listing {
	struct kept *files; /* owned */
	size_t count, capacity;
	uint64_t bytes;
};

static bool append(struct listing *l, const char *name, const struct stat *st)
{
	if (l->count == l->capacity) {
		size_t capacity = l->capacity ? 2 * l->capacity : 64;
		struct kept *more = reallocarray(l->files, capacity, sizeof(*more));
		if (!more)
			return false;
		l->files = more;
		l->capacity = capacity;
	}
	struct kept *k = &l->files[l->count++];
	snprintf(k->name, sizeof(k->name), "%.79s", name);
	k->used = st->st_mtim;
	k->bytes = (uint64_t)st->st_blocks * 512;
	l->bytes += k->bytes;
	return true;
}

/* What a process that has died was writing goes. */
static void remove_abandoned(int dir, const char *name, const struct stat *st)
{
	if (strncmp(name, "new-", 4) == 0 && time(NULL) - st->st_mtim.tv_sec > ABANDONED_S)
		unlinkat(dir, name, 0);
}

/* Without memory for all of them it has some. */
static struct listing list_files(int dir)
{
	struct listing l = {0};
	DIR *d = open_list(dir);
	bool more = d != NULL;
	for (const struct dirent *entry; more && (entry = readdir(d));) {
		struct stat st;
		if (fstatat(dir, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		    !S_ISREG(st.st_mode))
			continue;
		if (has_suffix(entry->d_name))
			more = append(&l, entry->d_name, &st);
		else
			remove_abandoned(dir, entry->d_name, &st);
	}
	if (d)
		closedir(d);
	return l;
}

/*
 * Least recent ones go, until `excess` bytes have gone or only `least` are left. Bytes that went.
 */
static uint64_t shrink(int dir, const char *keep, uint64_t excess, uint64_t least)
{
	uint64_t gone = 0;
	const struct listing l = list_files(dir);
	if (l.count)
		qsort(l.files, l.count, sizeof(*l.files), least_recent_first);
	for (size_t i = 0; i < l.count && gone < excess && l.bytes - gone > least; i++) {
		const struct kept *k = &l.files[i];
		if ((!keep || strcmp(k->name, keep) != 0) && unlinkat(dir, k->name, 0) == 0)
			gone += k->bytes;
	}
	free(l.files);
	return gone;
}

/* --- tenants --- */

/* A name of its own for any text, and none that could be something else in a directory. */
int store_open_tenant(int dir, const char *tenant)
{
	char name[65];
	sha256_hex(tenant, strlen(tenant), name);
	if (mkdirat(dir, name, 0700) < 0 && errno != EEXIST)
		return -1;
	cleanup_close int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || !store_is_usable(fd))
		return -1;
	return take_fd(&fd);
}

struct share {
	char name[65]; /* "." is the directory itself: what is kept for nobody in particular */
	ino_t inode;
	uint64_t bytes;
};

static int largest_first(const void *a, const void *b)
{
	const struct share *x = a, *y = b;
	return (x->bytes < y->bytes) - (x->bytes > y->bytes);
}

static int open_share(int dir, const char *name)
{
	return openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* Fills in one tenant's; false if it has nothing. A directory that has long been empty goes. */
static bool measure(int dir, const char *name, struct share *s)
{
	struct stat st;
	cleanup_close int fd = open_share(dir, name);
	if (fd < 0 || fstat(fd, &st) < 0 || !is_ours(&st))
		return false;
	snprintf(s->name, sizeof(s->name), "%.64s", name);
	s->inode = st.st_ino;
	const struct listing l = list_files(fd);
	free(l.files);
	s->bytes = l.bytes;
	if (l.count == 0 && strcmp(name, ".") != 0 && time(NULL) - st.st_mtim.tv_sec > ABANDONED_S)
		unlinkat(dir, name, AT_REMOVEDIR);
	return l.count > 0;
}

/* Those that have something; their number. */
static size_t list_shares(int dir, struct share *out, uint64_t *total)
{
	size_t n = 0;
	DIR *d = open_list(dir);
	*total = 0;
	for (const struct dirent *entry; d && n < TENANTS_MAX && (entry = readdir(d));)
		if ((strcmp(entry->d_name, ".") == 0 || strlen(entry->d_name) == 64) &&
		    measure(dir, entry->d_name, &out[n]))
			*total += out[n++].bytes;
	if (d)
		closedir(d);
	return n;
}

/*
 * Each tenant that has something below `tenants` may have an equal share of max_bytes. Files go
 * from the directory `own`, to which one was just added, as long as it has more than its share;
 * then from others that have more than theirs. So a tenant within its share loses nothing to
 * others.
 */
static void evict_shares(int tenants, int own, const char *keep, uint64_t max_bytes)
{
	uint64_t total;
	struct stat st;
	cleanup_free struct share *all = calloc(TENANTS_MAX, sizeof(*all));
	if (!all || fstat(own, &st) < 0)
		return;
	size_t n = list_shares(tenants, all, &total);
	if (n == 0 || total <= max_bytes)
		return;
	uint64_t share = max_bytes / n;
	total -= shrink(own, keep, total - max_bytes, share);
	qsort(all, n, sizeof(*all), largest_first);
	for (size_t i = 0; i < n && total > max_bytes && all[i].bytes > share; i++) {
		if (all[i].inode == st.st_ino)
			continue;
		cleanup_close int fd = open_share(tenants, all[i].name);
		if (fd >= 0)
			total -= shrink(fd, NULL, total - max_bytes, share);
	}
	/* What was added alone is larger than a share; all others are within theirs. */
	if (total > max_bytes)
		shrink(own, NULL, total - max_bytes, share);
}

/* --- adding --- */

static void evict(const struct store *s, const char *keep)
{
	uint64_t max_bytes = s->max_bytes ? s->max_bytes : MAX_BYTES_DEFAULT;
	if (s->tenants >= 0)
		evict_shares(s->tenants, s->dir, keep, max_bytes);
	else
		shrink(s->dir, keep, UINT64_MAX, max_bytes);
}

/*
 * Under a name of its own until it is complete: then there at once, and the same whoever was first.
 */
bool store_add(const struct store *s, const char *name, bool (*write)(void *arg, int fd), void *arg)
{
	uint64_t random;
	char unfinished[64];
	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		return false;
	snprintf(unfinished, sizeof(unfinished), "new-%d-%016lx", getpid(), random);
	cleanup_close int fd =
		openat(s->dir, unfinished, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return false;
	if (!write(arg, fd) || renameat(s->dir, unfinished, s->dir, name) < 0) {
		unlinkat(s->dir, unfinished, 0);
		return false;
	}
	evict(s, name);
	return true;
}
