/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Socket calls with good and bad arguments.
 *
 * Not compared: which of two errors there is of descriptors that are not sockets, and flags of
 * 2^32 - 1.
 *
 * cases: kernel 6.18 (the order in which errors are found differs from version to version)
 * cases: memory (each call has its files made again)
 * cases: mote --net
 * cases: filter grep -vE \
 * cases: filter -e '\(O_PATH, ' \
 * cases: filter -e '^socketpair\(1, -1' \
 * cases: filter -e '^(send|recv)(to|from|m?msg)\(read, .*(kernel|-1)' \
 * cases: filter -e '^(send|recv)mmsg\(read, buffer, 0' \
 * cases: filter -e '^connect\(read, buffer, 0x80' \
 * cases: filter -e '^setsockopt\(read, .*, -1\)'
 */
#define _GNU_SOURCE
#include "sweep.h"

static const struct swept calls[] = {
	SWEEP(socket, "{1,0,2,10,3,45,46,-1}{1,2,5,0,6,0x801,0x80001,0x10001,"
		      "-1}{0,6,17,1,58,-1}"),
	SWEEP(socketpair, "{1,0,2,10,46,-1}{1,2,5,0,6,0x801,0x80001,-1}{0,1,6,-1}b"),
	SWEEP(bind, "fi{16,0,2,1,110,128,129,-1}"),
	SWEEP(connect, "fi{16,0,2,1,110,128,129,-1}"),
	SWEEP(listen, "f{5,0,-1}"),
	SWEEP(accept, "fbi"),
	SWEEP(accept4, "fbi{0,0x800,0x80000,1,-1}"),
	SWEEP_SHOWN(sendto, "fi{8,0,-1,0x80000000}{0x4000,0x4040,0x40,1,0x4001,2,"
			    "-1}{0}{0,16,-1}"),
	SWEEP_SHOWN(recvfrom, "fb{8,0,-1}{0,0x40,2,1,0x20,0x100,0x2000,-1}b{0}"),
	SWEEP(sendmsg, "fi{0x4000,0x4040,0,-1}"),
	SWEEP(recvmsg, "fb{0x40,0,1,0x2000,-1}"),
	SWEEP(sendmmsg, "fi{1,0,-1}{0x4000,-1}"),
	SWEEP(recvmmsg, "fi{1,0,-1}{0x40,-1}{0}"),
	SWEEP(shutdown, "f{0,1,2,3,-1}"),
	SWEEP(getsockname, "fbi"),
	SWEEP(getpeername, "fbi"),
	SWEEP(setsockopt, "f{1,0,6,41,17,300,-1}{2,3,4,7,8,9,20,21,13,26,0,1000,"
			  "-1}i{4,0,1,16,-1}"),
	SWEEP(getsockopt, "f{1,0,6,41,17,300,-1}{2,3,4,7,8,17,20,30,38,39,0,1000,-1}bi"),
};

int main(int argc, char **argv)
{
	return sweep(calls, sizeof(calls) / sizeof(calls[0]), argc, argv);
}
