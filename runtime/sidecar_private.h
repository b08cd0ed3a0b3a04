/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of side-cars share: sidecar_command.c and sidecar_console.c offer it. */
#ifndef MOTE_RUNTIME_SIDECAR_PRIVATE_H
#define MOTE_RUNTIME_SIDECAR_PRIVATE_H

#include "runtime/sidecar.h"

/* What a command is for: compared by address. */
extern const char sidecar_create_verb[], sidecar_start_verb[], sidecar_exec_verb[],
	sidecar_delete_verb[];

int sidecar_no_memory(struct err *e);
/* The absolute path of one of p's files in the bundle; the caller's. NULL: out of memory. */
char *sidecar_path(const struct process *p, const char *suffix) must_check;
/* SIDECAR_DIR, the caller's. */
int sidecar_open_dir(const struct container *c, struct err *e) must_check;
int sidecar_write_file(int dir, const char *path, const char *text, struct err *e) must_check;

/*
 * Begins a command. `options`, which end with NULL, come after the verb, the container's id after
 * them. stdio: three descriptors, -1 for /dev/null, or NULL.
 */
int sidecar_run_command(struct process *p, const char *verb, const char *const *options,
			const int *stdio, struct err *e) must_check;
/* 0 once it has ended, else -EINPROGRESS; one that is stuck is ended. */
int sidecar_await_command(const struct process *p) must_check;
bool sidecar_has_succeeded(const struct process *p);
/* Why the command has failed, by its log. */
int sidecar_command_error(const struct process *p, struct err *e) must_check;

#define SIDECAR_CONSOLE_NAME 32
/* The socket to which the runtime sends the terminal's master, by its name in SIDECAR_DIR. */
int sidecar_listen_console(struct process *p, char name[SIDECAR_CONSOLE_NAME],
			   struct err *e) must_check;
/* What has come so far. */
void sidecar_serve_console(struct process *p);

#endif
