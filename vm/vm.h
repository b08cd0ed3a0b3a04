/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A micro-VM with its guest runtime and program: what api/ builds libmote on. A vm belongs to one
 * thread at a time; only vm_signal() and vm_interrupt() may be called from elsewhere, signal
 * handlers included.
 */
#ifndef MOTE_VM_VM_H
#define MOTE_VM_VM_H

#include "abi/layout.h"
#include "base/cleanup.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vm;

struct vm_preopen {
	int fd;           /* host descriptor, borrowed until vm_create returns (duplicated) */
	uint32_t kind;    /* enum mote_preopen_kind */
	const char *path; /* guest path of a directory, name of a listener */
};

/* Everything is borrowed for the duration of vm_create. */
struct vm_config {
	int kvm_fd;        /* an open /dev/kvm, or -1: vm_create opens it */
	const void *image; /* the guest runtime's ELF file */
	size_t image_bytes;
	int image_fd; /* a file that holds the same bytes from image_at on, page-aligned, to map */
	uint64_t image_at;        /* instead of copying; -1: copy */
	int program_fd;           /* the program or module: a regular file, mapped privately */
	const char *program_path; /* for messages */
	const char *entry;        /* exported function to start with, NULL for the default */
	uint64_t memory_bytes;    /* guest memory there may be, at least 8 MiB; page-aligned */
	char *const *argv;        /* NULL-terminated */
	char *const *envp;        /* NULL-terminated */
	const char *cwd, *hostname, *domainname;
	uint32_t uid, gid, pid, umask;
	const uint32_t *groups; /* supplementary ones that the program sees */
	size_t group_count;
	const struct mote_boot_limit *limits; /* that it sees */
	size_t limit_count;
	const char *const *paths[MOTE_PATH_KINDS]; /* of /proc and /sys, NULL-terminated; or NULL */
	const struct mote_boot_call_rule *call_rules; /* of calls that its runtime answers */
	size_t call_rule_count;
	struct mote_capabilities capabilities; /* that it sees */
	bool no_new_privs, seccomp;            /* that it sees */
	/*
	 * Once vm_jail was called, the thread's credentials are the guest's, which may change them
	 * as the kernel lets that thread. on_credentials: called by it after each change;
	 * on_bind_refused: if it may not bind a port that the guest may; NULL: no.
	 */
	bool credentials;
	void (*on_credentials)(void *arg);
	int (*on_bind_refused)(void *arg, int fd, const void *address, uint32_t len);
	void *on_credentials_arg;
	int stdio[3]; /* host descriptors, duplicated; -1: closed in the guest */
	const struct vm_preopen *preopens;
	size_t preopen_count; /* guest descriptors 3, 4, … */
	bool network;
	/*
	 * the guest runtime is the WebAssembly engine: its host calls only, and no page that can be
	 * both
	 */
	bool wasm;
	/* written and executed */
	bool set_ids; /* the guest may give files set-user-ID and set-group-ID bits */
	/*
	 * not 0: the first directory is this process's root, and the process goes by its working
	 * directory nowhere; marks the container's abstract socket names
	 */
	uint64_t container_key;
	bool library; /* the guest does not run a command, but waits for calls */
	bool inspect; /* the guest does not run it, but writes what it is to descriptor 1 */
	/* the guest stops (VM_WAITING) when it is ready for arguments; to be frozen there */
	bool stop_ready;
	const char *init; /* with it: the exported function that is called before that, or NULL */
	bool stop_stdin;  /* the guest stops before it first reads standard input or waits for it */
	/* the guest stops before it first opens this absolute guest path, or NULL */
	const char *stop_open;
	uint32_t fds_max; /* guest descriptors; 0: as many as there can be */
	bool no_polling;  /* every host call by an exit: run/poller.h is not used */
	/* files are copied to the guest's memory, not mapped: it shares no page with others */
	bool private_memory;
	uint64_t time_limit_ns; /* wall clock of vm_run; 0: none */
	/*
	 * Lines for the operator: guest log lines (escaped) and faults. NULL: dropped. Called in
	 * vm_run.
	 */
	void (*log)(void *arg, const char *line);
	void *log_arg;
};

enum vm_end {
	VM_EXITED = 1,  /* code: the status, 0..255 */
	VM_SIGNALLED,   /* code: the signal that ended it, 1..64 */
	VM_TIMED_OUT,   /* a limit; code 0: wall clock, 1: CPU time */
	VM_FAULTED,     /* the guest runtime itself failed; code: the CPU exception's vector */
	VM_INTERRUPTED, /* vm_interrupt() */
	VM_WAITING, /* no end: the guest has handed over a message and waits for one (vm_resume) */
};

struct vm_outcome {
	enum vm_end end;
	int code;
};

/* What a VM does. A snapshot holds it, too: VM_IN_EXCHANGE, VM_AT_READY or VM_BEFORE_CALL. */
enum vm_state {
	VM_RUNNING,     /* or it is new: vm_resume goes on */
	VM_IN_EXCHANGE, /* it has handed over a message and waits for one */
	VM_AT_READY, /* in `ready`: VMs made from its snapshot go on, with other boot information */
	/* it has stopped before a host call, which is carried out first when it goes on */
	VM_BEFORE_CALL,
	VM_ENDED,
};

/*
 * Looks at what it needs of /sys, for a process that is to lose it, and opens /proc until
 * vm_close_others, vm_jail or mote_jail: VMs with the network have files of it. vm_create does so
 * too.
 */
void vm_prepare(void);
/*
 * Creates the VM, loads the guest runtime, maps the guest program. Errors: ERR_HOST (no /dev/kvm,
 * out of memory), ERR_CONFIG (program not a regular file, too large; memory limit too small).
 */
int vm_create(const struct vm_config *config, struct vm **out, struct err *e) must_check;
/*
 * Runs the guest until it ends. All system calls that it needs are those that jail/jail.h lists for
 * the vCPU thread. An error is the host's (KVM_RUN failed); the guest's own faults are outcomes.
 */
int vm_run(struct vm *vm, struct vm_outcome *out, struct err *e) must_check;

/*
 * Locks this thread, which is to run the VM, into the filter of what this guest needs
 * (jail/jail.h): by its kind, its directories, the network; `freeze`: what vm_snapshot_take_to_file
 * needs too. The thread's timers are made before.
 */
int vm_jail(struct vm *vm, bool freeze, struct err *e) must_check;
/*
 * Whether the filters know the signal that interrupts guests. ERR_CONFIG, EINVAL. Closes what no
 * thread of a process may have open of which one is in a filter.
 */
int vm_check_filter(struct err *e) must_check;

/*
 * Function calls. The guest hands over messages by the host call `exchange`, each time waiting for
 * the next one from the host; a run goes from exchange to exchange:
 *
 *     vm_offer_calls(vm, max);              before the first run
 *     vm_begin(vm, &limits);
 *     vm_resume(vm, &out, e);               until out.end is VM_WAITING, or the guest's end
 *     vm_message(vm, &len);                 what it handed over
 *     vm_reply(vm, bytes, len, e);          what it gets, then vm_resume() again
 *     vm_finish(vm);
 *
 * A vm that is VM_WAITING has nothing under way on the host: no timer, no thread, no buffered
 * output. Its vCPU has left KVM_RUN at the doorbell's `out`, which KVM completes on the next
 * KVM_RUN; until then RIP means nothing. Each vm_resume may be on another thread.
 */
struct vm_limits {
	uint64_t wall_ns; /* from vm_begin on, whether the guest runs or not; 0: none */
	uint64_t cpu_ns;  /* of the threads in vm_resume, in it; 0: none */
};

/*
 * Lets the guest make exchanges, of messages of at most max bytes. Before the first run. imports:
 * it has to ask which functions a module may import before it links one with its own.
 */
void vm_offer_calls(struct vm *vm, size_t max, bool imports);
/* From vm_begin to vm_finish the limits count, and vm_interrupt() works. */
void vm_begin(struct vm *vm, const struct vm_limits *limits);
void vm_finish(struct vm *vm);
/* Between these two, of a VM_WAITING vm, time does not count towards its limit. */
void vm_pause(struct vm *vm);
void vm_unpause(struct vm *vm);
/* Runs the guest until its next exchange or its end; after an end it may not be called any more. */
int vm_resume(struct vm *vm, struct vm_outcome *out, struct err *e) must_check;
/* The message of a VM_WAITING guest; 1..max bytes, untrusted; borrowed until the next vm_resume. */
const uint8_t *vm_message(const struct vm *vm, size_t *len);
/* Why KVM cannot run it any more, or "". */
const char *vm_detail(const struct vm *vm);
/*
 * Takes the message's memory away, for a message that must outlive the next vm_resume; `capacity`
 * is its size. vm_give_message gives it back, or frees it if another has been installed.
 */
uint8_t *vm_take_message(struct vm *vm, size_t *capacity);
void vm_give_message(struct vm *vm, uint8_t *memory, size_t capacity);
/*
 * Gives a VM_WAITING guest its next message; bytes are copied. ERR_GUEST: it has no memory where it
 * wants it, and cannot go on.
 */
int vm_reply(struct vm *vm, const void *bytes, size_t len, struct err *e) must_check;
/*
 * Copies out of or into the memory of a VM_WAITING guest: a module's linear memory, of which the
 * guest says where it is, or a native program's; 0, -EFAULT (nothing was copied), or -ENOMEM if
 * what is reserved cannot be backed. Its size in bytes, 0 if there is none.
 */
int vm_guest_read(struct vm *vm, uint64_t at, void *to, size_t bytes) must_check;
int vm_guest_write(struct vm *vm, uint64_t at, const void *from, size_t bytes) must_check;
uint64_t vm_guest_bytes(const struct vm *vm);
/*
 * Ends the guest with VM_INTERRUPTED if it is between vm_begin and vm_finish: at once while it
 * runs, else as soon as it is resumed. 0, or -ESRCH if it is not. Any thread.
 */
int vm_interrupt(struct vm *vm);
/*
 * Delivers a signal to the guest: ends it (vm_run returns VM_SIGNALLED) unless the program handles
 * it; SIGKILL always ends it. Must reach the thread in vm_run as well: call it in a handler that
 * runs on that thread, or follow it with pthread_kill of the kick's signal. Async-signal-safe.
 */
void vm_signal(struct vm *vm, int signo);
void vm_destroy(struct vm *vm); /* accepts NULL */
/*
 * For a process that does nothing else than run this VM: closes every descriptor but the VM's own
 * (KVM's, the guest's, what vm_snapshot_prepare and vm_record_working_set opened) and `count` more
 * at `keep`, where -1 stands for none. 0 or -errno.
 */
int vm_close_others(const struct vm *vm, const int *keep, size_t count) must_check;
/*
 * The calling thread, and those that it starts, reach files below the directories that the guest
 * was given alone, and ports if it has the network. As confine_files.
 */
int vm_confine_thread(const struct vm *vm, struct err *e) must_check;

/* What the guest has cost so far; not while it runs. */
struct vm_counters {
	uint64_t exits;  /* from the VM, whatever the reason */
	uint64_t calls;  /* host calls carried out */
	uint64_t polled; /* those of them that took no exit */
};
void vm_count(const struct vm *vm, struct vm_counters *out);
/* Of one call of abi/calls.def. */
struct vm_call_counters {
	const char *name;
	uint64_t by_exit, polled;
};
/* The table's row `index`, from 0 on; -ENOENT: there are no more. Not while the guest runs. */
int vm_count_call(const struct vm *vm, size_t index, struct vm_call_counters *out) must_check;

/* Interrupts KVM_RUN unless another was chosen. A handler does nothing else than that. */
#define VM_KICK_SIGNAL SIGUSR1
/* Chooses another, before the first VM. EINVAL, EBUSY: it is in use. Any thread. */
int vm_use_signal(int signo, struct err *e) must_check;
/* For a forked child that runs one VM in a filter: VM_KICK_SIGNAL, whatever its parent has. */
void vm_use_default_signal(void);

#endif
