/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The guest of the integration tests, for WebAssembly and Linux: does the one thing its first
 * argument names.
 */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#ifndef __wasm__
#include <arpa/inet.h>
#include <grp.h>
#include <netinet/in.h>
#include <signal.h>
#include <stddef.h>
#include <sys/inotify.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <termios.h>
#endif

extern char **environ;

static int fail(const char *what)
{
	fprintf(stderr, "probe: %s: %s\n", what, strerror(errno));
	return 1;
}

static int copy(FILE *in, FILE *out)
{
	char bytes[4096];
	size_t n;

	while ((n = fread(bytes, 1, sizeof bytes, in)) > 0)
		if (fwrite(bytes, 1, n, out) != n)
			return -1;
	return ferror(in) || fflush(out) != 0 ? -1 : 0;
}

static int do_args(int argc, char **argv)
{
	for (int i = 0; i < argc; i++)
		printf("[%s]\n", argv[i]);
	return 0;
}

static int do_env(int argc, char **argv)
{
	(void)argc, (void)argv;
	for (char **v = environ; v != NULL && *v != NULL; v++)
		puts(*v);
	return 0;
}

static int do_cat(int argc, char **argv)
{
	(void)argc, (void)argv;
	return copy(stdin, stdout) == 0 ? 0 : fail("copying stdin");
}

/* Answers each line of stdin at once, so that a test can hold a conversation. */
static int do_reply(int argc, char **argv)
{
	char line[256];

	(void)argc, (void)argv;
	puts("ready");
	fflush(stdout);
	while (fgets(line, sizeof line, stdin) != NULL) {
		printf("got %s", line);
		fflush(stdout);
	}
	puts("end of stdin");
	return 0;
}

/*
 * Which standard streams are /dev/null: their sum as 1 for input, 2 for output and 4 for errors.
 * The others read and write something.
 */
static int do_null_streams(int argc, char **argv)
{
	int wanted = argc > 0 ? atoi(argv[0]) : 0, found = 0;
	char byte;
	struct stat st;

	for (int fd = 0; fd < 3; fd++) {
		if (fstat(fd, &st) != 0)
			return 10 + fd;
		int moved = fd == 0 ? read(fd, &byte, 1) == 0 : write(fd, "x", 1) == 1;
#ifdef __wasm__
		int null = S_ISCHR(st.st_mode); /* WASI tells no more */
#else
		int null = S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3);
#endif
		found |= null && moved ? 1 << fd : 0;
		if (!null && S_ISCHR(st.st_mode))
			return 20 + fd;
	}
	return found == wanted ? 0 : 30 + found;
}

static int do_streams(int argc, char **argv)
{
	puts(argc > 0 ? argv[0] : "out");
	fputs(argc > 1 ? argv[1] : "err", stderr);
	return 0;
}

static int do_exit(int argc, char **argv)
{
	exit(argc > 0 ? atoi(argv[0]) : 0);
}

static int do_loop(int argc, char **argv)
{
	volatile uint64_t turns = 0;

	(void)argc, (void)argv;
	puts("ready");
	fflush(stdout);
	while (turns < UINT64_MAX)
		turns++;
	return 0;
}

static int do_sleep(int argc, char **argv)
{
	puts("ready");
	fflush(stdout);
	sleep(argc > 0 ? (unsigned)atoi(argv[0]) : 1000);
	return 0;
}

static int __attribute__((noinline)) recurse(volatile int *depth)
{
	volatile int here[64];

	here[0] = ++*depth;
	if (here[0] > 0)
		recurse(depth);
	return here[0];
}

static int do_recurse(int argc, char **argv)
{
	volatile int depth = 0;

	(void)argc, (void)argv;
	return recurse(&depth);
}

static int do_divide(int argc, char **argv)
{
	volatile int zero = 0, one = 1;

	(void)argc, (void)argv;
	return one / zero;
}

static int do_unreachable(int argc, char **argv)
{
	(void)argc, (void)argv;
	__builtin_trap();
}

/* Far beyond any memory that a guest of the tests has. */
static int do_wild_write(int argc, char **argv)
{
	volatile char *wild = (volatile char *)(uintptr_t)0xfffffff0u;

	(void)argc, (void)argv;
	*wild = 1;
	return 0;
}

static int do_run_data(int argc, char **argv)
{
	static volatile unsigned char code[16] = {0xc3};
	/*
	 * Volatile: a known address would become the index of a direct call, which no module may
	 * have.
	 */
	void (*volatile run)(void) = (void (*)(void))(uintptr_t)code;

	(void)argc, (void)argv;
	run();
	return 0;
}

/* Writes to each page of so many MiB. */
static int do_touch(int argc, char **argv)
{
	size_t bytes = (size_t)(argc > 0 ? atoi(argv[0]) : 1) << 20;
	volatile char *memory = malloc(bytes);

	if (memory == NULL)
		return fail("malloc");
	for (size_t at = 0; at < bytes; at += 4096)
		memory[at] = 1;
	printf("touched %s MiB\n", argc > 0 ? argv[0] : "1");
	fflush(stdout);
	if (argc > 1)
		sleep((unsigned)atoi(argv[1]));
	return 0;
}

static int do_read(int argc, char **argv)
{
	FILE *in = argc > 0 ? fopen(argv[0], "r") : NULL;

	if (in == NULL)
		return fail(argc > 0 ? argv[0] : "no file");
	return copy(in, stdout) == 0 ? 0 : fail(argv[0]);
}

static int do_write(int argc, char **argv)
{
	FILE *out = argc > 1 ? fopen(argv[0], "w") : NULL;

	if (out == NULL)
		return fail(argc > 0 ? argv[0] : "no file");
	fputs(argv[1], out);
	return fclose(out) == 0 ? 0 : fail(argv[0]);
}

static int do_list(int argc, char **argv)
{
	DIR *d = opendir(argc > 0 ? argv[0] : "/");
	struct dirent *e;

	if (d == NULL)
		return fail(argc > 0 ? argv[0] : "/");
	while ((e = readdir(d)) != NULL)
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			puts(e->d_name);
	closedir(d);
	return 0;
}

/* Writes forever: somebody reads it or nobody does. */
static int do_flood(int argc, char **argv)
{
	char line[1024];

	(void)argc, (void)argv;
	memset(line, 'x', sizeof line);
	line[sizeof line - 1] = '\n';
	for (;;)
		if (fwrite(line, 1, sizeof line, stdout) != sizeof line)
			return fail("stdout");
}

/* Makes a file as big as it is allowed to. */
static int do_flood_file(int argc, char **argv)
{
	static char block[1 << 16];
	FILE *f = argc > 0 ? fopen(argv[0], "w") : NULL;

	if (f == NULL)
		return fail(argc > 0 ? argv[0] : "no file");
	memset(block, 'x', sizeof block);
	while (fwrite(block, 1, sizeof block, f) == sizeof block)
		continue;
	return fail(argv[0]);
}

static int do_lines(int argc, char **argv)
{
	for (int i = 1; argc > 0 && i <= atoi(argv[0]); i++)
		printf("line %d\n", i);
	return 0;
}

#ifndef __wasm__
static volatile sig_atomic_t terminated;

static void on_term(int signo)
{
	terminated = signo;
}

/* Catches SIGTERM and leaves in its own way. */
static int do_handle_term(int argc, char **argv)
{
	struct sigaction act = {.sa_handler = on_term};

	(void)argc, (void)argv;
	if (sigaction(SIGTERM, &act, NULL) != 0)
		return fail("sigaction");
	puts("ready");
	fflush(stdout);
	while (!terminated)
		sleep(1);
	puts("terminated, leaving");
	return 7;
}

static int do_identity(int argc, char **argv)
{
	char host[256];

	(void)argc, (void)argv;
	if (gethostname(host, sizeof host) != 0)
		return fail("gethostname");
	printf("uid %u gid %u host %s tty %d\n", (unsigned)getuid(), (unsigned)getgid(), host,
	       isatty(1));
	return 0;
}

/* UID GID PROGRAM ARG...: as su does, with a group of 7. */
static int do_bind(int argc, char **argv)
{
	struct sockaddr_in a = {.sin_family = AF_INET};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (argc < 1 || fd < 0)
		return fail("socket");
	a.sin_port = htons((uint16_t)atoi(argv[0]));
	if (bind(fd, (const struct sockaddr *)&a, sizeof a) != 0)
		return fail("bind");
	return listen(fd, 1) == 0 ? 0 : fail("listen");
}

static int do_become(int argc, char **argv)
{
	const gid_t groups[] = {7};

	if (argc < 3)
		return 2;
	if (setgroups(1, groups) != 0)
		return fail("setgroups");
	if (setgid((gid_t)atoi(argv[1])) != 0)
		return fail("setgid");
	if (setuid((uid_t)atoi(argv[0])) != 0)
		return fail("setuid");
	if (setuid(0) == 0 || errno != EPERM)
		return fail("root again");
	execv(argv[2], argv + 2);
	return fail(argv[2]);
}

/* What /proc/self/status says of users and capabilities. */
static int do_credentials(int argc, char **argv)
{
	char line[256];
	FILE *f = fopen("/proc/self/status", "r");

	(void)argc, (void)argv;
	if (f == NULL)
		return fail("/proc/self/status");
	while (fgets(line, sizeof line, f) != NULL)
		if (strncmp(line, "Uid", 3) == 0 || strncmp(line, "Groups", 6) == 0 ||
		    strncmp(line, "Cap", 3) == 0 || strncmp(line, "NoNewPrivs", 10) == 0)
			fputs(line, stdout);
	return fclose(f);
}

static int do_fork(int argc, char **argv)
{
	pid_t child;

	(void)argc, (void)argv;
	child = fork();
	if (child < 0)
		return fail("fork");
	return 0;
}
#endif

/* Answers one connection to the first listener with what it says, as LISTEN_FDS promises one. */
static int do_serve(int argc, char **argv)
{
#ifdef __wasm__
	const int listener = 4; /* behind the root directory */
#else
	const int listener = 3;
#endif
	char bytes[256];
	const char *count = getenv("LISTEN_FDS");

	(void)argc, (void)argv;
	if (count == NULL || strcmp(count, "1") != 0)
		return fail("LISTEN_FDS");
	int client = accept(listener, NULL, NULL);
	if (client < 0)
		return fail("accept");
	ssize_t n = recv(client, bytes, sizeof bytes, 0);
	if (n <= 0 || send(client, bytes, (size_t)n, 0) != n)
		return fail("answering");
	return 0;
}

#ifndef __wasm__
/* Leaves the terminal as no shell would want it. */
static int do_raw_terminal(int argc, char **argv)
{
	struct termios t;

	(void)argc, (void)argv;
	if (tcgetattr(0, &t) != 0)
		return fail("tcgetattr");
	cfmakeraw(&t);
	return tcsetattr(0, TCSANOW, &t) == 0 ? 0 : fail("tcsetattr");
}

/* All that could change what it was given as standard input. */
static int do_change_stdin(int argc, char **argv)
{
	const struct timespec past[2] = {{1000, 0}, {1000, 0}};

	(void)argc, (void)argv;
	if (fchmod(0, 0600) == 0 || errno != EPERM)
		return fail("fchmod");
	if (fchown(0, 1, 1) == 0 || errno != EPERM)
		return fail("fchown");
	return futimens(0, past) != 0 && errno == EPERM ? 0 : fail("futimens");
}

/* Of a file, or an abstract one where @ stands for its NUL; 0 if no address has it. */
static socklen_t unix_address(struct sockaddr_un *to, const char *name)
{
	size_t len = strlen(name);

	memset(to, 0, sizeof *to);
	to->sun_family = AF_UNIX;
	if (len >= sizeof to->sun_path) {
		errno = ENAMETOOLONG;
		return 0;
	}
	memcpy(to->sun_path, name, len);
	if (name[0] != '@')
		return sizeof *to;
	to->sun_path[0] = 0;
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
}

static int send_all(int fd, const char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);
		if (n < 0)
			return -1;
		bytes += n;
		len -= (size_t)n;
	}
	return shutdown(fd, SHUT_WR);
}

/* To its end, and to stdout as well. */
static ssize_t receive_all(int fd, char *bytes, size_t capacity)
{
	size_t len = 0;
	ssize_t n;

	while ((n = recv(fd, bytes + len, capacity - len, 0)) > 0)
		len += (size_t)n;
	if (n < 0 || fwrite(bytes, 1, len, stdout) != len || fflush(stdout) != 0)
		return -1;
	return (ssize_t)len;
}

static char conversation[1 << 21];

/* ADDRESS ANSWER [TIMES]: prints what each of so many who connect says, and answers. */
static int do_unix_serve(int argc, char **argv)
{
	struct sockaddr_un un;
	int listener = socket(AF_UNIX, SOCK_STREAM, 0), times = argc > 2 ? atoi(argv[2]) : 1;
	socklen_t len = argc > 1 ? unix_address(&un, argv[0]) : 0;

	if (len == 0 || bind(listener, (struct sockaddr *)&un, len) != 0)
		return fail("bind");
	if (listen(listener, 1) != 0)
		return fail("listen");
	puts("ready");
	fflush(stdout);
	for (; times > 0; times--) {
		int client = accept(listener, NULL, NULL);
		if (client < 0)
			return fail("accept");
		if (receive_all(client, conversation, sizeof conversation) < 0)
			return fail("receiving");
		if (send_all(client, argv[1], strlen(argv[1])) != 0)
			return fail("answering");
		close(client);
	}
	return 0;
}

/* ADDRESS TEXT [TIMES]: says it so many times, and prints the answer. */
static int do_unix_ask(int argc, char **argv)
{
	struct sockaddr_un un;
	int fd = socket(AF_UNIX, SOCK_STREAM, 0), times = argc > 2 ? atoi(argv[2]) : 1;
	socklen_t len = argc > 1 ? unix_address(&un, argv[0]) : 0;
	size_t said = 0;

	if (len == 0 || connect(fd, (struct sockaddr *)&un, len) != 0)
		return fail("connect");
	for (size_t one = strlen(argv[1]); times > 0 && said + one <= sizeof conversation;
	     times--) {
		memcpy(conversation + said, argv[1], one);
		said += one;
	}
	if (send_all(fd, conversation, said) != 0)
		return fail("sending");
	return receive_all(fd, conversation, sizeof conversation) >= 0 ? 0 : fail("the answer");
}

/* ADDRESS TEXT: in a datagram. */
static int do_unix_send(int argc, char **argv)
{
	struct sockaddr_un un;
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	socklen_t len = argc > 1 ? unix_address(&un, argv[0]) : 0;

	if (len == 0 || sendto(fd, argv[1], strlen(argv[1]), 0, (struct sockaddr *)&un, len) < 0)
		return fail("sendto");
	return 0;
}

/* By a socket that is connected, sends all that it can, and is closed: the bytes. */
static long leave_behind(int kind, const struct sockaddr_un *un)
{
	int fd = socket(AF_UNIX, kind | SOCK_NONBLOCK, 0);
	long sent = 0;
	ssize_t n;

	if (fd >= 0 && connect(fd, (const struct sockaddr *)un, sizeof *un) == 0)
		while ((n = send(fd, conversation, 65536, MSG_NOSIGNAL)) > 0)
			sent += n;
	close(fd);
	return sent;
}

/* DIRECTORY MIB [datagrams]: so much waits in sockets where nobody takes it. */
static int do_unix_hoard(int argc, char **argv)
{
	const int kind = argc > 2 ? SOCK_DGRAM : SOCK_STREAM;
	const long most = argc > 1 ? atol(argv[1]) << 20 : 0;
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	long sent = 0, now;

	for (int i = 0; i < 500 && sent < most; i++) {
		int fd = socket(AF_UNIX, kind, 0);
		snprintf(un.sun_path, sizeof un.sun_path, "%s/%d", argv[0], i);
		if (fd < 0 || bind(fd, (struct sockaddr *)&un, sizeof un) != 0)
			return fail("bind");
		if (kind == SOCK_STREAM && listen(fd, 4096) != 0)
			return fail("listen");
		while (sent < most && (now = leave_behind(kind, &un)) > 0)
			sent += now;
	}
	if (sent < most)
		return fail("hoarding");
	printf("%ld MiB wait\n", sent >> 20);
	return 0;
}

/* A watch; its number is its argument's, in order. */
static int watch(int fd, const char *path, uint32_t mask)
{
	return inotify_add_watch(fd, path, mask) < 0 ? fail(path) : 0;
}

/* DIRECTORY FILE [LINK]: prints what happens to them, and by whom, until `end` is made there. */
static int do_watch(int argc, char **argv)
{
	_Alignas(struct inotify_event) char buffer[4096];
	int fd = inotify_init();
	if (fd < 0 || watch(fd, argv[0], IN_CREATE | IN_MOVE | IN_DELETE) != 0 ||
	    watch(fd, argv[1], IN_MODIFY | IN_DELETE_SELF) != 0)
		return 1;
	if (argc > 2 && watch(fd, argv[2], IN_ATTRIB | IN_DELETE_SELF | IN_DONT_FOLLOW) != 0)
		return 1;
	puts("ready");
	fflush(stdout);
	for (;;) {
		ssize_t n = read(fd, buffer, sizeof(buffer));
		if (n <= 0)
			return fail("read");
		for (char *at = buffer; at < buffer + n;) {
			const struct inotify_event *e = (void *)at;
			const char *name = e->len ? e->name : "";
			printf("%d %x %s\n", e->wd, (unsigned)e->mask, name);
			at += sizeof(*e) + e->len;
			if (strcmp(name, "end") == 0)
				return 0;
		}
	}
}

/* FILE MODE: and prints what it has become. */
static int do_chmod(int argc, char **argv)
{
	struct stat st;

	if (argc < 2 || chmod(argv[0], (mode_t)strtol(argv[1], NULL, 8)) != 0)
		return fail("chmod");
	if (stat(argv[0], &st) != 0)
		return fail("stat");
	printf("%o\n", (unsigned)st.st_mode);
	return 0;
}

static int do_unlink(int argc, char **argv)
{
	return argc > 0 && unlink(argv[0]) == 0 ? 0 : fail("unlink");
}
#endif

static const struct action {
	const char *name;
	int (*run)(int argc, char **argv);
} actions[] = {
	{"args", do_args},
	{"cat", do_cat},
	{"divide", do_divide},
	{"env", do_env},
	{"exit", do_exit},
	{"flood", do_flood},
	{"flood-file", do_flood_file},
	{"lines", do_lines},
	{"list", do_list},
	{"loop", do_loop},
	{"null-streams", do_null_streams},
	{"read", do_read},
	{"recurse", do_recurse},
	{"reply", do_reply},
	{"run-data", do_run_data},
	{"serve", do_serve},
	{"sleep", do_sleep},
	{"streams", do_streams},
	{"touch", do_touch},
	{"unreachable", do_unreachable},
	{"wild-write", do_wild_write},
	{"write", do_write},
#ifndef __wasm__
	{"become", do_become},
	{"bind", do_bind},
	{"change-stdin", do_change_stdin},
	{"chmod", do_chmod},
	{"credentials", do_credentials},
	{"fork", do_fork},
	{"handle-term", do_handle_term},
	{"identity", do_identity},
	{"raw-terminal", do_raw_terminal},
	{"unix-ask", do_unix_ask},
	{"unix-hoard", do_unix_hoard},
	{"unix-send", do_unix_send},
	{"unix-serve", do_unix_serve},
	{"unlink", do_unlink},
	{"watch", do_watch},
#endif
};

int main(int argc, char **argv)
{
	if (argc < 2) {
		puts("hello");
		return 0;
	}
	for (size_t i = 0; i < sizeof actions / sizeof *actions; i++)
		if (strcmp(argv[1], actions[i].name) == 0)
			return actions[i].run(argc - 2, argv + 2);
	fprintf(stderr, "probe: no action '%s'\n", argv[1]);
	return 2;
}
