/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A folder of compiled modules: a WebAssembly module that was run before starts from a snapshot of itself,
 * compiled and instantiated, which all processes that use it share through the page cache.
 */
#ifndef MOTE_CACHE_H
#define MOTE_CACHE_H

#include <mote/mote.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * As mote_sandbox_new, with the module's compiled form kept in `folder`, which is made where it is missing
 * (its parent must be there). Where the folder has none yet, a child process compiles the module in a
 * micro-VM of its own, in its filter, without any descriptor of the program's and, if the kernel offers
 * Landlock, without the file system, and writes it. The child is a fork: it has this process's memory. Nothing
 * but speed depends on the folder: where it cannot be used, the sandbox is made without.
 *
 * Modules are told apart by device, inode, size and times of their file; one that was changed within the
 * last two seconds is not kept. What is kept is of use to this build of Mote on a CPU with the same
 * features only. The folder has at most `max_bytes` (0: 1 GiB) after an addition; what was used least
 * recently goes first. Any number of processes may use one folder; all must be as trusted as this one, so it
 * must belong to the calling user and nobody else may write to it.
 *
 * Native programs, modules with a start function, and modules that cannot be compiled are not kept. Forks:
 * for programs with one thread.
 */
MOTE_API int mote_sandbox_new_cached(const char *folder, uint64_t max_bytes, const struct mote_options *options,
				     struct mote_sandbox **sandbox, struct mote_error *error);

/*
 * The same for a process that runs programs of others: in two steps, since it gives up its rights between them, and
 * by content, since files of images have no times and numbers that could be believed.
 *
 * Begin with `struct mote_cache c = {.size = sizeof(c)}`.
 */
struct mote_cache {
	size_t size;
	int folder;                /* descriptor of a folder that is the calling user's and that nobody else can write to */
	uint64_t max_bytes;        /* of the folder; default 1 GiB */
	uint64_t module_bytes_min; /* smaller modules are not looked for */
	int (*in_child)(void *arg); /* called in the child that is to compile; negative: it ends. Default none */
	void *arg;
	/*
	 * Whose module it is, any text. Each tenant finds its own modules only, in a folder of its own below `folder`, so
	 * that how long a start takes says nothing of others. All tenants with modules there have equal
	 * shares of max_bytes, and none loses modules to others as long as it has no more than its share.
	 * NULL: nobody's in particular, in `folder` itself.
	 */
	const char *tenant;
};

struct mote_compiled;

/*
 * Finds the compiled form of options.program_fd, or makes it: of a copy that nobody else can change, in a child
 * that ends with this process, in a micro-VM of options.memory_bytes. Of the options, only these, kvm_fd, isolation
 * and log count. Modules are told apart by SHA-256; those that have more than an eighth of memory_bytes are left out.
 * NULL: there is none, for whatever reason. Release with mote_compiled_free. Forks: for programs with one thread.
 */
MOTE_API struct mote_compiled *mote_compiled_find(const struct mote_cache *cache, const struct mote_options *options);
/* As mote_sandbox_new; from the compiled form where that is given (NULL: none) and can be used. */
MOTE_API int mote_sandbox_from_compiled(const struct mote_compiled *compiled, const struct mote_options *options,
					struct mote_sandbox **sandbox, struct mote_error *error);
MOTE_API void mote_compiled_free(struct mote_compiled *compiled); /* accepts NULL; sandboxes made from it stay */

#ifdef __cplusplus
}
#endif
#endif
