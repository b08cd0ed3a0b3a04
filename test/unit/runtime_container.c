/* SPDX-License-Identifier: Apache-2.0 */
/* A container's life: what it sees, its states, signals, limits, and what is left of it. */
#include "runtime_harness.h"

#include "runtime/process.h"

#include <sys/sysinfo.h>
#include <sys/sysmacros.h>

TestSuite(runtime_container, .init = setup, .fini = teardown, .timeout = 60);

Test(runtime_container, exit_status)
{
	static const uint32_t codes[] = {0, 1, 7, 134, 137, 255};
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		char prog[32];
		snprintf(prog, sizeof(prog), "exit %u", codes[i]);
		run(prog, codes[i]);
	}
}

Test(runtime_container, isolated_environment)
{
	config(",\"user\":{\"uid\":1000,\"gid\":1001,\"additionalGids\":[5,6],\"umask\":63},"
	       "\"rlimits\":[{\"type\":\"RLIMIT_NOFILE\","
	       "\"soft\":100,\"hard\":200}],\"cwd\":\"/not/there\"",
	       ",\"hostname\":\"room\"" LINUX(",\"resources\":{\"memory\":{\"limit\":67108864}}"));
	char text[8192];
	/* One member twice is refused: the config above has cwd twice. */
	struct client k;
	struct err e;
	cr_expect(create_rc(&k, &e, false) == -EINVAL && strstr(e.text, "duplicate"), "%s", e.text);
	snprintf(text, sizeof(text),
		 "{\"ociVersion\":\"1.0.2\",\"root\":{\"path\":\"rootfs\"},\"process\":{\"args\":["
		 "\"prog#fn\"],\"env\":[\"PATH=/\"],"
		 "\"cwd\":\"/not/"
		 "there\",\"user\":{\"uid\":1000,\"gid\":1001,\"additionalGids\":[5,6],\"umask\":"
		 "63},\"rlimits\":[{"
		 "\"type\":\"RLIMIT_NOFILE\",\"soft\":100,\"hard\":200},{\"type\":\"RLIMIT_AS\","
		 "\"soft\":1,\"hard\":1}]},"
		 "\"hostname\":\"room\"%s}",
		 LINUX(",\"resources\":{\"memory\":{\"limit\":67108864}}"));
	put_config(text);
	/* An entry function is for modules. */
	put(at("rootfs/prog"), "\0asmself", 0755);
	int fd = open(at("rootfs/prog"), O_WRONLY | O_TRUNC);
	cr_assert(write(fd, "\0asmself", 8) == 8);
	close(fd);
	k = start();
	cr_expect(finish(&k) == 0);
	/* The limit is the cgroup's; the guest has what the machine has. */
	struct sysinfo machine;
	cr_assert(sysinfo(&machine) == 0);
	snprintf(
		text, sizeof(text),
		"uid 1000/1000 gid 1001/1001 groups 2 caps 000 nnp 1 bound 0 dump 0 death 9 nofile "
		"264 uts room host room memory %lu cwd /not/there umask 77 entry fn network 1\n",
		((machine.totalram + machine.totalswap) * machine.mem_unit) & ~4095UL);
	cr_expect_str_eq(text_of(k.out), text);
	delete (&k);
}

/* What the program can ask about itself is what config.json says, as this kernel would say it. */
Test(runtime_container, the_program_sees_its_configuration)
{
	config(",\"user\":{\"uid\":0,\"gid\":0,\"umask\":0,\"additionalGids\":[40,5,6]},"
	       "\"rlimits\":[{\"type\":\"RLIMIT_NPROC\",\"soft\":77,\"hard\":99}]",
	       ",\"domainname\":\"rooms.example\"" LINUX(""));
	/* Limits that it does not name are the process's own. */
	struct rlimit own;
	char core[80];
	cr_assert(getrlimit(RLIMIT_CORE, &own) == 0);
	snprintf(core, sizeof(core), " limit 4 %lu %lu ", own.rlim_cur, own.rlim_max);
	const char *seen = run("seen", 0);
	cr_expect(strstr(seen, "domain rooms.example groups 3 5 6 40 limit ") &&
			  strstr(seen, " limit 6 77 99 ") && strstr(seen, core),
		  "%s", seen);
	cr_expect(strstr(run("self", 0), " umask 0 "));
	config("", LINUX(""));
	cr_expect(strstr(run("self", 0), " umask 22 "));
}

Test(runtime_container, root_user_has_no_capabilities)
{
	char *text = run("self", 0);
	cr_expect(strstr(text, "uid 0/0 gid 0/0 groups 0 caps 000 nnp 1 bound 0 dump 0 death 9"),
		  "%s", text);
}

Test(runtime_container, home)
{
	cr_expect_str_eq(run("home", 0), "/\n");
	mkdir(at("rootfs/etc"), 0755);
	put(at("rootfs/etc/passwd"), "root:x:0:0:root:/root:/bin/sh\nu:x:1000:1000::/home/u:\n",
	    0644);
	cr_expect_str_eq(run("home", 0), "/root\n");
	config(",\"user\":{\"uid\":1000}", LINUX(""));
	cr_expect_str_eq(run("home", 0), "/home/u\n");
	config(",\"user\":{\"uid\":1000},\"env\":[\"HOME=/mine\"]", LINUX(""));
	cr_expect_str_eq(run("home", 0), "/mine\n");
}

/* What is left when the bundle goes away under a running container can still be deleted. */
Test(runtime_container, bundle_removed_meanwhile)
{
	program("wait");
	struct client k = start();
	wait_text(k.out, "waiting");
	char cmd[100];
	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	cr_assert(system(cmd) == 0);
	struct container_stats s;
	struct err e;
	cr_expect(container_stats(k.c, &s, &e) == 0, "%s", e.text);
	cr_assert(process_kill(k.p, SIGTERM, &e) == 0, "%s", e.text);
	cr_expect(finish(&k) == 143);
	delete (&k);
	int was;
	uint32_t status;
	cr_expect(container_cleanup(dir, "test", &was, &status, &e) == 0);
}

Test(runtime_container, sees_its_root_only)
{
	mkdir(at("rootfs/proc"), 0755);
	mkdir(at("rootfs/sys"), 0755);
	mkdir(at("rootfs/secret"), 0755);
	put(at("rootfs/secret/key"), "x", 0644);
	mkdir(at("data"), 0777);
	put(at("data/file"), "x", 0666);
	char mounts[2048];
	snprintf(mounts, sizeof(mounts),
		 ",\"mounts\":[{\"destination\":\"/proc\",\"type\":\"proc\",\"source\":\"proc\"},"
		 "{\"destination\":\"/"
		 "sys\",\"type\":\"sysfs\",\"source\":\"sysfs\",\"options\":[\"ro\"]},"
		 "{\"destination\":\"/"
		 "dev\",\"type\":\"tmpfs\",\"source\":\"tmpfs\",\"options\":[\"nosuid\","
		 "\"strictatime\",\"mode=755\"]},"
		 "{\"destination\":\"/dev/"
		 "pts\",\"type\":\"devpts\",\"source\":\"devpts\",\"options\":[\"newinstance\"]},"
		 "{\"destination\":\"/a/b/"
		 "ro\",\"type\":\"bind\",\"source\":\"%s\",\"options\":[\"rbind\",\"ro\","
		 "\"rprivate\"]},"
		 "{\"destination\":\"/a/b/"
		 "rw\",\"type\":\"bind\",\"source\":\"%s\",\"options\":[\"bind\"]},"
		 "{\"destination\":\"/"
		 "rel\",\"type\":\"bind\",\"source\":\"data\",\"options\":[\"bind\"]},"
		 "{\"destination\":\"/etc/"
		 "one\",\"type\":\"bind\",\"source\":\"%s\",\"options\":[\"bind\"]}]" LINUX(
			 ",\"maskedPaths\":[\"/secret\",\"/proc/kcore\"],\"readonlyPaths\":[\"/"
			 "a\",\"/none\"]"),
		 at("data"), at("data"), at("data/file"));
	config("", mounts);
	cr_expect_str_eq(run("ls /proc", 0), "");
	cr_expect_str_eq(run("ls /sys", 0), "");
	cr_expect_str_eq(run("ls /secret", 0), "");
	char *dev = run("ls /dev", 0);
	cr_expect(strstr(dev, "stdout\n") && strstr(dev, "null\n") && strstr(dev, "urandom\n") &&
			  !strstr(dev, "kvm") && !strstr(dev, "pts"),
		  "%s", dev);
	cr_expect_str_eq(run("write /dev/null", 0), "/dev/null: written\n");
	cr_expect_str_eq(run("write /a/b/rw/new", 0), "/a/b/rw/new: written\n");
	cr_expect(access(at("data/new"), F_OK) == 0);
	cr_expect_str_eq(run("write /a/b/ro/new2", 1), "/a/b/ro/new2: Read-only file system\n");
	cr_expect_str_eq(run("write /etc/one", 0), "/etc/one: written\n");
	cr_expect(strstr(run("ls /rel", 0), "file\n"));
	cr_expect_str_eq(run("write /free", 0), "/free: written\n");
	cr_expect_str_eq(run("write /a/x", 1), "/a/x: Read-only file system\n");
}

Test(runtime_container, read_only_root_with_a_writable_mount)
{
	mkdir(at("data"), 0777);
	mkdir(at("rootfs/data"), 0755);
	char text[2048];
	snprintf(text, sizeof(text),
		 "{\"ociVersion\":\"1.0.2\",\"root\":{\"path\":\"rootfs\",\"readonly\":true},"
		 "\"process\":{\"args\":[\"/prog\"],\"cwd\":"
		 "\"/\"},\"mounts\":[{\"destination\":\"/"
		 "data\",\"type\":\"bind\",\"source\":\"%s\",\"options\":[\"rbind\"]}]%s}",
		 at("data"), LINUX(""));
	put_config(text);
	cr_expect_str_eq(run("write /new", 1), "/new: Read-only file system\n");
	cr_expect_str_eq(run("write /data/new", 0), "/data/new: written\n");
	/* The host's own view of it has not changed. */
	put(at("rootfs/host"), "x", 0644);
}

Test(runtime_container, image_device_nodes_are_unusable)
{
	cr_assert(mknod(at("rootfs/null"), S_IFCHR | 0666, makedev(1, 3)) == 0);
	cr_expect_str_eq(run("write /null", 1), "/null: Permission denied\n");
}

/* What containerd asks for, with a root file system of one mount. */
static struct container_config config_with(const struct container_mount *rootfs)
{
	return (struct container_config){
		.id = "t",
		.bundle = dir,
		.containerd_namespace = "n",
		.stdio = {.stdin_path = "", .stdout_path = "", .stderr_path = ""},
		.rootfs = rootfs,
		.rootfs_count = 1,
	};
}

Test(runtime_container, binds_the_root_file_system_it_is_given)
{
	rename(at("rootfs"), at("lower"));
	program_at("lower/prog", "write /new");
	const char *options[] = {"rbind", "ro", NULL};
	struct container_mount m = {
		.type = "bind",
		.source = at("lower"),
		.target = "",
		.options = options,
	};
	const struct container_config config = config_with(&m);
	struct client k = {.in = -1, .out = -1, .err = -1};
	struct err e;
	for (uint32_t writable = 0; writable < 2; writable++) {
		options[1] = writable ? "rw" : "ro";
		cr_assert(create_now(&config, &k, &e) == 0, "%s", e.text);
		cr_assert(start_now(&k, &e) == 0, "%s", e.text);
		cr_expect(finish(&k) == (writable ? 0 : 1));
		delete (&k);
	}
	m.source = "/not/there";
	cr_expect(create_now(&config, &k, &e) == -ENOENT && strstr(e.text, "/not/there"), "%s",
		  e.text);
	options[1] = "remount";
	cr_expect(create_now(&config, &k, &e) == -ENOSYS && strstr(e.text, "remount"), "%s",
		  e.text);
}

/* A suite of its own: Debian's kernel has overlay as a module, which not every test machine loads.
 */
TestSuite(runtime_overlay, .init = setup, .fini = teardown, .timeout = 60);

Test(runtime_overlay, mounts_the_root_file_system_it_is_given)
{
	rename(at("rootfs"), at("lower"));
	mkdir(at("rootfs"), 0755);
	mkdir(at("upper"), 0755);
	mkdir(at("work"), 0755);
	/* An overlay needs upper directories on a file system that can carry them. */
	cr_assert(mount("tmpfs", at("work"), "tmpfs", 0, NULL) == 0);
	mkdir(at("work/u"), 0755);
	mkdir(at("work/w"), 0755);
	char lower[300], upper[300], work[300];
	snprintf(lower, sizeof(lower), "lowerdir=%s", at("lower"));
	snprintf(upper, sizeof(upper), "upperdir=%s", at("work/u"));
	snprintf(work, sizeof(work), "workdir=%s", at("work/w"));
	const char *options[] = {"index=off", work, upper, lower, NULL};
	const struct container_mount m = {
		.type = "overlay",
		.source = "overlay",
		.target = "",
		.options = options,
	};
	put(at("lower/prog"), "\177ELFwrite /new", 0755);
	const struct container_config config = config_with(&m);
	struct client k = {.in = -1, .out = -1, .err = -1};
	struct err e;
	cr_assert(create_now(&config, &k, &e) == 0, "%s", e.text);
	cr_assert(start_now(&k, &e) == 0, "%s", e.text);
	cr_expect(finish(&k) == 0);
	cr_expect(access(at("work/u/new"), F_OK) == 0);
	delete (&k);
	cr_expect(umount2(at("work"), 0) == 0);
}

/*
 * What an image has, on a file system whose ids can be mapped or not: as other runtimes show it and
 * leave it.
 */
Test(runtime_overlay, keeps_owners)
{
	struct stat st;
	mkdir(at("layers"), 0755);
	/* Where an overlay's upper directory may not lie, tmpfs may do. */
	if (!maps(dir))
		cr_assert(mount("tmpfs", at("layers"), "tmpfs", 0, NULL) == 0);
	bool mapped = maps(at("layers"));
	for (int i = 0; i < 4; i++)
		mkdir(at("layers/%d", i), 0755);
	put(at("layers/0/prog"), "\177ELFwrite /home/file", 0755);
	mkdir(at("layers/1/home"), 0755);
	put(at("layers/1/home/file"), "old", 0644);
	put(at("layers/0/gone"), "old", 0644);
	cr_assert(chown(at("layers/1/home"), 1000, 1001) == 0 &&
		  chown(at("layers/1/home/file"), 1000, 1001) == 0);
	char lower[600], upper[300], work[300];
	snprintf(lower, sizeof(lower), "lowerdir=%s:%s", at("layers/1"), at("layers/0"));
	snprintf(upper, sizeof(upper), "upperdir=%s", at("layers/2"));
	snprintf(work, sizeof(work), "workdir=%s", at("layers/3"));
	const char *options[] = {"index=off", work, upper, lower, NULL};
	const struct container_mount m = {
		.type = "overlay",
		.source = "overlay",
		.target = "",
		.options = options,
	};
	const struct container_config overlay = config_with(&m);
	static const char *const programs[] = {"write /home/file", "write /home/new"};
	struct err e;
	config(",\"user\":{\"uid\":1000,\"gid\":1001}", LINUX(""));
	for (size_t i = 0; i < 2; i++) {
		struct client k = {.in = -1, .out = -1, .err = -1};
		char text[100];
		snprintf(text, sizeof(text), "\177ELF%s", programs[i]);
		put(at("layers/0/prog"), text, 0755);
		cr_assert(create_now(&overlay, &k, &e) == 0, "%s", e.text);
		struct stat here, there;
		char ns[64];
		snprintf(ns, sizeof(ns), "/proc/%d/ns/user", process_pid(k.p));
		cr_expect(stat("/proc/self/ns/user", &here) == 0 && stat(ns, &there) == 0 &&
				  (here.st_ino != there.st_ino) == mapped,
			  "user namespace");
		cr_assert(start_now(&k, &e) == 0, "%s", e.text);
		cr_expect(finish(&k) == 0, "%s", programs[i]);
		delete (&k);
		cr_expect(access(at("mote-layers"), F_OK) < 0);
	}
	cr_expect(stat(at("layers/2/home/file"), &st) == 0 && st.st_uid == 1000 &&
			  st.st_gid == 1001,
		  "copied up: %u:%u", st.st_uid, st.st_gid);
	cr_expect(stat(at("layers/2/home/new"), &st) == 0 && st.st_uid == 1000 && st.st_gid == 1001,
		  "new: %u:%u", st.st_uid, st.st_gid);
	cr_expect(stat(at("layers/3/work"), &st) == 0 && st.st_uid == 0, "the overlay's own: %u",
		  st.st_uid);
	umount2(at("layers"), MNT_DETACH);
}

/*
 * More layers than an overlay's options have space for by their whole paths: by short ones, from
 * the directory that all are in. A user whose ids cannot be mapped leaves this as the only way.
 */
Test(runtime_overlay, many_layers)
{
	enum { LAYERS = 24 };
	char name[201], lower[16384] = "lowerdir=";
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	rename(at("rootfs"), at("lower"));
	mkdir(at("rootfs"), 0755);
	mkdir(at("%s", name), 0755);
	for (int i = 0; i < LAYERS; i++) {
		mkdir(at("%s/%d", name, i), 0755);
		put(at("%s/%d/file", name, i), i ? "below\n" : "top\n", 0644);
		strcat(strcat(lower, at("%s/%d", name, i)), i < LAYERS - 1 ? ":" : "");
	}
	put(at("%s/%d/prog", name, LAYERS - 1), "\177ELFread /file", 0755);
	cr_assert(strlen(lower) > 4096, "%zu bytes", strlen(lower));
	const char *options[] = {lower, NULL};
	const struct container_mount m = {
		.type = "overlay",
		.source = "overlay",
		.target = "",
		.options = options,
	};
	struct container_config own = config_with(&m);
	char out[128];
	snprintf(out, sizeof(out), "file://%s", at("text"));
	own.stdio.stdout_path = out;
	struct client k = {.in = -1, .out = -1, .err = -1};
	struct err e;
	config(",\"user\":{\"uid\":1073741824,\"gid\":0}", LINUX(""));
	cr_assert(create_now(&own, &k, &e) == 0, "%s", e.text);
	cr_assert(start_now(&k, &e) == 0, "%s", e.text);
	cr_expect(finish(&k) == 0);
	delete (&k);
	char text[16] = "";
	int fd = open(at("text"), O_RDONLY | O_CLOEXEC);
	cr_expect(fd >= 0 && read(fd, text, sizeof(text) - 1) == 4 && strcmp(text, "top\n") == 0,
		  "'%s'", text);
	close(fd);
	/* Too many for short ones as well. */
	while (strlen(lower) < 12000)
		strcat(strcat(lower, ":"), at("%s/0", name));
	options[0] = lower;
	for (size_t n = strlen(lower); n < 16000; n = strlen(lower))
		strcat(strcat(lower, ":"), at("lower"));
	int rc = create_now(&own, &k, &e);
	cr_expect(rc == -E2BIG, "%d: %s", rc, e.text);
}

/* A hook of that kind, a shell script that is given a path. */
static void config_with_hook(const char *kind, const char *script, const char *path)
{
	char hooks[500];
	put(at("hook"), script, 0755);
	snprintf(hooks, sizeof(hooks),
		 ",\"hooks\":{\"%s\":[{\"path\":\"%s\",\"args\":[\"hook\",\"%s\"],"
		 "\"env\":[\"PATH=/usr/bin:/bin\"]}]}" LINUX(""),
		 kind, at("hook"), path);
	config("", hooks);
}

static struct container *begin_creation(void)
{
	struct container_config config = config_with(NULL);
	struct container *c;
	struct err e;
	config.rootfs_count = 0;
	config.supervisor = supervisor();
	program("wait");
	cr_assert(container_create(&config, &c, &e) == 0, "%s", e.text);
	cr_assert(container_process(c)->failure.code == 0, "%s",
		  container_process(c)->failure.text);
	return c;
}

static int end_creation(struct container *c, struct err *e)
{
	int rc;
	while ((rc = container_created(c, e)) == -EINPROGRESS)
		serve_one(c, true);
	return rc;
}

/* That its monitor cannot be ended is found before the hooks of its end are over. */
Test(runtime_container, stuck_monitor_was_not_created)
{
	config_with_hook("poststop",
			 "#!/bin/sh\nfor i in $(seq 1000); do [ -e \"$1\" ] || sleep 0.01; done\n",
			 at("go"));
	struct container *c = begin_creation();
	struct process *p = container_process(c);
	struct err e;
	err_set(&p->failure, ERR_HOST, EIO, "the host failed");
	cr_expect(container_created(c, &e) == -EINPROGRESS && p->state == PROCESS_AWAIT_MONITOR);
	p->deadline_ms = 0; /* its time is up, and it is not reaped */
	for (int i = 0; i < 2; i++)
		cr_assert(container_created(c, &e) == -EINPROGRESS, "call %d", i);
	put(at("go"), "", 0644);
	cr_expect(end_creation(c, &e) == -EIO && strcmp(e.text, "the host failed") == 0, "%s",
		  e.text);
}

/* Its request for them is read when it is reaped. */
Test(runtime_container, ended_monitor_gets_no_hooks)
{
	config_with_hook("createRuntime", "#!/bin/sh\n: >\"$1\"\n", at("ran"));
	struct container *c = begin_creation();
	const struct process *p = container_process(c);
	struct pollfd control = {.fd = p->control, .events = POLLIN};
	struct timespec now = {0};
	struct err e;
	int status;
	cr_assert(poll(&control, 1, -1) == 1);
	cr_assert(kill(p->pid, SIGKILL) == 0 && waitpid(p->pid, &status, 0) == p->pid);
	cr_assert(container_reaped(c, p->pid, status, now) && p->hooks_due);
	cr_expect(end_creation(c, &e) == -ESRCH, "%s", e.text);
	cr_expect(access(at("ran"), F_OK) < 0);
}

Test(runtime_container, kill_while_created)
{
	struct client k = create();
	struct err e;
	cr_assert(process_kill(k.p, SIGTERM, &e) == 0, "%s", e.text);
	cr_expect(finish(&k) == 128 + SIGTERM);
	cr_expect(process_kill(k.p, SIGTERM, &e) == -ENOENT);
	cr_expect(start_now(&k, &e) == -EBUSY);
	delete (&k);
	k = create();
	cr_assert(process_kill(k.p, SIGKILL, &e) == 0);
	cr_expect(finish(&k) == 137);
	delete (&k);
}

Test(runtime_container, signals_are_delivered_to_the_guest)
{
	static const int signals[] = {SIGTERM, SIGINT, SIGUSR1, SIGSEGV, SIGABRT, SIGPIPE, 37, 64};
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		program("wait");
		struct client k = start();
		wait_text(k.out, "waiting");
		struct err e;
		cr_assert(process_kill(k.p, signals[i], &e) == 0, "%s", e.text);
		uint32_t status = finish(&k);
		cr_expect(status == 128 + (uint32_t)signals[i], "signal %d: %u", signals[i],
			  status);
		delete (&k);
	}
	program("loop");
	struct client k = start();
	struct err e;
	cr_assert(process_kill(k.p, SIGKILL, &e) == 0);
	cr_expect(finish(&k) == 137);
	delete (&k);
	/* What only tells of something does no harm before the start. */
	program("exit 3");
	k = create();
	cr_assert(process_kill(k.p, SIGWINCH, &e) == 0 && process_kill(k.p, SIGCHLD, &e) == 0);
	poll(NULL, 0, 20);
	cr_assert(start_now(&k, &e) == 0, "%s", e.text);
	cr_expect(finish(&k) == 3);
	delete (&k);
}

/* The monitor reports its exit before its process is gone, for which Delete waits. */
Test(runtime_container, exit_is_reported_first)
{
	program("exit 9");
	struct client k = start();
	while (!process_take_exit(k.p)) {
		serve();
	}
	struct err e;
	cr_expect(process_status(k.p) == PROCESS_STATUS_STOPPED && process_exit_status(k.p) == 9);
	cr_expect(process_kill(k.p, SIGKILL, &e) == -ENOENT);
	delete (&k);
	cr_expect(waitpid(-1, NULL, WNOHANG) < 0, "a child is left");
	/* Reaped behind delete's back, by a loop that reaps all. */
	k = start();
	cr_expect(finish(&k) == 9);
	delete (&k);
}

Test(runtime_container, states_are_checked)
{
	program("wait");
	struct client k = create();
	struct err e;
	cr_expect(delete_now(&k, &e) == -EBUSY);
	cr_expect(container_pause(k.c, &e) == -EBUSY && container_resume(k.c, &e) == -EBUSY);
	cr_assert(start_now(&k, &e) == 0);
	cr_expect(start_now(&k, &e) == -EBUSY);
	cr_expect(delete_now(&k, &e) == -EBUSY);
	cr_expect(process_kill(k.p, -1, &e) == -EINVAL && process_kill(k.p, 65, &e) == -EINVAL);
	cr_expect(process_kill(k.p, 0, &e) == 0 && runs(&k, 20), "signal 0 only asks");
	cr_expect(process_resize(k.p, 80, 24, &e) == 0);
	cr_expect(!container_reaped(k.c, 1, 0, (struct timespec){0}));
	cr_assert(process_kill(k.p, SIGKILL, &e) == 0);
	finish(&k);
	delete (&k);
}

Test(runtime_container, pause_and_resume)
{
	program("wait vm");
	struct client k = start();
	wait_text(k.out, "waiting with a VM");
	struct err e;
	cr_assert(container_pause(k.c, &e) == 0, "%s", e.text);
	cr_expect(process_status(k.p) == PROCESS_STATUS_PAUSED);
	cr_assert(process_kill(k.p, SIGTERM, &e) == 0);
	poll(NULL, 0, 50);
	cr_expect(waitpid(process_pid(k.p), NULL, WNOHANG) == 0, "it runs while paused");
	cr_assert(container_resume(k.c, &e) == 0, "%s", e.text);
	cr_expect(finish(&k) == 143);
	delete (&k);
	k = start();
	cr_assert(container_pause(k.c, &e) == 0, "%s", e.text);
	cr_assert(process_kill(k.p, SIGKILL, &e) == 0, "%s", e.text);
	cr_expect(finish(&k) == 137);
	delete (&k);
}

Test(runtime_container, limits_and_statistics)
{
	config("", LINUX(",\"resources\":{\"memory\":{\"limit\":33554432},\"cpu\":{\"shares\":512,"
			 "\"quota\":50000,\"period\":"
			 "100000},\"pids\":{\"limit\":9}}"));
	program("wait");
	struct client k = start();
	wait_text(k.out, "waiting");
	struct container_stats s;
	struct err e;
	cr_assert(container_stats(k.c, &s, &e) == 0, "%s", e.text);
	cr_expect(s.memory_limit_bytes == 33554432, "%lu", s.memory_limit_bytes);
	cr_expect(s.memory_bytes >= 4 << 20 && s.cpu_total_ns > 0, "%lu bytes, %lu ns",
		  s.memory_bytes, s.cpu_total_ns);
	cr_expect(s.pids == 1 && s.pids_limit == 9, "%lu of %lu", s.pids, s.pids_limit);
	cr_assert(process_kill(k.p, SIGTERM, &e) == 0);
	finish(&k);
	delete (&k);
}

/* A number in a file of the test's cgroup, of either version: behind `key`, unless it is "". */
static uint64_t cgroup_figure(const char *v1, const char *v2, const char *key)
{
	char path[200], text[8192], *at = text;
	const char *own = dir + strlen(dir) - 6;
	snprintf(path, sizeof(path), "/sys/fs/cgroup/%.80s/mote-test/%s/%s", v1, own,
		 strchr(v1, '\0') + 1);
	if (access(path, F_OK) < 0)
		snprintf(path, sizeof(path), "/sys/fs/cgroup/mote-test/%s/%s", own, v2);
	FILE *f = fopen(path, "r");
	cr_assert(f, "%s: %s", path, strerror(errno));
	text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
	fclose(f);
	if (*key)
		at = strstr(text, key);
	cr_assert(at, "%s has no '%s': %s", path, key, text);
	return strtoull(at + strlen(key), NULL, 10);
}

/*
 * Each figure of a stopped container is between what its file says before and afterwards. Of a
 * counter only the kernel's own work may be added meanwhile; of a gauge nothing but reclaim.
 */
Test(runtime_container, statistics_are_the_files)
{
	bool v2 = access("/sys/fs/cgroup/cgroup.controllers", F_OK) == 0;
	uint64_t ns = 1000000000 / (uint64_t)sysconf(_SC_CLK_TCK);
	struct container_stats s;
	const struct {
		const uint64_t *value;
		const char *v1, *v2, *key1, *key2; /* v1: controller, NUL, file */
		uint64_t unit1, unit2;
	} figures[] = {
		{&s.cpu_total_ns, "cpuacct\0cpuacct.usage", "cpu.stat", "", "usage_usec ", 1, 1000},
		{&s.cpu_user_ns, "cpuacct\0cpuacct.stat", "cpu.stat", "user ", "user_usec ", ns,
		 1000},
		{&s.cpu_system_ns, "cpuacct\0cpuacct.stat", "cpu.stat", "system ", "system_usec ",
		 ns, 1000},
		{&s.cpu_periods, "cpu\0cpu.stat", "cpu.stat", "nr_periods ", "nr_periods ", 1, 1},
		{&s.cpu_throttled_periods, "cpu\0cpu.stat", "cpu.stat", "nr_throttled ",
		 "nr_throttled ", 1, 1},
		{&s.cpu_throttled_ns, "cpu\0cpu.stat", "cpu.stat", "throttled_time ",
		 "throttled_usec ", 1, 1000},
		{&s.memory_bytes, "memory\0memory.usage_in_bytes", "memory.current", "", "", 1, 1},
		{&s.memory_limit_bytes, "memory\0memory.limit_in_bytes", "memory.max", "", "", 1,
		 1},
		{&s.memory_anon_bytes, "memory\0memory.stat", "memory.stat", "total_rss ", "anon ",
		 1, 1},
		{&s.memory_file_bytes, "memory\0memory.stat", "memory.stat", "total_cache ",
		 "file ", 1, 1},
		{&s.memory_inactive_file_bytes, "memory\0memory.stat", "memory.stat",
		 "total_inactive_file ", "inactive_file ", 1, 1},
		{&s.page_faults, "memory\0memory.stat", "memory.stat", "total_pgfault ", "pgfault ",
		 1, 1},
		{&s.major_page_faults, "memory\0memory.stat", "memory.stat", "total_pgmajfault ",
		 "pgmajfault ", 1, 1},
		{&s.pids, "pids\0pids.current", "pids.current", "", "", 1, 1},
		{&s.pids_limit, "pids\0pids.max", "pids.max", "", "", 1, 1},
	};
	config("", LINUX(",\"resources\":{\"memory\":{\"limit\":67108864},\"cpu\":{\"quota\":50000,"
			 "\"period\":100000},\"pids\":{\"limit\":9}}"));
	program("wait vm");
	struct client k = start();
	struct err e;
	wait_text(k.out, "waiting with a VM");
	cr_assert(container_pause(k.c, &e) == 0, "%s", e.text);
	for (size_t i = 0; i < sizeof(figures) / sizeof(figures[0]); i++) {
		const char *key = v2 ? figures[i].key2 : figures[i].key1;
		uint64_t unit = v2 ? figures[i].unit2 : figures[i].unit1, before = 1, after = 0;
		/* Until nothing is reclaimed between the two. */
		for (int tries = 0; before > after && tries < 100; tries++) {
			before = cgroup_figure(figures[i].v1, figures[i].v2, key) * unit;
			cr_assert(container_stats(k.c, &s, &e) == 0, "%s", e.text);
			after = cgroup_figure(figures[i].v1, figures[i].v2, key) * unit;
		}
		cr_expect(before <= *figures[i].value && *figures[i].value <= after,
			  "%s %s: %lu is not between %lu and %lu", figures[i].v2, key,
			  *figures[i].value, before, after);
	}
	cr_expect(s.cgroup_v2 == v2);
	if (s.has_pressure)
		cr_expect(s.cpu_pressure.some.total_us <=
			  cgroup_figure("none\0none", "cpu.pressure", "total="));
	cr_assert(process_kill(k.p, SIGKILL, &e) == 0, "%s", e.text);
	finish(&k);
	delete (&k);
}

Test(runtime_container, beyond_the_memory_limit)
{
	config("", LINUX(",\"resources\":{\"memory\":{\"limit\":33554432,\"swap\":33554432}}"));
	program("memory 100");
	struct client k = start();
	cr_expect(finish(&k) == 137);
	cr_expect(container_take_oom(k.c));
	cr_expect(!container_take_oom(k.c));
	struct container_stats s;
	struct err e;
	cr_assert(container_stats(k.c, &s, &e) == 0);
	cr_expect(s.oom_kill == 1);
	delete (&k);
	config("", LINUX(",\"resources\":{\"memory\":{\"limit\":4194304}}"));
	cr_expect(create_rc(&k, &e, false) == -EINVAL && strstr(e.text, "memory.limit"), "%s",
		  e.text);
}

#define USER(more) ",\"user\":{\"uid\":1000,\"gid\":1000}" more
#define NO_NEW     ",\"noNewPrivileges\":true"

/* Natively such a program would have its owner's rights. */
Test(runtime_container, set_id_programs)
{
	static const struct {
		mode_t mode;
		const char *process, *part; /* NULL: it runs */
	} cases[] = {
		{04755, USER(""), "set-user-ID"}, {02755, USER(""), "set-group-ID"},
		{04755, USER(NO_NEW), NULL},      {06755, ",\"env\":[]", NULL},
		{02745, USER(""), NULL}, /* no member of the group may execute it: no set-ID bit */
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct client k;
		struct err e;
		program("exit 0");
		cr_assert(chmod(at("rootfs/prog"), cases[i].mode) == 0);
		config(cases[i].process, LINUX(""));
		if (cases[i].part) {
			int rc = create_rc(&k, &e, false);
			cr_expect(rc == -EPERM && strstr(e.text, cases[i].part), "%zu: %d %s", i,
				  rc, e.text);
			continue;
		}
		k = start();
		cr_expect(finish(&k) == 0, "%zu", i);
		delete (&k);
	}
}

#define SHARES(annotations)                                        \
	",\"annotations\":{" annotations                           \
	"},\"linux\":{\"namespaces\":[{\"type\":\"pid\",\"path\":" \
	"\"/proc/self/ns/pid\"}]}"
#define SHARED_BY(uid) SHARES("\"io.kubernetes.cri.sandbox-uid\":\"" uid "\"")

/* Refused where somebody has asked for it, ignored where it is a client's default. */
Test(runtime_container, pid_namespaces_of_others)
{
	static const struct {
		const char *policy, *more;
		int code;
		const char *part;
	} cases[] = {
		{NULL, SHARES(""), ENOSYS, "MOTE_SHARED_PIDS=ignore"},
		{NULL, SHARED_BY("a1b2c3d4-0000-1111-2222-abcdef012345"), ENOSYS,
		 "shareProcessNamespace"},
		{NULL, SHARED_BY("0123456789abcdef0123456789ABCDEF"), ENOSYS,
		 "shareProcessNamespace"},
		{NULL, SHARED_BY("uid-of-a-test"), 0, ""},
		{NULL, SHARED_BY("xa1b2c3d4-0000-1111-2222-abcdef012345"), 0, ""},
		{"", SHARED_BY("0123456789abcdef0123456789abcdef0"), 0, ""},
		{"ignore", SHARED_BY("a1b2c3d4-0000-1111-2222-abcdef012345"), 0, ""},
		{"ignore", SHARES(""), 0, ""},
		{"refuse", SHARED_BY("uid-of-a-test"), ENOSYS, "shareProcessNamespace"},
		{"refuse", LINUX(""), 0, ""},
		{"maybe", SHARED_BY("uid-of-a-test"), EINVAL, "MOTE_SHARED_PIDS"},
		{"ignore", ",\"linux\":{\"namespaces\":[{\"type\":\"ipc\"}]}", ENOSYS, "hostPID"},
	};
	struct client k;
	struct err e;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		config("", cases[i].more);
		shared_pids = cases[i].policy;
		int rc = create_rc(&k, &e, false);
		cr_expect(rc == -cases[i].code && strstr(e.text, cases[i].part), "%zu: %d %s", i,
			  rc, e.text);
		if (rc < 0)
			continue;
		cr_expect(process_kill(k.p, SIGKILL, &e) == 0 && finish(&k) == 137);
		delete (&k);
	}
	shared_pids = NULL;
}

Test(runtime_container, unrunnable_programs)
{
	static const struct {
		const char *config, *more;
		int code;
		const char *part;
	} cases[] = {
		{",\"env\":[]",
		 LINUX("") ",\"mounts\":[{"
			   "\"destination\":\"/x\",\"type\":\"bind\",\"source\":\"/not/"
			   "there\"}]",
		 ENOENT, "/not/there"},
		{",\"env\":[]",
		 LINUX("") ",\"mounts\":[{"
			   "\"destination\":\"/x\",\"type\":\"nofs\"}]",
		 ENODEV, "nofs"},
		{",\"env\":[]",
		 ",\"linux\":{\"namespaces\":[{\"type\":\"pid\"},{\"type\":"
		 "\"network\",\"path\":\"/not/there\"}]}",
		 ENOENT, "/not/there"},
		{",\"env\":[]",
		 ",\"linux\":{\"namespaces\":[{\"type\":\"pid\"},{\"type\":"
		 "\"network\",\"path\":\"/proc/self/ns/"
		 "uts\"}]}",
		 EINVAL, "uts"},
		{",\"env\":[]",
		 ",\"linux\":{\"namespaces\":[{\"type\":\"pid\"},{\"type\":"
		 "\"network\"}],\"sysctl\":{\"net.none\":"
		 "\"1\"}}",
		 ENOENT, "net.none"},
		{",\"env\":[]", ",\"linux\":{\"namespaces\":[{\"type\":\"ipc\"}]}", ENOSYS,
		 "hostPID"},
		{",\"env\":[]", ",\"hooks\":{\"startContainer\":[{\"path\":\"/x\"}]}", ENOSYS,
		 "hooks.startContainer"},
	};
	struct client k;
	struct err e;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		config(cases[i].config, cases[i].more);
		int rc = create_rc(&k, &e, false);
		cr_expect(rc == -cases[i].code && strstr(e.text, cases[i].part), "%zu: %d %s", i,
			  rc, e.text);
	}
	config("", LINUX(""));
	unlink(at("rootfs/prog"));
	cr_expect(create_rc(&k, &e, false) == -ENOENT && strstr(e.text, "/prog"), "%s", e.text);
	put(at("rootfs/prog"), "MZ", 0755);
	cr_expect(create_rc(&k, &e, false) == -ENOEXEC, "%s", e.text);
	program("refuse");
	cr_assert(create_rc(&k, &e, false) == 0, "%s", e.text);
	cr_expect(start_now(&k, &e) == -ENOMEM && strstr(e.text, "512 MiB"), "%s", e.text);
	cr_expect(finish(&k) == 125);
	cr_expect(strstr(text_of(k.err), "mote: the module needs 512 MiB of memory\n"));
	delete (&k);
	cr_expect(unlink(at("config.json")) == 0);
	cr_expect(create_rc(&k, &e, false) == -ENOENT && strstr(e.text, "config.json"), "%s",
		  e.text);
	unlink(at("out"));
	config("", LINUX(""));
	cr_expect(create_rc(&k, &e, false) == -ENOENT && strstr(e.text, "stdout"), "%s", e.text);
}

Test(runtime_container, a_cgroup_in_use_is_refused)
{
	program("wait");
	struct client k = create(), other;
	struct err e;
	cr_expect(create_rc(&other, &e, false) == -EEXIST && strstr(e.text, "mote-test"), "%s",
		  e.text);
	cr_expect(kill(process_pid(k.p), 0) == 0);
	cr_assert(process_kill(k.p, SIGKILL, &e) == 0);
	finish(&k);
	/* The refused one has taken the state file with it; the rest is this one's. */
	delete (&k);
}

/* A shim of its own process, which is killed; what it leaves is found by the bundle. */
Test(runtime_container, shim_killed)
{
	program("loop");
	int pipefd[2];
	cr_assert(pipe(pipefd) == 0);
	pid_t shim = fork();
	if (shim == 0) {
		struct client k = start();
		int pid = process_pid(k.p);
		if (write(pipefd[1], &pid, sizeof(pid)) != sizeof(pid))
			_exit(1);
		pause();
	}
	int pid;
	cr_assert(read(pipefd[0], &pid, sizeof(pid)) == sizeof(pid));
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	cr_assert(pidfd >= 0);
	kill(shim, SIGKILL);
	waitpid(shim, NULL, 0);
	struct pollfd p = {.fd = pidfd, .events = POLLIN};
	cr_expect(poll(&p, 1, -1) == 1); /* forever, if the container outlived its shim */
	close(pidfd);
	int was;
	uint32_t status;
	struct err e;
	for (int i = 0; i < 2; i++) {
		cr_expect(container_cleanup(dir, "test", &was, &status, &e) == 0, "%s", e.text);
		cr_expect(status == 137 && was == (i ? 0 : pid));
	}
	cr_expect(container_cleanup("/not/there", "test", &was, &status, &e) == 0);
}

Test(runtime_container, cleanup_ends_only_its_own)
{
	program("loop");
	struct client k = start();
	int was;
	uint32_t status;
	struct err e;
	/* Another start time: the number is somebody else's now. */
	char text[200];
	snprintf(text, sizeof(text), "mote 1 %d 12345 /mote-test-other\n", process_pid(k.p));
	rename(at("mote-state"), at("kept"));
	put(at("mote-state"), text, 0600);
	cr_expect(container_cleanup(dir, "test", &was, &status, &e) == 0, "%s", e.text);
	cr_expect(waitpid(process_pid(k.p), NULL, WNOHANG) == 0, "it has been ended");
	static const char *const damaged[] = {"",
					      "x",
					      "mote 1 1 2 /c\n",
					      "mote 1 -5 2 /c\n",
					      "mote 1 99 2 c\n",
					      "mote 2 99 2 /c\n",
					      "mote 1 99 2 /c"};
	for (size_t i = 0; i < sizeof(damaged) / sizeof(damaged[0]); i++) {
		put(at("mote-state"), damaged[i], 0600);
		cr_expect(container_cleanup(dir, "test", &was, &status, &e) == -EBADMSG, "%zu: %s",
			  i, e.text);
	}
	rename(at("kept"), at("mote-state"));
	cr_expect(container_cleanup(dir, "test", &was, &status, &e) == 0, "%s", e.text);
	cr_expect(finish(&k) == 137);
	delete (&k);
}

Test(runtime_container, listen_annotation)
{
	struct client k;
	struct err e;
	config("",
	       LINUX("") ",\"annotations\":{\"io.mote.listen\":\"unix:/a.sock, unix:/b.sock\"}");
	run("listening", 2);
	cr_expect(access(at("rootfs/a.sock"), F_OK) == 0 && access(at("rootfs/b.sock"), F_OK) == 0);
	cr_expect(create_rc(&k, &e, false) == -EADDRINUSE, "%s", e.text);
	config("", LINUX("") ",\"annotations\":{\"io.mote.listen\":\"udp:1\"}");
	cr_expect(create_rc(&k, &e, false) == -EINVAL && strstr(e.text, "listen on"), "%s", e.text);
	config("", LINUX("") ",\"annotations\":{\"io.mote.listen\":\"\"}");
	run("listening", 0);
	config("", LINUX("") ",\"annotations\":{\"io.mote.listne\":\"unix:/a.sock\"}");
	cr_expect(create_rc(&k, &e, false) == -EINVAL && strstr(e.text, "io.mote.listne"), "%s",
		  e.text);
	/* A pod's: not of its pause container, and of a container by its name. */
#define OF_POD(TYPE)                                             \
	LINUX("")                                                \
	",\"annotations\":{\"io.mote.listen\":\"unix:/c.sock\"," \
	"\"io.mote.listen.web\":\"unix:/d.sock,unix:/e.sock\","  \
	"\"io.kubernetes.cri.container-type\":\"" TYPE "}"
	config("", OF_POD("sandbox\""));
	run("listening", 0);
	config("", OF_POD("container\",\"io.kubernetes.cri.container-name\":\"web\""));
	run("listening", 2);
	cr_expect(access(at("rootfs/d.sock"), F_OK) == 0 && access(at("rootfs/c.sock"), F_OK) < 0);
	config("", OF_POD("container\",\"io.kubernetes.cri.container-name\":\"other\""));
	run("listening", 1);
}

Test(runtime_container, isolation_annotation)
{
	struct client k;
	struct err e;
	/*
	 * What the operator says, what the annotations are, and what becomes of it: 0 shared, 1
	 * private, -1 refused.
	 */
	static const struct {
		const char *policy, *annotations;
		int is;
	} cases[] = {
		{NULL, "", 0},
		{"", ",\"io.mote.isolation\":\"private\"", 1},
		{"annotation", ",\"io.mote.isolation\":\"shared\"", 0},
		{NULL, ",\"io.mote.isolation\":\"most\"", -1},
		{NULL, ",\"io.mote.isolation\":\"\"", -1},
		{"private", "", 1},
		{"private", ",\"io.mote.isolation\":\"private\"", 1},
		{"private", ",\"io.mote.isolation\":\"shared\"", -1},
		{"shared", "", 0},
		{"shared", ",\"io.mote.isolation\":\"private\"", -1},
		{"none", "", -1},
		{NULL, ",\"io.mote.isolation.web\":\"private\"", 0},
		{NULL,
		 ",\"io.mote.isolation.web\":\"private\","
		 "\"io.kubernetes.cri.container-name\":\"web\"",
		 1},
		{NULL, ",\"io.mote.isolation.web\":\"shared\",\"io.mote.isolation\":\"private\"",
		 1},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[400];
		snprintf(text, sizeof(text), LINUX("") ",\"annotations\":{\"a\":\"b\"%s}",
			 cases[i].annotations);
		config("", text);
		isolation = cases[i].policy;
		if (cases[i].is >= 0)
			run("isolation", cases[i].is);
		else
			cr_expect(create_rc(&k, &e, false) < 0 && strcasestr(e.text, "isolation"),
				  "%zu: %s", i, e.text);
	}
}

Test(runtime_container, group_annotation)
{
	char *group = NULL;
	struct err e;
	cr_expect(runtime_group(dir, &group, &e) == 0 && !group);
	config("", ",\"annotations\":{\"io.kubernetes.cri.sandbox-id\":\"pod\"}");
	cr_expect(runtime_group(dir, &group, &e) == 0 && group && strcmp(group, "pod") == 0);
	free(group);
	config("", ",\"annotations\":{\"io.kubernetes.cri.sandbox-id\":\"pod\",\"io.containerd."
		   "runc.v2.group\":\"g\"}");
	cr_expect(runtime_group(dir, &group, &e) == 0 && group && strcmp(group, "g") == 0);
	free(group);
}
