/* SPDX-License-Identifier: Apache-2.0 */
/* Statistics as containerd takes them, in the form of each version of cgroups. */
#include "shim/stats.h"

#include "proto/metrics.pb-c.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

/* No two members are alike. */
static struct container_stats all(void)
{
	return (struct container_stats){
		.cpu_total_ns = 1000000,
		.cpu_user_ns = 2000000,
		.cpu_system_ns = 3000000,
		.cpu_periods = 4,
		.cpu_throttled_periods = 5,
		.cpu_throttled_ns = 6000000,
		.memory_bytes = 7,
		.memory_limit_bytes = 8,
		.memory_max_bytes = 9,
		.memory_failcnt = 10,
		.memory_kernel_bytes = 11,
		.memory_anon_bytes = 12,
		.memory_file_bytes = 13,
		.memory_inactive_file_bytes = 14,
		.page_faults = 15,
		.major_page_faults = 16,
		.oom = 17,
		.oom_kill = 18,
		.pids = 19,
		.pids_limit = 20,
		.has_swap = true,
		.swap_bytes = 21,
		.swap_limit_bytes = 22,
		.io_count = 2,
		.io = {{.major = 8,
			.minor = 1,
			.read_bytes = 23,
			.write_bytes = 24,
			.reads = 25,
			.writes = 26},
		       {.major = 8,
			.minor = 2,
			.read_bytes = 27,
			.write_bytes = 28,
			.reads = 29,
			.writes = 30}},
		.has_pressure = true,
		.cpu_pressure =
			{.some = {.avg10 = 1.5, .avg60 = 2.5, .avg300 = 3.5, .total_us = 31}},
		.memory_pressure = {.full = {.avg10 = 4.5, .total_us = 32}},
		.io_pressure = {.some = {.avg60 = 5.5, .total_us = 33}},
	};
}

static void pack(const struct container_stats *s, const char *type, Types__Any *any)
{
	types__any__init(any);
	cr_assert(stats_pack(s, any) == 0);
	cr_expect_str_eq(any->type_url, type);
}

Test(shim_stats, version_1)
{
	struct container_stats s = all();
	Types__Any any;
	pack(&s, "io.containerd.cgroups.v1.Metrics", &any);
	Metrics__V1Metrics *m = metrics__v1_metrics__unpack(NULL, any.value.len, any.value.data);
	cr_assert(m);
	cr_expect(m->cpu->usage->total == 1000000 && m->cpu->usage->user == 2000000 &&
		  m->cpu->usage->kernel == 3000000);
	cr_expect(m->cpu->throttling->periods == 4 && m->cpu->throttling->throttled_periods == 5 &&
		  m->cpu->throttling->throttled_time == 6000000);
	cr_expect(m->memory->usage->usage == 7 && m->memory->usage->limit == 8 &&
		  m->memory->usage->max == 9 && m->memory->usage->failcnt == 10 &&
		  m->memory->kernel->usage == 11);
	cr_expect(m->memory->rss == 12 && m->memory->cache == 13 &&
		  m->memory->total_inactive_file == 14 && m->memory->pg_fault == 15 &&
		  m->memory->pg_maj_fault == 16);
	/* In this version memory is counted with swap. */
	cr_expect(m->memory->swap->usage == 28 && m->memory->swap->limit == 30);
	cr_expect(m->memory_oom_control->oom_kill == 18);
	cr_expect(m->pids->current == 19 && m->pids->limit == 20);
	cr_assert(m->blkio->n_io_service_bytes_recursive == 4 &&
		  m->blkio->n_io_serviced_recursive == 4);
	const Metrics__V1IOEntry *written = m->blkio->io_service_bytes_recursive[3],
				 *reads = m->blkio->io_serviced_recursive[2];
	cr_expect_str_eq(written->op, "Write");
	cr_expect(written->major == 8 && written->minor == 2 && written->value == 28);
	cr_expect_str_eq(reads->op, "Read");
	cr_expect(reads->minor == 2 && reads->value == 29);
	metrics__v1_metrics__free_unpacked(m, NULL);
	free(any.value.data);

	s.pids_limit = UINT64_MAX;
	s.has_swap = false;
	pack(&s, "io.containerd.cgroups.v1.Metrics", &any);
	m = metrics__v1_metrics__unpack(NULL, any.value.len, any.value.data);
	cr_assert(m);
	cr_expect(m->pids->limit == 0 && !m->memory->swap);
	metrics__v1_metrics__free_unpacked(m, NULL);
	free(any.value.data);
}

Test(shim_stats, version_2)
{
	struct container_stats s = all();
	Types__Any any;
	s.cgroup_v2 = true;
	pack(&s, "io.containerd.cgroups.v2.Metrics", &any);
	Metrics__V2Metrics *m = metrics__v2_metrics__unpack(NULL, any.value.len, any.value.data);
	cr_assert(m);
	cr_expect(m->cpu->usage_usec == 1000 && m->cpu->user_usec == 2000 &&
		  m->cpu->system_usec == 3000 && m->cpu->nr_periods == 4 &&
		  m->cpu->nr_throttled == 5 && m->cpu->throttled_usec == 6000);
	cr_expect(m->memory->usage == 7 && m->memory->usage_limit == 8 &&
		  m->memory->max_usage == 9 && m->memory->anon == 12 && m->memory->file == 13 &&
		  m->memory->inactive_file == 14 && m->memory->pgfault == 15 &&
		  m->memory->pgmajfault == 16 && m->memory->swap_usage == 21 &&
		  m->memory->swap_limit == 22);
	cr_expect(m->memory_events->max == 10 && m->memory_events->oom == 17 &&
		  m->memory_events->oom_kill == 18);
	cr_expect(m->pids->current == 19 && m->pids->limit == 20);
	cr_assert(m->io->n_usage == 2);
	cr_expect(m->io->usage[1]->minor == 2 && m->io->usage[1]->rbytes == 27 &&
		  m->io->usage[1]->wbytes == 28 && m->io->usage[1]->rios == 29 &&
		  m->io->usage[1]->wios == 30);
	cr_expect(m->cpu->psi->some->avg10 == 1.5 && m->cpu->psi->some->avg60 == 2.5 &&
		  m->cpu->psi->some->avg300 == 3.5 && m->cpu->psi->some->total == 31);
	cr_expect(m->memory->psi->full->avg10 == 4.5 && m->memory->psi->full->total == 32);
	cr_expect(m->io->psi->some->avg60 == 5.5 && m->io->psi->some->total == 33);
	metrics__v2_metrics__free_unpacked(m, NULL);
	free(any.value.data);

	s.has_pressure = false;
	pack(&s, "io.containerd.cgroups.v2.Metrics", &any);
	m = metrics__v2_metrics__unpack(NULL, any.value.len, any.value.data);
	cr_assert(m);
	cr_expect(!m->cpu->psi && !m->memory->psi && !m->io->psi);
	metrics__v2_metrics__free_unpacked(m, NULL);
	free(any.value.data);
}
