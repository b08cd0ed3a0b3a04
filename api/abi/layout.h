/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where things are in a guest's virtual address space, and what host and guest share in memory.
 * Freestanding: both sides include it, and the assembler reads the constants. What depends on the
 * architecture is in abi/arch/.
 *
 * The lower half belongs to the guest. Mote's own part is one window of it, high enough that
 * programs linked at fixed addresses never meet it:
 *
 *   MOTE_WINDOW + 0             the guest runtime's image (guest/linux or guest/wasi with the
 *                               engine)
 *   MOTE_WINDOW + 64 GiB        boot information, read-only
 *   MOTE_WINDOW + 65 GiB        the guest program's file, read-only, at most 4 GiB
 *   MOTE_WINDOW + 80 GiB        the initial stack and behind it vCPU areas, one of MOTE_AREA_BYTES
 *                               for each vCPU
 *   MOTE_WINDOW + 96 GiB        free for the guest runtime: heap, stacks
 *   MOTE_KERNEL                 the CPU's tables, stubs and kernel stacks: abi/arch/
 */
#ifndef MOTE_ABI_LAYOUT_H
#define MOTE_ABI_LAYOUT_H

#define MOTE_PAGE        4096
#define MOTE_PROGRAM_MAX 0x100000000 /* bytes */

/* Addresses, ways out, register frames. */
#if defined(__x86_64__)
#include "abi/arch/x86_64.h"
#elif defined(MOTE_ARCH_INTERFACE)
#include "abi/arch/interface.h"
#else
#error "no port to this architecture: api/abi/arch/ has no header for it"
#endif

/*
 * Native guests reach the host call `exchange` by this system call, whose arguments are the same.
 */
#define MOTE_SYSCALL_EXCHANGE 0x6d6f7465

/*
 * A guest runtime's entry point is two: its start, and so many bytes behind it the entry of system
 * calls.
 */
#define MOTE_ENTRY_SYSCALL 16

/* Offsets into struct mote_area for assembly; checked against the struct below. */
#define MOTE_AREA_SELF        0x00
#define MOTE_AREA_SAVED_RSP   0x08
#define MOTE_AREA_STACK_TOP   0x10
#define MOTE_AREA_PENDING     0x38
#define MOTE_AREA_BLOCKED     0x40
#define MOTE_AREA_PERSONALITY 0x130

#ifndef __ASSEMBLER__

#include <stddef.h>
#include <stdint.h>

#define MOTE_ABI_VERSION 3

/* One host call. The guest fills it in and rings the doorbell; the host copies it once. */
struct mote_frame {
	uint32_t nr;       /* from calls.def */
	uint32_t reserved; /* 0 */
	uint64_t arg[8];   /* cells, as calls.def lays them out */
	int64_t result;    /* written by the host: >= 0, or a negative Linux errno */
};

/* Vectors from 256 on are events of the host, not exceptions of the CPU. */
enum {
	MOTE_EVENT_SIGNAL = 256, /* `detail` holds the signal's number */
	/* The alarm's, if the guest handles it: a number that C libraries keep from programs. */
	MOTE_ALARM_SIGNAL = 32,
};

struct mote_fault {
	uint32_t vector;     /* the CPU's number of an exception, or MOTE_EVENT_* */
	uint32_t error_code; /* as the CPU gave it, else 0 */
	uint64_t address;    /* of a page fault, else 0 */
	uint64_t detail;
	struct mote_context context;
};

/*
 * The polled call slot: the second way of a host call, for while they come close together. A thread
 * of the host, the poller, then busy-polls `state` for a bounded time after each call, and
 * `polling` is not 0.
 * If it is 0, a guest rings the doorbell.
 *
 *                    guest: has filled in the frame
 *            FREE ------------------------------------> REQUEST
 *            ^ ^ ^                                       |   |
 *            | | |  guest: cancels (compare-and-swap),   |   |  poller (compare-and-swap)
 *            | | |  then the doorbell                    |   v
 *            | | +---------------------------------------+  CLAIMED ---> guest: the doorbell, after
 *            | |                                             |  |   claimed_cycles; the state stays
 *            | |    guest: has read the result               |  |
 *            | +----------------------------------- DONE <---+  |  poller: result stored
 *            |                                                  |
 *            +------------------------------------- DECLINED <--+  poller: nothing done, the call
 *                   guest: the doorbell                            is for the vCPU's thread
 *
 * A request is cancelled when polling has become 0 or request_cycles are over; that, and how long a
 * claimed one is waited for, bounds the time that the guest spins. At the doorbell the host waits
 * until the poller is done with a claimed call, sets the state to FREE, and carries out the frame's
 * call unless it was DONE.
 *
 * Memory order: REQUEST is stored with release, after the frame; the poller's compare-and-swap
 * acquires it. DONE and DECLINED are stored with release, after the result; the guest loads the
 * state with acquire. FREE orders nothing.
 *
 * The host copies the frame once when it claims the call, as at the doorbell, and trusts nothing
 * here: a guest that breaks these rules has calls carried out that it did not mean, and no others.
 */
enum mote_slot_state {
	MOTE_SLOT_FREE = 0, /* the guest's */
	MOTE_SLOT_REQUEST,
	MOTE_SLOT_CLAIMED,
	MOTE_SLOT_DONE,
	MOTE_SLOT_DECLINED,
};

struct mote_call_slot {
	uint32_t state;
	uint32_t polling;        /* these three are written by the host */
	uint32_t request_cycles; /* of mote_arch_cycles() */
	uint32_t claimed_cycles;
};

/*
 * The clock: CLOCK_REALTIME and CLOCK_MONOTONIC at a moment of the TSC, for a guest that asks for
 * them often. The host renews it at every clock_get of these two, and from then on at exits once it
 * is a millisecond old. For `cycles` from `tsc` on the guest may add the cycles passed, times rate
 * / 2^32, in nanoseconds. An epoch is not 0 if there is a clock, and other in every VM, snapshots'
 * copies included. The guest uses an epoch's clock only if at a clock_get `tsc` was between two
 * readings of its own: then both have one TSC. The host changes it only while the guest is stopped;
 * `seq` is then another.
 *
 * So a time is off by what the rate is off in 10 ms (measured over seconds: well below a
 * microsecond; before that as exact as KVM knows the TSC), and a clock that is set on the host
 * shows within 10 ms.
 */
struct mote_clock {
	uint32_t seq, reserved;
	uint64_t epoch;
	uint64_t tsc, cycles, rate;
	uint64_t monotonic_ns, realtime_ns;
};

/*
 * Output. While output_armed is not 0, writes of at most MOTE_OUTPUT_SMALL bytes to descriptor 1 or
 * 2 may wait in the area's buffer instead of being a host call each. output[0, output_len) waits,
 * all of it for output_fd. The host writes it out before any other host call takes effect, when a
 * timer that runs while output_armed is set expires, and when the guest ends, whatever the reason.
 *
 * The guest only appends, and alone raises output_len; the host only empties, and alone lowers it,
 * to 0. So a value of output_len that has not changed means that nothing has happened. The host may
 * empty, arm and disarm between any two instructions of the guest; both sides are written so that
 * they may also run at the same time.
 *
 * The guest, to append n bytes for descriptor fd (guest/lib/output.c):
 *   1. output_armed is 0: the write is a host call. Relaxed, since 6 looks again.
 *   2. len = output_len. Acquire: what the host read from the buffer before it emptied it is not
 *      overwritten early.
 *   3. If there is no space behind len, or len > 0 and output_fd is not fd: the write is a host
 *      call.
 *   4. Stores the bytes at output + len, and fd to output_fd if len is 0.
 *   5. Compare-and-swap of output_len from len to len + n. Release: whoever sees the length sees
 *      the stores of 4. It fails if the host has emptied the buffer, so that the bytes lie at the
 *      wrong place: again from 2.
 *   6. output_armed is 0: a host call without effect (yield), which has the bytes written out.
 *
 * The host, to empty (vm/run/output.c):
 *   1. len = output_len. Acquire: the other half of 5. What the guest stored below len stays as it
 *      is from now on.
 *   2. Copies output_fd and output[0, len).
 *   3. Compare-and-swap of output_len from len to 0. Release: the other half of 2. It fails if the
 *      guest has appended: again with the new length, for what was added. A length that has not
 *      grown, or is beyond the buffer, is a guest that breaks these rules: its output is dropped,
 *      so the host's steps are bounded by MOTE_OUTPUT_BYTES.
 * To disarm, the host sets output_armed to 0 and then empties.
 *
 * Bytes never wait without a timer: the guest stores output_len and then loads output_armed (5, 6),
 * the host stores output_armed and then loads output_len (disarming, 1). These four are
 * sequentially consistent, so that at least one side sees the other's store.
 */
#define MOTE_OUTPUT_BYTES 8192
/* a write of up to so many bytes opens the buffer and may wait there */
#define MOTE_OUTPUT_SMALL 1024

/*
 * A vCPU's area, found by the guest's mote_area(). User read-write: nothing in it is trusted by the
 * host.
 *
 * Faults: when CPL 3 code raises an exception and fault_entry is not 0 and fault_busy is 0, the
 * host fills in `fault`, sets fault_busy to 1 and resumes at fault_entry (CPL 3) with the stack
 * pointer at fault_stack_top and the area as argument. The handler may resume any context and
 * clears fault_busy before it does. Otherwise the fault ends the guest.
 *
 * Events arrive in the same way, only while `events_open` is not 0 and the program counter is
 * outside MOTE_WINDOW; else their bit stays in pending_signals, at which the guest runtime looks
 * before it returns to the program, and a blocking host call ends with -EINTR. So that none is
 * missed between that look and the return, they also arrive while the program counter is in the
 * resume_bytes from resume_at on, on the runtime's way back, which it then abandons and begins
 * again.
 */
struct mote_area {
	uint64_t self;      /* the area's own address */
	uint64_t saved_rsp; /* for the guest runtime */
	uint64_t stack_top; /* for the guest runtime */
	uint64_t fault_entry;
	uint64_t fault_stack_top;
	uint32_t fault_busy;
	uint32_t events_open;
	uint64_t handled_signals; /* bit n - 1: signal n has a handler in the program */
	uint64_t pending_signals; /* set by the host, cleared by the guest (atomics) */
	uint64_t blocked_signals; /* the program's mask, kept by the guest runtime */
	uint64_t resume_at, resume_bytes;
	uint64_t watched_signals; /* end a wait though they are blocked: the guest reads them */
	/*
	 * The linear memory of a WebAssembly guest, as it is whenever the guest waits in
	 * `exchange`: what the embedding program's addresses are relative to.
	 */
	struct mote_linear {
		uint64_t at, bytes;
	} linear;
	/* In two adjacent cache lines, the result and the slot in one of them. */
	_Alignas(64) struct mote_frame frame;
	struct mote_call_slot slot;
	struct mote_clock clock;
	uint32_t output_armed; /* these three: see Output above */
	uint32_t output_fd;
	uint32_t output_len;
	uint32_t vcpu;                          /* index */
	_Alignas(16) uint8_t personality[1024]; /* for the guest runtime's own per-vCPU state */
	/* behind all that assembly knows by its offset: its size is the CPU's */
	struct mote_fault fault;
	uint8_t output[MOTE_OUTPUT_BYTES];
};

#define MOTE_AREA_BYTES 0x4000

_Static_assert(sizeof(struct mote_area) <= MOTE_AREA_BYTES, "area");
_Static_assert(offsetof(struct mote_area, self) == MOTE_AREA_SELF, "layout");
_Static_assert(offsetof(struct mote_area, saved_rsp) == MOTE_AREA_SAVED_RSP, "layout");
_Static_assert(offsetof(struct mote_area, stack_top) == MOTE_AREA_STACK_TOP, "layout");
_Static_assert(offsetof(struct mote_area, pending_signals) == MOTE_AREA_PENDING, "layout");
_Static_assert(offsetof(struct mote_area, blocked_signals) == MOTE_AREA_BLOCKED, "layout");
_Static_assert(offsetof(struct mote_area, personality) == MOTE_AREA_PERSONALITY, "layout");

#define MOTE_BOOT_MAGIC 0x65746f6d /* "mote" */

enum mote_boot_flag {
	MOTE_BOOT_NETWORK = 1 << 0, /* socket calls are allowed */
	/* the guest calls `ready`, and then finds other boot information */
	MOTE_BOOT_READY = 1 << 2,
	MOTE_BOOT_CALLS = 1 << 1,   /* the host makes function calls: `exchange` is there */
	MOTE_BOOT_LIBRARY = 1 << 3, /* with it: a command is not run, its functions are called */
	MOTE_BOOT_NO_NEW_PRIVS = 1 << 4, /* the program begins with that attribute */
	MOTE_BOOT_SECCOMP = 1 << 5,      /* it sees that a filter is in force */
	MOTE_BOOT_IMPORTS = 1 << 6, /* with MOTE_BOOT_CALLS: there are functions with a module */
	/* the program, a module or component, is described on descriptor 1 instead of run */
	MOTE_BOOT_INSPECT = 1 << 7,
};

/* What every program may have of /dev. */
#define MOTE_DEVICES "null", "zero", "full", "random", "urandom", "tty"

/* A directory or listener that is open from the start. */
struct mote_preopen {
	uint32_t fd;
	uint32_t kind; /* enum mote_preopen_kind */
	uint32_t path; /* offset of its NUL-terminated guest path (directory) or name (listener) */
	uint32_t reserved;
};

enum mote_preopen_kind {
	MOTE_PREOPEN_DIR = 1,
	MOTE_PREOPEN_DIR_READONLY = 2,
	MOTE_PREOPEN_LISTENER = 3,
	MOTE_PREOPEN_DEVICES =
		4, /* a directory of the host's, of which only MOTE_DEVICES are there */
};

/* The sets of a native program, bits 1 << CAP_*. */
struct mote_capabilities {
	uint64_t permitted, effective, inheritable, bounding, ambient;
};

/* What is said of paths in a native program's own /proc and /sys. */
enum mote_path_kind {
	MOTE_PATH_MASKED,   /* an empty file or directory */
	MOTE_PATH_READONLY, /* not to be written: EROFS */
	MOTE_PATH_MOUNTED,  /* the first directory has something there, which is seen instead */
	MOTE_PATH_KINDS
};

/*
 * The boot information at MOTE_BOOT_VA. Offsets are from its beginning, strings end with NUL. The
 * guest runtime starts at its image's entry (MOTE_ENTRY_SYSCALL) with RDI = MOTE_BOOT_VA, RSI = the
 * area, %gs set, RSP at the top of an initial stack of MOTE_BOOT_STACK_BYTES, flags clear, x87/SSE
 * in their reset state.
 */
struct mote_boot {
	uint32_t magic, abi_version;
	uint64_t bytes; /* of the whole boot information, strings included */
	/* guest memory there can be, image, page tables and program included */
	uint64_t memory_bytes;
	uint64_t program_bytes;
	uint32_t flags; /* enum mote_boot_flag */
	uint32_t argc, envc, preopenc;
	uint32_t argv;         /* offset of argc offsets (uint32_t each) of strings */
	uint32_t envv;         /* offset of envc offsets */
	uint32_t preopens;     /* offset of preopenc struct mote_preopen */
	uint32_t cwd;          /* offset of the working directory's guest path */
	uint32_t hostname;     /* offset */
	uint32_t program_path; /* offset: what the program was called, for messages */
	uint32_t entry;        /* offset of the name of the export to run, 0 for the default */
	uint32_t uid, gid;
	uint32_t pid;  /* what the program sees as its process id */
	uint32_t init; /* offset of the exported function to call before `ready`, "" for none */
	uint32_t reserved;
	uint8_t random[32];
	/*
	 * Another number than before whenever a snapshot was restored: `random` is new then, and
	 * whatever was derived from random bytes earlier is shared with other VMs.
	 */
	uint64_t generation;
	/* For native programs; umask for modules, too. */
	uint32_t domainname; /* offset */
	uint32_t umask;      /* what the program begins with; the host takes nothing more away */
	uint32_t groupc, groups; /* supplementary ones: offset of groupc uint32_t */
	uint32_t limitc, limits; /* offset of limitc struct mote_boot_limit, aligned to 8 */
	struct mote_capabilities capabilities;
	uint32_t pathc[MOTE_PATH_KINDS], paths[MOTE_PATH_KINDS]; /* offsets of pathc offsets */
	uint32_t call_rulec, call_rules; /* offset of call_rulec struct mote_boot_call_rule */
};

/* A resource limit that the program is to see, RLIMIT_*; UINT64_MAX: none. */
struct mote_boot_limit {
	uint32_t resource, reserved;
	uint64_t soft, hard;
};

enum mote_boot_call_kind { MOTE_BOOT_CALL_REFUSED, MOTE_BOOT_CALL_ALLOWED };
/* What is said of a system call: see struct mote_call_rule. */
struct mote_boot_call_rule {
	uint32_t nr, kind; /* enum mote_boot_call_kind */
	uint64_t value;
};

#define MOTE_BOOT_STACK_BYTES 0x10000
/* The initial stack ends here; the page under it is never mapped. */
#define MOTE_BOOT_STACK_TOP MOTE_AREAS_VA

#endif /* __ASSEMBLER__ */
#endif
