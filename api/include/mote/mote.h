/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libmote: micro-VMs as a library. A sandbox is one micro-VM that runs one program: a WebAssembly
 * module (WASI preview 1) or component (WASI 0.2), a static Linux x86-64 ELF program, or a script
 * ("#!") that such a program interprets, told apart by the first bytes.
 *
 * Ownership: structures and strings passed in are borrowed for the call, callbacks and their
 * arguments for as long as what was made with them exists; what a function returns through a
 * pointer is the caller's, to be released by the function that its comment names.
 * Errors: 0, or a negative errno with the reason in *error unless that is NULL (untouched on
 * success).
 * Threads: a sandbox is used by one thread at a time; mote_sandbox_signal() and
 * mote_sandbox_interrupt() may be called from any thread. Functions without a sandbox may be called
 * by any thread, too.
 * Processes: a child of fork(2) has none of its parent's sandboxes and pools but to free them,
 * which closes its copies of descriptors; all else of them is refused (EINVAL). It makes its own,
 * of its parent's snapshots too. The library stays loaded: dlclose(3) has no effect.
 * Signals: while a guest runs, its thread blocks SIGPIPE and SIGXFSZ, and does not block SIGBUS.
 * SIGUSR1 is Mote's, or the signal of mote_use_signal(). The first VM installs a handler for
 * SIGBUS: memory of a guest may be a file that somebody truncates. It calls the previous handler
 * for every other SIGBUS; one installed later must do the same.
 */
#ifndef MOTE_MOTE_H
#define MOTE_MOTE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MOTE_API __attribute__((visibility("default")))

struct mote_sandbox;
struct mote_function;
struct mote_import;

enum mote_blame {
	MOTE_BLAME_CONFIG = 1, /* options or the program's file */
	MOTE_BLAME_HOST,       /* the machine */
	MOTE_BLAME_GUEST,      /* the program */
};

struct mote_error {
	int code; /* positive errno */
	enum mote_blame blame;
	char text[384]; /* one sentence */
};

/* A host directory that the program may use, at a guest path. */
struct mote_dir {
	/*
	 * For a native program a relative one begins at the root. A module finds it as it is; to
	 * WASI's C library relative and absolute paths are alike.
	 */
	const char *guest_path;
	int fd;       /* descriptor of the directory; duplicated */
	int readonly; /* nothing below it may be changed */
};

/* What the micro-VM's memory shares with other processes. */
enum mote_isolation {
	/*
	 * Pages of the program's file, of a compiled module, of a snapshot and of Mote's own code
	 * in the guest are those of the page cache until they are written. Another guest with the
	 * same pages can tell by its own access times which of them are read.
	 */
	MOTE_ISOLATION_SHARED = 0,
	/* Copies of all of them: more memory, and time for each start and restore. */
	MOTE_ISOLATION_PRIVATE = 1,
};

/* Bounds of mote_options.memory_bytes. */
#define MOTE_MEMORY_MIN (8UL << 20)
#define MOTE_MEMORY_MAX (1UL << 40)

/* A resource limit that a native program sees (getrlimit). UINT64_MAX: none. */
struct mote_limit {
	uint32_t resource, reserved; /* RLIMIT_* */
	uint64_t soft, hard;
};

/*
 * What a native program gets for a system call that its guest runtime answers by itself. A call is
 * refused by a rule MOTE_CALL_REFUSED, with the errno `value` (0: it returns 0), unless a rule
 * MOTE_CALL_ALLOWED has its first argument as value. Bounded to 64 rules.
 */
enum mote_call_rule_kind { MOTE_CALL_REFUSED, MOTE_CALL_ALLOWED };
struct mote_call_rule {
	uint32_t nr, kind; /* SYS_*; enum mote_call_rule_kind */
	uint64_t value;
};

/* A native program's capabilities, bits 1 << CAP_*; see capabilities(7). */
struct mote_credentials {
	uint64_t permitted, effective, inheritable, bounding, ambient; /* what it begins with */
	int no_new_privs; /* not 0: what it sees of that attribute */
	int seccomp;      /* not 0: it sees that a filter is in force */
	/*
	 * Called on the sandboxed thread after each change of ids: the kernel has then
	 * reset what prctl(2) says of PR_SET_PDEATHSIG and PR_SET_DUMPABLE. NULL: nothing.
	 */
	void (*changed)(void *arg);
	void *arg;
	/*
	 * Called there if the kernel refuses to bind fd, a socket of the program's, and the program
	 * has CAP_NET_BIND_SERVICE: it counts in the user namespace that owns the network namespace
	 * alone. Binds it by other rights: 0 or a negative errno. NULL: the refusal stands.
	 */
	int (*bind)(void *arg, int fd, const void *address, uint32_t len);
};

/* Begin with `struct mote_options o = {.size = sizeof(o)}`; a zeroed member means its default. */
struct mote_options {
	size_t size;              /* of this structure, as the caller knows it */
	uint64_t memory_bytes;    /* limit of guest memory; default 1 GiB */
	uint64_t time_limit_ns;   /* wall clock of mote_sandbox_run; default none */
	int program_fd;           /* the program's file, required */
	const char *program_path; /* its name, for messages */
	/* exported function of a module to run; default: the export "" or _start */
	const char *entry;
	char *const *argv; /* NULL-terminated; argv[0] is the program's name; required */
	char *const *envp; /* NULL-terminated; default empty */
	/*
	 * Working directory; default "/". A module's must be in one of `dirs`: it is one more
	 * directory ".", after the others, and the variable PWD unless that is set.
	 */
	const char *cwd;
	const char *hostname;   /* default "mote" */
	uint32_t uid, gid, pid; /* what the program sees; pid default 1 */
	/*
	 * Three descriptors (-1: closed), duplicated. Default 0, 1, 2, which must be open then:
	 * otherwise a file of the library's or yours may have that number.
	 */
	const int *stdio;
	const struct mote_dir *dirs;
	size_t dir_count;  /* with listener_count at most 64 */
	int network;       /* not 0: the program may use sockets of the host's network */
	const int *kvm_fd; /* mote_open_kvm's; default: opened when needed */
	/*
	 * Gets messages for the operator, without a newline, borrowed until it returns; default:
	 * dropped. Called by the thread that uses the sandbox or by the polling thread, never by
	 * both at once, and behind mote_sandbox_jail with no more system calls than that allows.
	 */
	void (*log)(void *arg, const char *line);
	void *log_arg;
	/* Function calls (mote/call.h). */
	const struct mote_function *functions; /* host functions that the guest may call */
	size_t function_count;                 /* at most 4,096 */
	uint64_t call_bytes_max;     /* of arguments or result; default 16 MiB, at most 1 GiB */
	uint64_t call_time_limit_ns; /* wall clock of a call with its host functions */
	uint64_t call_cpu_limit_ns;  /* CPU time of its thread in the guest and for it */
	/*
	 * Listening sockets that the program may accept on, whatever `network` says; duplicated. A
	 * native program finds them as descriptors 3, 4, … (LISTEN_FDS, as systemd passes them), a
	 * module after its directories. They are made non-blocking (O_NONBLOCK), since others may
	 * share them; the program sees them as blocking.
	 */
	const int *listeners;
	size_t listener_count;
	int no_polling; /* not 0: no second thread, whatever the rate of host calls */
	/*
	 * How many descriptors the program may have; default 1024. Each is a descriptor of this
	 * process, as are the buffers of its pipes and sockets: what one sandbox uses is not
	 * available to others.
	 */
	uint32_t descriptors_max;
	int isolation; /* enum mote_isolation; default shared */
	int set_ids;   /* not 0: the program may set set-user-ID and set-group-ID bits */
	/*
	 * Not 0: of a module with a _start function too, mote_sandbox_init does not run it: the
	 * exported functions can be called (mote/call.h).
	 */
	int library;
	/*
	 * Not 0: a native program has /dev/null, zero, full, random, urandom and tty of the host,
	 * in addition to its directories. mote_sandbox_new opens /dev for that.
	 */
	int devices;
	/*
	 * The program's file mode creation mask; default 022. This process's own counts next to it,
	 * so that a program that changes its mask needs 0 there.
	 */
	const uint32_t *umask;
	const char *domainname; /* what uname says; default "(none)" */
	/*
	 * Supplementary groups and resource limits that the program sees. The latter a native
	 * program keeps to by itself, as far as Linux would have it; they bind no one else.
	 */
	const uint32_t *groups;
	size_t group_count; /* of each list at most 65,536 */
	const struct mote_limit *limits;
	size_t limit_count;
	/*
	 * NULL: the program has no capabilities, and no other user than uid and gid. Else uid, gid,
	 * groups and these are what the thread has that calls mote_sandbox_jail, and the program
	 * may change them by setuid(2), setgroups(2), capset(2) and their like: they are changed of
	 * that thread, by whose rights the kernel decides. Afterwards the thread is of no use for
	 * anything else. Without mote_sandbox_jail such calls fail with EPERM.
	 */
	const struct mote_credentials *credentials;
	/*
	 * Not 0: this process is a container's. dirs[0] is its root directory, its working
	 * directory is the library's to change, and its AF_UNIX sockets have the names that the
	 * program gives them; abstract ones are those of all processes with this number.
	 */
	uint64_t container_key;
	/* Functions that a WebAssembly module may import (mote/call.h). */
	const struct mote_import *imports;
	size_t import_count; /* at most 4,096 */
	/*
	 * Not 0: a module or component is not run. mote_sandbox_run has the guest write what it is,
	 * in lines of ASCII, to descriptor 1: kind, features, imports and exports with their types,
	 * and what running it would do. Exit status 126 if it cannot be run: descriptor 2 has why.
	 * The text is the guest's: untrusted.
	 */
	int inspect;
	/*
	 * Of a native program's own /proc and /sys, which are the same for all: NULL-terminated
	 * lists of absolute paths (or NULL) that are empty files and directories there; that
	 * cannot be written (EROFS); and at which dirs[0] has something mounted, seen instead.
	 */
	const char *const *masked_paths, *const *readonly_paths, *const *mounted_paths;
	const struct mote_call_rule *call_rules;
	size_t call_rule_count;
};

enum mote_end {
	MOTE_EXITED = 1, /* code: exit status */
	MOTE_SIGNALLED,  /* code: signal number; a Wasm trap ends as signal 6 */
	MOTE_TIMED_OUT,
	MOTE_FAULTED,     /* Mote's own code in the guest failed; code: CPU exception */
	MOTE_INTERRUPTED, /* mote_sandbox_interrupt */
};

struct mote_result {
	enum mote_end end;
	int code;
};

/* "MAJOR.MINOR.PATCH", constant. */
MOTE_API const char *mote_version(void);

/*
 * Opens what all sandboxes share, for a process that gives up access to the file system before it
 * creates one. Optional: sandboxes then start a little faster. Any thread.
 */
MOTE_API void mote_prepare(void);
/*
 * Has libmote interrupt threads that run guests by another signal than SIGUSR1: SIGUSR2 or a
 * real-time signal, whose handler libmote installs. Before the process's first sandbox. EBUSY:
 * another is in use. EINVAL: it is not one of these. Without it, a program that has installed a
 * handler for SIGUSR1 gets no sandbox (EBUSY), rather than lose that handler. mote_jail and
 * mote_sandbox_jail know SIGUSR1 alone. Any thread.
 */
MOTE_API int mote_use_signal(int signo, struct mote_error *error);
/*
 * Opens /dev/kvm and checks that it can do what Mote needs, for options.kvm_fd: for a process that
 * makes many sandboxes, or that cannot open the device later. *fd is the caller's. Any thread.
 */
MOTE_API int mote_open_kvm(int *fd, struct mote_error *error);
/*
 * Opens a listening socket: "tcp:ADDRESS:PORT", "tcp:[ADDRESS]:PORT" (IPv6) or "unix:PATH", which
 * must not exist yet. *fd is the caller's. EINVAL: it is not one of these; else the error of
 * socket(2), bind(2) or listen(2).
 */
MOTE_API int mote_listen(const char *spec, int *fd, struct mote_error *error);
/* Creates the VM and maps the program. Release with mote_sandbox_free. */
MOTE_API int mote_sandbox_new(const struct mote_options *options, struct mote_sandbox **sandbox,
			      struct mote_error *error);
/*
 * Runs the program until it ends, which *result says how. Once for each sandbox. EINVAL: it was
 * used before. EPROTO: the program waits for function calls, which mote_sandbox_init is for.
 */
MOTE_API int mote_sandbox_run(struct mote_sandbox *sandbox, struct mote_result *result,
			      struct mote_error *error);
/*
 * Sends a Linux signal to the program: terminates it unless the program handles it; SIGKILL always
 * does. Async-signal-safe. If called from another thread, the running one is interrupted by
 * SIGUSR1 or the signal of mote_use_signal().
 */
MOTE_API void mote_sandbox_signal(struct mote_sandbox *sandbox, int signo);
/* What a sandbox has cost so far. Begin with `struct mote_counters c = {.size = sizeof(c)}`. */
struct mote_counters {
	size_t size;
	uint64_t vm_exits;     /* switches from the guest to the host */
	uint64_t host_calls;   /* requests of the guest to the host */
	uint64_t polled_calls; /* those of them that took no exit */
};
/* Fills in the members that the caller's structure has. Not while the sandbox runs. */
MOTE_API void mote_sandbox_count(const struct mote_sandbox *sandbox,
				 struct mote_counters *counters);
/* Of one kind of host call. Begin with `struct mote_call_counters c = {.size = sizeof(c)}`. */
struct mote_call_counters {
	size_t size;
	const char *name; /* constant; the same as Linux's system call in most cases */
	uint64_t by_exit; /* carried out after a VM exit */
	uint64_t polled;  /* and without one */
};
/*
 * The kinds in turn, those that were never made included: index from 0 on, until -ENOENT. Not while
 * the sandbox runs.
 */
MOTE_API int mote_sandbox_count_calls(const struct mote_sandbox *sandbox, size_t index,
				      struct mote_call_counters *counters);
/*
 * What a shell would report: 0..255; 128 + n for a signal, 137 for a limit or interrupt, 139 for
 * MOTE_FAULTED.
 */
MOTE_API int mote_exit_status(const struct mote_result *result);
/*
 * Restricts the calling thread, and those it starts, to the system calls that mote_sandbox_run
 * needs. This cannot be undone: everything else, mote_sandbox_new included, has to be done before.
 * A system call outside the list terminates the process with one line on descriptor 2 that names
 * it.
 */
MOTE_API int mote_jail(struct mote_error *error);
/*
 * The same, to what this sandbox needs by the kind of its program, its directories and its network.
 * Unless mote_confine was called before, or mote_close_others, which says that the process is
 * confined by other means, the thread also reaches files below the sandbox's directories alone, if
 * the kernel offers Landlock from version 2 on. Only this thread can run and call it, and it should
 * use no other sandbox.
 */
MOTE_API int mote_sandbox_jail(struct mote_sandbox *sandbox, struct mote_error *error);
/* What mote_confine could do. Begin with `struct mote_confined c = {.size = sizeof(c)}`. */
struct mote_confined {
	size_t size;
	int landlock_abi;     /* version of Landlock in use; 0: none, or only version 1 */
	int store_bypass_off; /* speculative store bypass (SSBD); 0: the thread cannot decide it */
	int indirect_branch_off; /* the same of indirect branches across threads (STIBP, IBPB) */
};
/*
 * For a process with one thread that only runs this sandbox from now on, as `mote run` does; call
 * it before mote_sandbox_jail. Closes every descriptor but 0, 1, 2, the sandbox's own and the
 * `count` at `keep`. Gives up, by Landlock, all of the file system but options.dirs (`readonly`
 * ones for reading), TCP sockets without options.network, and signals to other processes. Turns off
 * the kinds of speculation that the kernel lets a thread turn off. None of it can be undone, and
 * libmote does none of it unless asked. What the kernel does not offer is left out; *done (or NULL)
 * says what was done.
 */
MOTE_API int mote_confine(struct mote_sandbox *sandbox, const struct mote_options *options,
			  const int *keep, size_t count, struct mote_confined *done,
			  struct mote_error *error);
/*
 * Only closes the descriptors, as mote_confine does, for a process that is confined by other means.
 */
MOTE_API int mote_close_others(struct mote_sandbox *sandbox, const int *keep, size_t count,
			       struct mote_error *error);
MOTE_API void mote_sandbox_free(struct mote_sandbox *sandbox); /* accepts NULL */

#ifdef __cplusplus
}
#endif
#endif
