/* SPDX-License-Identifier: Apache-2.0 */
/*
 * System calls: what the handlers' files share. A handler is written SYSCALL(name) and is in the table once
 * syscalls.def says CALL of it. Pointers of the program go on to the host as they are, which checks them; what
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
#include "guest/linux/arch/x86_64/syscalls.def"
SYSCALL(zero);

enum { NS = 1000000000 };
enum { AT_SYMLINK_NOFOLLOW_ = 0x100, AT_REMOVEDIR_ = 0x200, AT_EACCESS_ = 0x200, AT_SYMLINK_FOLLOW_ = 0x400, AT_EMPTY_PATH_ = 0x1000 };
enum { POLL_INVALID = 0x20 };
enum { O_CREAT_ = 0100, O_NOFOLLOW_ = 0400000, O_CLOEXEC_ = 02000000, O_NONBLOCK_ = 04000, O_DIRECTORY_ = 0200000,
       O_PATH_ = 010000000, O_TMPFILE_ = 020000000 };

/* Descriptors of the program are below this; the personality's own are above. */
#define DESCRIPTORS_MAX 1024

/* fs/lookup.c: a path argument, resolved to a directory that the guest holds. */
struct place {
	int32_t base;
	uint32_t resolve;
	const char *rest; /* into whole or path */
	int32_t dirfd;    /* what path is relative to where that is a descriptor of the program, else -1 */
	int32_t own;      /* the descriptor that a path like /dev/stdout stands for, with base -1; else -1 */
	char path[PATH_MAX_BYTES], whole[PATH_MAX_BYTES];
};
int64_t place_of(struct place *p, int32_t dirfd, uint64_t path, bool nofollow);
/* As place_of, of a path that is in the place already, relative to the working directory. */
int64_t place_here(struct place *p);
/*
 * After a host call on the place said rc: whether to make it again. A path that leads above the descriptor
 * it is relative to begins at the root then, where that is known.
 */
bool place_again(struct place *p, int64_t rc);
bool places_again(struct place *p, struct place *q, int64_t rc);
/* The absolute path of the place into name[PATH_MAX_BYTES], if it is known. */
bool place_name(const struct place *p, char *name);
/* The host says EXDEV where a path leaves its directory; to a program there is nothing beyond. */
int64_t outside(int64_t rc);

/* fs/fd_paths.c: what descriptors were opened by, absolute. Each accepts any number. */
void descriptor_named(int32_t fd, const char *name);
const char *descriptor_name(int32_t fd); /* NULL: not known; until the next descriptor_named */
void descriptor_closed(int32_t fd);
/* Hands on the result of a dup. */
int64_t descriptor_copied(int32_t from, int64_t to);
/* FD_CLOEXEC of a descriptor, or what a call said instead of one, which is handed on. */
int64_t descriptor_close_on_exec(int64_t fd, bool set);
bool descriptor_closes_on_exec(int32_t fd);
/* The descriptor that a path like /dev/stdout or /proc/self/fd/3 stands for, or -1. */
int32_t descriptor_of_path(const char *path);

/* fs/path.c */
int64_t open_at(int32_t dirfd, uint64_t path, uint32_t flags, uint32_t mode);

/* fs/stat.c */
int64_t stat_at(int32_t dirfd, uint64_t path, uint32_t flags, struct mote_stat *m);
/* Where a directory's next getdents64 begins: the host is asked by cookie. */
void directory_seek(int32_t fd, int64_t cookie);
int64_t directory_at(int32_t fd);

/* time.c */
int64_t now_ns(void);
struct mote_time time_of(int64_t ns);
/* What of a relative time is left `since` its beginning. */
struct mote_time time_left(const struct mote_time *t, int64_t since);

#endif
