/* SPDX-License-Identifier: Apache-2.0 */
/* What an attacker finds who has taken over a monitor, and whose rights the monitor used before. */
#include "runtime_harness.h"

#include "runtime/monitor/lsm.h"

#include <semaphore.h>

TestSuite(runtime_isolation, .init = setup, .fini = teardown);

/* --- processes --- */

Test(runtime_isolation, is_the_first_process_of_a_namespace)
{
	cr_expect_str_eq(run("processes", 0), "self 1 parent 0 there 1\n");
	/* Whatever config.json says: a guest sees no process but its own. */
	shared_pids = "ignore";
	config("", ",\"linux\":{\"cgroupsPath\":\"/mote-test/XXXXXX\","
		   "\"namespaces\":[{\"type\":\"pid\","
		   "\"path\":\"/proc/self/ns/pid\"}]}");
	cr_expect_str_eq(run("processes", 0), "self 1 parent 0 there 1\n");
}

Test(runtime_isolation, its_number_is_the_host_s)
{
	program("wait");
	struct client k = start();
	wait_text(k.out, "waiting");
	char path[64], text[256], *line;
	snprintf(path, sizeof(path), "/proc/%d/status", process_pid(k.p));
	FILE *f = fopen(path, "r");
	cr_assert(f, "%s", path);
	while ((line = fgets(text, sizeof(text), f)) && strncmp(line, "NSpid:", 6) != 0)
		;
	fclose(f);
	int here = 0, inside = 0;
	cr_assert(line && sscanf(line, "NSpid: %d %d", &here, &inside) == 2, "%s", text);
	cr_expect(here == process_pid(k.p) && inside == 1, "%s", line);
	struct err e;
	cr_expect(process_kill(k.p, SIGTERM, &e) == 0);
	cr_expect(finish(&k) == 143);
	delete (&k);
}

/* The shim's namespace for its children is put back: the second container has one of its own. */
Test(runtime_isolation, exec_joins_the_namespace)
{
	program("wait");
	struct client k = start();
	wait_text(k.out, "waiting");
	program_at("rootfs/second", "processes");
	char path[128];
	const struct exec_config config = exec_of("{\"args\":[\"/second\"],\"cwd\":\"/\"}");
	struct process *x;
	struct err e;
	struct stat before, after;
	cr_assert(stat("/proc/self/ns/pid_for_children", &before) == 0);
	cr_assert(container_exec(k.c, &config, &x, &e) == 0, "%s", e.text);
	int rc;
	while ((rc = process_start(x, &e)) == -EINPROGRESS)
		serve_one(k.c, false);
	cr_assert(rc == 0, "%s", e.text);
	cr_assert(stat("/proc/self/ns/pid_for_children", &after) == 0);
	cr_expect(before.st_ino == after.st_ino && before.st_dev == after.st_dev);
	int pid = process_pid(x);
	struct stat first = {0}, second = {0};
	snprintf(path, sizeof(path), "/proc/%d/ns/user", process_pid(k.p));
	cr_expect(stat(path, &first) == 0);
	snprintf(path, sizeof(path), "/proc/%d/ns/user", pid);
	/* It may have ended by now. */
	cr_expect(stat(path, &second) < 0 || first.st_ino == second.st_ino,
		  "another user namespace");
	while (process_status(x) != PROCESS_STATUS_STOPPED)
		serve_one(k.c, true);
	cr_expect(process_exit_status(x) == 0 && pid > 2);
	char text[256] = "";
	int fd = open(at("out2"), O_RDONLY);
	cr_expect(read(fd, text, sizeof(text) - 1) > 0);
	close(fd);
	cr_expect_str_eq(text, "self 2 parent 0 there 1 2\n");
	while ((rc = process_delete(x, &e)) == -EINPROGRESS)
		serve_one(k.c, true);
	cr_expect(rc == 0, "%s", e.text);
	cr_expect(process_kill(k.p, SIGTERM, &e) == 0);
	cr_expect(finish(&k) == 143);
	delete (&k);
}

/* --- whose rights --- */

static int try_create(struct err *e)
{
	struct client k;
	int rc = create_rc(&k, e, false);
	if (rc == 0) {
		k.in = -1;
		cr_expect(process_kill(k.p, SIGKILL, e) == 0 && finish(&k) == 137);
		delete (&k);
	}
	return rc;
}

static void program_of(uid_t uid, gid_t gid, mode_t mode)
{
	program("exit 0");
	cr_assert(chown(at("rootfs/prog"), uid, gid) == 0 && chmod(at("rootfs/prog"), mode) == 0);
}

#define USER ",\"user\":{\"uid\":1000,\"gid\":1001,\"additionalGids\":[5]}"
#define CAPABILITIES(set, name) \
	",\"capabilities\":{\"" set "\":[\"CAP_KILL\",\"" name "\",\"CAP_NEW\"]}"

/* The ambient set has what others have as well, and no more. */
#define AMBIENT(name)                                                   \
	",\"capabilities\":{\"permitted\":[\"" name "\",\"CAP_KILL\"]," \
	"\"inheritable\":[\"" name "\",\"CAP_NEW\"],"                   \
	"\"ambient\":[\"CAP_KILL\",\"" name "\",\"CAP_NEW\"]}"

Test(runtime_isolation, the_program_is_opened_as_its_user)
{
	struct err e;
	config(USER, LINUX(""));
	program_of(0, 0, 0700);
	cr_expect(try_create(&e) == -EACCES && strstr(e.text, "permission denied"), "%s", e.text);
	program_of(0, 0, 0644);
	cr_expect(try_create(&e) == -EACCES && strstr(e.text, "may not execute"), "%s", e.text);
	program_of(0, 5, 0750);
	cr_expect(try_create(&e) == 0, "a supplementary group: %s", e.text);
	program_of(0, 1001, 0750);
	cr_expect(try_create(&e) == 0, "its group: %s", e.text);
	program_of(1000, 0, 0077);
	cr_expect(try_create(&e) == -EACCES, "the owner's bits count");
	program_of(0, 0, 0755);
	cr_assert(chmod(at("rootfs"), 0700) == 0);
	cr_expect(try_create(&e) == -EACCES, "each directory of the path counts");
	cr_assert(chmod(at("rootfs"), 0755) == 0);
	/* What root may do without its capabilities. */
	config("", LINUX(""));
	program_of(1000, 1000, 0700);
	cr_expect(try_create(&e) == -EACCES, "root without CAP_DAC_OVERRIDE");
}

Test(runtime_isolation, the_program_is_opened_with_what_is_granted)
{
	struct err e;
	config(CAPABILITIES("bounding", "CAP_DAC_OVERRIDE"), LINUX(""));
	program_of(1000, 1000, 0700);
	cr_expect(try_create(&e) == 0, "%s", e.text);
	program_of(1000, 1000, 0600);
	cr_expect(try_create(&e) == -EACCES, "nobody may execute it");
	config(CAPABILITIES("permitted", "CAP_DAC_OVERRIDE"), LINUX(""));
	program_of(1000, 1000, 0700);
	cr_expect(try_create(&e) == -EACCES, "not in the bounding set");
	/* A user that is not root keeps the ambient ones only. */
	program_of(0, 0, 0700);
	config(USER AMBIENT("CAP_DAC_OVERRIDE"), LINUX(""));
	cr_expect(try_create(&e) == 0, "%s", e.text);
	config(USER CAPABILITIES("permitted", "CAP_DAC_OVERRIDE"), LINUX(""));
	cr_expect(try_create(&e) == -EACCES);
	config(USER CAPABILITIES("ambient", "CAP_DAC_OVERRIDE"), LINUX(""));
	cr_expect(try_create(&e) == -EACCES, "not inheritable");
}

/* The rights of what the monitor does for the guest: what is granted, of what it can use. */
Test(runtime_isolation, the_guest_s_files_are_reached_with_what_is_granted)
{
	mkdir(at("rootfs/theirs"), 0700);
	put(at("rootfs/theirs/file"), "x", 0600);
	cr_assert(chown(at("rootfs/theirs/file"), 1000, 1001) == 0 &&
		  chown(at("rootfs/theirs"), 1000, 1001) == 0);
	cr_expect_str_eq(run("read /theirs/file", 1), "/theirs/file: Permission denied\n");
	config(CAPABILITIES("bounding", "CAP_DAC_OVERRIDE"), LINUX(""));
	cr_expect_str_eq(run("read /theirs/file", 0), "x");
	cr_expect_str_eq(run("write /theirs/new", 0), "/theirs/new: written\n");
	const char *self = run("self", 0);
	cr_expect(strstr(self, "groups 0 caps 220 nnp 1 bound 0"), "no others: %s", self);
	cr_expect_str_eq(run("give /theirs/new", 1), "/theirs/new: Operation not permitted\n");
	config(CAPABILITIES("bounding", "CAP_CHOWN"), LINUX(""));
	put(at("rootfs/own"), "x", 0644);
	cr_expect_str_eq(run("give /own", 0), "/own: given\n");
	cr_expect_str_eq(run("owner /own", 0), "/own 12:13\n");
	cr_expect_str_eq(run("write /own", 1), "/own: Permission denied\n");
	config(CAPABILITIES("permitted", "CAP_DAC_OVERRIDE"), LINUX(""));
	cr_expect_str_eq(run("read /theirs/file", 1), "/theirs/file: Permission denied\n");
	/* A user that is not root has the ambient ones only. */
	config(USER CAPABILITIES("permitted", "CAP_CHOWN"), LINUX(""));
	cr_expect_str_eq(run("give /own", 1), "/own: Operation not permitted\n");
	config(USER AMBIENT("CAP_CHOWN"), LINUX(""));
	cr_expect_str_eq(run("give /own", 0), "/own: given\n");
	self = run("self", 0);
	cr_expect(strstr(self, "uid 1000/1000 ") && strstr(self, " caps 110 "), "%s", self);
}

#define LISTEN(what) LINUX("") ",\"annotations\":{\"io.mote.listen\":\"" what "\"}"
#define LISTEN_APART(what)                                            \
	",\"linux\":{\"cgroupsPath\":\"/mote-test/XXXXXX\","          \
	"\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"network\"}]}" \
	",\"annotations\":{\"io.mote.listen\":\"" what "\"}"

Test(runtime_isolation, sockets_are_the_user_s)
{
	struct err e;
	struct stat st;
	mkdir(at("rootfs/mine"), 0755);
	cr_assert(chown(at("rootfs/mine"), 1000, 1001) == 0);
	config(",\"user\":{\"uid\":1000,\"gid\":1001,\"umask\":63}", LISTEN("unix:/mine/s"));
	run("listening", 1);
	cr_assert(stat(at("rootfs/mine/s"), &st) == 0);
	cr_expect(st.st_uid == 1000 && st.st_gid == 1001 && (st.st_mode & 0777) == 0700, "%u:%u %o",
		  st.st_uid, st.st_gid, st.st_mode);
	config(USER, LISTEN("unix:/s"));
	cr_expect(try_create(&e) == -EACCES, "a directory of root's: %s", e.text);
	config(USER AMBIENT("CAP_DAC_OVERRIDE"), LISTEN("unix:/s"));
	run("listening", 1);
	cr_expect(stat(at("rootfs/s"), &st) == 0 && st.st_uid == 1000);
}

Test(runtime_isolation, ports_are_the_user_s)
{
	struct err e;
	config(USER, LISTEN_APART("tcp:80"));
	cr_expect(try_create(&e) == -EACCES, "%s", e.text);
	config("", LISTEN_APART("tcp:80"));
	cr_expect(try_create(&e) == -EACCES, "root without the capability: %s", e.text);
	config(USER CAPABILITIES("permitted", "CAP_NET_BIND_SERVICE"), LISTEN_APART("tcp:80"));
	cr_expect(try_create(&e) == -EACCES, "%s", e.text);
	config(USER AMBIENT("CAP_NET_BIND_SERVICE"), LISTEN_APART("tcp:80"));
	run("listening", 1);
	config(CAPABILITIES("bounding", "CAP_NET_BIND_SERVICE"), LISTEN_APART("tcp:80"));
	run("listening", 1);
	config(USER, LISTEN_APART("tcp:8080"));
	run("listening", 1);
}

#define APART                                                \
	",\"linux\":{\"cgroupsPath\":\"/mote-test/XXXXXX\"," \
	"\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"network\"}]}"

/* Those that the program binds itself, with a user namespace by the shim. */
Test(runtime_isolation, low_ports_are_for_those_who_may)
{
	static const struct {
		const char *process, *program, *expected;
	} cases[] = {
		{CAPABILITIES("bounding", "CAP_NET_BIND_SERVICE"), "bind",
		 "port 0 again -98 datagram 0 high 0"},
		{USER AMBIENT("CAP_NET_BIND_SERVICE"), "bind",
		 "port 0 again -98 datagram 0 high 0"},
		{CAPABILITIES("bounding", "CAP_CHOWN"), "bind",
		 "port -13 again -13 datagram -13 high 0"},
		{USER, "bind", "port -13 again -13 datagram -13 high 0"},
		{CAPABILITIES("bounding", "CAP_NET_BIND_SERVICE"), "bind dropped",
		 "port -13 again -13 datagram -13 high 0"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		config(cases[i].process, APART);
		const char *got = run(cases[i].program, 0);
		cr_expect(strncmp(got, cases[i].expected, strlen(cases[i].expected)) == 0,
			  "%zu: %s", i, got);
		const char *hostile = strstr(got, " short");
		cr_expect(!hostile == !maps(dir), "%zu: %s", i, got);
		cr_expect(!hostile || strcmp(hostile, " short -22 long -22 pipe -13 closed -13 "
						      "unix -13\n") == 0,
			  "%zu: %s", i, got);
	}
}

/* In place of the C library's, in the shim: one that waits, as for a socket that is locked. */
static bool hold_binds;
static sem_t bind_waits, bind_goes_on;

int bind(int fd, __CONST_SOCKADDR_ARG address, socklen_t len)
{
	if (hold_binds)
		sem_post(&bind_waits);
	while (hold_binds && sem_wait(&bind_goes_on) < 0)
		;
	return (int)syscall(SYS_bind, fd, address.__sockaddr__, len);
}

Test(runtime_isolation, a_port_that_cannot_be_bound_yet_holds_up_nobody)
{
	struct err e;
	sem_init(&bind_waits, 0, 0);
	sem_init(&bind_goes_on, 0, 0);
	hold_binds = true; /* the monitor is another program: there it is false */
	config(CAPABILITIES("bounding", "CAP_NET_BIND_SERVICE"), APART);
	program("wait for ports");
	struct client k = start();
	while (sem_trywait(&bind_waits) < 0)
		serve_one(k.c, false);
	wait_text(k.out, "waiting");
	cr_expect(process_kill(k.p, SIGTERM, &e) == 0);
	cr_expect(finish(&k) == 143);
	delete (&k);
	cr_expect(sem_trywait(&bind_waits) < 0, "the second one began before the first was done");
	sem_post(&bind_goes_on);
}

/* What a monitor has the shim do is not its container's to pay: 64 at once, then 100 a second. */
Test(runtime_isolation, ports_that_are_asked_for_without_end_take_their_time)
{
	const bool mapped = maps(dir); /* else it binds them itself, and asks nobody */
	const int many = 64 + 50, few = 60;
	int refused, ms;
	char text[32];
	config(CAPABILITIES("bounding", "CAP_NET_BIND_SERVICE"), APART);
	snprintf(text, sizeof(text), "binds %d", many);
	const char *got = run(text, !mapped);
	cr_expect(!mapped || (sscanf(got, "%d refused %d ms", &refused, &ms) == 2 &&
			      refused == many && ms >= (many - 64 - 1) * 10),
		  "%s", got);
	snprintf(text, sizeof(text), "binds %d", few);
	got = run(text, !mapped);
	cr_expect(!mapped || strncmp(got, "60 refused ", strlen("60 refused ")) == 0,
		  "another one: %s", got);
}

/* --- user namespaces --- */

#define FIRST_HOST_ID 0x80000000U

static void ids_of(int pid, unsigned uid[4], unsigned gid[4])
{
	char path[64], line[256];
	int found = 0;
	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	FILE *f = fopen(path, "r");
	cr_assert(f);
	while (fgets(line, sizeof(line), f)) {
		found += sscanf(line, "Uid: %u %u %u %u", uid, uid + 1, uid + 2, uid + 3) == 4;
		found += sscanf(line, "Gid: %u %u %u %u", gid, gid + 1, gid + 2, gid + 3) == 4;
	}
	fclose(f);
	cr_assert(found == 2);
}

static void host_ids_are(uid_t user, gid_t group, bool mapped)
{
	unsigned uid[4], gid[4];
	struct stat here, there;
	char path[64];
	program("wait");
	struct client k = start();
	wait_text(k.out, "waiting");
	ids_of(process_pid(k.p), uid, gid);
	snprintf(path, sizeof(path), "/proc/%d/ns/user", process_pid(k.p));
	cr_assert(stat(path, &there) == 0 && stat("/proc/self/ns/user", &here) == 0);
	cr_expect((here.st_ino != there.st_ino) == mapped, "user namespace");
	for (int i = 0; i < 4; i++) {
		cr_expect(mapped ? uid[i] >= FIRST_HOST_ID && uid[i] % 65536 == user
				 : uid[i] == user,
			  "uid %u", uid[i]);
		cr_expect(mapped ? gid[i] >= FIRST_HOST_ID && gid[i] % 65536 == group
				 : gid[i] == group,
			  "gid %u", gid[i]);
	}
	struct err e;
	cr_expect(process_kill(k.p, SIGTERM, &e) == 0);
	cr_expect(finish(&k) == 143);
	delete (&k);
}

Test(runtime_isolation, its_ids_are_nobody_s)
{
	bool mapped = maps(dir);
	host_ids_are(0, 0, mapped);
	config(USER, LINUX(""));
	host_ids_are(1000, 1001, mapped);
	/* Of which no ids can be mapped: the container runs, with the ids of config.json. */
	config(USER, ",\"mounts\":[{\"destination\":\"/v\",\"type\":\"bind\","
		     "\"source\":\"/proc/version\"}]" LINUX(""));
	host_ids_are(1000, 1001, false);
	config(USER, ",\"mounts\":[{\"destination\":\"/w\",\"type\":\"bind\",\"source\":\"/\","
		     "\"options\":[\"bind\",\"rslave\"]}]" LINUX(""));
	host_ids_are(1000, 1001, false);
	config(",\"user\":{\"uid\":4294901760,\"gid\":0}", LINUX(""));
	cr_expect(strstr(run("self", 0), "uid 4294901760/4294901760"), "beyond what is mapped");
	config(",\"user\":{\"uid\":1000660000,\"gid\":70000,\"additionalGids\":[80000]}",
	       LINUX(""));
	cr_expect(strstr(run("self", 0), "uid 1000660000/1000660000 gid 70000/70000 groups 1"));
}

/* With and without a user namespace: what a container sees, and what is on disk. */
Test(runtime_isolation, files_keep_their_owners)
{
	struct stat st;
	char more[1024];
	mkdir(at("data"), 0777);
	cr_assert(chmod(at("data"), 0777) == 0);
	put(at("data/theirs"), "x", 0600);
	cr_assert(chown(at("data/theirs"), 1000, 70001) == 0);
	put(at("rootfs/ours"), "x", 0644);
	cr_assert(chown(at("rootfs/ours"), 7, 8) == 0 && chmod(at("rootfs"), 0777) == 0);
	for (int plain = 0; plain < 2; plain++) {
		snprintf(more, sizeof(more),
			 ",\"mounts\":[{\"destination\":\"/data\",\"type\":\"bind\","
			 "\"source\":\"%s\",\"options\":[\"rbind\"]},"
			 "{\"destination\":\"/made/here\",\"type\":\"tmpfs\","
			 "\"options\":[\"uid=1000\",\"gid=5\",\"mode=750\"]},"
			 "{\"destination\":\"/dev\",\"type\":\"tmpfs\"}%s]" LINUX(""),
			 at("data"),
			 plain ? ",{\"destination\":\"/v\",\"type\":\"bind\","
				 "\"source\":\"/proc/version\"}"
			       : "");
		config("", more);
		cr_expect_str_eq(run("owner /data/theirs", 0), "/data/theirs 1000:70001\n");
		cr_expect_str_eq(run("owner /ours", 0), "/ours 7:8\n");
		cr_expect_str_eq(run("owner /prog", 0), "/prog 0:0\n");
		cr_expect_str_eq(run("owner /made/here", 0), "/made/here 1000:5\n");
		cr_expect_str_eq(run("owner /made", 0), "/made 0:0\n");
		cr_expect_str_eq(run("owner /dev", 0), "/dev 0:0\n");
		cr_expect_str_eq(run("owner /dev/null", 0), "/dev/null 0:0\n");
		cr_expect_str_eq(run("write /dev/null", 0), "/dev/null: written\n");
		cr_expect_str_eq(run("write /data/theirs", 1), "/data/theirs: Permission denied\n");
		cr_expect_str_eq(run("write /data/root", 0), "/data/root: written\n");
		cr_expect(stat(at("data/root"), &st) == 0 && st.st_uid == 0 && st.st_gid == 0,
			  "%u:%u", st.st_uid, st.st_gid);
		config(USER, more);
		cr_expect_str_eq(run("write /data/theirs", 0), "/data/theirs: written\n");
		cr_expect_str_eq(run("write /data/user", 0), "/data/user: written\n");
		cr_expect_str_eq(run("write /user", 0), "/user: written\n");
		cr_expect(stat(at("data/user"), &st) == 0 && st.st_uid == 1000 && st.st_gid == 1001,
			  "%u:%u", st.st_uid, st.st_gid);
		cr_expect(stat(at("rootfs/user"), &st) == 0 && st.st_uid == 1000 &&
			  st.st_gid == 1001);
		cr_expect(stat(at("rootfs/made"), &st) == 0 && st.st_uid == 0,
			  "a mount point is root's");
		cr_expect(unlink(at("data/root")) == 0 && unlink(at("data/user")) == 0 &&
			  unlink(at("rootfs/user")) == 0);
	}
}

Test(runtime_isolation, options_are_shifted)
{
	const struct userns u = {.fd = -1, .base = FIRST_HOST_ID}, none = USERNS_NONE;
	static const char *const cases[][2] = {
		{"", ""},
		{"uid=0", "uid=2147483648"},
		{"mode=755,uid=1000,gid=5,size=1k",
		 "mode=755,uid=2147484648,gid=2147483653,size=1k"},
		{"gid=70000", "gid=3221229936"},
		{"uid=x,gid=,uid=1x,fluid=7,gid=4294967295",
		 "uid=x,gid=,uid=1x,fluid=7,gid=4294967295"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *out = NULL;
		cr_assert(userns_shift_options(&u, cases[i][0], &out) == 0);
		cr_expect_str_eq(out, cases[i][1]);
		free(out);
	}
	cr_expect(userns_host_id(&none, 5) == 5 &&
		  userns_host_id(&u, 65535) == FIRST_HOST_ID + 65535 &&
		  userns_host_id(&u, 65536) == 0xc0000000U);
}

/* --- security modules --- */

/* "unconfined" is a profile that each kernel with AppArmor has. */
Test(runtime_isolation, the_profile_is_put_on)
{
	struct err e;
	int fd = open(lsm_host.apparmor_enabled, O_RDONLY);
	char on = 'N';
	bool there = fd >= 0 && read(fd, &on, 1) == 1 && on == 'Y';
	close(fd);
	config(",\"apparmorProfile\":\"unconfined\"", LINUX(""));
	int rc = try_create(&e);
	cr_expect(rc == (there ? 0 : -ENOTSUP) && (there || strstr(e.text, "AppArmor")), "%d %s",
		  rc, e.text);
	config(",\"apparmorProfile\":\"mote-none\"", LINUX(""));
	rc = try_create(&e);
	cr_expect(rc == (there ? -ENOENT : -ENOTSUP) && strstr(e.text, "mote-none"), "%d %s", rc,
		  e.text);
	/* As containerd writes it if there is no profile. */
	config(",\"apparmorProfile\":\"\",\"selinuxLabel\":\"\"", LINUX(""));
	run("exit 0", 0);
	config(",\"selinuxLabel\":\"a:b:c:s0\"", LINUX(""));
	rc = try_create(&e);
	cr_expect(rc < 0 && strstr(e.text, "a:b:c:s0"), "%d %s", rc, e.text);
}
