/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which addresses of the mapping zone are free: sorted ranges that never touch each other. What a
 * program unmaps is used again, so that neither addresses nor the tables that map them run out.
 * Reservations without access are known here alone.
 */
#include "guest/linux/mm/ranges.h"

#include "guest/lib/lib.h"
#include "guest/linux/mm/layout.h"

enum { RANGES_MAX = 1024 };

struct range {
	uint64_t start, end;
};

static struct range ranges[RANGES_MAX] = {{MOTE_WINDOW_END, LINUX_MMAP_TOP}};
static uint32_t count = 1;

static void remove_at(uint32_t i)
{
	memmove(&ranges[i], &ranges[i + 1], (--count - i) * sizeof(ranges[0]));
}

/*
 * If the array is full, the range is forgotten: its addresses are never handed out again, which is
 * all.
 */
static void insert_at(uint32_t i, uint64_t start, uint64_t end)
{
	if (count == RANGES_MAX)
		return;
	memmove(&ranges[i + 1], &ranges[i], (count++ - i) * sizeof(ranges[0]));
	ranges[i] = (struct range){start, end};
}

bool ranges_in_zone(uint64_t start, uint64_t bytes)
{
	return start >= MOTE_WINDOW_END && start <= LINUX_MMAP_TOP &&
	       bytes <= LINUX_MMAP_TOP - start;
}

static bool clip(uint64_t *start, uint64_t *end)
{
	if (*start < MOTE_WINDOW_END)
		*start = MOTE_WINDOW_END;
	if (*end > LINUX_MMAP_TOP)
		*end = LINUX_MMAP_TOP;
	return *start < *end;
}

void ranges_take(uint64_t start, uint64_t bytes)
{
	uint64_t end = start + bytes;
	if (!clip(&start, &end))
		return;
	for (uint32_t i = 0; i < count && ranges[i].start < end;) {
		struct range r = ranges[i];
		if (r.end <= start) {
			i++;
			continue;
		}
		remove_at(i);
		if (r.start < start)
			insert_at(i++, r.start, start);
		if (r.end > end)
			insert_at(i++, end, r.end);
	}
}

void ranges_give(uint64_t start, uint64_t bytes)
{
	uint64_t end = start + bytes;
	if (!clip(&start, &end))
		return;
	uint32_t i = 0;
	while (i < count && ranges[i].end < start)
		i++;
	while (i < count &&
	       ranges[i].start <= end) { /* touches or overlaps: becomes part of the new one */
		if (ranges[i].start < start)
			start = ranges[i].start;
		if (ranges[i].end > end)
			end = ranges[i].end;
		remove_at(i);
	}
	insert_at(i, start, end);
}

uint64_t ranges_find(uint64_t bytes, uint64_t align)
{
	for (uint32_t i = count; i-- > 0;) {
		if (ranges[i].end - ranges[i].start < bytes)
			continue;
		uint64_t at = (ranges[i].end - bytes) & ~(align - 1);
		if (at >= ranges[i].start)
			return at;
	}
	return 0;
}

bool ranges_free(uint64_t start, uint64_t bytes)
{
	for (uint32_t i = 0; i < count; i++)
		if (ranges[i].start <= start && ranges[i].end >= start &&
		    ranges[i].end - start >= bytes)
			return true;
	return false;
}
