/* SPDX-License-Identifier: Apache-2.0 */
/* What config.json and annotations ask for: what the program sees of it, and what is refused. */
#include "runtime_harness.h"

#include <sys/sysinfo.h>

TestSuite(runtime_config, .init = setup, .fini = teardown);

Test(runtime_config, isolated_environment)
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
Test(runtime_config, the_program_sees_its_configuration)
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

Test(runtime_config, root_user_has_no_capabilities)
{
	char *text = run("self", 0);
	cr_expect(strstr(text, "uid 0/0 gid 0/0 groups 0 caps 000 nnp 1 bound 0 dump 0 death 9"),
		  "%s", text);
}

Test(runtime_config, home)
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

#define USER(more) ",\"user\":{\"uid\":1000,\"gid\":1000}" more
#define NO_NEW     ",\"noNewPrivileges\":true"

/* Natively such a program would have its owner's rights. */
Test(runtime_config, set_id_programs)
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

/* Refused if somebody has asked for it, ignored if it is a client's default. */
Test(runtime_config, pid_namespaces_of_others)
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

Test(runtime_config, unrunnable_programs)
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

Test(runtime_config, listen_annotation)
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

Test(runtime_config, isolation_annotation)
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

Test(runtime_config, group_annotation)
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
