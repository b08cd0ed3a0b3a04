/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /proc and /sys of the guest itself: what programs read there, and how it behaves as files.
 *
 * cases: setup cp "$program" prog
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

static char text[65536];

static ssize_t get(const char *path)
{
	int fd = open(path, O_RDONLY);
	ssize_t n = 0, got = fd;
	while (fd >= 0 && (got = read(fd, text + n, sizeof(text) - 1 - (size_t)n)) > 0)
		n += got;
	close(fd);
	text[n] = '\0';
	return got < 0 ? -1 : n;
}

/* Whether a file has a line that begins so. */
static void has(const char *path, const char *start)
{
	const char *at = get(path) < 0 ? NULL : strstr(text, start);
	printf("%s: %s %s\n", path, start,
	       at && (at == text || at[-1] == '\n') ? "is there" : "is missing");
}

static void error_of(const char *what, long rc)
{
	printf("%s: %s\n", what, rc < 0 ? strerrorname_np(errno) : "ok");
}

static void has_entry(const char *path, const char *name, int type)
{
	DIR *d = opendir(path);
	const char *found = "is missing";
	for (struct dirent *e; d && (e = readdir(d));)
		if (strcmp(e->d_name, name) == 0)
			found = e->d_type == type ? "is there" : "has another type";
	printf("%s in %s %s\n", name, path, found);
	if (d)
		closedir(d);
}

static void as_files(void)
{
	struct stat st, same;
	char few[8] = "", again[8] = "", link[4096] = "";
	int fd = open("/proc/meminfo", O_RDONLY), twin = dup(fd);
	printf("read %zd", read(fd, few, 4));
	printf(" %zd", read(twin, again, 4));
	printf(" %s%s, at %ld\n", few, again, lseek(fd, 0, SEEK_CUR));
	printf("pread %zd %.4s, seek %ld %ld\n", pread(fd, few, 4, 4), few, lseek(fd, 0, SEEK_SET),
	       lseek(twin, 0, SEEK_CUR));
	fstat(fd, &st);
	stat("/proc/meminfo", &same);
	printf("mode %o size %ld same %d\n", st.st_mode, st.st_size, st.st_ino == same.st_ino);
	printf("flags %x\n", fcntl(fd, F_GETFL) & (O_ACCMODE | O_NONBLOCK | O_APPEND));
	int out = open("copy", O_CREAT | O_RDWR, 0600);
	printf("sendfile %d\n", sendfile(out, fd, NULL, 16) == 16);
	error_of("read of a directory", read(open("/proc", O_RDONLY), few, 1));
	error_of("missing", open("/proc/not-there", O_RDONLY));
	error_of("below a file", open("/proc/meminfo/x", O_RDONLY));
	error_of("file as a directory", open("/proc/uptime", O_RDONLY | O_DIRECTORY));
	error_of("access", access("/proc/self/status", R_OK));
	error_of("not a link", readlink("/proc/version", link, sizeof(link)));
	printf("dots: %d %d\n", access("/proc/self/../meminfo", R_OK),
	       access("/proc/./sys//kernel/ostype", R_OK));
	stat("/proc/self", &st);
	printf("directory %d\n", S_ISDIR(st.st_mode));
	lstat("/proc/self/exe", &st);
	printf("link %d\n", S_ISLNK(st.st_mode));
	memset(link, 0, sizeof(link));
	readlink("/proc/self/cwd", link, sizeof(link));
	printf("cwd %s\n", link);
	memset(link, 0, sizeof(link));
	readlink("/proc/self/root", link, sizeof(link));
	printf("root %s\n", link);
	int proc = open("/proc", O_RDONLY | O_DIRECTORY);
	error_of("openat", openat(proc, "self/stat", O_RDONLY));
	error_of("fchdir", fchdir(proc));
	error_of("relative", open("uptime", O_RDONLY));
	printf("getcwd %s\n", getcwd(link, sizeof(link)));
}

int main(int argc, char **argv)
{
	char path[64];
	if (argc == 1) {
		char *args[] = {"own name", "second", "", "x y", NULL},
		     *env[] = {"A=b", "C=", NULL};
		chmod("prog", 0755);
		return execve("prog", args, env), 1;
	}
	ssize_t n = get("/proc/self/cmdline");
	for (ssize_t i = 0; i < n; i++)
		putchar(text[i] ? text[i] : '|');
	n = get("/proc/self/environ");
	for (ssize_t i = 0; i < n; i++)
		putchar(text[i] ? text[i] : '|');
	printf("\nauxv %d\n", get("/proc/self/auxv") % 16 == 0);
	get("/proc/self/comm");
	printf("comm %s", text);
	prctl(PR_SET_NAME, "other/name");
	get("/proc/thread-self/comm");
	printf("comm %s", text);
	snprintf(path, sizeof(path), "/proc/%d/comm", getpid());
	get(path);
	printf("comm %s", text);
	snprintf(path, sizeof(path), "/proc/self/task/%d/comm", getpid());
	get(path);
	printf("comm %s", text);
	static const char *const status[] = {"Name:\tother/name", "State:\tR",    "Pid:\t",
					     "Uid:\t0\t0\t0\t0",  "Threads:\t1",  "VmRSS:\t",
					     "SigIgn:\t",         "NoNewPrivs:\t"};
	for (unsigned i = 0; i < sizeof(status) / sizeof(status[0]); i++)
		has("/proc/self/status", status[i]);
	static const char *const files[][2] = {
		{"/proc/meminfo", "MemTotal:  "},
		{"/proc/meminfo", "MemAvailable: "},
		{"/proc/stat", "cpu0 "},
		{"/proc/stat", "btime "},
		{"/proc/cpuinfo", "processor\t: 0\n"},
		{"/proc/cpuinfo", "flags\t\t: fpu"},
		{"/proc/mounts", "proc /proc proc "},
		{"/proc/filesystems", "nodev\tproc"},
		{"/proc/version", "Linux version "},
		{"/proc/self/limits", "Max open files  "},
		{"/proc/sys/kernel/ostype", "Linux\n"},
		{"/proc/sys/kernel/ngroups_max", "65536\n"},
	};
	for (unsigned i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		has(files[i][0], files[i][1]);
	double up = 0;
	get("/proc/uptime");
	printf("uptime %d\n", sscanf(text, "%lf", &up) == 1 && up > 1);
	get("/proc/self/stat");
	char name[64] = "", state = 0;
	sscanf(text, "%*d (%[^)]) %c", name, &state);
	printf("stat %s %c\n", name, state);
	get("/proc/sys/kernel/random/uuid");
	printf("uuid of %zu, version %c\n", strlen(text), text[14]);
	has_entry("/proc", "meminfo", DT_REG);
	has_entry("/proc", "sys", DT_DIR);
	has_entry("/proc/self", "exe", DT_LNK);
	has_entry("/proc/self", "fd", DT_DIR);
	has_entry("/proc/self/fd", "1", DT_LNK);
	has_entry("/proc/sys/kernel", "random", DT_DIR);
	as_files();
	return 0;
}
