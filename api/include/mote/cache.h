/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A directory of compiled modules: a WebAssembly module that was run before starts from a snapshot
 * of itself, compiled and instantiated, which all processes that use it share through the page
 * cache.
 *
 * Threads: as in mote.h; those that fork are for programs with one thread, as they say.
 */
#ifndef MOTE_CACHE_H
#define MOTE_CACHE_H

#include <mote/mote.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * As mote_sandbox_new, with the module's compiled form kept in the directory `dir`, which is
 * created if it does not exist (its parent must). If it is not there yet, a child process compiles
 * the module in a micro-VM of its own, under seccomp, without any descriptor of the program's and,
 * if the kernel offers Landlock, without the file system. The child is a fork: it has this
 * process's memory. Only speed depends on the directory: if it cannot be used, the sandbox is
 * created from the module.
 *
 * A module is identified by device, inode, size and times of its file; one that was changed within
 * the last two seconds is not kept. Compiled forms can be used by the same build of Mote on a CPU
 * with the same features only. The directory has at most `max_bytes` (0: 1 GiB) after an addition;
 * what was used least recently is evicted first. Any number of processes may use one directory; all
 * must be as trusted as this one, so it must belong to the calling user and nobody else may write
 * to it.
 *
 * Native programs, modules with a start function, and modules that cannot be compiled are not kept.
 * Forks: for programs with one thread.
 */
MOTE_API int mote_sandbox_new_cached(const char *dir, uint64_t max_bytes,
				     const struct mote_options *options,
				     struct mote_sandbox **sandbox, struct mote_error *error);

/*
 * The same for a process that runs programs of others: in two steps, since it drops its privileges
 * between them, and by content, since times and inodes of an image's files are untrusted.
 *
 * Begin with `struct mote_cache c = {.size = sizeof(c)}`.
 */
struct mote_cache {
	size_t size;
	int dir;            /* descriptor of the directory, which only this user can write to */
	uint64_t max_bytes; /* of the directory; default 1 GiB */
	uint64_t module_bytes_min; /* smaller modules are not kept */
	/* Called in the child that compiles; negative: it exits. Default none. */
	int (*in_child)(void *arg);
	void *arg;
	/*
	 * Whose module it is, any text. Each tenant finds its own modules only, in a directory of
	 * its own below `dir`, so that how long a start takes reveals nothing about others. All
	 * tenants with modules there have equal shares of max_bytes, and none loses modules to
	 * others as long as it has no more than its share. NULL: no tenant, in `dir` itself.
	 */
	const char *tenant;
	/* The module's SHA-256 in lower-case hexadecimal, if it is known; NULL: it is computed. */
	const char *digest;
};

struct mote_compiled;

/*
 * Finds the compiled form of options.program_fd, or compiles a sealed copy of it, in a child that
 * ends with this process, in a micro-VM of options.memory_bytes. Other options that are used are
 * kvm_fd, isolation and log. Modules are identified by SHA-256; those larger than an eighth of
 * memory_bytes are left out. NULL: there is none, for whatever reason. Release with
 * mote_compiled_free. Forks: for programs with one thread.
 */
MOTE_API struct mote_compiled *mote_compiled_find(const struct mote_cache *cache,
						  const struct mote_options *options);
/* As mote_sandbox_new; from the compiled form unless that is NULL or cannot be used. */
MOTE_API int mote_sandbox_from_compiled(const struct mote_compiled *compiled,
					const struct mote_options *options,
					struct mote_sandbox **sandbox, struct mote_error *error);
/* Sandboxes made from it stay valid. Accepts NULL. */
MOTE_API void mote_compiled_free(struct mote_compiled *compiled);

#ifdef __cplusplus
}
#endif
#endif
