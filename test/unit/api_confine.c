/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What processes that run guests have given up before: the children that compile modules and take
 * snapshots, and those that call mote_confine. Looked at from outside, while their guests run.
 * Needs a KVM, of either kind.
 */
#include <mote/cache.h>
#include <mote/program_snapshot.h>

#include "base/confine.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static char directory[32], module[64], path_buffer[8][256];

static const char *text(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static const char *text(const char *fmt, ...)
{
	static unsigned next;
	char *to = path_buffer[next++ % 8];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(to, sizeof(path_buffer[0]), fmt, ap);
	va_end(ap);
	return to;
}

static void setup(void)
{
	snprintf(directory, sizeof(directory), "/tmp/mote-confine-XXXXXX");
	cr_assert(mkdtemp(directory));
	snprintf(module, sizeof(module), "%s.wasm", directory);
}

static void teardown(void)
{
	cr_expect(system(text("rm -rf %s %s.wasm", directory, directory)) == 0);
}

TestSuite(api_confine, .init = setup, .fini = teardown);

/* --- a module that takes long to compile --- */

static size_t leb(uint8_t *to, size_t v)
{
	size_t n = 0;
	do {
		to[n] = (uint8_t)(v & 127) | (v > 127 ? 128 : 0);
		v >>= 7;
		n++;
	} while (v);
	return n;
}

enum { FUNCTIONS = 400, BODY = 60000 };

/* FUNCTIONS functions of `i32.const 1, drop` over and over, and an empty `_start`. */
static void write_module(void)
{
	/* one type: no parameters, no results */
	static const uint8_t head[] = "\0asm\1\0\0\0\1\4\1\140\0\0";
	static uint8_t body[BODY + 16];
	uint8_t b[64];
	size_t n = leb(b, BODY + 1 + 1), filled = n;
	FILE *f = fopen(module, "w");
	cr_assert(f);
	memcpy(body, b, n);
	body[filled++] = 0; /* no locals */
	for (size_t i = 0; i < BODY; i += 3, filled += 3)
		memcpy(body + filled, "\x41\1\x1a", 3);
	body[filled++] = 0x0b;
	cr_assert(fwrite(head, 1, sizeof(head) - 1, f) == sizeof(head) - 1);
	n = leb(b, FUNCTIONS + 1); /* function section */
	uint8_t size[8];
	size_t k = leb(size, n + FUNCTIONS + 1);
	fputc(3, f), fwrite(size, 1, k, f), fwrite(b, 1, n, f);
	for (int i = 0; i <= FUNCTIONS; i++)
		fputc(0, f);
	fwrite("\7\12\1\6_start\0\0", 1, 12, f); /* export: function 0 */
	k = leb(size, n + 3 + FUNCTIONS * filled);
	fputc(10, f), fwrite(size, 1, k, f), fwrite(b, 1, n, f), fwrite("\2\0\x0b", 1, 3, f);
	for (int i = 0; i < FUNCTIONS; i++)
		fwrite(body, 1, filled, f);
	cr_assert(fclose(f) == 0);
}

/* --- processes, from outside --- */

/* One line of /proc/PID/status, after its name; "" if there is none. */
static const char *status_of(pid_t pid, const char *name)
{
	static char line[256];
	size_t len = strlen(name);
	FILE *f = fopen(text("/proc/%d/status", pid), "r");
	while (f && fgets(line, sizeof(line), f))
		if (strncmp(line, name, len) == 0 && line[len] == ':') {
			fclose(f);
			line[strcspn(line, "\n")] = '\0';
			return line + len + 1 + strspn(line + len + 1, " \t");
		}
	if (f)
		fclose(f);
	return "";
}

static pid_t child_of(pid_t parent)
{
	DIR *d = opendir("/proc");
	pid_t found = -1;
	for (struct dirent *entry; d && found < 0 && (entry = readdir(d));) {
		pid_t pid = atoi(entry->d_name);
		if (pid > 0 && atoi(status_of(pid, "PPid")) == parent)
			found = pid;
	}
	if (d)
		closedir(d);
	return found;
}

/* Waits until a child of `parent` has entered its seccomp filter, and stops it there. */
static pid_t catch (pid_t parent)
{
	for (;;) {
		int status;
		cr_assert(waitpid(parent, &status, WNOHANG) == 0,
			  "it ended with %#x before its child ran a guest", status);
		pid_t pid = child_of(parent);
		if (pid < 0 || strcmp(status_of(pid, "Seccomp"), "2") != 0)
			continue;
		cr_assert(kill(pid, SIGSTOP) == 0);
		while (status_of(pid, "State")[0] != 'T')
			cr_assert(status_of(pid, "State")[0] != 'Z',
				  "it had ended before it was looked at");
		return pid;
	}
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* What the descriptors of a process lead to, without numbers, sorted: "a|b|c". */
static const char *descriptors(pid_t pid)
{
	static char all[4096];
	char *list[64];
	size_t n = 0;
	DIR *d = opendir(text("/proc/%d/fd", pid));
	cr_assert(d);
	for (struct dirent *entry; (entry = readdir(d));) {
		char to[256];
		ssize_t len =
			readlink(text("/proc/%d/fd/%s", pid, entry->d_name), to, sizeof(to) - 1);
		if (len < 0)
			continue;
		to[len] = '\0';
		if (strncmp(to, "/proc/", 6) == 0)
			memmove(to, strrchr(to, '/'), strlen(strrchr(to, '/')) + 1);
		to[strcspn(to, "[")] = '\0'; /* pipe:[N] */
		/* without a name it is "#INODE (deleted)" */
		if (strncmp(to, directory, strlen(directory)) == 0 &&
		    (strstr(to, "/new-") || strstr(to, "/#")))
			strcpy(to, "the new file");
		cr_assert(n < 64);
		list[n++] = strdup(to);
	}
	closedir(d);
	qsort(list, n, sizeof(*list), by_text);
	*all = '\0';
	for (size_t i = 0; i < n; i++) {
		snprintf(all + strlen(all), sizeof(all) - strlen(all), "%s%s", i ? "|" : "",
			 list[i]);
		free(list[i]);
	}
	return all;
}

static void end(pid_t parent, pid_t child)
{
	kill(child, SIGKILL);
	kill(parent, SIGKILL);
	cr_expect(waitpid(parent, NULL, 0) == parent);
}

/* --- what compiles --- */

static char *const argv_of_program[] = {(char *)"program", NULL};

/* As monitors do it, and as `mote run` does. With descriptors that a compiler has no need of. */
static void compile_by(bool content)
{
	struct mote_error e = {0};
	struct mote_sandbox *s;
	const struct mote_dir root = {.guest_path = "/", .fd = open("/", O_RDONLY | O_DIRECTORY)};
	int kvm;
	cr_assert(mote_open_kvm(&kvm, &e) == 0, "%s", e.text);
	const struct mote_options o = {
		.size = sizeof(o),
		.program_fd = open(module, O_RDONLY),
		.argv = argv_of_program,
		.kvm_fd = &kvm,
		.dirs = &root,
		.dir_count = 1,
		.network = 1,
	};
	const struct mote_cache c = {
		.size = sizeof(c),
		.dir = open(directory, O_RDONLY | O_DIRECTORY),
	};
	if (content)
		mote_compiled_free(mote_compiled_find(&c, &o));
	else if (mote_sandbox_new_cached(directory, 0, &o, &s, &e) < 0)
		_exit(1);
	_exit(0);
}

static void check_compiler(bool content)
{
	write_module();
	sleep(3); /* for the cache, which looks at times */
	/* and is inherited */
	cr_assert(open("/etc/shadow", O_RDONLY) >= 0 || open("/etc/passwd", O_RDONLY) >= 0);
	pid_t parent = fork();
	if (parent == 0)
		compile_by(content);
	pid_t pid = catch (parent);
	const char *held = descriptors(pid);
	cr_expect(strcmp(held,
			 "/pagemap|anon_inode:kvm-vcpu:0|anon_inode:kvm-vm|pipe:|the new file") ==
			  0,
		  "%s", held);
	cr_expect_str_eq(status_of(pid, "NoNewPrivs"), "1");
	char line[256] = "";
	FILE *f = fopen(text("/proc/%d/limits", pid), "r");
	while (f && fgets(line, sizeof(line), f) && strncmp(line, "Max open files", 14) != 0)
		;
	unsigned long soft = 1, hard = 1;
	cr_expect(sscanf(line, "Max open files %lu %lu", &soft, &hard) == 2 && soft == 0 &&
			  hard == 0,
		  "%s", line);
	fclose(f);
	end(parent, pid);
}

Test(api_confine, a_compiler_holds_what_it_needs)
{
	check_compiler(false);
}

Test(api_confine, a_compiler_of_a_container_holds_what_it_needs)
{
	check_compiler(true);
}

Test(api_confine, what_takes_a_snapshot_holds_the_guests_descriptors)
{
	int ends[2];
	char line[16];
	cr_assert(pipe(ends) == 0 && open("/etc/passwd", O_RDONLY) >= 0);
	pid_t parent = fork();
	if (parent == 0) {
		struct mote_error e = {0};
		const struct mote_dir dir = {
			.guest_path = "/",
			.fd = open(directory, O_RDONLY | O_DIRECTORY),
		};
		const int stdio[3] = {-1, -1, ends[1]};
		const struct mote_options o = {
			.size = sizeof(o),
			.program_fd = open(TEST_GUESTS "/spin.musl", O_RDONLY),
			.argv = argv_of_program,
			.stdio = stdio,
			.dirs = &dir,
			.dir_count = 1,
		};
		_exit(mote_program_snapshot_take(&o, "stdin", text("%s/new-snapshot", directory),
						 &e) < 0);
	}
	/* Its program's output comes to descriptor 2. */
	cr_assert(read(ends[0], line, sizeof(line)) == 8);
	pid_t pid = catch (parent);
	const char *held = descriptors(pid);
	const char *wanted = text("/dev/null|/pagemap|%s|anon_inode:|anon_inode:|"
				  "anon_inode:kvm-vcpu:0|anon_inode:kvm-vm|"
				  "pipe:|pipe:|pipe:|pipe:|the new file",
				  directory);
	cr_expect(strcmp(held, wanted) == 0, "%s", held);
	end(parent, pid);
}

/* --- what confines itself --- */

/* What came of a system call: 0, or its errno. */
static int result(long rc)
{
	return rc < 0 ? errno : 0;
}

static int try_open(const char *path, int flags)
{
	int fd = open(path, flags, 0600), rc = result(fd);
	if (fd >= 0)
		close(fd);
	return rc;
}

static int try_connect(int port)
{
	const struct sockaddr_in to = {
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0),
	    rc = result(connect(fd, (const void *)&to, sizeof(to)));
	close(fd);
	return rc;
}

#define CHECK(is, wanted)                                                                 \
	do {                                                                              \
		int is_ = (is), wanted_ = (wanted);                                       \
		if (is_ != wanted_)                                                       \
			dprintf(report, "%s: %d (%s), not %d\n", #is, is_, strerror(is_), \
				wanted_);                                                 \
	} while (0)

/* In a process of its own; `report` is a file that stays empty where all is well. */
static void confined(int report, bool network)
{
	const struct mote_dir dirs[2] = {
		{.guest_path = "/rw", .fd = open(text("%s/rw", directory), O_PATH | O_DIRECTORY)},
		{
			.guest_path = "/ro",
			.fd = open(text("%s/ro", directory), O_PATH | O_DIRECTORY),
			.readonly = 1,
		},
	};
	const int stdio[3] = {-1, report, -1};
	const struct mote_options o = {
		.size = sizeof(o),
		.program_fd = open(TEST_GUESTS "/spin.musl", O_RDONLY),
		.argv = argv_of_program,
		.stdio = stdio,
		.dirs = dirs,
		.dir_count = 2,
		.network = network,
	};
	struct mote_error e = {0};
	struct mote_sandbox *s = NULL;
	struct mote_confined done = {.size = sizeof(done)};
	const int kept = fcntl(report, F_DUPFD, 200);
	dup2(report, 1);
	if (mote_sandbox_new(&o, &s, &e) < 0 || mote_confine(s, &o, &kept, 1, &done, &e) < 0) {
		dprintf(report, "%s\n", e.text);
		_exit(0);
	}
	report = 1;
	int abi = done.landlock_abi, denied = abi ? EACCES : 0;
	CHECK(abi, confine_landlock_abi());
	CHECK(fcntl(dirs[0].fd, F_GETFD), -1);
	CHECK(fcntl(kept, F_GETFD), 0);
	CHECK(try_open("/etc/passwd", O_RDONLY), denied);
/* which look there when they report */
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
	CHECK(try_open("/proc/self/maps", O_RDONLY), denied);
#endif
	CHECK(try_open(text("%s/other", directory), O_RDONLY), denied);
	CHECK(try_open(text("%s/rw/file", directory), O_RDWR | O_TRUNC), 0);
	CHECK(try_open(text("%s/rw/new", directory), O_RDWR | O_CREAT), 0);
	CHECK(result(rename(text("%s/rw/new", directory), text("%s/rw/sub/new", directory))), 0);
	CHECK(try_open(text("%s/ro/file", directory), O_RDONLY), 0);
	CHECK(try_open(text("%s/ro/file", directory), O_RDWR), denied);
	CHECK(try_open(text("%s/ro/new", directory), O_RDWR | O_CREAT), denied);
	CHECK(result(unlink(text("%s/other", directory))), denied);
	CHECK(result(execl("/bin/true/none", "true", NULL)), ENOTDIR);
	/* Nobody listens at port 9, which is then the answer. */
	CHECK(try_connect(9), abi >= 4 && !network ? EACCES : ECONNREFUSED);
	CHECK(result(kill(getppid(), 0)), abi >= 6 ? EPERM : 0);
	CHECK(result(kill(getpid(), 0)), 0);
	_exit(0);
}

/*
 * What a thread that was broken into can still do with names, which its filter does not see. In a
 * process of an embedder that has confined nothing: others of its threads go on as before.
 */
enum { NAMES = 10 };
static int names_said[NAMES];

static void *jailed(void *arg)
{
	const int report = *(const int *)arg, dir = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	const char *other = text("%s/other", directory), *made = text("%s/made", directory),
		   *own = text("%s/rw/own", directory), *moved = text("%s/rw/sub/moved", directory),
		   *read_only = text("%s/ro/file", directory);
	const struct mote_dir dirs[2] = {
		{.guest_path = "/rw", .fd = open(text("%s/rw", directory), O_PATH | O_DIRECTORY)},
		{
			.guest_path = "/ro",
			.fd = open(text("%s/ro", directory), O_PATH | O_DIRECTORY),
			.readonly = 1,
		},
	};
	const struct mote_options o = {
		.size = sizeof(o),
		.program_fd = open(TEST_GUESTS "/spin.musl", O_RDONLY),
		.argv = argv_of_program,
		.dirs = dirs,
		.dir_count = 2,
	};
	struct mote_error e = {0};
	struct mote_sandbox *s = NULL;
	if (mote_sandbox_new(&o, &s, &e) < 0 || mote_sandbox_jail(s, &e) < 0) {
		dprintf(report, "%s\n", e.text);
		return NULL;
	}
	/* Nothing that the C library does on the way is sure to be in the filter. */
	const int got[] = {
		result(mkdirat(dir, made, 0700)),
		result(unlinkat(dir, other, 0)),
		result(unlinkat(dir, read_only, 0)),
		result((int)syscall(SYS_renameat2, dir, other, dir, made, 0)),
		result((int)syscall(SYS_renameat2, dir, other, dir, own, 0)),
		result(linkat(dir, other, dir, own, 0)),
		result(symlinkat("x", dir, made)),
		result(mkdirat(dir, own, 0700)),
		result((int)syscall(SYS_renameat2, dir, own, dir, moved, 0)),
		result(unlinkat(dir, moved, AT_REMOVEDIR)),
	};
	memcpy(names_said, got, sizeof(got));
	return NULL;
}

static void jail_a_thread(int report)
{
	static const int wanted[NAMES] = {EACCES, EACCES, EACCES, EACCES, EACCES,
					  EXDEV,  EACCES, 0,      0,      0};
	pthread_t thread;
	if (pthread_create(&thread, NULL, jailed, &report) != 0 || pthread_join(thread, NULL) != 0)
		dprintf(report, "no thread\n");
	for (int i = 0; i < NAMES; i++)
		if (names_said[i] != wanted[i])
			dprintf(report, "name %d: %d, not %d\n", i, names_said[i], wanted[i]);
	CHECK(try_open("/etc/passwd", O_RDONLY), 0);
	CHECK(result(unlink(text("%s/other", directory))), 0);
	_exit(0);
}

static void in_a_process(void (*act)(int report))
{
	char said[4096] = "";
	int status, report = memfd_create("report", MFD_CLOEXEC);
	pid_t pid = fork();
	if (pid == 0)
		act(report);
	cr_assert(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0,
		  "%#x", status);
	cr_expect(pread(report, said, sizeof(said) - 1, 0) == 0, "%s", said);
	close(report);
}

Test(api_confine, names_of_a_thread_in_a_sandboxs_filter)
{
	if (confine_landlock_abi() == 0) {
		cr_log_info("this kernel offers no Landlock, which is the fence");
		return;
	}
	cr_assert(system(text("cd %s && mkdir -p rw/sub ro && touch ro/file other", directory)) ==
		  0);
	in_a_process(jail_a_thread);
}

static void check_confined(bool network)
{
	char said[4096] = "";
	int report = memfd_create("report", MFD_CLOEXEC);
	cr_assert(
		system(text(
			"cd %s && mkdir -p rw/sub ro && echo x >rw/file && echo x >ro/file && echo "
			"x >other",
			directory)) == 0);
	pid_t pid = fork();
	if (pid == 0)
		confined(report, network);
	int status;
	cr_assert(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0,
		  "%#x", status);
	cr_expect(pread(report, said, sizeof(said) - 1, 0) == 0, "%s", said);
}

Test(api_confine, files_and_ports_without_the_network)
{
	check_confined(false);
}

Test(api_confine, files_with_the_network)
{
	check_confined(true);
}

/* Where the kernel says of this thread that it may decide, it is decided for good. */
Test(api_confine, speculation)
{
	static const char *const names[] = {"Speculation_Store_Bypass",
					    "SpeculationIndirectBranch"};
	bool offered[2];
	struct err e = {0};
	for (int i = 0; i < 2; i++)
		offered[i] = strstr(status_of(getpid(), names[i]), "conditional") ||
			     strstr(status_of(getpid(), names[i]), "thread");
	int off = confine_speculation(&e);
	cr_assert(off >= 0, "%s", e.text);
	cr_expect(!(off & CONFINE_STORE_BYPASS) == !offered[0], "%s",
		  status_of(getpid(), names[0]));
	cr_expect(!(off & CONFINE_INDIRECT_BRANCH) == !offered[1], "%s",
		  status_of(getpid(), names[1]));
	for (int i = 0; i < 2; i++)
		if (offered[i])
			cr_expect(strstr(status_of(getpid(), names[i]), "force"), "%s",
				  status_of(getpid(), names[i]));
}

Test(api_confine, descriptors_that_are_kept)
{
	pid_t pid = fork();
	if (pid == 0) {
		int a = open("/", O_PATH), b = fcntl(a, F_DUPFD, 100), c = fcntl(a, F_DUPFD, 500),
		    keep[] = {c, -1, 2, a, -1, a};
		bool good = confine_descriptors(keep, 6) == 0 && fcntl(a, F_GETFD) >= 0 &&
			    fcntl(b, F_GETFD) < 0 && fcntl(c, F_GETFD) >= 0 &&
			    fcntl(2, F_GETFD) >= 0 && fcntl(0, F_GETFD) < 0;
		_exit(good ? 0 : 1);
	}
	int status;
	cr_assert(waitpid(pid, &status, 0) == pid && status == 0);
}
