/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of vm/ share: the vm itself, its descriptor table, its scratch memory. */
#ifndef MOTE_VM_INTERNAL_H
#define MOTE_VM_INTERNAL_H

#include "abi/layout.h"
#include "vm/hostcall/fdtable.h"
#include "vm/kvm/machine.h"
#include "vm/memory/memory.h"
#include "vm/run/watchdog.h"
#include "vm/snapshot/recycle.h"
#include "vm/vcpu.h"
#include "vm/vm.h"

#include <signal.h>
#include <stdatomic.h>
#include <time.h>

/* The function-call channel (hostcall/exchange.c). */
struct vm_channel {
	size_t max;     /* bytes of a message; 0: closed */
	gva_t reply_at; /* VM_IN_EXCHANGE: where it wants its next message, unchecked */
	uint64_t reply_size;
	uint8_t *message; /* owned; what it handed over */
	size_t len, capacity;
	/* owned; a message that did not fit reply_size, until the guest asks again */
	uint8_t *unfetched;
	size_t unfetched_len;
};

/* What the guest's thread does is done with these rights (hostcall/credentials.c). */
struct vm_credentials {
	bool wanted;         /* as vm_config has it */
	bool own;            /* by vm_jail the thread is this guest's alone, and `now` is known */
	bool changed;        /* since then */
	struct mote_ids now; /* the thread's */
	void (*on_change)(void *arg);                                                 /* or NULL */
	int (*on_bind_refused)(void *arg, int fd, const void *address, uint32_t len); /* or NULL */
	void *arg;
};
/* Reads what the calling thread has; before its filter. -errno. */
int credentials_take(struct vm_credentials *c) must_check;
/* Whether the thread may take other ids, so that it needs JAIL_CREDENTIALS. */
bool credentials_can_change(const struct vm_credentials *c);
/* -EPERM on a thread whose credentials another guest has chosen. */
int credentials_check_thread(const struct vm_credentials *c) must_check;

/* What vm_interrupt() may do. */
enum vm_busy {
	VM_IDLE,
	VM_BUSY,    /* between vm_begin and vm_finish */
	VM_STOPPED, /* and to be ended */
};

/*
 * What a VM's vCPUs share. Today there is one, and its thread uses all of this, but where a field
 * says otherwise; with a poller the lock in vcpu.poller guards it (vcpu.h).
 */
struct vm {
	struct machine machine;
	struct memory memory;
	struct fdtable fds;
	bool has_emptied; /* a file of contents (hostcall/file.c) */

	/* What it runs. */
	gpa_t program;
	uint64_t program_bytes; /* file size */
	gva_t entry;            /* of the guest runtime */
	struct mote_boot *boot; /* host address */
	uint64_t boot_bytes;    /* whole pages */
	uint32_t given;         /* descriptors that it has from the start: numbers below this */
	uint64_t machine_bytes; /* memory and swap that the machine has */
	bool network;
	bool wasm, set_ids; /* as vm_config has them */
	bool exec_sealed;   /* no page becomes executable any more */
	struct vm_credentials credentials;
	unsigned paths; /* JAIL_PATHS, JAIL_CHANGES, by the directories given */
	uint64_t container_key;
	struct unix_names *names; /* owned; NULL: no abstract name yet (hostcall/unix_address.c) */
	struct memfds *memfds;    /* owned; NULL: none yet (hostcall/memfd.c) */
	struct inotify_instances *inotify;   /* owned; NULL: none yet (hostcall/inotify.c) */
	struct net_files *net_files;         /* owned; NULL: none (hostcall/network.c) */
	struct epoll_watches *epoll_watches; /* owned; NULL: none yet (hostcall/epoll_watch.c) */
	struct record_locks *record_locks;   /* owned; NULL: none yet (hostcall/record_locks.c) */

	/* The snapshot that it was last set to. */
	struct vm_snapshot *snapshot; /* owned reference, or NULL */
	/* set with it: gives it up when the VM is destroyed; what the VM can be reset to */
	struct recycle_image (*leave_snapshot)(struct vm *vm);
	/* of a recycled VM that is as this image has it, until it is set to it */
	struct recycle_image kept;
	uint64_t fds_seen;  /* fds.changes when descriptors were last as `snapshot` has them */
	int working_set_fd; /* owned; -1, or where to record the working set of `snapshot` */

	/* Where it stops, and whether it has. */
	bool stop_ready; /* in `ready` */
	bool stop_stdin; /* snapshot/stop_point.h */
	char *stop_open; /* owned; NULL: none */
	/* owned: for each directory given what of stop_open lies below it, or NULL */
	const char **stop_below;
	enum vm_state state;
	struct vm_outcome outcome; /* valid once VM_ENDED */
	struct vm_channel channel;
	/* signals from vm_signal(), bit n - 1; any thread, and signal handlers */
	_Atomic uint64_t pending;
	_Atomic int busy; /* enum vm_busy; any thread */

	/* Limits of a run. */
	uint64_t time_limit_ns; /* vm_run's */
	struct vm_watchdog watchdog;
	bool uses_watchdog;   /* limits go by the watchdog; vm_run's goes by the deadline timer */
	uint64_t deadline_ns; /* CLOCK_MONOTONIC, 0: none */
	uint64_t paused_ns;   /* since when, by vm_pause */
	uint64_t cpu_left_ns; /* of limits.cpu_ns, when vcpu.cpu_since was the thread's CPU time */
	bool cpu_limited, cpu_over;

	void (*log)(void *arg, const char *line);
	void *log_arg;
	unsigned log_lines; /* guest lines so far: rate limit */

	struct vcpu vcpus[VM_VCPUS_MAX];
};

/*
 * A vm with a machine and memory, and its descriptors: what creating starts with (vm.c). The memory
 * is empty, or as `from` has it (vm->kept); NULL: empty.
 */
int vm_new(const struct vm_config *config, const struct vm_snapshot *from, struct vm **out,
	   struct err *e) must_check;
/* Its machine and vCPUs. kvm_fd is borrowed. */
int vm_make_machine(struct vm *vm, int kvm_fd, struct err *e) must_check;
int vm_give_fds(struct vm *vm, const struct vm_config *config, struct err *e) must_check;
/* Sets the registers of a VM that was reset to its snapshot's, by KVM alone. 0 or -errno. */
int vm_snapshot_load_registers(struct vm *vm) must_check;
/*
 * Has long changes of the VM's memory ask it; after each memory_init, and for a memory that was
 * another VM's.
 */
void vm_watch_memory(struct vm *vm);
/* Ends the guest after the present call. */
void vm_end(struct vm *vm, enum vm_end end, int code);
/* Nanoseconds of a time that a guest gave, saturated; -EINVAL for an invalid one. */
int vm_ns_of(const struct mote_time *t, int64_t *ns) must_check;
int64_t vm_now_ns(clockid_t clock);
/* Gives the guest two descriptors (taken) and writes their numbers to `to`. */
int64_t vm_add_pair(struct vm *vm, const int host[2], unsigned flags,
		    const struct call_out *to) must_check;
/* Steps over n bytes of vectors. */
void vm_skip_bytes(struct iovec **v, int *count, size_t n);
/*
 * Hands `got` bytes of the kernel's directory entries to the guest: bytes used, -EINVAL if the
 * first does not fit. Names of more than NAME_MAX bytes, which some file systems have, are left
 * out: no call could take them.
 */
int64_t vm_put_entries(struct vm *vm, const uint8_t *host, long got,
		       const struct call_out *to) must_check;
void channel_free(struct vm_channel *c);
/* A word that the guest may change at any moment, read once. */
#define guest_word(word) __atomic_load_n(&(word), __ATOMIC_RELAXED)
/*
 * One line to the operator's log, printf form; text of the guest must be escaped by vm_escape
 * first.
 */
void vm_log(struct vm *vm, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
