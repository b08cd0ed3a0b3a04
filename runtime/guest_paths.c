/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/guest_paths.h"

#include "runtime/mounts.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <string.h>

static bool is_at_or_below(const char *path, const char *directory)
{
	size_t len = strlen(directory);
	return strncmp(path, directory, len) == 0 && (!path[len] || path[len] == '/');
}

/* Clean paths. */
static bool is_of_the_guest(const char *path)
{
	return is_at_or_below(path, "/proc") || is_at_or_below(path, "/sys");
}

static int add(const char ***list, size_t *count, const char *path)
{
	const char **longer = reallocarray(*list, *count + 2, sizeof(**list));
	if (!longer)
		return -ENOMEM;
	*list = longer;
	longer[*count] = strdup(path);
	longer[*count + 1] = NULL;
	if (!longer[*count])
		return -ENOMEM;
	(*count)++;
	return 0;
}

static int add_all(const char ***list, size_t *count, const char *const *paths, size_t paths_count)
{
	char clean[PATH_MAX];
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < paths_count; i++) {
		rc = mounts_clean_path(paths[i], clean);
		if (rc == 0 && is_of_the_guest(clean))
			rc = add(list, count, clean);
	}
	return rc;
}

/* What is shown of the kernel's own file systems is the guest runtime's, at its usual place. */
static int check_place(const struct oci_mount *m, const char *path, struct err *e)
{
	static const struct {
		const char *type, *place;
	} kinds[] = {
		{"proc", "/proc"},
		{"sysfs", "/sys"},
		{"cgroup", "/sys/fs/cgroup"},
		{"cgroup2", "/sys/fs/cgroup"},
		{"mqueue", "/dev/mqueue"},
		{"devpts", "/dev/pts"},
	};
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strcmp(m->type, kinds[i].type) != 0 || strcmp(path, kinds[i].place) == 0 ||
		    (kinds[i].type[0] == 'c' && is_at_or_below(path, kinds[i].place)))
			continue;
		return err_set(e, ERR_CONFIG, ENOSYS,
			       "mount on %s: a guest has a file system %s of its own, on %s alone",
			       m->destination, m->type, kinds[i].place);
	}
	return 0;
}

/* These are processes': the guest's own, which are there whatever is mounted. */
static bool is_of_processes(const char *path)
{
	return strcmp(path, "/proc") == 0 || is_at_or_below(path, "/proc/self") ||
	       is_at_or_below(path, "/proc/thread-self") ||
	       (strncmp(path, "/proc/", 6) == 0 && isdigit((unsigned char)path[6]));
}

static int add_mount(struct guest_paths *p, const struct oci_mount *m, struct err *e)
{
	char clean[PATH_MAX];
	int rc = mounts_clean_path(m->destination, clean);
	if (rc < 0)
		return err_sys(e, -rc, "mount on %s", m->destination);
	if (mounts_is_of_the_host(m))
		return check_place(m, clean, e);
	if (is_of_processes(clean))
		return err_set(e, ERR_CONFIG, EINVAL,
			       "mount on %s: a guest has its own /proc, with its own process",
			       m->destination);
	if (is_of_the_guest(clean) && add(&p->mounted, &p->mounted_count, clean) < 0)
		return err_sys(e, ENOMEM, "mount on %s", m->destination);
	return 0;
}

int guest_paths_note(struct guest_paths *p, const struct oci_spec *s, struct err *e)
{
	int rc = add_all(&p->masked, &p->masked_count, s->masked, s->masked_count);
	if (rc == 0)
		rc = add_all(&p->readonly, &p->readonly_count, s->readonly, s->readonly_count);
	if (rc < 0)
		return err_sys(e, -rc, "linux.maskedPaths and readonlyPaths");
	for (size_t i = 0; rc == 0 && i < s->mounts_count; i++)
		rc = add_mount(p, &s->mounts[i], e);
	return rc;
}

static void free_list(const char **list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free((void *)(uintptr_t)list[i]);
	free(list);
}

void guest_paths_free(struct guest_paths *p)
{
	free_list(p->masked, p->masked_count);
	free_list(p->readonly, p->readonly_count);
	free_list(p->mounted, p->mounted_count);
	*p = (struct guest_paths){0};
}

void guest_paths_lend(const struct guest_paths *p, struct oci_spec *s)
{
	s->masked = p->masked;
	s->masked_count = p->masked_count;
	s->readonly = p->readonly;
	s->readonly_count = p->readonly_count;
	s->mounted = p->mounted;
	s->mounted_count = p->mounted_count;
}
