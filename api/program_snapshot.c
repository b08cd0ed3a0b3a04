/* SPDX-License-Identifier: Apache-2.0 */
/* Starting a program from its snapshot. The file may be anybody's, as any program's may. */
#include <mote/program_snapshot.h>

#include "api/cache/working_set.h"
#include "api/error.h"
#include "api/images.h"
#include "api/program_dirs.h"
#include "api/sandbox.h"

#include <errno.h>

int mote_program_snapshot_is(int fd)
{
	return vm_snapshot_is_file(fd);
}

/* A program in the middle of its run has looked at these already. */
static const char *find_fixed(const struct mote_options *o)
{
	if (o->argv[0] && o->argv[1])
		return "arguments";
	if (o->envp && o->envp[0])
		return "environment";
	if (o->cwd)
		return "working directory";
	if (o->entry || o->library)
		return "entry function";
	if (o->listener_count)
		return "listening sockets";
	return NULL;
}

/* Of a snapshot taken before a host call: the options that count are the snapshot's. */
static int match_options(struct mote_options *o, const struct vm_snapshot *s,
			 struct mote_dir dirs[PREOPENS_MAX], struct err *e)
{
	const char *fixed = find_fixed(o);
	if (fixed)
		return err_set(e, ERR_CONFIG, EINVAL,
			       "the snapshot's program had its %s when the snapshot was taken",
			       fixed);
	size_t bytes;
	const uint8_t *extra = vm_snapshot_extra(s, &bytes);
	int rc = program_dirs_order(o, reader_of(extra, bytes), dirs, e);
	o->dirs = dirs;
	return rc;
}

static int take_options(struct mote_options *o, const struct vm_snapshot *s,
			struct mote_dir dirs[PREOPENS_MAX], struct err *e)
{
	if (vm_snapshot_state(s) == VM_IN_EXCHANGE)
		return err_set(e, ERR_CONFIG, EINVAL,
			       "the snapshot is of a guest that waits for calls");
	/* a file cannot ask for more */
	if (!o->memory_bytes && vm_snapshot_memory(s) < DEFAULT_MEMORY)
		o->memory_bytes = vm_snapshot_memory(s);
	if (vm_snapshot_state(s) == VM_BEFORE_CALL)
		return match_options(o, s, dirs, e);
	return 0;
}

static int start_from(const char *cache, struct vm_snapshot *s, struct mote_options *o,
		      struct mote_sandbox **sandbox, struct err *e)
{
	struct mote_dir dirs[PREOPENS_MAX];
	cleanup_close int record = -1;
	int rc = take_options(o, s, dirs, e);
	if (rc < 0)
		return rc;
	if (cache)
		working_set_expect_of_file(cache, o->program_fd, options_kvm(o), s, &record);
	rc = sandbox_new(o, s, sandbox, e);
	if (rc < 0)
		return rc;
	sandbox_record_working_set(*sandbox, record);
	return 0;
}

static int start(const char *cache, const struct mote_options *options,
		 struct mote_sandbox **sandbox, struct err *e)
{
	struct mote_options o;
	struct vm_snapshot *s;
	cleanup_close int kvm_fd = -1;
	int rc = options_copy_program(options, &o, e);
	if (rc == 0)
		rc = options_open_kvm(&o, &kvm_fd, e);
	if (rc == 0)
		rc = vm_snapshot_open_untrusted(o.program_fd, mote_build_id, options_kvm(&o), &s,
						e);
	if (rc < 0)
		return rc;
	rc = start_from(cache, s, &o, sandbox, e);
	vm_snapshot_drop(s);
	return rc;
}

int mote_program_snapshot_start(const char *cache, const struct mote_options *options,
				struct mote_sandbox **sandbox, struct mote_error *error)
{
	struct err e = {0};
	if (start(cache, options, sandbox, &e) < 0)
		return error_report(&e, error);
	return 0;
}
