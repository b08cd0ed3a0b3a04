/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel side of user namespaces; see user_namespaces(7) and mount_setattr(2). */
#include "runtime/userns.h"

#include "base/io.h"
#include "runtime/runtime.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

/*
 * The upper half of the ids, which neither distributions nor systemd give to anybody. Two shims can
 * come to the same range after 16384 processes: their containers are apart by all else.
 */
#define IDS        65536U
#define FIRST_BASE 0x80000000U
#define BASES      0x4000U
#define REST_BASE  0xc0000000U /* where ids from IDS on begin */
#define REST_IDS   0x3fff0000U /* up to the one below (uid_t)-1 */

static int write_map(pid_t pid, const char *file, uint32_t base, struct err *e)
{
	char path[40], text[100];
	snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
	int n = snprintf(text, sizeof(text), "0 %u %u\n%u %u %u\n", base, IDS, IDS, REST_BASE,
			 REST_IDS);
	cleanup_close int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, errno, "a user namespace: %s", file);
	int rc = io_write_all(fd, text, (size_t)n);
	if (rc < 0)
		return err_sys(e, -rc, "a user namespace: %s", file);
	return 0;
}

static int map_ids(pid_t pid, uint32_t base, int *fd, struct err *e)
{
	char path[40];
	int rc = write_map(pid, "uid_map", base, e);
	if (rc == 0)
		rc = write_map(pid, "gid_map", base, e);
	if (rc < 0)
		return rc;
	snprintf(path, sizeof(path), "/proc/%d/ns/user", pid);
	*fd = open(path, O_RDONLY | O_CLOEXEC);
	if (*fd < 0)
		return err_sys(e, errno, "a user namespace");
	return 0;
}

/* A process holds the namespace while its ids are mapped. */
static int make(uint32_t base, int *fd, struct err *e)
{
	struct userns_holder holder;
	pid_t pid = userns_clone_holder(&holder);
	if (pid < 0)
		return err_sys(e, errno, "a user namespace");
	int rc = map_ids(pid, base, fd, e);
	kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return rc;
}

int userns_get(struct userns *out, struct err *e)
{
	static int kept = -1;
	static pid_t maker;
	uint32_t base = FIRST_BASE + ((uint32_t)getpid() % BASES) * IDS;
	if (maker != getpid()) { /* a fork of the maker has another number, and another range */
		int fd = -1, rc = make(base, &fd, e);
		if (rc < 0)
			return rc;
		if (kept >= 0)
			close(kept);
		kept = fd;
		maker = getpid();
	}
	*out = (struct userns){.fd = kept, .base = base};
	return 0;
}

int runtime_has_user_namespaces(struct err *e)
{
	struct userns u;
	return userns_get(&u, e);
}

uint32_t userns_host_id(const struct userns *u, uint32_t id)
{
	if (!u->base)
		return id;
	if (id < IDS)
		return u->base + id;
	return REST_BASE + (id - IDS);
}

static bool is_mapped(uint32_t id)
{
	return id < IDS + REST_IDS;
}

int userns_maps(const struct oci_spec *s, struct err *e)
{
	bool all = is_mapped(s->uid) && is_mapped(s->gid);
	for (size_t i = 0; i < s->groups_count; i++)
		all &= is_mapped(s->groups[i]);
	if (!all)
		return err_set(e, ERR_CONFIG, ERANGE, "process.user has ids from %u on",
			       IDS + REST_IDS);
	return 0;
}

/* One option of a list, or its counterpart. */
static int shift_option(const struct userns *u, const char *option, size_t len, char *to,
			size_t size)
{
	if (len > 4 && (strncmp(option, "uid=", 4) == 0 || strncmp(option, "gid=", 4) == 0)) {
		char *end;
		unsigned long id = strtoul(option + 4, &end, 10);
		if (end == option + len && id < IDS + REST_IDS)
			return snprintf(to, size, "%.4s%u", option,
					userns_host_id(u, (uint32_t)id));
	}
	return snprintf(to, size, "%.*s", (int)len, option);
}

int userns_shift_options(const struct userns *u, const char *data, char **out)
{
	/* The longest id has ten digits, the shortest one. */
	size_t size = strlen(data) * 4 + 1, at = 0;
	cleanup_free char *text = malloc(size);
	if (!text)
		return -ENOMEM;
	text[0] = '\0';
	while (*data) {
		size_t len = strcspn(data, ",");
		at += (size_t)shift_option(u, data, len, text + at, size - at);
		data += len;
		if (*data == ',')
			text[at++] = *data++;
		text[at] = '\0';
	}
	*out = take_ptr(text);
	return 0;
}

/* --- ids and capabilities of this process --- */

int userns_set_effective(uint64_t set, struct err *e)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct caps[2];
	if (syscall(SYS_capget, &head, caps) < 0)
		return err_sys(e, errno, "reading capabilities");
	for (int i = 0; i < 2; i++)
		caps[i].effective = caps[i].permitted & (uint32_t)(set >> 32 * i);
	if (syscall(SYS_capset, &head, caps) < 0)
		return err_sys(e, errno, "setting capabilities");
	return 0;
}

/* They return the former id, never an error; asking for -1 returns the present one. */
int userns_set_fs_ids(uint32_t uid, uint32_t gid, struct err *e)
{
	setfsgid(gid);
	setfsuid(uid);
	if (setfsgid((gid_t)-1) != (int)gid || setfsuid((uid_t)-1) != (int)uid)
		return err_sys(e, EPERM, "file system ids %u and %u", uid, gid);
	/* The kernel takes some capabilities from a user that is not root, and gives them back. */
	return userns_set_effective(UINT64_MAX, e);
}
