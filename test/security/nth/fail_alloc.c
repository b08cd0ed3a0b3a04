/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Takes the place of malloc, calloc, realloc and reallocarray (ld --wrap) and makes the nth
 * allocation of the process and its children fail: $FAIL_ALLOC says which, or fail_alloc_arm().
 * $FAIL_ALLOC_REPORT names a file whose first byte is then '1'. A monitor, which has no
 * environment, reads it from the file /tmp/mote-nth.ID, ID being its container's id: the number;
 * and the report goes to /tmp/mote-nth.ID.report.
 */
#include "fail_alloc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static _Atomic long left; /* until one fails; 0: none will */
static _Atomic bool fired;
static char *report; /* a mapped file: no filter keeps a process from writing to it */

void *__real_malloc(size_t bytes);
void *__real_calloc(size_t count, size_t bytes);
void *__real_realloc(void *old, size_t bytes);
void *__real_reallocarray(void *old, size_t count, size_t bytes);
void *__wrap_malloc(size_t bytes);
void *__wrap_calloc(size_t count, size_t bytes);
void *__wrap_realloc(void *old, size_t bytes);
void *__wrap_reallocarray(void *old, size_t count, size_t bytes);

void fail_alloc_arm(long nth)
{
	fired = false;
	left = nth;
}

int fail_alloc_disarm(void)
{
	left = 0;
	return fired;
}

static void arm(const char *nth, const char *path)
{
	int fd = path ? open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600) : -1;
	if (fd >= 0 && ftruncate(fd, 1) == 0)
		report = mmap(NULL, 1, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (fd >= 0)
		close(fd);
	if (path && (!report || report == MAP_FAILED))
		abort();
	if (nth)
		fail_alloc_arm(atol(nth));
}

static void arm_monitor(const char *id)
{
	char path[128], report_path[140], nth[32] = "";
	snprintf(path, sizeof(path), "/tmp/mote-nth.%.80s", id);
	snprintf(report_path, sizeof(report_path), "%s.report", path);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	if (read(fd, nth, sizeof(nth) - 1) <= 0)
		abort();
	close(fd);
	arm(nth, report_path);
}

__attribute__((constructor)) static void arm_at_start(int argc, char **argv)
{
	if (argc > 2 && strcmp(argv[1], "monitor") == 0)
		arm_monitor(argv[2]);
	else
		arm(getenv("FAIL_ALLOC"), getenv("FAIL_ALLOC_REPORT"));
}

static bool fails(void)
{
	if (atomic_load(&left) <= 0 || atomic_fetch_sub(&left, 1) != 1)
		return false;
	fired = true;
	if (report)
		*report = '1';
	errno = ENOMEM;
	return true;
}

void *__wrap_malloc(size_t bytes)
{
	return fails() ? NULL : __real_malloc(bytes);
}

void *__wrap_calloc(size_t count, size_t bytes)
{
	return fails() ? NULL : __real_calloc(count, bytes);
}

void *__wrap_realloc(void *old, size_t bytes)
{
	return fails() ? NULL : __real_realloc(old, bytes);
}

void *__wrap_reallocarray(void *old, size_t count, size_t bytes)
{
	return fails() ? NULL : __real_reallocarray(old, count, bytes);
}
