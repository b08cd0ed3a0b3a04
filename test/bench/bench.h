/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The benchmark programs of the library: PROGRAM GUESTS_DIR [PATTERN [RUNS]] runs those of its
 * table whose names match, each measured RUNS times at most.
 */
#ifndef MOTE_BENCH_BENCH_H
#define MOTE_BENCH_BENCH_H

struct bench {
	const char *name; /* NULL ends the table */
	void (*run)(const char *name, const char *guest);
	const char *guest; /* file in GUESTS_DIR, or NULL */
};

/* The program's own. */
extern const struct bench benches[];

/* Set by main before the first benchmark runs. */
extern int kvm_fd;
/* Of a file in GUESTS_DIR, to be closed by the caller; ends the program if there is none. */
int open_guest(const char *name);
/* How often to measure what is measured up to `most` times. */
int bench_runs(int most);

#endif
