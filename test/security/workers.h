/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Long loops of test/security in child processes: a crash of the host under test is a line of the
 * parent's, several share the CPUs while the kernel makes them wait (closing a VM does), and a step
 * that does not end is found.
 */
#ifndef MOTE_TEST_SECURITY_WORKERS_H
#define MOTE_TEST_SECURITY_WORKERS_H

#include <stddef.h>
#include <stdint.h>

/* What one worker does at the moment: shared with the parent, written by the worker. */
struct security_step {
	_Atomic uint64_t number;
	_Atomic uint64_t began_ns; /* 0 between two steps */
	_Atomic uint64_t began_cpu_ns;
};
void security_step_begin(struct security_step *step, uint64_t number);
void security_step_end(struct security_step *step);

/* Zeroed memory that the workers and their parent share. */
void *security_shared(size_t bytes);

/*
 * How many workers keep this machine's CPUs busy in the long form, and how many run in the short
 * one, whose times are looked at. A worker's own numbers are worker, worker + count, worker + 2 *
 * count and so on.
 */
unsigned security_worker_count(void);

/*
 * Runs `work` in `count` child processes, each of which ends when it returns. One that crashes,
 * ends otherwise, has used hang_ns of CPU time for one step or waited for much longer ends them
 * all: what else runs on the machine is not a step's fault. NULL, or what went wrong in which step
 * (static storage).
 */
const char *security_work(unsigned count, uint64_t hang_ns,
			  void (*work)(unsigned worker, struct security_step *step));

#endif
