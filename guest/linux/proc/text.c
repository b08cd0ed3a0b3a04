/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The texts (proc(5)). They tell of the guest alone, as far as its runtime knows it: one process,
 * one CPU, the memory that it may use; nothing comes from the host's /proc.
 */
#include "guest/linux/proc/text.h"

#include "guest/linux/fs/roots.h"
#include "guest/linux/mm/layout.h"
#include "guest/linux/mm/memory.h"
#include "guest/linux/mm/ranges.h"
#include "guest/linux/task/credentials.h"
#include "guest/linux/task/limits.h"

#include <linux/time.h>

enum { TICKS = 100, NS_PER_TICK = 10000000 };

void text_add(struct proc_text *t, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	t->len += lib_vformat(t->bytes + t->len, sizeof(t->bytes) - t->len, fmt, ap);
	va_end(ap);
}

static uint64_t clock_ns(uint32_t clock)
{
	struct mote_time t;
	if (mote_clock_get(mote_area(), clock, &t) < 0)
		return 0;
	return (uint64_t)t.sec * 1000000000 + (uint64_t)t.nsec;
}

static uint64_t cpu_ticks(void)
{
	return clock_ns(CLOCK_THREAD_CPUTIME_ID) / NS_PER_TICK;
}

static uint64_t up_ticks(void)
{
	return clock_ns(CLOCK_BOOTTIME) / NS_PER_TICK;
}

static uint64_t heap_bytes(void)
{
	return process.brk - process.brk_start;
}

static uint64_t stack_mapped(void)
{
	return LINUX_STACK_TOP - process.stack_low;
}

/* --- the machine --- */

void proc_make_kernel_cmdline(struct proc_text *t)
{
	text_add(t, "\n");
}

void proc_make_cpuinfo(struct proc_text *t)
{
	t->len += arch_cpu_info(t->bytes + t->len, sizeof(t->bytes) - t->len);
}

void proc_make_loadavg(struct proc_text *t)
{
	text_add(t, "0.00 0.00 0.00 1/1 %u\n", process.boot->pid);
}

void proc_make_meminfo(struct proc_text *t)
{
	const uint64_t total = process.boot->memory_bytes,
		       used = min_u64(memory_mapped_bytes(), total);
	const unsigned long all = total >> 10, left = (total - used) >> 10;
	text_add(t, "MemTotal:       %8lu kB\nMemFree:        %8lu kB\n", all, left);
	text_add(t, "MemAvailable:   %8lu kB\nBuffers:        %8u kB\n", left, 0u);
	text_add(t, "Cached:         %8u kB\nSwapCached:     %8u kB\n", 0u, 0u);
	text_add(t, "SwapTotal:      %8u kB\nSwapFree:       %8u kB\n", 0u, 0u);
	text_add(t, "Shmem:          %8u kB\nHugepagesize:       2048 kB\n", 0u);
}

void proc_make_stat(struct proc_text *t)
{
	const unsigned long busy = cpu_ticks(), up = up_ticks(), idle = up > busy ? up - busy : 0;
	const uint64_t now = clock_ns(CLOCK_REALTIME) / 1000000000;
	text_add(t, "cpu  %lu 0 0 %lu 0 0 0 0 0 0\ncpu0 %lu 0 0 %lu 0 0 0 0 0 0\n", busy, idle,
		 busy, idle);
	text_add(t, "intr 0\nctxt 0\nbtime %lu\nprocesses 1\nprocs_running 1\nprocs_blocked 0\n",
		 (unsigned long)(now - up / TICKS));
}

void proc_make_uptime(struct proc_text *t)
{
	const unsigned long busy = cpu_ticks(), up = up_ticks(), idle = up > busy ? up - busy : 0;
	text_add(t, "%lu.%02lu %lu.%02lu\n", up / TICKS, up % TICKS, idle / TICKS, idle % TICKS);
}

void proc_make_version(struct proc_text *t)
{
	text_add(t, "Linux version " LINUX_RELEASE " (mote) " LINUX_VERSION "\n");
}

void proc_make_hostname(struct proc_text *t)
{
	text_add(t, "%s\n", boot_string(process.boot->hostname));
}

void proc_make_osrelease(struct proc_text *t)
{
	text_add(t, LINUX_RELEASE "\n");
}

void proc_make_version_name(struct proc_text *t)
{
	text_add(t, LINUX_VERSION "\n");
}

/* A random number of version 4. */
static void add_uuid(struct proc_text *t, const uint8_t random[16])
{
	uint8_t b[16];
	memcpy(b, random, sizeof(b));
	b[6] = (uint8_t)((b[6] & 0x0f) | 0x40);
	b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
	for (int i = 0; i < 16; i++)
		text_add(t, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", b[i]);
	text_add(t, "\n");
}

void proc_make_boot_id(struct proc_text *t)
{
	add_uuid(t, process.boot->random + 16);
}

void proc_make_uuid(struct proc_text *t)
{
	uint8_t random[16] = {0};
	(void)!mote_random(mote_area(), random, sizeof(random));
	add_uuid(t, random);
}

void proc_make_memory_max(struct proc_text *t)
{
	text_add(t, "%lu\n", (unsigned long)process.boot->memory_bytes);
}

/* --- the process --- */

void proc_make_comm(struct proc_text *t)
{
	text_add(t, "%s\n", this_thread()->name);
}

void proc_make_self(struct proc_text *t)
{
	text_add(t, "%u", process.boot->pid);
}

void proc_make_thread_self(struct proc_text *t)
{
	text_add(t, "%u/task/%u", process.boot->pid, process.boot->pid);
}

void proc_make_cwd(struct proc_text *t)
{
	text_add(t, "%s", process.cwd);
}

void proc_make_root(struct proc_text *t)
{
	text_add(t, "/");
}

/* Absolute whatever it was called by: glibc's start-up insists on it. */
void proc_make_exe(struct proc_text *t)
{
	const char *called = program_name();
	while (called[0] == '.' && called[1] == '/')
		called += 2;
	text_add(t, "%s%s", called[0] == '/' ? "" : "/", called);
}

static void add_padded(struct proc_text *t, const char *text, size_t width)
{
	text_add(t, "%s", text);
	for (size_t n = strlen(text); n < width; n++)
		text_add(t, " ");
}

static void add_limit(struct proc_text *t, const char *name, uint64_t cur, uint64_t max,
		      const char *unit)
{
	const uint64_t pair[2] = {cur, max};
	add_padded(t, name, 26);
	for (int i = 0; i < 2; i++) {
		char number[24] = "unlimited";
		if (pair[i] != UINT64_MAX)
			lib_format(number, sizeof(number), "%lu", (unsigned long)pair[i]);
		add_padded(t, number, 21);
	}
	if (*unit)
		add_padded(t, unit, 10);
	text_add(t, "\n");
}

void proc_make_limits(struct proc_text *t)
{
	static const struct {
		const char *name, *unit;
	} rows[] = {
		{"Max cpu time", "seconds"},     {"Max file size", "bytes"},
		{"Max data size", "bytes"},      {"Max stack size", "bytes"},
		{"Max core file size", "bytes"}, {"Max resident set", "bytes"},
		{"Max processes", "processes"},  {"Max open files", "files"},
		{"Max locked memory", "bytes"},  {"Max address space", "bytes"},
		{"Max file locks", "locks"},     {"Max pending signals", "signals"},
		{"Max msgqueue size", "bytes"},  {"Max nice priority", ""},
		{"Max realtime priority", ""},   {"Max realtime timeout", "us"},
	};
	text_add(
		t,
		"Limit                     Soft Limit           Hard Limit           Units     \n");
	for (uint32_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint64_t cur, max;
		limits_get(i, &cur, &max);
		add_limit(t, rows[i].name, cur, max, rows[i].unit);
	}
}

static void add_map(struct proc_text *t, uint64_t from, uint64_t to, const char *name)
{
	if (from < to)
		text_add(t, "%08lx-%08lx rw-p 00000000 00:00 0 %s\n", (unsigned long)from,
			 (unsigned long)to, name);
}

/* What the runtime knows by address: the heap, mappings, and the stack. */
void proc_make_maps(struct proc_text *t)
{
	uint64_t start = 0, end;
	bool more = ranges_next_used(&start, &end);
	for (; more && start < process.brk_start; more = ranges_next_used(&start, &end)) {
		add_map(t, start, end, "");
		start = end;
	}
	add_map(t, process.brk_start, page_up(process.brk), "                         [heap]");
	for (; more; more = ranges_next_used(&start, &end)) {
		add_map(t, start, end, "");
		start = end;
	}
	add_map(t, process.stack_low, LINUX_STACK_TOP, "                         [stack]");
	text_add(t, "%s", arch_fixed_maps());
}

void proc_make_mounts(struct proc_text *t)
{
	const char *path;
	bool readonly;
	for (uint32_t i = 0; lookup_mount(i, &path, &readonly); i++)
		if (path)
			text_add(t, "mote %s mote %s,relatime 0 0\n", path, readonly ? "ro" : "rw");
	text_add(t, "proc /proc proc ro,nosuid,nodev,noexec,relatime 0 0\n");
	text_add(t, "sysfs /sys sysfs ro,nosuid,nodev,noexec,relatime 0 0\n");
}

void proc_make_mountinfo(struct proc_text *t)
{
	const char *path, *how = "ro,nosuid,nodev,noexec,relatime";
	bool readonly;
	uint32_t i;
	for (i = 0; lookup_mount(i, &path, &readonly); i++)
		if (path)
			text_add(t, "%u 1 0:%u / %s %s,relatime - mote mote rw\n", 20 + i, 20 + i,
				 path, readonly ? "ro" : "rw");
	text_add(t, "%u 20 0:%u / /proc %s - proc proc rw\n", 20 + i, 20 + i, how);
	text_add(t, "%u 20 0:%u / /sys %s - sysfs sysfs ro\n", 21 + i, 21 + i, how);
}

void proc_make_self_stat(struct proc_text *t)
{
	const uint32_t pid = process.boot->pid;
	text_add(t, "%u (%s) R 0 %u %u 0 -1 4194304 0 0 0 0 ", pid, this_thread()->name, pid, pid);
	text_add(t, "%lu 0 0 0 20 0 1 0 0 ", (unsigned long)cpu_ticks());
	text_add(t, "%lu %lu 18446744073709551615 ", (unsigned long)memory_mapped_bytes(),
		 (unsigned long)(memory_mapped_bytes() / MOTE_PAGE));
	text_add(t, "0 0 %lu 0 0 0 0 0 0 0 0 0 17 0 0 0 0 0 0 ", (unsigned long)LINUX_STACK_TOP);
	text_add(t, "0 0 %lu %lu %lu %lu %lu 0\n", (unsigned long)process.brk_start,
		 (unsigned long)process.text.arguments, (unsigned long)process.text.environment,
		 (unsigned long)process.text.environment, (unsigned long)process.text.end);
}

void proc_make_statm(struct proc_text *t)
{
	const unsigned long pages = memory_mapped_bytes() / MOTE_PAGE;
	text_add(t, "%lu %lu 0 0 0 %lu 0\n", pages, pages, pages);
}

static uint64_t signals_with(uint64_t least, uint64_t most)
{
	uint64_t set = 0;
	for (int signo = 1; signo <= SIGNALS; signo++) {
		uint64_t handler = process.actions[signo].handler;
		if (handler >= least && handler <= most)
			set |= 1UL << (signo - 1);
	}
	return set;
}

static void add_ids(struct proc_text *t, const char *name, const uint32_t ids[ID_KINDS])
{
	text_add(t, "%s:\t%u\t%u\t%u\t%u\n", name, ids[ID_REAL], ids[ID_EFFECTIVE], ids[ID_SAVED],
		 ids[ID_FILES]);
}

static void add_groups(struct proc_text *t)
{
	const uint32_t *list, count = credentials_groups(&list);
	for (uint32_t i = 0; i < count; i++)
		text_add(t, "%u ", list[i]);
	if (count == 0)
		text_add(t, " ");
}

static void add_capabilities(struct proc_text *t, const struct mote_capabilities *c)
{
	text_add(t, "CapInh:\t%016lx\nCapPrm:\t%016lx\nCapEff:\t%016lx\n", c->inheritable,
		 c->permitted, c->effective);
	text_add(t, "CapBnd:\t%016lx\nCapAmb:\t%016lx\n", c->bounding, c->ambient);
}

void proc_make_status(struct proc_text *t)
{
	const struct mote_area *area = mote_area();
	const struct credentials *c = &process.credentials;
	const uint32_t pid = process.boot->pid;
	const unsigned long size = memory_mapped_bytes() >> 10;
	text_add(t, "Name:\t%s\nUmask:\t0%u%u%u\nState:\tR (running)\n", this_thread()->name,
		 process.umask >> 6, process.umask >> 3 & 7, process.umask & 7);
	text_add(t, "Tgid:\t%u\nNgid:\t0\nPid:\t%u\nPPid:\t0\nTracerPid:\t0\n", pid, pid);
	add_ids(t, "Uid", c->uid);
	add_ids(t, "Gid", c->gid);
	text_add(t, "FDSize:\t1024\nGroups:\t");
	add_groups(t);
	text_add(t, "\nNStgid:\t%u\nNSpid:\t%u\n", pid, pid);
	text_add(t, "VmSize:\t%8lu kB\nVmRSS:\t%8lu kB\nVmData:\t%8lu kB\nVmStk:\t%8lu kB\n", size,
		 size, (unsigned long)(heap_bytes() >> 10), (unsigned long)(stack_mapped() >> 10));
	text_add(t, "Threads:\t1\nSigQ:\t0/0\nSigPnd:\t%016lx\nShdPnd:\t%016lx\nSigBlk:\t%016lx\n",
		 0ul, (unsigned long)area->pending_signals, (unsigned long)area->blocked_signals);
	text_add(t, "SigIgn:\t%016lx\nSigCgt:\t%016lx\n", (unsigned long)signals_with(1, 1),
		 (unsigned long)signals_with(2, UINT64_MAX));
	add_capabilities(t, &c->capabilities);
	text_add(t, "NoNewPrivs:\t%d\nSeccomp:\t%d\n", process.no_new_privs,
		 process.boot->flags & MOTE_BOOT_SECCOMP ? 2 : 0);
	text_add(t, "Cpus_allowed:\t1\nCpus_allowed_list:\t0\n");
}
