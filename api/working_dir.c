/* SPDX-License-Identifier: Apache-2.0 */
/* Finding a module's working directory below the directories that it is given. */
#include "api/working_dir.h"

#include "abi/layout.h"
#include "base/path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

static int refuse(const char *cwd, int rc, struct err *e)
{
	return err_set(e, ERR_CONFIG, -rc,
		       "the working directory %.200s: %s; a module's is in one of the directories "
		       "that it is given",
		       cwd, strerror(-rc));
}

/* The directory of the options that has the longest path above cwd, and what follows of that. */
static const struct mote_dir *find_above(const struct mote_options *o, const char *cwd,
					 const char **rest)
{
	const struct mote_dir *above = NULL;
	char dir[PATH_MAX];
	for (size_t i = 0; i < o->dir_count; i++) {
		const char *found = NULL;
		if (path_normalise(o->dirs[i].guest_path, dir) == 0)
			found = path_below(dir, cwd);
		if (!found || (above && strlen(found) >= strlen(*rest)))
			continue;
		above = &o->dirs[i];
		*rest = found;
	}
	return above;
}

/* Below a guest's "/" absolute symlinks begin there; elsewhere they lead out. */
static int open_below(const struct mote_dir *dir, const char *rest)
{
	const struct open_how how = {
		.flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
		.resolve = strcmp(dir->guest_path, "/") == 0 ? RESOLVE_IN_ROOT : RESOLVE_BENEATH,
	};
	return path_openat2(dir->fd, *rest ? rest : ".", &how);
}

static bool has_variable(const struct mote_options *o, const char *name)
{
	const size_t len = strlen(name);
	for (size_t i = 0; o->envp && o->envp[i]; i++)
		if (strncmp(o->envp[i], name, len) == 0 && o->envp[i][len] == '=')
			return true;
	return false;
}

int working_dir_add(const struct mote_options *o, struct sandbox_config *c, struct err *e)
{
	char *const cwd = c->pwd + strlen("PWD=");
	const char *rest;
	if (!o->cwd)
		return 0;
	int rc = path_normalise(o->cwd, cwd);
	if (rc < 0)
		return refuse(o->cwd, rc, e);
	c->vm.cwd = cwd;
	if (strcmp(cwd, "/") == 0)
		return 0;
	const struct mote_dir *above = find_above(o, cwd, &rest);
	c->cwd_fd = above ? open_below(above, rest) : -ENOENT;
	if (c->cwd_fd < 0)
		return refuse(cwd, c->cwd_fd, e);
	const struct vm_preopen dir = {
		.fd = c->cwd_fd,
		.kind = above->readonly ? MOTE_PREOPEN_DIR_READONLY : MOTE_PREOPEN_DIR,
		.path = ".",
	};
	rc = config_add_dir(c, &dir, e);
	if (rc < 0 || has_variable(o, "PWD"))
		return rc;
	memcpy(c->pwd, "PWD=", strlen("PWD="));
	return config_add_variable(c, c->pwd, e);
}
