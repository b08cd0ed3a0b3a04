/* SPDX-License-Identifier: Apache-2.0 */
/*
 * WASI preview 1 over the host-call table: state shared by its parts, and access to linear memory.
 * One instance runs in a VM, so the state is global. Every address in linear memory that a program
 * hands over goes through wasi_span().
 */
#ifndef MOTE_WASI_H
#define MOTE_WASI_H

#include "abi/guest_calls.h"
#include "guest/lib/lib.h"
#include "guest/wasi/p1/preview1.h"
#include "guest/wasm/wasm.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

extern struct mote_area *wasi_area;
extern const struct mote_boot *wasi_boot;

/* --- wasi_NAME(), the functions that p1/preview1.def lists --- */

#include "gen/p1_functions.h"

/* --- linear memory --- */

/* The bytes at [at, at + len), or NULL where not all of them are in linear memory. */
void *wasi_span(struct wasm_instance *inst, uint32_t at, uint64_t len);

/* Results go to places that need not be aligned. */
static inline void wasi_put16(void *to, uint16_t v)
{
	memcpy(to, &v, sizeof(v));
}

static inline void wasi_put32(void *to, uint32_t v)
{
	memcpy(to, &v, sizeof(v));
}

static inline void wasi_put64(void *to, uint64_t v)
{
	memcpy(to, &v, sizeof(v));
}

/*
 * Translates a program's vectors for the host. At most 1024 are taken: reading and writing may be
 * partial. *out is valid until the next call. Also sums up their bytes.
 */
uint32_t wasi_iovecs(struct wasm_instance *inst, uint32_t iovs, uint32_t count,
		     const struct mote_iovec **out, uint64_t *used, uint64_t *bytes);

/* --- errors --- */

/* A host call's result as an errno of WASI; WASI_SUCCESS for results >= 0. */
uint32_t wasi_errno(int64_t result);
/* The same for paths: one that leads out of its directory (EXDEV) is not permitted. */
uint32_t wasi_path_errno(int64_t result);

/* --- descriptors: numbers are those of the host-call table --- */

#define WASI_TYPE_UNSEEN 0xff

struct wasi_fd {
	bool open;
	uint8_t type;	 /* enum wasi_filetype; WASI_TYPE_UNSEEN until someone has to know */
	uint8_t fdflags; /* enum wasi_fdflag, as the program has set them */
	uint64_t base, inheriting;
	const char *preopen; /* guest path of a directory given at the start, else NULL */
	/* A directory: where fd_readdir has got to, as its own cookie and as the host's. */
	uint64_t listed;
	int64_t listed_host;
} __attribute__((aligned(64))); /* so that a table of them fills pages */

/* Fills the table with stdio and what boot information lists. */
void wasi_fds_init(void);
/* The entry if it is open and has all of `rights`. */
uint32_t wasi_fd_get(uint32_t fd, uint64_t rights, struct wasi_fd **out);
/* Enters a descriptor that the host has just made; closes it again where it cannot be kept. */
uint32_t wasi_fd_add(int64_t fd, const struct wasi_fd *entry);
/* Fetches the type if it is not known, and takes away the rights that mean nothing for it. */
uint32_t wasi_fd_see(uint32_t fd, struct wasi_fd *f);
/* Remembers what a stat has told. */
void wasi_fd_seen(struct wasi_fd *f, uint32_t mode);
void wasi_fd_forget(uint32_t fd);
uint8_t wasi_filetype(uint32_t mode);
void wasi_filestat(struct wasi_filestat *to, const struct mote_stat *from);

/* --- times --- */

#define WASI_NS 1000000000ULL
uint64_t wasi_timestamp(const struct mote_time *t); /* clamped */
/* Times for futimens and utimens as fstflags say. */
uint32_t wasi_set_times(struct mote_time t[2], uint64_t atim, uint64_t mtim, uint32_t flags);

/* Linux numbers that WASI's are mapped to. */
enum {
	LX_S_IFMT = 0170000,
	LX_S_IFIFO = 0010000,
	LX_S_IFCHR = 0020000,
	LX_S_IFDIR = 0040000,
	LX_S_IFBLK = 0060000,
	LX_S_IFREG = 0100000,
	LX_S_IFLNK = 0120000,
	LX_S_IFSOCK = 0140000,

	LX_O_RDONLY = 0,
	LX_O_WRONLY = 1,
	LX_O_RDWR = 2,
	LX_O_ACCMODE = 3,
	LX_O_CREAT = 0100,
	LX_O_EXCL = 0200,
	LX_O_TRUNC = 01000,
	LX_O_APPEND = 02000,
	LX_O_NONBLOCK = 04000,
	LX_O_DSYNC = 010000,
	LX_O_DIRECTORY = 0200000,
	LX_O_SYNC = 04010000,
};

#endif
