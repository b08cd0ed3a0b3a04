/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of vm/ share: the vm itself, its descriptor table, its scratch memory. */
#ifndef MOTE_VM_INTERNAL_H
#define MOTE_VM_INTERNAL_H

#include "abi/layout.h"
#include "vm/arch/x86_64/tsc_clock.h"
#include "vm/memory/faults.h"
#include "vm/hostcall/fdtable.h"
#include "vm/hostcall/hostcall.h"
#include "vm/kvm/machine.h"
#include "vm/memory/memory.h"
#include "vm/run/poller.h"
#include "vm/vm.h"
#include "vm/run/watchdog.h"

#include <signal.h>
#include <stdatomic.h>
#include <time.h>

#define VM_SCRATCH_BYTES (2 * 4096 + MOTE_IN_MAX + 1024)

/* A timer that kicks the thread in vm_resume, which makes it when it is first set and ends it. */
struct vm_timer {
	timer_t id;
	bool made, armed;
	_Atomic bool fired;
};

/* The function-call channel (hostcall/exchange.c). */
struct vm_channel {
	size_t max;         /* bytes of a message; 0: closed */
	bool waiting;       /* the guest is in `exchange`, and the fields below are about it */
	gva_t reply_at;     /* where it wants its next message, unchecked */
	uint64_t reply_room;
	uint8_t *message;   /* owned; what it handed over */
	size_t len, room;
	uint8_t *unfetched; /* owned; a message that did not fit reply_room, until the guest asks again */
	size_t unfetched_len;
};

/* What vm_interrupt() may do. */
enum vm_busy {
	VM_IDLE,
	VM_BUSY,    /* between vm_begin and vm_finish */
	VM_STOPPED, /* and to be ended */
};

struct vm {
	struct machine machine; /* KVM's descriptors and registers */
	struct memory memory;
	struct fdtable fds;
	struct mote_area *area; /* the vCPU's, host address; the guest writes it at any time it runs */
	gva_t area_va;
	gpa_t payload;
	uint64_t payload_bytes; /* file size */
	gva_t entry;            /* of the personality */
	uint32_t given;         /* descriptors that it has from the start: numbers below this */
	uint64_t fds_seen;      /* fds.changes when descriptors were last as `snapshot` has them */
	int touched;            /* owned; -1, or where to note what was touched of `snapshot` */
	struct vm_snapshot *snapshot; /* owned reference: what memory was last set to, or NULL */
	bool state_kept;        /* the guest's state page holds that snapshot's registers (machine_keep) */
	/* When that was, as memory/faults.h counts. Thread 0: others than this thread may have touched the memory since. */
	uint64_t restored_by, restored_faults;
	bool away;               /* the thread has left vm_resume, and its faults since away_faults are not the VM's */
	uint64_t away_faults;
	bool network;
	bool wasm, set_ids;        /* as vm_config has them */
	bool exec_sealed;          /* no page becomes executable any more */
	unsigned paths;            /* JAIL_PATHS, JAIL_CHANGES, by the directories given */
	int timers_of;             /* thread that the timers are made for once and for all (vm_jail), or 0 */
	bool stop_ready;
	bool stop_stdin;           /* snapshot/stop_point.h */
	char *stop_open;           /* owned; NULL: none */
	const char **stop_below;   /* owned: for each directory given what of stop_open lies below it, or NULL */
	bool at_call;              /* a host call has stopped the guest and is to be carried out before it goes on */
	bool ended;
	struct vm_outcome outcome; /* valid once ended */
	struct mote_boot *boot;    /* host address */
	uint64_t boot_bytes;       /* whole pages */
	uint64_t time_limit_ns;    /* vm_run's */
	sigset_t wait_mask;        /* signals blocked while the vCPU runs or a handler waits: others interrupt */
	sigset_t kvm_mask;         /* what KVM_RUN was last told of that */
	bool kvm_mask_set;
	sigset_t saved_mask;       /* the thread's before vm_resume */
	_Atomic int running_tid;   /* thread in vm_resume, 0: none */
	_Atomic bool kicked;       /* since the last vm_resume */
	bool may_pend;             /* signals other than kicks: a host call that may raise SIGPIPE, a timer */
	uint64_t thread;           /* of the last vm_resume, as memory/faults.h numbers them, and its tid */
	int tid;
	_Atomic uint64_t pending;  /* signals from vm_signal(), bit n - 1 */
	_Atomic int busy;          /* enum vm_busy */
	struct vm_timer alarm, deadline, flush, brake;
	struct vm_watch watch;
	bool watched;              /* limits go by the watch; vm_run's goes by the deadline timer */
	uint64_t deadline_ns;      /* CLOCK_MONOTONIC, 0: none */
	uint64_t cpu_left_ns;      /* of limits.cpu_ns, when cpu_since was the thread's CPU time */
	uint64_t cpu_since;
	bool cpu_limited, cpu_over;
	uint64_t alarm_left_ns, alarm_interval_ns, alarm_left_at; /* the guest's alarm between two runs */
	void (*log)(void *arg, const char *line);
	void *log_arg;
	unsigned log_lines; /* guest lines so far: rate limit */
	struct vm_counters counters;
	struct vm_channel channel;
	struct vm_ring ring;
	struct vm_clock clock;
	size_t piece_bytes; /* hostcall/file.c: of a long transfer, in one system call; 0: as yet unknown */
	bool on_poller; /* the call under way is the poller's: it may not wait */
	/* Scratch for one decoded call. */
	size_t scratch_used;
	struct iovec iov[HOSTCALL_IOV_MAX];
	_Alignas(16) uint8_t scratch[VM_SCRATCH_BYTES];
};

/* run/vcpu.c: runs the guest until it ends or waits in an exchange. run/resume.c has all that is around it. */
int vcpu_loop(struct vm *vm, struct err *e) must_check;
/* KVM_RUN leaves the kick pending: takes it, and what a timer has to say. */
void run_take_kicks(void);
/* Wakes the thread in vm_resume, if there is one. Any thread, and signal handlers. */
void run_kick(struct vm *vm);
/* Whether a limit is over. The thread in vm_resume asks, after kicks at the latest. */
bool run_limit_over(struct vm *vm);
/* A vm with a machine and empty memory, and its descriptors: what creating starts with (vm.c). */
int vm_new(const struct vm_config *config, struct vm **out, struct err *e) must_check;
int vm_give_fds(struct vm *vm, const struct vm_config *config, struct err *e) must_check;
/* Sets the registers of a VM that was reset to its snapshot's, by KVM alone. 0 or -errno. */
int vm_snapshot_load_registers(struct vm *vm) must_check;
/* At a VM's end: what its snapshot's next VMs will write at once. */
void vm_snapshot_learn(struct vm *vm);
/* True when a blocking handler must give up with -EINTR: a signal or an alarm is pending, or the end. */
bool vm_interrupted(struct vm *vm);
/* True when the guest is to end, whatever it thinks of it: a limit, an interrupt, a signal without a handler. */
bool vm_ending(struct vm *vm);
/* Has long changes of the VM's memory ask it; after each memory_init, and for a memory that was another VM's. */
void vm_watch_memory(struct vm *vm);
/* Ends the guest after the present call. */
void vm_end(struct vm *vm, enum vm_end end, int code);
/* first_ns 0 stops it; an interval is at least 1 ms. 0 or -errno. */
int vm_timer_set(struct vm *vm, struct vm_timer *t, uint64_t first_ns, uint64_t interval_ns) must_check;
/* What a handler returns on the poller when it would have to wait, having done nothing. */
#define VM_DEFER (-4096)
/*
 * The waits of host calls. 0 when the descriptor has one of the events (or an error), or the time is over;
 * -EINTR when the guest has a signal to see to or is to end; VM_DEFER on the poller, instead of waiting.
 */
int vm_wait_fd(struct vm *vm, int host, short events) must_check;
int vm_wait(struct vm *vm, int64_t ns) must_check;
/* As vm_wait_fd, until a time on CLOCK_MONOTONIC (INT64_MAX: for ever): 1 for events, 0 for the time. */
int vm_wait_fd_until(struct vm *vm, int host, short events, int64_t until) must_check;
/* Nanoseconds of a time that a guest gave, saturated; -EINVAL for what is no time. */
int vm_ns_of(const struct mote_time *t, int64_t *ns) must_check;
int64_t vm_now_ns(clockid_t clock);
/* Gives the guest two descriptors (taken) and writes their numbers to `to`. */
int64_t vm_add_pair(struct vm *vm, const int host[2], unsigned flags, const struct call_out *to) must_check;
/* Steps over n bytes of vectors. */
void vm_skip_bytes(struct iovec **v, int *count, size_t n);
/*
 * Hands `got` bytes of the kernel's directory entries to the guest: bytes used, -EINVAL where the first does not fit.
 * Names of more than NAME_MAX bytes, which some file systems have, are left out: no call could take them.
 */
int64_t vm_put_entries(struct vm *vm, const uint8_t *host, long got, const struct call_out *to) must_check;
void channel_free(struct vm_channel *c);
/* A word that the guest may change at any moment, read once. */
#define guest_word(word) __atomic_load_n(&(word), __ATOMIC_RELAXED)
/* This thread is about to write the guest's memory, by itself or as its vCPU. */
static inline void vm_touch(struct vm *vm)
{
	uint64_t faults;
	if (vm->restored_by != faults_thread())
		vm->restored_by = 0;
	else if (vm->away && faults_count(&faults))
		vm->restored_faults += faults - vm->away_faults;
	vm->away = false;
}
/* It has done so: until the next vm_touch its page faults are about other memory. */
static inline void vm_untouch(struct vm *vm)
{
	vm->away = vm->restored_by == faults_thread() && faults_count(&vm->away_faults);
}
/* One line to the operator's log, printf form; text of the guest must be escaped by vm_escape first. */
void vm_log(struct vm *vm, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
