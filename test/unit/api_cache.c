/* SPDX-License-Identifier: Apache-2.0 */
/* The directory of compiled modules. Needs a KVM, of either kind. */
#include <mote/cache.h>
#include <mote/call.h>

#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static char directory[32], module[64];

/* A module of the test's own, old enough to be kept. */
static void setup(void)
{
	char command[400];
	snprintf(directory, sizeof(directory), "/tmp/mote-cache-XXXXXX");
	cr_assert(mkdtemp(directory));
	snprintf(module, sizeof(module), "%s.wasm", directory);
	snprintf(command, sizeof(command), "cp %s/cache_program.wasm %s", TEST_GUESTS, module);
	cr_assert(system(command) == 0);
	sleep(3);
}

static void teardown(void)
{
	char command[200];
	snprintf(command, sizeof(command), "rm -rf %s %s.wasm %s.other.wasm", directory, directory,
		 directory);
	cr_expect(system(command) == 0);
}

TestSuite(api_cache, .init = setup, .fini = teardown);

/* Runs a module with one argument and variable; its output. */
static const char *run(const char *path, const char *argument, const char *variable,
		       uint64_t max_bytes)
{
	static char text[4096];
	int ends[2];
	cr_assert(pipe(ends) == 0);
	char *argv[] = {(char *)"program", (char *)(uintptr_t)argument, NULL};
	char *envp[] = {(char *)(uintptr_t)variable, NULL};
	const int stdio[3] = {-1, ends[1], 2};
	struct mote_dir dir = {
		.guest_path = "/here",
		.fd = open("/tmp", O_PATH | O_CLOEXEC),
		.readonly = 1,
	};
	struct mote_options o = {
		.size = sizeof(o),
		.program_fd = open(path, O_RDONLY | O_CLOEXEC),
		.program_path = path,
		.argv = argv,
		.envp = envp,
		.stdio = stdio,
		.dirs = &dir,
		.dir_count = 1,
	};
	struct mote_sandbox *s = NULL;
	struct mote_error e = {0};
	struct mote_result r = {0};
	cr_assert(mote_sandbox_new_cached(directory, max_bytes, &o, &s, &e) == 0, "%s", e.text);
	cr_assert(mote_sandbox_run(s, &r, &e) == 0, "%s", e.text);
	cr_expect(mote_exit_status(&r) == 3, "status %d", mote_exit_status(&r));
	mote_sandbox_free(s);
	close(o.program_fd);
	close(dir.fd);
	close(ends[1]);
	ssize_t n = read(ends[0], text, sizeof(text) - 1);
	text[n < 0 ? 0 : n] = '\0';
	close(ends[0]);
	return text;
}

/* How many snapshots are kept, and how many other files; the name of the last. */
static unsigned kept(unsigned *others, char name[400])
{
	DIR *d = opendir(directory);
	unsigned count = 0;
	*others = 0;
	for (struct dirent *entry; d && (entry = readdir(d));) {
		if (entry->d_name[0] == '.' || strstr(entry->d_name, ".touched"))
			continue;
		if (strstr(entry->d_name, ".snapshot")) {
			count++;
			snprintf(name, 400, "%s/%s", directory, entry->d_name);
		} else {
			(*others)++;
		}
	}
	if (d)
		closedir(d);
	return count;
}

static void expect_kept(unsigned count)
{
	unsigned others;
	char name[400];
	unsigned n = kept(&others, name);
	cr_expect(n == count && others == 0, "%u snapshots and %u other files", n, others);
}

/* Number of the run's own random draw, to see that it is one. */
static unsigned long number_in(const char *text)
{
	const char *at = strstr(text, "random=");
	cr_assert(at, "%s", text);
	return strtoul(at + 7, NULL, 16);
}

Test(api_cache, a_start_is_the_same_with_and_without)
{
	unsigned long seen[4];
	static const char *const arguments[] = {"one", "two", "",
						"a much longer argument than before"};
	for (int i = 0; i < 4; i++) {
		char variable[32], wanted[200];
		snprintf(variable, sizeof(variable), "V=%d", i);
		const char *text = run(module, arguments[i], variable, 0);
		snprintf(wanted, sizeof(wanted), "argument=%s variable=%d directory=/here count=1 ",
			 arguments[i], i);
		cr_expect(strncmp(text, wanted, strlen(wanted)) == 0, "%s, not %s", text, wanted);
		seen[i] = number_in(text);
		for (int k = 0; k < i; k++)
			cr_expect(seen[i] != seen[k]);
		expect_kept(1);
	}
}

Test(api_cache, what_is_damaged_is_made_anew)
{
	unsigned others;
	char name[400], good, found;
	struct stat before, after;
	run(module, "x", "V=1", 0);
	for (int i = 0; i < 3; i++) {
		cr_assert(kept(&others, name) == 1 && stat(name, &before) == 0);
		int fd = open(name, O_RDWR | O_CLOEXEC);
		cr_assert(fd >= 0 && pread(fd, &good, 1, 100) == 1);
		if (i == 0)
			cr_assert(ftruncate(fd, 5000) == 0);
		else if (i == 1)
			cr_assert(pwrite(fd, "x", 1, 100) == 1);
		else
			cr_assert(fchmod(fd, 0666) == 0); /* somebody else may have written it */
		close(fd);
		cr_expect(strncmp(run(module, "x", "V=1", 0), "argument=x", 10) == 0);
		cr_assert(kept(&others, name) == 1 && (fd = open(name, O_RDONLY | O_CLOEXEC)) >= 0);
		cr_expect(fstat(fd, &after) == 0 && after.st_mode == (S_IFREG | 0600) &&
			  after.st_size == before.st_size);
		cr_expect(pread(fd, &found, 1, 100) == 1 && found == good);
		close(fd);
	}
}

Test(api_cache, a_directory_of_others_is_not_used)
{
	cr_assert(chmod(directory, 0777) == 0);
	cr_expect(strncmp(run(module, "x", "V=1", 0), "argument=x", 10) == 0);
	expect_kept(0);
	cr_assert(chmod(directory, 0700) == 0 && rmdir(directory) == 0);
	FILE *f = fopen(directory, "w");
	cr_assert(f && fclose(f) == 0);
	cr_expect(strncmp(run(module, "x", "V=1", 0), "argument=x", 10) == 0);
}

Test(api_cache, a_module_that_has_just_changed_is_not_kept)
{
	char other[80], command[200];
	struct stat st;
	snprintf(other, sizeof(other), "%s.other.wasm", directory);
	snprintf(command, sizeof(command), "rm -f %s/*.snapshot && cp %s %s", directory, module,
		 other);
	/* Again if it had not just changed, on a machine that has stalled. */
	do {
		cr_assert(system(command) == 0);
		cr_expect(strncmp(run(other, "x", "V=1", 0), "argument=x", 10) == 0);
		cr_assert(stat(other, &st) == 0);
	} while (time(NULL) - st.st_ctim.tv_sec >= 2);
	expect_kept(0);
	run(module, "x", "V=1", 0);
	expect_kept(1);
	sleep(3);
	run(other, "x", "V=1", 0);
	expect_kept(2);
	/* Only as much as is allowed; the one that was used last stays. */
	snprintf(command, sizeof(command), "rm %s/*.snapshot", directory);
	cr_assert(system(command) == 0);
	run(module, "x", "V=1", 1);
	run(other, "x", "V=1", 1);
	expect_kept(1);
}

Test(api_cache, many_at_once)
{
	pid_t children[6];
	for (int i = 0; i < 6; i++) {
		children[i] = fork();
		cr_assert(children[i] >= 0);
		if (children[i] == 0) {
			int good = 1;
			for (int k = 0; k < 5; k++)
				good &= strncmp(run(module, "x", "V=1", k == 3 ? 1 : 0),
						"argument=x", 10) == 0;
			_exit(good ? 0 : 1);
		}
	}
	for (int i = 0; i < 6; i++) {
		int status;
		cr_assert(waitpid(children[i], &status, 0) == children[i]);
		cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	}
	expect_kept(1);
}

Test(api_cache, a_full_disk_does_no_harm)
{
	struct rlimit small = {.rlim_cur = 100000, .rlim_max = 100000};
	cr_assert(setrlimit(RLIMIT_FSIZE, &small) == 0);
	cr_expect(strncmp(run(module, "x", "V=1", 0), "argument=x", 10) == 0);
	expect_kept(0);
}

/* --- notes of what starts touch --- */

/* The only note's name; false if there is none. */
static bool noted(char name[400])
{
	DIR *d = opendir(directory);
	bool found = false;
	for (struct dirent *entry; d && (entry = readdir(d));)
		if (strstr(entry->d_name, ".touched")) {
			cr_expect(!found, "two notes");
			found = true;
			snprintf(name, 400, "%s/%s", directory, entry->d_name);
		}
	if (d)
		closedir(d);
	return found;
}

static off_t note_bytes(const char *name)
{
	struct stat st;
	return stat(name, &st) == 0 && (st.st_mode & 0777) == 0600 ? st.st_size : -1;
}

Test(api_cache, what_a_start_touches_is_noted)
{
	char name[400];
	cr_expect(!noted(name));
	cr_expect(strncmp(run(module, "x", "V=1", 0), "argument=x", 10) == 0);
	cr_assert(noted(name));
	off_t bytes = note_bytes(name);
	cr_expect(bytes > 1000);
	/* Altered anywhere, cut, or open to others: made again. Starts are what they were. */
	for (off_t at = 0; at <= bytes; at += 41) {
		int fd = open(name, O_RDWR | O_CLOEXEC);
		char byte, again;
		cr_assert(fd >= 0);
		if (at + 41 > bytes) {
			cr_assert(at & 1 ? fchmod(fd, 0666) == 0 : ftruncate(fd, bytes - 1) == 0);
		} else {
			cr_assert(pread(fd, &byte, 1, at) == 1);
			again = (char)(byte ^ 1);
			cr_assert(pwrite(fd, &again, 1, at) == 1);
		}
		close(fd);
		cr_expect(strncmp(run(module, "x", "V=1", 0), "argument=x", 10) == 0);
		cr_assert(noted(name));
		fd = open(name, O_RDONLY | O_CLOEXEC);
		cr_expect(note_bytes(name) == bytes &&
			  (at + 41 > bytes || (pread(fd, &again, 1, at) == 1)));
		close(fd);
		cr_expect(strncmp(run(module, "x", "V=1", 0), "argument=x", 10) == 0);
	}
}

Test(api_cache, a_note_that_is_being_made_is_left_alone)
{
	char name[400];
	run(module, "x", "V=1", 0);
	cr_assert(noted(name) && truncate(name, 0) == 0);
	run(module, "x", "V=1", 0);
	cr_expect(note_bytes(name) == 0);
	const struct timespec old[2] = {{.tv_sec = 1}, {.tv_sec = 1}};
	cr_assert(utimensat(AT_FDCWD, name, old, 0) == 0);
	run(module, "x", "V=1", 0);
	cr_expect(note_bytes(name) > 1000);
}

/* --- by content --- */

static int refuse(void *arg)
{
	(void)arg;
	return -EPERM;
}

/* A module's compiled form, found or made. Freed; whether there was one. */
static bool compiled(const char *path, const struct mote_cache *c, uint64_t memory_bytes)
{
	char *argv[] = {(char *)"program", (char *)"x", NULL};
	int fd = open(path, O_RDONLY | O_CLOEXEC), kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	const struct mote_options o = {
		.size = sizeof(o),
		.program_fd = fd,
		.argv = argv,
		.memory_bytes = memory_bytes,
		.kvm_fd = &kvm,
	};
	struct mote_compiled *found = mote_compiled_find(c, &o);
	struct mote_sandbox *s = NULL;
	struct mote_error e = {0};
	struct mote_result r = {0};
	cr_assert(fd >= 0 && kvm >= 0);
	cr_assert(mote_sandbox_from_compiled(found, &o, &s, &e) == 0 &&
			  mote_sandbox_run(s, &r, &e) == 0,
		  "%s", e.text);
	cr_expect(mote_exit_status(&r) == 3);
	mote_sandbox_free(s);
	mote_compiled_free(found);
	close(fd);
	close(kvm);
	return found != NULL;
}

Test(api_cache, modules_are_identified_by_content)
{
	char other[80], command[400];
	struct stat st;
	struct mote_cache c = {
		.size = sizeof(c),
		.dir = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC),
	};
	cr_assert(c.dir >= 0 && stat(module, &st) == 0);
	snprintf(other, sizeof(other), "%s.other.wasm", directory);
	snprintf(command, sizeof(command), "cp %s %s", module, other);
	cr_assert(system(command) == 0);
	c.module_bytes_min = (uint64_t)st.st_size + 1;
	cr_expect(!compiled(module, &c, 0));
	expect_kept(0);
	c.module_bytes_min--;
	c.in_child = refuse;
	cr_expect(!compiled(module, &c, 0));
	c.in_child = NULL;
	cr_expect(compiled(module, &c, 0));
	cr_expect(compiled(other, &c, 0)); /* has changed just now, and is the same */
	expect_kept(1);
	/* a custom section more */
	snprintf(command, sizeof(command), "printf '\\0\\3\\1x.' >>%s", other);
	cr_assert(system(command) == 0);
	cr_expect(compiled(other, &c, 0));
	expect_kept(2);
	/* With more than an eighth of the memory: 2 MiB, by a custom section, and 12. */
	snprintf(command, sizeof(command),
		 "printf '\\0\\200\\200\\200\\1\\1y' >>%s && head -c 2097150 /dev/zero >>%s", other,
		 other);
	cr_assert(system(command) == 0);
	cr_expect(!compiled(other, &c, 12 << 20));
	expect_kept(2);
	cr_expect(compiled(other, &c, 32 << 20));
	expect_kept(3);
	cr_assert(fchmod(c.dir, 0770) == 0);
	cr_expect(!compiled(module, &c, 0));
	close(c.dir);
	c.dir = -1;
	cr_expect(!compiled(module, &c, 0));
}

/* --- tenants --- */

/* `module` with a custom section of `number` in it, which makes it another one; its name. */
static const char *variant(unsigned number)
{
	static char other[80];
	char command[400];
	snprintf(other, sizeof(other), "%s.other.wasm", directory);
	snprintf(command, sizeof(command), "(cat %s; printf '\\0\\6\\1x%04u') >%s", module, number,
		 other);
	cr_assert(system(command) == 0);
	return other;
}

static struct {
	unsigned count; /* compiled modules of all tenants */
	uint64_t bytes;
	unsigned long files; /* which ones: the sum of their inodes */
} all;

static int count_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	const char *suffix = strrchr(path, '.');
	(void)at;
	if (type == FTW_F && suffix && strcmp(suffix, ".snapshot") == 0) {
		all.count++;
		all.bytes += (uint64_t)st->st_blocks * 512;
		all.files += st->st_ino;
	}
	return 0;
}

static unsigned count_all(uint64_t *bytes)
{
	memset(&all, 0, sizeof(all));
	cr_assert(nftw(directory, count_one, 8, FTW_PHYS) == 0);
	*bytes = all.bytes;
	return all.count;
}

Test(api_cache, tenants_find_their_own)
{
	uint64_t bytes;
	struct mote_cache c = {
		.size = sizeof(c),
		.dir = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC),
	};
	static const char *const tenants[] = {"one", "two", "../../one", "one", NULL, "two", ""};
	static const unsigned wanted[] = {1, 2, 3, 3, 4, 4, 5};
	for (unsigned i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		c.tenant = tenants[i];
		cr_expect(compiled(module, &c, 0));
		cr_expect(count_all(&bytes) == wanted[i], "%u: %u", i, count_all(&bytes));
	}
	/* Of a tenant's directory that others can write to nothing is used. */
	char command[200];
	c.tenant = "one";
	snprintf(command, sizeof(command), "chmod 777 %s/*/", directory);
	cr_assert(system(command) == 0);
	cr_expect(!compiled(module, &c, 0));
	close(c.dir);
}

/* One tenant has modules; another one compiles without end. */
Test(api_cache, no_tenant_evicts_another_ones_share)
{
	uint64_t bytes, one;
	struct mote_cache c = {
		.size = sizeof(c),
		.dir = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC),
		.tenant = "first",
	};
	cr_assert(compiled(variant(0), &c, 0));
	count_all(&one);
	/*
	 * Room for seven and a half; the first has six, which is more than its share once there is
	 * another.
	 */
	c.max_bytes = one * 15 / 2;
	for (unsigned i = 1; i < 6; i++)
		cr_assert(compiled(variant(i), &c, 0));
	cr_expect(count_all(&bytes) == 6 && bytes <= c.max_bytes);
	c.tenant = "second";
	for (unsigned i = 10; i < 20; i++) {
		cr_expect(compiled(variant(i), &c, 0));
		unsigned n = count_all(&bytes);
		cr_expect(bytes <= c.max_bytes && n <= 7, "after %u: %u, %lu bytes", i, n, bytes);
	}
	/* Both have three. What the first used last is there, whatever the second does. */
	c.tenant = "first";
	cr_expect(count_all(&bytes) >= 6, "%lu bytes of %lu", bytes, c.max_bytes);
	unsigned long before = all.files;
	for (unsigned i = 3; i < 6; i++)
		cr_expect(compiled(variant(i), &c, 0) && count_all(&bytes) && all.files == before,
			  "module %u was compiled again", i);
	close(c.dir);
}

/* --- function calls --- */

static int next(void *arg, struct mote_sandbox *s, const struct mote_value *args, size_t count,
		struct mote_value *result, struct mote_error *error)
{
	(void)s, (void)count, (void)error;
	*result = mote_u64(args[0].of.u64 + *(uint64_t *)arg);
	return 0;
}

/* A kept module gets the host's functions of each start; how it ends if there are none. */
Test(api_cache, imports_of_host_functions_are_bound_at_each_start)
{
	/* (import "mote" "next" (func (param i64) (result i64))), exported as "f" */
	static const uint8_t bytes[] =
		"\0asm\1\0\0\0\1\6\1\140\1\176\1\176\2\15\1\4mote\4next\0\0\7\5\1\1f\0\0";
	int fd = open(module, O_RDWR | O_TRUNC | O_CLOEXEC), err = memfd_create("err", MFD_CLOEXEC);
	cr_assert(fd >= 0 && write(fd, bytes, sizeof(bytes) - 1) == sizeof(bytes) - 1);
	sleep(3);
	for (uint64_t i = 0; i < 4; i++) {
		char *argv[] = {(char *)"program", NULL};
		const struct mote_function f = {
			.name = "next",
			.signature = i == 3 ? "i:U" : "U:U",
			.call = next,
			.arg = &i,
		};
		const int stdio[3] = {-1, -1, err};
		const struct mote_options o = {
			.size = sizeof(o),
			.program_fd = fd,
			.argv = argv,
			.stdio = stdio,
			.functions = &f,
			.function_count = i != 2,
		};
		struct mote_error e = {0};
		struct mote_sandbox *s = NULL;
		const struct mote_value forty = mote_u64(40);
		struct mote_value result = {.type = MOTE_U64};
		cr_assert(mote_sandbox_new_cached(directory, 0, &o, &s, &e) == 0, "%s", e.text);
		int rc = mote_sandbox_init(s, &e);
		if (i < 2)
			cr_expect(rc == 0 &&
					  mote_sandbox_call(s, "f", &forty, 1, &result, &e) == 0 &&
					  result.of.u64 == 40 + i,
				  "%s", e.text);
		else
			cr_expect(rc == -EIO && strstr(e.text, "status 126"), "%s", e.text);
		mote_sandbox_free(s);
		expect_kept(1);
	}
	char text[400] = "";
	cr_expect(pread(err, text, sizeof(text) - 1, 0) > 0 &&
			  strstr(text, "mote.next: the host has no function of that name") &&
			  strstr(text, "mote.next: the host's function is of another type"),
		  "%s", text);
	close(fd);
	close(err);
}
