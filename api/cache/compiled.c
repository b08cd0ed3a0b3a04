/* SPDX-License-Identifier: Apache-2.0 */
/* The folder of compiled modules. Its files are this user's own; others' are not looked at. */
#include <mote/cache.h>

#include "api/cache/compiled.h"
#include "api/cache/store.h"
#include "api/freeze.h"
#include "api/images.h"
#include "api/internal.h"
#include "base/io.h"
#include "base/memfd.h"
#include "base/sha256.h"
#include "vm/kvm/machine.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX_BYTES_DEFAULT (1UL << 30)
#define COMPILE_LIMIT_NS (300 * 1000000000UL)
#define SETTLED_S 2	  /* a file that changed later could change again with the same times */
#define UNFINISHED_S 60 /* an empty note is of a process that runs, or of one that has died */

struct key {
	char name[64 + sizeof(CACHE_SUFFIX)];
};

static int open_folder(const char *path)
{
	struct stat st;
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return -1;
	cleanup_close int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0 || !cache_is_ours(&st))
		return -1;
	return take_fd(&fd);
}

static bool is_module(int fd)
{
	uint8_t head[4];
	return pread(fd, head, sizeof(head), 0) == sizeof(head) && memcmp(head, "\0asm", 4) == 0;
}

static bool make_key(int program, int kvm_fd, struct key *key)
{
	struct stat st;
	struct err e = {0};
	struct timespec now;
	char host[65], digest[65];
	if (fstat(program, &st) < 0 || clock_gettime(CLOCK_REALTIME, &now) < 0 ||
	    now.tv_sec - st.st_ctim.tv_sec < SETTLED_S || vm_snapshot_host(mote_build_id, kvm_fd, host, &e) < 0)
		return false;
	const uint64_t identity[] = {
		st.st_dev, st.st_ino, (uint64_t)st.st_size, (uint64_t)st.st_mtim.tv_sec, (uint64_t)st.st_mtim.tv_nsec,
		(uint64_t)st.st_ctim.tv_sec, (uint64_t)st.st_ctim.tv_nsec,
	};
	uint8_t all[64 + sizeof(identity)];
	memcpy(all, host, 64);
	memcpy(all + 64, identity, sizeof(identity));
	sha256_hex(all, sizeof(all), digest);
	snprintf(key->name, sizeof(key->name), "%s%s", digest, CACHE_SUFFIX);
	return true;
}

/* What is kept under a key, or NULL. What is no good goes. */
static struct vm_snapshot *find(int folder, const struct key *key, int kvm_fd)
{
	struct err e = {0};
	struct stat st;
	struct vm_snapshot *s = NULL;
	cleanup_close int fd = openat(folder, key->name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return NULL;
	if (fstat(fd, &st) < 0 || !cache_is_ours(&st) || vm_snapshot_open(fd, mote_build_id, kvm_fd, &s, &e) < 0) {
		unlinkat(folder, key->name, 0);
		return NULL;
	}
	futimens(fd, NULL); /* was used: for eviction */
	return s;
}

/* --- notes of what starts touch --- */

/* Opens a note for writing where there is none, or none that will be finished. */
static int begin_note(int folder, const char *name)
{
	struct stat st;
	if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && (st.st_size || time(NULL) - st.st_mtim.tv_sec > UNFINISHED_S))
		unlinkat(folder, name, 0); /* it was of no use */
	return openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
}

static void expect(int folder, const struct key *key, struct vm_snapshot *s, int *note)
{
	char name[sizeof(key->name) + sizeof(CACHE_SUFFIX_TOUCHED)];
	struct stat st;
	snprintf(name, sizeof(name), "%.64s" CACHE_SUFFIX_TOUCHED, key->name);
	cleanup_close int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 || fstat(fd, &st) < 0 || !cache_is_ours(&st) || !vm_snapshot_expect(s, fd))
		*note = begin_note(folder, name);
}

void cache_expect(const char *path, int program, int kvm_fd, struct vm_snapshot *s, int *note)
{
	struct key key;
	*note = -1;
	cleanup_close int folder = open_folder(path);
	if (folder >= 0 && make_key(program, kvm_fd, &key))
		expect(folder, &key, s, note);
}

/* --- adding --- */

/* How a module is compiled that is not there yet. */
struct making {
	int program, kvm_fd;
	uint64_t memory_bytes; /* 0: the default */
	int isolation;
	int (*in_child)(void *arg);
	void *arg;
	void (*log)(void *arg, const char *line); /* or NULL */
	void *log_arg;
};

/* In the child. Only the program counts: nothing else may be in what others start from. */
static int compile(const struct making *k, int out)
{
	char *none[] = {(char *)"", NULL};
	struct err e = {0};
	struct mote_options plain = {.program_fd = k->program,
				     .argv = none,
				     .envp = none + 1,
				     .memory_bytes = k->memory_bytes,
				     .isolation = k->isolation,
				     .kvm_fd_plus_1 = k->kvm_fd + 1};
	struct sandbox_config c;
	int rc = k->in_child ? k->in_child(k->arg) : 0;
	if (rc == 0 && prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
		rc = -errno;
	if (rc == 0)
		rc = sandbox_configure(&plain, &c, &e);
	if (rc < 0)
		return rc;
	for (int i = 0; i < 3; i++)
		c.vm.stdio[i] = -1;
	c.vm.stop_ready = true;
	c.vm.no_polling = true;
	sandbox_use_image(&c.vm, mote_image_wasm, mote_image_wasm_end);
	return freeze_guest(&c.vm, COMPILE_LIMIT_NS, NULL, 0, out, &e);
}

/* What the child's filter says when it ends it. The child has run a guest: any bytes may come. */
static void pass_on(const struct making *k, int said)
{
	char line[200];
	ssize_t n = read(said, line, sizeof(line) - 1);
	if (n <= 0 || !k->log)
		return;
	line[n] = '\0';
	line[strcspn(line, "\n")] = '\0';
	for (char *c = line; *c; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
	k->log(k->log_arg, line);
}

static bool compile_in_child(const struct making *k, int out)
{
	int ends[2];
	if (k->program <= STDERR_FILENO || k->kvm_fd <= STDERR_FILENO || out <= STDERR_FILENO ||
	    pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		return false;
	cleanup_close int said = ends[0], says = ends[1];
	pid_t parent = getpid(), pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0); /* and again once credentials have changed, which ends it */
		_exit(getppid() != parent || dup2(says, STDERR_FILENO) < 0 || compile(k, out) < 0 ? 1 : 0);
	}
	int status;
	while (pid > 0 && waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return false;
	if (pid > 0)
		pass_on(k, said);
	return pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* Where compiled modules are kept, and how much of them. */
struct place {
	int folder;	    /* that has the files: the whole, or a tenant's */
	int whole;	    /* that has the tenants' folders, or -1 */
	uint64_t max_bytes; /* 0: the default */
};

static void evict(const struct place *p, const struct key *keep)
{
	uint64_t max_bytes = p->max_bytes ? p->max_bytes : MAX_BYTES_DEFAULT;
	if (p->whole >= 0)
		cache_evict_shares(p->whole, p->folder, keep->name, max_bytes);
	else
		cache_evict(p->folder, keep->name, max_bytes);
}

/* Under a name of its own until it is complete: then there at once, and the same whoever was first. */
static bool add(const struct place *p, const struct key *key, const struct making *k)
{
	uint64_t random;
	char name[64];
	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		return false;
	snprintf(name, sizeof(name), "new-%d-%016lx", getpid(), random);
	cleanup_close int fd = openat(p->folder, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return false;
	if (compile_in_child(k, fd) && renameat(p->folder, name, p->folder, key->name) == 0) {
		evict(p, key);
		return true;
	}
	unlinkat(p->folder, name, 0);
	return false;
}

/* A snapshot of the options' module, found or made; NULL where there is none to be had. */
static struct vm_snapshot *obtain(const char *path, uint64_t max_bytes, const struct mote_options *o, int *note)
{
	struct key key;
	if (!is_module(o->program_fd))
		return NULL;
	cleanup_close int folder = open_folder(path);
	if (folder < 0 || !make_key(o->program_fd, o->kvm_fd_plus_1 - 1, &key))
		return NULL;
	struct vm_snapshot *s = find(folder, &key, o->kvm_fd_plus_1 - 1);
	const struct making k = {
		.program = o->program_fd, .kvm_fd = o->kvm_fd_plus_1 - 1, .isolation = o->isolation, .log = o->log, .log_arg = o->log_arg};
	const struct place place = {.folder = folder, .whole = -1, .max_bytes = max_bytes};
	if (!s && add(&place, &key, &k))
		s = find(folder, &key, o->kvm_fd_plus_1 - 1);
	if (s)
		expect(folder, &key, s, note);
	return s;
}

int mote_sandbox_new_cached(const char *folder, uint64_t max_bytes, const struct mote_options *options,
			    struct mote_sandbox **sandbox, struct mote_error *error)
{
	fsize_guarded;
	struct mote_options o;
	struct err e = {0};
	if (sandbox_program_options(options, &o, &e) < 0)
		return sandbox_report(&e, error);
	cleanup_close int kvm_fd = -1;
	if (!o.kvm_fd_plus_1) {
		kvm_fd = machine_open_kvm(&e);
		if (kvm_fd < 0)
			return sandbox_report(&e, error);
		o.kvm_fd_plus_1 = kvm_fd + 1;
	}
	cleanup_close int note = -1;
	struct vm_snapshot *s = obtain(folder, max_bytes, &o, &note);
	int rc = s ? sandbox_new(&o, s, sandbox, error) : -ENOENT;
	if (rc == 0)
		sandbox_note(*sandbox, note);
	vm_snapshot_drop(s);
	return rc < 0 ? sandbox_new(&o, NULL, sandbox, error) : rc;
}

/* --- by content --- */

struct mote_compiled {
	struct vm_snapshot *vm; /* owned hold */
};

static bool content_key(const char digest[65], int kvm_fd, struct key *key)
{
	struct err e = {0};
	char host[65], all[64 + 65];
	if (vm_snapshot_host(mote_build_id, kvm_fd, host, &e) < 0)
		return false;
	memcpy(all, host, 64);
	memcpy(all + 64, digest, 65);
	sha256_hex(all, 128, all);
	snprintf(key->name, sizeof(key->name), "%.64s" CACHE_SUFFIX, all);
	return true;
}

/* The key is the copy's: the file may have changed since it was looked for. */
static struct vm_snapshot *make(const struct mote_cache *c, const struct place *p, const struct mote_options *o)
{
	char digest[65];
	struct key key;
	cleanup_close int copy = memfd_new("mote-module");
	if (copy < 0 || sha256_file(o->program_fd, copy, digest) < 0 ||
	    memfd_seal(copy) < 0 || !content_key(digest, o->kvm_fd_plus_1 - 1, &key))
		return NULL;
	const struct making k = {.program = copy,
				 .kvm_fd = o->kvm_fd_plus_1 - 1,
				 .memory_bytes = o->memory_bytes,
				 .isolation = o->isolation,
				 .in_child = c->in_child,
				 .arg = c->arg,
				 .log = o->log,
				 .log_arg = o->log_arg};
	return add(p, &key, &k) ? find(p->folder, &key, k.kvm_fd) : NULL;
}

struct mote_compiled *mote_compiled_find(const struct mote_cache *cache, const struct mote_options *options)
{
	fsize_guarded;
	struct err e = {0};
	struct mote_options o;
	struct mote_cache c = {0};
	struct stat st;
	struct key key;
	char digest[65];
	if (cache->size < offsetof(struct mote_cache, folder) + sizeof(c.folder) || sandbox_program_options(options, &o, &e) < 0)
		return NULL;
	memcpy(&c, cache, cache->size < sizeof(c) ? cache->size : sizeof(c));
	if (fstat(c.folder, &st) < 0 || !S_ISDIR(st.st_mode) || !cache_is_ours(&st) || fstat(o.program_fd, &st) < 0 ||
	    (uint64_t)st.st_size < c.module_bytes_min || !is_module(o.program_fd) ||
	    (o.memory_bytes && (uint64_t)st.st_size > o.memory_bytes / 8) ||
	    sha256_file(o.program_fd, -1, digest) < 0 || !content_key(digest, o.kvm_fd_plus_1 - 1, &key))
		return NULL;
	cleanup_close int tenants = c.tenant ? cache_open_tenant(c.folder, c.tenant) : -1;
	if (c.tenant && tenants < 0)
		return NULL;
	const struct place place = {.folder = c.tenant ? tenants : c.folder, .whole = c.tenant ? c.folder : -1,
				    .max_bytes = c.max_bytes};
	struct vm_snapshot *s = find(place.folder, &key, o.kvm_fd_plus_1 - 1);
	if (!s)
		s = make(&c, &place, &o);
	struct mote_compiled *found = s ? malloc(sizeof(*found)) : NULL;
	if (found)
		found->vm = s;
	else
		vm_snapshot_drop(s);
	return found;
}

int mote_sandbox_from_compiled(const struct mote_compiled *compiled, const struct mote_options *options,
			       struct mote_sandbox **sandbox, struct mote_error *error)
{
	int rc = compiled ? sandbox_new(options, compiled->vm, sandbox, error) : -ENOENT;
	return rc < 0 ? sandbox_new(options, NULL, sandbox, error) : rc;
}

void mote_compiled_free(struct mote_compiled *compiled)
{
	if (compiled)
		vm_snapshot_drop(compiled->vm);
	free(compiled);
}
