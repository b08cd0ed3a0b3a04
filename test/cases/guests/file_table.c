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
#include "show.h"

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
#define Z(x)                         \
	({                           \
		long _q = RESULT(x); \
		_q > 0 ? 1 : _q;     \
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
	PRINT("umask", "%o %o", umask(077), umask(022));
	int f = mk("a", "hello world");
	fstat(f, &s);
	PRINT("mode", "%o %d %d", s.st_mode, (int)s.st_nlink, (int)s.st_size);
	umask(0);
	int g = open("b", O_CREAT | O_EXCL | O_WRONLY, 04755);
	fstat(g, &s);
	PRINT("suid mode", "%o", s.st_mode);
	umask(022);
	PRINT("excl", "%ld", RESULT(open("a", O_CREAT | O_EXCL | O_WRONLY, 0644)));
	PRINT("excl symlink", "%ld %ld", RESULT(symlink("nowhere", "sl")),
	      RESULT(open("sl", O_CREAT | O_EXCL | O_WRONLY, 0644)));
	PRINT("nofollow", "%ld", RESULT(open("sl", O_NOFOLLOW | O_RDONLY)));
	PRINT("path nofollow", "%ld", Z(open("sl", O_PATH | O_NOFOLLOW)));
	PRINT("dir as file", "%ld", RESULT(open(".", O_WRONLY)));
	PRINT("dir rdwr creat", "%ld", RESULT(open(".", O_RDWR | O_CREAT, 0644)));
	PRINT("file as dir", "%ld", RESULT(open("a", O_DIRECTORY | O_RDONLY)));
	PRINT("trailing", "%ld", RESULT(open("a/", O_RDONLY)));
	PRINT("creat trailing", "%ld", RESULT(open("new/", O_CREAT | O_WRONLY, 0644)));
	PRINT("creat dir flag", "%ld",
	      RESULT(open("new2", O_CREAT | O_DIRECTORY | O_WRONLY, 0644)));
	PRINT("empty", "%ld", RESULT(open("", O_RDONLY)));
	PRINT("name max", "%ld", ({
		      char n[300];
		      memset(n, 'x', 256);
		      n[256] = 0;
		      RESULT(open(n, O_CREAT | O_WRONLY, 0644));
	      }));
	PRINT("path max", "%ld", ({
		      static char n[5000];
		      for (int i = 0; i < 4998; i += 2) {
			      n[i] = '.';
			      n[i + 1] = '/';
		      }
		      RESULT(open(n, O_RDONLY));
	      }));
	PRINT("bad ptr", "%ld", RESULT(syscall(SYS_open, (void *)8, 0)));
	PRINT("acc mode 3", "%ld", Z(open("a", 3)));
	PRINT("tmpfile", "%ld", Z(open(".", O_TMPFILE | O_RDWR, 0600)));
	PRINT("direct", "%ld", Z(open("a", O_DIRECT | O_RDONLY)));
	PRINT("noatime", "%ld", Z(open("a", O_NOATIME | O_RDONLY)));
	PRINT("sync", "%ld", Z(open("a", O_SYNC | O_RDWR)));
	PRINT("async flag", "%ld", Z(open("a", O_ASYNC | O_RDONLY)));
	// fcntl
	int h = dup(f);
	PRINT("cloexec", "%ld %ld", RESULT(fcntl(h, F_GETFD)),
	      RESULT(fcntl(h, F_SETFD, FD_CLOEXEC)));
	PRINT("getfd", "%ld", RESULT(fcntl(h, F_GETFD)));
	PRINT("dupfd", "%ld", RESULT(fcntl(f, F_DUPFD, 50)));
	PRINT("dupfd_cloexec", "%ld %ld", RESULT(fcntl(f, F_DUPFD_CLOEXEC, 60)),
	      RESULT(fcntl(60, F_GETFD)));
	PRINT("getfl", "%lx", RESULT(fcntl(f, F_GETFL)));
	PRINT("setfl append", "%ld %lx", RESULT(fcntl(f, F_SETFL, O_APPEND)),
	      RESULT(fcntl(h, F_GETFL)));
	fcntl(f, F_SETFL, 0);
	PRINT("dup3 same", "%ld", RESULT(dup3(f, f, 0)));
	PRINT("dup2 same", "%d", dup2(f, f) == f);
	PRINT("dup2 bad", "%ld", RESULT(dup2(99, 5)));
	PRINT("dup2 neg", "%ld", RESULT(dup2(f, -1)));
	PRINT("pipe sz", "%ld", ({
		      int p[2];
		      pipe(p);
		      RESULT(fcntl(p[0], F_GETPIPE_SZ));
	      }));
	PRINT("setpipe", "%ld", ({
		      int p[2];
		      pipe(p);
		      RESULT(fcntl(p[0], F_SETPIPE_SZ, 1 << 17));
	      }));
	PRINT("getown", "%ld", RESULT(fcntl(f, F_GETOWN)));
	PRINT("seals", "%ld", RESULT(fcntl(f, F_GET_SEALS)));
	PRINT("lease", "%ld", RESULT(fcntl(f, F_GETLEASE)));
	PRINT("bad fcntl", "%ld", RESULT(fcntl(f, 9999)));
	struct flock fl = {F_WRLCK, SEEK_SET, 0, 0};
	PRINT("setlk", "%ld", RESULT(fcntl(f, F_SETLK, &fl)));
	fl.l_type = F_RDLCK;
	PRINT("getlk", "%ld %d", RESULT(fcntl(f, F_GETLK, &fl)), fl.l_type);
	PRINT("ofd", "%ld", ({
		      struct flock o = {F_WRLCK, SEEK_SET, 0, 0};
		      RESULT(fcntl(f, F_OFD_SETLK, &o));
	      }));
	fl.l_type = F_UNLCK;
	PRINT("unlk", "%ld", RESULT(fcntl(f, F_SETLK, &fl)));
	PRINT("flock", "%ld", RESULT(flock(f, LOCK_EX)));
	int f2 = open("a", O_RDWR);
	PRINT("flock other", "%ld", RESULT(flock(f2, LOCK_EX | LOCK_NB)));
	PRINT("flock un", "%ld %ld", RESULT(flock(f, LOCK_UN)),
	      RESULT(flock(f2, LOCK_EX | LOCK_NB)));
	PRINT("lockf", "%ld", RESULT(lockf(f, F_TLOCK, 10)));
	// seeks
	PRINT("lseek", "%ld %ld %ld", RESULT(lseek(f, 0, SEEK_END)), RESULT(lseek(f, -3, SEEK_CUR)),
	      RESULT(lseek(f, -1, SEEK_SET)));
	ftruncate(f, 1 << 20);
	pwrite(f, "x", 1, 1 << 19);
	PRINT("hole", "%ld %ld", RESULT(lseek(f, 100000, SEEK_DATA)),
	      RESULT(lseek(f, 0, SEEK_HOLE)));
	PRINT("seek bad", "%ld", RESULT(lseek(f, 0, 99)));
	PRINT("seek pipe", "%ld", ({
		      int p[2];
		      pipe(p);
		      RESULT(lseek(p[0], 0, SEEK_CUR));
	      }));
	PRINT("data past", "%ld", RESULT(lseek(f, 1 << 21, SEEK_DATA)));
	// rw
	ftruncate(f, 0);
	lseek(f, 0, 0);
	struct iovec iv[3] = {{"abc", 3}, {"", 0}, {"defg", 4}};
	PRINT("writev", "%ld", RESULT(writev(f, iv, 3)));
	PRINT("pwritev", "%ld", RESULT(pwritev(f, iv, 3, 100)));
	PRINT("pwritev2 append", "%ld", RESULT(pwritev2(f, iv, 1, 0, 16)));
	PRINT("size", "%ld", RESULT(lseek(f, 0, SEEK_END)));
	PRINT("preadv2 off -1", "%ld", ({
		      char b[4];
		      struct iovec v = {b, 3};
		      lseek(f, 1, 0);
		      RESULT(preadv2(f, &v, 1, -1, 0));
	      }));
	PRINT("skip", "%ld", ({
		      char b[4];
		      struct iovec v = {b, 3};
		      long q = RESULT(preadv2(f, &v, 1, 0, 8));
		      q == -11 ? 3 : q;
	      }));
	PRINT("writev bad", "%ld", ({
		      struct iovec v[2] = {{"ab", 2}, {(void *)8, 5}};
		      RESULT(writev(f, v, 2));
	      }));
	PRINT("read bad ptr", "%ld", RESULT(pread(f, (void *)8, 5, 0)));
	PRINT("read dir", "%ld", RESULT(read(open(".", O_RDONLY), iv, 5)));
	PRINT("write 0", "%ld", RESULT(write(f, 0, 0)));
	PRINT("iov neg", "%ld", ({
		      struct iovec v = {"a", -1};
		      RESULT(writev(f, &v, 1));
	      }));
	PRINT("iov 1025", "%ld", ({
		      static struct iovec v[1025];
		      RESULT(writev(f, v, 1025));
	      }));
	PRINT("pwrite neg", "%ld", RESULT(pwrite(f, "a", 1, -5)));
	PRINT("read 2G+", "%ld", RESULT(read(f, malloc(1 << 20), 1 << 20) >= 0 ? 0 : -1));
	// fallocate etc
	PRINT("fallocate", "%ld", RESULT(fallocate(f, 0, 0, 5000)));
	fstat(f, &s);
	PRINT("sz", "%ld", (long)s.st_size);
	PRINT("keep", "%ld", RESULT(fallocate(f, FALLOC_FL_KEEP_SIZE, 0, 50000)));
	PRINT("punch", "%ld",
	      RESULT(fallocate(f, FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE, 0, 4096)));
	PRINT("zero range", "%ld", RESULT(fallocate(f, FALLOC_FL_ZERO_RANGE, 0, 4096)));
	PRINT("collapse", "%ld", RESULT(fallocate(f, FALLOC_FL_COLLAPSE_RANGE, 0, 4096)));
	PRINT("falloc bad", "%ld", RESULT(fallocate(f, 0, 0, 0)));
	PRINT("posix_fallocate", "%d", posix_fallocate(f, 0, 9000));
	PRINT("posix_fadvise", "%d", posix_fadvise(f, 0, 0, POSIX_FADV_SEQUENTIAL));
	PRINT("fadv bad", "%d", posix_fadvise(f, 0, 0, 99));
	PRINT("readahead", "%ld", RESULT(readahead(f, 0, 100)));
	PRINT("sync_file_range", "%ld", RESULT(sync_file_range(f, 0, 100, 2)));
	PRINT("fsync", "%ld %ld", RESULT(fsync(f)), RESULT(fdatasync(f)));
	PRINT("syncfs", "%ld", RESULT(syncfs(f)));
	int d = open(".", O_RDONLY | O_DIRECTORY);
	PRINT("fsync dir", "%ld %ld", RESULT(fsync(d)), RESULT(fdatasync(d)));
	PRINT("fsync pipe", "%ld", ({
		      int p[2];
		      pipe(p);
		      RESULT(fsync(p[0]));
	      }));
	PRINT("truncate", "%ld %ld", RESULT(truncate("a", 10)), RESULT(truncate(".", 10)));
	PRINT("truncate neg", "%ld", RESULT(truncate("a", -1)));
	PRINT("ftruncate ro", "%ld", RESULT(ftruncate(open("a", O_RDONLY), 1)));
	PRINT("ftruncate dir", "%ld", RESULT(ftruncate(d, 1)));
	// copies
	int s1 = mk("src", "0123456789abcdef");
	int d1 = mk("dst", "");
	off_t o = 4;
	PRINT("sendfile", "%ld off %ld", RESULT(sendfile(d1, s1, &o, 5)), (long)o);
	show("dst", "dst");
	PRINT("sendfile nooff", "%ld", ({
		      lseek(s1, 2, 0);
		      RESULT(sendfile(d1, s1, 0, 100));
	      }));
	show("dst", "dst");
	loff_t a1 = 1, b1 = 20;
	PRINT("copy_file_range", "%ld %ld %ld", RESULT(copy_file_range(s1, &a1, d1, &b1, 5, 0)),
	      (long)a1, (long)b1);
	PRINT("cfr flags", "%ld", RESULT(copy_file_range(s1, &a1, d1, &b1, 5, 1)));
	PRINT("cfr overlap", "%ld", ({
		      loff_t x = 0, y = 2;
		      RESULT(copy_file_range(s1, &x, s1, &y, 5, 0));
	      }));
	int pp[2];
	pipe(pp);
	PRINT("splice", "%ld", RESULT(splice(s1, &o, pp[1], 0, 5, 0)));
	PRINT("tee", "%ld", RESULT(tee(pp[0], pp[1], 5, 0)));
	PRINT("vmsplice", "%ld", RESULT(vmsplice(pp[1], iv, 1, 0)));
	PRINT("sendfile to pipe", "%ld", ({
		      o = 0;
		      RESULT(sendfile(pp[1], s1, &o, 5));
	      }));
	PRINT("FICLONE", "%ld", RESULT(ioctl(d1, 0x40049409, s1)));
	// times
	struct timespec ts[2] = {{100, 5}, {200, 7}};
	PRINT("futimens", "%ld", RESULT(futimens(s1, ts)));
	fstat(s1, &s);
	PRINT("t", "%ld.%ld %ld.%ld", s.st_atim.tv_sec, s.st_atim.tv_nsec, s.st_mtim.tv_sec,
	      s.st_mtim.tv_nsec);
	ts[0].tv_nsec = UTIME_OMIT;
	ts[1].tv_nsec = UTIME_NOW;
	PRINT("omit/now", "%ld", RESULT(utimensat(AT_FDCWD, "src", ts, 0)));
	fstat(s1, &s);
	PRINT("t", "%ld %d", s.st_atim.tv_sec, s.st_mtim.tv_sec > 1000000000);
	ts[0].tv_nsec = 2000000000;
	PRINT("bad nsec", "%ld", RESULT(utimensat(AT_FDCWD, "src", ts, 0)));
	ts[0] = (struct timespec){-5, 0};
	ts[1] = (struct timespec){-6, 0};
	PRINT("negative", "%ld", RESULT(utimensat(AT_FDCWD, "src", ts, 0)));
	fstat(s1, &s);
	PRINT("t", "%ld", s.st_atim.tv_sec);
	PRINT("nofollow", "%ld", RESULT(utimensat(AT_FDCWD, "sl", ts, AT_SYMLINK_NOFOLLOW)));
	PRINT("dir times", "%ld", RESULT(futimens(d, ts)));
	PRINT("utime", "%ld", RESULT(syscall(SYS_utime, "src", 0)));
	struct timeval tv[2] = {{1, 2}, {3, 4}};
	PRINT("utimes", "%ld %ld", RESULT(utimes("src", tv)), RESULT(futimes(s1, tv)));
	PRINT("lutimes", "%ld", RESULT(lutimes("sl", tv)));
	PRINT("futimesat", "%ld", RESULT(syscall(SYS_futimesat, AT_FDCWD, "src", tv)));
	PRINT("utimensat null", "%ld", RESULT(syscall(SYS_utimensat, s1, 0, 0, 0)));
	// mode/own
	PRINT("chmod", "%ld", RESULT(chmod("src", 0600)));
	stat("src", &s);
	PRINT("m", "%o", s.st_mode);
	PRINT("fchmod", "%ld %ld", RESULT(fchmod(s1, 0640)), RESULT(fchmod(d, 0755)));
	PRINT("chown -1", "%ld", RESULT(chown("src", -1, -1)));
	PRINT("chown 0", "%ld", RESULT(chown("src", 0, 0)));
	PRINT("fchown dir", "%ld", RESULT(fchown(d, 0, 0)));
	PRINT("lchown", "%ld", RESULT(lchown("sl", 0, 0)));
	PRINT("access", "%ld %ld %ld", RESULT(access("src", R_OK)), RESULT(access("src", X_OK)),
	      RESULT(access("nope", F_OK)));
	PRINT("faccessat2", "%ld", RESULT(syscall(439, AT_FDCWD, "sl", 0, AT_SYMLINK_NOFOLLOW)));
	PRINT("access bad", "%ld", RESULT(access("src", 99)));
	// xattr
	PRINT("setxattr", "%ld", RESULT(setxattr("src", "user.k", "v", 1, 0)));
	PRINT("getxattr", "%ld", ({
		      char b[9];
		      RESULT(getxattr("src", "user.k", b, 9));
	      }));
	PRINT("listxattr", "%ld", ({
		      char b[99];
		      RESULT(listxattr("src", b, 99));
	      }));
	PRINT("removexattr", "%ld", RESULT(removexattr("src", "user.k")));
	PRINT("lgetxattr", "%ld", ({
		      char b[9];
		      RESULT(lgetxattr("src", "security.selinux", b, 9));
	      }));
	PRINT("fgetxattr", "%ld", ({
		      char b[9];
		      RESULT(fgetxattr(s1, "user.none", b, 9));
	      }));
	// links, rename
	PRINT("link", "%ld", RESULT(link("src", "hl")));
	PRINT("link dir", "%ld", RESULT(link(".", "hd")));
	PRINT("linkat empty path", "%ld", RESULT(linkat(s1, "", AT_FDCWD, "hl2", AT_EMPTY_PATH)));
	;
	PRINT("rename noreplace", "%ld %ld",
	      RESULT(renameat2(AT_FDCWD, "hl", AT_FDCWD, "src", RENAME_NOREPLACE)),
	      RESULT(renameat2(AT_FDCWD, "hl", AT_FDCWD, "hlx", RENAME_NOREPLACE)));
	mk("e1", "one");
	mk("e2", "two");
	PRINT("exchange", "%ld",
	      RESULT(renameat2(AT_FDCWD, "e1", AT_FDCWD, "e2", RENAME_EXCHANGE)));
	show("e1", "e1");
	PRINT("whiteout", "%ld",
	      RESULT(renameat2(AT_FDCWD, "e1", AT_FDCWD, "e3", RENAME_WHITEOUT)));
	mkdir("dd", 0755);
	mk("dd/x", "");
	PRINT("rmdir full", "%ld", RESULT(rmdir("dd")));
	PRINT("rename dir over file", "%ld", RESULT(rename("dd", "e2")));
	PRINT("rename file over dir", "%ld", RESULT(rename("e2", "dd")));
	PRINT("rename into self", "%ld", RESULT(rename("dd", "dd/q")));
	PRINT("unlink dir", "%ld", RESULT(unlink("dd")));
	PRINT("unlinkat", "%ld", RESULT(unlinkat(d, "dd/x", 0)));
	PRINT("rmdir .", "%ld", RESULT(rmdir(".")));
	PRINT("rmdir dd/.", "%ld", RESULT(rmdir("dd/.")));
	PRINT("rmdir ..", "%ld", RESULT(rmdir("dd/..")));
	PRINT("unlink dd/", "%ld", RESULT(unlink("dd/")));
	PRINT("mknod fifo", "%ld", RESULT(mkfifo("ff", 0644)));
	PRINT("mknod reg", "%ld", RESULT(mknod("rg", S_IFREG | 0600, 0)));
	PRINT("mknod dev", "%ld", RESULT(mknod("nd", S_IFCHR | 0600, 0x103)));
	PRINT("mknodat", "%ld", RESULT(mknodat(d, "rg2", S_IFREG | 0600, 0)));
	PRINT("open fifo nb rd", "%ld", Z(open("ff", O_RDONLY | O_NONBLOCK)));
	PRINT("open fifo nb wr", "%ld", RESULT(open("ff", O_WRONLY | O_NONBLOCK)) > 0 ? 1 : 0);
	// statx & stat
	struct statx sx;
	memset(&sx, 0, sizeof sx);
	PRINT("statx", "%ld %x %d", RESULT(statx(AT_FDCWD, "a", 0, STATX_ALL, &sx)), sx.stx_mode,
	      (int)sx.stx_size);
	PRINT("btime", "%d", (sx.stx_mask & STATX_BTIME) != 0);
	PRINT("statx empty", "%ld", RESULT(statx(f, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &sx)));
	PRINT("statx badflag", "%ld", RESULT(statx(AT_FDCWD, "a", 0x40000, STATX_ALL, &sx)));
	PRINT("fstatat empty", "%ld", RESULT(fstatat(f, "", &s, AT_EMPTY_PATH)));
	PRINT("stat blocks", "%d %d", (int)s.st_blksize, s.st_blocks > 0);
	struct statfs sf;
	PRINT("statfs", "%ld %ld", RESULT(statfs(".", &sf)), RESULT(fstatfs(f, &sf)));
	PRINT("namemax", "%ld", (long)sf.f_namelen);
	PRINT("lstat sl", "%ld %o", RESULT(lstat("sl", &s)), s.st_mode);
	PRINT("readlink", "%ld", ({
		      char b[3];
		      RESULT(readlink("sl", b, 3));
	      }));
	PRINT("readlink 0", "%ld", ({
		      char b[3];
		      RESULT(readlink("sl", b, 0));
	      }));
	PRINT("readlink file", "%ld", ({
		      char b[3];
		      RESULT(readlink("a", b, 3));
	      }));
	PRINT("readlinkat empty", "%ld", ({
		      char b[9];
		      int q = open("sl", O_PATH | O_NOFOLLOW);
		      RESULT(readlinkat(q, "", b, 9));
	      }));
	// openat2
	struct {
		uint64_t fl, mode, res;
	} how = {O_RDONLY, 0, 0};
	PRINT("openat2", "%ld", Z(syscall(437, AT_FDCWD, "a", &how, 24)));
	how.res = 8;
	PRINT("openat2 beneath", "%ld", RESULT(syscall(437, AT_FDCWD, "../x", &how, 24)));
	how.res = 4;
	PRINT("openat2 nosym", "%ld", RESULT(syscall(437, AT_FDCWD, "sl", &how, 24)));
	how.res = 0x10;
	PRINT("openat2 inroot", "%ld", RESULT(syscall(437, AT_FDCWD, "/a", &how, 24)) > 0 ? 1 : 0);
	PRINT("openat2 size", "%ld", RESULT(syscall(437, AT_FDCWD, "a", &how, 8)));
	// cwd
	char cw[300];
	PRINT("chdir", "%ld", RESULT(chdir("dd")));
	PRINT("getcwd", "%s", strrchr(getcwd(cw, 300), '/'));
	PRINT("up", "%ld", RESULT(chdir("..")));
	PRINT("fchdir", "%ld %ld", RESULT(fchdir(d)), RESULT(fchdir(f)));
	PRINT("chdir file", "%ld", RESULT(chdir("a")));
	PRINT("getcwd small", "%ld", RESULT(getcwd(cw, 1) ? 0 : -1));
	PRINT("chdir nope", "%ld", RESULT(chdir("nope")));
	mkdir("gone", 0755);
	chdir("gone");
	rmdir("../gone");
	PRINT("cwd removed", "%ld", RESULT(getcwd(cw, 300) ? 0 : -1));
	PRINT("open in removed", "%ld", RESULT(open("x", O_CREAT | O_WRONLY, 0644)));
	fchdir(d);
	PRINT("chroot", "%ld", RESULT(chroot(".")));
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
	PRINT("readdir", "%d", c);
	seekdir(dp, pos);
	c = 0;
	while ((e = readdir(dp)))
		c++;
	PRINT("seekdir", "%d", c);
	rewinddir(dp);
	c = 0;
	while ((e = readdir(dp))) {
		if (e->d_name[0] == 'f') {
			sprintf(n, "many/%s", e->d_name);
			c += !unlink(n);
		}
	}
	PRINT("unlink all", "%d", c);
	PRINT("rmdir", "%ld", RESULT(rmdir("many")));
	PRINT("getdents small", "%ld", ({
		      char b[16];
		      RESULT(syscall(SYS_getdents64, d, b, 16));
	      }));
	PRINT("getdents old", "%ld", Z(syscall(SYS_getdents, d, n, 300)));
	PRINT("getdents file", "%ld", RESULT(syscall(SYS_getdents64, f, n, 300)));
	// ioctl
	int nb;
	PRINT("FIONREAD file", "%ld", ({
		      lseek(s1, 3, 0);
		      RESULT(ioctl(s1, FIONREAD, &nb)) * 100 + nb;
	      }));
	PRINT("FIONREAD pipe", "%ld", ({
		      int p[2];
		      pipe(p);
		      write(p[1], "abc", 3);
		      RESULT(ioctl(p[0], FIONREAD, &nb)) * 100 + nb;
	      }));
	PRINT("TCGETS file", "%ld", ({
		      char t[100];
		      RESULT(ioctl(s1, 0x5401, t));
	      }));
	PRINT("FIONBIO", "%ld", ({
		      int p[2], one = 1;
		      pipe(p);
		      long q = RESULT(ioctl(p[0], FIONBIO, &one));
		      q * 1000 + RESULT(read(p[0], &nb, 1));
	      }));
	PRINT("FIOCLEX", "%ld %ld", RESULT(ioctl(s1, FIOCLEX)), RESULT(fcntl(s1, F_GETFD)));
	struct utsname u;
	uname(&u);
	PRINT("uname", "%s %s", u.sysname, u.machine);
	struct sysinfo si;
	PRINT("sysinfo", "%ld %d", RESULT(sysinfo(&si)), si.totalram > 0);
	PRINT("close_range", "%ld", RESULT(syscall(436, 100, 200, 0)));
	PRINT("nprocs", "%d", sysconf(_SC_NPROCESSORS_ONLN) > 0);
	PRINT("openmax", "%d", sysconf(_SC_OPEN_MAX) > 0);
	PRINT("pathconf", "%ld %ld", pathconf(".", _PC_NAME_MAX), pathconf(".", _PC_PATH_MAX));
	return 0;
}
