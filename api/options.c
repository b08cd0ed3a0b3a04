/* SPDX-License-Identifier: Apache-2.0 */
/* Defaults and bounds of mote_options. */
#include "api/options.h"

#include "abi/layout.h"
#include "api/images.h"
#include "api/working_dir.h"
#include "base/path.h"
#include "base/program.h"
#include "vm/kvm/open.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#define DEFAULT_DESCRIPTORS 1024

int options_copy(const struct mote_options *from, size_t least, struct mote_options *out,
		 struct err *e)
{
	if (from->size < least)
		return err_set(e, ERR_CONFIG, EINVAL, "mote_options: size must be set");
	size_t known = from->size < sizeof(*out) ? from->size : sizeof(*out);
	*out = (struct mote_options){0};
	memcpy(out, from, known);
	return 0;
}

int options_copy_program(const struct mote_options *from, struct mote_options *out, struct err *e)
{
	int rc =
		options_copy(from, offsetof(struct mote_options, argv) + sizeof(out->argv), out, e);
	if (rc < 0)
		return rc;
	if (!out->argv)
		return err_set(e, ERR_CONFIG, EINVAL, "mote_options: argv must be set");
	out->size = sizeof(*out);
	return 0;
}

int options_open_kvm(struct mote_options *o, int *kvm_fd, struct err *e)
{
	if (o->kvm_fd)
		return 0;
	*kvm_fd = kvm_open(e);
	if (*kvm_fd < 0)
		return *kvm_fd;
	o->kvm_fd = kvm_fd;
	return 0;
}

/* --- as vm/ takes them --- */

enum { DEFAULT_UMASK = 022, LIST_MAX = 65536, CALL_RULES_MAX = 64 };

static_assert(sizeof(struct mote_limit) == sizeof(struct mote_boot_limit) &&
		      offsetof(struct mote_limit, hard) == offsetof(struct mote_boot_limit, hard),
	      "the same in boot information");
static_assert(sizeof(struct mote_call_rule) == sizeof(struct mote_boot_call_rule) &&
		      offsetof(struct mote_call_rule, value) ==
			      offsetof(struct mote_boot_call_rule, value) &&
		      (int)MOTE_CALL_ALLOWED == (int)MOTE_BOOT_CALL_ALLOWED,
	      "the same in boot information");

static int check(const struct mote_options *o, struct err *e)
{
	if (o->dir_count > PREOPENS_MAX || o->listener_count > PREOPENS_MAX - o->dir_count)
		return err_set(e, ERR_CONFIG, E2BIG,
			       "%zu directories and %zu listeners; at most %d are possible",
			       o->dir_count, o->listener_count, PREOPENS_MAX);
	if (o->group_count > LIST_MAX || o->limit_count > LIST_MAX)
		return err_set(e, ERR_CONFIG, E2BIG, "more than %d groups or limits", LIST_MAX);
	if (o->call_rule_count > CALL_RULES_MAX)
		return err_set(e, ERR_CONFIG, E2BIG, "more than %d rules of calls", CALL_RULES_MAX);
	if (o->isolation != MOTE_ISOLATION_SHARED && o->isolation != MOTE_ISOLATION_PRIVATE)
		return err_set(e, ERR_CONFIG, EINVAL, "mote_options: unknown isolation %d",
			       o->isolation);
	return 0;
}

static void add_preopens(const struct mote_options *o, struct sandbox_config *c)
{
	for (size_t i = 0; i < o->dir_count; i++)
		c->preopens[i] = (struct vm_preopen){
			.fd = o->dirs[i].fd,
			.kind = o->dirs[i].readonly ? MOTE_PREOPEN_DIR_READONLY : MOTE_PREOPEN_DIR,
			.path = o->dirs[i].guest_path,
		};
	for (size_t i = 0; i < o->listener_count; i++)
		c->preopens[o->dir_count + i] = (struct vm_preopen){
			.fd = o->listeners[i],
			.kind = MOTE_PREOPEN_LISTENER,
			.path = "listener",
		};
	c->listeners = o->listener_count;
	c->vm.preopens = c->preopens;
	c->vm.preopen_count = o->dir_count + o->listener_count;
}

static void add_credentials(const struct mote_credentials *from, struct vm_config *c)
{
	if (!from)
		return;
	c->capabilities = (struct mote_capabilities){
		.permitted = from->permitted,
		.effective = from->effective,
		.inheritable = from->inheritable,
		.bounding = from->bounding,
		.ambient = from->ambient,
	};
	c->no_new_privs = from->no_new_privs;
	c->seccomp = from->seccomp;
	c->credentials = true;
	c->on_credentials = from->changed;
	c->on_bind_refused = from->bind;
	c->on_credentials_arg = from->arg;
}

static void set_defaults(struct vm_config *c)
{
	if (!c->memory_bytes)
		c->memory_bytes = DEFAULT_MEMORY;
	if (!c->pid)
		c->pid = 1;
	if (!c->fds_max)
		c->fds_max = DEFAULT_DESCRIPTORS;
}

int config_from_options(const struct mote_options *o, struct sandbox_config *c, struct err *e)
{
	int rc = check(o, e);
	if (rc < 0)
		return rc;
	c->env = NULL;
	c->paths = NULL;
	c->devices_fd = -1;
	c->cwd_fd = -1;
	c->vm = (struct vm_config){
		.kvm_fd = options_kvm(o),
		.program_fd = o->program_fd,
		.program_path = o->program_path,
		.entry = o->entry,
		.memory_bytes = o->memory_bytes,
		.argv = o->argv,
		.envp = o->envp,
		.cwd = o->cwd,
		.hostname = o->hostname,
		.domainname = o->domainname,
		.umask = o->umask ? *o->umask & 0777 : DEFAULT_UMASK,
		.groups = o->groups,
		.group_count = o->group_count,
		.limits = (const struct mote_boot_limit *)o->limits,
		.limit_count = o->limit_count,
		.paths = {[MOTE_PATH_MASKED] = o->masked_paths,
			  [MOTE_PATH_READONLY] = o->readonly_paths,
			  [MOTE_PATH_MOUNTED] = o->mounted_paths},
		.call_rules = (const struct mote_boot_call_rule *)o->call_rules,
		.call_rule_count = o->call_rule_count,
		.uid = o->uid,
		.gid = o->gid,
		.pid = o->pid,
		.stdio = {0, 1, 2},
		.network = o->network,
		.set_ids = o->set_ids,
		.container_key = o->container_key,
		.library = o->library,
		.inspect = o->inspect,
		.no_polling = o->no_polling,
		.fds_max = o->descriptors_max,
		.private_memory = o->isolation == MOTE_ISOLATION_PRIVATE,
		.time_limit_ns = o->time_limit_ns,
		.log = o->log,
		.log_arg = o->log_arg,
	};
	add_credentials(o->credentials, &c->vm);
	if (o->stdio)
		memcpy(c->vm.stdio, o->stdio, sizeof(c->vm.stdio));
	set_defaults(&c->vm);
	add_preopens(o, c);
	return 0;
}

void config_use_image(struct vm_config *c, const uint8_t *image, const uint8_t *end)
{
	c->image = image;
	c->image_bytes = (size_t)(end - image);
	c->image_fd = images_file(image, &c->image_at);
	c->wasm = image == mote_image_wasm;
}

static int normalise(const char **path, char *to, struct err *e)
{
	if (path_normalise(*path, to) < 0)
		return err_set(e, ERR_CONFIG, ENAMETOOLONG, "%.200s...: the path is too long",
			       *path);
	*path = to;
	return 0;
}

static int use_native(const struct mote_options *o, struct sandbox_config *c, struct err *e)
{
	config_use_image(&c->vm, mote_image_linux, mote_image_linux_end);
	if (c->vm.entry)
		return err_set(
			e, ERR_CONFIG, EINVAL,
			"an entry function %.64s: a native program has no exported functions",
			c->vm.entry);
	if (c->vm.inspect)
		return err_set(e, ERR_CONFIG, EINVAL,
			       "%.200s: only modules and components are inspected, and it is a "
			       "native program",
			       c->vm.program_path ? c->vm.program_path : "the program");
	c->paths = calloc(c->vm.preopen_count + 2, PATH_MAX);
	if (!c->paths)
		return err_sys(e, ENOMEM, "the directories' paths");
	char *at = c->paths;
	int rc = config_add_devices(o, c, e);
	for (size_t i = 0; i < c->vm.preopen_count && rc == 0; i++, at += PATH_MAX)
		if (c->preopens[i].kind != MOTE_PREOPEN_LISTENER)
			rc = normalise(&c->preopens[i].path, at, e);
	if (rc == 0 && c->vm.cwd)
		rc = normalise(&c->vm.cwd, at, e);
	return rc;
}

int config_choose_image(const struct mote_options *o, struct sandbox_config *c, struct err *e)
{
	const char *name = o->program_path ? o->program_path : "the program";
	enum program_kind kind;
	int rc = program_identify(o->program_fd, name, &kind, e);
	if (rc < 0)
		return rc;
	switch (kind) {
	case PROGRAM_WASM:
		config_use_image(&c->vm, mote_image_wasm, mote_image_wasm_end);
		return working_dir_add(o, c, e);
	case PROGRAM_ELF:
	case PROGRAM_SCRIPT:
		return use_native(o, c, e);
	}
	return 0;
}

size_t config_dirs(const struct vm_config *c, struct confine_dir dirs[PREOPENS_MAX])
{
	static const char *const devices[] = {MOTE_DEVICES, NULL};
	size_t n = 0;
	for (size_t i = 0; i < c->preopen_count; i++) {
		if (c->preopens[i].kind == MOTE_PREOPEN_LISTENER)
			continue;
		dirs[n++] = (struct confine_dir){
			.fd = c->preopens[i].fd,
			.readonly = c->preopens[i].kind == MOTE_PREOPEN_DIR_READONLY,
		};
		if (c->preopens[i].kind == MOTE_PREOPEN_DEVICES)
			dirs[n - 1].only = devices;
	}
	return n;
}
