/* SPDX-License-Identifier: Apache-2.0 */
/* Arguments, environment, clocks, random bytes, and the end of the process. */
#include "guest/wasi/p1/p1.h"

#define RANDOM_PIECE (1 << 20)

/* --- strings of the boot information --- */

static uint32_t get_sizes(const struct wasm_instance *inst, struct wasi_strings s, uint32_t count,
			  uint32_t bytes)
{
	void *c = wasi_span(inst, count, sizeof(uint32_t)),
	     *b = wasi_span(inst, bytes, sizeof(uint32_t));
	if (!c || !b)
		return WASI_FAULT;
	size_t sum = 0; /* boot information is of 2 MiB at most */
	for (uint32_t i = 0; i < s.count; i++)
		sum += strlen(wasi_boot_string(s.offsets[i])) + 1;
	wasi_store32(c, s.count);
	wasi_store32(b, (uint32_t)sum);
	return WASI_SUCCESS;
}

static uint32_t get_strings(const struct wasm_instance *inst, struct wasi_strings s,
			    uint32_t pointers, uint32_t buf)
{
	uint8_t *p = wasi_span(inst, pointers, (uint64_t)s.count * sizeof(uint32_t));
	if (!p)
		return WASI_FAULT;
	uint64_t at = buf;
	for (uint32_t i = 0; i < s.count; i++) {
		const char *from = wasi_boot_string(s.offsets[i]);
		size_t bytes = strlen(from) + 1;
		if (at > UINT32_MAX)
			return WASI_FAULT;
		void *to = wasi_span(inst, (uint32_t)at, bytes);
		if (!to)
			return WASI_FAULT;
		memcpy(to, from, bytes);
		wasi_store32(p + i * sizeof(uint32_t), (uint32_t)at);
		at += bytes;
	}
	return WASI_SUCCESS;
}

uint32_t p1_args_sizes_get(const struct wasm_instance *inst, uint32_t argc, uint32_t argv_buf_size)
{
	return get_sizes(inst, wasi_arguments(), argc, argv_buf_size);
}

uint32_t p1_args_get(const struct wasm_instance *inst, uint32_t argv, uint32_t argv_buf)
{
	return get_strings(inst, wasi_arguments(), argv, argv_buf);
}

uint32_t p1_environ_sizes_get(const struct wasm_instance *inst, uint32_t environc,
			      uint32_t environ_buf_size)
{
	return get_sizes(inst, wasi_environment(), environc, environ_buf_size);
}

uint32_t p1_environ_get(const struct wasm_instance *inst, uint32_t environ, uint32_t environ_buf)
{
	return get_strings(inst, wasi_environment(), environ, environ_buf);
}

/* --- clocks: WASI's four have Linux's numbers --- */

static uint32_t put_time(void *to, int64_t rc, const struct mote_time *t)
{
	if (rc >= 0)
		wasi_store64(to, p1_timestamp(t));
	return p1_errno(rc);
}

uint32_t p1_clock_res_get(const struct wasm_instance *inst, uint32_t id, uint32_t resolution)
{
	struct mote_time t = {0};
	void *to = wasi_span(inst, resolution, sizeof(uint64_t));
	if (!to)
		return WASI_FAULT;
	if (id > WASI_CLOCK_THREAD_CPUTIME)
		return WASI_INVAL;
	return put_time(to, mote_clock_resolution(mote_area(), id, &t), &t);
}

uint32_t p1_clock_time_get(const struct wasm_instance *inst, uint32_t id, uint64_t precision,
			   uint32_t time)
{
	(void)precision; /* always the best there is */
	struct mote_time t = {0};
	void *to = wasi_span(inst, time, sizeof(uint64_t));
	if (!to)
		return WASI_FAULT;
	if (id > WASI_CLOCK_THREAD_CPUTIME)
		return WASI_INVAL;
	return put_time(to, lib_clock_get(mote_area(), id, &t), &t);
}

/* --- the rest --- */

uint32_t p1_random_get(const struct wasm_instance *inst, uint32_t buf, uint32_t buf_len)
{
	uint8_t *to = wasi_span(inst, buf, buf_len);
	if (!to)
		return WASI_FAULT;
	for (uint64_t done = 0; done < buf_len;) {
		uint64_t piece = buf_len - done;
		if (piece > RANDOM_PIECE)
			piece = RANDOM_PIECE;
		int64_t rc = mote_random(mote_area(), to + done, piece);
		if (rc < 0)
			return p1_errno(rc);
		if (rc == 0)
			return WASI_IO;
		done += (uint64_t)rc;
	}
	return WASI_SUCCESS;
}

uint32_t p1_sched_yield(const struct wasm_instance *inst)
{
	(void)inst;
	return p1_errno(mote_yield(mote_area()));
}

void p1_proc_exit(const struct wasm_instance *inst, uint32_t code)
{
	(void)inst;
	mote_exit(mote_area(), (int32_t)code);
	__builtin_unreachable();
}

/* A signal to the program itself does what its default action is; there are no handlers. */
uint32_t p1_proc_raise(const struct wasm_instance *inst, uint32_t sig)
{
	(void)inst;
	/* Linux's numbers of WASI's signals; 0: default is to ignore or to go on, 255: to stop. */
	static const uint8_t signals[] = {
		0,  1,  2,   3,   4,   5,   6,  7,
		8,  9,  10,  11,  12,  0,   14, 15, /* none to term; pipe is ignored */
		0,  0,  255, 255, 255, 255, 0,      /* chld, cont, stop to ttou, urg */
		24, 25, 26,  27,  0,   29,  30, 31, /* xcpu to prof, winch, poll, pwr, sys */
	};
	if (sig >= sizeof(signals))
		return WASI_INVAL;
	if (signals[sig] == 255)
		return WASI_NOTSUP;
	if (signals[sig] == 0)
		return WASI_SUCCESS;
	return p1_errno(mote_exit_signal(mote_area(), signals[sig]));
}
