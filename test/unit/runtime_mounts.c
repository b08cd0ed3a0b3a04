/* SPDX-License-Identifier: Apache-2.0 */
/* Where mounts of config.json come to lie, what may be asked of them, and what is refused. */
#include "runtime_harness.h"

#include <sched.h>
#include <sys/sysmacros.h>

TestSuite(runtime_mounts, .init = setup, .fini = teardown);

/* config.json with these mounts; "%s" in them is the test's directory. */
static void with_mounts(const char *mounts)
{
	char text[6144], more[7168];
	snprintf(text, sizeof(text), mounts, dir, dir, dir, dir);
	snprintf(more, sizeof(more), ",\"mounts\":[%s]%s", text, LINUX(""));
	config("", more);
}

#define BIND(source, destination)                                 \
	"{\"destination\":\"" destination "\",\"type\":\"bind\"," \
	"\"source\":\"%s/" source "\",\"options\":[\"rbind\"]}"
#define TMPFS(destination, options)                                \
	"{\"destination\":\"" destination "\",\"type\":\"tmpfs\"," \
	"\"source\":\"tmpfs\",\"options\":[" options "]}"

static void expect_refused(int code, const char *text)
{
	struct client k;
	struct err e;
	program("exit 0");
	int rc = create_rc(&k, &e, false);
	cr_expect(rc == -code && strstr(e.text, text), "%d '%s', not '%s'", rc, e.text, text);
}

static bool there(const char *path)
{
	struct stat st;
	return lstat(path, &st) == 0;
}

static void host_file(void)
{
	mkdir(at("data"), 0755);
	put(at("data/file"), "from the host\n", 0644);
}

Test(runtime_mounts, through_links_of_the_image_that_lead_nowhere)
{
	host_file();
	mkdir(at("rootfs/etc"), 0755);
	cr_assert(symlink("../run/systemd/resolv.conf", at("rootfs/etc/resolv.conf")) == 0);
	with_mounts(BIND("data/file", "/etc/resolv.conf"));
	cr_expect_str_eq(run("read /etc/resolv.conf", 0), "from the host\n");
	cr_expect(there(at("rootfs/run/systemd/resolv.conf")), "made inside the root");

	cr_assert(symlink("/srv//./deep/../deep/link", at("rootfs/absolute")) == 0);
	mkdir(at("rootfs/srv"), 0755);
	mkdir(at("rootfs/srv/deep"), 0755);
	cr_assert(symlink("last", at("rootfs/srv/deep/link")) == 0);
	with_mounts(BIND("data", "/absolute/below"));
	cr_expect_str_eq(run("read /srv/deep/last/below/file", 0), "from the host\n");

	/* "..", however many, ends at the root. */
	char out[200];
	snprintf(out, sizeof(out), "/../../../../../..%s/outside", dir);
	cr_assert(symlink(out, at("rootfs/escape")) == 0);
	with_mounts(BIND("data", "/escape"));
	cr_expect_str_eq(run("read /escape/file", 0), "from the host\n");
	cr_expect(!there(at("outside")));

	cr_assert(symlink("b", at("rootfs/a")) == 0 && symlink("a", at("rootfs/b")) == 0);
	with_mounts(BIND("data", "/a"));
	expect_refused(ELOOP, "mount point /a in the container");
	with_mounts(BIND("data", "/prog/below"));
	expect_refused(ENOTDIR, "mount point /prog/below in the container");
}

Test(runtime_mounts, destinations_are_normalised)
{
	host_file();
	with_mounts(BIND("data", "/none/../app/./zz//") "," BIND("data", "../../relative/x"));
	cr_expect_str_eq(run("read /app/zz/file", 0), "from the host\n");
	cr_expect_str_eq(run("read /relative/x/file", 0), "from the host\n");
	cr_expect(!there(at("rootfs/none")), "that goes by the text");

	char deep[4096] = "", mounts[5000];
	for (int i = 0; i < 2000; i++)
		strcat(deep, "/d");
	snprintf(mounts, sizeof(mounts), TMPFS("%s", ""), deep);
	with_mounts(mounts);
	run("exit 3", 3);

	char longer[4096] = "/";
	memset(longer + 1, 'n', 300);
	snprintf(mounts, sizeof(mounts), TMPFS("%s", ""), longer);
	with_mounts(mounts);
	expect_refused(ENAMETOOLONG, "mount point /nnn");
	with_mounts(TMPFS("", ""));
	expect_refused(EINVAL, "destination: is empty");
}

Test(runtime_mounts, the_working_directory_is_what_it_leads_to)
{
	config(",\"rlimits\":[]", LINUX(""));
	mkdir(at("rootfs/real"), 0755);
	mkdir(at("rootfs/real/below"), 0755);
	cr_assert(symlink("real/below", at("rootfs/link")) == 0 &&
		  symlink("../not/made/yet", at("rootfs/later")) == 0);
	static const struct {
		const char *written, *seen;
	} cases[] = {
		{"/link/..", "cwd /real "},
		{"/real/../../real/./below/", "cwd /real/below "},
		{"/later", "cwd /not/made/yet "},
		{"/new/dir", "cwd /new/dir "},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[1024];
		snprintf(text, sizeof(text),
			 "{\"ociVersion\":\"1.0.2\",\"root\":{\"path\":\"rootfs\"},\"process\":{"
			 "\"args\":[\"/prog\"],\"cwd\":\"%s\"}%s}",
			 cases[i].written, LINUX(""));
		put_config(text);
		const char *out = run("self", 0);
		cr_expect(strstr(out, cases[i].seen), "%s: %s", cases[i].written, out);
	}
}

/* The line of a running container's mount on this path. */
static void mount_line(const struct client *k, const char *path, char line[512])
{
	char name[64], want[64];
	snprintf(name, sizeof(name), "/proc/%d/mountinfo", process_pid(k->p));
	snprintf(want, sizeof(want), " %s ", path);
	FILE *f = fopen(name, "r");
	cr_assert(f, "%s", name);
	while (fgets(line, 512, f) && !strstr(line, want))
		;
	fclose(f);
	cr_assert(strstr(line, want), "nothing is mounted on %s", path);
}

Test(runtime_mounts, a_tmpfs_has_the_propagation_it_is_given)
{
	char line[512];
	struct err e;
	mkdir(at("rootfs/sticky"), 0755);
	cr_assert(chmod(at("rootfs/sticky"), 01775) == 0);
	with_mounts(TMPFS("/s", "\"rshared\"") "," TMPFS("/p", "\"rprivate\"") "," TMPFS(
		"/sticky", "\"rslave\"") "," TMPFS("/u", "\"unbindable\",\"mode=700\""));
	program("wait");
	struct client k = start();
	wait_text(k.out, "waiting");
	mount_line(&k, "/s", line);
	cr_expect(strstr(line, " shared:"), "%s", line);
	mount_line(&k, "/p", line);
	cr_expect(!strstr(line, " shared:") && strstr(line, "mode=") == NULL, "%s", line);
	mount_line(&k, "/sticky", line);
	cr_expect(strstr(line, "mode=1775"), "that of the directory it covers: %s", line);
	mount_line(&k, "/u", line);
	cr_expect(strstr(line, " unbindable ") && strstr(line, "mode=700"), "%s", line);
	cr_expect(process_kill(k.p, SIGTERM, &e) == 0 && finish(&k) == 143);
	delete (&k);
}

/*
 * A volume may be the host's /proc. Its links lead to other processes' roots, for whatever system
 * call resolves a path in the container; here for the root's own user, who may follow them.
 */
Test(runtime_mounts, links_of_a_volumes_procfs_are_followed_by_nobody)
{
	static const char *const links[] = {"self/root/tmp", "self/cwd/.", "self/fd/0", "1/root/."};
	char line[512], path[128];
	struct err e;
	with_mounts("{\"destination\":\"/host proc\",\"type\":\"bind\",\"source\":\"/proc\","
		    "\"options\":[\"rbind\",\"ro\"]}");
	program("wait");
	struct client k = start();
	wait_text(k.out, "waiting");
	mount_line(&k, "/host\\040proc", line);
	cr_expect(strstr(line, "nosymfollow"), "%s", line);
	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
		snprintf(path, sizeof(path), "/proc/%d/root/host proc/%s", process_pid(k.p),
			 links[i]);
		int fd = open(path, O_PATH | O_CLOEXEC);
		cr_expect(fd == -1 && errno == ELOOP, "%s: %d, %s", links[i], fd, strerror(errno));
	}
	cr_expect(process_kill(k.p, SIGTERM, &e) == 0 && finish(&k) == 143);
	delete (&k);
}

/* What is mounted below a volume: `lines` of mountinfo, of which `without` have no links. */
static void count_links(const struct client *k, const char *path, int *lines, int *without)
{
	char name[64], line[1024], at_path[256], options[256];
	snprintf(name, sizeof(name), "/proc/%d/mountinfo", process_pid(k->p));
	*lines = *without = 0;
	FILE *f = fopen(name, "r");
	cr_assert(f, "%s", name);
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%*d %*d %*s %*s %255s %255s", at_path, options) != 2 ||
		    strcmp(at_path, path) != 0)
			continue;
		*lines += 1;
		*without += strstr(options, "nosymfollow") != NULL;
	}
	fclose(f);
}

/*
 * Nobody finds a procfs that is covered, or that was moved by whoever shares the volume, by its
 * path: its links go all the same, and those of all other mounts stay as the operator has them.
 */
Test(runtime_mounts, links_of_a_procfs_go_wherever_it_is)
{
	static const struct {
		const char *path;
		int lines, without;
	} cases[] = {
		{"/", 1, 0},      {"/v", 1, 0},        {"/v/p", 2, 1},
		{"/v/t", 1, 0},   {"/v/t/deep", 1, 1}, {"/v/none", 1, 1},
		{"/other", 1, 0}, {"/v/hidden", 1, 0}, {"/v/hidden/p", 1, 1},
	};
	struct err e;
	int lines, without;
	cr_assert(unshare(CLONE_NEWNS) == 0 &&
		  mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
	mkdir(at("v"), 0755);
	cr_assert(mount("v", at("v"), "tmpfs", 0, "mode=755") == 0);
	cr_assert(mkdir(at("v/p"), 0755) == 0 && mkdir(at("v/t"), 0755) == 0 &&
		  mkdir(at("v/none"), 0755) == 0 && mkdir(at("v/hidden"), 0755) == 0 &&
		  mkdir(at("v/hidden/p"), 0755) == 0);
	cr_assert(mount("p", at("v/p"), "proc", 0, NULL) == 0 &&
		  mount("c", at("v/p"), "tmpfs", 0, NULL) == 0);
	cr_assert(mount("t", at("v/t"), "tmpfs", 0, NULL) == 0 &&
		  mkdir(at("v/t/deep"), 0755) == 0 &&
		  mount("d", at("v/t/deep"), "proc", 0, NULL) == 0);
	cr_assert(mount("n", at("v/none"), "tmpfs", MS_NOSYMFOLLOW, NULL) == 0);
	cr_assert(mount("h", at("v/hidden/p"), "proc", 0, NULL) == 0 &&
		  mount("h", at("v/hidden"), "tmpfs", 0, NULL) == 0);
	char mounts[1024];
	snprintf(mounts, sizeof(mounts),
		 "{\"destination\":\"/v\",\"type\":\"bind\",\"source\":\"%s\","
		 "\"options\":[\"rbind\"]}," TMPFS("/other", "\"mode=700\""),
		 at("v"));
	with_mounts(mounts);
	program("wait");
	struct client k = start();
	wait_text(k.out, "waiting");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		count_links(&k, cases[i].path, &lines, &without);
		cr_expect(lines == cases[i].lines && without == cases[i].without,
			  "%s: %d mounts, %d without links", cases[i].path, lines, without);
	}
	cr_expect(process_kill(k.p, SIGTERM, &e) == 0 && finish(&k) == 143);
	delete (&k);
	cr_expect(umount2(at("v"), MNT_DETACH) == 0);
}

Test(runtime_mounts, tmpcopyup_begins_with_what_the_image_has)
{
	mkdir(at("rootfs/c"), 0755);
	mkdir(at("rootfs/c/sub"), 0750);
	put(at("rootfs/c/sub/file"), "of the image\n", 0640);
	cr_assert(chown(at("rootfs/c/sub/file"), 7, 8) == 0 &&
		  chmod(at("rootfs/c/sub/file"), 04755) == 0);
	cr_assert(symlink("sub/file", at("rootfs/c/link")) == 0);
	cr_assert(mkfifo(at("rootfs/c/fifo"), 0600) == 0);
	with_mounts(TMPFS("/c", "\"tmpcopyup\",\"rprivate\"") "," TMPFS("/e", "\"tmpcopyup\""));
	cr_expect_str_eq(run("read /c/link", 0), "of the image\n");
	cr_expect_str_eq(run("owner /c/sub/file", 0), "/c/sub/file 7:8\n");
	cr_expect_str_eq(run("mode /c/sub/file", 0), "/c/sub/file 4755\n");
	cr_expect_str_eq(run("mode /c/sub", 0), "/c/sub 750\n");
	cr_expect_str_eq(run("mode /c/fifo", 0), "/c/fifo 600\n");
	cr_expect_str_eq(run("write /c/new", 0), "/c/new: written\n");
	cr_expect(!there(at("rootfs/c/new")), "it is a copy");
	cr_expect_str_eq(run("ls /e", 0), "");

	mkdir(at("rootfs/n"), 0755);
	cr_assert(mknod(at("rootfs/n/watchdog"), S_IFCHR | 0666, makedev(1, 3)) == 0);
	cr_assert(mknod(at("rootfs/n/disk"), S_IFBLK | 0666, makedev(7, 0)) == 0);
	with_mounts(TMPFS("/n", "\"tmpcopyup\""));
	cr_expect_str_eq(run("ls /n", 0), "", "the image's device nodes are none");

	with_mounts(TMPFS("/c", "\"tmpcopyup\",\"size=4k\""));
	char large[9000];
	memset(large, 'x', sizeof(large) - 1);
	large[sizeof(large) - 1] = '\0';
	put(at("rootfs/c/large"), large, 0644);
	expect_refused(ENOSPC, "mount on /c: copying the image's directory");
	with_mounts("{\"destination\":\"/c\",\"type\":\"bind\",\"source\":\"%s\","
		    "\"options\":[\"tmpcopyup\"]}");
	expect_refused(EINVAL, "tmpcopyup is for tmpfs");
}

Test(runtime_mounts, a_file_and_a_directory_are_not_mixed_up)
{
	host_file();
	mkdir(at("rootfs/d"), 0755);
	with_mounts(BIND("data/file", "/d"));
	expect_refused(EISDIR, "it is a directory in the container, and the source");
	with_mounts(BIND("data", "/prog"));
	expect_refused(ENOTDIR, "it is a file in the container, and the source");
	with_mounts(TMPFS("/prog", ""));
	expect_refused(ENOTDIR, "a file system is mounted on a directory");
	with_mounts(BIND("absent", "/d"));
	expect_refused(ENOENT, "/absent");
	with_mounts("{\"destination\":\"/d\",\"type\":\"nofs\",\"source\":\"none\"}");
	expect_refused(ENODEV, "unknown file system 'nofs'");
	with_mounts(TMPFS("/d", "\"size=what\""));
	expect_refused(EINVAL, "mount of tmpfs (tmpfs) on /d");
}

Test(runtime_mounts, devices_are_there_by_themselves)
{
	cr_expect_str_eq(run("write /dev/null", 0), "/dev/null: written\n");
	cr_expect_str_eq(run("write /dev/full", 1), "/dev/full: No space left on device\n");
	cr_expect_str_eq(run("mode /dev/urandom", 0), "/dev/urandom 666\n");
	struct stat st;
	cr_expect(lstat(at("rootfs/dev/stdout"), &st) == 0 && S_ISLNK(st.st_mode));
	with_mounts(TMPFS("/dev", "\"nodev\""));
	cr_expect_str_eq(run("write /dev/null", 0), "/dev/null: written\n");
	with_mounts(TMPFS("/dev", "\"mode=755\""));
	cr_expect_str_eq(run("write /dev/zero", 0), "/dev/zero: written\n");
	/* What is bound there is somebody's own. */
	mkdir(at("own"), 0755);
	with_mounts(BIND("own", "/x/../dev/"));
	cr_expect_str_eq(run("ls /dev", 0), "");
	host_file();
	with_mounts(BIND("data/file", "/dev/null"));
	cr_expect_str_eq(run("read /dev/null", 0), "from the host\n");
}

Test(runtime_mounts, devices_are_not_made_in_a_volume)
{
	mkdir(at("data"), 0755);
	mkdir(at("data/dev"), 0755);
	cr_assert(symlink("volume/dev", at("rootfs/dev")) == 0);
	with_mounts(BIND("data", "/volume"));
	cr_expect_str_eq(run("ls /volume/dev", 0), "", "a link of the image leads into it");
	with_mounts(BIND("data", "/volume") "," TMPFS("/dev", ""));
	cr_expect_str_eq(run("write /dev/null", 0), "/dev/null: written\n");
	cr_expect(rmdir(at("data/dev")) == 0, "nothing is in it: %s", strerror(errno));
}

Test(runtime_mounts, masked_and_read_only_paths)
{
	mkdir(at("rootfs/m"), 0755);
	put(at("rootfs/m/file"), "x", 0644);
	mkdir(at("rootfs/r"), 0755);
	config("", LINUX(",\"maskedPaths\":[\"/m\",\"/prog/no\",\"/absent\"],"
			 "\"readonlyPaths\":[\"/r\",\"/absent\"]"));
	cr_expect_str_eq(run("ls /m", 0), "");
	cr_expect_str_eq(run("write /r/new", 1), "/r/new: Read-only file system\n");
	put(at("rootfs/m/file"), "secret", 0644);
	config("", LINUX(",\"maskedPaths\":[\"/m/file\"]"));
	cr_expect_str_eq(run("read /m/file", 0), "");
	cr_assert(symlink("loop", at("rootfs/loop")) == 0);
	config("", LINUX(",\"maskedPaths\":[\"/loop\"]"));
	expect_refused(ELOOP, "masked path /loop");
	config("", LINUX(",\"readonlyPaths\":[\"/loop\"]"));
	expect_refused(ELOOP, "read-only path /loop");
}

/* A suite of its own: not each test machine's kernel has loop devices. */
TestSuite(runtime_loop, .init = setup, .fini = teardown);

Test(runtime_loop, a_file_is_mounted)
{
	char cmd[400];
	snprintf(cmd, sizeof(cmd),
		 "mkdir %s/src && echo inside >%s/src/file && "
		 "/sbin/mke2fs -q -t ext4 -d %s/src %s/image 4M",
		 dir, dir, dir, dir);
	cr_assert(system(cmd) == 0, "%s", cmd);
	with_mounts("{\"destination\":\"/l\",\"type\":\"ext4\",\"source\":\"%s/image\","
		    "\"options\":[\"loop\",\"ro\"]}");
	cr_expect_str_eq(run("read /l/file", 0), "inside\n");
	cr_expect_str_eq(run("write /l/file", 1), "/l/file: Read-only file system\n");
	with_mounts("{\"destination\":\"/l\",\"type\":\"ext4\",\"source\":\"%s/image\","
		    "\"options\":[\"loop\"]}");
	cr_expect_str_eq(run("write /l/new", 0), "/l/new: written\n");
	char left[100];
	snprintf(left, sizeof(left), "losetup -a | grep %s", dir);
	cr_expect(!leftover(left), "a loop device is left");
	with_mounts("{\"destination\":\"/l\",\"type\":\"ext4\",\"source\":\"%s/absent\","
		    "\"options\":[\"loop\"]}");
	expect_refused(ENOENT, "/absent");
}
