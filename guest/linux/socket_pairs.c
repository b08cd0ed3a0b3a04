/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/linux/socket_pairs.h"

#include "guest/linux/fs/fd_paths.h"

static struct socket_end ends[SOCKET_ENDS_MAX];
static uint16_t end_of[DESCRIPTORS_MAX];
static uint32_t used_ends = 2; /* no pair has ever had a higher number; 0 means none */
static int32_t above;          /* all descriptors of ends are below */

static uint32_t free_pair(void)
{
	for (uint32_t i = 2; i < used_ends; i += 2)
		if (!ends[i].users && !ends[i + 1].users)
			return i;
	if (used_ends == SOCKET_ENDS_MAX)
		return 0;
	used_ends += 2;
	return used_ends - 2;
}

static void set_end(int32_t fd, uint32_t end)
{
	ends[end].users++;
	end_of[fd] = (uint16_t)end;
	if (fd >= above)
		above = fd + 1;
}

void socket_pair_note(int32_t a, int32_t b, bool messages)
{
	if (a < 0 || b < 0 || a >= DESCRIPTORS_MAX || b >= DESCRIPTORS_MAX)
		return;
	const uint32_t pair = free_pair();
	if (!pair)
		return;
	ends[pair] = ends[pair + 1] = (struct socket_end){
		.messages = messages,
		.maker = {(int32_t)process.boot->pid, process.credentials.uid[ID_EFFECTIVE],
			  process.credentials.gid[ID_EFFECTIVE]},
	};
	set_end(a, pair);
	set_end(b, pair + 1);
}

uint32_t socket_end_of(int32_t fd)
{
	if (fd < 0 || fd >= above)
		return 0;
	return end_of[fd];
}

struct socket_end *socket_end(uint32_t end)
{
	return &ends[end];
}

int32_t socket_end_descriptor(uint32_t end)
{
	for (int32_t fd = 0; fd < above; fd++)
		if (end_of[fd] == end)
			return fd;
	return -1;
}

void socket_end_forget(int32_t fd)
{
	const uint32_t end = socket_end_of(fd);
	if (!end)
		return;
	ends[end].users--;
	end_of[fd] = 0;
}

void socket_end_copied(int32_t from, int32_t to)
{
	const uint32_t end = socket_end_of(from);
	if (end && to >= 0 && to < DESCRIPTORS_MAX)
		set_end(to, end);
}
