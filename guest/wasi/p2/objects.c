/* SPDX-License-Identifier: Apache-2.0 */
/* What handles of the host's resources stand for, and errors by number. */
#include "guest/wasi/p2/p2.h"

#include "guest/wasi/p2/unsent.h"

#include "guest/wasm/arena.h"

#include <linux/errno.h>

#define OBJECTS_BYTES 0x40000000ull /* address space */

static struct {
	struct arena arena;
	uint32_t count, free; /* of numbers given, from 1 on; the first one that is free again */
} all;

_Static_assert(sizeof(struct p2_object) % 16 == 0, "one after the other in an arena");

static struct p2_object *objects(void)
{
	return (struct p2_object *)(void *)all.arena.base;
}

struct p2_object *p2_get(uint32_t number)
{
	return &objects()[number - 1];
}

static uint32_t take(void)
{
	const uint32_t number = all.free;
	if (number) {
		all.free = (uint32_t)p2_get(number)->at;
		return number;
	}
	if ((!all.arena.base && !arena_open(&all.arena, OBJECTS_BYTES)) ||
	    !arena_take(&all.arena, sizeof(struct p2_object)))
		return 0;
	return ++all.count;
}

uint32_t p2_new(struct component_call *call, const struct p2_object *o)
{
	const uint32_t number = take();
	if (!number)
		call_trap(call, "no memory for a resource of the host");
	*p2_get(number) = *o;
	return number;
}

static void give_back(uint32_t number)
{
	*p2_get(number) = (struct p2_object){.at = all.free};
	all.free = number;
}

static void release_file(uint32_t number)
{
	struct p2_object *o = p2_get(number);
	if (--o->users)
		return;
	if (o->kind == P2_SOCKET)
		(void)unsent_drain(o, true);
	if (!o->is_preopen)
		(void)mote_close(mote_area(), o->fd);
	give_back(number);
}

void p2_drop(uint32_t number)
{
	const struct p2_object o = *p2_get(number);
	if (o.kind == P2_DESCRIPTOR || o.kind == P2_SOCKET) {
		release_file(number);
		return;
	}
	give_back(number);
	if (o.kind == P2_OUTPUT && o.file && p2_get(o.file)->kind == P2_SOCKET)
		unsent_shut_down(p2_get(o.file));
	if (o.file)
		release_file(o.file);
}

struct p2_object p2_of_file(uint32_t number, enum p2_kind kind)
{
	struct p2_object *file = p2_get(number);
	file->users++;
	return (struct p2_object){.kind = (uint8_t)kind, .fd = file->fd, .file = number};
}

/* --- errors --- */

/* In the order of wasi:filesystem's error-code. */
#define ERRORS(E)                             \
	E(EACCES, "access")                   \
	E(EAGAIN, "would-block")              \
	E(EALREADY, "already")                \
	E(EBADF, "bad-descriptor")            \
	E(EBUSY, "busy")                      \
	E(EDEADLK, "deadlock")                \
	E(EDQUOT, "quota")                    \
	E(EEXIST, "exist")                    \
	E(EFBIG, "file-too-large")            \
	E(EILSEQ, "illegal-byte-sequence")    \
	E(EINPROGRESS, "in-progress")         \
	E(EINTR, "interrupted")               \
	E(EINVAL, "invalid")                  \
	E(EIO, "io")                          \
	E(EISDIR, "is-directory")             \
	E(ELOOP, "loop")                      \
	E(EMLINK, "too-many-links")           \
	E(EMSGSIZE, "message-size")           \
	E(ENAMETOOLONG, "name-too-long")      \
	E(ENODEV, "no-device")                \
	E(ENOENT, "no-entry")                 \
	E(ENOLCK, "no-lock")                  \
	E(ENOMEM, "insufficient-memory")      \
	E(ENOSPC, "insufficient-space")       \
	E(ENOTDIR, "not-directory")           \
	E(ENOTEMPTY, "not-empty")             \
	E(ENOTRECOVERABLE, "not-recoverable") \
	E(EOPNOTSUPP, "unsupported")          \
	E(ENOTTY, "no-tty")                   \
	E(ENXIO, "no-such-device")            \
	E(EOVERFLOW, "overflow")              \
	E(EPERM, "not-permitted")             \
	E(EPIPE, "pipe")                      \
	E(EROFS, "read-only")                 \
	E(ESPIPE, "invalid-seek")             \
	E(ETXTBSY, "text-file-busy")          \
	E(EXDEV, "cross-device")

static const struct {
	int32_t number;
	const char *name;
} codes[] = {
#define E(number, name) {number, name},
	ERRORS(E)
#undef E
};
enum { CODE_IO = 13 };

uint8_t p2_error_code(int64_t rc)
{
	if (rc == -ENOLINK) /* by a symlink: enum mote_resolve */
		rc = -ENOENT;
	if (rc == -ENOSYS)
		rc = -EOPNOTSUPP;
	for (uint8_t i = 0; i < P2_COUNT(codes); i++)
		if (rc == -codes[i].number)
			return i;
	return CODE_IO;
}

uint8_t p2_path_error_code(int64_t rc)
{
	if (rc == -EXDEV)
		return p2_error_code(-EPERM);
	return p2_error_code(rc);
}

const char *p2_error_text(int64_t rc)
{
	return codes[p2_error_code(rc)].name;
}

const struct component_host_resource p2_error = {"error", p2_drop},
				     p2_pollable = {"pollable", p2_drop};
