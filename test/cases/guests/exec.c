/* SPDX-License-Identifier: Apache-2.0 */
/*
 * execve in the caller's place: what the next program finds, what is refused, and that the caller
 * goes on as it was.
 *
 * cases: setup cp "$program" prog; mkdir dir; echo text >text; mkfifo -m 755 fifo
 * cases: run state
 * cases: run errors
 * cases: run scripts
 * cases: run empty
 * cases: run descriptor
 * cases: run limits
 * cases: run many
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

static void *const mapped_at = (void *)0x7fa000000000, *const low_at = (void *)0x10000000;

static void handler(int signo)
{
	(void)signo;
}

static void report(const char *what, long rc)
{
	printf("%s: %s\n", what, rc < 0 ? strerrorname_np(errno) : "ok");
}

static void show_arguments(int argc, char **argv)
{
	printf("argc %d:", argc);
	for (int i = 0; i < argc; i++)
		printf(" [%s]", argv[i]);
	printf(" argv[argc] %p\n", (void *)argv[argc]);
	for (char **e = environ; *e; e++)
		printf("environment [%s]\n", *e);
}

static void show_signal(int signo)
{
	struct sigaction a;
	sigset_t mask, pending;
	sigaction(signo, NULL, &a);
	sigprocmask(SIG_SETMASK, NULL, &mask);
	sigpending(&pending);
	const char *how = a.sa_handler == SIG_IGN ? "ignored" : "handled";
	if (a.sa_handler == SIG_DFL)
		how = "default";
	printf("signal %d: %s flags %x blocked %d pending %d\n", signo, how, a.sa_flags,
	       sigismember(&mask, signo), sigismember(&pending, signo));
}

static int child_state(int argc, char **argv)
{
	char name[17] = "", cwd[4096];
	struct itimerval timer;
	stack_t stack;
	show_arguments(argc, argv);
	for (int fd = 3; fd < 16; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			printf("descriptor %d is open, flags %d\n", fd, fcntl(fd, F_GETFD));
	for (int signo = 1; signo < 32; signo++)
		if (signo == SIGUSR1 || signo == SIGUSR2 || signo == SIGPIPE || signo == SIGHUP)
			show_signal(signo);
	sigaltstack(NULL, &stack);
	printf("alternate stack %d\n", stack.ss_flags);
	prctl(PR_GET_NAME, name);
	printf("name %s cwd %s umask %o\n", name, getcwd(cwd, sizeof(cwd)), umask(0));
	int fds[2];
	pipe(fds);
	printf("old mappings: %zd %zd\n", write(fds[1], mapped_at, 1), write(fds[1], low_at, 1));
	getitimer(ITIMER_REAL, &timer);
	printf("timer %s\n", timer.it_value.tv_sec > 900 ? "runs" : "is gone");
	const char *file = (const char *)getauxval(AT_EXECFN);
	printf("AT_EXECFN %s, secure %lu, entry %d, phnum %d, uid %lu\n", file,
	       getauxval(AT_SECURE), getauxval(AT_ENTRY) != 0, getauxval(AT_PHNUM) > 2,
	       getauxval(AT_UID));
	double third = 1.0;
	unsigned mxcsr;
	unsigned short x87;
	__asm__ volatile("stmxcsr %0; fnstcw %1" : "=m"(mxcsr), "=m"(x87));
	printf("mxcsr %x x87 %x %f\n", mxcsr, x87, third / 3);
	char *heap = malloc(1 << 20);
	memset(heap, 1, 1 << 20);
	printf("heap %d\n", heap[1000]);
	return 7;
}

static int state(void)
{
	char *argv[] = {"another name", "child-state", "", "a b", NULL};
	char *envp[] = {"A=1", "B", "LONG=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", NULL};
	struct sigaction a = {.sa_handler = handler, .sa_flags = SA_RESTART | SA_ONSTACK};
	struct itimerval timer = {.it_value.tv_sec = 1000};
	stack_t stack = {.ss_sp = malloc(65536), .ss_size = 65536};
	unsigned mxcsr = 0x1f80 | 0x6000;
	int fds[2];
	sigset_t set;
	mmap(mapped_at, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
	     0);
	mmap(low_at, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	sigaction(SIGUSR1, &a, NULL);
	sigaction(SIGHUP, &a, NULL);
	signal(SIGPIPE, SIG_IGN);
	sigaltstack(&stack, NULL);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_BLOCK, &set, NULL);
	raise(SIGUSR2);
	setitimer(ITIMER_REAL, &timer, NULL);
	pipe2(fds, O_CLOEXEC);                                   /* 3 4: gone */
	pipe(fds);                                               /* 5 6: stay */
	socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds); /* 7 8: gone */
	open("text", O_RDONLY | O_CLOEXEC);                      /* 9: gone */
	dup(9);                                                  /* 10: stays */
	fcntl(10, F_DUPFD_CLOEXEC, 0);                           /* 11: gone */
	dup2(11, 12);                                            /* stays */
	fcntl(5, F_SETFD, FD_CLOEXEC);                           /* gone */
	open("text", O_RDONLY);                                  /* 13: gone by close_range */
	syscall(SYS_close_range, 13, 13, 4 /* CLOSE_RANGE_CLOEXEC */);
	chdir("dir");
	umask(027);
	prctl(PR_SET_NAME, "renamed");
	__asm__ volatile("ldmxcsr %0" : : "m"(mxcsr));
	printf("before\n");
	fflush(stdout);
	execve("../prog", argv, envp);
	report("execve", -1);
	return 1;
}

static int try(const char *path)
{
	char *argv[] = {"x", "child", NULL}, *envp[] = {NULL};
	errno = 0;
	return execve(path, argv, envp);
}

static int make(const char *path, const char *text, mode_t mode)
{
	int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0600);
	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		return -1;
	fchmod(fd, mode);
	return close(fd);
}

static int errors(void)
{
	char *argv[] = {"x", NULL}, *envp[] = {NULL}, long_path[5000];
	memset(long_path, 'a', sizeof(long_path) - 1);
	long_path[sizeof(long_path) - 1] = '\0';
	report("missing", try("missing"));
	report("empty path", try(""));
	report("directory", try("dir"));
	report("not executable", try("text"));
	chmod("prog", 0644);
	report("not executable ELF", try("prog"));
	chmod("prog", 0755);
	report("below a file", try("text/x"));
	report("slash behind a file", try("prog/"));
	report("long path", try(long_path));
	report("long name", try(long_path + 4000));
	report("bad path", execve((char *)8, argv, envp));
	report("bad argv", execve("prog", (char **)8, envp));
	report("bad envp", execve("prog", argv, (char **)8));
	char *bad[] = {"x", (char *)16, NULL};
	report("bad string", execve("prog", bad, envp));
	report("bad string of envp", execve("prog", argv, bad));
	make("zero", "", 0755);
	report("empty file", try("zero"));
	make("plain", "echo plain\n", 0755);
	report("no magic", try("plain"));
	make("cut", "\177ELF\2\1\1", 0755);
	report("truncated ELF", try("cut"));
	report("FIFO", try("fifo"));
	report("device", try("/dev/null"));
	symlink("loop", "loop");
	report("link to itself", try("loop"));
	symlink("nowhere", "dangling");
	report("dangling link", try("dangling"));
	int writer = open("prog", O_WRONLY | O_APPEND);
	report("being written", writer < 0 ? writer : try("prog"));
	close(writer);
	report("flags", syscall(SYS_execveat, AT_FDCWD, "prog", argv, envp, 0x4000));
	symlink("prog", "link");
	report("link not followed", syscall(SYS_execveat, AT_FDCWD, "link", argv, envp, 0x100));
	report("bad descriptor", syscall(SYS_execveat, 99, "prog", argv, envp, 0));
	int file = open("text", O_RDONLY);
	report("descriptor of a file", syscall(SYS_execveat, file, "prog", argv, envp, 0));
	printf("still here\n");
	return 3;
}

static int run_script(const char *text)
{
	static int n;
	char name[16];
	snprintf(name, sizeof(name), "script%d", ++n);
	make(name, text, 0755);
	char *argv[] = {"dropped", "one", "two three", NULL}, *envp[] = {"E=1", NULL};
	return execve(name, argv, envp);
}

static int scripts(int step)
{
	static const char *const bad[] = {
		"#!",      "#!\n",     "#! \t \n",     "#!/data/missing\n",
		"#!dir\n", "#!text\n", "#!/data/prog", "#!/data/prog child"};
	char text[400] = "#!", next[16];
	if (step == 0) {
		for (unsigned i = 0; i < 6; i++)
			report(bad[i], run_script(bad[i]));
		memset(text + 2, ' ', 300);
		report("blanks without a line", run_script(text));
		memset(text + 2, 'a', 300);
		report("cut name", run_script(text));
		for (int i = 0; i < 8; i++) {
			snprintf(text, sizeof(text), "#!/data/level%d\n", i + 1);
			snprintf(next, sizeof(next), "level%d", i);
			make(next, text, 0755);
		}
		report("six scripts, and a missing file", try("level2"));
		make("level7", "#!/data/prog\n", 0755);
		report("six scripts", try("level2"));
	}
	fflush(stdout);
	if (step == 0)
		run_script("#! \t /data/prog   child  with blanks \t \nrest\n");
	return 1;
}

/* As an interpreter each run starts the next. */
static int chain(void)
{
	char *argv[] = {"dropped", "last", NULL}, *envp[] = {"E=2", NULL};
	make("c1", "#!/data/c2 x\n", 0755);
	make("c2", "#!/data/c3\n", 0755);
	make("c3", "#!/data/c4 y z\n", 0755);
	make("c4", "#!/data/c5", 0755);
	make("c5", "#!prog child", 0755);
	fflush(stdout);
	execve("./c1", argv, envp);
	report("chain", -1);
	return 1;
}

static int limits(const char *how)
{
	static char big[131073];
	char *argv[] = {"x", "child-count", big, NULL}, *envp[] = {NULL};
	memset(big, 'b', sizeof(big) - 1);
	report("a string too long", execve("prog", argv, envp));
	static char *many[300000];
	for (int i = 0; i < 299999; i++)
		many[i] = "";
	report("too many", execve("prog", many, envp));
	big[100000] = '\0';
	for (int i = 0; i < 22; i++)
		many[i] = big;
	many[22] = NULL;
	report("too much", execve("prog", many, envp));
	many[20] = NULL;
	many[0] = "x";
	many[1] = "child-count";
	fflush(stdout);
	execve("prog", many, envp);
	report("just fits", -1);
	return 1;
}

static int many(const char *left)
{
	char text[16];
	int n = left ? atoi(left) : 300;
	char *argv[] = {"x", "many", text, NULL}, *envp[] = {NULL};
	const int anonymous = MAP_PRIVATE | MAP_ANONYMOUS;
	void *junk = mmap(NULL, 16 << 20, PROT_READ | PROT_WRITE, anonymous, -1, 0);
	memset(junk, n, 1 << 20);
	if (n == 0) {
		printf("300 programs\n");
		return 0;
	}
	snprintf(text, sizeof(text), "%d", n - 1);
	execve("/data/prog", argv, envp);
	report("execve", -1);
	return 1;
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "child";
	int count = 0;
	char *child[] = {"by descriptor", "child", NULL}, *none[] = {NULL};
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (strcmp(how, "state") == 0)
		close_range(3, 100, 0);
	if (strcmp(how, "child-state") == 0)
		return child_state(argc, argv);
	if (strcmp(how, "child-count") == 0) {
		for (int i = 0; i < argc; i++)
			count += (int)strlen(argv[i]) + 1;
		printf("%d arguments, %d bytes\n", argc, count);
		return 0;
	}
	if (strncmp(how, "child", 5) == 0 || argc == 0) {
		show_arguments(argc, argv);
		printf("AT_EXECFN %s\n", (const char *)getauxval(AT_EXECFN));
		if (argc > 4 && strcmp(how, "child  with blanks") == 0)
			return chain();
		return 0;
	}
	if (strcmp(how, "state") == 0)
		return state();
	if (strcmp(how, "errors") == 0)
		return errors();
	if (strcmp(how, "scripts") == 0)
		return scripts(0);
	if (strcmp(how, "empty") == 0)
		return execve("prog", none, none), 1;
	if (strcmp(how, "limits") == 0)
		return limits(how);
	if (strcmp(how, "many") == 0)
		return many(argc > 2 ? argv[2] : NULL);
	if (strcmp(how, "descriptor") == 0) {
		make("s", "#!/data/prog child\n", 0755);
		int closed = open("s", O_RDONLY | O_CLOEXEC), stays = open("s", O_RDONLY);
		report("script that closes", fexecve(closed, child, none));
		close(closed);
		fexecve(stays, child, none);
		report("script that stays", -1);
	}
	return 1;
}
