/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers and memory layouts of WASI preview 1 (preview1/witx/typenames.witx). */
#ifndef MOTE_WASI_PREVIEW1_H
#define MOTE_WASI_PREVIEW1_H

#include <stdint.h>

enum wasi_errno {
	WASI_SUCCESS,
	WASI_2BIG,
	WASI_ACCES,
	WASI_ADDRINUSE,
	WASI_ADDRNOTAVAIL,
	WASI_AFNOSUPPORT,
	WASI_AGAIN,
	WASI_ALREADY,
	WASI_BADF,
	WASI_BADMSG,
	WASI_BUSY,
	WASI_CANCELED,
	WASI_CHILD,
	WASI_CONNABORTED,
	WASI_CONNREFUSED,
	WASI_CONNRESET,
	WASI_DEADLK,
	WASI_DESTADDRREQ,
	WASI_DOM,
	WASI_DQUOT,
	WASI_EXIST,
	WASI_FAULT,
	WASI_FBIG,
	WASI_HOSTUNREACH,
	WASI_IDRM,
	WASI_ILSEQ,
	WASI_INPROGRESS,
	WASI_INTR,
	WASI_INVAL,
	WASI_IO,
	WASI_ISCONN,
	WASI_ISDIR,
	WASI_LOOP,
	WASI_MFILE,
	WASI_MLINK,
	WASI_MSGSIZE,
	WASI_MULTIHOP,
	WASI_NAMETOOLONG,
	WASI_NETDOWN,
	WASI_NETRESET,
	WASI_NETUNREACH,
	WASI_NFILE,
	WASI_NOBUFS,
	WASI_NODEV,
	WASI_NOENT,
	WASI_NOEXEC,
	WASI_NOLCK,
	WASI_NOLINK,
	WASI_NOMEM,
	WASI_NOMSG,
	WASI_NOPROTOOPT,
	WASI_NOSPC,
	WASI_NOSYS,
	WASI_NOTCONN,
	WASI_NOTDIR,
	WASI_NOTEMPTY,
	WASI_NOTRECOVERABLE,
	WASI_NOTSOCK,
	WASI_NOTSUP,
	WASI_NOTTY,
	WASI_NXIO,
	WASI_OVERFLOW,
	WASI_OWNERDEAD,
	WASI_PERM,
	WASI_PIPE,
	WASI_PROTO,
	WASI_PROTONOSUPPORT,
	WASI_PROTOTYPE,
	WASI_RANGE,
	WASI_ROFS,
	WASI_SPIPE,
	WASI_SRCH,
	WASI_STALE,
	WASI_TIMEDOUT,
	WASI_TXTBSY,
	WASI_XDEV,
	WASI_NOTCAPABLE,
};

#define WASI_RIGHT_FD_DATASYNC             (1ULL << 0)
#define WASI_RIGHT_FD_READ                 (1ULL << 1)
#define WASI_RIGHT_FD_SEEK                 (1ULL << 2)
#define WASI_RIGHT_FD_FDSTAT_SET_FLAGS     (1ULL << 3)
#define WASI_RIGHT_FD_SYNC                 (1ULL << 4)
#define WASI_RIGHT_FD_TELL                 (1ULL << 5)
#define WASI_RIGHT_FD_WRITE                (1ULL << 6)
#define WASI_RIGHT_FD_ADVISE               (1ULL << 7)
#define WASI_RIGHT_FD_ALLOCATE             (1ULL << 8)
#define WASI_RIGHT_PATH_CREATE_DIRECTORY   (1ULL << 9)
#define WASI_RIGHT_PATH_CREATE_FILE        (1ULL << 10)
#define WASI_RIGHT_PATH_LINK_SOURCE        (1ULL << 11)
#define WASI_RIGHT_PATH_LINK_TARGET        (1ULL << 12)
#define WASI_RIGHT_PATH_OPEN               (1ULL << 13)
#define WASI_RIGHT_FD_READDIR              (1ULL << 14)
#define WASI_RIGHT_PATH_READLINK           (1ULL << 15)
#define WASI_RIGHT_PATH_RENAME_SOURCE      (1ULL << 16)
#define WASI_RIGHT_PATH_RENAME_TARGET      (1ULL << 17)
#define WASI_RIGHT_PATH_FILESTAT_GET       (1ULL << 18)
#define WASI_RIGHT_PATH_FILESTAT_SET_SIZE  (1ULL << 19)
#define WASI_RIGHT_PATH_FILESTAT_SET_TIMES (1ULL << 20)
#define WASI_RIGHT_FD_FILESTAT_GET         (1ULL << 21)
#define WASI_RIGHT_FD_FILESTAT_SET_SIZE    (1ULL << 22)
#define WASI_RIGHT_FD_FILESTAT_SET_TIMES   (1ULL << 23)
#define WASI_RIGHT_PATH_SYMLINK            (1ULL << 24)
#define WASI_RIGHT_PATH_REMOVE_DIRECTORY   (1ULL << 25)
#define WASI_RIGHT_PATH_UNLINK_FILE        (1ULL << 26)
#define WASI_RIGHT_POLL_FD_READWRITE       (1ULL << 27)
#define WASI_RIGHT_SOCK_SHUTDOWN           (1ULL << 28)
#define WASI_RIGHT_SOCK_ACCEPT             (1ULL << 29)
#define WASI_RIGHTS_ALL                    ((1ULL << 30) - 1)

enum wasi_clock {
	WASI_CLOCK_REALTIME,
	WASI_CLOCK_MONOTONIC,
	WASI_CLOCK_PROCESS_CPUTIME,
	WASI_CLOCK_THREAD_CPUTIME,
};

enum wasi_filetype {
	WASI_FILETYPE_UNKNOWN,
	WASI_FILETYPE_BLOCK_DEVICE,
	WASI_FILETYPE_CHARACTER_DEVICE,
	WASI_FILETYPE_DIRECTORY,
	WASI_FILETYPE_REGULAR_FILE,
	WASI_FILETYPE_SOCKET_DGRAM,
	WASI_FILETYPE_SOCKET_STREAM,
	WASI_FILETYPE_SYMBOLIC_LINK,
};

enum wasi_fdflag {
	WASI_FDFLAG_APPEND = 1 << 0,
	WASI_FDFLAG_DSYNC = 1 << 1,
	WASI_FDFLAG_NONBLOCK = 1 << 2,
	WASI_FDFLAG_RSYNC = 1 << 3,
	WASI_FDFLAG_SYNC = 1 << 4,
	WASI_FDFLAGS_ALL = (1 << 5) - 1,
};

enum wasi_oflag {
	WASI_OFLAG_CREAT = 1 << 0,
	WASI_OFLAG_DIRECTORY = 1 << 1,
	WASI_OFLAG_EXCL = 1 << 2,
	WASI_OFLAG_TRUNC = 1 << 3,
	WASI_OFLAGS_ALL = (1 << 4) - 1,
};

enum wasi_fstflag {
	WASI_FSTFLAG_ATIM = 1 << 0,
	WASI_FSTFLAG_ATIM_NOW = 1 << 1,
	WASI_FSTFLAG_MTIM = 1 << 2,
	WASI_FSTFLAG_MTIM_NOW = 1 << 3,
	WASI_FSTFLAGS_ALL = (1 << 4) - 1,
};

#define WASI_LOOKUP_SYMLINK_FOLLOW 1

struct wasi_iovec {
	uint32_t buf, len;
};

struct wasi_fdstat {
	uint8_t filetype, pad0;
	uint16_t flags;
	uint32_t pad1;
	uint64_t rights_base, rights_inheriting;
};

struct wasi_filestat {
	uint64_t dev, ino;
	uint8_t filetype, pad[7];
	uint64_t nlink, size, atim, mtim, ctim;
};

struct wasi_dirent {
	uint64_t next, ino;
	uint32_t namlen;
	uint8_t type, pad[3];
};

struct wasi_prestat {
	uint8_t tag, pad[3]; /* 0: a directory */
	uint32_t name_len;
};

enum wasi_eventtype {
	WASI_EVENT_CLOCK,
	WASI_EVENT_FD_READ,
	WASI_EVENT_FD_WRITE,
};

#define WASI_SUBCLOCK_ABSTIME 1
#define WASI_EVENTRW_HANGUP   1

struct wasi_subscription {
	uint64_t userdata;
	uint8_t type, pad0[7]; /* enum wasi_eventtype */
	union {
		struct {
			uint32_t id, pad1;
			uint64_t timeout, precision;
			uint16_t flags, pad2[3];
		} clock;
		uint32_t fd;
	};
};

struct wasi_event {
	uint64_t userdata;
	uint16_t error;
	uint8_t type, pad0[5];
	uint64_t nbytes;
	uint16_t flags, pad1[3];
};

#define WASI_RI_PEEK      1
#define WASI_RI_WAITALL   2
#define WASI_RO_TRUNCATED 1
#define WASI_SD_RD        1
#define WASI_SD_WR        2

_Static_assert(sizeof(struct wasi_iovec) == 8 && sizeof(struct wasi_fdstat) == 24 &&
		       sizeof(struct wasi_filestat) == 64 && sizeof(struct wasi_dirent) == 24 &&
		       sizeof(struct wasi_prestat) == 8 && sizeof(struct wasi_subscription) == 48 &&
		       sizeof(struct wasi_event) == 32,
	       "sizes in witx");

#endif
