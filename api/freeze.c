/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a guest to its snapshot point, and writes it to a file. */
#include "api/freeze.h"

#include "api/images.h"
#include "api/options.h"
#include "base/confine.h"
#include "vm/snapshot/snapshot.h"

#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

static int end_error(const struct vm_outcome *end, struct err *e)
{
	switch (end->end) {
	case VM_WAITING:
		return 0;
	case VM_EXITED:
		return err_set(
			e, ERR_GUEST, ENOEXEC,
			"the program ended with status %d before it reached the snapshot point",
			end->code);
	case VM_SIGNALLED:
		return err_set(
			e, ERR_GUEST, ENOEXEC,
			"signal %d terminated the program before it reached the snapshot point",
			end->code);
	case VM_TIMED_OUT:
	case VM_INTERRUPTED:
		return err_set(
			e, ERR_GUEST, ENOEXEC,
			"the program did not reach the snapshot point within its time limit");
	case VM_FAULTED:
		return err_set(e, ERR_HOST, EIO,
			       "Mote's own code in the guest failed (exception %d)", end->code);
	}
	return -EIO;
}

/*
 * A guest without descriptors, as one that compiles a module: its process opens nothing more
 * either.
 */
static int open_no_more(const struct vm_config *c, struct err *e)
{
	const struct rlimit none = {0};
	if (c->preopen_count || c->network || c->stdio[0] >= 0 || c->stdio[1] >= 0 ||
	    c->stdio[2] >= 0)
		return 0;
	if (setrlimit(RLIMIT_NOFILE, &none) < 0)
		return err_sys(e, errno, "RLIMIT_NOFILE");
	return 0;
}

/* Nothing of the guest has run yet, and nothing else runs in this process. */
static int confine(const struct vm *vm, const struct vm_config *c, int out, struct err *e)
{
	struct confine_dir dirs[PREOPENS_MAX];
	const int keep[] = {STDERR_FILENO, out};
	int rc = confine_files(dirs, config_dirs(c, dirs), c->network ? CONFINE_KEEPS_NETWORK : 0,
			       e);
	if (rc >= 0)
		rc = confine_speculation(e);
	if (rc < 0)
		return rc;
	rc = vm_close_others(vm, keep, sizeof(keep) / sizeof(keep[0]));
	if (rc < 0)
		return err_sys(e, -rc, "closing descriptors");
	return open_no_more(c, e);
}

int freeze_guest(const struct vm_config *config, uint64_t limit_ns, const void *extra,
		 size_t extra_bytes, int out, struct err *e)
{
	struct vm_outcome end;
	struct vm *vm;
	vm_use_default_signal();
	int rc = vm_create(config, &vm, e);
	if (rc < 0)
		return rc;
	vm_snapshot_prepare();
	signal(SIGXFSZ, SIG_IGN); /* too large a file is an error like others */
	rc = confine(vm, config, out, e);
	if (rc == 0)
		rc = vm_jail(vm, true, e);
	if (rc < 0)
		return rc;
	vm_begin(vm, &(struct vm_limits){.wall_ns = limit_ns});
	rc = vm_resume(vm, &end, e);
	vm_finish(vm);
	if (rc == 0)
		rc = end_error(&end, e);
	if (rc < 0)
		return rc;
	return vm_snapshot_take_to_file(vm, mote_build_id, extra, extra_bytes, out, e);
}
