/* SPDX-License-Identifier: Apache-2.0 */
/* Host calls on credentials: of a thread of its own, since they are the thread's. */
#include "vm_calls.h"

static unsigned credentials_changed;

static void on_credentials(void *arg)
{
	(void)arg;
	credentials_changed++;
}

static int64_t set_ids(uint32_t uid, uint32_t gid, uint64_t permitted, uint64_t effective)
{
	struct mote_ids ids = {
		.uid = {uid, uid, uid, uid},
		.gid = {gid, gid, gid, gid},
		.permitted = permitted,
		.effective = effective,
	};
	return mote_set_ids(&area, put(&ids, sizeof(ids)));
}

static void expect_thread(uint32_t uid, uint32_t gid, uint64_t permitted, uint64_t effective)
{
	struct vm_credentials c = {0};
	cr_assert(credentials_take(&c) == 0);
	for (int i = 0; i < 4; i++)
		cr_expect(c.now.uid[i] == uid && c.now.gid[i] == gid, "%d: %u %u", i, c.now.uid[i],
			  c.now.gid[i]);
	cr_expect(c.now.permitted == permitted && c.now.effective == effective, "%lx %lx",
		  c.now.permitted, c.now.effective);
}

static void *change_credentials(void *arg)
{
	const uint64_t chown_only = 1UL << 0, all = UINT64_MAX;
	const uint32_t groups[] = {9, 7};
	const struct vm_credentials another = {0};
	(void)arg;
	EXPECT(-EPERM, set_ids(0, 0, 0, 0));
	EXPECT(-EPERM, mote_set_groups(&area, put(groups, sizeof(groups)), sizeof(groups)));
	vm.credentials.on_change = on_credentials;
	cr_assert(credentials_take(&vm.credentials) == 0);
	EXPECT(-EINVAL, mote_set_ids(&area, NULL));
	EXPECT(-EINVAL, set_ids(UINT32_MAX, 0, 0, 0));
	EXPECT(-EINVAL, mote_set_groups(&area, put(groups, 8), 7));
	cr_expect(credentials_changed == 0 && !vm.credentials.changed);
	EXPECT(0, mote_set_groups(&area, put(groups, sizeof(groups)), sizeof(groups)));
	EXPECT(0, open_at(RW, "of-root", MOTE_RESOLVE_IN_ROOT, O_RDWR | O_CREAT) < 0);
	EXPECT(0, set_ids(1000, 1001, chown_only, 0));
	expect_thread(1000, 1001, chown_only, 0);
	cr_expect(credentials_changed == 1 && vm.credentials.changed);
	EXPECT(-EACCES, open_at(RW, "of-root", MOTE_RESOLVE_IN_ROOT, O_RDWR));
	/* What it has it may use, and what it has given up it does not have again. */
	EXPECT(0, set_ids(1000, 1001, all, all));
	expect_thread(1000, 1001, chown_only, chown_only);
	EXPECT(-EPERM, set_ids(0, 0, all, all));
	EXPECT(-EPERM, set_ids(1000, 0, 0, 0));
	EXPECT(-EPERM, mote_set_groups(&area, put(groups, sizeof(groups)), 0));
	EXPECT(0, set_ids(1000, 1001, 0, 0));
	expect_thread(1000, 1001, 0, 0);
	cr_expect(credentials_changed == 1, "nothing was reset: %u", credentials_changed);
	cr_expect(credentials_check_thread(&another) == -EPERM &&
		  credentials_check_thread(&vm.credentials) == 0);
	return NULL;
}

Test(vm_calls, credentials_are_the_thread_s)
{
	pthread_t thread;
	cr_assert(chmod("rw", 0755) == 0 && chmod(top, 0755) == 0);
	cr_assert(pthread_create(&thread, NULL, change_credentials, NULL) == 0);
	pthread_join(thread, NULL);
	cr_expect(geteuid() == 0 && getegid() == 0 &&
		  credentials_check_thread(&vm.credentials) == 0);
}
