/* SPDX-License-Identifier: Apache-2.0 */
/* A container's root file system: what it is mounted from, and that nothing else is seen. */
#include "runtime_harness.h"

#include <sys/sysmacros.h>

TestSuite(runtime_rootfs, .init = setup, .fini = teardown);

Test(runtime_rootfs, sees_its_root_only)
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

Test(runtime_rootfs, read_only_root_with_a_writable_mount)
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

Test(runtime_rootfs, image_device_nodes_are_unusable)
{
	cr_assert(mknod(at("rootfs/null"), S_IFCHR | 0666, makedev(1, 3)) == 0);
	cr_expect_str_eq(run("write /null", 1), "/null: Permission denied\n");
}

Test(runtime_rootfs, binds_the_root_file_system_it_is_given)
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
TestSuite(runtime_overlay, .init = setup, .fini = teardown);

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
