/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A host that swaps what a guest's paths lead to while they are resolved: nothing outside the
 * guest's directory may be read, made, moved or removed. RACES: how many uses of a path (default
 * 100,000; `make race` does 1,000,000). Needs a KVM, of either kind.
 */
#include <mote/mote.h>

#include <criterion/criterion.h>
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char top[] = "/tmp/mote-race-XXXXXX";
static _Atomic bool over;
static _Atomic unsigned long swaps;

static void put(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");
	cr_assert(f && fputs(text, f) >= 0 && fclose(f) == 0, "%s", path);
}

/* in/ is the guest's; out/ has what it would find if it got there. */
static void make_tree(void)
{
	char target[64];
	cr_assert(mkdtemp(top) && chdir(top) == 0);
	snprintf(target, sizeof(target), "%s/out", top);
	static const char *const dirs[] = {"in", "in/swap", "in/x", "in/x/y", "out", "out/theirs"};
	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++)
		cr_assert(mkdir(dirs[i], 0755) == 0);
	put("in/secret", "mine");
	put("in/swap/secret", "mine");
	put("in/name", "mine");
	put("in/file", "mine");
	put("out/secret", "theirs");
	put("secret", "theirs");
	/* What they are exchanged with: an absolute symlink, a relative one. */
	cr_assert(symlink(target, "in/other-swap") == 0 &&
		  symlink("../out/secret", "in/other-name") == 0);
}

static void remove_tree(void)
{
	char command[64];
	snprintf(command, sizeof(command), "rm -rf %s", top);
	cr_assert(system(command) == 0);
}

TestSuite(vm_race, .init = make_tree, .fini = remove_tree);

static void *swapper(void *arg)
{
	(void)arg;
	while (!over) {
		if (renameat2(AT_FDCWD, "in/swap", AT_FDCWD, "in/other-swap", RENAME_EXCHANGE) <
			    0 ||
		    renameat2(AT_FDCWD, "in/name", AT_FDCWD, "in/other-name", RENAME_EXCHANGE) <
			    0 ||
		    rename("in/x/y", "out/y") < 0 || rename("out/y", "in/x/y") < 0)
			return (void *)"the swapper failed";
		swaps++;
	}
	return NULL;
}

static void expect_untouched(void)
{
	char text[16] = "";
	struct dirent *d;
	FILE *f = fopen("out/secret", "r");
	cr_expect(f && fgets(text, sizeof(text), f) && strcmp(text, "theirs") == 0);
	if (f)
		fclose(f);
	DIR *out = opendir("out");
	cr_assert(out);
	while ((d = readdir(out)))
		cr_expect(d->d_name[0] == '.' || strcmp(d->d_name, "secret") == 0 ||
				  strcmp(d->d_name, "theirs") == 0,
			  "out/%s was made", d->d_name);
	closedir(out);
	cr_expect(access("out/theirs", F_OK) == 0);
}

Test(vm_race, nothing_outside_is_reached)
{
	const char *times = getenv("RACES") ? getenv("RACES") : "100000";
	int out = open(".", O_TMPFILE | O_RDWR, 0600);
	int stdio[3] = {-1, out, 2};
	struct mote_dir dir = {
		.guest_path = "/w",
		.fd = open("in", O_PATH | O_DIRECTORY | O_CLOEXEC),
	};
	char *argv[] = {(char *)"race_checks", (char *)(uintptr_t)times, NULL};
	struct mote_options o = {
		.size = sizeof(o),
		.program_fd = open(TEST_GUESTS "/race_checks.musl", O_RDONLY | O_CLOEXEC),
		.argv = argv,
		.cwd = "/w",
		.stdio = stdio,
		.dirs = &dir,
		.dir_count = 1,
		.memory_bytes = 64 << 20,
	};
	struct mote_sandbox *sandbox;
	struct mote_result result;
	struct mote_error e;
	pthread_t thread;
	void *failed;
	cr_assert(out >= 0 && dir.fd >= 0 && o.program_fd >= 0);
	int rc = mote_sandbox_new(&o, &sandbox, &e);
	cr_assert(rc == 0, "%s", e.text);
	cr_assert(pthread_create(&thread, NULL, swapper, NULL) == 0);
	rc = mote_sandbox_run(sandbox, &result, &e);
	over = true;
	cr_assert(pthread_join(thread, &failed) == 0 && !failed, "%s", (char *)failed);
	cr_assert(rc == 0, "%s", e.text);
	cr_expect(mote_exit_status(&result) == 0, "the guest ended with %d",
		  mote_exit_status(&result));
	mote_sandbox_free(sandbox);

	char line[64] = "";
	unsigned long got = 0, refused = 0;
	cr_assert(pread(out, line, sizeof(line) - 1, 0) > 0 &&
		  sscanf(line, "%lu %lu", &got, &refused) == 2);
	fprintf(stderr,
		"%s uses of a path: %lu found their own, %lu were refused, during %lu swaps\n",
		times, got, refused, (unsigned long)swaps);
	/* Else nothing was swapped meanwhile, and nothing shown. */
	cr_expect(got > 100 && refused > 100 && swaps > 100);
	expect_untouched();
}
