/* SPDX-License-Identifier: Apache-2.0 */
/* The functions that a guest exports: the table of its READY message. */
#ifndef MOTE_API_EXPORTS_H
#define MOTE_API_EXPORTS_H

#include "base/cleanup.h"
#include "base/err.h"

#include <mote/value.h>

#include <stddef.h>
#include <stdint.h>

struct export
{
	const char *name, *signature; /* in the table's copy of the message */
	uint8_t flags;                /* enum mote_export_flag */
};

/* Immutable and counted: sandboxes that come from one snapshot share it, on any threads. */
struct exports {
	struct export *list; /* owned, ordered by name */
	size_t count;
	uint32_t *callable; /* owned: positions of those that can be called */
	size_t callable_count;
	uint8_t *message; /* owned */
	size_t message_len;
	_Atomic unsigned refs;
};

/* Reads a READY message, kind included; untrusted. ERR_GUEST, EPROTO if it is not one. */
int exports_read(struct exports **out, const uint8_t *message, size_t len,
		 struct err *e) must_check;
struct exports *exports_ref(struct exports *x);
void exports_drop(struct exports *x); /* accepts NULL */
const struct export *exports_find(const struct exports *x, const char *name);
/* What of its type keeps a function from being called, or NULL. */
const char *export_uncallable(const struct export *f);
size_t export_results(const struct export *f); /* how many it has */
/* Whether arguments and wanted result match the signature; otherwise ERR_CONFIG, EINVAL. */
int export_check(const struct export *f, const struct mote_value *args, size_t count,
		 enum mote_type want, struct err *e) must_check;
/* Whether a result is of a type that a call which passed export_check may return. */
bool export_returns(const struct export *f, enum mote_type want, enum mote_type got);
#endif
