/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What calls on paths say: slashes and dots at the end, links in loops, long names, flags, O_PATH,
 * a working directory that was removed.
 *
 * cases: setup mkdir -p dir/sub full/in empty; touch file dir/f
 * cases: setup ln -s loop2 loop1; ln -s loop1 loop2
 * cases: setup ln -s dir to-dir; ln -s file to-file; ln -s nothing dangling; mkfifo fifo
 * cases: setup ln -s dangling twice; ln -s /data/dir/f absolute
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void say(const char *what, const char *path, long rc)
{
	printf("%s %.40s: %s\n", what, path, rc < 0 ? strerrorname_np(errno) : "ok");
	fflush(stdout);
}

static const char *const paths[] = {
	"",
	".",
	"..",
	"/",
	"file",
	"file/",
	"file/.",
	"file/..",
	"dir",
	"dir/",
	"dir/.",
	"dir/..",
	"to-dir",
	"to-dir/",
	"to-dir/.",
	"to-file",
	"to-file/",
	"dangling",
	"dangling/",
	"twice",
	"loop1",
	"loop1/",
	"loop1/x",
	"new/",
	"none/x",
	"none/..",
	"file/x",
	"full",
	"full/.",
	"full/..",
	"absolute",
	"//data//file",
	"dir/../file",
	"to-dir/../file",
	"../data/file",
	"../../data/./dir/sub/..",
	"full/in/../../dir/f",
};

static int is_root(const char *path)
{
	return strcmp(path, "/") == 0 || strcmp(path, "..") == 0;
}

static void look(const char *path)
{
	struct stat st;
	char to[64];
	say("stat", path, stat(path, &st));
	say("lstat", path, lstat(path, &st));
	say("readlink", path, readlink(path, to, sizeof(to)));
	say("access", path, access(path, R_OK));
	say("open", path, open(path, O_RDONLY));
	say("open to write", path, open(path, O_WRONLY));
	say("directory", path, open(path, O_RDONLY | O_DIRECTORY));
	say("nofollow", path, open(path, O_RDONLY | O_NOFOLLOW));
	if (access(path, F_OK) == 0 && path[strlen(path) - 1] != '.')
		say("exclusive", path, open(path, O_RDONLY | O_CREAT | O_EXCL, 0644));
	say("truncate", path, truncate(path, 0));
	if (!is_root(path)) { /* which Mote's guests cannot change */
		say("chmod", path, chmod(path, 0755));
		say("utimens", path, utimensat(AT_FDCWD, path, NULL, AT_SYMLINK_NOFOLLOW));
	}
	if (access(path, F_OK) == 0) {
		say("mkdir", path, mkdir(path, 0755));
		say("symlink", path, symlink("x", path));
	}
	say("rmdir", path, rmdir(path));
	say("link", path, link(path, "full"));
	say("rename", path, rename(path, "full"));
	say("rename to", path, rename("full", path));
	say("chdir", path, chdir(path));
	chdir("/data");
}

static void long_names(void)
{
	char name[300], path[5000];
	memset(name, 'n', sizeof(name));
	name[255] = '\0';
	say("255", "bytes", mkdir(name, 0755));
	say("again", "255", mkdir(name, 0755));
	name[255] = 'n', name[256] = '\0';
	say("256", "bytes", mkdir(name, 0755));
	say("stat", "256", access(name, F_OK));
	say("open", "256", open(name, O_CREAT | O_WRONLY, 0644));
	say("rename", "256", rename("file", name));
	say("unlink", "256", unlink(name));
	for (int i = 0; i < 2500; i++)
		memcpy(path + 2 * i, "./", 2);
	strcpy(path + 3990, "file");
	say("stat", "3994", access(path, F_OK));
	strcpy(path + 4092, "file");
	say("stat", "4096", access(path, F_OK));
	say("unlink", "4096", unlink(path));
}

static void flags(void)
{
	struct stat st;
	char to[64] = "";
	close(open("file", O_CREAT | O_WRONLY, 0644));
	mkdir("dir", 0755);
	mkdir("dir/sub", 0755);
	close(open("dir/f", O_CREAT | O_WRONLY, 0644));
	int p = open("file", O_PATH), d = open("dir", O_RDONLY | O_DIRECTORY);
	int l = open("to-file", O_PATH | O_NOFOLLOW), q = open("fifo", O_PATH);
	say("O_PATH", "file", p);
	say("O_PATH", "link", l);
	say("O_PATH", "fifo", q);
	say("read", "O_PATH", read(p, to, 1));
	say("fstat", "O_PATH", fstat(p, &st));
	fstat(l, &st);
	printf("%o\n", st.st_mode & S_IFMT);
	say("fchmod", "O_PATH", fchmod(p, 0644));
	say("ftruncate", "O_PATH", ftruncate(p, 0));
	printf("%x\n", fcntl(p, F_GETFL) & (O_PATH | O_ACCMODE));
	say("empty", "stat", fstatat(p, "", &st, AT_EMPTY_PATH));
	say("empty", "stat of the directory", fstatat(AT_FDCWD, "", &st, AT_EMPTY_PATH));
	say("empty", "without the flag", fstatat(p, "", &st, 0));
	say("empty", "chown", fchownat(d, "", -1, -1, AT_EMPTY_PATH));
	say("empty", "readlink", readlinkat(l, "", to, sizeof(to)));
	printf("%s\n", to);
	say("unlinkat", "flags", unlinkat(AT_FDCWD, "none", 0x1000));
	say("fstatat", "flags", fstatat(AT_FDCWD, "file", &st, 0x8000));
	say("fchownat", "flags", fchownat(AT_FDCWD, "file", -1, -1, 0x8000));
	say("utimensat", "flags", utimensat(AT_FDCWD, "file", NULL, 0x8000));
	say("linkat", "flags", linkat(AT_FDCWD, "file", AT_FDCWD, "hard", 0x8000));
	say("rename", "flags", renameat2(AT_FDCWD, "file", AT_FDCWD, "x", 0x80));
	say("rename", "both flags",
	    renameat2(AT_FDCWD, "file", AT_FDCWD, "x", RENAME_EXCHANGE | RENAME_NOREPLACE));
	say("rename", "noreplace", renameat2(AT_FDCWD, "file", AT_FDCWD, "dir", RENAME_NOREPLACE));
	say("rename", "exchange with nothing",
	    renameat2(AT_FDCWD, "file", AT_FDCWD, "x", RENAME_EXCHANGE));
	say("rename", "exchange", renameat2(AT_FDCWD, "file", AT_FDCWD, "to-dir", RENAME_EXCHANGE));
	say("rename", "back", renameat2(AT_FDCWD, "file", AT_FDCWD, "to-dir", RENAME_EXCHANGE));
	say("rename", "below itself", rename("dir", "dir/sub/x"));
	say("rename", "file onto directory", rename("file", "dir"));
	say("rename", "directory onto file", rename("dir", "file"));
	say("rename", "onto a full one", rename("dir", "full"));
	say("rename", "above itself", rename("dir/sub", "dir"));
	say("link", "directory", link("dir", "hard"));
	say("link", "dangling", link("dangling", "hard-link"));
	say("descriptor", "file", openat(p, "x", O_RDONLY));
	say("descriptor", "closed", openat(99, "x", O_RDONLY));
	say("descriptor", "closed, absolute", openat(99, "/data/file", O_RDONLY));
	static const struct {
		const char *path;
		uint64_t flags, mode, resolve;
	} how[] = {
		{"file", O_RDONLY, 0, 0},
		{"file", O_RDONLY, 0644, 0},
		{"file", 1 << 30, 0, 0},
		{"file", O_RDONLY, 0, 0x1000},
		{"to-file", O_RDONLY, 0, RESOLVE_NO_SYMLINKS},
		{"file", O_RDONLY, 0, RESOLVE_NO_SYMLINKS},
		{"to-dir/f", O_RDONLY, 0, RESOLVE_NO_SYMLINKS},
		{"../data/file", O_RDONLY, 0, RESOLVE_BENEATH},
		{"/data/file", O_RDONLY, 0, RESOLVE_BENEATH},
		{"absolute", O_RDONLY, 0, RESOLVE_BENEATH},
		{"to-dir/f", O_RDONLY, 0, RESOLVE_BENEATH},
		{"dangling", O_RDONLY, 0, RESOLVE_BENEATH},
		{"loop1", O_RDONLY, 0, RESOLVE_BENEATH},
		{"/file", O_RDONLY, 0, RESOLVE_IN_ROOT},
		{"../../file", O_RDONLY, 0, RESOLVE_IN_ROOT},
		{"/proc/self/fd/0", O_RDONLY, 0, RESOLVE_NO_MAGICLINKS},
		{"file", O_RDONLY, 0, RESOLVE_BENEATH | RESOLVE_IN_ROOT},
	};
	for (size_t i = 0; i < COUNT(how); i++) {
		struct open_how h = {how[i].flags, how[i].mode, how[i].resolve};
		say("openat2", how[i].path,
		    syscall(SYS_openat2, AT_FDCWD, how[i].path, &h, sizeof(h)));
	}
}

static void removed(void)
{
	struct stat st;
	char at[64];
	mkdir("gone", 0755);
	int up = open(".", O_RDONLY);
	chdir("gone");
	int fd = open(".", O_RDONLY);
	rmdir("/data/gone");
	say("getcwd", "", getcwd(at, sizeof(at)) ? 0 : -1);
	say("open", ".", open(".", O_RDONLY));
	say("stat", ".", stat(".", &st));
	printf("%ld links\n", (long)st.st_nlink);
	say("create", "x", open("x", O_CREAT | O_WRONLY, 0644));
	say("mkdir", "x", mkdir("x", 0755));
	say("stat", "x", stat("x", &st));
	say("link", "x", link("/data/file", "x"));
	say("chdir", ".", chdir("."));
	say("getcwd", "", getcwd(at, sizeof(at)) ? 0 : -1);
	mkdir("/data/gone", 0755);
	say("getcwd", "another", getcwd(at, sizeof(at)) ? 0 : -1);
	say("stat", "x", stat("x", &st));
	say("openat", "x", openat(fd, "x", O_CREAT | O_WRONLY, 0644));
	say("fchdir", "", fchdir(fd));
	say("fchdir", "up", fchdir(up));
	printf("%s\n", getcwd(at, sizeof(at)));
	rmdir("gone");
}

int main(void)
{
	for (size_t i = 0; i < COUNT(paths); i++)
		look(paths[i]);
	long_names();
	flags();
	removed();
	return 0;
}
