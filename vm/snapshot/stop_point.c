/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether a host call is a snapshot point. Paths are the guest's and untrusted: they are only
 * compared.
 */
#include "vm/snapshot/stop_point.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The next component of a path, or NULL at its end; "." and empty ones are nothing. */
static const char *component(const char **path, size_t *len)
{
	for (;;) {
		const char *at = *path + strspn(*path, "/");
		*len = strcspn(at, "/");
		*path = at + *len;
		if (*len == 0)
			return NULL;
		if (*len != 1 || *at != '.')
			return at;
	}
}

static bool same_path(const char *a, const char *b)
{
	size_t a_len, b_len;
	for (;;) {
		const char *x = component(&a, &a_len), *y = component(&b, &b_len);
		if (!x || !y)
			return !x && !y;
		if (a_len != b_len || memcmp(x, y, a_len) != 0)
			return false;
	}
}

/* What is left of a path below a directory, or NULL if it does not lie there. */
static const char *below(const char *path, const char *dir)
{
	size_t path_len, dir_len;
	for (;;) {
		const char *d = component(&dir, &dir_len);
		if (!d)
			return path;
		const char *p = component(&path, &path_len);
		if (!p || path_len != dir_len || memcmp(p, d, dir_len) != 0)
			return NULL;
	}
}

int stop_init(struct vm *vm, const struct vm_config *config, struct err *e)
{
	vm->stop_stdin = config->stop_stdin;
	if (!config->stop_open)
		return 0;
	if (config->stop_open[0] != '/')
		return err_set(e, ERR_CONFIG, EINVAL, "'%.300s' must be an absolute path",
			       config->stop_open);
	vm->stop_open = strdup(config->stop_open);
	vm->stop_below = calloc(config->preopen_count + 1, sizeof(*vm->stop_below));
	if (!vm->stop_open || !vm->stop_below)
		return err_sys(e, ENOMEM, "a VM");
	bool any = false;
	for (size_t i = 0; i < config->preopen_count; i++) {
		const struct vm_preopen *p = &config->preopens[i];
		if (p->kind != MOTE_PREOPEN_LISTENER)
			vm->stop_below[i] = below(vm->stop_open, p->path);
		any |= vm->stop_below[i] != NULL;
	}
	if (!any)
		return err_set(e, ERR_CONFIG, EINVAL,
			       "'%.300s' is not below any of the program's directories",
			       config->stop_open);
	return 0;
}

void stop_free(struct vm *vm)
{
	free(vm->stop_open);
	free(vm->stop_below);
}

bool stop_before_reading(const struct vm *vm, const struct fd_entry *entry)
{
	return vm->stop_stdin && entry->origin == 1;
}

bool stop_before_opening(const struct vm *vm, const struct fd_entry *dir, const char *path)
{
	if (!vm->stop_open || dir->origin <= 3 || dir->origin > vm->given)
		return false;
	const char *rest = vm->stop_below[dir->origin - 4];
	return rest && same_path(rest, path);
}
