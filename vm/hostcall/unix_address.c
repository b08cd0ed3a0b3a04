/* SPDX-License-Identifier: Apache-2.0 */
/* See unix_address.h. The guest controls paths, names and the tree that they lead through. */
#include "vm/hostcall/unix_address.h"

#include "vm/hostcall/resolve.h"
#include "vm/internal.h"
#include "vm/jail/jail.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
	PATH_AT = offsetof(struct sockaddr_un, sun_path),
	PATH_BYTES = sizeof(((struct sockaddr_un *)NULL)->sun_path),
};

/* A guest's abstract name: the bytes behind its first, NUL; those at the end that are NUL too are
 * a number. */
struct name {
	size_t bytes; /* without the NULs at its end */
	size_t nuls;
	char text[PATH_BYTES];
};

/* What the names of this VM are, on the host. */
struct unix_names {
	struct jail_addresses own;
	struct name used[JAIL_ABSTRACT_NAMES]; /* no bytes and no NULs: never */
	bool is_used[JAIL_ABSTRACT_NAMES];
};

bool unix_is_abstract(const struct mote_sockaddr *guest)
{
	return guest && guest->len > PATH_AT && guest->len <= PATH_AT + PATH_BYTES &&
	       !guest->data[PATH_AT];
}

static struct name name_of(const struct mote_sockaddr *guest)
{
	struct name n = {.bytes = guest->len - PATH_AT - 1};
	memcpy(n.text, guest->data + PATH_AT + 1, n.bytes);
	while (n.bytes && !n.text[n.bytes - 1]) {
		n.bytes--;
		n.nuls++;
	}
	return n;
}

static bool same_name(const struct name *a, const struct name *b)
{
	return a->bytes == b->bytes && a->nuls == b->nuls &&
	       memcmp(a->text, b->text, a->bytes) == 0;
}

static void put_name(struct mote_sockaddr *to, const struct name *n)
{
	memset(to->data + PATH_AT, 0, sizeof(to->data) - PATH_AT);
	memcpy(to->data + PATH_AT + 1, n->text, n->bytes);
	to->len = (uint32_t)(PATH_AT + 1 + n->bytes + n->nuls);
}

/* --- names of a container: NUL, the key, the count of NULs at the end, the name --- */

enum { KEY_AT = PATH_AT + 1, NULS_AT = KEY_AT + 8, NAME_AT = NULS_AT + 1 };

static int container_address(const struct vm *vm, const struct mote_sockaddr *guest,
			     struct socket_address *out)
{
	const struct name n = name_of(guest);
	uint8_t *bytes = (uint8_t *)&out->own;
	if (n.bytes > sizeof(out->own) - NAME_AT)
		return -ENAMETOOLONG;
	out->own = (struct sockaddr_un){.sun_family = AF_UNIX};
	memcpy(bytes + KEY_AT, &vm->container_key, 8);
	bytes[NULS_AT] = (uint8_t)n.nuls;
	memcpy(bytes + NAME_AT, n.text, n.bytes);
	out->addr = (const struct sockaddr *)&out->own;
	out->len = (socklen_t)(NAME_AT + n.bytes);
	return 0;
}

/* Whether it is one of the container's; then `to` is what the guest calls it. */
static bool container_name(const struct vm *vm, struct mote_sockaddr *to)
{
	struct name n = {0};
	if (to->len < NAME_AT || memcmp(to->data + KEY_AT, &vm->container_key, 8) != 0)
		return false;
	n.bytes = to->len - NAME_AT;
	n.nuls = to->data[NULS_AT];
	if (1 + n.bytes + n.nuls > PATH_BYTES)
		return false;
	memcpy(n.text, to->data + NAME_AT, n.bytes);
	put_name(to, &n);
	return true;
}

/* --- names of other VMs --- */

static struct unix_names *names_of(struct vm *vm)
{
	if (vm->names)
		return vm->names;
	struct unix_names *names = aligned_alloc(_Alignof(struct unix_names), sizeof(*names));
	if (!names)
		return NULL;
	memset(names, 0, sizeof(*names));
	if (jail_addresses_fill(&names->own) < 0) {
		free(names);
		return NULL;
	}
	vm->names = names;
	return names;
}

void unix_names_free(struct vm *vm)
{
	free(take_ptr(vm->names));
}

static const struct sockaddr *abstract_at(const struct unix_names *names, unsigned i)
{
	const struct jail_addresses *all = jail_addresses_own();
	if (!all)
		all = &names->own;
	return (const struct sockaddr *)&all->abstract[i].un;
}

/* JAIL_ABSTRACT_NAMES: none. */
static unsigned find_name(const struct unix_names *names, const struct name *n)
{
	unsigned i = 0;
	while (i < JAIL_ABSTRACT_NAMES && !(names->is_used[i] && same_name(&names->used[i], n)))
		i++;
	return i;
}

int unix_abstract(struct vm *vm, const struct mote_sockaddr *guest, struct socket_address *out)
{
	if (vm->container_key)
		return container_address(vm, guest, out);
	const struct name n = name_of(guest);
	struct unix_names *names = names_of(vm);
	if (!names)
		return -ENOMEM;
	unsigned i = find_name(names, &n);
	if (i == JAIL_ABSTRACT_NAMES)
		return -ECONNREFUSED;
	out->addr = abstract_at(names, i);
	out->len = JAIL_ABSTRACT_BYTES;
	return 0;
}

/* The first of the names that no socket has: one stays taken until its socket is closed. */
static int bind_free_name(struct unix_names *names, int host, const struct name *n)
{
	for (unsigned i = 0; i < JAIL_ABSTRACT_NAMES; i++) {
		int rc = sys_status(bind(host, abstract_at(names, i), JAIL_ABSTRACT_BYTES));
		if (rc == -EADDRINUSE)
			continue;
		if (rc == 0) {
			names->used[i] = *n;
			names->is_used[i] = true;
		}
		return rc;
	}
	return -ENOSPC;
}

int unix_bind_abstract(struct vm *vm, int host, const struct mote_sockaddr *guest)
{
	const struct name n = name_of(guest);
	struct socket_address to;
	if (vm->container_key) {
		int rc = container_address(vm, guest, &to);
		if (rc < 0)
			return rc;
		return sys_status(bind(host, to.addr, to.len));
	}
	struct unix_names *names = names_of(vm);
	if (!names)
		return -ENOMEM;
	unsigned i = find_name(names, &n);
	if (i < JAIL_ABSTRACT_NAMES)
		return sys_status(bind(host, abstract_at(names, i), JAIL_ABSTRACT_BYTES));
	return bind_free_name(names, host, &n);
}

/* It dissolves a connection. The filter's page has zeros between its addresses. */
void unix_unspecified(struct socket_address *out)
{
	const struct jail_addresses *all = jail_addresses_own();
	out->own = (struct sockaddr_un){.sun_family = AF_UNSPEC};
	out->addr = (const struct sockaddr *)&out->own;
	if (all)
		out->addr = (const struct sockaddr *)(const void *)((const uint8_t *)&all->file +
								    sizeof(all->file) - 16);
	out->len = 16;
}

/* --- files --- */

static int no_file(int rc)
{
	if (rc == -EINVAL) /* a path that ends with "." or "..": a directory */
		return -ECONNREFUSED;
	return rc;
}

static int container_file(int dir, const char *path, uint32_t resolve, struct socket_address *out)
{
	cleanup_parent struct resolve_parent p = {.fd = -1};
	int rc = resolve_parent(dir, path, resolve, &p);
	if (rc < 0)
		return no_file(rc);
	size_t len = strlen(p.name);
	if (p.slash)
		return -ENOTDIR;
	if (len > PATH_BYTES)
		return -ENAMETOOLONG;
	if (fchdir(p.fd) < 0)
		return -errno;
	out->own = (struct sockaddr_un){.sun_family = AF_UNIX};
	memcpy(out->own.sun_path, p.name, len);
	out->addr = (const struct sockaddr *)&out->own;
	out->len = (socklen_t)(PATH_AT + len); /* as long as can be, it has no NUL at its end */
	return 0;
}

/* What stands for a file in /proc/self/fd; the descriptor must stay open for the system call. */
static int file_by_descriptor(int fd, struct socket_address *out)
{
	const struct jail_addresses *all = jail_addresses_own();
	out->own = (struct sockaddr_un){.sun_family = AF_UNIX};
	snprintf(out->own.sun_path, PATH_BYTES, "/proc/self/fd/%d", fd);
	out->addr = (const struct sockaddr *)&out->own;
	out->len = sizeof(out->own);
	if (!all)
		return 0;
	out->addr = (const struct sockaddr *)&all->file.un;
	return jail_socket_file(fd);
}

int unix_file(struct vcpu *vcpu, const struct fd_entry *entry, const char *path, uint32_t resolve,
	      int *fd, struct socket_address *out)
{
	const bool readonly = entry->flags & FD_READONLY;
	struct stat st;
	if (vcpu->vm->container_key && !readonly)
		return container_file(entry->host, path, resolve, out);
	cleanup_close int found = resolve_open(entry->host, path, resolve, O_PATH, 0);
	if (found < 0)
		return found;
	int rc = resolve_stat(found, &st);
	if (rc < 0)
		return rc;
	if (!S_ISSOCK(st.st_mode))
		return -ECONNREFUSED;
	if (readonly)
		return -EACCES;
	rc = file_by_descriptor(found, out);
	if (rc == 0)
		*fd = take_fd(&found);
	return rc;
}

/*
 * The directory that an address is relative to: what the path has before it. `start` is left as it
 * is if the path does not end so.
 */
static bool find_start(const char *path, const char *name, size_t name_len, char start[4096])
{
	size_t len = strlen(path);
	if (name_len > len || memcmp(path + len - name_len, name, name_len) != 0)
		return false;
	strcpy(start, ".");
	if (len > name_len) {
		memcpy(start, path, len - name_len);
		start[len - name_len] = '\0';
	}
	return true;
}

/*
 * The address is what other processes get to know of the socket, so it is the guest's own: from the
 * directory that it is relative to. A path that went through links of the guest runtime's own is
 * another one, and the name in its directory is used.
 */
static int bind_in_container(int host, int dir, const char *path, uint32_t resolve,
			     const struct mote_sockaddr *guest)
{
	struct socket_address to = {.addr = (const struct sockaddr *)(const void *)guest->data,
				    .len = guest->len};
	const char *name = (const char *)guest->data + PATH_AT;
	char start[4096];
	if (name[0] == '/')
		return sys_status(bind(host, to.addr, to.len));
	if (find_start(path, name, strnlen(name, guest->len - PATH_AT), start)) {
		cleanup_close int fd = resolve_open(dir, start, resolve, O_PATH | O_DIRECTORY, 0);
		if (fd < 0)
			return fd;
		if (fchdir(fd) < 0)
			return -errno;
		return sys_status(bind(host, to.addr, to.len));
	}
	int rc = container_file(dir, path, resolve, &to);
	if (rc < 0)
		return rc;
	return sys_status(bind(host, to.addr, to.len));
}

static int bind_at(int host, int dir, const char *name)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	int n = snprintf(un.sun_path, PATH_BYTES, "/proc/self/fd/%d/%s", dir, name);
	if (n >= PATH_BYTES)
		return -ENAMETOOLONG;
	return sys_status(bind(host, (const struct sockaddr *)&un, sizeof(un)));
}

/* A name that is too long next to the directory's: it is given to the file afterwards. */
static int bind_long_name(int host, const struct resolve_parent *p)
{
	struct stat st;
	uint64_t number;
	char name[32];
	if (fstatat(p->fd, p->name, &st, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) == 0)
		return -EADDRINUSE;
	if (getrandom(&number, sizeof(number), 0) != sizeof(number))
		return -EAGAIN;
	snprintf(name, sizeof(name), ".mote-%016lx", number);
	int rc = bind_at(host, p->fd, name);
	if (rc < 0)
		return rc;
	rc = sys_status(syscall(SYS_renameat2, p->fd, name, p->fd, p->name, RENAME_NOREPLACE));
	if (rc < 0)
		(void)!unlinkat(p->fd, name, 0);
	if (rc == -EEXIST)
		return -EADDRINUSE;
	return rc;
}

int unix_bind_file(struct vcpu *vcpu, int host, int dir, const char *path, uint32_t resolve,
		   const struct mote_sockaddr *guest)
{
	if (vcpu->vm->container_key)
		return bind_in_container(host, dir, path, resolve, guest);
	cleanup_parent struct resolve_parent p = {.fd = -1};
	int rc = resolve_parent(dir, path, resolve, &p);
	if (rc == -EINVAL)
		return -EADDRINUSE;
	if (rc < 0)
		return rc;
	if (p.slash)
		return -ENOENT;
	rc = bind_at(host, p.fd, p.name);
	if (rc == -ENAMETOOLONG)
		rc = bind_long_name(host, &p);
	return rc;
}

/* --- what the guest knows --- */

void unix_report(const struct vm *vm, struct mote_sockaddr *address)
{
	uint16_t family;
	memcpy(&family, address->data, sizeof(family));
	if (family != AF_UNIX || address->len <= PATH_AT || address->data[PATH_AT])
		return;
	if (vm->container_key && container_name(vm, address))
		return;
	for (unsigned i = 0; vm->names && i < JAIL_ABSTRACT_NAMES; i++)
		if (vm->names->is_used[i] && address->len == JAIL_ABSTRACT_BYTES &&
		    memcmp(address->data, abstract_at(vm->names, i), JAIL_ABSTRACT_BYTES) == 0) {
			put_name(address, &vm->names->used[i]);
			return;
		}
	address->len = PATH_AT; /* a name of somebody else's, which the guest cannot use */
}
