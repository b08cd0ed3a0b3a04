/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wasi:filesystem, by path: below a descriptor, which the host lets none leave. Preview 1 has the
 * rules by which a path is resolved (p1.h).
 */
#include "guest/wasi/p1/p1.h"
#include "guest/wasi/p2/files.h"

#include <linux/errno.h>
#include <linux/fcntl.h>

enum { FOLLOW = 1, LINK_MAX = 4096 };

/* A path of a call, with memory for its text. */
struct path {
	struct p1_path p;
	char text[P1_PATH_MAX];
};

/* 0 or a negative errno. */
static int64_t take_path(struct component_call *call, struct path *to, uint32_t descriptor,
			 const uint32_t string[2])
{
	const struct p2_object *o = p2_get(descriptor);
	const int64_t bytes = call_text(call, string, to->text, sizeof(to->text));
	if (bytes < 0)
		return -ENAMETOOLONG;
	to->p = (struct p1_path){.fd = (uint32_t)o->fd, .at = to->text, .len = (uint64_t)bytes};
	to->p.resolve = p1_path_resolve(o->preopen, &to->p);
	p1_cwd_resolve(&to->p);
	return 0;
}

static uint32_t resolve_of(const struct p1_path *p, uint8_t flags)
{
	if (flags & FOLLOW)
		return p->resolve;
	return p->resolve | MOTE_RESOLVE_NOFOLLOW;
}

/* --- one path --- */

struct at_params {
	uint32_t descriptor, path[2];
};

struct flags_at_params {
	uint32_t descriptor;
	uint8_t flags;
	uint32_t path[2];
};

void p2_create_directory_at(struct component_call *call, const void *params, void *result)
{
	const struct at_params *p = params;
	static struct path path;
	int64_t rc = take_path(call, &path, p->descriptor, p->path);
	if (rc == 0)
		rc = mote_mkdir(mote_area(), (int32_t)path.p.fd, path.p.at, path.p.len,
				path.p.resolve, 0777 & ~wasi.boot->umask);
	p2_finish_path(result, rc);
}

static void unlink_at(struct component_call *call, const struct at_params *p, uint32_t flags,
		      struct result_code *result)
{
	static struct path path;
	int64_t rc = take_path(call, &path, p->descriptor, p->path);
	if (rc == 0)
		rc = mote_unlink(mote_area(), (int32_t)path.p.fd, path.p.at, path.p.len,
				 path.p.resolve, flags);
	p2_finish_path(result, rc);
}

void p2_remove_directory_at(struct component_call *call, const void *params, void *result)
{
	unlink_at(call, params, AT_REMOVEDIR, result);
}

void p2_unlink_file_at(struct component_call *call, const void *params, void *result)
{
	unlink_at(call, params, 0, result);
}

static int64_t stat_path(struct component_call *call, const struct flags_at_params *p,
			 struct mote_stat *st)
{
	static struct path path;
	int64_t rc = take_path(call, &path, p->descriptor, p->path);
	if (rc == 0)
		rc = mote_stat(mote_area(), (int32_t)path.p.fd, path.p.at, path.p.len,
			       resolve_of(&path.p, p->flags), st);
	return rc;
}

/* The error of a result whose other case is aligned to 8. */
static bool failed_wide(uint8_t *result, int64_t rc)
{
	if (rc >= 0)
		return false;
	result[0] = 1;
	result[8] = p2_path_error_code(rc);
	return true;
}

void p2_stat_at(struct component_call *call, const void *params, void *result)
{
	struct mote_stat st;
	if (!failed_wide(result, stat_path(call, params, &st)))
		p2_put_stat(result, &st);
}

void p2_metadata_hash_at(struct component_call *call, const void *params, void *result)
{
	struct mote_stat st;
	if (!failed_wide(result, stat_path(call, params, &st)))
		p2_put_hash(result, &st);
}

struct times_at_params {
	uint32_t descriptor;
	uint8_t flags;
	uint32_t path[2];
	struct new_time access, modification;
};

void p2_set_times_at(struct component_call *call, const void *params, void *result)
{
	const struct times_at_params *p = params;
	static struct path path;
	const struct mote_time access = p2_time(&p->access),
			       modification = p2_time(&p->modification);
	int64_t rc = take_path(call, &path, p->descriptor, p->path);
	if (rc == 0)
		rc = mote_utimens(mote_area(), (int32_t)path.p.fd, path.p.at, path.p.len,
				  resolve_of(&path.p, p->flags), &access, &modification);
	p2_finish_path(result, rc);
}

struct result_string {
	uint8_t failed;
	uint32_t string[2];
};

void p2_readlink_at(struct component_call *call, const void *params, void *result)
{
	const struct at_params *p = params;
	static struct path path;
	static char target[LINK_MAX];
	struct result_string *out = result;
	int64_t rc = take_path(call, &path, p->descriptor, p->path);
	if (rc == 0)
		rc = mote_readlink(mote_area(), (int32_t)path.p.fd, path.p.at, path.p.len,
				   path.p.resolve, target, sizeof(target));
	if (rc < 0) {
		out->failed = 1;
		*(uint8_t *)out->string = p2_path_error_code(rc);
		return;
	}
	call_string(call, target, (uint32_t)rc, out->string);
}

/* --- opening --- */

struct open_params {
	uint32_t descriptor;
	uint8_t path_flags;
	uint32_t path[2];
	uint8_t open_flags, flags;
};

struct result_handle {
	uint8_t failed;
	uint32_t handle;
};

enum { OPEN_CREATE = 1, OPEN_DIRECTORY = 2, OPEN_EXCLUSIVE = 4, OPEN_TRUNCATE = 8 };
enum {
	FLAG_READ = 1,
	FLAG_WRITE = 2,
	FLAG_SYNC = 4,
	FLAG_DATA_SYNC = 8,
	FLAG_READ_SYNC = 16,
	FLAG_MUTATE = 32
};

static uint32_t access_mode(const struct open_params *p)
{
	if (!(p->flags & FLAG_WRITE) && !(p->open_flags & OPEN_TRUNCATE))
		return O_RDONLY;
	if (p->flags & FLAG_READ)
		return O_RDWR;
	return O_WRONLY;
}

static uint32_t host_flags(const struct open_params *p)
{
	uint32_t flags = access_mode(p);
	if (p->open_flags & OPEN_CREATE)
		flags |= O_CREAT;
	if (p->open_flags & OPEN_DIRECTORY)
		flags |= O_DIRECTORY;
	if (p->open_flags & OPEN_EXCLUSIVE)
		flags |= O_EXCL;
	if (p->open_flags & OPEN_TRUNCATE)
		flags |= O_TRUNC;
	if (p->flags & (FLAG_SYNC | FLAG_READ_SYNC))
		flags |= O_SYNC;
	if (p->flags & FLAG_DATA_SYNC)
		flags |= O_DSYNC;
	return flags;
}

void p2_open_at(struct component_call *call, const void *params, void *result)
{
	const struct open_params *p = params;
	static struct path path;
	struct result_handle *out = result;
	int64_t rc = take_path(call, &path, p->descriptor, p->path);
	if (rc == 0)
		rc = mote_open(mote_area(), (int32_t)path.p.fd, path.p.at, path.p.len,
			       resolve_of(&path.p, p->path_flags), host_flags(p),
			       0666 & ~wasi.boot->umask);
	if (rc < 0) {
		out->failed = 1;
		*(uint8_t *)&out->handle = p2_path_error_code(rc);
		return;
	}
	const struct p2_object o = {
		.kind = P2_DESCRIPTOR, .flags = p->flags, .fd = (int32_t)rc, .users = 1};
	out->handle = call_own(call, &p2_descriptor, p2_new(call, &o));
}

/* --- two paths --- */

/* A link to an absolute path would lead out of every directory that a program can have. */
void p2_symlink_at(struct component_call *call, const void *params, void *result)
{
	struct symlink_params {
		uint32_t descriptor, target[2], path[2];
	} const *p = params;
	static struct path path;
	static char target[LINK_MAX];
	const int64_t bytes = call_text(call, p->target, target, sizeof(target));
	int64_t rc = bytes < 0 ? -ENAMETOOLONG : take_path(call, &path, p->descriptor, p->path);
	if (rc == 0 && bytes && target[0] == '/')
		rc = -EPERM;
	if (rc == 0)
		rc = mote_symlink(mote_area(), target, (uint64_t)bytes, (int32_t)path.p.fd,
				  path.p.at, path.p.len, path.p.resolve);
	p2_finish_path(result, rc);
}

/* The host resolves both paths of a call in the same way; BENEATH is 0. */
static uint32_t resolve_both(const struct p1_path *a, const struct p1_path *b)
{
	return a->resolve & b->resolve;
}

void p2_rename_at(struct component_call *call, const void *params, void *result)
{
	struct rename_params {
		uint32_t descriptor, path[2], to, to_path[2];
	} const *p = params;
	static struct path from, to;
	int64_t rc = take_path(call, &from, p->descriptor, p->path);
	if (rc == 0)
		rc = take_path(call, &to, p->to, p->to_path);
	if (rc == 0)
		rc = mote_rename(mote_area(), (int32_t)from.p.fd, from.p.at, from.p.len,
				 (int32_t)to.p.fd, to.p.at, to.p.len, resolve_both(&from.p, &to.p),
				 0);
	p2_finish_path(result, rc);
}

/* As everywhere: a link is made to a symlink itself, never to what that leads to. */
void p2_link_at(struct component_call *call, const void *params, void *result)
{
	struct link_params {
		uint32_t descriptor;
		uint8_t flags;
		uint32_t path[2], to, to_path[2];
	} const *p = params;
	static struct path from, to;
	int64_t rc = take_path(call, &from, p->descriptor, p->path);
	if (rc == 0 && p->flags & FOLLOW)
		rc = -EINVAL;
	if (rc == 0)
		rc = take_path(call, &to, p->to, p->to_path);
	if (rc == 0)
		rc = mote_link(mote_area(), (int32_t)from.p.fd, from.p.at, from.p.len,
			       (int32_t)to.p.fd, to.p.at, to.p.len,
			       resolve_both(&from.p, &to.p) | MOTE_RESOLVE_NOFOLLOW);
	p2_finish_path(result, rc);
}
