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

/* Two entries for a device, of bytes and of operations. */
struct io_v1 {
	Metrics__V1IO message;
	Metrics__V1IOEntry bytes[2 * STATS_DEVICES_MAX], operations[2 * STATS_DEVICES_MAX];
	Metrics__V1IOEntry *of_bytes[2 * STATS_DEVICES_MAX], *of_operations[2 * STATS_DEVICES_MAX];
};

static void put_io_v1(const struct io_use *use, bool reads, uint64_t value,
		      Metrics__V1IOEntry *entry, Metrics__V1IOEntry **at)
{
	metrics__v1_ioentry__init(entry);
	entry->op = (char *)(uintptr_t)(reads ? "Read" : "Write");
	entry->major = use->major;
	entry->minor = use->minor;
	entry->value = value;
	*at = entry;
}

static void fill_io_v1(const struct container_stats *s, struct io_v1 *io)
{
	metrics__v1_io__init(&io->message);
	for (size_t i = 0; i < s->io_count; i++) {
		const struct io_use *use = &s->io[i];
		size_t r = 2 * i, w = r + 1;
		put_io_v1(use, true, use->read_bytes, &io->bytes[r], &io->of_bytes[r]);
		put_io_v1(use, false, use->write_bytes, &io->bytes[w], &io->of_bytes[w]);
		put_io_v1(use, true, use->reads, &io->operations[r], &io->of_operations[r]);
		put_io_v1(use, false, use->writes, &io->operations[w], &io->of_operations[w]);
	}
	io->message.n_io_service_bytes_recursive = 2 * s->io_count;
	io->message.io_service_bytes_recursive = io->of_bytes;
	io->message.n_io_serviced_recursive = 2 * s->io_count;
	io->message.io_serviced_recursive = io->of_operations;
}

static int pack_v1(const struct container_stats *s, Metrics__Pids *pids, Types__Any *out)
{
	Metrics__V1CPUUsage usage = METRICS__V1_CPUUSAGE__INIT;
	Metrics__V1Throttle throttle = METRICS__V1_THROTTLE__INIT;
	Metrics__V1CPU cpu = METRICS__V1_CPU__INIT;
	Metrics__V1MemoryEntry entry = METRICS__V1_MEMORY_ENTRY__INIT,
			       kernel = METRICS__V1_MEMORY_ENTRY__INIT,
			       swap = METRICS__V1_MEMORY_ENTRY__INIT;
	Metrics__V1Memory memory = METRICS__V1_MEMORY__INIT;
	Metrics__V1OomControl oom = METRICS__V1_OOM_CONTROL__INIT;
	struct io_v1 io;
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
	swap.usage = s->memory_bytes + s->swap_bytes;
	swap.limit = s->memory_limit_bytes + s->swap_limit_bytes;
	if (s->has_swap)
		memory.swap = &swap;
	fill_io_v1(s, &io);
	/* In this version, unlike the other, no limit is 0. */
	if (pids->limit == UINT64_MAX)
		pids->limit = 0;
	m.blkio = &io.message;
	m.pids = pids;
	m.cpu = &cpu;
	m.memory = &memory;
	m.memory_oom_control = &oom;
	return pack("io.containerd.cgroups.v1.Metrics", &m.base, out);
}

struct pressure_v2 {
	Metrics__V2Pressure message;
	Metrics__Pressure some, full;
};

static void put_pressure(const struct pressure_of *of, Metrics__Pressure *out)
{
	metrics__pressure__init(out);
	out->avg10 = of->avg10;
	out->avg60 = of->avg60;
	out->avg300 = of->avg300;
	out->total = of->total_us;
}

/* NULL if the kernel does not count it. */
static Metrics__V2Pressure *fill_pressure(const struct container_stats *s, const struct pressure *p,
					  struct pressure_v2 *out)
{
	if (!s->has_pressure)
		return NULL;
	metrics__v2_pressure__init(&out->message);
	put_pressure(&p->some, &out->some);
	put_pressure(&p->full, &out->full);
	out->message.some = &out->some;
	out->message.full = &out->full;
	return &out->message;
}

static size_t fill_io_v2(const struct container_stats *s, Metrics__V2IOEntry *entries,
			 Metrics__V2IOEntry **of)
{
	for (size_t i = 0; i < s->io_count; i++) {
		metrics__v2_ioentry__init(&entries[i]);
		entries[i].major = s->io[i].major;
		entries[i].minor = s->io[i].minor;
		entries[i].rbytes = s->io[i].read_bytes;
		entries[i].wbytes = s->io[i].write_bytes;
		entries[i].rios = s->io[i].reads;
		entries[i].wios = s->io[i].writes;
		of[i] = &entries[i];
	}
	return s->io_count;
}

static int pack_v2(const struct container_stats *s, Metrics__Pids *pids, Types__Any *out)
{
	Metrics__V2CPU cpu = METRICS__V2_CPU__INIT;
	Metrics__V2Memory memory = METRICS__V2_MEMORY__INIT;
	Metrics__V2MemoryEvents events = METRICS__V2_MEMORY_EVENTS__INIT;
	Metrics__V2IOEntry entries[STATS_DEVICES_MAX], *of_entries[STATS_DEVICES_MAX];
	struct pressure_v2 cpu_pressure, memory_pressure, io_pressure;
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
	memory.swap_usage = s->swap_bytes;
	memory.swap_limit = s->swap_limit_bytes;
	io.n_usage = fill_io_v2(s, entries, of_entries);
	io.usage = of_entries;
	cpu.psi = fill_pressure(s, &s->cpu_pressure, &cpu_pressure);
	memory.psi = fill_pressure(s, &s->memory_pressure, &memory_pressure);
	io.psi = fill_pressure(s, &s->io_pressure, &io_pressure);
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
