/* SPDX-License-Identifier: Apache-2.0 */
/* Errors across modules: an errno, who is to blame, and one sentence for a person. */
#ifndef MOTE_BASE_ERR_H
#define MOTE_BASE_ERR_H

#include <stdarg.h>

enum err_blame {
	ERR_NONE = 0,
	ERR_CONFIG, /* what the user wrote: options, config.json, an image */
	ERR_HOST,   /* the machine: a system call failed, a resource is missing */
	ERR_GUEST,  /* the program inside the VM */
	ERR_PEER,   /* the other end of a connection */
};

/* Owned by the caller, last argument of a function that fills it. Untouched on success. */
struct err {
	int code; /* positive errno, 0 for no error */
	enum err_blame blame;
	char text[384]; /* one sentence: what, where, what to do; never empty once set */
};

/*
 * Fills *e (which may be NULL) and returns -code, so that a function can end with
 * `return err_set(e, ...)`. code is a positive errno. Any thread.
 */
int err_set(struct err *e, enum err_blame blame, int code, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* As err_set with blame ERR_HOST, and ": <strerror(code)>" added to the sentence. */
int err_sys(struct err *e, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/*
 * For a sentence with names of a stranger's, such as an image's: what could forge a log line, or
 * means something to a terminal, becomes '?'. Returns -e->code; e may be NULL.
 */
int err_clean(struct err *e);

/* Puts "prefix: " in front of the text that is there. Returns -e->code. */
int err_prefix(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
