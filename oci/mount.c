/* SPDX-License-Identifier: Apache-2.0 */
/* Mount options as text, OCI runtime specification "Linux mount options", to flags. */
#include "oci/internal.h"

#include "base/buf.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>

#define DATA_MAX (64UL << 10)

static const struct option {
	const char *name;
	bool clear;          /* the option takes the flags away */
	unsigned long flags; /* MS_* */
	uint64_t attr;       /* MOUNT_ATTR_*; 0: a bind mount does not have it */
} options_plain[] = {
	{"ro", false, MS_RDONLY, MOUNT_ATTR_RDONLY},
	{"rw", true, MS_RDONLY, MOUNT_ATTR_RDONLY},
	{"nosuid", false, MS_NOSUID, MOUNT_ATTR_NOSUID},
	{"suid", true, MS_NOSUID, MOUNT_ATTR_NOSUID},
	{"nodev", false, MS_NODEV, MOUNT_ATTR_NODEV},
	{"dev", true, MS_NODEV, MOUNT_ATTR_NODEV},
	{"noexec", false, MS_NOEXEC, MOUNT_ATTR_NOEXEC},
	{"exec", true, MS_NOEXEC, MOUNT_ATTR_NOEXEC},
	{"nodiratime", false, MS_NODIRATIME, MOUNT_ATTR_NODIRATIME},
	{"diratime", true, MS_NODIRATIME, MOUNT_ATTR_NODIRATIME},
	{"nosymfollow", false, MS_NOSYMFOLLOW, MOUNT_ATTR_NOSYMFOLLOW},
	{"symfollow", true, MS_NOSYMFOLLOW, MOUNT_ATTR_NOSYMFOLLOW},
	{"sync", false, MS_SYNCHRONOUS, 0},
	{"async", true, MS_SYNCHRONOUS, 0},
	{"dirsync", false, MS_DIRSYNC, 0},
	{"mand", false, MS_MANDLOCK, 0},
	{"nomand", true, MS_MANDLOCK, 0},
	{"lazytime", false, MS_LAZYTIME, 0},
	{"nolazytime", true, MS_LAZYTIME, 0},
	{"silent", false, MS_SILENT, 0},
	{"loud", true, MS_SILENT, 0},
	{"iversion", false, MS_I_VERSION, 0},
	{"noiversion", true, MS_I_VERSION, 0},
	{"defaults", false, 0, 0},
};

/* Of these a mount has one; MOUNT_ATTR's are values of a field. */
static const struct option options_atime[] = {
	{"relatime", false, MS_RELATIME, MOUNT_ATTR_RELATIME},
	{"norelatime", true, MS_RELATIME, MOUNT_ATTR_RELATIME},
	{"noatime", false, MS_NOATIME, MOUNT_ATTR_NOATIME},
	{"atime", true, MS_NOATIME, MOUNT_ATTR_RELATIME},
	{"strictatime", false, MS_STRICTATIME, MOUNT_ATTR_STRICTATIME},
	{"nostrictatime", true, MS_STRICTATIME, MOUNT_ATTR_RELATIME},
};

static const struct {
	const char *name;
	uint64_t propagation;
} options_propagation[] = {
	{"private", MS_PRIVATE},
	{"shared", MS_SHARED},
	{"slave", MS_SLAVE},
	{"unbindable", MS_UNBINDABLE},
};

/* Those with a member of their own, see set_bind and set_extra. */
static const char *const options_special[] = {"bind", "tmpcopyup", "loop"};

const char *oci_mount_option_name(size_t i, bool *recursive)
{
	*recursive = true;
	if (i < COUNT(options_propagation))
		return options_propagation[i].name;
	i -= COUNT(options_propagation);
	if (i < COUNT(options_atime))
		return options_atime[i].name;
	i -= COUNT(options_atime);
	if (i < COUNT(options_plain)) {
		*recursive = options_plain[i].attr != 0;
		return options_plain[i].name;
	}
	i -= COUNT(options_plain);
	if (i >= COUNT(options_special))
		return NULL;
	*recursive = strcmp(options_special[i], "bind") == 0;
	return options_special[i];
}

/* What would need more than mounting. */
static const char *const options_unsupported[] = {"remount", "idmap", "ridmap"};

static void set_flags(const struct option *o, struct oci_mount *m)
{
	if (o->clear)
		m->flags &= ~o->flags;
	else
		m->flags |= o->flags;
}

/* A later option takes back an earlier one. */
static void set_attributes(const struct option *o, uint64_t *set, uint64_t *clear)
{
	if (o->clear) {
		*set &= ~o->attr;
		*clear |= o->attr;
	} else {
		*set |= o->attr;
		*clear &= ~o->attr;
	}
}

static bool set_plain(const char *name, struct oci_mount *m)
{
	for (size_t i = 0; i < COUNT(options_plain); i++) {
		const struct option *o = &options_plain[i];
		bool recursive = *name == 'r' && o->attr && strcmp(name + 1, o->name) == 0;
		if (!recursive && strcmp(name, o->name) != 0)
			continue;
		if (recursive) {
			set_attributes(o, &m->recursive_set, &m->recursive_clear);
		} else {
			set_flags(o, m);
			set_attributes(o, &m->attr_set, &m->attr_clear);
		}
		return true;
	}
	return false;
}

static bool set_atime(const char *name, struct oci_mount *m)
{
	for (size_t i = 0; i < COUNT(options_atime); i++) {
		const struct option *o = &options_atime[i];
		bool recursive = *name == 'r' && strcmp(name + 1, o->name) == 0;
		if (!recursive && strcmp(name, o->name) != 0)
			continue;
		uint64_t *set = recursive ? &m->recursive_set : &m->attr_set;
		uint64_t *clear = recursive ? &m->recursive_clear : &m->attr_clear;
		*set = (*set & ~(uint64_t)MOUNT_ATTR__ATIME) | o->attr;
		*clear |= MOUNT_ATTR__ATIME;
		if (!recursive)
			set_flags(o, m);
		return true;
	}
	return false;
}

static bool set_propagation(const char *name, struct oci_mount *m)
{
	bool recursive = *name == 'r';
	for (size_t i = 0; i < COUNT(options_propagation); i++)
		if (strcmp(name + recursive, options_propagation[i].name) == 0) {
			m->propagation = options_propagation[i].propagation;
			m->propagation_recursive = recursive;
			return true;
		}
	return false;
}

static bool set_bind(const char *name, struct oci_mount *m)
{
	if (strcmp(name, "bind") != 0 && strcmp(name, "rbind") != 0)
		return false;
	m->bind = true;
	m->bind_recursive = *name == 'r';
	return true;
}

static bool set_extra(const char *name, struct oci_mount *m)
{
	if (strcmp(name, "tmpcopyup") == 0)
		m->copy_up = true;
	else if (strcmp(name, "loop") == 0)
		m->loop = true;
	else
		return false;
	return true;
}

static bool is_unsupported(const char *name)
{
	for (size_t i = 0; i < COUNT(options_unsupported); i++) {
		size_t n = strlen(options_unsupported[i]);
		if (strncmp(name, options_unsupported[i], n) == 0 &&
		    (name[n] == '\0' || name[n] == '='))
			return true;
	}
	return false;
}

static int put_data(struct buf *data, const char *text)
{
	if (data->len) {
		int rc = buf_put(data, ",", 1);
		if (rc < 0)
			return rc;
	}
	return buf_put(data, text, strlen(text));
}

int oci_mount_options(const char *const *options, struct oci_mount *m, const char **bad)
{
	cleanup_buf struct buf data = {.cap = DATA_MAX};
	for (size_t i = 0; options && options[i]; i++) {
		const char *o = options[i];
		if (!*o)
			continue;
		if (set_bind(o, m) || set_plain(o, m) || set_atime(o, m) || set_propagation(o, m) ||
		    set_extra(o, m))
			continue;
		*bad = o;
		if (is_unsupported(o))
			return -ENOSYS;
		int rc = put_data(&data, o);
		if (rc < 0)
			return rc;
	}
	int rc = buf_put(&data, "", 1);
	if (rc < 0)
		return rc;
	m->data = (char *)take_ptr(data.data);
	data.len = data.capacity = 0;
	return 0;
}
