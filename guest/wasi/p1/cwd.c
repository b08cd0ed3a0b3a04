/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The working directory. WASI preview 1 has none: the host adds it to the program's directories, as
 * the last one, named ".". wasi-libc looks up both "x" and "/x" as "x" below the last directory
 * named "." or "/", so if both are there, which was meant has to be found here: what is in the
 * working directory is taken from there, then what is below "/".
 */
#include "guest/wasi/p1/p1.h"

#include <linux/errno.h>

static struct {
	uint32_t fd;   /* 0: there is none, or no directory "/" that it could be confused with */
	uint32_t root; /* the directory "/", which may be named "." as well */
	const char *root_name;
	const char *own; /* its path below "/"; NULL: another directory is above it */
} cwd;

static bool is_root(const char *path)
{
	return strcmp(path, "/") == 0 || strcmp(path, ".") == 0;
}

/* Whether a directory of that name has the working directory in it. */
static bool is_above(const char *dir, const char *path)
{
	size_t len = strlen(dir);
	while (len > 0 && dir[len - 1] == '/')
		len--;
	return len > 0 && strncmp(dir, path, len) == 0 && (!path[len] || path[len] == '/');
}

void p1_cwd_init(void)
{
	const char *path = wasi_boot_string(wasi.boot->cwd);
	const struct mote_preopen *p = (const void *)wasi_boot_string(wasi.boot->preopens);
	uint32_t last = 0;
	memset(&cwd, 0, sizeof(cwd));
	if (strcmp(path, "/") == 0)
		return;
	for (uint32_t i = 0; i < wasi.boot->preopenc; i++)
		if (p[i].kind != MOTE_PREOPEN_LISTENER)
			last = p[i].fd;
	cwd.own = path + 1;
	for (uint32_t i = 0; i < wasi.boot->preopenc && p[i].fd < last; i++) {
		const char *name = wasi_boot_string(p[i].path);
		if (!cwd.root && is_root(name)) {
			cwd.root = p[i].fd;
			cwd.root_name = name;
		} else if (is_above(name, path)) {
			cwd.own = NULL;
		}
	}
	if (cwd.root)
		cwd.fd = last;
}

/* --- resolving --- */

static bool exists(const struct p1_path *p)
{
	struct mote_stat st;
	const int64_t rc = mote_stat(mote_area(), (int32_t)p->fd, p->at, p->len,
				     p->resolve | MOTE_RESOLVE_NOFOLLOW, &st);
	return rc != -ENOENT && rc != -ENOLINK && rc != -ENOTDIR;
}

/* False: the path has one component, so that it has no directory to look for. */
static bool parent_of(const struct p1_path *p, struct p1_path *parent)
{
	*parent = *p;
	while (parent->len > 0 && parent->at[parent->len - 1] == '/')
		parent->len--;
	while (parent->len > 0 && parent->at[parent->len - 1] != '/')
		parent->len--;
	return parent->len > 0;
}

/*
 * The path in the working directory: below "/" if it can be, so that `..` and absolute symlinks
 * lead on from there. Two of them are valid at a time, as many as a call has.
 */
static struct p1_path in_cwd(const struct p1_path *p)
{
	static char joined[2][2 * P1_PATH_MAX];
	static unsigned next;
	struct p1_path to = *p;
	if (!cwd.own)
		return to;
	const uint64_t own = strlen(cwd.own);
	char *at = joined[next++ % 2];
	memcpy(at, cwd.own, own);
	at[own] = '/';
	memcpy(at + own + 1, p->at, p->len);
	to = (struct p1_path){.fd = cwd.root, .at = at, .len = own + 1 + p->len};
	to.resolve = p1_path_resolve(cwd.root_name, &to);
	return to;
}

static struct p1_path in_root(const struct p1_path *p)
{
	struct p1_path to = *p;
	to.fd = cwd.root;
	to.resolve = p1_path_resolve(cwd.root_name, &to);
	return to;
}

static bool root_is_open(void)
{
	const struct resource *r = resource_get(cwd.root);
	return r && r->preopen;
}

void p1_cwd_resolve(struct p1_path *p)
{
	if (!cwd.fd || p->fd != cwd.fd || !root_is_open() || p->len == 0 || p->len >= P1_PATH_MAX ||
	    p->at[0] == '/')
		return;
	const struct p1_path here = in_cwd(p), there = in_root(p);
	struct p1_path parent;
	*p = here;
	if (p1_path_stays_inside(&there) && !exists(&here) &&
	    (exists(&there) || (parent_of(&here, &parent) && !exists(&parent))))
		*p = there;
}
