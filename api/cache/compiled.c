/* SPDX-License-Identifier: Apache-2.0 */
/* Sandboxes from modules that are kept compiled (mote/cache.h). */
#include <mote/cache.h>

#include "api/cache/compile.h"
#include "api/cache/working_set.h"
#include "api/error.h"
#include "api/images.h"
#include "api/options.h"
#include "api/sandbox.h"
#include "base/memfd.h"
#include "base/program.h"
#include "base/sha256.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool is_module(int fd)
{
	enum program_kind kind;
	struct err e = {0};
	return program_identify(fd, "the program", &kind, &e) == 0 && kind == PROGRAM_WASM;
}

/* What is kept under a key, or NULL. What cannot be used is removed. */
static struct vm_snapshot *find(int dir, const struct cache_key *key, int kvm_fd)
{
	struct err e = {0};
	struct vm_snapshot *s = NULL;
	cleanup_close int fd = store_open_file(dir, key->name);
	if (fd < 0 && fd != -EPERM)
		return NULL;
	if (fd < 0 || vm_snapshot_open_untrusted(fd, mote_build_id, kvm_fd, &s, &e) < 0) {
		unlinkat(dir, key->name, 0);
		return NULL;
	}
	store_mark_used(fd);
	return s;
}

static bool write_compiled(void *job, int fd)
{
	return compile_module(job, fd);
}

/* Compiles a module that is not there yet. */
static struct vm_snapshot *add(const struct store *store, const struct cache_key *key,
			       struct compile_job *job)
{
	if (!store_add(store, key->name, write_compiled, job))
		return NULL;
	return find(store->dir, key, job->kvm_fd);
}

/* --- by the file's identity --- */

/* A snapshot of the options' module, found or made; NULL if neither is possible. */
static struct vm_snapshot *obtain(const char *path, uint64_t max_bytes,
				  const struct mote_options *o, int *record)
{
	struct cache_key key;
	if (!is_module(o->program_fd))
		return NULL;
	cleanup_close int dir = store_open(path);
	if (dir < 0 || !cache_key_of_file(o->program_fd, options_kvm(o), &key))
		return NULL;
	const struct store store = {.dir = dir, .tenants = -1, .max_bytes = max_bytes};
	struct compile_job job = {
		.program = o->program_fd,
		.kvm_fd = options_kvm(o),
		.isolation = o->isolation,
		.log = o->log,
		.log_arg = o->log_arg,
	};
	struct vm_snapshot *s = find(dir, &key, options_kvm(o));
	if (!s)
		s = add(&store, &key, &job);
	if (s)
		working_set_expect(dir, &key, s, record);
	return s;
}

/* From the compiled form if there is one and it can be used, else from the module. */
static int sandbox_from(struct vm_snapshot *compiled, const struct mote_options *o,
			struct mote_sandbox **sandbox, struct err *e)
{
	if (compiled) {
		struct err ignored = {0};
		if (sandbox_new(o, compiled, sandbox, &ignored) == 0)
			return 0;
	}
	return sandbox_new(o, NULL, sandbox, e);
}

static int new_cached(const char *path, uint64_t max_bytes, const struct mote_options *options,
		      struct mote_sandbox **sandbox, struct err *e)
{
	struct mote_options o;
	cleanup_close int kvm_fd = -1, record = -1;
	int rc = options_copy_program(options, &o, e);
	if (rc == 0)
		rc = options_open_kvm(&o, &kvm_fd, e);
	if (rc < 0)
		return rc;
	struct vm_snapshot *s = obtain(path, max_bytes, &o, &record);
	rc = sandbox_from(s, &o, sandbox, e);
	if (rc == 0)
		sandbox_record_working_set(*sandbox, record);
	vm_snapshot_drop(s);
	return rc;
}

int mote_sandbox_new_cached(const char *dir, uint64_t max_bytes, const struct mote_options *options,
			    struct mote_sandbox **sandbox, struct mote_error *error)
{
	fsize_guarded;
	struct err e = {0};
	if (new_cached(dir, max_bytes, options, sandbox, &e) < 0)
		return error_report(&e, error);
	return 0;
}

/* --- by content --- */

struct mote_compiled {
	struct vm_snapshot *vm; /* owned hold */
};

/* Of a copy, whose key it is then: the file may have changed since it was looked for. */
static struct vm_snapshot *compile_copy(const struct mote_cache *c, const struct store *store,
					const struct mote_options *o)
{
	char digest[65];
	struct cache_key key;
	cleanup_close int copy = memfd_new("mote-module");
	if (copy < 0 || sha256_file(o->program_fd, copy, digest) < 0 || memfd_seal(copy) < 0 ||
	    !cache_key_of_content(digest, options_kvm(o), &key))
		return NULL;
	struct compile_job job = {
		.program = copy,
		.kvm_fd = options_kvm(o),
		.memory_bytes = o->memory_bytes,
		.isolation = o->isolation,
		.in_child = c->in_child,
		.arg = c->arg,
		.log = o->log,
		.log_arg = o->log_arg,
	};
	return add(store, &key, &job);
}

/* The caller's structure as this version has it. */
static bool copy_cache(const struct mote_cache *from, struct mote_cache *to)
{
	size_t known = from->size < sizeof(*to) ? from->size : sizeof(*to);
	if (from->size < offsetof(struct mote_cache, dir) + sizeof(to->dir))
		return false;
	*to = (struct mote_cache){0};
	memcpy(to, from, known);
	return true;
}

/* A module of a size that is worth keeping, and can be. */
static bool is_wanted(const struct mote_cache *c, const struct mote_options *o)
{
	struct stat st;
	if (fstat(o->program_fd, &st) < 0 || (uint64_t)st.st_size < c->module_bytes_min)
		return false;
	if (o->memory_bytes && (uint64_t)st.st_size > o->memory_bytes / 8)
		return false;
	return is_module(o->program_fd);
}

static struct vm_snapshot *find_or_compile(const struct mote_cache *c, const struct mote_options *o)
{
	struct cache_key key;
	char digest[65];
	if (!store_is_usable(c->dir) || !is_wanted(c, o))
		return NULL;
	if (c->digest && strlen(c->digest) == sizeof(digest) - 1)
		memcpy(digest, c->digest, sizeof(digest));
	else if (sha256_file(o->program_fd, -1, digest) < 0)
		return NULL;
	if (!cache_key_of_content(digest, options_kvm(o), &key))
		return NULL;
	struct store store = {.dir = c->dir, .tenants = -1, .max_bytes = c->max_bytes};
	cleanup_close int own = -1;
	if (c->tenant) {
		own = store_open_tenant(c->dir, c->tenant);
		if (own < 0)
			return NULL;
		store.dir = own;
		store.tenants = c->dir;
	}
	struct vm_snapshot *s = find(store.dir, &key, options_kvm(o));
	if (!s)
		s = compile_copy(c, &store, o);
	return s;
}

struct mote_compiled *mote_compiled_find(const struct mote_cache *cache,
					 const struct mote_options *options)
{
	fsize_guarded;
	struct err e = {0};
	struct mote_options o;
	struct mote_cache c;
	if (!copy_cache(cache, &c) || options_copy_program(options, &o, &e) < 0)
		return NULL;
	struct vm_snapshot *s = find_or_compile(&c, &o);
	if (!s)
		return NULL;
	struct mote_compiled *found = malloc(sizeof(*found));
	if (!found) {
		vm_snapshot_drop(s);
		return NULL;
	}
	found->vm = s;
	return found;
}

int mote_sandbox_from_compiled(const struct mote_compiled *compiled,
			       const struct mote_options *options, struct mote_sandbox **sandbox,
			       struct mote_error *error)
{
	struct err e = {0};
	struct mote_options o;
	struct vm_snapshot *vm = compiled ? compiled->vm : NULL;
	int rc = options_copy_program(options, &o, &e);
	if (rc == 0)
		rc = sandbox_from(vm, &o, sandbox, &e);
	if (rc < 0)
		return error_report(&e, error);
	return 0;
}

void mote_compiled_free(struct mote_compiled *compiled)
{
	if (compiled)
		vm_snapshot_drop(compiled->vm);
	free(compiled);
}
