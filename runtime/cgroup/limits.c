/* SPDX-License-Identifier: Apache-2.0 */
/* linux.resources to the control files of both versions, and OOM notification. */
#include "runtime/cgroup/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>

#define DEFAULT_PERIOD_US 100000
#define SHARES_MIN        2
#define SHARES_MAX        262144

/* `what` is the setting's name in config.json. */
static int set_text(const struct cgroup *c, enum cgroup_controller controller, const char *file,
		    const char *text, const char *what, struct err *e)
{
	const char *dir = cgroup_dir(c, controller);
	int rc = -ENOENT;
	if (dir)
		rc = cgroup_write(dir, file, text);
	if (rc == -ENOENT)
		return err_set(e, ERR_HOST, ENOSYS,
			       "linux.resources.%s: this machine's cgroups have no %s", what, file);
	if (rc < 0)
		return err_sys(e, -rc, "linux.resources.%s: %s to %s/%s", what, text, dir, file);
	return 0;
}

static int set_number(const struct cgroup *c, enum cgroup_controller controller, const char *file,
		      int64_t v, const char *what, struct err *e)
{
	if (v == OCI_UNSET)
		return 0;
	char text[24];
	snprintf(text, sizeof(text), "%lld", (long long)v);
	return set_text(c, controller, file, text, what, e);
}

/* --- version 1 --- */

static int set_swap_v1(const struct cgroup *c, const struct oci_resources *r, struct err *e)
{
	if (r->memory_swap == 0)
		return 0;
	return set_number(c, CGROUP_MEMORY, "memory.memsw.limit_in_bytes", r->memory_swap,
			  "memory.swap", e);
}

static int set_memory_v1(const struct cgroup *c, const struct oci_resources *r, struct err *e)
{
	/* Memory and swap together. Without swap accounting the file does not exist. */
	const char *dir = cgroup_dir(c, CGROUP_MEMORY);
	char text[32];
	bool counts_swap =
		dir && cgroup_read(dir, "memory.memsw.limit_in_bytes", text, sizeof(text)) > 0;
	/* It is never below memory's own limit: the one that grows goes first. */
	bool swap_first = counts_swap && r->memory_limit > 0 &&
			  (uint64_t)r->memory_limit > strtoull(text, NULL, 10);
	int rc = 0;
	if (swap_first)
		rc = set_swap_v1(c, r, e);
	if (rc < 0)
		return rc;
	if (r->memory_limit != 0)
		rc = set_number(c, CGROUP_MEMORY, "memory.limit_in_bytes", r->memory_limit,
				"memory.limit", e);
	if (rc < 0)
		return rc;
	if (r->memory_reservation > 0)
		rc = set_number(c, CGROUP_MEMORY, "memory.soft_limit_in_bytes",
				r->memory_reservation, "memory.reservation", e);
	if (rc < 0)
		return rc;
	if (counts_swap && !swap_first)
		rc = set_swap_v1(c, r, e);
	if (rc < 0)
		return rc;
	rc = set_number(c, CGROUP_MEMORY, "memory.swappiness", r->memory_swappiness,
			"memory.swappiness", e);
	if (rc < 0)
		return rc;
	if (r->oom_kill_disable)
		rc = set_number(c, CGROUP_MEMORY, "memory.oom_control", 1,
				"memory.disableOOMKiller", e);
	return rc;
}

static int set_cpu_v1(const struct cgroup *c, const struct oci_resources *r, struct err *e)
{
	int rc = 0;
	if (r->cpu_shares != 0)
		rc = set_number(c, CGROUP_CPU, "cpu.shares", r->cpu_shares, "cpu.shares", e);
	if (rc < 0)
		return rc;
	if (r->cpu_period_us != 0)
		rc = set_number(c, CGROUP_CPU, "cpu.cfs_period_us", r->cpu_period_us, "cpu.period",
				e);
	if (rc < 0)
		return rc;
	if (r->cpu_quota_us != 0)
		rc = set_number(c, CGROUP_CPU, "cpu.cfs_quota_us", r->cpu_quota_us, "cpu.quota", e);
	if (rc < 0)
		return rc;
	if (r->cpu_burst_us > 0)
		rc = set_number(c, CGROUP_CPU, "cpu.cfs_burst_us", r->cpu_burst_us, "cpu.burst", e);
	return rc;
}

/* --- version 2 --- */

static int set_bytes_v2(const struct cgroup *c, const char *file, int64_t bytes, const char *what,
			struct err *e)
{
	if (bytes == -1)
		return set_text(c, CGROUP_MEMORY, file, "max", what, e);
	return set_number(c, CGROUP_MEMORY, file, bytes, what, e);
}

static int set_memory_v2(const struct cgroup *c, const struct oci_resources *r, struct err *e)
{
	int rc = 0;
	if (r->memory_limit != 0 && r->memory_limit != OCI_UNSET)
		rc = set_bytes_v2(c, "memory.max", r->memory_limit, "memory.limit", e);
	if (rc < 0)
		return rc;
	if (r->memory_reservation > 0)
		rc = set_bytes_v2(c, "memory.low", r->memory_reservation, "memory.reservation", e);
	/* The specification counts memory and swap together, version 2 swap alone. */
	int64_t swap = r->memory_swap;
	if (swap > 0 && r->memory_limit > 0) {
		swap -= r->memory_limit;
		if (swap < 0)
			swap = 0;
	}
	const char *dir = cgroup_dir(c, CGROUP_MEMORY);
	char text[32];
	bool counts_swap = dir && cgroup_read(dir, "memory.swap.max", text, sizeof(text)) > 0;
	if (rc < 0)
		return rc;
	if (r->memory_swap != 0 && swap != OCI_UNSET && counts_swap)
		rc = set_bytes_v2(c, "memory.swap.max", swap, "memory.swap", e);
	if (rc < 0)
		return rc;
	if (r->oom_kill_disable)
		rc = err_set(
			e, ERR_CONFIG, ENOSYS,
			"linux.resources.memory.disableOOMKiller: not supported by cgroup version "
			"2");
	return rc;
}

/* The period comes after the quota in one file: what is not given stays. */
static int64_t period_now_v2(const struct cgroup *c)
{
	const char *dir = cgroup_dir(c, CGROUP_CPU);
	char text[64];
	const char *second = NULL;
	if (dir && cgroup_read(dir, "cpu.max", text, sizeof(text)) > 0)
		second = strchr(text, ' ');
	int64_t period = 0;
	if (second)
		period = strtoll(second, NULL, 10);
	if (period > 0)
		return period;
	return DEFAULT_PERIOD_US;
}

/* 2..262144 to 1..10000, as other runtimes do. */
static int64_t weight_of(int64_t shares)
{
	if (shares < SHARES_MIN)
		shares = SHARES_MIN;
	if (shares > SHARES_MAX)
		shares = SHARES_MAX;
	return 1 + (shares - SHARES_MIN) * 9999 / (SHARES_MAX - SHARES_MIN);
}

static int set_cpu_v2(const struct cgroup *c, const struct oci_resources *r, struct err *e)
{
	char text[64];
	int rc = 0;
	if (r->cpu_shares > 0) {
		rc = set_number(c, CGROUP_CPU, "cpu.weight", weight_of(r->cpu_shares), "cpu.shares",
				e);
	}
	int64_t period = r->cpu_period_us > 0 ? r->cpu_period_us : period_now_v2(c);
	if (rc == 0 && (r->cpu_quota_us > 0 || r->cpu_quota_us == -1 || r->cpu_period_us > 0)) {
		if (r->cpu_quota_us > 0)
			snprintf(text, sizeof(text), "%lld %lld", (long long)r->cpu_quota_us,
				 (long long)period);
		else
			snprintf(text, sizeof(text), "max %lld", (long long)period);
		rc = set_text(c, CGROUP_CPU, "cpu.max", text, "cpu.quota", e);
	}
	if (rc < 0)
		return rc;
	if (r->cpu_burst_us > 0)
		rc = set_number(c, CGROUP_CPU, "cpu.max.burst", r->cpu_burst_us, "cpu.burst", e);
	return rc;
}

/* --- block devices --- */

/* 10..1000 to 1..10000, as other runtimes do. */
static int64_t io_weight_v2(int64_t weight)
{
	return 1 + (weight - 10) * 9999 / 990;
}

/* The first of two files that is there; the second one if none is. */
static const char *either_file(const struct cgroup *c, const char *first, const char *second)
{
	const char *dir = cgroup_dir(c, CGROUP_IO);
	char text[64];
	if (dir && cgroup_read(dir, first, text, sizeof(text)) >= 0)
		return first;
	return second;
}

static int set_io_weight(const struct cgroup *c, int64_t weight, struct err *e)
{
	if (weight == OCI_UNSET)
		return 0;
	const char *file = either_file(c, "blkio.weight", "blkio.bfq.weight");
	if (c->version == 2)
		file = either_file(c, "io.bfq.weight", "io.weight");
	if (strcmp(file, "io.weight") == 0)
		weight = io_weight_v2(weight);
	return set_number(c, CGROUP_IO, file, weight, "blockIO.weight", e);
}

static int set_io_v1(const struct cgroup *c, const struct oci_io *io, struct err *e)
{
	static const char *const files[OCI_IO_KINDS] = {
		[OCI_IO_READ_BPS] = "blkio.throttle.read_bps_device",
		[OCI_IO_WRITE_BPS] = "blkio.throttle.write_bps_device",
		[OCI_IO_READ_IOPS] = "blkio.throttle.read_iops_device",
		[OCI_IO_WRITE_IOPS] = "blkio.throttle.write_iops_device",
	};
	const char *file = files[io->kind];
	char text[64];
	snprintf(text, sizeof(text), "%u:%u %lld", io->major, io->minor, (long long)io->value);
	if (io->kind == OCI_IO_WEIGHT)
		file = either_file(c, "blkio.weight_device", "blkio.bfq.weight_device");
	return set_text(c, CGROUP_IO, file, text, "blockIO", e);
}

static int set_io_v2(const struct cgroup *c, const struct oci_io *io, struct err *e)
{
	static const char *const keys[OCI_IO_KINDS] = {
		[OCI_IO_READ_BPS] = "rbps",
		[OCI_IO_WRITE_BPS] = "wbps",
		[OCI_IO_READ_IOPS] = "riops",
		[OCI_IO_WRITE_IOPS] = "wiops",
	};
	const char *file = "io.max";
	char text[64];
	int n = snprintf(text, sizeof(text), "%u:%u ", io->major, io->minor);
	char *value = text + n;
	size_t left = sizeof(text) - (size_t)n;
	if (io->kind == OCI_IO_WEIGHT)
		file = either_file(c, "io.bfq.weight", "io.weight");
	if (io->kind != OCI_IO_WEIGHT && io->value == 0)
		snprintf(value, left, "%s=max", keys[io->kind]);
	else if (io->kind != OCI_IO_WEIGHT)
		snprintf(value, left, "%s=%lld", keys[io->kind], (long long)io->value);
	else if (strcmp(file, "io.weight") == 0)
		snprintf(value, left, "%lld", (long long)io_weight_v2(io->value));
	else
		snprintf(value, left, "%lld", (long long)io->value);
	return set_text(c, CGROUP_IO, file, text, "blockIO", e);
}

static int set_io(const struct cgroup *c, const struct oci_resources *r, struct err *e)
{
	int rc = set_io_weight(c, r->io_weight, e);
	for (size_t i = 0; i < r->io_count && rc == 0; i++) {
		if (c->version == 2)
			rc = set_io_v2(c, &r->io[i], e);
		else
			rc = set_io_v1(c, &r->io[i], e);
	}
	return rc;
}

/* --- both --- */

static int set_unified(const struct cgroup *c, const struct oci_resources *r, struct err *e)
{
	if (r->unified_count && c->version != 2)
		return err_set(e, ERR_HOST, ENOSYS,
			       "linux.resources.unified: this machine has no cgroup version 2");
	for (size_t i = 0; i < r->unified_count; i++) {
		const struct oci_unified *u = &r->unified[i];
		int rc = cgroup_write(c->hierarchies[0].dir, u->file, u->value);
		if (rc < 0)
			return err_sys(e, -rc, "linux.resources.unified: %s", u->file);
	}
	return 0;
}

/* As many as the guest may have processes; more than the kernel can count is for it to refuse. */
static int set_pids(const struct cgroup *c, int64_t limit, struct err *e)
{
	const bool of_guests = !c->of_tasks;
	if (of_guests && limit <= CGROUP_PIDS_MAX / CGROUP_TASKS_PER_PROCESS)
		limit *= CGROUP_TASKS_PER_PROCESS;
	else if (of_guests && limit < CGROUP_PIDS_MAX)
		limit = CGROUP_PIDS_MAX;
	return set_number(c, CGROUP_PIDS, "pids.max", limit, "pids.limit", e);
}

int cgroup_set_limits(const struct cgroup *c, const struct oci_resources *r, struct err *e)
{
	bool v2 = c->version == 2;
	int rc = v2 ? set_memory_v2(c, r, e) : set_memory_v1(c, r, e);
	if (rc < 0)
		return rc;
	rc = v2 ? set_cpu_v2(c, r, e) : set_cpu_v1(c, r, e);
	if (rc < 0)
		return rc;
	if (r->cpu_idle > 0)
		rc = set_number(c, CGROUP_CPU, "cpu.idle", r->cpu_idle, "cpu.idle", e);
	if (rc < 0)
		return rc;
	if (r->cpuset_cpus && *r->cpuset_cpus)
		rc = set_text(c, CGROUP_CPUSET, "cpuset.cpus", r->cpuset_cpus, "cpu.cpus", e);
	if (rc < 0)
		return rc;
	if (r->cpuset_mems && *r->cpuset_mems)
		rc = set_text(c, CGROUP_CPUSET, "cpuset.mems", r->cpuset_mems, "cpu.mems", e);
	if (rc < 0)
		return rc;
	if (r->pids_limit > 0)
		rc = set_pids(c, r->pids_limit, e);
	/* No limit is what a new cgroup has, and one without the controller. */
	const char *pids = cgroup_dir(c, CGROUP_PIDS);
	char now[32];
	if (rc < 0)
		return rc;
	if (r->pids_limit == -1 && pids && cgroup_read(pids, "pids.max", now, sizeof(now)) > 0)
		rc = set_text(c, CGROUP_PIDS, "pids.max", "max", "pids.limit", e);
	if (rc < 0)
		return rc;
	rc = set_io(c, r, e);
	if (rc < 0)
		return rc;
	return set_unified(c, r, e);
}

int cgroup_update(const struct cgroup *c, const struct oci_resources *r, struct err *e)
{
	if (c->version == 0)
		return err_set(e, ERR_HOST, ENOSYS,
			       "no cgroup hierarchy is mounted, so nothing is limited");
	return cgroup_set_limits(c, r, e);
}

/* --- out of memory --- */

uint64_t cgroup_oom_kills(const struct cgroup *c)
{
	char text[256];
	const char *dir = cgroup_dir(c, CGROUP_MEMORY);
	const char *file = c->version == 2 ? "memory.events" : "memory.oom_control";
	if (!dir || cgroup_read(dir, file, text, sizeof(text)) < 0)
		return 0;
	return cgroup_field(text, "oom_kill");
}

static int watch_v1(const char *dir)
{
	char path[4400], text[32];
	snprintf(path, sizeof(path), "%s/memory.oom_control", dir);
	cleanup_close int control = open(path, O_RDONLY | O_CLOEXEC);
	cleanup_close int event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (control < 0 || event < 0)
		return -errno;
	snprintf(text, sizeof(text), "%d %d", event, control);
	int rc = cgroup_write(dir, "cgroup.event_control", text);
	if (rc < 0)
		return rc;
	return take_fd(&event);
}

static int watch_v2(const char *dir)
{
	char path[4400];
	snprintf(path, sizeof(path), "%s/memory.events", dir);
	cleanup_close int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (fd < 0 || inotify_add_watch(fd, path, IN_MODIFY) < 0)
		return -errno;
	return take_fd(&fd);
}

int cgroup_watch_oom(struct cgroup *c, struct err *e)
{
	const char *dir = cgroup_dir(c, CGROUP_MEMORY);
	if (!dir || c->oom_fd >= 0)
		return 0;
	int fd = c->version == 2 ? watch_v2(dir) : watch_v1(dir);
	/* In version 2 a controller that the parent cgroup does not delegate has no files. */
	if (fd == -ENOENT && c->version == 2)
		return 0;
	if (fd < 0)
		return err_sys(e, -fd, "out-of-memory notification of %s", dir);
	c->oom_fd = fd;
	return 0;
}

int cgroup_oom_fd(const struct cgroup *c)
{
	return c->oom_fd;
}

bool cgroup_take_oom(struct cgroup *c)
{
	/* Both kinds of descriptor are emptied the same way; the count tells what happened. */
	char events[4096];
	while (c->oom_fd >= 0 && read(c->oom_fd, events, sizeof(events)) > 0)
		;
	uint64_t kills = cgroup_oom_kills(c);
	if (kills <= c->oom_seen)
		return false;
	c->oom_seen = kills;
	return true;
}
