/* SPDX-License-Identifier: Apache-2.0 */
/* What a pod's containers share: its files, the namespaces of its thread, mounts. */
#include "runtime_harness.h"

#include "oci/spec.h"
#include "runtime/pod.h"

#include <sched.h>

static struct pod_config c;
static struct err e;

/* What a pod mounts that a failed test leaves goes with its process. */
static void begin(void)
{
	cr_assert(unshare(CLONE_NEWNS) == 0 &&
		  mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
	setup();
	c = (struct pod_config){
		.id = "p",
		.bundle = dir,
		.netns_path = "",
		.hostname = "",
		.cgroup_parent = "",
	};
}

TestSuite(runtime_pod, .init = begin, .fini = teardown);

static struct pod *make(void)
{
	struct pod *p = NULL;
	cr_assert(pod_create(&c, &p, &e) == 0, "%s", e.text);
	return p;
}

static void remove_pod(struct pod *p)
{
	cr_assert(pod_delete(p, &e) == 0, "%s", e.text);
	cr_expect(access(at(POD_FILES_DIR), F_OK) < 0, "its files are left");
}

static const char *file(const char *path)
{
	static char text[4096];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	cr_assert(fd >= 0, "%s", path);
	ssize_t n = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[n < 0 ? 0 : n] = '\0';
	return text;
}

/* Whether the pod's namespace of that kind is this process's. */
static bool is_host_s(const struct pod *p, const char *kind)
{
	struct stat own, theirs;
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/ns/%s", pod_pid(p), kind);
	cr_assert(stat(path, &theirs) == 0, "%s", path);
	snprintf(path, sizeof(path), "/proc/self/ns/%s", kind);
	cr_assert(stat(path, &own) == 0);
	return own.st_ino == theirs.st_ino;
}

/* What a file of /proc/sys says in the pod, or its host name. */
static const char *seen_in(const struct pod *p, int flag, const char *kind, const char *path)
{
	static char text[128];
	int pipes[2], status;
	char ns[64];
	snprintf(ns, sizeof(ns), "/proc/%d/ns/%s", pod_pid(p), kind);
	cr_assert(pipe2(pipes, O_CLOEXEC) == 0);
	pid_t child = fork();
	if (child == 0) {
		int fd = open(ns, O_RDONLY | O_CLOEXEC);
		if (fd < 0 || setns(fd, flag) < 0)
			_exit(1);
		const char *said = file(path);
		_exit(write(pipes[1], said, strlen(said)) < 0);
	}
	close(pipes[1]);
	ssize_t n = read(pipes[0], text, sizeof(text) - 1);
	close(pipes[0]);
	cr_assert(waitpid(child, &status, 0) == child && status == 0 && n > 0, "%s", path);
	text[n] = '\0';
	return text;
}

Test(runtime_pod, a_pod_without_configuration_has_the_host_s_names_and_its_own_namespaces)
{
	char host[128];
	cr_assert(gethostname(host, sizeof(host) - 1) == 0);
	strcat(host, "\n");
	struct pod *p = make();
	cr_expect_str_eq(file(at(POD_FILES_DIR "/hostname")), host);
	cr_expect(access(at(POD_FILES_DIR "/hosts"), F_OK) == 0 &&
		  access(at(POD_FILES_DIR "/resolv.conf"), F_OK) == 0);
	cr_expect(pod_pid(p) == 0);
	pod_stop(p);
	cr_assert(pod_start(p, &e) == 0, "%s", e.text);
	const pid_t first = pod_pid(p);
	cr_assert(pod_start(p, &e) == 0 && pod_pid(p) == first, "started twice");
	cr_expect(!is_host_s(p, "net") && !is_host_s(p, "ipc") && !is_host_s(p, "uts"));
	cr_expect(is_host_s(p, "mnt") && is_host_s(p, "pid"));
	pod_stop(p);
	cr_expect(pod_pid(p) == 0);
	remove_pod(p);
}

Test(runtime_pod, files_names_and_sysctls_are_those_of_its_configuration)
{
	const char *servers[] = {"192.0.2.1", "192.0.2.2"},
		   *searches[] = {"a.example", "b.example"}, *options[] = {"ndots:5"};
	const struct pod_sysctl sysctls[] = {{"kernel.shmmni", "77"},
					     {"net.ipv4.ip_unprivileged_port_start", "80"}};
	c.hostname = "pod-name";
	c.dns = true;
	c.dns_servers = servers;
	c.dns_servers_count = 2;
	c.dns_searches = searches;
	c.dns_searches_count = 2;
	c.dns_options = options;
	c.dns_options_count = 1;
	c.sysctls = sysctls;
	c.sysctls_count = 2;
	struct pod *p = make();
	cr_expect_str_eq(file(at(POD_FILES_DIR "/hostname")), "pod-name\n");
	cr_expect_str_eq(file(at(POD_FILES_DIR "/resolv.conf")),
			 "search a.example b.example\nnameserver 192.0.2.1\n"
			 "nameserver 192.0.2.2\noptions ndots:5\n");
	cr_assert(pod_start(p, &e) == 0, "%s", e.text);
	cr_expect_str_eq(seen_in(p, CLONE_NEWUTS, "uts", "/proc/sys/kernel/hostname"),
			 "pod-name\n");
	cr_expect_str_eq(seen_in(p, CLONE_NEWIPC, "ipc", "/proc/sys/kernel/shmmni"), "77\n");
	cr_expect_str_neq(file("/proc/sys/kernel/shmmni"), "77\n");
	remove_pod(p);
}

Test(runtime_pod, namespaces_of_the_host_or_of_others)
{
	c.host_network = c.host_ipc = true;
	struct pod *p = make();
	cr_assert(pod_start(p, &e) == 0, "%s", e.text);
	cr_expect(is_host_s(p, "net") && is_host_s(p, "ipc") && is_host_s(p, "uts"));
	remove_pod(p);

	c.host_network = false;
	c.netns_path = "/proc/self/ns/net";
	p = make();
	cr_assert(pod_start(p, &e) == 0, "%s", e.text);
	cr_expect(is_host_s(p, "net") && is_host_s(p, "ipc") && !is_host_s(p, "uts"));
	remove_pod(p);
}

/* Found by the thread, which is gone then; the pod can be deleted. */
Test(runtime_pod, namespaces_that_cannot_be_entered)
{
	static const char *const paths[] = {"/not/there", "/proc/self/ns/uts", "/dev/null"};
	for (size_t i = 0; i <= sizeof(paths) / sizeof(paths[0]); i++) {
		/* The last is a FIFO whose other end nobody opens. */
		c.netns_path = i < sizeof(paths) / sizeof(paths[0]) ? paths[i] : at("in");
		struct pod *p = make();
		cr_expect(pod_start(p, &e) < 0 && strstr(e.text, "pod p: ") &&
				  strstr(e.text, c.netns_path),
			  "%s: %s", c.netns_path, e.text);
		cr_expect(pod_pid(p) == 0);
		remove_pod(p);
	}
}

Test(runtime_pod, what_cannot_be_created)
{
	static const struct {
		struct pod_sysctl sysctl;
		bool host_network, host_ipc;
		const char *said;
	} cases[] = {
		{{"vm.swappiness", "1"}, false, false, "is not one of a namespace"},
		{{"net.ipv4.ip_forward", "1"}, true, false, "would change the host's"},
		{{"kernel.shmmax", "1"}, false, true, "would change the host's"},
	};
	struct pod *p = NULL;
	char name[66];
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		c.sysctls = &cases[i].sysctl;
		c.sysctls_count = 1;
		c.host_network = cases[i].host_network;
		c.host_ipc = cases[i].host_ipc;
		cr_expect(pod_create(&c, &p, &e) == -EINVAL && strstr(e.text, cases[i].said) &&
				  strstr(e.text, cases[i].sysctl.name),
			  "%s", e.text);
	}
	c = (struct pod_config){.id = "p", .bundle = dir, .netns_path = "", .cgroup_parent = ""};
	memset(name, 'n', 65);
	name[65] = '\0';
	c.hostname = name;
	cr_expect(pod_create(&c, &p, &e) == -EINVAL && strstr(e.text, "hostname"), "%s", e.text);
	c.hostname = "";
	c.bundle = "/not/there";
	cr_expect(pod_create(&c, &p, &e) == -ENOENT && strstr(e.text, "/not/there"), "%s", e.text);
	c.bundle = dir;
	put(at(POD_FILES_DIR), "", 0600); /* no directory, so nothing can be mounted there */
	cr_expect(pod_create(&c, &p, &e) == -ENOTDIR && strstr(e.text, POD_FILES_DIR), "%s",
		  e.text);
	cr_expect(!p);
	unlink(at(POD_FILES_DIR));
}

/* A kernel that refuses a sysctl's value does so in the thread. */
Test(runtime_pod, a_sysctl_that_the_kernel_refuses)
{
	const struct pod_sysctl sysctl = {"kernel.shmmni", "many"};
	c.sysctls = &sysctl;
	c.sysctls_count = 1;
	struct pod *p = make();
	cr_expect(pod_start(p, &e) == -EINVAL && strstr(e.text, "kernel.shmmni"), "%s", e.text);
	remove_pod(p);
}

static void add(struct oci_spec *s, const char *destination, bool bind)
{
	const char *const options[] = {"rw", NULL}, *bad;
	struct oci_mount m = {
		.destination = destination,
		.type = bind ? "" : "tmpfs",
		.source = "/tmp",
		.bind = bind,
	};
	cr_assert(oci_mount_options(options, &m, &bad) == 0 && oci_add_mount(s, &m) == 0);
}

/* Destinations of the mounts in their order, each with how it is made. */
static const char *mounts_of(const struct oci_spec *s)
{
	static char text[1000];
	size_t at_end = 0;
	for (size_t i = 0; i < s->mounts_count; i++)
		at_end +=
			(size_t)snprintf(text + at_end, sizeof(text) - at_end, "%s%s%s ",
					 s->mounts[i].destination, s->mounts[i].bind ? ":bind" : "",
					 s->mounts[i].flags & MS_RDONLY ? ":ro" : "");
	return text;
}

Test(runtime_pod, mounts_of_a_container)
{
	struct pod *p = make();
	struct oci_spec s = {0};
	add(&s, "/dev/shm", false);
	cr_assert(pod_add_mounts(p, &s, &e) == 0, "%s", e.text);
	cr_expect_str_eq(mounts_of(&s), "/dev/shm /etc/hostname:bind /etc/hosts:bind "
					"/etc/resolv.conf:bind /dev/shm:bind ");
	oci_spec_free(&s);

	/* Its own count, however they are spelt; with a read-only root these are, too. */
	s = (struct oci_spec){.root_readonly = true};
	add(&s, "/dev/../dev/shm/", true);
	add(&s, "//etc/hosts", true);
	cr_assert(pod_add_mounts(p, &s, &e) == 0, "%s", e.text);
	cr_expect_str_eq(mounts_of(&s), "/dev/../dev/shm/:bind //etc/hosts:bind "
					"/etc/hostname:bind:ro /etc/resolv.conf:bind:ro ");
	oci_spec_free(&s);
	remove_pod(p);

	c.host_ipc = true;
	p = make();
	s = (struct oci_spec){0};
	cr_assert(pod_add_mounts(p, &s, &e) == 0, "%s", e.text);
	cr_expect_str_eq(mounts_of(&s),
			 "/etc/hostname:bind /etc/hosts:bind /etc/resolv.conf:bind ");
	oci_spec_free(&s);
	remove_pod(p);
}

Test(runtime_pod, statistics_are_its_cgroup_s)
{
	struct container_stats s;
	struct pod *p = make();
	cr_expect(pod_stats(p, &s, &e) == -ENOENT && strstr(e.text, "not known"), "%s", e.text);
	remove_pod(p);
	c.cgroup_parent = "/mote-test-none";
	p = make();
	cr_expect(pod_stats(p, &s, &e) < 0 && strstr(e.text, "mote-test-none"), "%s", e.text);
	remove_pod(p);
	cleanup_cgroup struct cgroup *group = NULL;
	const struct oci_resources none = OCI_RESOURCES_UNSET;
	char path[64];
	snprintf(path, sizeof(path), "/mote-test/%s", dir + strlen(dir) - 6);
	cr_assert(cgroup_open(path, &group, &e) == 0 && cgroup_create(group, &none, &e) == 0, "%s",
		  e.text);
	c.cgroup_parent = path;
	p = make();
	cr_expect(pod_stats(p, &s, &e) == 0, "%s", e.text);
	remove_pod(p);
	cr_expect(cgroup_remove(group, &e) == 0, "%s", e.text);
}
