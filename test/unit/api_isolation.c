/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Isolation of memory: with MOTE_ISOLATION_PRIVATE no page of a file is mapped for the guest,
 * however it comes to be; without, some are. Needs a KVM, of either kind.
 */
#include <mote/cache.h>
#include <mote/call.h>
#include <mote/program_snapshot.h>
#include <mote/snapshot.h>

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char dir[40];

static void setup(void)
{
	snprintf(dir, sizeof(dir), "/tmp/mote-isolation-XXXXXX");
	cr_assert(mkdtemp(dir));
}

static void teardown(void)
{
	char command[100];
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	cr_expect(system(command) == 0);
}

TestSuite(api_isolation, .init = setup, .fini = teardown);

/*
 * Mappings of files that this process may write copies of: guest memory, and the test's own data.
 */
static unsigned file_mappings(void)
{
	char line[600], rights[8];
	unsigned long inode;
	unsigned count = 0;
	FILE *f = fopen("/proc/self/maps", "r");
	cr_assert(f);
	while (fgets(line, sizeof(line), f))
		count += sscanf(line, "%*s %7s %*s %*s %lu", rights, &inode) == 2 && inode &&
			 strncmp(rights, "rw-p", 4) == 0;
	fclose(f);
	return count;
}

static char *const argv_of_program[] = {(char *)"program", (char *)"x", NULL};
static const int stdio[3] = {-1, -1, 2};

static struct mote_options options(const char *name, int isolation)
{
	char path[500];
	snprintf(path, sizeof(path), "%s%s", *name == '/' ? "" : TEST_GUESTS "/", name);
	const struct mote_options o = {
		.size = sizeof(o),
		.program_fd = open(path, O_RDONLY | O_CLOEXEC),
		.argv = argv_of_program,
		.stdio = stdio,
		.isolation = isolation,
	};
	cr_assert(o.program_fd >= 0, "%s", path);
	return o;
}

/* Whether it has what it ought to have, and runs. */
static void check(struct mote_sandbox *s, unsigned before, int isolation, int status)
{
	struct mote_error e = {0};
	struct mote_result r = {0};
	unsigned now = file_mappings();
	if (isolation == MOTE_ISOLATION_PRIVATE)
		cr_expect(now == before, "%u mappings of files", now - before);
	else
		cr_expect(now > before);
	if (status < 0)
		return;
	cr_assert(mote_sandbox_run(s, &r, &e) == 0, "%s", e.text);
	cr_expect(mote_exit_status(&r) == status, "%d", mote_exit_status(&r));
	now = file_mappings();
	cr_expect(isolation != MOTE_ISOLATION_PRIVATE || now == before);
	mote_sandbox_free(s);
}

#define EACH(isolation)                                                                  \
	for (int isolation = MOTE_ISOLATION_SHARED; isolation <= MOTE_ISOLATION_PRIVATE; \
	     isolation++)

Test(api_isolation, programs_and_modules)
{
	static const struct {
		const char *name;
		int status;
	} programs[] = {{"hello.elf", 0}, {"cache_program.wasm", 3}};
	EACH(isolation)
	for (unsigned i = 0; i < 2; i++) {
		struct mote_options o = options(programs[i].name, isolation);
		struct mote_error e = {0};
		struct mote_sandbox *s = NULL;
		unsigned before = file_mappings();
		cr_assert(mote_sandbox_new(&o, &s, &e) == 0, "%s", e.text);
		check(s, before, isolation, programs[i].status);
		close(o.program_fd);
	}
}

Test(api_isolation, compiled_modules)
{
	char command[700], copy[100];
	snprintf(copy, sizeof(copy), "%s/module.wasm", dir);
	snprintf(command, sizeof(command), "cp %s/cache_program.wasm %s && mkdir -m 700 %s/cache",
		 TEST_GUESTS, copy, dir);
	cr_assert(system(command) == 0);
	sleep(3);
	snprintf(command, sizeof(command), "%s/cache", dir);
	for (int round = 0; round < 2; round++)
		EACH(isolation)
		{
			struct mote_options o = options(copy, isolation);
			struct mote_error e = {0};
			struct mote_sandbox *s = NULL;
			unsigned before = file_mappings();
			cr_assert(mote_sandbox_new_cached(command, 0, &o, &s, &e) == 0, "%s",
				  e.text);
			check(s, before, isolation, 3);
			close(o.program_fd);
		}
	snprintf(command, sizeof(command), "test $(ls %s/cache/*.snapshot | wc -l) = 1", dir);
	cr_expect(system(command) == 0, "it was not kept");
}

Test(api_isolation, program_snapshots)
{
	char file[100];
	struct mote_error e = {0};
	snprintf(file, sizeof(file), "%s/file", dir);
	const int null = open("/dev/null", O_RDWR | O_CLOEXEC), given[3] = {null, null, null};
	EACH(isolation)
	{
		static char *const argv[] = {(char *)"program", (char *)"moment-stdin", NULL};
		struct mote_options o = options("snapshot_program.musl", isolation);
		struct mote_sandbox *s = NULL;
		o.argv = argv;
		o.stdio = given;
		cr_assert(mote_program_snapshot_take(&o, "stdin", file, &e) == 0, "%s", e.text);
		close(o.program_fd);
		EACH(again)
		{
			static char *const none[] = {(char *)"program", NULL};
			o = options(file, again);
			o.argv = none;
			o.stdio = given;
			unsigned before = file_mappings();
			cr_assert(mote_program_snapshot_start(NULL, &o, &s, &e) == 0, "%s", e.text);
			check(s, before, again, 3);
			close(o.program_fd);
		}
	}
}

Test(api_isolation, snapshots_of_sandboxes)
{
	EACH(isolation)
	EACH(again)
	{
		struct mote_options o = options("calls_keeper.elf", isolation);
		struct mote_error e = {0};
		struct mote_sandbox *first = NULL, *s = NULL;
		struct mote_snapshot *snapshot = NULL;
		struct mote_value count = {0};
		cr_assert(mote_sandbox_new(&o, &first, &e) == 0 &&
				  mote_sandbox_init(first, &e) == 0,
			  "%s", e.text);
		cr_assert(mote_sandbox_snapshot(first, &snapshot, &e) == 0, "%s", e.text);
		mote_sandbox_free(first);
		close(o.program_fd);
		o.program_fd = -1;
		o.isolation = again;
		unsigned before = file_mappings();
		cr_assert(mote_sandbox_from(snapshot, &o, &s, &e) == 0, "%s", e.text);
		for (int i = 0; i < 3; i++) {
			check(s, before, again, -1);
			cr_expect(mote_sandbox_call(s, "count", NULL, 0, &count, &e) == 0 &&
					  count.of.i64 == 1,
				  "%s", e.text);
			cr_assert(mote_sandbox_restore(s, snapshot, &e) == 0, "%s", e.text);
		}
		mote_sandbox_free(s);
		mote_snapshot_free(snapshot);
	}
}

Test(api_isolation, what_there_is_not)
{
	struct mote_options o = options("hello.elf", 2);
	struct mote_error e = {0};
	struct mote_sandbox *s = NULL;
	cr_expect(mote_sandbox_new(&o, &s, &e) == -EINVAL && strstr(e.text, "isolation"), "%s",
		  e.text);
	close(o.program_fd);
}
