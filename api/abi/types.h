/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Structures that host calls read and write in guest memory. Numbers (errno, open flags, mode bits,
 * poll bits, clock ids, socket constants) are those of Linux on x86-64 everywhere in this
 * interface.
 */
#ifndef MOTE_ABI_TYPES_H
#define MOTE_ABI_TYPES_H

#include <stdint.h>

#define MOTE_IN_MAX 65536 /* bytes of an IN argument, see calls.def */

struct mote_time {
	int64_t sec;
	int64_t nsec;
};

struct mote_iovec {
	uint64_t base; /* guest address */
	uint64_t len;  /* bytes, at most INT64_MAX */
};

/*
 * One vector alone may stand in the frame, which spares the host a look at another cache line: its
 * base in place of the vectors' address, and MOTE_IOV_ONE | its length as their count.
 */
#define MOTE_IOV_ONE (1UL << 63)

/* Of mem_map_many. */
#define MOTE_MAP_ZEROED (~0ul)
struct mote_mapping {
	uint64_t addr, bytes;
	uint64_t from; /* in the guest program's file, or MOTE_MAP_ZEROED: no file */
	uint32_t prot, reserved;
};

struct mote_stat {
	uint64_t dev, ino, nlink;
	uint32_t mode, uid, gid, reserved;
	uint64_t rdev, size, blksize, blocks;
	struct mote_time atim, mtim, ctim;
};

struct mote_statfs {
	uint64_t type, bsize, blocks, bfree, bavail, files, ffree, namelen, frsize, flags;
};

/* One entry of readdir; the next begins at the next multiple of 8. The name ends with NUL. */
struct mote_dirent {
	uint64_t ino;
	int64_t cookie;  /* hand it to readdir to go on after this entry */
	uint16_t reclen; /* bytes from this entry to the next */
	uint8_t type;    /* DT_* */
	char name[];
};

struct mote_pollfd {
	int32_t fd;
	int16_t events, revents;
};

/* fcntl's struct flock on x86-64, without the process that holds a conflicting lock. */
struct mote_lock {
	int16_t type, whence;
	uint32_t reserved;
	int64_t start, length;
};

/* epoll's events, as x86-64 packs them. */
struct mote_epoll_event {
	uint32_t events;
	uint64_t data;
} __attribute__((packed));

struct mote_timer {
	struct mote_time interval, value;
};

struct mote_winsize {
	uint16_t rows, cols, xpixel, ypixel;
};

/* The kernel's struct termios (TCGETS), 36 bytes with the last three padded. */
struct mote_termios {
	uint32_t iflag, oflag, cflag, lflag;
	uint8_t line, cc[19];
};

/* A bit of `access`'s mode, next to R_OK, W_OK and X_OK: asks about the thread's real ids. */
#define MOTE_ACCESS_REAL 8U

/* What `set_ids` makes of the thread that acts for the guest. */
struct mote_ids {
	uint32_t uid[4], gid[4]; /* real, effective, saved, of the file system */
	uint64_t permitted, effective;
};

/* A flag of `recv`: the result is a message's whole length, also if that is more than fits. */
#define MOTE_RECV_LENGTH (1U << 31)

/* A socket address as Linux lays it out: AF_INET, AF_INET6 or AF_UNIX. */
struct mote_sockaddr {
	uint32_t len; /* bytes used in data */
	uint8_t data[124];
};

/* The kernel's struct ifreq. */
struct mote_interface {
	char name[16];
	uint8_t data[24];
};

/* What `net_file` reads. */
enum mote_net_file {
#define NET_FILE(name, text) MOTE_NET_##name,
#include "abi/net_files.def"
	MOTE_NET_FILES,
};
enum { MOTE_NET_SEEK_MAX = 4 << 20 };

enum mote_prot {
	MOTE_PROT_READ = 1,
	MOTE_PROT_WRITE = 2,
	MOTE_PROT_EXEC = 4,
	/* mem_map and mem_map_many: all of it is written soon, so the host backs it at once */
	MOTE_MAP_FILL = 8,
	/*
	 * the same two, not with FILL: what is large or does not fit is only reserved, and pages
	 * get memory when they are used, or the guest ends as if killed (SIGKILL). More than the
	 * machine has is -ENOMEM, unless MOTE_MAP_NORESERVE is set too.
	 */
	MOTE_MAP_LAZY = 16,
	MOTE_MAP_NORESERVE = 32,
};

/* Flags of mem_move. */
enum mote_move {
	MOTE_MOVE_KEEP = 1, /* what was moved away is mapped again, with its protection, and zero */
};

/*
 * How a path is resolved. Neither can leave the directory it starts from. A symlink that leads to
 * where there is nothing is -ENOLINK, so that the guest can look where it leads from its own root.
 */
enum mote_resolve {
	MOTE_RESOLVE_BENEATH = 0, /* `..` above it, absolute paths and symlinks out of it: -EXDEV */
	MOTE_RESOLVE_IN_ROOT = 1, /* the directory acts as "/" */
	MOTE_RESOLVE_NOFOLLOW = 2,    /* flag: a symlink as the last component is not followed */
	MOTE_RESOLVE_NO_SYMLINKS = 4, /* flag: a symlink on the way is -ELOOP */
};

#endif
