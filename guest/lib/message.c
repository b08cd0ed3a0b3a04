/* SPDX-License-Identifier: Apache-2.0 */
/* Messages of a guest runtime to the operator and the user. */
#include "abi/guest_calls.h"
#include "guest/lib/lib.h"

#define LINE_MAX 400
#define ERROR_FD 2
#define SIGABRT  6

void lib_write(int fd, const void *bytes, size_t len)
{
	struct mote_iovec v = {.base = (uint64_t)bytes, .len = len};
	while (v.len) {
		int64_t n = mote_writev(mote_area(), fd, &v, 1);
		if (n <= 0)
			return;
		v.base += (uint64_t)n;
		v.len -= (uint64_t)n;
	}
}

void lib_log(const char *fmt, ...)
{
	char line[LINE_MAX];
	va_list ap;
	va_start(ap, fmt);
	size_t n = lib_vformat(line, sizeof(line), fmt, ap);
	va_end(ap);
	(void)mote_log(mote_area(), line, n);
}

static void error_line(const char *what, const char *fmt, va_list ap)
{
	char line[LINE_MAX];
	size_t n = lib_format(line, sizeof(line), "mote: %s", what);
	n += lib_vformat(line + n, sizeof(line) - 1 - n, fmt, ap);
	line[n++] = '\n';
	lib_write(ERROR_FD, line, n);
}

void lib_error(const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	error_line("", fmt, ap);
	va_end(ap);
}

_Noreturn void lib_panic(const char *fmt, ...)
{
	char line[LINE_MAX];
	va_list ap;
	va_start(ap, fmt);
	size_t n = lib_vformat(line, sizeof(line), fmt, ap);
	(void)mote_log(mote_area(), line, n);
	error_line("internal error in the guest: ", fmt, ap);
	va_end(ap);
	for (;;)
		(void)mote_exit_signal(mote_area(), SIGABRT);
}
