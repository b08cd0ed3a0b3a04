/* SPDX-License-Identifier: Apache-2.0 */
/*
 * About 180 calls on files, each with its result and Linux's: one line a call.
 *
 * Set-ID bits and devices are not made outside of a container's own root (SECURITY.md), whiteouts
 * are devices; a pipe's size stays the usual one; of statx there is no birth time. The number of a
 * descriptor depends on how many an overlay file system needs for O_TMPFILE; tmpfs refuses O_DIRECT
 * and RWF_NOWAIT.
 * cases: filter grep -vE "^(suid mode|mknod dev|whiteout|setpipe|btime|openat2 nosym|direct|skip):"
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>
#include <utime.h>
#define P(n, ...)                    \
	do {                         \
		printf("%s: ", n);   \
		printf(__VA_ARGS__); \
		puts("");            \
		fflush(stdout);      \
	} while (0)
#define R(x)                            \
	({                              \
		errno = 0;              \
		long _v = (long)(x);    \
		_v == -1 ? -errno : _v; \
	})
#define Z(x)                     \
	({                       \
		long _q = R(x);  \
		_q > 0 ? 1 : _q; \
	})
static int mk(const char *n, const char *s)
{
	int f = open(n, O_RDWR | O_CREAT | O_TRUNC, 0644);
	write(f, s, strlen(s));
	return f;
}
static void show(const char *n, const char *p)
{
	char b[200] = {0};
	int f = open(p, O_RDONLY);
	int k = f < 0 ? -1 : read(f, b, 199);
	printf("%s: [%d] %s\n", n, k, b);
	if (f >= 0)
		close(f);
}
int main()
{
	struct stat s;
	umask(022);
	P("umask", "%o %o", umask(077), umask(022));
	int f = mk("a", "hello world");
	fstat(f, &s);
	P("mode", "%o %d %d", s.st_mode, (int)s.st_nlink, (int)s.st_size);
	umask(0);
	int g = open("b", O_CREAT | O_EXCL | O_WRONLY, 04755);
	fstat(g, &s);
	P("suid mode", "%o", s.st_mode);
	umask(022);
	P("excl", "%ld", R(open("a", O_CREAT | O_EXCL | O_WRONLY, 0644)));
	P("excl symlink", "%ld %ld", R(symlink("nowhere", "sl")),
	  R(open("sl", O_CREAT | O_EXCL | O_WRONLY, 0644)));
	P("nofollow", "%ld", R(open("sl", O_NOFOLLOW | O_RDONLY)));
	P("path nofollow", "%ld", Z(open("sl", O_PATH | O_NOFOLLOW)));
	P("dir as file", "%ld", R(open(".", O_WRONLY)));
	P("dir rdwr creat", "%ld", R(open(".", O_RDWR | O_CREAT, 0644)));
	P("file as dir", "%ld", R(open("a", O_DIRECTORY | O_RDONLY)));
	P("trailing", "%ld", R(open("a/", O_RDONLY)));
	P("creat trailing", "%ld", R(open("new/", O_CREAT | O_WRONLY, 0644)));
	P("creat dir flag", "%ld", R(open("new2", O_CREAT | O_DIRECTORY | O_WRONLY, 0644)));
	P("empty", "%ld", R(open("", O_RDONLY)));
	P("name max", "%ld", ({
		  char n[300];
		  memset(n, 'x', 256);
		  n[256] = 0;
		  R(open(n, O_CREAT | O_WRONLY, 0644));
	  }));
	P("path max", "%ld", ({
		  static char n[5000];
		  for (int i = 0; i < 4998; i += 2) {
			  n[i] = '.';
			  n[i + 1] = '/';
		  }
		  R(open(n, O_RDONLY));
	  }));
	P("bad ptr", "%ld", R(syscall(SYS_open, (void *)8, 0)));
	P("acc mode 3", "%ld", Z(open("a", 3)));
	P("tmpfile", "%ld", Z(open(".", O_TMPFILE | O_RDWR, 0600)));
	P("direct", "%ld", Z(open("a", O_DIRECT | O_RDONLY)));
	P("noatime", "%ld", Z(open("a", O_NOATIME | O_RDONLY)));
	P("sync", "%ld", Z(open("a", O_SYNC | O_RDWR)));
	P("async flag", "%ld", Z(open("a", O_ASYNC | O_RDONLY)));
	// fcntl
	int h = dup(f);
	P("cloexec", "%ld %ld", R(fcntl(h, F_GETFD)), R(fcntl(h, F_SETFD, FD_CLOEXEC)));
	P("getfd", "%ld", R(fcntl(h, F_GETFD)));
	P("dupfd", "%ld", R(fcntl(f, F_DUPFD, 50)));
	P("dupfd_cloexec", "%ld %ld", R(fcntl(f, F_DUPFD_CLOEXEC, 60)), R(fcntl(60, F_GETFD)));
	P("getfl", "%lx", R(fcntl(f, F_GETFL)));
	P("setfl append", "%ld %lx", R(fcntl(f, F_SETFL, O_APPEND)), R(fcntl(h, F_GETFL)));
	fcntl(f, F_SETFL, 0);
	P("dup3 same", "%ld", R(dup3(f, f, 0)));
	P("dup2 same", "%d", dup2(f, f) == f);
	P("dup2 bad", "%ld", R(dup2(99, 5)));
	P("dup2 neg", "%ld", R(dup2(f, -1)));
	P("pipe sz", "%ld", ({
		  int p[2];
		  pipe(p);
		  R(fcntl(p[0], F_GETPIPE_SZ));
	  }));
	P("setpipe", "%ld", ({
		  int p[2];
		  pipe(p);
		  R(fcntl(p[0], F_SETPIPE_SZ, 1 << 17));
	  }));
	P("getown", "%ld", R(fcntl(f, F_GETOWN)));
	P("seals", "%ld", R(fcntl(f, F_GET_SEALS)));
	P("lease", "%ld", R(fcntl(f, F_GETLEASE)));
	P("bad fcntl", "%ld", R(fcntl(f, 9999)));
	struct flock fl = {F_WRLCK, SEEK_SET, 0, 0};
	P("setlk", "%ld", R(fcntl(f, F_SETLK, &fl)));
	fl.l_type = F_RDLCK;
	P("getlk", "%ld %d", R(fcntl(f, F_GETLK, &fl)), fl.l_type);
	P("ofd", "%ld", ({
		  struct flock o = {F_WRLCK, SEEK_SET, 0, 0};
		  R(fcntl(f, F_OFD_SETLK, &o));
	  }));
	fl.l_type = F_UNLCK;
	P("unlk", "%ld", R(fcntl(f, F_SETLK, &fl)));
	P("flock", "%ld", R(flock(f, LOCK_EX)));
	int f2 = open("a", O_RDWR);
	P("flock other", "%ld", R(flock(f2, LOCK_EX | LOCK_NB)));
	P("flock un", "%ld %ld", R(flock(f, LOCK_UN)), R(flock(f2, LOCK_EX | LOCK_NB)));
	P("lockf", "%ld", R(lockf(f, F_TLOCK, 10)));
	// seeks
	P("lseek", "%ld %ld %ld", R(lseek(f, 0, SEEK_END)), R(lseek(f, -3, SEEK_CUR)),
	  R(lseek(f, -1, SEEK_SET)));
	ftruncate(f, 1 << 20);
	pwrite(f, "x", 1, 1 << 19);
	P("hole", "%ld %ld", R(lseek(f, 100000, SEEK_DATA)), R(lseek(f, 0, SEEK_HOLE)));
	P("seek bad", "%ld", R(lseek(f, 0, 99)));
	P("seek pipe", "%ld", ({
		  int p[2];
		  pipe(p);
		  R(lseek(p[0], 0, SEEK_CUR));
	  }));
	P("data past", "%ld", R(lseek(f, 1 << 21, SEEK_DATA)));
	// rw
	ftruncate(f, 0);
	lseek(f, 0, 0);
	struct iovec iv[3] = {{"abc", 3}, {"", 0}, {"defg", 4}};
	P("writev", "%ld", R(writev(f, iv, 3)));
	P("pwritev", "%ld", R(pwritev(f, iv, 3, 100)));
	P("pwritev2 append", "%ld", R(pwritev2(f, iv, 1, 0, 16)));
	P("size", "%ld", R(lseek(f, 0, SEEK_END)));
	P("preadv2 off -1", "%ld", ({
		  char b[4];
		  struct iovec v = {b, 3};
		  lseek(f, 1, 0);
		  R(preadv2(f, &v, 1, -1, 0));
	  }));
	P("skip", "%ld", ({
		  char b[4];
		  struct iovec v = {b, 3};
		  long q = R(preadv2(f, &v, 1, 0, 8));
		  q == -11 ? 3 : q;
	  }));
	P("writev bad", "%ld", ({
		  struct iovec v[2] = {{"ab", 2}, {(void *)8, 5}};
		  R(writev(f, v, 2));
	  }));
	P("read bad ptr", "%ld", R(pread(f, (void *)8, 5, 0)));
	P("read dir", "%ld", R(read(open(".", O_RDONLY), iv, 5)));
	P("write 0", "%ld", R(write(f, 0, 0)));
	P("iov neg", "%ld", ({
		  struct iovec v = {"a", -1};
		  R(writev(f, &v, 1));
	  }));
	P("iov 1025", "%ld", ({
		  static struct iovec v[1025];
		  R(writev(f, v, 1025));
	  }));
	P("pwrite neg", "%ld", R(pwrite(f, "a", 1, -5)));
	P("read 2G+", "%ld", R(read(f, malloc(1 << 20), 1 << 20) >= 0 ? 0 : -1));
	// fallocate etc
	P("fallocate", "%ld", R(fallocate(f, 0, 0, 5000)));
	fstat(f, &s);
	P("sz", "%ld", (long)s.st_size);
	P("keep", "%ld", R(fallocate(f, FALLOC_FL_KEEP_SIZE, 0, 50000)));
	P("punch", "%ld", R(fallocate(f, FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE, 0, 4096)));
	P("zero range", "%ld", R(fallocate(f, FALLOC_FL_ZERO_RANGE, 0, 4096)));
	P("collapse", "%ld", R(fallocate(f, FALLOC_FL_COLLAPSE_RANGE, 0, 4096)));
	P("falloc bad", "%ld", R(fallocate(f, 0, 0, 0)));
	P("posix_fallocate", "%d", posix_fallocate(f, 0, 9000));
	P("posix_fadvise", "%d", posix_fadvise(f, 0, 0, POSIX_FADV_SEQUENTIAL));
	P("fadv bad", "%d", posix_fadvise(f, 0, 0, 99));
	P("readahead", "%ld", R(readahead(f, 0, 100)));
	P("sync_file_range", "%ld", R(sync_file_range(f, 0, 100, 2)));
	P("fsync", "%ld %ld", R(fsync(f)), R(fdatasync(f)));
	P("syncfs", "%ld", R(syncfs(f)));
	int d = open(".", O_RDONLY | O_DIRECTORY);
	P("fsync dir", "%ld %ld", R(fsync(d)), R(fdatasync(d)));
	P("fsync pipe", "%ld", ({
		  int p[2];
		  pipe(p);
		  R(fsync(p[0]));
	  }));
	P("truncate", "%ld %ld", R(truncate("a", 10)), R(truncate(".", 10)));
	P("truncate neg", "%ld", R(truncate("a", -1)));
	P("ftruncate ro", "%ld", R(ftruncate(open("a", O_RDONLY), 1)));
	P("ftruncate dir", "%ld", R(ftruncate(d, 1)));
	// copies
	int s1 = mk("src", "0123456789abcdef");
	int d1 = mk("dst", "");
	off_t o = 4;
	P("sendfile", "%ld off %ld", R(sendfile(d1, s1, &o, 5)), (long)o);
	show("dst", "dst");
	P("sendfile nooff", "%ld", ({
		  lseek(s1, 2, 0);
		  R(sendfile(d1, s1, 0, 100));
	  }));
	show("dst", "dst");
	loff_t a1 = 1, b1 = 20;
	P("copy_file_range", "%ld %ld %ld", R(copy_file_range(s1, &a1, d1, &b1, 5, 0)), (long)a1,
	  (long)b1);
	P("cfr flags", "%ld", R(copy_file_range(s1, &a1, d1, &b1, 5, 1)));
	P("cfr overlap", "%ld", ({
		  loff_t x = 0, y = 2;
		  R(copy_file_range(s1, &x, s1, &y, 5, 0));
	  }));
	int pp[2];
	pipe(pp);
	P("splice", "%ld", R(splice(s1, &o, pp[1], 0, 5, 0)));
	P("tee", "%ld", R(tee(pp[0], pp[1], 5, 0)));
	P("vmsplice", "%ld", R(vmsplice(pp[1], iv, 1, 0)));
	P("sendfile to pipe", "%ld", ({
		  o = 0;
		  R(sendfile(pp[1], s1, &o, 5));
	  }));
	P("FICLONE", "%ld", R(ioctl(d1, 0x40049409, s1)));
	// times
	struct timespec ts[2] = {{100, 5}, {200, 7}};
	P("futimens", "%ld", R(futimens(s1, ts)));
	fstat(s1, &s);
	P("t", "%ld.%ld %ld.%ld", s.st_atim.tv_sec, s.st_atim.tv_nsec, s.st_mtim.tv_sec,
	  s.st_mtim.tv_nsec);
	ts[0].tv_nsec = UTIME_OMIT;
	ts[1].tv_nsec = UTIME_NOW;
	P("omit/now", "%ld", R(utimensat(AT_FDCWD, "src", ts, 0)));
	fstat(s1, &s);
	P("t", "%ld %d", s.st_atim.tv_sec, s.st_mtim.tv_sec > 1000000000);
	ts[0].tv_nsec = 2000000000;
	P("bad nsec", "%ld", R(utimensat(AT_FDCWD, "src", ts, 0)));
	ts[0] = (struct timespec){-5, 0};
	ts[1] = (struct timespec){-6, 0};
	P("negative", "%ld", R(utimensat(AT_FDCWD, "src", ts, 0)));
	fstat(s1, &s);
	P("t", "%ld", s.st_atim.tv_sec);
	P("nofollow", "%ld", R(utimensat(AT_FDCWD, "sl", ts, AT_SYMLINK_NOFOLLOW)));
	P("dir times", "%ld", R(futimens(d, ts)));
	P("utime", "%ld", R(syscall(SYS_utime, "src", 0)));
	struct timeval tv[2] = {{1, 2}, {3, 4}};
	P("utimes", "%ld %ld", R(utimes("src", tv)), R(futimes(s1, tv)));
	P("lutimes", "%ld", R(lutimes("sl", tv)));
	P("futimesat", "%ld", R(syscall(SYS_futimesat, AT_FDCWD, "src", tv)));
	P("utimensat null", "%ld", R(syscall(SYS_utimensat, s1, 0, 0, 0)));
	// mode/own
	P("chmod", "%ld", R(chmod("src", 0600)));
	stat("src", &s);
	P("m", "%o", s.st_mode);
	P("fchmod", "%ld %ld", R(fchmod(s1, 0640)), R(fchmod(d, 0755)));
	P("chown -1", "%ld", R(chown("src", -1, -1)));
	P("chown 0", "%ld", R(chown("src", 0, 0)));
	P("fchown dir", "%ld", R(fchown(d, 0, 0)));
	P("lchown", "%ld", R(lchown("sl", 0, 0)));
	P("access", "%ld %ld %ld", R(access("src", R_OK)), R(access("src", X_OK)),
	  R(access("nope", F_OK)));
	P("faccessat2", "%ld", R(syscall(439, AT_FDCWD, "sl", 0, AT_SYMLINK_NOFOLLOW)));
	P("access bad", "%ld", R(access("src", 99)));
	// xattr
	P("setxattr", "%ld", R(setxattr("src", "user.k", "v", 1, 0)));
	P("getxattr", "%ld", ({
		  char b[9];
		  R(getxattr("src", "user.k", b, 9));
	  }));
	P("listxattr", "%ld", ({
		  char b[99];
		  R(listxattr("src", b, 99));
	  }));
	P("removexattr", "%ld", R(removexattr("src", "user.k")));
	P("lgetxattr", "%ld", ({
		  char b[9];
		  R(lgetxattr("src", "security.selinux", b, 9));
	  }));
	P("fgetxattr", "%ld", ({
		  char b[9];
		  R(fgetxattr(s1, "user.none", b, 9));
	  }));
	// links, rename
	P("link", "%ld", R(link("src", "hl")));
	P("link dir", "%ld", R(link(".", "hd")));
	P("linkat empty path", "%ld", R(linkat(s1, "", AT_FDCWD, "hl2", AT_EMPTY_PATH)));
	;
	P("rename noreplace", "%ld %ld",
	  R(renameat2(AT_FDCWD, "hl", AT_FDCWD, "src", RENAME_NOREPLACE)),
	  R(renameat2(AT_FDCWD, "hl", AT_FDCWD, "hlx", RENAME_NOREPLACE)));
	mk("e1", "one");
	mk("e2", "two");
	P("exchange", "%ld", R(renameat2(AT_FDCWD, "e1", AT_FDCWD, "e2", RENAME_EXCHANGE)));
	show("e1", "e1");
	P("whiteout", "%ld", R(renameat2(AT_FDCWD, "e1", AT_FDCWD, "e3", RENAME_WHITEOUT)));
	mkdir("dd", 0755);
	mk("dd/x", "");
	P("rmdir full", "%ld", R(rmdir("dd")));
	P("rename dir over file", "%ld", R(rename("dd", "e2")));
	P("rename file over dir", "%ld", R(rename("e2", "dd")));
	P("rename into self", "%ld", R(rename("dd", "dd/q")));
	P("unlink dir", "%ld", R(unlink("dd")));
	P("unlinkat", "%ld", R(unlinkat(d, "dd/x", 0)));
	P("rmdir .", "%ld", R(rmdir(".")));
	P("rmdir dd/.", "%ld", R(rmdir("dd/.")));
	P("rmdir ..", "%ld", R(rmdir("dd/..")));
	P("unlink dd/", "%ld", R(unlink("dd/")));
	P("mknod fifo", "%ld", R(mkfifo("ff", 0644)));
	P("mknod reg", "%ld", R(mknod("rg", S_IFREG | 0600, 0)));
	P("mknod dev", "%ld", R(mknod("nd", S_IFCHR | 0600, 0x103)));
	P("mknodat", "%ld", R(mknodat(d, "rg2", S_IFREG | 0600, 0)));
	P("open fifo nb rd", "%ld", Z(open("ff", O_RDONLY | O_NONBLOCK)));
	P("open fifo nb wr", "%ld", R(open("ff", O_WRONLY | O_NONBLOCK)) > 0 ? 1 : 0);
	// statx & stat
	struct statx sx;
	memset(&sx, 0, sizeof sx);
	P("statx", "%ld %x %d", R(statx(AT_FDCWD, "a", 0, STATX_ALL, &sx)), sx.stx_mode,
	  (int)sx.stx_size);
	P("btime", "%d", (sx.stx_mask & STATX_BTIME) != 0);
	P("statx empty", "%ld", R(statx(f, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &sx)));
	P("statx badflag", "%ld", R(statx(AT_FDCWD, "a", 0x40000, STATX_ALL, &sx)));
	P("fstatat empty", "%ld", R(fstatat(f, "", &s, AT_EMPTY_PATH)));
	P("stat blocks", "%d %d", (int)s.st_blksize, s.st_blocks > 0);
	struct statfs sf;
	P("statfs", "%ld %ld", R(statfs(".", &sf)), R(fstatfs(f, &sf)));
	P("namemax", "%ld", (long)sf.f_namelen);
	P("lstat sl", "%ld %o", R(lstat("sl", &s)), s.st_mode);
	P("readlink", "%ld", ({
		  char b[3];
		  R(readlink("sl", b, 3));
	  }));
	P("readlink 0", "%ld", ({
		  char b[3];
		  R(readlink("sl", b, 0));
	  }));
	P("readlink file", "%ld", ({
		  char b[3];
		  R(readlink("a", b, 3));
	  }));
	P("readlinkat empty", "%ld", ({
		  char b[9];
		  int q = open("sl", O_PATH | O_NOFOLLOW);
		  R(readlinkat(q, "", b, 9));
	  }));
	// openat2
	struct {
		uint64_t fl, mode, res;
	} how = {O_RDONLY, 0, 0};
	P("openat2", "%ld", Z(syscall(437, AT_FDCWD, "a", &how, 24)));
	how.res = 8;
	P("openat2 beneath", "%ld", R(syscall(437, AT_FDCWD, "../x", &how, 24)));
	how.res = 4;
	P("openat2 nosym", "%ld", R(syscall(437, AT_FDCWD, "sl", &how, 24)));
	how.res = 0x10;
	P("openat2 inroot", "%ld", R(syscall(437, AT_FDCWD, "/a", &how, 24)) > 0 ? 1 : 0);
	P("openat2 size", "%ld", R(syscall(437, AT_FDCWD, "a", &how, 8)));
	// cwd
	char cw[300];
	P("chdir", "%ld", R(chdir("dd")));
	P("getcwd", "%s", strrchr(getcwd(cw, 300), '/'));
	P("up", "%ld", R(chdir("..")));
	P("fchdir", "%ld %ld", R(fchdir(d)), R(fchdir(f)));
	P("chdir file", "%ld", R(chdir("a")));
	P("getcwd small", "%ld", R(getcwd(cw, 1) ? 0 : -1));
	P("chdir nope", "%ld", R(chdir("nope")));
	mkdir("gone", 0755);
	chdir("gone");
	rmdir("../gone");
	P("cwd removed", "%ld", R(getcwd(cw, 300) ? 0 : -1));
	P("open in removed", "%ld", R(open("x", O_CREAT | O_WRONLY, 0644)));
	fchdir(d);
	P("chroot", "%ld", R(chroot(".")));
	// getdents
	mkdir("many", 0755);
	char n[300];
	for (int i = 0; i < 3000; i++) {
		sprintf(n, "many/f%04d", i);
		close(open(n, O_CREAT | O_WRONLY, 0644));
	}
	DIR *dp = opendir("many");
	int c = 0;
	long pos = 0;
	struct dirent *e;
	while ((e = readdir(dp))) {
		c++;
		if (c == 1500)
			pos = telldir(dp);
	}
	P("readdir", "%d", c);
	seekdir(dp, pos);
	c = 0;
	while ((e = readdir(dp)))
		c++;
	P("seekdir", "%d", c);
	rewinddir(dp);
	c = 0;
	while ((e = readdir(dp))) {
		if (e->d_name[0] == 'f') {
			sprintf(n, "many/%s", e->d_name);
			c += !unlink(n);
		}
	}
	P("unlink all", "%d", c);
	P("rmdir", "%ld", R(rmdir("many")));
	P("getdents small", "%ld", ({
		  char b[16];
		  R(syscall(SYS_getdents64, d, b, 16));
	  }));
	P("getdents old", "%ld", Z(syscall(SYS_getdents, d, n, 300)));
	P("getdents file", "%ld", R(syscall(SYS_getdents64, f, n, 300)));
	// ioctl
	int nb;
	P("FIONREAD file", "%ld", ({
		  lseek(s1, 3, 0);
		  R(ioctl(s1, FIONREAD, &nb)) * 100 + nb;
	  }));
	P("FIONREAD pipe", "%ld", ({
		  int p[2];
		  pipe(p);
		  write(p[1], "abc", 3);
		  R(ioctl(p[0], FIONREAD, &nb)) * 100 + nb;
	  }));
	P("TCGETS file", "%ld", ({
		  char t[100];
		  R(ioctl(s1, 0x5401, t));
	  }));
	P("FIONBIO", "%ld", ({
		  int p[2], one = 1;
		  pipe(p);
		  long q = R(ioctl(p[0], FIONBIO, &one));
		  q * 1000 + R(read(p[0], &nb, 1));
	  }));
	P("FIOCLEX", "%ld %ld", R(ioctl(s1, FIOCLEX)), R(fcntl(s1, F_GETFD)));
	struct utsname u;
	uname(&u);
	P("uname", "%s %s", u.sysname, u.machine);
	struct sysinfo si;
	P("sysinfo", "%ld %d", R(sysinfo(&si)), si.totalram > 0);
	P("close_range", "%ld", R(syscall(436, 100, 200, 0)));
	P("nprocs", "%d", sysconf(_SC_NPROCESSORS_ONLN) > 0);
	P("openmax", "%d", sysconf(_SC_OPEN_MAX) > 0);
	P("pathconf", "%ld %ld", pathconf(".", _PC_NAME_MAX), pathconf(".", _PC_PATH_MAX));
	return 0;
}
