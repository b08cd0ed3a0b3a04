/* SPDX-License-Identifier: Apache-2.0 */
/* What a container has used, from the control files of both versions. */
#include "runtime/cgroup/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STAT_BYTES 8192

static const char *read_stat(const char *dir, const char *file, char *text)
{
	if (!dir || cgroup_read(dir, file, text, STAT_BYTES) < 0)
		*text = '\0';
	return text;
}

/* The entry of a line's device, "MAJOR:MINOR …", and *rest behind it. NULL: the line has none. */
static struct io_use *find_device(struct container_stats *s, const char *line, const char **rest)
{
	char *end;
	unsigned long major = strtoul(line, &end, 10);
	if (end == line || *end != ':')
		return NULL;
	const char *number = end + 1;
	unsigned long minor = strtoul(number, &end, 10);
	if (end == number || *end != ' ')
		return NULL;
	*rest = end + 1;
	for (size_t i = 0; i < s->io_count; i++)
		if (s->io[i].major == major && s->io[i].minor == minor)
			return &s->io[i];
	if (s->io_count == STATS_DEVICES_MAX)
		return NULL;
	s->io[s->io_count] = (struct io_use){.major = (uint32_t)major, .minor = (uint32_t)minor};
	return &s->io[s->io_count++];
}

static const char *next_line(const char *line)
{
	const char *end = strchr(line, '\n');
	return end ? end + 1 : line + strlen(line);
}

static bool take_word(const char **at, const char *word)
{
	size_t len = strlen(word);
	if (strncmp(*at, word, len) != 0)
		return false;
	*at += len;
	return true;
}

/* Of version 1: "MAJOR:MINOR Read VALUE" */
static void take_io_v1(struct container_stats *s, const char *text, bool bytes)
{
	for (const char *line = text; *line; line = next_line(line)) {
		const char *at;
		struct io_use *io = find_device(s, line, &at);
		if (io && take_word(&at, "Read "))
			*(bytes ? &io->read_bytes : &io->reads) = strtoull(at, NULL, 10);
		else if (io && take_word(&at, "Write "))
			*(bytes ? &io->write_bytes : &io->writes) = strtoull(at, NULL, 10);
	}
}

/* "NAME=VALUE" of a line; 0: it has none. */
static uint64_t value_of(const char *line, const char *name)
{
	const char *end = next_line(line), *at = strstr(line, name);
	if (!at || at >= end)
		return 0;
	return strtoull(at + strlen(name), NULL, 10);
}

/* Of version 2: "MAJOR:MINOR rbytes=VALUE wbytes=VALUE rios=VALUE wios=VALUE …" */
static void take_io_v2(struct container_stats *s, const char *text)
{
	for (const char *line = text; *line; line = next_line(line)) {
		const char *at;
		struct io_use *io = find_device(s, line, &at);
		if (!io)
			continue;
		io->read_bytes = value_of(at, "rbytes=");
		io->write_bytes = value_of(at, "wbytes=");
		io->reads = value_of(at, "rios=");
		io->writes = value_of(at, "wios=");
	}
}

/* "some avg10=0.00 avg60=0.00 avg300=0.00 total=0", and the same of "full". */
static bool take_pressure(const char *dir, const char *file, struct pressure *p)
{
	char text[STAT_BYTES];
	bool any = false;
	for (const char *line = read_stat(dir, file, text); *line; line = next_line(line)) {
		bool full = strncmp(line, "full ", 5) == 0;
		struct pressure_of *of = full ? &p->full : &p->some;
		any |= sscanf(line + 5, "avg10=%lf avg60=%lf avg300=%lf total=%lu", &of->avg10,
			      &of->avg60, &of->avg300, &of->total_us) == 4;
	}
	return any;
}

/* Version 1 counts memory and swap together, if it counts swap. */
static void take_swap_v1(const char *memory, struct container_stats *s)
{
	uint64_t both = cgroup_number(memory, "memory.memsw.usage_in_bytes");
	uint64_t limit = cgroup_number(memory, "memory.memsw.limit_in_bytes");
	s->has_swap = both > 0;
	if (both > s->memory_bytes)
		s->swap_bytes = both - s->memory_bytes;
	if (limit > s->memory_limit_bytes)
		s->swap_limit_bytes = limit - s->memory_limit_bytes;
}

/* Of the guest, as its limit is: not the monitors' threads. */
static void take_pids(const struct cgroup *c, const char *dir, struct container_stats *s)
{
	char text[STAT_BYTES];
	if (c->of_tasks) {
		s->pids = cgroup_number(dir, "pids.current");
		s->pids_limit = cgroup_number(dir, "pids.max");
		return;
	}
	for (const char *line = read_stat(dir, "cgroup.procs", text); *line; line = next_line(line))
		s->pids++;
	s->pids_limit = cgroup_number(dir, "pids.max");
	if (s->pids_limit != UINT64_MAX)
		s->pids_limit /= CGROUP_TASKS_PER_PROCESS;
}

static void stats_v1(const struct cgroup *c, struct container_stats *s)
{
	char text[STAT_BYTES];
	const char *cpu = cgroup_dir(c, CGROUP_CPU), *acct = cgroup_dir(c, CGROUP_CPUACCT),
		   *memory = cgroup_dir(c, CGROUP_MEMORY);
	uint64_t tick_ns = 1000000000 / (uint64_t)sysconf(_SC_CLK_TCK);
	s->cpu_total_ns = cgroup_number(acct, "cpuacct.usage");
	read_stat(acct, "cpuacct.stat", text);
	s->cpu_user_ns = cgroup_field(text, "user") * tick_ns;
	s->cpu_system_ns = cgroup_field(text, "system") * tick_ns;
	read_stat(cpu, "cpu.stat", text);
	s->cpu_periods = cgroup_field(text, "nr_periods");
	s->cpu_throttled_periods = cgroup_field(text, "nr_throttled");
	s->cpu_throttled_ns = cgroup_field(text, "throttled_time");
	s->memory_bytes = cgroup_number(memory, "memory.usage_in_bytes");
	s->memory_limit_bytes = cgroup_number(memory, "memory.limit_in_bytes");
	s->memory_max_bytes = cgroup_number(memory, "memory.max_usage_in_bytes");
	s->memory_failcnt = cgroup_number(memory, "memory.failcnt");
	s->memory_kernel_bytes = cgroup_number(memory, "memory.kmem.usage_in_bytes");
	read_stat(memory, "memory.stat", text);
	s->memory_anon_bytes = cgroup_field(text, "total_rss");
	s->memory_file_bytes = cgroup_field(text, "total_cache");
	s->memory_inactive_file_bytes = cgroup_field(text, "total_inactive_file");
	s->page_faults = cgroup_field(text, "total_pgfault");
	s->major_page_faults = cgroup_field(text, "total_pgmajfault");
	s->oom_kill = s->oom = cgroup_oom_kills(c);
	take_pids(c, cgroup_dir(c, CGROUP_PIDS), s);
	take_swap_v1(memory, s);
	const char *io = cgroup_dir(c, CGROUP_IO);
	take_io_v1(s, read_stat(io, "blkio.throttle.io_service_bytes_recursive", text), true);
	take_io_v1(s, read_stat(io, "blkio.throttle.io_serviced_recursive", text), false);
}

static void stats_v2(const struct cgroup *c, struct container_stats *s)
{
	char text[STAT_BYTES];
	const char *dir = c->hierarchies[0].dir;
	s->cgroup_v2 = true;
	read_stat(dir, "cpu.stat", text);
	s->cpu_total_ns = cgroup_field(text, "usage_usec") * 1000;
	s->cpu_user_ns = cgroup_field(text, "user_usec") * 1000;
	s->cpu_system_ns = cgroup_field(text, "system_usec") * 1000;
	s->cpu_periods = cgroup_field(text, "nr_periods");
	s->cpu_throttled_periods = cgroup_field(text, "nr_throttled");
	s->cpu_throttled_ns = cgroup_field(text, "throttled_usec") * 1000;
	s->memory_bytes = cgroup_number(dir, "memory.current");
	s->memory_limit_bytes = cgroup_number(dir, "memory.max");
	s->memory_max_bytes = cgroup_number(dir, "memory.peak");
	read_stat(dir, "memory.stat", text);
	s->memory_anon_bytes = cgroup_field(text, "anon");
	s->memory_file_bytes = cgroup_field(text, "file");
	s->memory_kernel_bytes = cgroup_field(text, "kernel");
	s->memory_inactive_file_bytes = cgroup_field(text, "inactive_file");
	s->page_faults = cgroup_field(text, "pgfault");
	s->major_page_faults = cgroup_field(text, "pgmajfault");
	read_stat(dir, "memory.events", text);
	s->memory_failcnt = cgroup_field(text, "max");
	s->oom = cgroup_field(text, "oom");
	s->oom_kill = cgroup_field(text, "oom_kill");
	take_pids(c, dir, s);
	s->has_swap = true;
	s->swap_bytes = cgroup_number(dir, "memory.swap.current");
	s->swap_limit_bytes = cgroup_number(dir, "memory.swap.max");
	take_io_v2(s, read_stat(dir, "io.stat", text));
	bool cpu = take_pressure(dir, "cpu.pressure", &s->cpu_pressure);
	bool memory = take_pressure(dir, "memory.pressure", &s->memory_pressure);
	s->has_pressure = take_pressure(dir, "io.pressure", &s->io_pressure) && memory && cpu;
}

int cgroup_stats(const struct cgroup *c, struct container_stats *out, struct err *e)
{
	*out = (struct container_stats){0};
	if (c->version == 0)
		return err_set(e, ERR_HOST, ENOSYS,
			       "no cgroup hierarchy is mounted, so nothing is counted");
	if (access(c->hierarchies[0].dir, F_OK) < 0)
		return err_sys(e, errno, "the cgroup %s", c->hierarchies[0].dir);
	if (c->version == 2)
		stats_v2(c, out);
	else
		stats_v1(c, out);
	return 0;
}
