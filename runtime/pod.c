/* SPDX-License-Identifier: Apache-2.0 */
/* A pod's namespaces and files. Its configuration is written by whoever writes the pod. */
#include "runtime/pod.h"

#include "base/io.h"
#include "base/thread.h"
#include "oci/spec.h"
#include "runtime/cgroup/cgroup.h"
#include "runtime/mounts.h"
#include "runtime/namespaces.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <semaphore.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/utsname.h>

#define HOST_FILE_MAX (1UL << 20)
#define HOSTNAME_MAX  64 /* utsname's */
#define STACK_BYTES   (64UL << 10)
/* Of all that the pod's containers write to its files and to /dev/shm: as containerd's pods have */
#define FILES_OPTIONS "mode=0711,size=67108864"

/* In the directory of files, and where they are in a container. */
enum pod_file { POD_HOSTNAME, POD_HOSTS, POD_RESOLV_CONF, POD_SHM, POD_FILES };
static const struct {
	const char *name, *destination;
} pod_files[POD_FILES] = {
	[POD_HOSTNAME] = {"hostname", "/etc/hostname"},
	[POD_HOSTS] = {"hosts", "/etc/hosts"},
	[POD_RESOLV_CONF] = {"resolv.conf", "/etc/resolv.conf"},
	[POD_SHM] = {"shm", "/dev/shm"},
};

struct pod {
	char *id, *dir;           /* owned; dir: of the files */
	char *sources[POD_FILES]; /* owned: their paths */
	char *netns_path, *hostname, *cgroup_parent;
	bool host_network, host_ipc;
	struct oci_sysctl *sysctls; /* owned, with their strings */
	size_t sysctls_count;

	/* `ready` is posted once `failure` and `tid` are set, `end` when the thread is to end. */
	pthread_t thread;
	bool running;
	pid_t tid;
	struct err failure;
	sem_t ready, end;
};

/* --- files --- */

static int write_file(int dir, const char *name, const char *text, size_t len, struct err *e)
{
	cleanup_close int fd =
		openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0 || fchmod(fd, 0644) < 0)
		return err_sys(e, errno, "the pod's %s", name);
	int rc = io_write_all(fd, text, len);
	if (rc < 0)
		return err_sys(e, -rc, "the pod's %s", name);
	return 0;
}

/* A host without the file gives an empty one. */
static int copy_host_file(int dir, const char *path, const char *name, struct err *e)
{
	cleanup_free char *text = NULL;
	size_t len = 0;
	int rc = io_read_file(AT_FDCWD, path, HOST_FILE_MAX, &text, &len);
	if (rc < 0 && rc != -ENOENT)
		return err_sys(e, -rc, "%s", path);
	return write_file(dir, name, text ? text : "", len, e);
}

static void put_list(FILE *f, const char *first, const char *separator, const char *const *list,
		     size_t count)
{
	for (size_t i = 0; i < count; i++)
		fprintf(f, "%s%s", i > 0 ? separator : first, list[i]);
	if (count > 0)
		fputc('\n', f);
}

static int write_resolv_conf(int dir, const struct pod_config *c, struct err *e)
{
	cleanup_free char *text = NULL;
	size_t len;
	if (!c->dns)
		return copy_host_file(dir, "/etc/resolv.conf", "resolv.conf", e);
	FILE *f = open_memstream(&text, &len);
	if (!f)
		return err_sys(e, ENOMEM, "the pod's resolv.conf");
	put_list(f, "search ", " ", c->dns_searches, c->dns_searches_count);
	put_list(f, "nameserver ", "\nnameserver ", c->dns_servers, c->dns_servers_count);
	put_list(f, "options ", " ", c->dns_options, c->dns_options_count);
	if (fclose(f) != 0)
		return err_sys(e, ENOMEM, "the pod's resolv.conf");
	return write_file(dir, "resolv.conf", text, len, e);
}

static int write_hostname(int dir, const struct pod *p, struct err *e)
{
	char text[HOSTNAME_MAX + 2];
	struct utsname host;
	const char *name = p->hostname;
	if (!*name && uname(&host) < 0)
		return err_sys(e, errno, "the host's name");
	if (!*name)
		name = host.nodename;
	int len = snprintf(text, sizeof(text), "%s\n", name);
	return write_file(dir, "hostname", text, (size_t)len, e);
}

/*
 * On a file system of their own, whose size bounds what containers write there: the bundle is in
 * memory that containerd needs.
 */
static int make_files(const struct pod *p, const struct pod_config *c, struct err *e)
{
	if (mkdir(p->dir, 0711) < 0 && errno != EEXIST)
		return err_sys(e, errno, "%s", p->dir);
	if (mount("pod", p->dir, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, FILES_OPTIONS) < 0)
		return err_sys(e, errno, "mounting a tmpfs on %s", p->dir);
	cleanup_close int dir = open(p->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0 || mkdirat(dir, "shm", 0) < 0 || fchmodat(dir, "shm", 01777, 0) < 0)
		return err_sys(e, errno, "%s/shm", p->dir);
	int rc = write_hostname(dir, p, e);
	if (rc == 0)
		rc = copy_host_file(dir, "/etc/hosts", "hosts", e);
	if (rc == 0)
		rc = write_resolv_conf(dir, c, e);
	return rc;
}

static bool leads_to(const struct oci_mount *m, const char *destination)
{
	char path[PATH_MAX];
	return mounts_clean_path(m->destination, path) == 0 && strcmp(path, destination) == 0;
}

static int add_mount(const char *source, const char *destination, bool readonly,
		     struct oci_spec *spec, struct err *e)
{
	const char *const options[] = {"rbind", "rprivate", readonly ? "ro" : "rw", NULL};
	struct oci_mount m = {
		.destination = destination, .type = "", .source = source, .bind = true};
	const char *bad;
	int rc = oci_mount_options(options, &m, &bad);
	if (rc == 0)
		rc = oci_add_mount(spec, &m);
	if (rc < 0)
		free(m.data);
	if (rc < 0)
		return err_sys(e, -rc, "mount on %s", destination);
	return 0;
}

/* The one that counts is the last: it covers the others. NULL: there is none. */
static const struct oci_mount *find_mount(const struct oci_spec *spec, const char *destination)
{
	const struct oci_mount *found = NULL;
	for (size_t i = 0; i < spec->mounts_count; i++)
		if (leads_to(&spec->mounts[i], destination))
			found = &spec->mounts[i];
	return found;
}

int pod_add_mounts(const struct pod *p, struct oci_spec *spec, struct err *e)
{
	for (enum pod_file i = 0; i < POD_FILES; i++) {
		const char *destination = pod_files[i].destination;
		const struct oci_mount *own = find_mount(spec, destination);
		if (own && (own->bind || i != POD_SHM))
			continue;
		if (i == POD_SHM && p->host_ipc)
			continue;
		bool readonly = spec->root_readonly && i != POD_SHM;
		int rc = add_mount(p->sources[i], destination, readonly, spec, e);
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* --- namespaces --- */

/* Of the thread that has become the pod's. */
static int enter_namespaces(const struct pod *p, struct err *e)
{
	const struct oci_namespace network = {.flag = CLONE_NEWNET, .path = p->netns_path};
	int fresh = 0, rc = 0;
	if (!p->host_network)
		fresh |= CLONE_NEWUTS;
	if (!p->host_ipc)
		fresh |= CLONE_NEWIPC;
	if (!p->host_network && *p->netns_path)
		rc = namespaces_join(&network, "the pod's network namespace", e);
	else if (!p->host_network)
		fresh |= CLONE_NEWNET;
	if (rc == 0)
		rc = namespaces_make(fresh, e);
	for (size_t i = 0; rc == 0 && i < p->sysctls_count; i++)
		rc = namespaces_set_sysctl(&p->sysctls[i], "the pod's sysctls", e);
	if (rc == 0 && !p->host_network)
		rc = namespaces_set_names(p->hostname, NULL, e);
	return rc;
}

/*
 * The shim has no locks: the loop waits until `ready`, and behind it nothing is done here but to
 * wait for the end.
 */
static void *hold_namespaces(void *pod)
{
	struct pod *p = pod;
	(void)!enter_namespaces(p, &p->failure);
	p->tid = gettid();
	sem_post(&p->ready);
	while (sem_wait(&p->end) < 0)
		;
	return NULL;
}

int pod_start(struct pod *p, struct err *e)
{
	if (p->running)
		return 0;
	p->failure = (struct err){0};
	int rc = thread_start_with_stack(&p->thread, STACK_BYTES, hold_namespaces, p);
	if (rc < 0)
		return err_sys(e, -rc, "pod %s: a thread for its namespaces", p->id);
	p->running = true;
	while (sem_wait(&p->ready) < 0)
		;
	if (!p->failure.code)
		return 0;
	pod_stop(p);
	return err_set(e, p->failure.blame, p->failure.code, "pod %s: %s", p->id, p->failure.text);
}

pid_t pod_pid(const struct pod *p)
{
	return p->running ? p->tid : 0;
}

void pod_stop(struct pod *p)
{
	if (!p->running)
		return;
	sem_post(&p->end);
	pthread_join(p->thread, NULL);
	p->running = false;
}

/* --- all of it --- */

static void free_pod(struct pod *p)
{
	free(p->id);
	free(p->dir);
	for (enum pod_file i = 0; i < POD_FILES; i++)
		free(p->sources[i]);
	free(p->netns_path);
	free(p->hostname);
	free(p->cgroup_parent);
	for (size_t i = 0; i < p->sysctls_count; i++) {
		free((char *)(uintptr_t)p->sysctls[i].name);
		free((char *)(uintptr_t)p->sysctls[i].value);
	}
	free(p->sysctls);
	sem_destroy(&p->ready);
	sem_destroy(&p->end);
	free(p);
}

/* Those of the host's are not a pod's to change. */
static int check_sysctls(const struct pod_config *c, struct err *e)
{
	int own = 0;
	if (!c->host_network)
		own |= CLONE_NEWNET | CLONE_NEWUTS;
	if (!c->host_ipc)
		own |= CLONE_NEWIPC;
	for (size_t i = 0; i < c->sysctls_count; i++) {
		int flag = oci_sysctl_namespace(c->sysctls[i].name);
		if (!flag)
			return err_set(e, ERR_CONFIG, EINVAL,
				       "the pod's sysctls: %.100s is not one of a namespace that a "
				       "pod has",
				       c->sysctls[i].name);
		if (!(flag & own))
			return err_set(e, ERR_CONFIG, EINVAL,
				       "the pod's sysctls: %.100s would change the host's",
				       c->sysctls[i].name);
	}
	return 0;
}

static int copy_sysctls(struct pod *p, const struct pod_config *c)
{
	p->sysctls = calloc(c->sysctls_count + 1, sizeof(*p->sysctls));
	if (!p->sysctls)
		return -ENOMEM;
	for (size_t i = 0; i < c->sysctls_count; i++) {
		struct oci_sysctl *s = &p->sysctls[p->sysctls_count++];
		s->name = strdup(c->sysctls[i].name);
		s->value = strdup(c->sysctls[i].value);
		if (!s->name || !s->value)
			return -ENOMEM;
	}
	return 0;
}

static int copy_config(struct pod *p, const struct pod_config *c)
{
	p->host_network = c->host_network;
	p->host_ipc = c->host_ipc;
	p->id = strdup(c->id);
	p->netns_path = strdup(c->netns_path);
	p->hostname = strdup(c->hostname);
	if (asprintf(&p->dir, "%s/" POD_FILES_DIR, c->bundle) < 0)
		p->dir = NULL;
	if (!p->id || !p->netns_path || !p->hostname || !p->dir)
		return -ENOMEM;
	for (enum pod_file i = 0; i < POD_FILES; i++)
		if (asprintf(&p->sources[i], "%s/%s", p->dir, pod_files[i].name) < 0) {
			p->sources[i] = NULL;
			return -ENOMEM;
		}
	/* A path that is none has no cgroup behind it. */
	if (*c->cgroup_parent && oci_cgroup_path(c->cgroup_parent, &p->cgroup_parent) == -ENOMEM)
		return -ENOMEM;
	return copy_sysctls(p, c);
}

static int remove_files(const struct pod *p, struct err *e)
{
	int rc = mounts_detach(p->dir, e);
	if (rc == 0 && rmdir(p->dir) < 0 && errno != ENOENT)
		return err_sys(e, errno, "%s", p->dir);
	return rc;
}

int pod_create(const struct pod_config *c, struct pod **out, struct err *e)
{
	if (strlen(c->hostname) > HOSTNAME_MAX)
		return err_set(e, ERR_CONFIG, EINVAL, "pod %s: its hostname has more than %d bytes",
			       c->id, HOSTNAME_MAX);
	int rc = check_sysctls(c, e);
	if (rc < 0)
		return rc;
	struct pod *p = calloc(1, sizeof(*p));
	if (!p)
		return err_sys(e, ENOMEM, "pod %s", c->id);
	sem_init(&p->ready, 0, 0);
	sem_init(&p->end, 0, 0);
	rc = copy_config(p, c);
	if (rc < 0) {
		free_pod(p);
		return err_sys(e, -rc, "pod %s", c->id);
	}
	rc = make_files(p, c, e);
	if (rc < 0) {
		(void)!remove_files(p, NULL);
		free_pod(p);
		return rc;
	}
	*out = p;
	return 0;
}

int pod_delete(struct pod *p, struct err *e)
{
	pod_stop(p);
	int rc = remove_files(p, e);
	if (rc < 0)
		return rc;
	free_pod(p);
	return 0;
}

int pod_stats(const struct pod *p, struct container_stats *out, struct err *e)
{
	cleanup_cgroup struct cgroup *cgroup = NULL;
	if (!p->cgroup_parent)
		return err_set(e, ERR_PEER, ENOENT, "pod %s: which cgroup it has is not known",
			       p->id);
	int rc = cgroup_open(p->cgroup_parent, &cgroup, e);
	if (rc < 0)
		return rc;
	return cgroup_stats(cgroup, out, e);
}
