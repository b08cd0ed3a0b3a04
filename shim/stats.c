/* SPDX-License-Identifier: Apache-2.0 */
/* The messages of containerd's cgroups library, of both versions. */
#include "shim/stats.h"

#include "proto/metrics.pb-c.h"

#include <errno.h>
#include <stdlib.h>

static int pack(const char *type, const ProtobufCMessage *metrics, Types__Any *out)
{
	uint8_t *packed = malloc(protobuf_c_message_get_packed_size(metrics) + 1);
	if (!packed)
		return -ENOMEM;
	out->type_url = (char *)(uintptr_t)type;
	out->value.len = protobuf_c_message_pack(metrics, packed);
	out->value.data = packed;
	return 0;
}

static int pack_v1(const struct container_stats *s, Metrics__Pids *pids, Types__Any *out)
{
	Metrics__V1CPUUsage usage = METRICS__V1_CPUUSAGE__INIT;
	Metrics__V1Throttle throttle = METRICS__V1_THROTTLE__INIT;
	Metrics__V1CPU cpu = METRICS__V1_CPU__INIT;
	Metrics__V1MemoryEntry entry = METRICS__V1_MEMORY_ENTRY__INIT,
			       kernel = METRICS__V1_MEMORY_ENTRY__INIT;
	Metrics__V1Memory memory = METRICS__V1_MEMORY__INIT;
	Metrics__V1OomControl oom = METRICS__V1_OOM_CONTROL__INIT;
	Metrics__V1IOEntry read = METRICS__V1_IOENTRY__INIT, written = METRICS__V1_IOENTRY__INIT;
	Metrics__V1IOEntry *entries[] = {&read, &written};
	Metrics__V1IO io = METRICS__V1_IO__INIT;
	Metrics__V1Metrics m = METRICS__V1_METRICS__INIT;
	usage.total = s->cpu_total_ns;
	usage.kernel = s->cpu_system_ns;
	usage.user = s->cpu_user_ns;
	throttle.periods = s->cpu_periods;
	throttle.throttled_periods = s->cpu_throttled_periods;
	throttle.throttled_time = s->cpu_throttled_ns;
	cpu.usage = &usage;
	cpu.throttling = &throttle;
	entry.usage = s->memory_bytes;
	entry.limit = s->memory_limit_bytes;
	entry.max = s->memory_max_bytes;
	entry.failcnt = s->memory_failcnt;
	kernel.usage = s->memory_kernel_bytes;
	memory.usage = &entry;
	memory.kernel = &kernel;
	memory.rss = memory.total_rss = s->memory_anon_bytes;
	memory.cache = memory.total_cache = s->memory_file_bytes;
	memory.inactive_file = memory.total_inactive_file = s->memory_inactive_file_bytes;
	memory.pg_fault = memory.total_pg_fault = s->page_faults;
	memory.pg_maj_fault = memory.total_pg_maj_fault = s->major_page_faults;
	oom.oom_kill = s->oom_kill;
	read.op = (char[]){"Read"};
	read.value = s->io_read_bytes;
	written.op = (char[]){"Write"};
	written.value = s->io_write_bytes;
	io.n_io_service_bytes_recursive = 2;
	io.io_service_bytes_recursive = entries;
	/* In this version, unlike the other, no limit is 0. */
	if (pids->limit == UINT64_MAX)
		pids->limit = 0;
	m.blkio = &io;
	m.pids = pids;
	m.cpu = &cpu;
	m.memory = &memory;
	m.memory_oom_control = &oom;
	return pack("io.containerd.cgroups.v1.Metrics", &m.base, out);
}

static int pack_v2(const struct container_stats *s, Metrics__Pids *pids, Types__Any *out)
{
	Metrics__V2CPU cpu = METRICS__V2_CPU__INIT;
	Metrics__V2Memory memory = METRICS__V2_MEMORY__INIT;
	Metrics__V2MemoryEvents events = METRICS__V2_MEMORY_EVENTS__INIT;
	Metrics__V2IOEntry entry = METRICS__V2_IOENTRY__INIT, *entries[] = {&entry};
	Metrics__V2IO io = METRICS__V2_IO__INIT;
	Metrics__V2Metrics m = METRICS__V2_METRICS__INIT;
	cpu.usage_usec = s->cpu_total_ns / 1000;
	cpu.user_usec = s->cpu_user_ns / 1000;
	cpu.system_usec = s->cpu_system_ns / 1000;
	cpu.nr_periods = s->cpu_periods;
	cpu.nr_throttled = s->cpu_throttled_periods;
	cpu.throttled_usec = s->cpu_throttled_ns / 1000;
	memory.usage = s->memory_bytes;
	memory.usage_limit = s->memory_limit_bytes;
	memory.anon = s->memory_anon_bytes;
	memory.file = s->memory_file_bytes;
	memory.inactive_file = s->memory_inactive_file_bytes;
	memory.pgfault = s->page_faults;
	memory.pgmajfault = s->major_page_faults;
	memory.max_usage = s->memory_max_bytes;
	entry.rbytes = s->io_read_bytes;
	entry.wbytes = s->io_write_bytes;
	io.n_usage = 1;
	io.usage = entries;
	events.max = s->memory_failcnt;
	events.oom = s->oom;
	events.oom_kill = s->oom_kill;
	m.pids = pids;
	m.cpu = &cpu;
	m.memory = &memory;
	m.io = &io;
	m.memory_events = &events;
	return pack("io.containerd.cgroups.v2.Metrics", &m.base, out);
}

int stats_pack(const struct container_stats *s, Types__Any *out)
{
	Metrics__Pids pids = METRICS__PIDS__INIT;
	pids.current = s->pids;
	pids.limit = s->pids_limit;
	if (s->cgroup_v2)
		return pack_v2(s, &pids, out);
	return pack_v1(s, &pids, out);
}
