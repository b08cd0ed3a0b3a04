/* SPDX-License-Identifier: Apache-2.0 */
/* A container's limits and statistics: its cgroup. */
#include "runtime_harness.h"

TestSuite(runtime_limits, .init = setup, .fini = teardown);

Test(runtime_limits, limits_and_statistics)
{
	config("", LINUX(",\"resources\":{\"memory\":{\"limit\":33554432},\"cpu\":{\"shares\":512,"
			 "\"quota\":50000,\"period\":"
			 "100000},\"pids\":{\"limit\":9}}"));
	program("wait");
	struct client k = start();
	wait_text(k.out, "waiting");
	struct container_stats s;
	struct err e;
	cr_assert(container_stats(k.c, &s, &e) == 0, "%s", e.text);
	cr_expect(s.memory_limit_bytes == 33554432, "%lu", s.memory_limit_bytes);
	cr_expect(s.memory_bytes >= 4 << 20 && s.cpu_total_ns > 0, "%lu bytes, %lu ns",
		  s.memory_bytes, s.cpu_total_ns);
	cr_expect(s.pids == 1 && s.pids_limit == 9, "%lu of %lu", s.pids, s.pids_limit);
	cr_assert(process_kill(k.p, SIGTERM, &e) == 0);
	finish(&k);
	delete (&k);
}

/* A number in a file of the test's cgroup, of either version: behind `key`, unless it is "". */
static uint64_t cgroup_figure(const char *v1, const char *v2, const char *key)
{
	char path[200], text[8192], *at = text;
	const char *own = dir + strlen(dir) - 6;
	snprintf(path, sizeof(path), "/sys/fs/cgroup/%.80s/mote-test/%s/%s", v1, own,
		 strchr(v1, '\0') + 1);
	if (access(path, F_OK) < 0)
		snprintf(path, sizeof(path), "/sys/fs/cgroup/mote-test/%s/%s", own, v2);
	FILE *f = fopen(path, "r");
	cr_assert(f, "%s: %s", path, strerror(errno));
	text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
	fclose(f);
	if (*key)
		at = strstr(text, key);
	cr_assert(at, "%s has no '%s': %s", path, key, text);
	return strtoull(at + strlen(key), NULL, 10);
}

/*
 * Each figure of a stopped container is between what its file says before and afterwards. Of a
 * counter only the kernel's own work may be added meanwhile; of a gauge nothing but reclaim.
 */
Test(runtime_limits, statistics_are_the_files)
{
	bool v2 = access("/sys/fs/cgroup/cgroup.controllers", F_OK) == 0;
	uint64_t ns = 1000000000 / (uint64_t)sysconf(_SC_CLK_TCK);
	struct container_stats s;
	const struct {
		const uint64_t *value;
		const char *v1, *v2, *key1, *key2; /* v1: controller, NUL, file */
		uint64_t unit1, unit2;
	} figures[] = {
		{&s.cpu_total_ns, "cpuacct\0cpuacct.usage", "cpu.stat", "", "usage_usec ", 1, 1000},
		{&s.cpu_user_ns, "cpuacct\0cpuacct.stat", "cpu.stat", "user ", "user_usec ", ns,
		 1000},
		{&s.cpu_system_ns, "cpuacct\0cpuacct.stat", "cpu.stat", "system ", "system_usec ",
		 ns, 1000},
		{&s.cpu_periods, "cpu\0cpu.stat", "cpu.stat", "nr_periods ", "nr_periods ", 1, 1},
		{&s.cpu_throttled_periods, "cpu\0cpu.stat", "cpu.stat", "nr_throttled ",
		 "nr_throttled ", 1, 1},
		{&s.cpu_throttled_ns, "cpu\0cpu.stat", "cpu.stat", "throttled_time ",
		 "throttled_usec ", 1, 1000},
		{&s.memory_bytes, "memory\0memory.usage_in_bytes", "memory.current", "", "", 1, 1},
		{&s.memory_limit_bytes, "memory\0memory.limit_in_bytes", "memory.max", "", "", 1,
		 1},
		{&s.memory_anon_bytes, "memory\0memory.stat", "memory.stat", "total_rss ", "anon ",
		 1, 1},
		{&s.memory_file_bytes, "memory\0memory.stat", "memory.stat", "total_cache ",
		 "file ", 1, 1},
		{&s.memory_inactive_file_bytes, "memory\0memory.stat", "memory.stat",
		 "total_inactive_file ", "inactive_file ", 1, 1},
		{&s.page_faults, "memory\0memory.stat", "memory.stat", "total_pgfault ", "pgfault ",
		 1, 1},
		{&s.major_page_faults, "memory\0memory.stat", "memory.stat", "total_pgmajfault ",
		 "pgmajfault ", 1, 1},
	};
	config("", LINUX(",\"resources\":{\"memory\":{\"limit\":67108864},\"cpu\":{\"quota\":50000,"
			 "\"period\":100000},\"pids\":{\"limit\":9}}"));
	program("wait vm");
	struct client k = start();
	struct err e;
	wait_text(k.out, "waiting with a VM");
	cr_assert(container_pause(k.c, &e) == 0, "%s", e.text);
	cr_assert(container_stats(k.c, &s, &e) == 0, "%s", e.text);
	cr_expect(s.pids == 1 && s.pids_limit == 9, "%lu of %lu", s.pids, s.pids_limit);
	cr_expect(cgroup_figure("pids\0pids.max", "pids.max", "") == 9 * 16);
	for (size_t i = 0; i < sizeof(figures) / sizeof(figures[0]); i++) {
		const char *key = v2 ? figures[i].key2 : figures[i].key1;
		uint64_t unit = v2 ? figures[i].unit2 : figures[i].unit1, before = 1, after = 0;
		/* Until nothing is reclaimed between the two. */
		for (int tries = 0; before > after && tries < 100; tries++) {
			before = cgroup_figure(figures[i].v1, figures[i].v2, key) * unit;
			cr_assert(container_stats(k.c, &s, &e) == 0, "%s", e.text);
			after = cgroup_figure(figures[i].v1, figures[i].v2, key) * unit;
		}
		cr_expect(before <= *figures[i].value && *figures[i].value <= after,
			  "%s %s: %lu is not between %lu and %lu", figures[i].v2, key,
			  *figures[i].value, before, after);
	}
	cr_expect(s.cgroup_v2 == v2);
	if (s.has_pressure)
		cr_expect(s.cpu_pressure.some.total_us <=
			  cgroup_figure("none\0none", "cpu.pressure", "total="));
	cr_assert(process_kill(k.p, SIGKILL, &e) == 0, "%s", e.text);
	finish(&k);
	delete (&k);
}

Test(runtime_limits, beyond_the_memory_limit)
{
	config("", LINUX(",\"resources\":{\"memory\":{\"limit\":33554432,\"swap\":33554432}}"));
	program("memory 100");
	struct client k = start();
	cr_expect(finish(&k) == 137);
	cr_expect(container_take_oom(k.c));
	cr_expect(!container_take_oom(k.c));
	struct container_stats s;
	struct err e;
	cr_assert(container_stats(k.c, &s, &e) == 0);
	cr_expect(s.oom_kill == 1);
	delete (&k);
	config("", LINUX(",\"resources\":{\"memory\":{\"limit\":4194304}}"));
	cr_expect(create_rc(&k, &e, false) == -EINVAL && strstr(e.text, "memory.limit"), "%s",
		  e.text);
}

Test(runtime_limits, a_cgroup_in_use_is_refused)
{
	program("wait");
	struct client k = create(), other;
	struct err e;
	cr_expect(create_rc(&other, &e, false) == -EEXIST && strstr(e.text, "mote-test"), "%s",
		  e.text);
	cr_expect(kill(process_pid(k.p), 0) == 0);
	cr_assert(process_kill(k.p, SIGKILL, &e) == 0);
	finish(&k);
	/* The refused one has taken the state file with it; the rest is this one's. */
	delete (&k);
}
