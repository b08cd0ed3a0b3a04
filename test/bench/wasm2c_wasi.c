/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The little of WASI that the benchmarks' programs need when Debian's wasm2c has made C of them:
 * arguments, the clock, writing to standard output and error, the end. Nothing else is there: such
 * a call ends the program by name.
 */
#include "program.h" /* what wasm2c wrote, for a module called program */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define WASI_EBADF  8
#define WASI_EIO    29
#define WASI_ESPIPE 70

struct Z_wasi_snapshot_preview1_instance_t {
	Z_program_instance_t program;
	int argc;
	char **argv;
};
#define WASI(name) Z_wasi_snapshot_preview1Z_##name
typedef struct Z_wasi_snapshot_preview1_instance_t host;

static void put32(host *h, u32 at, u32 v)
{
	memcpy(h->program.w2c_memory.data + at, &v, sizeof(v));
}

static u32 get32(host *h, u32 at)
{
	u32 v;
	memcpy(&v, h->program.w2c_memory.data + at, sizeof(v));
	return v;
}

u32 WASI(args_sizes_get)(host *h, u32 count, u32 bytes)
{
	u32 sum = 0;
	for (int i = 0; i < h->argc; i++)
		sum += (u32)strlen(h->argv[i]) + 1;
	put32(h, count, (u32)h->argc);
	put32(h, bytes, sum);
	return 0;
}

u32 WASI(args_get)(host *h, u32 argv, u32 to)
{
	for (int i = 0; i < h->argc; i++) {
		u32 n = (u32)strlen(h->argv[i]) + 1;
		put32(h, argv + 4 * (u32)i, to);
		memcpy(h->program.w2c_memory.data + to, h->argv[i], n);
		to += n;
	}
	return 0;
}

u32 WASI(clock_time_get)(host *h, u32 clock, u64 precision, u32 to)
{
	struct timespec t;
	(void)precision;
	clock_gettime(clock ? CLOCK_MONOTONIC : CLOCK_REALTIME, &t);
	u64 ns = (u64)t.tv_sec * 1000000000u + (u64)t.tv_nsec;
	memcpy(h->program.w2c_memory.data + to, &ns, sizeof(ns));
	return 0;
}

u32 WASI(fd_write)(host *h, u32 fd, u32 vectors, u32 count, u32 written)
{
	u32 sum = 0;
	if (fd != 1 && fd != 2)
		return WASI_EBADF;
	for (; count; count--, vectors += 8) {
		u32 n = get32(h, vectors + 4);
		if (write((int)fd, h->program.w2c_memory.data + get32(h, vectors), n) != (ssize_t)n)
			return WASI_EIO;
		sum += n;
	}
	put32(h, written, sum);
	return 0;
}

/* A character device, so that standard output is written line by line. */
u32 WASI(fd_fdstat_get)(host *h, u32 fd, u32 to)
{
	if (fd > 2)
		return WASI_EBADF;
	memset(h->program.w2c_memory.data + to, 0, 24);
	h->program.w2c_memory.data[to] = 2;
	return 0;
}

u32 WASI(fd_close)(host *h, u32 fd)
{
	(void)h;
	return fd > 2 ? WASI_EBADF : 0;
}

u32 WASI(fd_seek)(host *h, u32 fd, u64 offset, u32 whence, u32 to)
{
	(void)h, (void)offset, (void)whence, (void)to;
	return fd > 2 ? WASI_EBADF : WASI_ESPIPE;
}

void WASI(proc_exit)(host *h, u32 status)
{
	(void)h;
	exit((int)status);
}

int main(int argc, char **argv)
{
	static host h;
	h.argc = argc;
	h.argv = argv;
	wasm_rt_init();
	Z_program_init_module();
	Z_program_instantiate(&h.program, &h);
	Z_programZ__start(&h.program);
	return 0;
}
