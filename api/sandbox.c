/* SPDX-License-Identifier: Apache-2.0 */
/* libmote's sandbox over vm/. */
#include "api/sandbox.h"

#include "api/error.h"
#include "api/images.h"
#include "api/listen.h"
#include "api/options.h"
#include "api/working_dir.h"
#include "vm/jail/jail.h"
#include "vm/kvm/open.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

const char *mote_version(void)
{
	return MOTE_VERSION;
}

void mote_prepare(void)
{
	images_open();
	vm_prepare();
}

int mote_open_kvm(int *fd, struct mote_error *error)
{
	struct err e = {0};
	int opened = kvm_open(&e);
	if (opened < 0)
		return error_report(&e, error);
	*fd = opened;
	return 0;
}

static int create_vm(const struct mote_options *o, struct vm_snapshot *compiled, struct vm **vm,
		     struct err *e)
{
	cleanup_sandbox_config struct sandbox_config c = SANDBOX_CONFIG_EMPTY;
	int rc = config_from_options(o, &c, e);
	if (rc == 0 && c.listeners)
		rc = listen_environment(&c, e);
	if (rc < 0)
		return rc;
	if (compiled && vm_snapshot_wasm(compiled))
		rc = working_dir_add(o, &c, e);
	else if (compiled)
		rc = config_add_devices(o, &c, e);
	if (rc < 0)
		return rc;
	if (compiled)
		return vm_create_from(compiled, &c.vm, vm, e);
	rc = config_choose_image(o, &c, e);
	if (rc < 0)
		return rc;
	if (c.vm.image == mote_image_linux)
		listen_first(&c);
	return vm_create(&c.vm, vm, e);
}

int sandbox_new(const struct mote_options *o, struct vm_snapshot *compiled,
		struct mote_sandbox **sandbox, struct err *e)
{
	struct mote_sandbox *s = sandbox_alloc();
	if (!s)
		return err_sys(e, ENOMEM, "a sandbox");
	int rc = calls_configure(s, o, e);
	if (rc == 0 && functions_replace_wasi(s))
		compiled = NULL; /* it is linked with WASI's own functions */
	if (rc == 0)
		rc = create_vm(o, compiled, &s->vm, e);
	if (rc < 0) {
		mote_sandbox_free(s);
		return rc;
	}
	*sandbox = s;
	return 0;
}

void sandbox_record_working_set(const struct mote_sandbox *s, int fd)
{
	if (fd >= 0)
		(void)!vm_record_working_set(s->vm, fd); /* without it the next start does so */
}

int mote_sandbox_new(const struct mote_options *options, struct mote_sandbox **sandbox,
		     struct mote_error *error)
{
	struct err e = {0};
	struct mote_options o;
	int rc = options_copy_program(options, &o, &e);
	if (rc == 0)
		rc = sandbox_new(&o, NULL, sandbox, &e);
	if (rc < 0)
		return error_report(&e, error);
	return 0;
}

int mote_sandbox_run(struct mote_sandbox *sandbox, struct mote_result *result,
		     struct mote_error *error)
{
	struct err e = {0};
	struct vm_outcome out;
	if (sandbox_check_process(sandbox, &e) < 0)
		return error_report(&e, error);
	if (sandbox->state != SANDBOX_NEW) {
		err_set(&e, ERR_CONFIG, EINVAL, "the sandbox was used before");
		return error_report(&e, error);
	}
	sandbox->state = SANDBOX_RAN;
	if (vm_run(sandbox->vm, &out, &e) < 0)
		return error_report(&e, error);
	if (out.end == VM_WAITING) {
		err_set(&e, ERR_GUEST, EPROTO,
			"the guest waits for calls, which mote_sandbox_run() does not make");
		return error_report(&e, error);
	}
	*result = result_of(&out);
	return 0;
}

int mote_exit_status(const struct mote_result *result)
{
	switch (result->end) {
	case MOTE_EXITED:
		return result->code;
	case MOTE_SIGNALLED:
		return 128 + result->code;
	case MOTE_TIMED_OUT:
	case MOTE_INTERRUPTED:
		return 128 + 9;
	case MOTE_FAULTED:
		return 128 + 11;
	}
	return 125;
}

int mote_use_signal(int signo, struct mote_error *error)
{
	struct err e = {0};
	if (vm_use_signal(signo, &e) < 0)
		return error_report(&e, error);
	return 0;
}

int mote_jail(struct mote_error *error)
{
	struct err e = {0};
	if (vm_check_filter(&e) < 0 || jail_enter(JAIL_ALL & ~(unsigned)JAIL_FREEZE, &e) < 0)
		return error_report(&e, error);
	return 0;
}

int mote_sandbox_jail(struct mote_sandbox *sandbox, struct mote_error *error)
{
	struct err e = {0};
	if (sandbox_check_process(sandbox, &e) < 0 ||
	    (!sandbox->confined && vm_confine_thread(sandbox->vm, &e) < 0) ||
	    vm_jail(sandbox->vm, false, &e) < 0)
		return error_report(&e, error);
	return 0;
}

void mote_sandbox_count(const struct mote_sandbox *sandbox, struct mote_counters *counters)
{
	struct vm_counters c;
	vm_count(sandbox->vm, &c);
	struct mote_counters all = {
		.size = counters->size,
		.vm_exits = c.exits,
		.host_calls = c.calls,
		.polled_calls = c.polled,
	};
	memcpy(counters, &all, counters->size < sizeof(all) ? counters->size : sizeof(all));
}

int mote_sandbox_count_calls(const struct mote_sandbox *sandbox, size_t index,
			     struct mote_call_counters *counters)
{
	struct vm_call_counters c;
	int rc = vm_count_call(sandbox->vm, index, &c);
	if (rc < 0)
		return rc;
	struct mote_call_counters all = {
		.size = counters->size,
		.name = c.name,
		.by_exit = c.by_exit,
		.polled = c.polled,
	};
	memcpy(counters, &all, counters->size < sizeof(all) ? counters->size : sizeof(all));
	return 0;
}

void mote_sandbox_signal(struct mote_sandbox *sandbox, int signo)
{
	vm_signal(sandbox->vm, signo);
}

void mote_sandbox_free(struct mote_sandbox *sandbox)
{
	if (!sandbox)
		return;
	vm_destroy(sandbox->vm);
	calls_free(sandbox);
	free(sandbox);
}
