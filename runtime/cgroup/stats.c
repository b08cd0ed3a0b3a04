/* SPDX-License-Identifier: Apache-2.0 */
/* What a container has used, from the control files of both versions. */
#include "runtime/cgroup/internal.h"

#include <string.h>
#include <unistd.h>

#define STAT_BYTES 8192

static const char *read_stat(const char *dir, const char *file, char *text)
{
	if (!dir || cgroup_read(dir, file, text, STAT_BYTES) < 0)
		*text = '\0';
	return text;
}

/* Sums "MAJOR:MINOR NAME VALUE" (version 1) of all devices. */
static uint64_t sum_v1(const char *text, const char *name)
{
	uint64_t sum = 0;
	size_t len = strlen(name);
	for (const char *line = text; line && *line; line = strchr(line, '\n')) {
		line += *line == '\n';
		const char *word = strchr(line, ' ');
		if (word && strncmp(word + 1, name, len) == 0 && word[1 + len] == ' ')
			sum += strtoull(word + 1 + len, NULL, 10);
	}
	return sum;
}

/* Sums "name=VALUE" (version 2) of all devices. */
static uint64_t sum_v2(const char *text, const char *name)
{
	uint64_t sum = 0;
	for (const char *at = strstr(text, name); at; at = strstr(at + 1, name))
		sum += strtoull(at + strlen(name), NULL, 10);
	return sum;
}

static void stats_v1(const struct cgroup *c, struct container_stats *s)
{
	char text[STAT_BYTES];
	const char *cpu = cgroup_dir(c, CGROUP_CPU), *acct = cgroup_dir(c, CGROUP_CPUACCT),
		   *memory = cgroup_dir(c, CGROUP_MEMORY), *pids = cgroup_dir(c, CGROUP_PIDS);
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
	s->pids = cgroup_number(pids, "pids.current");
	s->pids_limit = cgroup_number(pids, "pids.max");
	read_stat(cgroup_dir(c, CGROUP_IO), "blkio.throttle.io_service_bytes_recursive", text);
	s->io_read_bytes = sum_v1(text, "Read");
	s->io_write_bytes = sum_v1(text, "Write");
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
	s->pids = cgroup_number(dir, "pids.current");
	s->pids_limit = cgroup_number(dir, "pids.max");
	read_stat(dir, "io.stat", text);
	s->io_read_bytes = sum_v2(text, "rbytes=");
	s->io_write_bytes = sum_v2(text, "wbytes=");
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
