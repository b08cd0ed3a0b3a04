/* SPDX-License-Identifier: Apache-2.0 */
/* Snapshots as OCI image layouts. Needs a KVM, of either kind. */
#include <mote/call.h>
#include <mote/snapshot.h>

#include "api/snapshot.h"
#include "vm/internal.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static char dir[32], layout[64];
static char *no_args[] = {(char *)"guest", NULL};
static int stdio[3] = {-1, -1, 2};

static void setup(void)
{
	snprintf(dir, sizeof(dir), "/tmp/mote-layout-XXXXXX");
	cr_assert(mkdtemp(dir));
	snprintf(layout, sizeof(layout), "%s/one", dir);
}

static void teardown(void)
{
	char command[100];
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	cr_expect(system(command) == 0);
}

TestSuite(api_layout, .init = setup, .fini = teardown);

static struct mote_snapshot *make_with(const char *name, uint64_t memory_bytes,
				       uint64_t call_bytes_max)
{
	char path[500];
	snprintf(path, sizeof(path), "%s/%s", TEST_GUESTS, name);
	struct mote_options o = {
		.size = sizeof(o),
		.memory_bytes = memory_bytes,
		.call_bytes_max = call_bytes_max,
		.program_fd = open(path, O_RDONLY | O_CLOEXEC),
		.argv = no_args,
		.stdio = stdio,
	};
	struct mote_error e = {0};
	struct mote_sandbox *s = NULL;
	struct mote_snapshot *snapshot = NULL;
	cr_assert(mote_sandbox_new(&o, &s, &e) == 0 && mote_sandbox_init(s, &e) == 0, "%s", e.text);
	cr_assert(mote_sandbox_call(s, "count", NULL, 0, NULL, &e) == 0, "%s", e.text);
	cr_assert(mote_sandbox_snapshot(s, &snapshot, &e) == 0, "%s", e.text);
	mote_sandbox_free(s);
	close(o.program_fd);
	return snapshot;
}

static struct mote_snapshot *make(const char *name)
{
	return make_with(name, 64 << 20, 0);
}

static void use(struct mote_snapshot *snapshot)
{
	struct mote_options o = {.size = sizeof(o), .argv = no_args, .stdio = stdio};
	struct mote_error e = {0};
	struct mote_sandbox *s = NULL;
	cr_assert(mote_sandbox_from(snapshot, &o, &s, &e) == 0, "%s", e.text);
	for (int i = 0; i < 3; i++) {
		struct mote_value result = {0};
		cr_assert(mote_sandbox_call(s, "count", NULL, 0, &result, &e) == 0, "%s", e.text);
		cr_expect(result.of.i64 == 2);
		cr_assert(mote_sandbox_restore(s, snapshot, &e) == 0, "%s", e.text);
	}
	mote_sandbox_free(s);
}

static void save(struct mote_snapshot *snapshot)
{
	struct mote_error e = {0};
	cr_assert(mote_snapshot_save(snapshot, layout, &e) == 0, "%s", e.text);
}

static int load(struct mote_snapshot **out, struct mote_error *e)
{
	*e = (struct mote_error){0};
	return mote_snapshot_load(layout, out, e);
}

Test(api_layout, what_is_saved_is_loaded)
{
	static const char *const kinds[] = {"calls_keeper.elf", "calls_keeper.wasm"};
	for (int k = 0; k < 2; k++) {
		struct mote_snapshot *first = make(kinds[k]), *second = NULL;
		struct mote_error e;
		char command[100];
		save(first);
		cr_expect(mote_snapshot_save(first, layout, &e) == -EEXIST &&
				  strstr(e.text, "already exists"),
			  "%s", e.text);
		mote_snapshot_free(first);
		cr_assert(load(&second, &e) == 0, "%s", e.text);
		snprintf(command, sizeof(command), "rm -rf %s", layout);
		cr_assert(system(command) == 0);
		use(second);
		/* And once more what came from a file. */
		save(second);
		mote_snapshot_free(second);
		cr_assert(load(&second, &e) == 0, "%s", e.text);
		use(second);
		mote_snapshot_free(second);
		cr_assert(system(command) == 0);
	}
}

/* Sandboxes of a snapshot that may be anybody's, without limits of the embedder's. */
Test(api_layout, a_file_raises_no_limit)
{
	struct mote_options o = {.size = sizeof(o), .argv = no_args, .stdio = stdio};
	struct mote_snapshot *first = make_with("calls_keeper.elf", 3UL << 30, 64 << 20),
			     *second = NULL;
	struct mote_sandbox *s = NULL;
	struct mote_error e;
	save(first);
	cr_assert(load(&second, &e) == 0, "%s", e.text);
	cr_assert(mote_sandbox_from(first, &o, &s, &e) == 0, "%s", e.text);
	cr_expect(s->message_max == 64 << 20 && s->vm->memory.max_bytes == 3UL << 30);
	mote_sandbox_free(s);
	cr_assert(mote_sandbox_from(second, &o, &s, &e) == 0, "%s", e.text);
	cr_expect(s->message_max == 16 << 20 && s->vm->memory.max_bytes == 1UL << 30);
	mote_sandbox_free(s);
	o.memory_bytes = 2UL << 30;
	o.call_bytes_max = 32 << 20;
	cr_assert(mote_sandbox_from(second, &o, &s, &e) == 0, "%s", e.text);
	cr_expect(s->message_max == 32 << 20 && s->vm->memory.max_bytes == 2UL << 30);
	mote_sandbox_free(s);
	mote_snapshot_free(first);
	mote_snapshot_free(second);
}

/* The path of the largest blob, which is the layer, or of the others in turn. */
static unsigned blobs(char path[4][400], off_t bytes[4])
{
	char name[200];
	unsigned n = 0;
	snprintf(name, sizeof(name), "%s/blobs/sha256", layout);
	DIR *d = opendir(name);
	for (struct dirent *entry; d && (entry = readdir(d));) {
		struct stat st;
		if (entry->d_name[0] == '.')
			continue;
		cr_assert(n < 3);
		snprintf(path[n], 400, "%.100s/%.200s", name, entry->d_name);
		cr_assert(stat(path[n], &st) == 0);
		bytes[n++] = st.st_size;
	}
	if (d)
		closedir(d);
	snprintf(path[3], 400, "%.100s/index.json", layout);
	return n;
}

static void expect_refused(const char *why, const char *what)
{
	struct mote_snapshot *s = NULL;
	struct mote_error e;
	int rc = load(&s, &e);
	cr_expect(rc == -EINVAL && e.blame == MOTE_BLAME_CONFIG && strstr(e.text, why), "%s: %d %s",
		  what, rc, e.text);
	if (rc == 0)
		mote_snapshot_free(s);
}

/* One byte changed anywhere is found, and so is a cut. */
Test(api_layout, altered_and_cut_ones_are_refused)
{
	struct mote_snapshot *s = make("calls_keeper.wasm");
	char path[4][400];
	off_t bytes[4];
	save(s);
	mote_snapshot_free(s);
	cr_assert(blobs(path, bytes) == 3);
	for (int i = 0; i < 3; i++) {
		int fd = open(path[i], O_RDWR | O_CLOEXEC);
		cr_assert(fd >= 0);
		for (off_t at = 0; at < bytes[i]; at += bytes[i] / 5) {
			uint8_t old, wrong;
			cr_assert(pread(fd, &old, 1, at) == 1);
			wrong = old ^ 0x10;
			cr_assert(pwrite(fd, &wrong, 1, at) == 1);
			expect_refused("cannot be used", path[i]);
			cr_assert(pwrite(fd, &old, 1, at) == 1);
		}
		close(fd);
	}
	use((load(&s, &(struct mote_error){0}), s));
	mote_snapshot_free(s);
	for (int i = 0; i < 3; i++) {
		cr_assert(truncate(path[i], bytes[i] / 2) == 0);
		expect_refused("cannot be used", path[i]);
		cr_assert(truncate(path[i], bytes[i]) == 0);
	}
	for (int i = 0; i < 3; i++) {
		cr_assert(unlink(path[i]) == 0);
		expect_refused("cannot be used", path[i]);
	}
}

Test(api_layout, untrusted_ones_are_refused)
{
	struct mote_snapshot *s = make("calls_keeper.elf");
	struct mote_error e;
	char path[4][400];
	off_t bytes[4];
	save(s);
	mote_snapshot_free(s);
	blobs(path, bytes);
	static const char *const texts[] = {
		"",
		"{}",
		"[]",
		"{\"manifests\":[]}",
		"{\"manifests\":[{\"mediaType\":\"application/vnd.oci.image.index.v1+json\"}]}",
		("{\"manifests\":[{\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\","
		 "\"digest\":\"sha256:../../x\",\"size\":1}]}"),
	};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		FILE *f = fopen(path[3], "w");
		cr_assert(f && fputs(texts[i], f) >= 0 && fclose(f) == 0);
		expect_refused("index.json", texts[i]);
	}
	cr_assert(unlink(path[3]) == 0);
	expect_refused("index.json is missing", "no index");
	snprintf(layout, sizeof(layout), "%s/nothing", dir);
	cr_expect(load(&s, &e) == -ENOENT && strstr(e.text, "nothing"), "%s", e.text);
}

/* Whoever makes the directory makes the digests. */
Test(api_layout, sizes_of_messages_are_limited)
{
	static const size_t sizes[] = {0, (1UL << 30) + 1, SIZE_MAX};
	struct mote_snapshot *s = make("calls_keeper.elf");
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct mote_snapshot *again = NULL;
		struct mote_error e = {0};
		s->message_max = sizes[i];
		save(s);
		cr_expect(load(&again, &e) == -EINVAL && strstr(e.text, "size of messages"), "%s",
			  e.text);
		mote_snapshot_free(again);
		char command[100];
		snprintf(command, sizeof(command), "rm -r %s", layout);
		cr_assert(system(command) == 0);
	}
	mote_snapshot_free(s);
}

/* A description of a large layer costs nothing, and neither does a large file. */
Test(api_layout, sizes_of_layers_are_limited)
{
	struct mote_snapshot *s = make("calls_keeper.elf"), *again = NULL;
	struct mote_error e;
	char command[300];
	save(s);
	mote_snapshot_free(s);
	cr_expect(mote_snapshot_load_max(layout, 4096, &again, &e) == -EFBIG &&
			  strstr(e.text, "at most 4096"),
		  "%s", e.text);
	cr_expect(mote_snapshot_load_max(layout, 64 << 20, &again, &e) == 0, "%s", e.text);
	use(again);
	mote_snapshot_free(again);
	/* The largest of its blobs, the layer, with a hole of 100 GiB behind it. */
	snprintf(command, sizeof(command),
		 "truncate -s 100G %s/blobs/sha256/$(ls -S %s/blobs/sha256 | head -n 1)", layout,
		 layout);
	cr_assert(system(command) == 0);
	struct timespec from, to;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
	cr_expect(load(&again, &e) == -EINVAL && strstr(e.text, "has grown"), "%s", e.text);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
	cr_expect(to.tv_sec - from.tv_sec < 5);
}

Test(api_layout, two_at_once)
{
	struct mote_snapshot *s = make("calls_keeper.elf");
	pid_t children[3];
	int saved = 0;
	for (int i = 0; i < 3; i++) {
		children[i] = fork();
		cr_assert(children[i] >= 0);
		if (children[i] == 0) {
			struct mote_error e;
			int rc = mote_snapshot_save(s, layout, &e);
			if (rc == 0)
				_exit(0);
			_exit(rc == -EEXIST ? 1 : 2);
		}
	}
	for (int i = 0; i < 3; i++) {
		int status;
		cr_assert(waitpid(children[i], &status, 0) == children[i] && WIFEXITED(status) &&
			  WEXITSTATUS(status) < 2);
		saved += WEXITSTATUS(status) == 0;
	}
	cr_expect(saved == 1);
	mote_snapshot_free(s);
	struct mote_error e;
	cr_assert(load(&s, &e) == 0, "%s", e.text);
	use(s);
	mote_snapshot_free(s);
	/* Nothing but the layout is left. */
	DIR *d = opendir(dir);
	int entries = 0;
	for (struct dirent *entry; (entry = readdir(d));)
		entries += entry->d_name[0] != '.';
	closedir(d);
	cr_expect(entries == 1);
}
