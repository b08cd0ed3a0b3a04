/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Running the hooks of config.json: programs of the operator's, with the container's state on
 * stdin.
 */
#ifndef MOTE_RUNTIME_HOOKS_H
#define MOTE_RUNTIME_HOOKS_H

#include "oci/spec.h"

#include <sys/types.h>

/*
 * Runs them one after another and waits for each; the first that fails, or takes longer than its
 * time, ends it. Works in the namespaces and the directory that the caller is in.
 */
int hooks_run(const struct oci_hooks *hooks, enum oci_hook_kind kind, const struct oci_state *state,
	      struct err *e) must_check;
/*
 * The same in a child, which the caller reaps: *pid, 0 if there are no hooks. Failures are lines on
 * descriptor 2; or, if answer is not NULL, *answer is the caller's descriptor for hooks_answer.
 */
int hooks_start(const struct oci_hooks *hooks, enum oci_hook_kind kind,
		const struct oci_state *state, pid_t *pid, int *answer, struct err *e) must_check;
/* The result of hooks whose child has ended; never waits. Takes the descriptor. */
int hooks_answer(int *answer, struct err *e) must_check;

#endif
