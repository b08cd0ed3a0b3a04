/* SPDX-License-Identifier: Apache-2.0 */
/* Free addresses of the zone that mmap chooses from. All sizes are whole pages. */
#ifndef MOTE_GUEST_LINUX_MM_RANGES_H
#define MOTE_GUEST_LINUX_MM_RANGES_H

#include <stdbool.h>
#include <stdint.h>

void ranges_take(uint64_t start, uint64_t bytes);
void ranges_give(uint64_t start, uint64_t bytes);
/* The highest free addresses of that size; align is a power of two. 0 if there are none. */
uint64_t ranges_find(uint64_t bytes, uint64_t align);
bool ranges_free(uint64_t start, uint64_t bytes);
/* Whether the addresses are of the zone. */
bool ranges_in_zone(uint64_t start, uint64_t bytes);

/*
 * Anywhere: addresses are mapped without access and nothing is behind them. False: there are too
 * many such places.
 */
bool ranges_reserve(uint64_t start, uint64_t bytes);
/*
 * Anywhere: more may be mapped there than the machine has, MAP_NORESERVE. If there are too many
 * such places, some are forgotten.
 */
void ranges_overcommit(uint64_t start, uint64_t bytes);
bool ranges_overcommitted(uint64_t at);
/* None of these nor left out any more. */
void ranges_unreserve(uint64_t start, uint64_t bytes);
/* The same of pages that a private copy of a file lacks, since they are past its end. */
bool ranges_leave_out(uint64_t start, uint64_t bytes);

/* Outside the zone only the host knows what is mapped: that is RANGE_OTHER, too. */
enum range_kind { RANGE_FREE, RANGE_RESERVED, RANGE_LEFT_OUT, RANGE_OTHER };
/* What is at `at`, and up to where, *end at the most, that is the same. */
enum range_kind ranges_kind(uint64_t at, uint64_t *end);

/* Anywhere: files are mapped shared there. False: there are too many such places. */
bool ranges_share(uint64_t start, uint64_t bytes);
/* Memory without a file is mapped shared there. Of too many such places some are forgotten. */
void ranges_share_anonymous(uint64_t start, uint64_t bytes);
/* Neither is mapped there any more. */
void ranges_unshare(uint64_t start, uint64_t bytes);
/*
 * Copies what is known of addresses but that they are free to others, of which nothing is known.
 * False: there are too many such places.
 */
bool ranges_copy(uint64_t from, uint64_t bytes, uint64_t to);
/* Whether files, or memory without a file, are mapped shared in some of it. */
bool ranges_shared(uint64_t start, uint64_t bytes);
bool ranges_shared_anonymous(uint64_t start, uint64_t bytes);
/* Whether `at` is in shared memory without a file, whose contents stay. *end as in ranges_kind. */
bool ranges_keep_contents(uint64_t at, uint64_t *end);

/* The first addresses of the zone at or behind *start that are in use; false: there are none. */
bool ranges_next_used(uint64_t *start, uint64_t *end);

#endif
