/* SPDX-License-Identifier: Apache-2.0 */
/* Compiling a module in a child process, in a micro-VM of its own. */
#ifndef MOTE_API_CACHE_COMPILE_H
#define MOTE_API_CACHE_COMPILE_H

#include "base/cleanup.h"

#include <stdbool.h>
#include <stdint.h>

struct compile_job {
	int program, kvm_fd;
	uint64_t memory_bytes; /* 0: the default */
	int isolation;
	int (*in_child)(void *arg); /* or NULL; negative: the child ends */
	void *arg;
	void (*log)(void *arg, const char *line); /* or NULL */
	void *log_arg;
};

/*
 * Writes a snapshot of the module, compiled and instantiated, to `out`. Forks; waits for the child.
 */
bool compile_module(const struct compile_job *job, int out) must_check;

#endif
