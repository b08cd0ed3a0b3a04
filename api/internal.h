/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of api/ share: the sandbox itself. */
#ifndef MOTE_API_INTERNAL_H
#define MOTE_API_INTERNAL_H

#include <mote/call.h>
#include <mote/mote.h>

#include "api/exports.h"
#include "base/confine.h"
#include "base/err.h"
#include "base/fsize.h"
#include "vm/snapshot/snapshot.h"
#include "vm/vm.h"

#include <stdatomic.h>
#include <stdlib.h>

#define CALL_DEPTH_MAX 16 /* calls of the guest that wait for each other */

/* A host function, as the sandbox keeps it. */
struct host_function {
	char *name, *signature; /* owned */
	mote_host_function call;
	void *arg;
};

/* Memory that a host function has asked for. */
struct call_memory {
	struct call_memory *next;
	_Alignas(16) uint8_t bytes[];
};

enum sandbox_state {
	SANDBOX_NEW,
	SANDBOX_READY,	  /* initialised: waits for calls */
	SANDBOX_POISONED, /* `poison` says why */
	SANDBOX_RAN,	  /* mote_sandbox_run */
};

struct mote_sandbox {
	struct mote_sandbox *next; /* in a pool */
	struct vm *vm; /* owned */
	enum sandbox_state state;
	char poison[384];
	int poison_code;		 /* positive errno */
	struct exports *exports;	 /* counted; of a READY guest, else NULL */
	struct host_function *functions; /* owned */
	size_t function_count;
	size_t message_max;	 /* bytes */
	struct vm_limits limits; /* of a call */
	unsigned depth;		 /* calls that wait for each other */
	uint8_t *send;		 /* owned: the message being written */
	size_t send_room;
	struct call_memory *memory; /* owned, latest first */
};

#define CALL_BYTES_MAX (1UL << 30) /* of one message, or of one piece of mote_call_memory */

struct mote_snapshot {
	_Atomic unsigned refs;
	struct vm_snapshot *vm;  /* owned hold */
	struct exports *exports; /* counted */
	size_t message_max;     /* for sandboxes that are given no limits: these */
	uint64_t memory_bytes;
};

/* The limits of sandboxes that are given none, and the most that a file's word counts for. */
#define DEFAULT_MEMORY (1UL << 30)
#define CALL_BYTES_DEFAULT (16UL << 20)

#define PREOPENS_MAX 64 /* as many as vm/ takes */

/* Options as vm/ takes them; `vm` points into the options and this structure. */
struct sandbox_config {
	struct vm_config vm;
	struct vm_preopen preopens[PREOPENS_MAX]; /* directories, then listeners */
	size_t listeners;
	char **env; /* owned, NULL where the options' serves */
	char listen_fds[32], listen_pid[32];
};
static inline void cleanup_sandbox_configp(const struct sandbox_config *c)
{
	free(c->env);
}
#define cleanup_sandbox_config cleanup_(cleanup_sandbox_configp)

/*
 * The caller's options as this version has them: those it does not know are at their defaults. ERR_CONFIG
 * unless its structure has at least `least` bytes.
 */
int sandbox_options(const struct mote_options *given, size_t least, struct mote_options *out, struct err *e) must_check;
/* The same where there is to be a program: argv must be there. */
int sandbox_program_options(const struct mote_options *given, struct mote_options *out, struct err *e) must_check;
/* All of it but program and personality. ERR_CONFIG where something is wrong. */
int sandbox_configure(const struct mote_options *o, struct sandbox_config *c, struct err *e) must_check;
/* Chooses the personality by the program's first bytes. */
int sandbox_choose_image(const struct mote_options *o, struct vm_config *c, struct err *e) must_check;
void sandbox_use_image(struct vm_config *c, const uint8_t *image, const uint8_t *end);
/* mote_sandbox_new; from a snapshot of the compiled module where one is given (borrowed). */
int sandbox_new(const struct mote_options *options, struct vm_snapshot *compiled, struct mote_sandbox **sandbox,
		struct mote_error *error) must_check;
/* The directories that a configuration gives, borrowed from it; how many. */
size_t sandbox_dirs(const struct vm_config *c, struct confine_dir dirs[PREOPENS_MAX]);
/* What it touches is noted in a file (cache.h) when it is freed; -1: not. */
void sandbox_note(struct mote_sandbox *s, int fd);
/* listen.c: adds LISTEN_FDS and LISTEN_PID, as systemd has them, to the environment of a program. */
int listen_environment(struct sandbox_config *c, struct err *e) must_check;
/* Puts listeners before directories: descriptors 3, 4, … as native programs look for them. */
void listen_first(struct sandbox_config *c);
void snapshot_ref(struct mote_snapshot *s);
/* Copies options.functions and limits. ERR_CONFIG where they are wrong. */
int calls_configure(struct mote_sandbox *s, const struct mote_options *o, struct err *e) must_check;
void calls_free(struct mote_sandbox *s);
/* The edge between struct err and the public error; returns -from->code. */
int sandbox_report(const struct err *from, struct mote_error *to);

#endif
