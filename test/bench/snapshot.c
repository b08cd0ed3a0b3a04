/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Benchmarks of snapshots, each next to its floor: usage snapshot GUESTS_DIR [PATTERN [RUNS]]. The
 * guest is test/guest/calls_keeper.c, the call its `hello`, which does nothing. JSON lines as
 * micro.c prints them.
 *
 *   cold-start-*  nothing → new VM from a snapshot → call → back
 *   renew-*       the same in a VM that another sandbox has left (mote_keep_vms)
 *   restore-*     restore and call in the same sandbox
 *   warm-*        call in a sandbox that has been called before
 */
#include "bench.h"
#include "floor.h"
#include "measure.h"

#include <mote/call.h>
#include <mote/pool.h>
#include <mote/snapshot.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { STARTS = 300, CALLS = 3000, IDLE = 50, THOUSAND = 1000, ROUNDS = 10 };

static char *argv_guest[] = {(char *)"guest", NULL};
static const int closed[3] = {-1, -1, -1};

static void report_alone(const char *name, const char *unit, double value, int runs)
{
	printf("{\"name\":\"%s\",\"unit\":\"%s\",\"median\":%.2f,\"p99\":%.2f,"
	       "\"runs\":%d}\n",
	       name, unit, value, value, runs);
}

static void must(int rc, const struct mote_error *e)
{
	if (rc < 0) {
		fprintf(stderr, "%s\n", e->text);
		exit(1);
	}
}

static struct mote_options options(void)
{
	return (struct mote_options){
		.size = sizeof(struct mote_options),
		.program_fd = -1,
		.argv = argv_guest,
		.stdio = closed,
		.kvm_fd = &kvm_fd,
	};
}

static void hello(struct mote_sandbox *s)
{
	struct mote_error e;
	must(mote_sandbox_call(s, "hello", NULL, 0, NULL, &e), &e);
}

/* A sandbox that has been initialised from the program's file. */
static struct mote_sandbox *first(const char *guest)
{
	struct mote_options o = options();
	struct mote_sandbox *s;
	struct mote_error e;
	o.program_fd = open_guest(guest);
	o.program_path = guest;
	must(mote_sandbox_new(&o, &s, &e), &e);
	must(mote_sandbox_init(s, &e), &e);
	close(o.program_fd);
	return s;
}

static struct mote_snapshot *snapshot_of(const char *guest)
{
	struct mote_sandbox *s = first(guest);
	struct mote_snapshot *snapshot;
	struct mote_error e;
	must(mote_sandbox_snapshot(s, &snapshot, &e), &e);
	mote_sandbox_free(s);
	return snapshot;
}

static struct mote_sandbox *from(struct mote_snapshot *snapshot)
{
	struct mote_options o = options();
	struct mote_sandbox *s;
	struct mote_error e;
	must(mote_sandbox_from(snapshot, &o, &s, &e), &e);
	return s;
}

static double start_us(struct mote_snapshot *snapshot)
{
	double since = now_us();
	struct mote_sandbox *s = from(snapshot);
	hello(s);
	double took = now_us() - since;
	mote_sandbox_free(s);
	return took;
}

static void cold_start(const char *name, const char *guest)
{
	static double measured[STARTS], floor[STARTS];
	const int runs = bench_runs(STARTS);
	struct mote_snapshot *snapshot = snapshot_of(guest);
	start_us(snapshot);
	floor_cold_start_us(kvm_fd);
	for (int i = 0; i < runs; i++) {
		measured[i] = start_us(snapshot);
		floor[i] = floor_cold_start_us(kvm_fd);
	}
	mote_snapshot_free(snapshot);
	report(name, measured, floor, runs);
}

static void renew(const char *name, const char *guest)
{
	static double measured[STARTS], floor[STARTS];
	const int runs = bench_runs(STARTS);
	struct mote_snapshot *snapshot = snapshot_of(guest);
	struct mote_error e;
	must(mote_keep_vms(1, &e), &e);
	start_us(snapshot);
	for (int i = 0; i < runs; i++) {
		floor[i] = floor_cold_start_us(kvm_fd); /* meanwhile the VM is emptied */
		usleep(500);
		measured[i] = start_us(snapshot);
	}
	must(mote_keep_vms(0, &e), &e);
	mote_snapshot_free(snapshot);
	report(name, measured, floor, runs);
}

static void restore_call(const char *name, const char *guest)
{
	static double measured[CALLS], floor[CALLS];
	const int runs = bench_runs(CALLS);
	struct mote_snapshot *snapshot = snapshot_of(guest);
	struct mote_sandbox *s = from(snapshot);
	struct mote_error e;
	hello(s);
	floor_restore_begin(kvm_fd);
	for (int i = 0; i < runs; i++) {
		double since = now_us();
		must(mote_sandbox_restore(s, snapshot, &e), &e);
		hello(s);
		measured[i] = now_us() - since;
		floor[i] = floor_restore_us();
	}
	floor_restore_end();
	mote_sandbox_free(s);
	mote_snapshot_free(snapshot);
	report(name, measured, floor, runs);
}

static void warm_call(const char *name, const char *guest)
{
	static double measured[CALLS / 10], floor[CALLS / 10];
	const int runs = bench_runs(CALLS / 10);
	struct mote_sandbox *s = first(guest);
	hello(s);
	for (int i = 0; i < runs; i++) {
		hello(s); /* as the floor's first exit: untimed, after another VM has run */
		double since = now_us();
		for (int k = 0; k < 10; k++)
			hello(s);
		measured[i] = (now_us() - since) / 10;
		floor[i] = floor_exit_us(kvm_fd, 10);
	}
	mote_sandbox_free(s);
	report(name, measured, floor, runs);
}

/* Memory that is this process's alone, in KiB. */
static double private_kib(void)
{
	FILE *f = fopen("/proc/self/smaps_rollup", "r");
	char line[200];
	double sum = 0, one;
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "Private_Clean: %lf", &one) == 1 ||
		    sscanf(line, "Private_Dirty: %lf", &one) == 1)
			sum += one;
	if (f)
		fclose(f);
	return sum;
}

static void idle_memory(const char *name, const char *guest)
{
	struct mote_sandbox *s[IDLE];
	struct mote_snapshot *snapshot = snapshot_of(guest);
	double before = private_kib();
	for (int i = 0; i < IDLE; i++) {
		s[i] = from(snapshot);
		hello(s[i]);
	}
	report_alone(name, "KiB", (private_kib() - before) / IDLE, IDLE);
	for (int i = 0; i < IDLE; i++)
		mote_sandbox_free(s[i]);
	mote_snapshot_free(snapshot);
}

/* All alive in this process, each called once a second for ROUNDS seconds. */
static void thousand(const char *guest)
{
	static struct mote_sandbox *s[THOUSAND];
	static double made[THOUSAND], called[THOUSAND * ROUNDS];
	struct mote_snapshot *snapshot = snapshot_of(guest);
	double before = private_kib();
	for (int i = 0; i < THOUSAND; i++) {
		double since = now_us();
		s[i] = from(snapshot);
		made[i] = now_us() - since;
	}
	for (int k = 0; k < ROUNDS; k++) {
		double begin = now_us();
		for (int i = 0; i < THOUSAND; i++) {
			double since = now_us();
			hello(s[i]);
			called[k * THOUSAND + i] = now_us() - since;
		}
		double left = 1e6 - (now_us() - begin);
		if (left > 0)
			usleep((useconds_t)left);
	}
	double memory = private_kib() - before;
	printf("{\"name\":\"thousand-sandboxes-create\","
	       "\"unit\":\"us\",\"median\":%.2f,\"p99\":%.2f,"
	       "\"runs\":%d}\n",
	       quantile(made, THOUSAND, 0.5), quantile(made, THOUSAND, 0.99), THOUSAND);
	printf("{\"name\":\"thousand-sandboxes-call\",\"unit\":\"us\",\"median\":%.2f,\"p99\":%.2f,"
	       "\"runs\":%d}\n",
	       quantile(called, THOUSAND * ROUNDS, 0.5), quantile(called, THOUSAND * ROUNDS, 0.99),
	       THOUSAND * ROUNDS);
	report_alone("thousand-sandboxes-memory", "KiB", memory / THOUSAND, THOUSAND);
	for (int i = 0; i < THOUSAND; i++)
		mote_sandbox_free(s[i]);
	mote_snapshot_free(snapshot);
}

static void thousand_sandboxes(const char *name, const char *guest)
{
	(void)name;
	thousand(guest);
}

const struct bench benches[] = {
	{"cold-start-native", cold_start, "calls_keeper.elf"},
	{"cold-start-wasm", cold_start, "calls_keeper.wasm"},
	{"renew", renew, "calls_keeper.elf"},
	{"renew-wasm", renew, "calls_keeper.wasm"},
	{"restore-call", restore_call, "calls_keeper.elf"},
	{"restore-call-wasm", restore_call, "calls_keeper.wasm"},
	{"warm-call", warm_call, "calls_keeper.elf"},
	{"warm-call-wasm", warm_call, "calls_keeper.wasm"},
	{"idle-memory", idle_memory, "calls_keeper.elf"},
	{"idle-memory-wasm", idle_memory, "calls_keeper.wasm"},
	{"thousand-sandboxes", thousand_sandboxes, "calls_keeper.wasm"},
	{0},
};
