/* SPDX-License-Identifier: Apache-2.0 */
/* Profiles and labels, with doubles of the kernel's files. */
#include "runtime/monitor/lsm.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

static char dir[64];
static char proc[128], enabled[128], selinux[128];
static const struct lsm_host host = {proc, enabled, selinux};

static void put(const char *name, const char *text)
{
	char path[160];
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	cr_assert(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text), "%s", path);
	close(fd);
}

static const char *get(const char *name)
{
	static char text[256];
	char path[160];
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	int fd = open(path, O_RDONLY);
	ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);
	text[n > 0 ? n : 0] = '\0';
	close(fd);
	return text;
}

static void setup(void)
{
	static const char *const directories[] = {"proc", "proc/self", "proc/self/attr",
						  "proc/self/attr/apparmor"};
	char path[160];
	snprintf(dir, sizeof(dir), "/tmp/mote-lsm.XXXXXX");
	cr_assert(mkdtemp(dir));
	for (size_t i = 0; i < 4; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, directories[i]);
		cr_assert(mkdir(path, 0755) == 0);
	}
	snprintf(proc, sizeof(proc), "%s/proc", dir);
	snprintf(enabled, sizeof(enabled), "%s/enabled", dir);
	snprintf(selinux, sizeof(selinux), "%s/enforce", dir);
	put("enabled", "Y\n");
	put("enforce", "1");
	put("proc/self/attr/current", "");
	put("proc/self/attr/apparmor/current", "");
}

static void teardown(void)
{
	char cmd[128];
	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	cr_assert(system(cmd) == 0);
}

TestSuite(runtime_lsm, .init = setup, .fini = teardown);

static int apply(const char *profile, const char *label, struct err *e)
{
	struct lsm lsm;
	*e = (struct err){0};
	int rc = lsm_open(&host, profile, label, &lsm, e);
	if (rc == 0)
		rc = lsm_enter(&lsm, e);
	if (rc == 0)
		cr_expect(lsm.proc == -1);
	lsm_close(&lsm);
	return rc;
}

Test(runtime_lsm, profile_and_label)
{
	struct err e;
	cr_assert(apply("cri-containerd.apparmor.d", "system_u:system_r:container_t:s0:c1,c2",
			&e) == 0,
		  "%s", e.text);
	cr_expect_str_eq(get("proc/self/attr/apparmor/current"),
			 "changeprofile cri-containerd.apparmor.d");
	cr_expect_str_eq(get("proc/self/attr/current"), "system_u:system_r:container_t:s0:c1,c2");
}

Test(runtime_lsm, nothing_is_named)
{
	struct err e;
	put("enabled", "N\n");
	unlink(selinux);
	cr_assert(apply(NULL, NULL, &e) == 0, "%s", e.text);
	cr_expect_str_eq(get("proc/self/attr/apparmor/current"), "");
	cr_expect_str_eq(get("proc/self/attr/current"), "");
}

Test(runtime_lsm, older_kernels_have_one_file)
{
	struct err e;
	char path[160];
	snprintf(path, sizeof(path), "%s/proc/self/attr/apparmor/current", dir);
	unlink(path);
	cr_assert(apply("p", NULL, &e) == 0, "%s", e.text);
	cr_expect_str_eq(get("proc/self/attr/current"), "changeprofile p");
}

Test(runtime_lsm, named_and_not_enabled)
{
	struct err e;
	put("enabled", "N\n");
	cr_expect(apply("p", NULL, &e) == -ENOTSUP && e.blame == ERR_CONFIG &&
			  strstr(e.text, "'p'") && strstr(e.text, "AppArmor"),
		  "%s", e.text);
	unlink(enabled);
	cr_expect(apply("p", NULL, &e) == -ENOTSUP, "%s", e.text);
	unlink(selinux);
	cr_expect(apply(NULL, "l", &e) == -ENOTSUP && strstr(e.text, "SELinux"), "%s", e.text);
	cr_expect_str_eq(get("proc/self/attr/current"), "");
}

/* Nothing runs unconfined because its profile could not be put on. */
Test(runtime_lsm, a_refusal_is_an_error)
{
	struct err e;
	char path[160];
	snprintf(path, sizeof(path), "%s/proc/self/attr/current", dir);
	unlink(path);
	cr_expect(apply(NULL, "l", &e) == -ENOENT && strstr(e.text, "selinuxLabel: l"), "%s",
		  e.text);
	cr_assert(symlink("/dev/full", path) == 0);
	cr_expect(apply(NULL, "l", &e) == -ENOSPC, "%s", e.text);
}

/* A child writes its own file: it finds it by the directory that its parent opened. */
Test(runtime_lsm, in_a_child)
{
	struct lsm lsm;
	struct err e = {0};
	cr_assert(lsm_open(&host, "p", NULL, &lsm, &e) == 0);
	pid_t pid = fork();
	if (pid == 0)
		_exit(lsm_enter(&lsm, &e) < 0 || chroot("/") < 0);
	int status;
	cr_assert(waitpid(pid, &status, 0) == pid && status == 0);
	cr_expect_str_eq(get("proc/self/attr/apparmor/current"), "changeprofile p");
	cr_expect(lsm.proc >= 0);
	lsm_close(&lsm);
	cr_expect(lsm.proc == -1);
}
