/* SPDX-License-Identifier: Apache-2.0 */
/* libmote's sandbox over vm/. */
#include "api/internal.h"

#include "abi/layout.h"
#include "api/images.h"
#include "vm/jail/jail.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEFAULT_DESCRIPTORS 1024

const char *mote_version(void)
{
	return MOTE_VERSION;
}

int sandbox_report(const struct err *from, struct mote_error *to)
{
	if (to) {
		to->code = from->code;
		to->blame = from->blame == ERR_CONFIG  ? MOTE_BLAME_CONFIG
			    : from->blame == ERR_GUEST ? MOTE_BLAME_GUEST
						       : MOTE_BLAME_HOST;
		memcpy(to->text, from->text, sizeof(to->text));
	}
	return -from->code;
}

void sandbox_use_image(struct vm_config *c, const uint8_t *image, const uint8_t *end)
{
	c->image = image;
	c->image_bytes = (size_t)(end - image);
	c->image_fd = images_file(image, &c->image_at);
	c->wasm = image == mote_image_wasm;
}

void mote_prepare(void)
{
	images_open();
	vm_prepare();
}

int sandbox_choose_image(const struct mote_options *o, struct vm_config *c, struct err *e)
{
	const char *name = o->program_path ? o->program_path : "the program";
	uint8_t head[4] = {0};
	ssize_t n = pread(o->program_fd, head, sizeof(head), 0);
	if (n < 0 && errno == EISDIR)
		return err_set(e, ERR_CONFIG, EACCES, "%s is a directory", name);
	if (n < 0)
		return err_sys(e, errno, "%s", name);
	if (n == sizeof(head) && memcmp(head, "\0asm", 4) == 0) {
		sandbox_use_image(c, mote_image_wasm, mote_image_wasm_end);
		return 0;
	}
	if (n == sizeof(head) && memcmp(head, "\177ELF", 4) == 0) {
		sandbox_use_image(c, mote_image_linux, mote_image_linux_end);
		return 0;
	}
	if (n >= 2 && memcmp(head, "#!", 2) == 0)
		return err_set(e, ERR_CONFIG, ENOEXEC,
			       "%s is a script; Mote runs WebAssembly modules and static x86-64 ELF programs", name);
	if (n == 0)
		return err_set(e, ERR_CONFIG, ENOEXEC, "%s is empty", name);
	return err_set(e, ERR_CONFIG, ENOEXEC, "%s is neither a WebAssembly module nor an x86-64 ELF program", name);
}

int sandbox_options(const struct mote_options *given, size_t least, struct mote_options *out, struct err *e)
{
	if (given->size < least)
		return err_set(e, ERR_CONFIG, EINVAL, "mote_options: size must be set");
	*out = (struct mote_options){0};
	memcpy(out, given, given->size < sizeof(*out) ? given->size : sizeof(*out));
	return 0;
}

int sandbox_program_options(const struct mote_options *given, struct mote_options *out, struct err *e)
{
	int rc = sandbox_options(given, offsetof(struct mote_options, argv) + sizeof(out->argv), out, e);
	if (rc == 0 && !out->argv)
		rc = err_set(e, ERR_CONFIG, EINVAL, "mote_options: argv must be set");
	out->size = sizeof(*out);
	return rc;
}

int sandbox_configure(const struct mote_options *o, struct sandbox_config *c, struct err *e)
{
	if (o->dir_count > PREOPENS_MAX || o->listener_count > PREOPENS_MAX - o->dir_count)
		return err_set(e, ERR_CONFIG, E2BIG, "%zu directories and %zu listeners; at most %d are possible",
			       o->dir_count, o->listener_count, PREOPENS_MAX);
	if (o->isolation != MOTE_ISOLATION_SHARED && o->isolation != MOTE_ISOLATION_PRIVATE)
		return err_set(e, ERR_CONFIG, EINVAL, "mote_options: there is no isolation %d", o->isolation);
	c->env = NULL;
	c->listeners = o->listener_count;
	for (size_t i = 0; i < o->listener_count; i++)
		c->preopens[o->dir_count + i] = (struct vm_preopen){
			.fd = o->listeners[i], .kind = MOTE_PREOPEN_LISTENER, .path = "listener"};
	for (size_t i = 0; i < o->dir_count; i++)
		c->preopens[i] = (struct vm_preopen){
			.fd = o->dirs[i].fd,
			.kind = o->dirs[i].readonly ? MOTE_PREOPEN_DIR_READONLY : MOTE_PREOPEN_DIR,
			.path = o->dirs[i].guest_path,
		};
	c->vm = (struct vm_config){
		.kvm_fd = o->kvm_fd_plus_1 - 1,
		.payload_fd = o->program_fd,
		.payload_path = o->program_path,
		.entry = o->entry,
		.memory_bytes = o->memory_bytes ? o->memory_bytes : DEFAULT_MEMORY,
		.argv = o->argv,
		.envp = o->envp,
		.cwd = o->cwd,
		.hostname = o->hostname,
		.uid = o->uid,
		.gid = o->gid,
		.pid = o->pid ? o->pid : 1,
		.stdio = {0, 1, 2},
		.preopens = c->preopens,
		.preopen_count = o->dir_count + o->listener_count,
		.network = o->network,
		.set_ids = o->set_ids,
		.no_polling = o->no_polling,
		.fds_max = o->descriptors_max ? o->descriptors_max : DEFAULT_DESCRIPTORS,
		.private_memory = o->isolation == MOTE_ISOLATION_PRIVATE,
		.time_limit_ns = o->time_limit_ns,
		.log = o->log,
		.log_arg = o->log_arg,
	};
	if (o->stdio)
		memcpy(c->vm.stdio, o->stdio, sizeof(c->vm.stdio));
	return 0;
}

static int create(const struct mote_options *o, struct vm_snapshot *compiled, struct vm **vm, struct err *e)
{
	cleanup_sandbox_config struct sandbox_config c = {.env = NULL};
	int rc = sandbox_configure(o, &c, e);
	if (rc == 0 && c.listeners)
		rc = listen_environment(&c, e);
	if (rc == 0 && compiled)
		return vm_create_from(compiled, &c.vm, vm, e);
	if (rc == 0)
		rc = sandbox_choose_image(o, &c.vm, e);
	if (rc == 0 && c.vm.image == mote_image_linux)
		listen_first(&c);
	return rc < 0 ? rc : vm_create(&c.vm, vm, e);
}

int sandbox_new(const struct mote_options *options, struct vm_snapshot *compiled, struct mote_sandbox **sandbox,
		struct mote_error *error)
{
	struct err e = {0};
	struct mote_options o;
	if (sandbox_program_options(options, &o, &e) < 0)
		return sandbox_report(&e, error);
	struct mote_sandbox *s = calloc(1, sizeof(*s));
	if (!s) {
		err_sys(&e, ENOMEM, "a sandbox");
		return sandbox_report(&e, error);
	}
	if (calls_configure(s, &o, &e) < 0 || create(&o, compiled, &s->vm, &e) < 0) {
		mote_sandbox_free(s);
		return sandbox_report(&e, error);
	}
	*sandbox = s;
	return 0;
}

void sandbox_note(struct mote_sandbox *s, int fd)
{
	if (fd >= 0 && vm_note_touched(s->vm, fd) < 0)
		return; /* the next start may */
}

int mote_sandbox_new(const struct mote_options *options, struct mote_sandbox **sandbox, struct mote_error *error)
{
	return sandbox_new(options, NULL, sandbox, error);
}

int mote_sandbox_run(struct mote_sandbox *sandbox, struct mote_result *result, struct mote_error *error)
{
	struct err e = {0};
	struct vm_outcome out;
	if (sandbox->state != SANDBOX_NEW) {
		err_set(&e, ERR_CONFIG, EINVAL, "the sandbox has been used already");
		return sandbox_report(&e, error);
	}
	sandbox->state = SANDBOX_RAN;
	if (vm_run(sandbox->vm, &out, &e) < 0)
		return sandbox_report(&e, error);
	static const enum mote_end ends[] = {
		[VM_EXITED] = MOTE_EXITED,
		[VM_SIGNALLED] = MOTE_SIGNALLED,
		[VM_TIMED_OUT] = MOTE_TIMED_OUT,
		[VM_FAULTED] = MOTE_FAULTED,
		[VM_INTERRUPTED] = MOTE_INTERRUPTED,
	};
	if (out.end == VM_WAITING) {
		err_set(&e, ERR_GUEST, EPROTO, "the guest waits for calls, which mote_sandbox_run() does not make");
		return sandbox_report(&e, error);
	}
	*result = (struct mote_result){.end = ends[out.end], .code = out.code};
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

int mote_jail(struct mote_error *error)
{
	struct err e = {0};
	return jail_enter(JAIL_ALL & ~(unsigned)JAIL_FREEZE, &e) < 0 ? sandbox_report(&e, error) : 0;
}

int mote_sandbox_jail(struct mote_sandbox *sandbox, struct mote_error *error)
{
	struct err e = {0};
	return vm_jail(sandbox->vm, false, &e) < 0 ? sandbox_report(&e, error) : 0;
}

void mote_sandbox_count(const struct mote_sandbox *sandbox, struct mote_counters *counters)
{
	struct vm_counters c;
	vm_count(sandbox->vm, &c);
	struct mote_counters all = {.size = counters->size, .vm_exits = c.exits, .host_calls = c.calls};
	memcpy(counters, &all, counters->size < sizeof(all) ? counters->size : sizeof(all));
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
