/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which addresses of the mapping zone are free: sorted ranges that never touch each other. What a
 * program unmaps is used again, so that neither addresses nor the tables that map them run out.
 * Reservations without access are known here alone.
 */
#include "guest/linux/mm/ranges.h"

#include "guest/lib/lib.h"
#include "guest/linux/mm/layout.h"
#include "guest/linux/state.h"

enum { RANGES_MAX = 1024 };

struct range {
	uint64_t start, end;
};

struct range_set {
	struct range ranges[RANGES_MAX];
	uint32_t count;
};

/* The zone has two parts, in order of addresses. */
static const struct range zone[] = {
	{LINUX_LOW_MMAP, LINUX_LOW_MMAP_TOP},
	{MOTE_WINDOW_END, LINUX_MMAP_TOP},
};
enum { ZONE_PARTS = 2 };

static struct range_set unused = {
	{{LINUX_LOW_MMAP, LINUX_LOW_MMAP_TOP}, {MOTE_WINDOW_END, LINUX_MMAP_TOP}},
	ZONE_PARTS,
};
static struct range_set reserved, shared, shared_anonymous, left_out, overcommitted;

static void remove_at(struct range_set *s, uint32_t i)
{
	memmove(&s->ranges[i], &s->ranges[i + 1], (--s->count - i) * sizeof(s->ranges[0]));
}

/* False if the array is full: the range is forgotten. */
static bool insert_at(struct range_set *s, uint32_t i, uint64_t start, uint64_t end)
{
	if (s->count == RANGES_MAX)
		return false;
	memmove(&s->ranges[i + 1], &s->ranges[i], (s->count++ - i) * sizeof(s->ranges[0]));
	s->ranges[i] = (struct range){start, end};
	return true;
}

static void set_remove(struct range_set *s, uint64_t start, uint64_t end)
{
	for (uint32_t i = 0; i < s->count && s->ranges[i].start < end;) {
		struct range r = s->ranges[i];
		if (r.end <= start) {
			i++;
			continue;
		}
		remove_at(s, i);
		if (r.start < start && insert_at(s, i, r.start, start))
			i++;
		if (r.end > end && insert_at(s, i, end, r.end))
			i++;
	}
}

static bool set_add(struct range_set *s, uint64_t start, uint64_t end)
{
	uint32_t i = 0;
	while (i < s->count && s->ranges[i].end < start)
		i++;
	/* What touches or overlaps becomes part of the new one. */
	while (i < s->count && s->ranges[i].start <= end) {
		if (s->ranges[i].start < start)
			start = s->ranges[i].start;
		if (s->ranges[i].end > end)
			end = s->ranges[i].end;
		remove_at(s, i);
	}
	return insert_at(s, i, start, end);
}

/* --- free addresses --- */

bool ranges_in_zone(uint64_t start, uint64_t bytes)
{
	for (int i = 0; i < ZONE_PARTS; i++)
		if (start >= zone[i].start && start <= zone[i].end && bytes <= zone[i].end - start)
			return true;
	return false;
}

void ranges_take(uint64_t start, uint64_t bytes)
{
	set_remove(&unused, start, start + bytes);
}

/* If the set is full, the addresses are never handed out again, which is all. */
void ranges_give(uint64_t start, uint64_t bytes)
{
	for (int i = 0; i < ZONE_PARTS; i++) {
		uint64_t from = max_u64(start, zone[i].start);
		uint64_t end = min_u64(start + bytes, zone[i].end);
		if (from < end)
			(void)!set_add(&unused, from, end);
	}
}

uint64_t ranges_find(uint64_t bytes, uint64_t align)
{
	for (uint32_t i = unused.count; i-- > 0;) {
		const struct range *r = &unused.ranges[i];
		if (r->end - r->start < bytes)
			continue;
		uint64_t at = (r->end - bytes) & ~(align - 1);
		if (at >= r->start)
			return at;
	}
	return 0;
}

bool ranges_free(uint64_t start, uint64_t bytes)
{
	for (uint32_t i = 0; i < unused.count; i++) {
		const struct range *r = &unused.ranges[i];
		if (r->start <= start && r->end >= start && r->end - start >= bytes)
			return true;
	}
	return false;
}

/* --- reservations --- */

bool ranges_reserve(uint64_t start, uint64_t bytes)
{
	return set_add(&reserved, start, start + bytes);
}

void ranges_unreserve(uint64_t start, uint64_t bytes)
{
	set_remove(&reserved, start, start + bytes);
	set_remove(&left_out, start, start + bytes);
	set_remove(&overcommitted, start, start + bytes);
}

bool ranges_leave_out(uint64_t start, uint64_t bytes)
{
	return set_add(&left_out, start, start + bytes);
}

/* Whether `at` is in the set. *end becomes lower if that ends, or begins, before. */
static bool set_has(const struct range_set *s, uint64_t at, uint64_t *end)
{
	uint32_t i = 0;
	while (i < s->count && s->ranges[i].end <= at)
		i++;
	if (i == s->count)
		return false;
	bool inside = s->ranges[i].start <= at;
	*end = min_u64(*end, inside ? s->ranges[i].end : s->ranges[i].start);
	return inside;
}

enum range_kind ranges_kind(uint64_t at, uint64_t *end)
{
	if (at < MOTE_PAGE) { /* nothing is ever mapped there */
		*end = min_u64(*end, MOTE_PAGE);
		return RANGE_FREE;
	}
	if (set_has(&reserved, at, end))
		return RANGE_RESERVED;
	if (set_has(&left_out, at, end))
		return RANGE_LEFT_OUT;
	if (set_has(&unused, at, end))
		return RANGE_FREE;
	return RANGE_OTHER;
}

void ranges_overcommit(uint64_t start, uint64_t bytes)
{
	(void)!set_add(&overcommitted, start, start + bytes);
}

bool ranges_overcommitted(uint64_t at)
{
	uint64_t end = at + 1;
	return set_has(&overcommitted, at, &end);
}

/* --- shared files --- */

bool ranges_share(uint64_t start, uint64_t bytes)
{
	return set_add(&shared, start, start + bytes);
}

void ranges_share_anonymous(uint64_t start, uint64_t bytes)
{
	(void)!set_add(&shared_anonymous, start, start + bytes);
}

void ranges_unshare(uint64_t start, uint64_t bytes)
{
	set_remove(&shared, start, start + bytes);
	set_remove(&shared_anonymous, start, start + bytes);
}

static bool set_meets(const struct range_set *s, uint64_t start, uint64_t bytes)
{
	for (uint32_t i = 0; i < s->count; i++)
		if (s->ranges[i].start < start + bytes && start < s->ranges[i].end)
			return true;
	return false;
}

bool ranges_shared(uint64_t start, uint64_t bytes)
{
	return set_meets(&shared, start, bytes);
}

bool ranges_keep_contents(uint64_t at, uint64_t *end)
{
	return set_has(&shared_anonymous, at, end);
}

bool ranges_shared_anonymous(uint64_t start, uint64_t bytes)
{
	return set_meets(&shared_anonymous, start, bytes);
}

static bool set_copy(struct range_set *s, uint64_t from, uint64_t bytes, uint64_t to)
{
	const uint64_t end = from + bytes;
	for (uint64_t at = from, next; at < end; at = next) {
		next = end;
		if (set_has(s, at, &next) && !set_add(s, at - from + to, next - from + to))
			return false;
	}
	return true;
}

bool ranges_copy(uint64_t from, uint64_t bytes, uint64_t to)
{
	(void)!set_copy(&overcommitted, from, bytes, to);
	(void)!set_copy(&shared_anonymous, from, bytes, to);
	return set_copy(&reserved, from, bytes, to) && set_copy(&left_out, from, bytes, to) &&
	       set_copy(&shared, from, bytes, to);
}

bool ranges_next_used(uint64_t *start, uint64_t *end)
{
	for (int i = 0; i < ZONE_PARTS; i++) {
		uint64_t at = max_u64(*start, zone[i].start);
		*end = zone[i].end;
		for (uint32_t k = 0; k < unused.count && unused.ranges[k].start <= at; k++)
			at = max_u64(at, unused.ranges[k].end);
		for (uint32_t k = 0; k < unused.count; k++)
			if (unused.ranges[k].start > at)
				*end = min_u64(*end, unused.ranges[k].start);
		if (at < *end) {
			*start = at;
			return true;
		}
	}
	return false;
}
