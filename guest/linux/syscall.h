/* SPDX-License-Identifier: Apache-2.0 */
/*
 * System calls: what the handlers' files share. A handler is written SYSCALL(name) and is in the table once
 * names.def says CALL of it. Pointers of the program go on to the host as they are, which checks them; what
 * is read or written here goes through get_user and put_user.
 */
#ifndef MOTE_GUEST_LINUX_SYSCALL_H
#define MOTE_GUEST_LINUX_SYSCALL_H

#include "guest/linux/linux.h"

struct args {
	uint64_t a, b, c, d, e, f;
	uint64_t nr;
};

#define SYSCALL(name) int64_t sys_##name(const struct args *s)
#define CALL(number, name) SYSCALL(name);
#include "guest/linux/names.def"
SYSCALL(zero);

enum { NS = 1000000000 };
enum { AT_SYMLINK_NOFOLLOW_ = 0x100, AT_REMOVEDIR_ = 0x200, AT_SYMLINK_FOLLOW_ = 0x400, AT_EMPTY_PATH_ = 0x1000 };
enum { O_CREAT_ = 0100, O_NOFOLLOW_ = 0400000, O_CLOEXEC_ = 02000000, O_NONBLOCK_ = 04000, O_DIRECTORY_ = 0200000,
       O_PATH_ = 010000000, O_TMPFILE_ = 020000000 };

/* place.c: a path argument, resolved to a directory that the guest holds. */
struct place {
	int32_t base;
	const char *rest;
	uint32_t resolve;
};
/* A handler's own path arguments; place_of uses the first. */
extern char path_a[PATH_MAX_BYTES], path_b[PATH_MAX_BYTES];
int64_t place_of(int32_t dirfd, uint64_t path, bool nofollow, struct place *p);
/* Two paths: the first one's rest is kept while the second is resolved. */
int64_t two_places(int32_t from_dir, uint64_t from, int32_t to_dir, uint64_t to, struct place *p, struct place *q);
/* The host says EXDEV where a path leaves its directory; to a program there is nothing beyond. */
int64_t outside(int64_t rc);

/* path.c */
int64_t open_at(int32_t dirfd, uint64_t path, uint32_t flags, uint32_t mode);

/* stat.c */
int64_t stat_at(int32_t dirfd, uint64_t path, uint32_t flags, struct mote_stat *m);
/* Where a directory's next getdents64 begins: the host is asked by cookie. */
void directory_seek(int32_t fd, int64_t cookie);

/* time.c */
int64_t now_ns(void);
struct mote_time time_of(int64_t ns);
/* What of a relative time is left `since` its beginning. */
struct mote_time time_left(const struct mote_time *t, int64_t since);

#endif
