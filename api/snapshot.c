/* SPDX-License-Identifier: Apache-2.0 */
/* Snapshots of sandboxes, over vm/snapshot/snapshot.h. */
#include "api/snapshot.h"

#include "api/error.h"
#include "api/options.h"
#include "api/working_dir.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

void snapshot_ref(struct mote_snapshot *s)
{
	atomic_fetch_add(&s->refs, 1);
}

void mote_snapshot_free(struct mote_snapshot *snapshot)
{
	if (!snapshot || atomic_fetch_sub(&snapshot->refs, 1) != 1)
		return;
	vm_snapshot_drop(snapshot->vm);
	exports_drop(snapshot->exports);
	free(snapshot);
}

static int check_idle(const struct mote_sandbox *s, struct err *e)
{
	if (s->depth > 0)
		return err_set(e, ERR_CONFIG, EINVAL, "a call of the sandbox is running");
	return 0;
}

static int take(struct mote_sandbox *s, struct mote_snapshot **out, struct err *e)
{
	int rc = check_idle(s, e);
	if (rc < 0)
		return rc;
	rc = calls_check_ready(s, e);
	if (rc < 0)
		return rc;
	struct mote_snapshot *snapshot = calloc(1, sizeof(*snapshot));
	if (!snapshot)
		return err_sys(e, ENOMEM, "a snapshot");
	snapshot->refs = 1;
	rc = vm_snapshot_take(s->vm, &snapshot->vm, e);
	if (rc < 0) {
		free(snapshot);
		return rc;
	}
	snapshot->exports = exports_ref(s->exports);
	snapshot->message_max = s->message_max;
	snapshot->memory_bytes = vm_snapshot_memory(snapshot->vm);
	*out = snapshot;
	return 0;
}

int mote_sandbox_snapshot(struct mote_sandbox *sandbox, struct mote_snapshot **snapshot,
			  struct mote_error *error)
{
	fsize_guarded;
	struct err e = {0};
	if (take(sandbox, snapshot, &e) < 0)
		return error_report(&e, error);
	return 0;
}

/* The sandbox's own state, once its VM is in the state of the snapshot. */
static void make_ready(struct mote_sandbox *s, struct mote_snapshot *snapshot)
{
	if (s->exports != snapshot->exports) {
		exports_drop(s->exports);
		s->exports = exports_ref(snapshot->exports);
	}
	s->state = SANDBOX_READY;
	s->poison_code = 0;
}

static int restore(struct mote_sandbox *s, struct mote_snapshot *snapshot, struct err *e)
{
	int rc = sandbox_check_process(s, e);
	if (rc == 0)
		rc = calls_abandon(s, e);
	if (rc < 0)
		return rc;
	rc = vm_restore(s->vm, snapshot->vm, e);
	if (rc == -EBADF)
		return rc;
	if (rc < 0) {
		s->state = SANDBOX_POISONED;
		s->poison_code = -rc;
		memcpy(s->poison, e->text, sizeof(s->poison));
		return rc;
	}
	vm_offer_calls(s->vm, s->message_max,
		       s->has_imports); /* its own limit, not the snapshot's */
	make_ready(s, snapshot);
	return 0;
}

int mote_sandbox_restore(struct mote_sandbox *sandbox, struct mote_snapshot *snapshot,
			 struct mote_error *error)
{
	struct err e = {0};
	if (restore(sandbox, snapshot, &e) < 0)
		return error_report(&e, error);
	return 0;
}

static int create(struct mote_sandbox *s, struct mote_snapshot *snapshot,
		  const struct mote_options *o, struct err *e)
{
	cleanup_sandbox_config struct sandbox_config c = SANDBOX_CONFIG_EMPTY;
	int rc = calls_configure(s, o, e);
	if (rc == 0)
		rc = config_from_options(o, &c, e);
	if (rc == 0 && vm_snapshot_wasm(snapshot->vm))
		rc = working_dir_add(o, &c, e);
	if (rc < 0)
		return rc;
	if (!o->call_bytes_max)
		s->message_max = snapshot->message_max;
	if (!o->memory_bytes)
		c.vm.memory_bytes = snapshot->memory_bytes;
	rc = vm_create_from(snapshot->vm, &c.vm, &s->vm, e);
	if (rc < 0)
		return rc;
	vm_offer_calls(s->vm, s->message_max, s->has_imports);
	make_ready(s, snapshot);
	return 0;
}

int mote_sandbox_from(struct mote_snapshot *snapshot, const struct mote_options *options,
		      struct mote_sandbox **sandbox, struct mote_error *error)
{
	struct err e = {0};
	struct mote_options o;
	if (options_copy(options, sizeof(o.size), &o, &e) < 0)
		return error_report(&e, error);
	struct mote_sandbox *s = sandbox_alloc();
	if (!s) {
		err_sys(&e, ENOMEM, "a sandbox");
		return error_report(&e, error);
	}
	if (create(s, snapshot, &o, &e) < 0) {
		mote_sandbox_free(s);
		return error_report(&e, error);
	}
	*sandbox = s;
	return 0;
}
