/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Programs that others wrote, static and unmodified, in VMs: Debian's bash and zsh, SQLite and Lua.
 * Each runs here and in a VM, in directories that are alike, and must print and leave the same.
 * Needs a KVM, of either kind.
 */
#include "program.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TEXT_MAX = 1 << 20 };

static char top[] = "/tmp/mote-programs-XXXXXX";

static void run_command(const char *fmt, const char *a, const char *b)
{
	char command[1024];
	snprintf(command, sizeof(command), fmt, a, b);
	cr_assert(system(command) == 0, "%s", command);
}

/* here/ and there/: what the programs find. Devices, so that the VM's root is complete. */
static void make_directories(void)
{
	cr_assert(mkdtemp(top) && chdir(top) == 0);
	for (int i = 0; i < 2; i++) {
		const char *name = i ? "there" : "here";
		run_command("mkdir -p %s/sub %s/dev", name, name);
		run_command("echo small >%s/sub/small && cp " TEST_SCRIPTS "/script.* %s/", name,
			    name);
	}
	cr_assert(mknod("there/dev/null", S_IFCHR | 0666, makedev(1, 3)) == 0);
	cr_assert(mknod("here/dev/null", S_IFCHR | 0666, makedev(1, 3)) == 0);
	FILE *f = fopen("input", "w");
	cr_assert(f && fputs("42 first\nsecond\n", f) >= 0 && fclose(f) == 0);
}

static void remove_directories(void)
{
	run_command("rm -rf %s%s", top, "");
}

TestSuite(linux_programs, .init = make_directories, .fini = remove_directories);

static int run_here(const char *program, char *const *argv)
{
	pid_t pid = fork();
	int status;
	cr_assert(pid >= 0);
	if (pid == 0) {
		char *envp[] = {(char *)"TZ=UTC", (char *)"PATH=/none", NULL};
		int in = open("input", O_RDONLY),
		    out = open("here.out", O_WRONLY | O_CREAT | O_TRUNC, 0600);
		int err = open("here.err", O_WRONLY | O_CREAT | O_TRUNC, 0600);
		if (dup2(in, 0) == 0 && dup2(out, 1) == 1 && dup2(err, 2) == 2 &&
		    chdir("here") == 0)
			execve(program, argv, envp);
		_exit(126);
	}
	cr_assert(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int run_there(const char *program, char *const *argv)
{
	int fd = open(program, O_RDONLY | O_CLOEXEC);
	int stdio[3] = {open("input", O_RDONLY | O_CLOEXEC),
			open("there.out", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600),
			open("there.err", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)};
	struct mote_dir dir = {
		.guest_path = "/",
		.fd = open("there", O_PATH | O_DIRECTORY | O_CLOEXEC),
	};
	char *envp[] = {(char *)"TZ=UTC", (char *)"PATH=/none", NULL};
	struct mote_options o = {
		.size = sizeof(o),
		.program_fd = fd,
		.program_path = program,
		.argv = argv,
		.envp = envp,
		.cwd = "/",
		.stdio = stdio,
		.dirs = &dir,
		.dir_count = 1,
		.time_limit_ns = 120000000000,
		.memory_bytes = 64 << 20,
	};
	cr_assert(dir.fd >= 0);
	int status = program_run(&o);
	for (int i = 0; i < 3; i++)
		close(stdio[i]);
	return status;
}

static void expect_same(const char *program, char *const *argv)
{
	int here = run_here(program, argv), there = run_there(program, argv);
	cr_expect(here == there && here < 126, "%s: %d here, %d in the VM", program, here, there);
	cr_expect(system("cmp here.out there.out && test -s here.out && cmp here.err there.err") ==
			  0,
		  "%s", program);
	cr_expect(system("rm -r here/dev there/dev && diff -r here there") == 0, "%s: what it left",
		  program);
}

Test(linux_programs, bash)
{
	expect_same("/bin/bash-static", (char *[]){(char *)"bash", (char *)"script.sh", NULL});
}

Test(linux_programs, zsh)
{
	expect_same("/bin/zsh-static",
		    (char *[]){(char *)"zsh", (char *)"-f", (char *)"script.sh", NULL});
}

Test(linux_programs, sqlite)
{
	expect_same(TEST_GUESTS "/linux_sqlite.glibc", (char *[]){(char *)"sqlite", NULL});
}

Test(linux_programs, lua)
{
	expect_same(TEST_GUESTS "/linux_lua.glibc",
		    (char *[]){(char *)"lua", (char *)"script.lua", NULL});
}
