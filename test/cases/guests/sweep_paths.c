/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls on paths with good and bad arguments.
 *
 * Not compared: which of two errors a file's name with a slash at its end has, and an exchange or
 * mknod of such names; a path that is null with AT_EMPTY_PATH, which Linux takes from 6.11 on.
 *
 * cases: kernel 6.18 (the order in which errors are found differs from version to version)
 * cases: memory (each call has its files made again)
 * cases: filter grep -vE \
 * cases: filter -e '^(open|openat|creat)\(.*file/, ' \
 * cases: filter -e '^renameat2\(.*, (file/|dir/|to-dir/|none/|[.]|dir/[.][.]), [12]\)' \
 * cases: filter -e '^mknod(at)?\(.*[/], ' \
 * cases: filter -e '^(newfstatat|statx)\(cwd, null' \
 * cases: filter -e '^readlinkat\(closed, ""' \
 * cases: filter -e '^inotify_add_watch\((0x19|0x25|-1), .*, -1\)'
 */
#define _GNU_SOURCE
#include "sweep.h"

static const struct swept calls[] = {
	SWEEP(openat, "dp{0,1,2,3,0x40,0xc0,0x200,0x201,0x10000,0x20000,0x200000,"
		      "0x210000,0x410002,0x80000,0x800,0x101000}{0644}"),
	SWEEP(open, "p{0,1,0x40,0x41,0xc1,0x201,0x10000}{0644,0,-1}"),
	SWEEP(creat, "p{0644}"),
	SWEEP(truncate, "p{0,8,-1,0x8000000000000000}"),
	SWEEP_KEPT(access, "p{0,1,2,4,7,8,-1}"),
	SWEEP_KEPT(faccessat, "dp{0,7,8}"),
	SWEEP_KEPT(faccessat2, "dp{0,4,8}{0,0x100,0x200,0x1000,0x400,-1}"),
	SWEEP(mkdir, "p{0755}"),
	SWEEP(mkdirat, "dp{0755}"),
	SWEEP(rmdir, "p"),
	SWEEP(unlink, "p"),
	SWEEP(unlinkat, "dp{0,0x200,0x100,-1}"),
	SWEEP_SINGLY(rename, "pn"),
	SWEEP_SINGLY(renameat2, "dpdn{0,1,2,3,8,-1}"),
	SWEEP_SINGLY(renameat2, "dpdn{1,0}"),
	SWEEP_SINGLY(renameat2, "dpdp{2,0}"),
	SWEEP_SINGLY(link, "pn"),
	SWEEP_SINGLY(linkat, "dpdn{0,0x400,0x1000,0x200,-1}"),
	SWEEP_SINGLY(symlink, "pn"),
	SWEEP_SINGLY(symlinkat, "pdn"),
	SWEEP_KEPT(readlink, "pb{64,0,1,-1,0x80000000}"),
	SWEEP_KEPT(readlinkat, "dpb{64,0,-1}"),
	SWEEP(chmod, "p{0644,0}"),
	SWEEP(fchmodat, "dp{0644}"),
	SWEEP(chown, "p{-1}{-1}"),
	SWEEP(lchown, "p{-1}{-1}"),
	SWEEP(fchownat, "dp{-1}{-1}{0,0x100,0x1000,0x200,-1}"),
	SWEEP(utimensat, "dp{0,1,-1}{0,0x100,0x1000,-1}"),
	SWEEP(utime, "p{0,1}"),
	SWEEP(utimes, "p{0,1}"),
	SWEEP(chdir, "p"),
	SWEEP_KEPT(stat, "pb"),
	SWEEP_KEPT(lstat, "pb"),
	SWEEP_KEPT(newfstatat, "dpb{0,0x100,0x1000,0x800,0x200,-1}"),
	SWEEP_KEPT(statx,
		   "dp{0,0x100,0x1000,0x800,0x2000,0x6000,0x200,-1}{0xfff,0,-1,0x80000000}b"),
	SWEEP_KEPT(statfs, "pb"),
	SWEEP(mknod, "p{0100644,0010644,0140644,0040644,0120644,0,0170000}{0}"),
	SWEEP(mknodat, "dp{0100644,0010644,0040644}{0}"),
	SWEEP_KEPT(getxattr, "ppb{4,0}"),
	SWEEP_KEPT(lgetxattr, "ppb{4}"),
	SWEEP_KEPT(listxattr, "pb{0,16,-1}"),
	SWEEP_KEPT(removexattr, "pp"),
	SWEEP_KEPT(getcwd, "b{4096,0,1,5,6,-1}"),
	SWEEP(inotify_add_watch, "{20,24,26,28,25,37,-1}p{0x100,0,0x01000100,-1}"),
	SWEEP(openat2, "dpi{24,0,8,23,25,4096,4097,-1}"),
};

int main(int argc, char **argv)
{
	return sweep(calls, sizeof(calls) / sizeof(calls[0]), argc, argv);
}
