/* SPDX-License-Identifier: Apache-2.0 */
/* What limits, statistics, pauses and out-of-memory events become in control files of each version,
 * of which a machine has one: the files are those of a directory. */
#include "runtime/cgroup/internal.h"

#include <criterion/criterion.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static char top[64];
static struct cgroup *group;

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st;
	(void)kind;
	(void)at;
	return remove(path);
}

static void setup(void)
{
	strcpy(top, "/tmp/mote-cgroup.XXXXXX");
	cr_assert(mkdtemp(top));
}

static void teardown(void)
{
	cgroup_free(group);
	group = NULL;
	nftw(top, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

TestSuite(runtime_cgroup_files, .init = setup, .fini = teardown);

static void put(const char *file, const char *text)
{
	char path[200];
	snprintf(path, sizeof(path), "%s/%s", top, file);
	FILE *f = fopen(path, "w");
	cr_assert(f && fputs(text, f) >= 0 && fclose(f) == 0, "%s", path);
}

static const char *get(const char *file)
{
	static char text[256];
	int rc = cgroup_read(top, file, text, sizeof(text));
	if (rc < 0)
		return strerror(-rc);
	return text;
}

/* A cgroup of that version, all of whose controllers have their files in `top`. */
static void be(int version)
{
	cgroup_free(group);
	group = calloc(1, sizeof(*group));
	cr_assert(group);
	*group =
		(struct cgroup){.version = version, .path = strdup("/p"), .oom_fd = -1, .count = 1};
	group->hierarchies[0] = (struct hierarchy){
		.controllers = ~0u,
		.top = strdup(top),
		.dir = strdup(top),
	};
}

struct written {
	const char *file, *before, *after;
};

/* Sets the limits with these files there, and looks at what is in them then. */
static void expect_written(const struct oci_resources *r, const struct written *files, size_t count)
{
	struct err e = {0};
	for (size_t i = 0; i < count; i++)
		put(files[i].file, files[i].before);
	int rc = cgroup_update(group, r, &e);
	cr_expect(rc == 0, "%d: %s", rc, e.text);
	for (size_t i = 0; i < count; i++) {
		const char *now = get(files[i].file);
		cr_expect(strcmp(now, files[i].after) == 0, "%s: '%s', not '%s'", files[i].file,
			  now, files[i].after);
	}
}
#define EXPECT_WRITTEN(r, ...)                                               \
	do {                                                                 \
		const struct written files_[] = {__VA_ARGS__};               \
		expect_written(r, files_, sizeof(files_) / sizeof(*files_)); \
	} while (0)

/* Sets the limits, which fails with this code and a text that names what is missing. */
static void expect_refused(const struct oci_resources *r, int code, const char *text)
{
	struct err e = {0};
	int rc = cgroup_update(group, r, &e);
	cr_expect(rc == -code && strstr(e.text, text), "%d: %s", rc, e.text);
}

Test(runtime_cgroup_files, limits_of_version_2)
{
	struct oci_unified unified[] = {{"memory.high", "12345"}};
	struct oci_io io[] = {
		{OCI_IO_READ_BPS, 8, 0, 1000},
		{OCI_IO_WRITE_IOPS, 8, 16, 0},
	};
	be(2);
	struct oci_resources r = OCI_RESOURCES_UNSET;
	r.memory_limit = 64 << 20;
	r.memory_reservation = 32 << 20;
	r.memory_swap = 96 << 20; /* with memory's own */
	r.cpu_shares = 1024;
	r.cpu_quota_us = 50000;
	r.cpu_burst_us = 1000;
	r.cpuset_cpus = "0-1";
	r.cpuset_mems = "0";
	r.pids_limit = 100;
	r.io_weight = 505;
	r.unified = unified;
	r.unified_count = 1;
	EXPECT_WRITTEN(&r, {"memory.max", "", "67108864"}, {"memory.low", "", "33554432"},
		       {"memory.swap.max", "m", "33554432"}, {"cpu.weight", "", "39"},
		       {"cpu.max", "m 20000\n", "50000 20000"}, {"cpu.max.burst", "", "1000"},
		       {"cpuset.cpus", "", "0-1"}, {"cpuset.mems", "", "0"},
		       {"pids.max", "", "1600"}, {"io.weight", "", "5000"},
		       {"memory.high", "", "12345"});
	r = OCI_RESOURCES_UNSET;
	r.io = io;
	r.io_count = 1;
	EXPECT_WRITTEN(&r, {"io.max", "", "8:0 rbps=1000"});
	r.io = io + 1;
	EXPECT_WRITTEN(&r, {"io.max", "", "8:16 wiops=max"});
}

Test(runtime_cgroup_files, no_limit_and_borders_in_version_2)
{
	be(2);
	struct oci_resources r = OCI_RESOURCES_UNSET;
	r.memory_limit = r.memory_swap = r.pids_limit = -1;
	r.cpu_quota_us = -1;
	r.cpu_shares = 1; /* less than there is */
	EXPECT_WRITTEN(&r, {"memory.max", "", "max"}, {"memory.swap.max", "0", "max"},
		       {"cpu.weight", "", "1"}, {"cpu.max", "", "max 100000"},
		       {"pids.max", "m", "max"});
	r = OCI_RESOURCES_UNSET;
	r.memory_limit = 2 << 20;
	r.memory_swap = 1 << 20; /* less than memory's own */
	r.cpu_shares = INT32_MAX;
	r.cpu_period_us = 5000;
	EXPECT_WRITTEN(&r, {"memory.max", "", "2097152"}, {"memory.swap.max", "m", "0"},
		       {"cpu.weight", "", "10000"}, {"cpu.max", "", "max 5000"});
	/* A scheduler's own weights are in the specification's numbers. */
	struct oci_io device = {OCI_IO_WEIGHT, 8, 0, 10};
	r = OCI_RESOURCES_UNSET;
	r.io_weight = 505;
	EXPECT_WRITTEN(&r, {"io.bfq.weight", "", "505"}, {"io.weight", "", ""});
	r = OCI_RESOURCES_UNSET;
	r.io = &device;
	r.io_count = 1;
	EXPECT_WRITTEN(&r, {"io.bfq.weight", "", "8:0 10"}, {"io.weight", "", ""});
	char path[100];
	snprintf(path, sizeof(path), "%s/io.bfq.weight", top);
	cr_assert(unlink(path) == 0);
	EXPECT_WRITTEN(&r, {"io.weight", "", "8:0 1"});
}

Test(runtime_cgroup_files, limits_of_version_1)
{
	struct oci_io io[] = {
		{OCI_IO_WRITE_BPS, 8, 0, 1000},
		{OCI_IO_WEIGHT, 8, 0, 500},
	};
	be(1);
	struct oci_resources r = OCI_RESOURCES_UNSET;
	r.memory_limit = 64 << 20;
	r.memory_reservation = 32 << 20;
	r.memory_swap = 96 << 20;
	r.memory_swappiness = 0;
	r.oom_kill_disable = true;
	r.cpu_shares = 512;
	r.cpu_quota_us = 50000;
	r.cpu_period_us = 20000;
	r.cpu_burst_us = 1000;
	r.cpu_idle = 1;
	r.pids_limit = -1;
	r.io_weight = 500;
	r.io = io;
	r.io_count = 2;
	EXPECT_WRITTEN(&r, {"memory.limit_in_bytes", "", "67108864"},
		       {"memory.soft_limit_in_bytes", "", "33554432"},
		       {"memory.memsw.limit_in_bytes", "1", "100663296"},
		       {"memory.swappiness", "", "0"}, {"memory.oom_control", "", "1"},
		       {"cpu.shares", "", "512"}, {"cpu.cfs_quota_us", "", "50000"},
		       {"cpu.cfs_period_us", "", "20000"}, {"cpu.cfs_burst_us", "", "1000"},
		       {"cpu.idle", "", "1"}, {"pids.max", "m", "max"},
		       {"blkio.bfq.weight", "", "500"},
		       {"blkio.throttle.write_bps_device", "", "8:0 1000"},
		       {"blkio.bfq.weight_device", "", "8:0 500"});
}

Test(runtime_cgroup_files, what_cannot_be_set_is_named)
{
	struct oci_unified unified[] = {{"memory.none", "1"}};
	struct oci_io device = {OCI_IO_READ_BPS, 8, 0, 1};
	for (int version = 1; version <= 2; version++) {
		be(version);
		struct oci_resources r = OCI_RESOURCES_UNSET;
		r.memory_limit = 1 << 20;
		expect_refused(&r, ENOSYS, "linux.resources.memory.limit");
		r = OCI_RESOURCES_UNSET;
		r.memory_reservation = 1 << 20;
		expect_refused(&r, ENOSYS, "linux.resources.memory.reservation");
		r = OCI_RESOURCES_UNSET;
		r.cpu_shares = 100;
		expect_refused(&r, ENOSYS, "linux.resources.cpu.shares");
		r = OCI_RESOURCES_UNSET;
		r.cpu_quota_us = 100;
		expect_refused(&r, ENOSYS, "linux.resources.cpu.quota");
		r = OCI_RESOURCES_UNSET;
		r.cpu_burst_us = 100;
		expect_refused(&r, ENOSYS, "linux.resources.cpu.burst");
		r = OCI_RESOURCES_UNSET;
		r.cpuset_cpus = "0";
		expect_refused(&r, ENOSYS, "linux.resources.cpu.cpus");
		r = OCI_RESOURCES_UNSET;
		r.cpuset_mems = "0";
		expect_refused(&r, ENOSYS, "linux.resources.cpu.mems");
		r = OCI_RESOURCES_UNSET;
		r.pids_limit = 1;
		expect_refused(&r, ENOSYS, "linux.resources.pids.limit");
		r = OCI_RESOURCES_UNSET;
		r.io_weight = 100;
		expect_refused(&r, ENOSYS, "linux.resources.blockIO.weight");
		r = OCI_RESOURCES_UNSET;
		r.io = &device;
		r.io_count = 1;
		expect_refused(&r, ENOSYS, "linux.resources.blockIO");
		r = OCI_RESOURCES_UNSET;
		r.unified = unified;
		r.unified_count = 1;
		expect_refused(&r, version == 1 ? ENOSYS : ENOENT, "linux.resources.unified");
	}
	struct oci_resources r = OCI_RESOURCES_UNSET;
	r.oom_kill_disable = true;
	expect_refused(&r, ENOSYS, "disableOOMKiller");
	/* The file is there, and the kernel does not take what is written. */
	r = OCI_RESOURCES_UNSET;
	r.pids_limit = 7;
	char path[100];
	snprintf(path, sizeof(path), "%s/pids.max", top);
	cr_assert(symlink("/dev/full", path) == 0);
	expect_refused(&r, ENOSPC, "linux.resources.pids.limit: 112 to ");
}

Test(runtime_cgroup_files, statistics_of_version_2)
{
	struct container_stats s;
	struct err e = {0};
	be(2);
	put("cpu.stat", "usage_usec 10\nuser_usec 7\nsystem_usec 3\nnr_periods 5\nnr_throttled 2\n"
			"throttled_usec 9\n");
	put("memory.current", "4096\n");
	put("memory.max", "max\n");
	put("memory.peak", "8192\n");
	put("memory.stat", "anon 1\nfile 2\nkernel 3\ninactive_file 4\npgfault 5\npgmajfault 6\n");
	put("memory.events", "low 0\nhigh 0\nmax 11\noom 12\noom_kill 13\n");
	put("cgroup.procs", "12\n345\n");
	put("pids.max", "1600\n");
	put("io.stat", "8:0 rbytes=100 wbytes=20 rios=1 wios=1\n8:16 rbytes=1 wbytes=2 rios=1\n");
	put("cpu.pressure", "some avg10=1.50 avg60=0.00 avg300=0.25 total=7\n"
			    "full avg10=0.00 avg60=0.00 avg300=0.00 total=3\n");
	cr_assert(cgroup_stats(group, &s, &e) == 0 && !s.has_pressure, "only of one: %s", e.text);
	put("memory.pressure", "some avg10=0.00 avg60=0.00 avg300=0.00 total=0\n");
	put("io.pressure", "some avg10=0.00 avg60=0.00 avg300=0.00 total=9\n");
	cr_assert(cgroup_stats(group, &s, &e) == 0, "%s", e.text);
	cr_expect(s.has_pressure && s.cpu_pressure.some.avg10 == 1.5 &&
		  s.cpu_pressure.some.avg300 == 0.25 && s.cpu_pressure.some.total_us == 7 &&
		  s.cpu_pressure.full.total_us == 3 && s.io_pressure.some.total_us == 9);
	cr_expect(s.io[0].reads == 1 && s.io[0].writes == 1 && s.io[1].writes == 0);
	const uint64_t got[] = {
		s.cpu_total_ns,
		s.cpu_user_ns,
		s.cpu_system_ns,
		s.cpu_periods,
		s.cpu_throttled_periods,
		s.cpu_throttled_ns,
		s.memory_bytes,
		s.memory_limit_bytes,
		s.memory_max_bytes,
		s.memory_anon_bytes,
		s.memory_file_bytes,
		s.memory_kernel_bytes,
		s.memory_inactive_file_bytes,
		s.page_faults,
		s.major_page_faults,
		s.memory_failcnt,
		s.oom,
		s.oom_kill,
		s.pids,
		s.pids_limit,
		s.io[0].read_bytes + s.io[1].read_bytes,
		s.io[0].write_bytes + s.io[1].write_bytes,
	};
	const uint64_t want[] = {10000, 7000, 3000, 5, 2,  9000, 4096, UINT64_MAX, 8192, 1,   2,
				 3,     4,    5,    6, 11, 12,   13,   2,          100,  101, 22};
	for (size_t i = 0; i < sizeof(want) / sizeof(*want); i++)
		cr_expect(got[i] == want[i], "figure %zu: %lu, not %lu", i, got[i], want[i]);
	cr_expect(s.cgroup_v2);
}

Test(runtime_cgroup_files, statistics_of_version_1)
{
	struct container_stats s;
	struct err e = {0};
	be(1);
	put("cpuacct.usage", "12345\n");
	put("cpu.stat", "nr_periods 5\nnr_throttled 2\nthrottled_time 9\n");
	put("memory.usage_in_bytes", "4096\n");
	put("memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n");
	put("blkio.throttle.io_service_bytes_recursive",
	    "8:0 Read 100\n8:0 Write 20\n8:0 Total 120\n8:16 Read 1\n8:16 Write 2\nTotal 123\n");
	cr_assert(cgroup_stats(group, &s, &e) == 0, "%s", e.text);
	cr_expect(s.cpu_total_ns == 12345 && s.cpu_periods == 5 && s.cpu_throttled_ns == 9);
	cr_expect(s.memory_bytes == 4096 && s.oom == 3 && s.oom_kill == 3 && !s.cgroup_v2);
	cr_expect(s.io_count == 2 && s.io[0].major == 8 && s.io[0].minor == 0);
	cr_expect(s.io[0].read_bytes == 100 && s.io[0].write_bytes == 20);
	cr_expect(s.io[1].minor == 16 && s.io[1].read_bytes == 1 && s.io[1].write_bytes == 2);
	/* A cgroup that somebody has removed. */
	strcpy(group->hierarchies[0].dir, "/none");
	cr_expect(cgroup_stats(group, &s, &e) == -ENOENT && strstr(e.text, "/none"), "%s", e.text);
}

Test(runtime_cgroup_files, pauses)
{
	struct err e = {0};
	be(2);
	cr_expect(cgroup_freeze(group, true, &e) == -ENOENT && strstr(e.text, top), "%s", e.text);
	put("cgroup.events", "populated 1\nfrozen 1\n");
	cr_expect(cgroup_freeze(group, true, &e) == -ENOENT, "without cgroup.freeze");
	put("cgroup.freeze", "0");
	cr_expect(cgroup_freeze(group, true, &e) == 0, "%s", e.text);
	cr_expect(strcmp(get("cgroup.freeze"), "1") == 0, "%s", get("cgroup.freeze"));
	put("cgroup.events", "populated 1\nfrozen 0\n");
	cr_expect(cgroup_freeze(group, false, &e) == 0, "%s", e.text);
	cr_expect(strcmp(get("cgroup.freeze"), "0") == 0, "%s", get("cgroup.freeze"));
	be(1);
	cr_expect(cgroup_freeze(group, true, &e) == -ENOENT && strstr(e.text, top), "%s", e.text);
	put("freezer.state", "");
	cr_expect(cgroup_freeze(group, true, &e) == 0, "%s", e.text);
	cr_expect(strcmp(get("freezer.state"), "FROZEN") == 0, "%s", get("freezer.state"));
}

static const char *listed_later; /* what is listed once a process was found; NULL: the same */

/* In place of the C library's. */
long syscall(long number, ...)
{
	va_list rest;
	long a[6];
	long (*own)(long, ...);
	va_start(rest, number);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(rest, long);
	va_end(rest);
	*(void **)&own = dlsym(RTLD_NEXT, "syscall");
	const long rc = own(number, a[0], a[1], a[2], a[3], a[4], a[5]);
	if (number == SYS_pidfd_open && listed_later)
		put("cgroup.procs", listed_later);
	return rc;
}

static pid_t make_process(void)
{
	const pid_t child = fork();
	if (child == 0)
		for (;;)
			pause();
	cr_assert(child > 0);
	return child;
}

/* Each child that ends, ends by being killed. */
static bool is_killed(pid_t child, int options)
{
	int status;
	const pid_t pid = waitpid(child, &status, options);
	cr_expect(pid <= 0 || (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL));
	return pid == child;
}

Test(runtime_cgroup_files, kills_those_that_are_in_it)
{
	enum { MANY = 150 }; /* more than are looked at together */
	pid_t in[MANY];
	char list[16 * MANY] = "0\n";
	be(1);
	const pid_t out = make_process();
	put("cgroup.procs", "");
	cgroup_kill(group);
	for (int i = 0; i < MANY; i++) {
		in[i] = make_process();
		snprintf(list + strlen(list), 16, "%d\n", in[i]);
	}
	put("cgroup.procs", list);
	cgroup_kill(group);
	for (int i = 0; i < MANY; i++)
		cr_expect(is_killed(in[i], 0), "%d of %d", i, MANY);
	cr_expect(!is_killed(out, WNOHANG));
	kill(out, SIGKILL);
	cr_expect(is_killed(out, 0));
}

/* A number that was of a process in it, and is another's by the time that it is used. */
Test(runtime_cgroup_files, kills_nobody_who_has_got_the_number)
{
	const pid_t child = make_process();
	char list[64], others[64];
	be(1);
	snprintf(list, sizeof(list), "%d\n", child);
	snprintf(others, sizeof(others), "1%d\n%d0\n", child, child);
	put("cgroup.procs", list);
	listed_later = "";
	cgroup_kill(group);
	put("cgroup.procs", list);
	listed_later = others;
	cgroup_kill(group);
	cr_expect(!is_killed(child, WNOHANG));
	listed_later = NULL;
	put("cgroup.procs", list);
	cgroup_kill(group);
	cr_expect(is_killed(child, 0));
}

Test(runtime_cgroup_files, out_of_memory)
{
	struct err e = {0};
	be(2);
	cr_expect(cgroup_watch_oom(group, &e) == 0 && cgroup_oom_fd(group) == -1,
		  "a controller that is not delegated");
	put("memory.events", "oom_kill 0\n");
	cr_expect(cgroup_watch_oom(group, &e) == 0 && cgroup_oom_fd(group) >= 0, "%s", e.text);
	cr_expect(!cgroup_take_oom(group));
	put("memory.events", "oom_kill 2\n");
	cr_expect(cgroup_take_oom(group) && !cgroup_take_oom(group));
	be(1);
	cr_expect(cgroup_watch_oom(group, &e) == -ENOENT && strstr(e.text, top), "%s", e.text);
	put("memory.oom_control", "oom_kill 0\n");
	cr_expect(cgroup_watch_oom(group, &e) == -ENOENT && strstr(e.text, top),
		  "without cgroup.event_control: %s", e.text);
	put("cgroup.event_control", "");
	cr_expect(cgroup_watch_oom(group, &e) == 0 && cgroup_oom_fd(group) >= 0, "%s", e.text);
	put("memory.oom_control", "oom_kill 1\n");
	cr_expect(cgroup_take_oom(group) && !cgroup_take_oom(group));
}

/* A cgroup none of whose hierarchies has the controller. */
Test(runtime_cgroup_files, controllers_that_are_not_there)
{
	for (int version = 1; version <= 2; version++) {
		struct err e = {0};
		be(version);
		group->hierarchies[0].controllers = 0;
		struct oci_resources r = OCI_RESOURCES_UNSET;
		cr_expect(cgroup_update(group, &r, &e) == 0, "%s", e.text);
		r.pids_limit = -1; /* as a cgroup without the controller has */
		cr_expect(cgroup_update(group, &r, &e) == 0, "%s", e.text);
		r.pids_limit = 1;
		expect_refused(&r, ENOSYS, "linux.resources.pids.limit: this machine's cgroups");
		r = OCI_RESOURCES_UNSET;
		r.memory_limit = 1 << 20;
		expect_refused(&r, ENOSYS, "linux.resources.memory.limit: this machine's cgroups");
		r = OCI_RESOURCES_UNSET;
		r.cpu_period_us = 1000;
		expect_refused(&r, ENOSYS, "linux.resources.cpu.");
		r = OCI_RESOURCES_UNSET;
		r.io_weight = 100;
		expect_refused(&r, ENOSYS, "linux.resources.blockIO.weight: this machine's");
		cr_expect(cgroup_freeze(group, true, &e) == -ENOSYS && strstr(e.text, "freezer"),
			  "%s", e.text);
		cr_expect(cgroup_watch_oom(group, &e) == 0 && cgroup_oom_fd(group) == -1);
		cr_expect(!cgroup_take_oom(group) && cgroup_oom_kills(group) == 0);
	}
	be(2);
	group->version = 0; /* none is mounted */
	const struct oci_resources r = OCI_RESOURCES_UNSET;
	expect_refused(&r, ENOSYS, "no cgroup hierarchy is mounted");
}

Test(runtime_cgroup_files, files_that_cannot_be_read_or_written)
{
	char dir[4500], text[8], path[100];
	memset(dir, 'a', sizeof(dir) - 1);
	dir[sizeof(dir) - 1] = '\0';
	cr_expect(cgroup_write(dir, "f", "1") == -ENAMETOOLONG);
	cr_expect(cgroup_read(dir, "f", text, sizeof(text)) == -ENAMETOOLONG);
	cr_expect(cgroup_write(top, "f", "1") == -ENOENT);
	cr_expect(cgroup_read(top, "f", text, sizeof(text)) == -ENOENT);
	snprintf(path, sizeof(path), "%s/f", top);
	cr_assert(mkdir(path, 0700) == 0);
	cr_expect(cgroup_write(top, "f", "1") == -EISDIR);
	cr_expect(cgroup_read(top, "f", text, sizeof(text)) == -EISDIR);
	cr_expect(cgroup_number(top, "f") == 0 && cgroup_number(NULL, "f") == 0);
	put("g", "123456789\n");
	cr_expect(cgroup_read(top, "g", text, sizeof(text)) == 7, "as much as there is room for");
	cr_expect(strcmp(text, "1234567") == 0, "%s", text);
	cr_expect(cgroup_number(top, "g") == 123456789);
}

/* Until the process has got to sleep. */
static void wait_asleep(pid_t pid)
{
	char path[32], text[256] = "";
	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	while (!strstr(text, ") S ")) {
		FILE *f = fopen(path, "r");
		cr_assert(f && fgets(text, sizeof(text), f), "%s", path);
		fclose(f);
		usleep(1000);
	}
}

/* Next to a kernel thread, which does not freeze, it counts that all others have stopped. */
Test(runtime_cgroup_files, a_kernel_thread_does_not_keep_a_pause_from_ending)
{
	char list[32];
	struct err e = {0};
	const pid_t child = make_process();
	wait_asleep(child);
	be(2);
	put("cgroup.events", "populated 1\nfrozen 0\n");
	put("cgroup.freeze", "0");
	/* kthreadd, if it can be seen; then a number of no process, and one that sleeps. */
	snprintf(list, sizeof(list), "2\n4194304\n%d\n", child);
	put("cgroup.procs", list);
	const int rc = cgroup_freeze(group, true, &e);
	const bool seen = access("/proc/2/exe", F_OK) < 0 && access("/proc/2", F_OK) == 0;
	cr_expect(rc == (seen ? 0 : -ETIMEDOUT), "%d: %s", rc, e.text);
	/* Without one the kernel has to say so. */
	snprintf(list, sizeof(list), "%d\n", child);
	put("cgroup.procs", list);
	cr_expect(cgroup_freeze(group, true, &e) == -ETIMEDOUT && strstr(e.text, top), "%s",
		  e.text);
	kill(child, SIGKILL);
	cr_expect(is_killed(child, 0));
}
