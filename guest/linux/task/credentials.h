/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Users, groups and capabilities of the process, as credentials(7) and capabilities(7) have them.
 * What Linux's rules allow is asked of the host, which changes its own thread's: files are then
 * opened and made by these.
 */
#ifndef MOTE_GUEST_LINUX_TASK_CREDENTIALS_H
#define MOTE_GUEST_LINUX_TASK_CREDENTIALS_H

#include "guest/linux/state.h"

/* Those that the operator gave. */
void credentials_start(const struct mote_boot *boot);
/* Whether the capability, CAP_*, is effective. */
bool capable(uint32_t capability);
/* Becomes `next`, which Linux's rules allow. -errno: the host does not let it, nothing changed. */
int64_t credentials_commit(const struct credentials *next);
/* What execve makes of them, of a program without set-ID bits. */
void credentials_exec(void);
/* Whether the program runs with rights that its real user has not (AT_SECURE). */
static inline bool credentials_secure(void)
{
	const struct credentials *c = &process.credentials;
	return c->uid[ID_EFFECTIVE] != c->uid[ID_REAL] || c->gid[ID_EFFECTIVE] != c->gid[ID_REAL];
}

/* The supplementary groups, in ascending order as Linux has them; their count. */
uint32_t credentials_groups(const uint32_t **list);
bool credentials_in_group(uint32_t group);

/* PR_* of capabilities; -ENOSYS: the option is another's. */
int64_t capability_prctl(uint32_t option, uint64_t arg, uint64_t second, bool rest_is_zero);

#endif
