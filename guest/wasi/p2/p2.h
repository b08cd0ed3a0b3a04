/* SPDX-License-Identifier: Apache-2.0 */
/*
 * WASI 0.2 on top of host calls: what its interfaces share. What a handle of a component stands for
 * is an object here, by its number. Functions get what host.h of guest/component says; those that
 * can fail have a result whose first byte is 1 then.
 */
#ifndef MOTE_WASI_P2_H
#define MOTE_WASI_P2_H

#include "guest/component/host.h"
#include "guest/wasi/state.h"

/* --- objects --- */

enum p2_kind {
	P2_FREE,
	P2_DESCRIPTOR,
	P2_INPUT,
	P2_OUTPUT,
	P2_POLLABLE,
	P2_ERROR,
	P2_TERMINAL,
	P2_ENTRIES, /* of a directory */
	P2_NETWORK,
	P2_SOCKET,
	P2_DATAGRAMS, /* those that come in or go out by a socket */
	P2_ADDRESSES, /* of a name */
};

struct p2_object {
	uint8_t kind;
	bool positioned; /* a stream: reads or writes the file from `at` on */
	bool appends;
	bool is_preopen; /* a descriptor: the host's, which is never closed */
	uint8_t flags;   /* a descriptor's, as it was opened; a socket's options (sockets.h) */
	uint8_t state;   /* a socket's (sockets.h); of an address, its family */
	int16_t events;  /* a pollable's; 0: it waits for the time `at`, 0 of which is always */
	int32_t fd;
	int32_t error;  /* an error's: a negative errno; a socket's: what its operation came to */
	uint32_t users; /* a descriptor or socket: its handle, and what is made of it */
	uint32_t file;  /* a stream, entries, a socket's pollable: the descriptor or socket, or 0 */
	/*
	 * A stream's position, a pollable's time, entries' cookie of the host, the backlog of a
	 * socket, which of its addresses comes next; free: the next.
	 */
	uint64_t at;
	const char *preopen; /* a descriptor's path if it was open at the start */
	uint16_t ip[8];      /* of a name: its address */
	uint32_t unsent;     /* a socket's, what it has been given and the host has not: unsent.h */
} __attribute__((aligned(16)));

/* The object of a number that a handle of the host's resources has. */
struct p2_object *p2_get(uint32_t number);
/* A number for it; traps if there is no memory. */
uint32_t p2_new(struct component_call *call, const struct p2_object *o);
void p2_drop(uint32_t number);
/* One that uses the descriptor of that number as long as it lives. */
struct p2_object p2_of_file(uint32_t number, enum p2_kind kind);

/* --- errors --- */

/* The error-code of wasi:filesystem for a negative errno. */
uint8_t p2_error_code(int64_t rc);
/* The same for paths: one that leads out of its directory is not permitted. */
uint8_t p2_path_error_code(int64_t rc);
const char *p2_error_text(int64_t rc);
enum { LX_POLLIN = 0x1, LX_POLLOUT = 0x4 }; /* the events */
enum { P2_SOCKET_EVENTS = -1 }; /* a pollable's: those of its socket at the time (sockets.h) */

/* --- what several interfaces have --- */

enum { P2_CLOCK_REALTIME = 0, P2_CLOCK_MONOTONIC = 1 };
uint64_t p2_clock(uint32_t clock);
extern const struct component_host_resource p2_error, p2_pollable, p2_input_stream,
	p2_output_stream;

/* Types in several signatures (type_text.h). */
#define P2_STREAM_ERROR "variant<own error, _>"
#define P2_CODE         "enum<37>"
#define P2_TIME         "record<u64, u32>"

/* The interfaces, in the files of their packages. */
extern const struct component_host_interface p2_environment, p2_exit, p2_stdin, p2_stdout,
	p2_stderr, p2_terminal_input, p2_terminal_output, p2_terminal_stdin, p2_terminal_stdout,
	p2_terminal_stderr;                                                     /* cli.c */
extern const struct component_host_interface p2_io_error, p2_poll;              /* poll.c */
extern const struct component_host_interface p2_streams;                        /* streams.c */
extern const struct component_host_interface p2_monotonic_clock, p2_wall_clock; /* clocks.c */
extern const struct component_host_interface p2_random, p2_insecure,
	p2_insecure_seed;                                                     /* random.c */
extern const struct component_host_interface p2_filesystem;                   /* files.c */
extern const struct component_host_interface p2_preopens;                     /* files.c */
extern const struct component_host_interface p2_network, p2_instance_network; /* network.c */
extern const struct component_host_interface p2_tcp, p2_tcp_create;           /* tcp.c */
extern const struct component_host_interface p2_udp, p2_udp_create;           /* udp.c */
extern const struct component_host_interface p2_name_lookup;                  /* name_lookup.c */

#define P2_COUNT(array) ((uint32_t)(sizeof(array) / sizeof((array)[0])))

#endif
