/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Benchmarks of the library in one process, each next to its floor: usage micro GUESTS_DIR
 * [PATTERN [RUNS]]. One JSON object a line on stdout, the shape of build/bench/results.json.
 * Measured and floor runs alternate, so that a machine whose speed drifts does so for both.
 */
#include "bench.h"
#include "floor.h"
#include "measure.h"

#include <mote/mote.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { STARTS = 300, EXIT_RUNS = 100, EXITS = 2000 };

/* One life of a sandbox: from nothing to the guest's end. Microseconds; torn down untimed. */
static double life_us(int program, char **argv, int expected)
{
	static const int closed[3] = {-1, -1, -1};
	char *envp[] = {NULL};
	struct mote_options o = {
		.size = sizeof(o),
		.program_fd = program,
		.argv = argv,
		.envp = envp,
		.stdio = closed,
		.kvm_fd = &kvm_fd,
	};
	struct mote_sandbox *s;
	struct mote_result r;
	struct mote_error e;
	double since = now_us();
	if (mote_sandbox_new(&o, &s, &e) < 0 || mote_sandbox_run(s, &r, &e) < 0) {
		fprintf(stderr, "%s\n", e.text);
		exit(1);
	}
	double took = now_us() - since;
	if (mote_exit_status(&r) != expected) {
		fprintf(stderr, "the guest ended with %d, not %d\n", mote_exit_status(&r),
			expected);
		exit(1);
	}
	mote_sandbox_free(s);
	return took;
}

static void first_start(const char *name, const char *guest)
{
	static double measured[STARTS], floor[STARTS];
	const int runs = bench_runs(STARTS);
	char *argv[] = {(char *)(uintptr_t)guest, NULL};
	int program = open_guest(guest);
	life_us(program, argv, 0);
	floor_cold_start_us(kvm_fd);
	for (int i = 0; i < runs; i++) {
		measured[i] = life_us(program, argv, 0);
		floor[i] = floor_cold_start_us(kvm_fd);
	}
	close(program);
	report(name, measured, floor, runs);
}

/* A guest that makes EXITS host calls less one that makes none, by the number of calls. */
static void exit_round_trip(const char *name, const char *guest)
{
	static double measured[EXIT_RUNS], floor[EXIT_RUNS];
	const int runs = bench_runs(EXIT_RUNS);
	char count[16];
	snprintf(count, sizeof(count), "%d", EXITS);
	char *many[] = {(char *)"yield", count, NULL},
	     *none[] = {(char *)"yield", (char *)"0", NULL};
	int program = open_guest(guest);
	for (int i = 0; i < runs; i++) {
		measured[i] = (life_us(program, many, 0) - life_us(program, none, 0)) / EXITS;
		floor[i] = floor_exit_us(kvm_fd, EXITS);
	}
	close(program);
	report(name, measured, floor, runs);
}

const struct bench benches[] = {
	{"first-start-native", first_start, "exit0.elf"},
	{"first-start-wasm", first_start, "exit0.wasm"},
	{"exit-round-trip", exit_round_trip, "yield.elf"},
	{0},
};
