/* SPDX-License-Identifier: Apache-2.0 */
/* Linux error numbers, as host calls answer them, in WASI's numbering. */
#include "guest/wasi/wasi.h"

#define LX_EXDEV 18

/* By Linux number (asm-generic/errno.h); what is not here has no like in WASI. */
static const uint8_t from_linux[] = {
	[1] = WASI_PERM,
	[2] = WASI_NOENT,
	[3] = WASI_SRCH,
	[4] = WASI_INTR,
	[5] = WASI_IO,
	[6] = WASI_NXIO,
	[7] = WASI_2BIG,
	[8] = WASI_NOEXEC,
	[9] = WASI_BADF,
	[10] = WASI_CHILD,
	[11] = WASI_AGAIN,
	[12] = WASI_NOMEM,
	[13] = WASI_ACCES,
	[14] = WASI_FAULT,
	[16] = WASI_BUSY,
	[17] = WASI_EXIST,
	[LX_EXDEV] = WASI_XDEV,
	[19] = WASI_NODEV,
	[20] = WASI_NOTDIR,
	[21] = WASI_ISDIR,
	[22] = WASI_INVAL,
	[23] = WASI_NFILE,
	[24] = WASI_MFILE,
	[25] = WASI_NOTTY,
	[26] = WASI_TXTBSY,
	[27] = WASI_FBIG,
	[28] = WASI_NOSPC,
	[29] = WASI_SPIPE,
	[30] = WASI_ROFS,
	[31] = WASI_MLINK,
	[32] = WASI_PIPE,
	[33] = WASI_DOM,
	[34] = WASI_RANGE,
	[35] = WASI_DEADLK,
	[36] = WASI_NAMETOOLONG,
	[37] = WASI_NOLCK,
	[38] = WASI_NOSYS,
	[39] = WASI_NOTEMPTY,
	[40] = WASI_LOOP,
	[42] = WASI_NOMSG,
	[43] = WASI_IDRM,
	[67] = WASI_NOLINK,
	[71] = WASI_PROTO,
	[72] = WASI_MULTIHOP,
	[74] = WASI_BADMSG,
	[75] = WASI_OVERFLOW,
	[84] = WASI_ILSEQ,
	[88] = WASI_NOTSOCK,
	[89] = WASI_DESTADDRREQ,
	[90] = WASI_MSGSIZE,
	[91] = WASI_PROTOTYPE,
	[92] = WASI_NOPROTOOPT,
	[93] = WASI_PROTONOSUPPORT,
	[95] = WASI_NOTSUP,
	[97] = WASI_AFNOSUPPORT,
	[98] = WASI_ADDRINUSE,
	[99] = WASI_ADDRNOTAVAIL,
	[100] = WASI_NETDOWN,
	[101] = WASI_NETUNREACH,
	[102] = WASI_NETRESET,
	[103] = WASI_CONNABORTED,
	[104] = WASI_CONNRESET,
	[105] = WASI_NOBUFS,
	[106] = WASI_ISCONN,
	[107] = WASI_NOTCONN,
	[110] = WASI_TIMEDOUT,
	[111] = WASI_CONNREFUSED,
	[113] = WASI_HOSTUNREACH,
	[114] = WASI_ALREADY,
	[115] = WASI_INPROGRESS,
	[116] = WASI_STALE,
	[122] = WASI_DQUOT,
	[125] = WASI_CANCELED,
	[130] = WASI_OWNERDEAD,
	[131] = WASI_NOTRECOVERABLE,
};

uint32_t wasi_errno(int64_t result)
{
	if (result >= 0)
		return WASI_SUCCESS;
	uint64_t nr = -(uint64_t)result;
	return nr < sizeof(from_linux) && from_linux[nr] ? from_linux[nr] : WASI_IO;
}

uint32_t wasi_path_errno(int64_t result)
{
	return result == -LX_EXDEV ? WASI_PERM : wasi_errno(result);
}
