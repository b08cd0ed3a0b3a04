/* SPDX-License-Identifier: Apache-2.0 */
/* What a process that runs one sandbox gives up before the guest runs. */
#include "api/error.h"
#include "api/options.h"
#include "api/sandbox.h"

#include "base/confine.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

enum { KEEP_MAX = 64 };

static int close_others(const struct mote_sandbox *s, const int *keep, size_t count, struct err *e)
{
	int all[3 + KEEP_MAX] = {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO};
	if (count > KEEP_MAX)
		return err_set(e, ERR_CONFIG, E2BIG,
			       "%zu descriptors to keep; at most %d are possible", count, KEEP_MAX);
	if (count)
		memcpy(all + 3, keep, count * sizeof(*keep));
	int rc = vm_close_others(s->vm, all, 3 + count);
	if (rc < 0)
		return err_sys(e, -rc, "closing descriptors");
	return 0;
}

/* Everything but the descriptors. */
static int confine(const struct mote_options *options, struct mote_confined *done, struct err *e)
{
	struct mote_options o;
	cleanup_sandbox_config struct sandbox_config c = SANDBOX_CONFIG_EMPTY;
	struct confine_dir dirs[PREOPENS_MAX];
	int rc = options_copy(options, offsetof(struct mote_options, network) + sizeof(o.network),
			      &o, e);
	if (rc == 0)
		rc = config_from_options(&o, &c, e);
	if (rc == 0 && c.vm.preopen_count < PREOPENS_MAX) /* a module has none */
		rc = config_add_devices(&o, &c, e);
	if (rc < 0)
		return rc;
	int abi = confine_files(dirs, config_dirs(&c.vm, dirs),
				o.network ? CONFINE_KEEPS_NETWORK : 0, e);
	if (abi < 0)
		return abi;
	int off = confine_speculation(e);
	if (off < 0)
		return off;
	*done = (struct mote_confined){
		.size = done->size,
		.landlock_abi = abi,
		.store_bypass_off = (off & CONFINE_STORE_BYPASS) != 0,
		.indirect_branch_off = (off & CONFINE_INDIRECT_BRANCH) != 0,
	};
	return 0;
}

int mote_confine(struct mote_sandbox *sandbox, const struct mote_options *options, const int *keep,
		 size_t count, struct mote_confined *done, struct mote_error *error)
{
	struct err e = {0};
	struct mote_confined all = {.size = done ? done->size : 0};
	if (confine(options, &all, &e) < 0 || close_others(sandbox, keep, count, &e) < 0)
		return error_report(&e, error);
	sandbox->confined = true;
	if (done)
		memcpy(done, &all, done->size < sizeof(all) ? done->size : sizeof(all));
	return 0;
}

int mote_close_others(struct mote_sandbox *sandbox, const int *keep, size_t count,
		      struct mote_error *error)
{
	struct err e = {0};
	if (close_others(sandbox, keep, count, &e) < 0)
		return error_report(&e, error);
	sandbox->confined = true;
	return 0;
}
