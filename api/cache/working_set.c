/* SPDX-License-Identifier: Apache-2.0 */
/* Records are written by vm/memory/working_set_file.c when the sandbox is freed. */
#include "api/cache/working_set.h"

#include <fcntl.h>
#include <stdio.h>
#include <time.h>

/* an empty record is of a process that runs, or of one that has died */
#define UNFINISHED_S 60

/* Opens a record for writing if there is none, or none that will be finished. */
static int begin_record(int dir, const char *name)
{
	struct stat st;
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    (st.st_size || time(NULL) - st.st_mtim.tv_sec > UNFINISHED_S))
		unlinkat(dir, name, 0); /* it was of no use */
	return openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
}

void working_set_expect(int dir, const struct cache_key *key, struct vm_snapshot *s, int *record)
{
	char name[sizeof(key->name) + sizeof(STORE_SUFFIX_WORKING_SET)];
	*record = -1;
	snprintf(name, sizeof(name), "%.64s" STORE_SUFFIX_WORKING_SET, key->name);
	cleanup_close int fd = store_open_file(dir, name);
	if (fd < 0 || !vm_snapshot_load_working_set(s, fd))
		*record = begin_record(dir, name);
}

void working_set_expect_of_file(const char *path, int program, int kvm_fd, struct vm_snapshot *s,
				int *record)
{
	struct cache_key key;
	*record = -1;
	cleanup_close int dir = store_open(path);
	if (dir >= 0 && cache_key_of_file(program, kvm_fd, &key))
		working_set_expect(dir, &key, s, record);
}
