/* SPDX-License-Identifier: Apache-2.0 */
/* The sandbox itself, which the files of api/ share. */
#ifndef MOTE_API_SANDBOX_H
#define MOTE_API_SANDBOX_H

#include <mote/call.h>
#include <mote/mote.h>

#include "api/exports.h"
#include "base/err.h"
#include "base/fsize.h"
#include "vm/snapshot/snapshot.h"
#include "vm/vm.h"

/* A host function, as the sandbox keeps it. */
struct host_function {
	char *module, *name, *signature; /* owned; MOTE_MODULE if it is called by name alone */
	mote_host_function call;
	void *arg;
};

/* Memory that a host function has asked for. */
struct host_function_memory {
	struct host_function_memory *next;
	_Alignas(16) uint8_t bytes[];
};

enum sandbox_state {
	SANDBOX_NEW,
	SANDBOX_READY,    /* initialised: waits for calls */
	SANDBOX_POISONED, /* `poison` says why */
	SANDBOX_RAN,      /* mote_sandbox_run */
};

struct mote_sandbox {
	struct mote_sandbox *next; /* in a pool */
	struct vm *vm;             /* owned */
	enum sandbox_state state;
	bool confined;    /* by mote_confine, or by other means */
	unsigned process; /* in which it was made: process_number() */
	char poison[384];
	int poison_code;                 /* positive errno */
	struct mote_result ended;        /* poisoned: how the guest ended; end 0: it did not */
	struct exports *exports;         /* counted; of a READY guest, else NULL */
	struct host_function *functions; /* owned */
	size_t function_count;
	bool has_imports;        /* some have a module of their own */
	size_t message_max;      /* bytes */
	struct vm_limits limits; /* of a call */
	unsigned depth;          /* nested calls */
	/*
	 * The outermost call while it is paused. `is` becomes true as the last act of the thread
	 * that leaves the call, so that another may continue it.
	 */
	struct {
		_Atomic bool is;
		const struct host_function *by;
		const struct export *export; /* what was called */
		enum mote_type want;
	} paused;
	uint8_t *send;                       /* owned: the message being written */
	size_t send_bytes;                   /* allocated */
	struct host_function_memory *memory; /* owned, latest first */
};

/*
 * mote_sandbox_new; from a snapshot of the compiled module unless that is NULL (borrowed). Its
 * options are options_copy_program's.
 */
int sandbox_new(const struct mote_options *o, struct vm_snapshot *compiled,
		struct mote_sandbox **sandbox, struct err *e) must_check;
/*
 * A number that is another in each child of fork(): KVM runs a VM only in the process that has made
 * it.
 */
unsigned process_number(void);
/* A new sandbox without a VM; NULL: out of memory. */
struct mote_sandbox *sandbox_alloc(void);
/* That it was made by this process. ERR_CONFIG, EINVAL. */
int sandbox_check_process(const struct mote_sandbox *s, struct err *e) must_check;
/* When it is freed, its working set is recorded in a file (vm_record_working_set); fd -1: not. */
void sandbox_record_working_set(const struct mote_sandbox *s, int fd);

/* exchange.c: how a guest ended, in the words of the API. */
struct mote_result result_of(const struct vm_outcome *out);
/* call.c: copies host functions and limits of the options. ERR_CONFIG if they are wrong. */
int calls_configure(struct mote_sandbox *s, const struct mote_options *o, struct err *e) must_check;
void calls_free(struct mote_sandbox *s);
/* functions.c: the part of it that is about host functions. */
int functions_configure(struct mote_sandbox *s, const struct mote_options *o,
			struct err *e) must_check;
void functions_free(struct mote_sandbox *s);
const struct host_function *functions_find(const struct mote_sandbox *s, const char *module,
					   const char *name);
/* Whether an import of WASI's could be one of them: then a module is linked after its start. */
bool functions_replace_wasi(const struct mote_sandbox *s);
/* Whether it is initialised and not poisoned. */
int calls_check_ready(const struct mote_sandbox *s, struct err *e) must_check;
/* That no call is under way, unless it is paused: that one is given up. ERR_CONFIG, EINVAL. */
int calls_abandon(struct mote_sandbox *s, struct err *e) must_check;

#endif
