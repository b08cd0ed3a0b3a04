/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The protocol between the shim and a monitor, over a stream socket: messages of a type and a body.
 *
 *   shim -> monitor   CONFIG  what to be
 *   monitor -> shim   HOOKS   it is in its namespaces: the shim is to run its hooks
 *   shim -> monitor   HOOKS   they have run
 *   shim -> monitor   JOIN    its cgroups
 *   monitor -> shim   READY   mounts, cgroup, user and entrypoint are set up: Create waits for it
 *   monitor -> shim   BUILT   the VM is made and the jail closed: Start waits for it
 *   shim -> monitor   START
 *   monitor -> shim   BIND    a socket of its own that it may not bind; any number of them
 *   shim -> monitor   BIND    how that ended
 *   monitor -> shim   EXIT    the program's status; the end of the process follows
 *
 * Instead of any of its messages the monitor may send FAILED, and exits. Both ends run the same
 * binary.
 */
#ifndef MOTE_RUNTIME_WIRE_H
#define MOTE_RUNTIME_WIRE_H

#include "base/buf.h"
#include "base/err.h"
#include "oci/spec.h"

#include <stdint.h>
#include <sys/types.h>

enum wire_type {
	WIRE_CONFIG = 1, /* struct wire_config */
	WIRE_JOIN,       /* with the `tasks` files to write to, opened; may be none; see `exec` */
	WIRE_READY,
	WIRE_BUILT,
	WIRE_START,
	WIRE_EXIT, /* u32: exit status */
	WIRE_HOOKS,
	WIRE_FAILED, /* u32 errno, u32 blame, text without NUL */
	WIRE_BIND,   /* struct wire_bind; back: u32 errno, 0: bound */
	WIRE_TYPES
};

/* A port below 1024, with an address of AF_INET or AF_INET6. */
struct wire_bind {
	int32_t fd; /* the monitor's */
	uint32_t len;
	uint8_t address[28]; /* struct sockaddr_in6 is the longest */
};

#define WIRE_BODY_MAX          (8UL << 20)
#define WIRE_STATUS_HOST       125 /* Mote or the machine failed */
#define WIRE_STATUS_CANNOT_RUN 126
#define WIRE_STATUS_NOT_FOUND  127

/* CONFIG's body. Of the spec travels what a monitor needs; the rest stays zero. */
struct wire_config {
	const char *id;     /* container's, for messages */
	const char *bundle; /* absolute path; relative ones of the spec begin here */
	const char *rootfs;
	uint64_t memory_bytes; /* guest memory there may be */
	/* the same of the VM that compiles the module; not of an exec */
	uint64_t compile_bytes;
	uint32_t id_base;   /* of the user namespace at MONITOR_USERNS_FD; 0: none is joined */
	bool root_mapped;   /* rootfs is id-mapped for it already */
	pid_t pid;          /* the monitor's, as the shim sees it, for hooks */
	const char *cache;  /* directory of compiled modules, "": none */
	const char *tenant; /* whose modules it uses there, see mote/cache.h */
	/*
	 * The socket of containerd, to be asked whether the image is an artefact, "": it is not;
	 * and the namespace there.
	 */
	const char *containerd, *containerd_namespace;
	bool private_memory; /* of the guest, see mote_options.isolation */
	bool hooks;          /* config.json has some that the monitor runs */
	bool runtime_hooks;  /* config.json has some that the shim runs, see WIRE_HOOKS */
	/* A process that Exec added: JOIN comes first, and its last descriptors are the namespaces,
	 * see WIRE_NAMESPACE_FDS; of the spec only the process is given. */
	bool exec;
	struct oci_spec spec;
};

int wire_encode(const struct wire_config *c, struct buf *out) must_check;
/*
 * Decodes len bytes at body; strings in *c are borrowed from body. Released with wire_config_free,
 * also after an error. -EBADMSG: not what wire_encode makes.
 */
int wire_decode(const uint8_t *body, size_t len, struct wire_config *c) must_check;
void wire_config_free(struct wire_config *c);

/* Sends one message. 0 or -errno; -EPIPE: the other end is gone (no signal). */
int wire_send(int fd, enum wire_type type, const void *body, size_t len) must_check;
/* A code, at once: -EAGAIN if the other end has not read what it was sent before. */
int wire_answer(int fd, enum wire_type type, uint32_t code) must_check;
int wire_send_failure(int fd, const struct err *e) must_check;
/*
 * Receives one message, waiting at most timeout_ms (-1: no limit) for each piece. Its body replaces
 * body's bytes. -ECONNRESET: the other end is gone; -ETIMEDOUT; -EBADMSG. Uses read(2) alone when
 * timeout_ms is -1.
 */
int wire_receive(int fd, int timeout_ms, enum wire_type *type, struct buf *body) must_check;
/* JOIN with its descriptors, at most WIRE_FDS_MAX. Borrowed; the receiver's are its own,
 * close-on-exec. */
#define WIRE_FDS_MAX 34
/* a pidfd of the monitor whose namespaces are joined; its root */
#define WIRE_NAMESPACE_FDS 2
int wire_send_join(int fd, const int *fds, size_t count) must_check;
int wire_receive_join(int fd, int fds[WIRE_FDS_MAX], size_t *count) must_check;
/* The exit status of a process that failed so. */
int wire_failure_status(const struct err *e);
/* Fills *e from a FAILED body. Returns -code. */
int wire_failure(const struct buf *body, struct err *e);

#endif
