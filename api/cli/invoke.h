/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MOTE_API_CLI_INVOKE_H
#define MOTE_API_CLI_INVOKE_H

#include <mote/mote.h>

/*
 * Makes the guest ready for calls, calls its function of that name with the arguments in argv
 * (NULL-terminated), and prints what it returns. 0 and *result if the guest ended, or the call
 * returned; else an exit status of the command's own after a complaint.
 */
int cli_invoke(struct mote_sandbox *sandbox, const char *name, char *const *argv,
	       struct mote_result *result);

#endif
