/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls on descriptors with good and bad arguments.
 *
 * Not compared: transfers that are wrong twice over (a descriptor of events that cannot be read,
 * and bad memory), /dev/null with memory that is not there, how much of a huge write a socket takes
 * before the memory ends, and files in memory at the end of all offsets.
 *
 * cases: kernel 6.18 (the order in which errors are found differs from version to version)
 * cases: memory (each call has its files made again)
 * cases: filter grep -vE \
 * cases: filter -e '^p?(read|write)(64|v|v2)?\((event|epoll|timer|null), ' \
 * cases: filter -e '^write\(stream, .*2\^31' \
 * cases: filter -e '\(memfd, .*, max' \
 * cases: filter -e '^pread.*, max' \
 * cases: filter -e '^pread64\((dir|read), .*, 0, 0\)' \
 * cases: filter -e '^p?readv2?\(.*, (bad|null|edge), ' \
 * cases: filter -e '^preadv2\(dir' \
 * cases: filter -e '^vmsplice\(0x1a, bad' \
 * cases: filter -e '^ioctl\(epoll' \
 * cases: filter -e '^splice\(.*, 0x1b, null' \
 * cases: filter -e '^f(list|set)xattr\((stream|.*(null|kernel|unmapped), (4|0), 0\))'
 */
#define _GNU_SOURCE
#include "sweep.h"

static const struct swept calls[] = {
	SWEEP_SHOWN(read, "fbs"),
	SWEEP_SHOWN(write, "fis"),
	SWEEP_SHOWN(pread64, "fbso"),
	SWEEP_SHOWN(pwrite64, "fiso"),
	SWEEP_SHOWN(readv, "fv{1,0,1025,-1}"),
	SWEEP_SHOWN(writev, "fv{1,0,1025,-1}"),
	SWEEP_SHOWN(preadv, "fv{1,0,1025,-1}o{0}"),
	SWEEP_SHOWN(pwritev, "fv{1,0,1025,-1}o{0}"),
	SWEEP_SHOWN(preadv2, "fv{1,0,1025}o{0}{0,1,2}"),
	SWEEP_SHOWN(pwritev2, "fv{1,0,1025}o{0}{0,1,2,0x10}"),
	SWEEP_KEPT(lseek, "f{0,8,-1,4096,0x7fffffffffffffff}{0,1,2,3,4,5,-1}"),
	SWEEP_SHOWN(sendfile, "{22,20,21,24,25,27,28,30,37,-1}fi{16,0,1,-1}"),
	SWEEP_SHOWN(copy_file_range,
		    "{22,20,21,24,25,26,37,-1}i{21,22,23,24,25,27,37}i{8,0,-1}{0,1,-1}"),
	SWEEP_SHOWN(splice, "fi{27,26,28,22,37}i{8,0,-1}{0,2,0x10,-1}"),
	SWEEP_SHOWN(tee, "f{27,26,22,37}{8,0,-1}{0,2,0x10,-1}"),
	SWEEP_SHOWN(vmsplice, "{27,26,37,-1}v{1}{2,10,0x10,-1}"),
	SWEEP(close, "f"),
	SWEEP(close_range, "{50,0x100000,-1}{60,40,-1}{0,2,4,6,8,-1}"),
	SWEEP(dup, "f"),
	SWEEP(dup2, "f{50,20,-1,0x100000,0x7fffffff}"),
	SWEEP(dup3, "f{50,20,-1,0x100000}{0,0x80000,0x800,-1}"),
	SWEEP(fcntl, "f{1,0,2,3,4,5,6,7,9,11,12,13,14,16,18,36,37,38,1025,1030,"
		     "1032,1034,1035,-1}{0,1,0x400,50,-1}"),
	SWEEP_KEPT(ioctl, "f{0x5401,0x5413,0x541b,0x5421,0x5450,0x5451,0x5452,0x5410,"
			  "0x540f,0x12345678,-1,0}b"),
	SWEEP_KEPT(fsync, "f"),
	SWEEP_KEPT(fdatasync, "f"),
	SWEEP_KEPT(syncfs, "f"),
	SWEEP_KEPT(sync_file_range, "f{0,-1,4096}{0,-1,4096}{0,7,8,-1}"),
	SWEEP_KEPT(readahead, "f{0,8,4096,-1}{0,4096,-1}"),
	SWEEP(ftruncate, "f{0,8,4096,-1,0x8000000000000000}"),
	SWEEP(fallocate, "f{0,1,2,3,4,8,0x10,0x20,0x40,0x80,-1}{0,-1,4096}{4096,0,-1,1}"),
	SWEEP_KEPT(fadvise64, "f{0,-1,4096}{0,-1,4096}{0,1,2,3,4,5,6,7,-1}"),
	SWEEP(flock, "f{5,6,8,1,2,0,3,7,0x20,-1}"),
	SWEEP_KEPT(fstat, "fb"),
	SWEEP_KEPT(fstatfs, "fb"),
	SWEEP(getdents64, "fb{4096,0,1,16,23,24,-1}"),
	SWEEP(getdents, "fb{4096,0,1,16,23,24,-1}"),
	SWEEP(fchmod, "{20,21,24,25,37,-1}{0644,0,0100644}"),
	SWEEP(fchown, "{20,21,24,25,37,-1}{-1,0}{-1,0}"),
	SWEEP(fchdir, "f"),
	SWEEP(fsetxattr, "fpi{4,0,0x10001,-1}{0,1,2,3,4}"),
	SWEEP_KEPT(fgetxattr, "fpb{4,0,-1}"),
	SWEEP_KEPT(flistxattr, "fbs"),
	SWEEP_KEPT(fremovexattr, "fp"),
};

int main(int argc, char **argv)
{
	return sweep(calls, sizeof(calls) / sizeof(calls[0]), argc, argv);
}
