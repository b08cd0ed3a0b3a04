/* SPDX-License-Identifier: Apache-2.0 */
/*
 * WASI preview 1 on top of host calls and host/resources.h: what its functions share. The functions
 * themselves, p1_NAME(), are those that preview1.def lists; each returns an enum wasi_errno.
 */
#ifndef MOTE_WASI_P1_H
#define MOTE_WASI_P1_H

#include "guest/wasi/host/resources.h"
#include "guest/wasi/memory.h"
#include "guest/wasi/p1/preview1.h"
#include "guest/wasi/state.h"

#include "gen/p1_functions.h"

/*
 * Translates a program's vectors for the host. At most 1024 are taken: reading and writing may be
 * partial. *out is valid until the next call. Also sums up their bytes.
 */
uint32_t p1_iovecs(const struct wasm_instance *inst, uint32_t iovs, uint32_t count,
		   const struct mote_iovec **out, uint64_t *used, uint64_t *bytes);

/* --- errors --- */

/* A host call's result as an errno of WASI; WASI_SUCCESS for results >= 0. */
uint32_t p1_errno(int64_t result);
/* The same for paths: one that leads out of its directory (EXDEV) is not permitted. */
uint32_t p1_path_errno(int64_t result);

/* --- descriptors --- */

/* What preview 1 adds to a resource: rights, flags, and where fd_readdir is. */
struct p1_fd {
	struct resource *resource; /* of the same number; set by p1_fd_get() */
	uint64_t base, inheriting; /* rights */
	uint8_t fdflags;           /* enum wasi_fdflag, as the program has set them */
	/* A directory: the position of fd_readdir, as its own cookie and as the host's. */
	uint64_t listed;
	int64_t listed_host;
};

/* Gives the resources that are open at the start their rights, after resources_init(). */
void p1_fds_init(void);
/* The entry if it is open and has all of `rights`. */
uint32_t p1_fd_get(uint32_t fd, uint64_t rights, struct p1_fd **out);
/*
 * Enters a descriptor that the host has just made, of a known type or RESOURCE_UNKNOWN. A negative
 * fd is the host's error. Closes it if it cannot be kept.
 */
uint32_t p1_fd_add(int64_t fd, enum resource_type type, const struct p1_fd *entry);
/* Fetches the type if it is not known, and drops the rights that mean nothing for it. */
uint32_t p1_refresh_type(uint32_t fd, struct p1_fd *f);
/* Remembers the type that a stat has shown. */
void p1_cache_type(struct p1_fd *f, uint32_t mode);
/* Certainly not a directory; one whose type is not known may be. */
bool p1_is_no_directory(const struct p1_fd *f);

uint8_t p1_filetype(enum resource_type type);
void p1_filestat(struct wasi_filestat *to, const struct mote_stat *from);

/* --- paths --- */

#define P1_PATH_MAX 4096 /* bytes; the host refuses longer ones */

/* A path below a directory; the host copies it once and bounds it. */
struct p1_path {
	uint32_t fd;
	const char *at; /* in linear memory, as a rule */
	uint64_t len;
	uint32_t resolve; /* MOTE_RESOLVE_BENEATH or MOTE_RESOLVE_IN_ROOT */
};

/* Whether it stays below its directory, symlinks aside: neither absolute nor too many `..`. */
bool p1_path_stays_inside(const struct p1_path *p);
uint32_t p1_path_resolve(const char *preopen, const struct p1_path *p);
/* Finds the working directory, after resources_init(). */
void p1_cwd_init(void);
/* Of a path in the working directory: makes it one below "/" if that is what it means. */
void p1_cwd_resolve(struct p1_path *p);

/* --- what WASI's older form shares --- */

uint32_t p1_fd_stat(uint32_t fd, struct wasi_filestat *out);
uint32_t p1_path_stat(const struct wasm_instance *inst, uint32_t fd, uint32_t lookup, uint32_t path,
		      uint32_t path_len, struct wasi_filestat *out);

/* How subscriptions of poll_oneoff stand in memory. */
struct p1_subscriptions {
	uint32_t bytes; /* of each */
	void (*read)(const uint8_t *from, struct wasi_subscription *to);
};
uint32_t p1_poll(const struct wasm_instance *inst, uint32_t in, uint32_t out, uint32_t count,
		 uint32_t nevents, const struct p1_subscriptions *form);

/* --- times --- */

#define WASI_NS 1000000000ULL
uint64_t p1_timestamp(const struct mote_time *t); /* clamped */
/* Times for futimens and utimens as fstflags say. */
uint32_t p1_set_times(struct mote_time t[2], uint64_t atim, uint64_t mtim, uint32_t flags);

#endif
