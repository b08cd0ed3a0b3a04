/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Users, groups and capabilities: what setuid and its relatives, capset and prctl do, and by whose
 * rights files are then opened and made. Run by root all of it happens; run by others most of it is
 * refused, as on the host.
 *
 * cases: run all
 * cases: run execve
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "show.h"

/* The raw calls: those of the C library ask all threads. */
static long set(long call, unsigned a, unsigned b, unsigned c)
{
	return syscall(call, a, b, c);
}

static void status(void)
{
	char line[256];
	FILE *f = fopen("/proc/self/status", "re");
	while (f && fgets(line, sizeof(line), f))
		if (strncmp(line, "Uid", 3) == 0 || strncmp(line, "Gid", 3) == 0 ||
		    strncmp(line, "Groups", 6) == 0 || strncmp(line, "Cap", 3) == 0 ||
		    strncmp(line, "NoNewPrivs", 10) == 0)
			printf("  %s", line);
	if (f)
		fclose(f);
}

static void caps(const char *when)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct c[2];
	long rc = syscall(SYS_capget, &head, c);
	printf("%s: %ld p %08x%08x e %08x%08x i %08x%08x\n", when, rc, c[1].permitted,
	       c[0].permitted, c[1].effective, c[0].effective, c[1].inheritable, c[0].inheritable);
}

/* Of the capabilities below 32 those that are permitted now, and in the set. */
static long capset_to(unsigned permitted, unsigned effective, unsigned inheritable)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct c[2];
	syscall(SYS_capget, &head, c);
	c[0].effective = effective & (c[0].permitted | 1);
	c[0].permitted &= permitted;
	c[0].inheritable = inheritable;
	c[1] = (struct __user_cap_data_struct){c[1].permitted, c[1].permitted, 0};
	return syscall(SYS_capset, &head, c);
}

static void owner(const char *path)
{
	struct stat st;
	if (stat(path, &st) == 0)
		printf("%s: %u %u %o\n", path, st.st_uid, st.st_gid, st.st_mode);
	else
		printf("%s: %s\n", path, strerrorname_np(errno));
}

static void make(const char *path)
{
	int fd = open(path, O_CREAT | O_EXCL | O_WRONLY, 0600);
	say("make", fd < 0 ? -1 : 0);
	if (fd >= 0)
		close(fd);
	owner(path);
}

static void groups(void)
{
	gid_t list[64];
	int n = getgroups(64, list);
	printf("groups %d:", n);
	for (int i = 0; i < n; i++)
		printf(" %u", list[i]);
	printf("\n");
}

/* So many that Mote's polling thread answers: it has the same rights. */
static void close_calls(void)
{
	int opened = 0, found = 0;
	for (int i = 0; i < 3000; i++) {
		struct stat st;
		int fd = open("of-root", O_RDONLY);
		opened += fd >= 0;
		if (fd >= 0)
			close(fd);
		found += stat("of-root", &st) == 0;
	}
	printf("opened %d found %d\n", opened, found);
}

static void as_root_and_back(void)
{
	close_calls();
	SAY(set(SYS_setresuid, -1, 1000, -1));
	caps("effective 1000");
	make("of-1000");
	SAY(open("of-root", O_RDONLY));
	close_calls();
	SAY(access("of-root", R_OK));
	SAY(faccessat(AT_FDCWD, "of-root", R_OK, AT_EACCESS));
	SAY(set(SYS_setresuid, 5, -1, -1));
	SAY(set(SYS_setuid, 0, 0, 0));
	status();
	caps("root again");
	SAY(open("of-root", O_RDONLY) >= 0);
}

static void file_system_ids(void)
{
	SAY(set(SYS_setfsuid, 1001, 0, 0));
	SAY(set(SYS_setfsuid, -1, 0, 0));
	SAY(set(SYS_setfsgid, 1002, 0, 0));
	caps("fsuid 1001");
	make("of-1001");
	SAY(open("of-root", O_RDONLY));
	status();
	SAY(set(SYS_setfsuid, 0, 0, 0));
	SAY(set(SYS_setfsgid, 0, 0, 0));
	caps("fsuid 0");
}

static void group_ids(void)
{
	static const gid_t list[] = {30, 7, 20, 7};
	SAY(syscall(SYS_setgroups, 4, list));
	groups();
	SAY(syscall(SYS_setgroups, 65537, list));
	SAY(syscall(SYS_setgroups, 1, (void *)8));
	SAY(set(SYS_setresgid, 100, 200, 300));
	SAY(set(SYS_setregid, 200, 100, 0));
	status();
	SAY(set(SYS_setregid, -1, 300, 0));
	SAY(set(SYS_setgid, -1, 0, 0));
	SAY(set(SYS_setgid, 50, 0, 0));
	status();
	make("of-group-50");
}

static void capabilities(void)
{
	SAY(prctl(PR_CAPBSET_READ, CAP_CHOWN, 0, 0, 0));
	SAY(prctl(PR_CAPBSET_READ, 63, 0, 0, 0));
	SAY(prctl(PR_CAPBSET_READ, 64, 0, 0, 0));
	SAY(prctl(PR_CAPBSET_DROP, CAP_NET_RAW, 0, 0, 0));
	SAY(prctl(PR_CAPBSET_READ, CAP_NET_RAW, 0, 0, 0));
	SAY(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_CHOWN, 0, 0));
	SAY(capset_to(~0u, ~0u, 1u << CAP_CHOWN));
	SAY(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_CHOWN, 0, 0));
	SAY(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_CHOWN, 0, 0));
	SAY(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_LOWER, CAP_CHOWN, 0, 0));
	SAY(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_CHOWN, 0, 0));
	SAY(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_CHOWN, 1, 0));
	SAY(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 1, 0, 0));
	SAY(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0));
	SAY(prctl(PR_CAP_AMBIENT, 9, 0, 0, 0));
	SAY(prctl(PR_GET_SECUREBITS, 0, 0, 0, 0));
	SAY(prctl(PR_SET_SECUREBITS, SECBIT_KEEP_CAPS, 0, 0, 0));
	SAY(prctl(PR_GET_KEEPCAPS, 0, 0, 0, 0));
	SAY(prctl(PR_SET_KEEPCAPS, 2, 0, 0, 0));
	SAY(prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0));
	SAY(prctl(PR_SET_SECUREBITS, 1 << 20, 0, 0, 0));
	SAY(capset_to(~1u, 1, 0));
	SAY(capset_to(~(1u << CAP_FOWNER),
		      ~(1u << CAP_FOWNER | 1u << CAP_DAC_OVERRIDE | 1u << CAP_DAC_READ_SEARCH), 0));
	caps("without FOWNER, others idle");
}

static void idle_capabilities(void)
{
	int fd = open("of-1000", O_RDONLY);
	say("a file of 1000 by root without DAC_OVERRIDE", fd < 0 ? -1 : 0);
	SAY(capset_to(~(1u << CAP_FOWNER), ~(1u << CAP_FOWNER), 0));
	SAY(open("of-1000", O_RDONLY) >= 0);
	SAY(chmod("of-1000", 0666));
}

/* The end: another user, with what it asked to keep. */
static void leave_root(void)
{
	SAY(prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0));
	SAY(set(SYS_setresuid, 1000, 1000, 1000));
	caps("kept");
	SAY(chown("of-1000", 1001, 1001));
	SAY(capset_to(1u << CAP_CHOWN, 1u << CAP_CHOWN, 0));
	SAY(chown("of-1000", 1001, 1001));
	owner("of-1000");
	SAY(set(SYS_setuid, 0, 0, 0));
	SAY(capset_to(0, 0, 0));
	SAY(chown("of-1000", 1000, 1000));
	SAY(set(SYS_setresuid, -1, -1, -1));
	SAY(set(SYS_setresuid, 1000, 1000, 1000));
	SAY(set(SYS_setreuid, 1000, 0, 0));
	SAY(syscall(SYS_setgroups, 0, NULL));
	SAY(open("of-root", O_RDONLY));
	SAY(prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0));
	SAY(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	SAY(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
	make("of-1000-again");
	status();
}

/* What execve makes of them: of root that acts as another, and of what root has given up. */
static int across_execve(int step, const char *program)
{
	char next[2] = {(char)('1' + step), 0};
	switch (step) {
	case 0:
		SAY(prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0));
		SAY(set(SYS_setresuid, -1, 1000, 0));
		SAY(set(SYS_setresgid, 7, 8, 9));
		SAY(set(SYS_setfsgid, 7, 0, 0));
		break;
	case 1:
		SAY(prctl(PR_GET_KEEPCAPS, 0, 0, 0, 0));
		SAY(set(SYS_setresuid, 0, 0, 0));
		SAY(prctl(PR_CAPBSET_DROP, CAP_KILL, 0, 0, 0));
		SAY(capset_to(~0u, ~0u, 1u << CAP_KILL | 1u << CAP_CHOWN));
		SAY(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_CHOWN, 0, 0));
		break;
	case 2:
		SAY(set(SYS_setresuid, 1000, 1000, 1000));
		SAY(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_CHOWN, 0, 0));
		break;
	default:
		return 0;
	}
	execl("/proc/self/exe", program, "execve", next, NULL);
	perror("execve");
	return 1;
}

static void here(const char *when)
{
	caps(when);
	status();
	printf("%lu %lu secure %lu\n", getauxval(AT_UID), getauxval(AT_EUID), getauxval(AT_SECURE));
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc > 1 && strcmp(argv[1], "execve") == 0) {
		here("execve");
		return across_execve(argc > 2 ? argv[2][0] - '0' : 0, argv[0]);
	}
	if (argc > 1 && strcmp(argv[1], "after execve") == 0) {
		here(argv[1]);
		return 0;
	}
	umask(0);
	SAY(getuid() == geteuid() && getgid() == getegid());
	status();
	SAY(chmod(".", 0777));
	make("of-root");
	as_root_and_back();
	file_system_ids();
	group_ids();
	capabilities();
	idle_capabilities();
	leave_root();
	execl("/proc/self/exe", argv[0], "after execve", NULL);
	perror("execve");
	return 1;
}
