/* SPDX-License-Identifier: Apache-2.0 */
/* What the runtime's callers and its lowest files share. */
#ifndef MOTE_RUNTIME_TYPES_H
#define MOTE_RUNTIME_TYPES_H

#include "base/loop.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Who drives a process: its event loop, and whom to call when something has happened to the
 * process. Borrowed.
 */
struct supervisor {
	struct loop *loop;
	void (*changed)(void *arg); /* may delete the process */
	void *arg;
};

/*
 * The standard streams that Create and Exec name: "" (nothing), a FIFO's path, file:// or
 * binary://.
 */
struct stdio_config {
	const char *stdin_path, *stdout_path, *stderr_path;
	bool terminal;
};

/* How long processes waited for a resource: some of them, or all. Shares in percent. */
struct pressure {
	struct pressure_of {
		double avg10, avg60, avg300;
		uint64_t total_us;
	} some, full;
};

#define STATS_DEVICES_MAX 64

struct io_use {
	uint32_t major, minor;
	uint64_t read_bytes, write_bytes, reads, writes;
};

/* Resource use of a container's cgroup, of both versions; pressure of version 2 alone. */
struct container_stats {
	bool cgroup_v2;
	uint64_t cpu_total_ns, cpu_user_ns, cpu_system_ns;
	uint64_t cpu_periods, cpu_throttled_periods, cpu_throttled_ns;
	uint64_t memory_bytes, memory_limit_bytes, memory_max_bytes, memory_anon_bytes,
		memory_file_bytes, memory_kernel_bytes, memory_inactive_file_bytes, memory_failcnt,
		page_faults, major_page_faults;
	bool has_swap; /* the kernel counts it */
	uint64_t swap_bytes, swap_limit_bytes;
	uint64_t oom, oom_kill;
	uint64_t pids, pids_limit;
	struct io_use io[STATS_DEVICES_MAX]; /* one for each device; more are left out */
	size_t io_count;
	bool has_pressure; /* the kernel counts it */
	struct pressure cpu_pressure, memory_pressure, io_pressure;
};

#endif
