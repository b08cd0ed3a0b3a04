/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A sandbox's life by libmote, of which one allocation or one system call fails, in turn:
 *
 * 	calls alloc|syscall STEP GUEST...
 *
 * Each life makes a sandbox, calls it, takes a snapshot, restores it, makes another one from the
 * snapshot, saves it, loads it, and frees all. With one failure in it each function must do what it
 * says, or say what failed; then nothing is left: no descriptor, no thread, no file, no mapping
 * that grows with the number of lives. Every STEPth failure is tried. For `syscall` it runs under
 * syscall.c.
 */
#include "fail_alloc.h"
#include "syscall.h"

#include <mote/call.h>
#include <mote/pool.h>
#include <mote/snapshot.h>

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CALLS = 3, MAPPINGS_MORE = 8 };

static bool by_syscall;
static unsigned failed, lives;
static char directory[] = "/tmp/mote-nth-XXXXXX", saved[64];

static void arm(unsigned long nth)
{
	if (by_syscall)
		nth_syscall_arm(nth);
	else
		fail_alloc_arm((long)nth);
}

/* What failed: a system call's number + 1, or 1; 0: nothing. */
static long disarm(void)
{
	return by_syscall ? nth_syscall_disarm() : fail_alloc_disarm();
}

/* --- what is there --- */

struct left {
	unsigned descriptors, threads, files, mappings;
};

static unsigned entries(const char *path)
{
	DIR *d = opendir(path);
	unsigned n = 0;
	while (d && readdir(d))
		n++;
	if (d)
		closedir(d);
	return n;
}

static unsigned lines(const char *path)
{
	FILE *f = fopen(path, "r");
	unsigned n = 0;
	for (int c; f && (c = getc(f)) != EOF;)
		n += c == '\n';
	if (f)
		fclose(f);
	return n;
}

static struct left look(void)
{
	return (struct left){entries("/proc/self/fd"), entries("/proc/self/task"),
			     entries(directory), lines("/proc/self/maps")};
}

/* --- one life --- */

struct life {
	const char *guest;
	struct mote_sandbox *first, *second;
	struct mote_snapshot *snapshot, *loaded;
	bool saved; /* the file is there, and ours to remove */
	struct mote_error error;
};

static int make(struct life *l)
{
	char *argv[] = {(char *)"guest", NULL};
	int fd = open(l->guest, O_RDONLY | O_CLOEXEC), null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int stdio[3] = {null, null, null};
	struct mote_options o = {
		.size = sizeof(o),
		.program_fd = fd,
		.argv = argv,
		.stdio = stdio,
		.memory_bytes = 64 << 20,
	};
	if (fd < 0 || null < 0) /* this program's own call was the one */
		snprintf(l->error.text, sizeof(l->error.text), "opening the guest");
	int rc = fd < 0 || null < 0 ? -1 : mote_sandbox_new(&o, &l->first, &l->error);
	close(fd);
	close(null);
	return rc;
}

static int another(struct life *l, struct mote_snapshot *from)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), stdio[3] = {null, null, null};
	struct mote_options o = {.size = sizeof(o), .stdio = stdio, .program_fd = -1};
	if (null < 0)
		snprintf(l->error.text, sizeof(l->error.text), "opening /dev/null");
	int rc = null < 0 ? -1 : mote_sandbox_from(from, &o, &l->second, &l->error);
	close(null);
	return rc;
}

static int count(struct mote_sandbox *s, int64_t *value, struct mote_error *error)
{
	struct mote_value v = {0};
	int rc = mote_sandbox_call(s, "count", NULL, 0, &v, error);
	*value = v.of.i64;
	return rc;
}

/* The function that failed, or NULL. */
static const char *live(struct life *l)
{
	int64_t n = 0;
	if (make(l) < 0)
		return "mote_sandbox_new";
	if (mote_sandbox_init(l->first, &l->error) < 0)
		return "mote_sandbox_init";
	for (int i = 0; i < CALLS; i++)
		if (count(l->first, &n, &l->error) < 0 || n != i + 1)
			return "mote_sandbox_call";
	if (mote_sandbox_snapshot(l->first, &l->snapshot, &l->error) < 0)
		return "mote_sandbox_snapshot";
	if (count(l->first, &n, &l->error) < 0 || n != CALLS + 1)
		return "mote_sandbox_call";
	if (mote_sandbox_restore(l->first, l->snapshot, &l->error) < 0)
		return "mote_sandbox_restore";
	if (count(l->first, &n, &l->error) < 0 || n != CALLS + 1)
		return "mote_sandbox_call";
	if (another(l, l->snapshot) < 0)
		return "mote_sandbox_from";
	if (count(l->second, &n, &l->error) < 0 || n != CALLS + 1)
		return "mote_sandbox_call";
	mote_sandbox_free(l->second);
	l->second = NULL;
	if (mote_snapshot_save(l->snapshot, saved, &l->error) < 0)
		return "mote_snapshot_save";
	l->saved = true;
	if (mote_snapshot_load(saved, &l->loaded, &l->error) < 0)
		return "mote_snapshot_load";
	if (another(l, l->loaded) < 0)
		return "mote_sandbox_from";
	if (count(l->second, &n, &l->error) < 0 || n != CALLS + 1)
		return "mote_sandbox_call";
	return NULL;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st, (void)type, (void)at;
	return remove(path);
}

static void end(struct life *l)
{
	if (l->saved)
		nftw(saved, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	mote_sandbox_free(l->first);
	mote_sandbox_free(l->second);
	mote_snapshot_free(l->snapshot);
	mote_snapshot_free(l->loaded);
}

/* --- all lives --- */

static void complain(const struct life *l, unsigned long nth, long what, const char *text)
{
	printf("FAIL %s: %s %lu (%ld): %s\n", l->guest, by_syscall ? "system call" : "allocation",
	       nth, what - 1, text);
	failed++;
}

static void check_left(const struct life *l, unsigned long nth, long what,
		       const struct left *before)
{
	const struct left now = look();
	char text[200];
	if (now.descriptors == before->descriptors && now.threads == before->threads &&
	    now.files == before->files && now.mappings <= before->mappings + MAPPINGS_MORE)
		return;
	snprintf(text, sizeof(text),
		 "descriptors %u, were %u; threads %u, were %u; files %u, were %u; mappings %u, "
		 "were %u",
		 now.descriptors, before->descriptors, now.threads, before->threads, now.files,
		 before->files, now.mappings, before->mappings);
	complain(l, nth, what, text);
}

/* One life with its nth failure. False if it has fewer. */
static bool try(const char *guest, unsigned long nth, struct left *before)
{
	struct life l = {.guest = guest};
	arm(nth);
	const char *function = live(&l);
	long what = disarm();
	if (function && !what)
		complain(&l, nth, what, l.error.text);
	else if (function && strlen(l.error.text) < 8)
		complain(&l, nth, what, "an error without a text");
	if (function && getenv("NTH_VERBOSE"))
		printf("%lu (%ld): %s: %s\n", nth, what - 1, function, l.error.text);
	end(&l);
	lives++;
	check_left(&l, nth, what, before);
	nftw(directory, remove_one, 8, FTW_DEPTH | FTW_PHYS); /* so that only one complains of it */
	if (mkdir(directory, 0700) < 0)
		abort();
	fflush(stdout);
	return what != 0;
}

static void try_all(const char *guest, unsigned long step)
{
	struct left before = {.mappings = 1000000};
	/* What a process has once is there after the first two. */
	struct life warm = {.guest = guest};
	for (int i = 0; i < 2; i++) {
		const char *function = live(&warm);
		if (function)
			complain(&warm, 0, 1, warm.error.text);
		end(&warm);
		warm = (struct life){.guest = guest};
	}
	before = look();
	unsigned long nth = 1, bad = failed;
	while (failed < bad + 20 && try(guest, nth, &before))
		nth += step;
	const char *name = strrchr(guest, '/');
	printf("%s %s of libmote, %s: %lu failures of %lu tried\n", failed == bad ? "ok" : "FAIL",
	       by_syscall ? "system calls" : "allocations", name ? name + 1 : guest,
	       (nth - 1) / step, nth - 1);
}

int main(int argc, char **argv)
{
	if (argc < 4 || !mkdtemp(directory))
		return 2;
	by_syscall = strcmp(argv[1], "syscall") == 0;
	snprintf(saved, sizeof(saved), "%s/saved", directory);
	for (int i = 3; i < argc; i++)
		try_all(argv[i], strtoul(argv[2], NULL, 10));
	return rmdir(directory) == 0 && failed == 0 ? 0 : 1;
}
