/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel side of the namespaces that a guest notices; see namespaces(7). */
#include "runtime/namespaces.h"

#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

/* A descriptor of the caller's. What is there may be a FIFO or a terminal instead. */
static int open_namespace(const struct oci_namespace *n, const char *what, struct err *e)
{
	cleanup_close int fd = open(n->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return err_set(e, ERR_CONFIG, errno, "%s: %s: %s", what, n->path, strerror(errno));
	if (ioctl(fd, NS_GET_NSTYPE) != n->flag)
		return err_set(e, ERR_CONFIG, EINVAL, "%s: %s is not a namespace of its type", what,
			       n->path);
	return take_fd(&fd);
}

int namespaces_check(const struct oci_namespace *n, const char *what, struct err *e)
{
	cleanup_close int fd = open_namespace(n, what, e);
	if (fd < 0)
		return fd;
	return 0;
}

int namespaces_join(const struct oci_namespace *n, const char *what, struct err *e)
{
	cleanup_close int fd = open_namespace(n, what, e);
	if (fd < 0)
		return fd;
	if (setns(fd, n->flag) < 0)
		return err_sys(e, errno, "%s: joining %s", what, n->path);
	return 0;
}

/* A new network namespace's loopback interface is down. */
static int loopback_up(struct err *e)
{
	cleanup_close int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq r = {.ifr_name = "lo"};
	if (fd < 0 || ioctl(fd, SIOCGIFFLAGS, &r) < 0)
		return err_sys(e, errno, "the loopback interface");
	r.ifr_flags |= IFF_UP;
	if (ioctl(fd, SIOCSIFFLAGS, &r) < 0)
		return err_sys(e, errno, "the loopback interface");
	return 0;
}

int namespaces_make(int flags, struct err *e)
{
	if (unshare(flags) < 0)
		return err_sys(e, errno, "new namespaces");
	if (flags & CLONE_NEWNET)
		return loopback_up(e);
	return 0;
}

int namespaces_set_sysctl(const struct oci_sysctl *s, const char *what, struct err *e)
{
	char below[OCI_SYSCTL_PATH_MAX], path[OCI_SYSCTL_PATH_MAX + 16];
	int rc = oci_sysctl_path(s->name, below, sizeof(below));
	if (rc < 0)
		return err_set(e, ERR_CONFIG, -rc, "%s: %.100s: %s", what, s->name, strerror(-rc));
	snprintf(path, sizeof(path), "/proc/sys/%s", below);
	cleanup_close int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return err_set(e, ERR_CONFIG, ENOENT, "%s: this kernel has no %s", what, s->name);
	if (fd < 0)
		return err_sys(e, errno, "%s: %s", what, s->name);
	rc = io_write_all(fd, s->value, strlen(s->value));
	if (rc < 0)
		return err_sys(e, -rc, "%s: %s", what, s->name);
	return 0;
}

int namespaces_set_names(const char *hostname, const char *domainname, struct err *e)
{
	if (hostname && *hostname && sethostname(hostname, strlen(hostname)) < 0)
		return err_sys(e, errno, "hostname %s", hostname);
	if (domainname && *domainname && setdomainname(domainname, strlen(domainname)) < 0)
		return err_sys(e, errno, "domainname %s", domainname);
	return 0;
}
