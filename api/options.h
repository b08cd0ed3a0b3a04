/* SPDX-License-Identifier: Apache-2.0 */
/* The caller's options, checked, as vm/ takes them. */
#ifndef MOTE_API_OPTIONS_H
#define MOTE_API_OPTIONS_H

#include <mote/mote.h>

#include "base/confine.h"
#include "base/err.h"
#include "vm/vm.h"

#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

/* The default limits, and the most that a snapshot's file can ask for. */
#define DEFAULT_MEMORY     (1UL << 30)
#define CALL_BYTES_DEFAULT (16UL << 20)
#define CALL_BYTES_MAX     (1UL << 30) /* of one message, or of one piece of mote_call_memory */

#define PREOPENS_MAX 64 /* as many as vm/ takes */

/*
 * The caller's options as this version has them: those it does not know are at their defaults.
 * ERR_CONFIG unless its structure has at least `least` bytes.
 */
int options_copy(const struct mote_options *from, size_t least, struct mote_options *out,
		 struct err *e) must_check;
/* The same if they are to name a program: argv must be set. */
int options_copy_program(const struct mote_options *from, struct mote_options *out,
			 struct err *e) must_check;

/* The descriptor of /dev/kvm, -1 if the caller gave none. */
static inline int options_kvm(const struct mote_options *o)
{
	if (!o->kvm_fd)
		return -1;
	return *o->kvm_fd;
}
/* Opens /dev/kvm into *kvm_fd, which o->kvm_fd then points to, unless the caller gave one. */
int options_open_kvm(struct mote_options *o, int *kvm_fd, struct err *e) must_check;

/* `vm` points into the options and this structure. */
struct sandbox_config {
	struct vm_config vm;
	struct vm_preopen preopens[PREOPENS_MAX]; /* directories, then listeners */
	size_t listeners;
	int devices_fd; /* owned, or -1 */
	int cwd_fd;     /* a module's working directory: owned, or -1 */
	char *paths; /* owned, or NULL: of a native program's preopens and its working directory */
	char **env;  /* owned, NULL if the options' serves */
	char listen_fds[32], listen_pid[32];
	char pwd[PATH_MAX + 4]; /* a module's variable with its working directory */
};
#define SANDBOX_CONFIG_EMPTY                   \
	{                                      \
		.devices_fd = -1, .cwd_fd = -1 \
	}
static inline void cleanup_sandbox_configp(const struct sandbox_config *c)
{
	if (c->devices_fd >= 0)
		close(c->devices_fd);
	if (c->cwd_fd >= 0)
		close(c->cwd_fd);
	free(c->env);
	free(c->paths);
}
#define cleanup_sandbox_config cleanup_(cleanup_sandbox_configp)

/* All of it but program and guest runtime. ERR_CONFIG if something is wrong. */
int config_from_options(const struct mote_options *o, struct sandbox_config *c,
			struct err *e) must_check;
/*
 * Chooses the guest runtime by the program's first bytes, and makes the paths what it takes: a
 * native program knows absolute ones alone.
 */
int config_choose_image(const struct mote_options *o, struct sandbox_config *c,
			struct err *e) must_check;
void config_use_image(struct vm_config *c, const uint8_t *image, const uint8_t *end);
/* Adds the directory of options.devices after the others, if it asks for it. */
int config_add_devices(const struct mote_options *o, struct sandbox_config *c,
		       struct err *e) must_check;
/* Adds a directory after the others, in front of the listeners; its descriptor is borrowed. */
int config_add_dir(struct sandbox_config *c, const struct vm_preopen *dir,
		   struct err *e) must_check;
/* Sets a variable, which is borrowed, in a copy of the environment. */
int config_add_variable(struct sandbox_config *c, char *variable, struct err *e) must_check;
/* The directories of a configuration, borrowed from it; how many. */
size_t config_dirs(const struct vm_config *c, struct confine_dir dirs[PREOPENS_MAX]);

#endif
