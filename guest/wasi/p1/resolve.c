/* SPDX-License-Identifier: Apache-2.0 */
/* Where a path leads by its text alone, and how the host is to resolve it. */
#include "guest/wasi/p1/p1.h"

bool p1_path_stays_inside(const struct p1_path *p)
{
	uint64_t depth = 0;
	if (p->len == 0 || p->len > P1_PATH_MAX || p->at[0] == '/')
		return false;
	for (uint64_t i = 0, end; i < p->len; i = end + 1) {
		for (end = i; end < p->len && p->at[end] != '/';)
			end++;
		if (end - i == 2 && p->at[i] == '.' && p->at[i + 1] == '.') {
			if (depth-- == 0)
				return false;
		} else if (end > i && !(end - i == 1 && p->at[i] == '.')) {
			depth++;
		}
	}
	return true;
}

/*
 * `preopen`: the name of the directory if it was open at the start, else NULL. Below the program's
 * "/" a symlink is followed as Linux does: an absolute one begins there, whose `..` is itself.
 * Images are full of such links. Everywhere else they lead out and are refused.
 */
uint32_t p1_path_resolve(const char *preopen, const struct p1_path *p)
{
	if (preopen && strcmp(preopen, "/") == 0 && p1_path_stays_inside(p))
		return MOTE_RESOLVE_IN_ROOT;
	return MOTE_RESOLVE_BENEATH;
}
