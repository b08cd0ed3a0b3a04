/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The output protocol of abi/layout.h with both of its sides as they are in the product,
 * guest/lib/output.c and output_take() of vm/run/output.c, each in a thread of its own. A guest
 * that runs while the host empties its buffer is more than one vCPU asks for, whose host acts only
 * while it is stopped: test/unit/guest_output_steps.c has that.
 */
#include "guest_output.h"
#include "abi/guest_calls.h"
#include "vm/run/output.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

#ifdef __SANITIZE_THREAD__
enum { APPENDS = 300000, MEETINGS = 30000, SCRIBBLES = 30000 };
#else
enum { APPENDS = 4000000, MEETINGS = 400000, SCRIBBLES = 300000 };
#endif

/* Of each test on a machine that has better things to do: the figures above are what an idle one
 * reaches. */
enum { SECONDS_MAX = 10 };

static struct mote_area area;

static bool time_is_over(time_t began)
{
	return time(NULL) - began > SECONDS_MAX;
}

static uint32_t dice(uint64_t *state)
{
	*state = *state * 6364136223846793005UL + 1442695040888963407UL;
	return (uint32_t)(*state >> 33);
}

/* --- the host: what it takes must be the stream of bytes that the guest writes --- */

/* Orders the host's thread and the guest's host calls, as a VM does. Appending is outside of it. */
static pthread_mutex_t host = PTHREAD_MUTEX_INITIALIZER;
static uint64_t received;  /* bytes, guarded by `host` */
static atomic_ulong wrong; /* position + 1 of the first byte that is not the stream's next */
static uint64_t by_call, by_buffer; /* bytes that came on either way, guarded by `host` */

static uint8_t stream_byte(uint64_t at)
{
	return (uint8_t)((at * 0x9e3779b97f4a7c15UL) >> 56);
}

/* Every eighth block of the stream is for the other descriptor. */
enum { BLOCK = 256 };
static uint32_t stream_fd(uint64_t at)
{
	return at / BLOCK % 8 == 7 ? 2 : 1;
}

static void receive(const uint8_t *bytes, uint32_t len, uint32_t fd)
{
	for (uint32_t i = 0; i < len; i++, received++)
		if (bytes[i] != stream_byte(received) || fd != stream_fd(received)) {
			unsigned long none = 0;
			atomic_compare_exchange_strong(&wrong, &none, received + 1);
		}
}

static uint32_t empty(void)
{
	uint8_t bytes[MOTE_OUTPUT_BYTES];
	uint32_t fd = 0, len = output_take(&area, bytes, &fd);
	receive(bytes, len, fd);
	by_buffer += len;
	return len;
}

struct mote_area *mote_area(void)
{
	return &area;
}

/* What the guest's host call is to write; NULL: it is to have no effect but that of every call. */
static const uint8_t *direct;
static uint32_t direct_len;

/* A host call: what waits is written first. A write of few bytes arms the buffer. */
int64_t mote_hostcall(struct mote_area *a)
{
	pthread_mutex_lock(&host);
	(void)empty();
	if (direct) {
		receive(direct, direct_len, (uint32_t)a->frame.arg[0]);
		by_call += direct_len;
		__atomic_store_n(&a->output_armed, 1, __ATOMIC_RELEASE);
	}
	pthread_mutex_unlock(&host);
	return 0;
}

/* As vcpu_output_expired(): the timer goes on while there is output. */
static void expire(void)
{
	if (__atomic_load_n(&area.output_len, __ATOMIC_RELAXED) == 0)
		output_disarm(&area);
	(void)empty();
}

static void *run_host(void *ended)
{
	uint64_t seed = 1;
	while (!atomic_load((atomic_bool *)ended)) {
		uint32_t what = dice(&seed) % 16;
		pthread_mutex_lock(&host);
		if (what == 0) {
			output_disarm(&area);
			(void)empty();
		} else if (what < 4) {
			expire();
		} else {
			(void)empty();
		}
		pthread_mutex_unlock(&host);
		for (uint32_t i = dice(&seed) % 200; i; i--)
			__asm__ volatile("" ::: "memory");
	}
	return NULL;
}

/* --- the guest --- */

static void write_bytes(uint32_t fd, const uint8_t *bytes, uint32_t n)
{
	if (!output_append(&area, fd, bytes, n)) {
		direct = bytes;
		direct_len = n;
		(void)mote_writev(&area, (int32_t)fd, NULL, 0);
		direct = NULL;
	}
}

/* Output never waits without a timer. */
static bool waits_for_nothing(void)
{
	pthread_mutex_lock(&host);
	bool stuck = area.output_len != 0 && !area.output_armed;
	pthread_mutex_unlock(&host);
	return stuck;
}

Test(guest_output, no_byte_is_lost_doubled_or_reordered)
{
	atomic_bool ended = false;
	uint8_t bytes[BLOCK];
	uint64_t at = 0, seed = 2, stuck = 0;
	pthread_t thread;
	memset(&area, 0, sizeof(area));
	cr_assert(pthread_create(&thread, NULL, run_host, &ended) == 0);
	const time_t began = time(NULL);
	for (uint32_t i = 0; i < APPENDS && !atomic_load(&wrong); i++) {
		if (i % 4096 == 0 && time_is_over(began))
			break;
		uint32_t n = 1 + dice(&seed) % 40, left = BLOCK - at % BLOCK;
		if (n > left)
			n = left;
		for (uint32_t k = 0; k < n; k++)
			bytes[k] = stream_byte(at + k);
		write_bytes(stream_fd(at), bytes, n);
		at += n;
		if (i % 61 == 0)
			stuck += waits_for_nothing();
	}
	atomic_store(&ended, true);
	pthread_join(thread, NULL);
	(void)empty();
	cr_expect(!atomic_load(&wrong), "byte %lu", atomic_load(&wrong) - 1);
	cr_expect(received == at, "%lu of %lu bytes", received, at);
	cr_expect(stuck == 0, "output waited without a timer %lu times", stuck);
	/* Both ways were gone, and they met. */
	cr_expect(by_buffer > at / 100 && by_call > 0, "%lu buffered, %lu by calls", by_buffer,
		  by_call);
}

/* --- the litmus test: one append meets one disarming --- */

struct meeting {
	_Alignas(64) atomic_uint ready; /* the host waits for this round */
	_Alignas(64) atomic_uint round;
	_Alignas(64) atomic_uint done;
};

static struct meeting met;

/* So that the two meet at every distance: the host sees a round some hundred cycles later. */
static void linger(uint64_t *seed, uint32_t most)
{
	for (uint32_t i = dice(seed) % most; i; i--)
		__asm__ volatile("" ::: "memory");
}

enum { LAST = UINT32_MAX };

/* False if the last meeting was before. */
static bool await(atomic_uint *word, unsigned value)
{
	for (unsigned looks = 0;; looks++) {
		const unsigned now = atomic_load(word);
		if (now == value || now == LAST)
			return now == value;
		if (looks % 1024 == 1023)
			sched_yield();
	}
}

static void *disarm_once_a_round(void *unused)
{
	(void)unused;
	uint64_t seed = 3;
	for (unsigned round = 1;; round++) {
		atomic_store(&met.ready, round);
		if (!await(&met.round, round))
			return NULL;
		linger(&seed, 64);
		pthread_mutex_lock(
			&host); /* before both: nothing but their own order is between them */
		output_disarm(&area);
		(void)empty();
		pthread_mutex_unlock(&host);
		atomic_store(&met.done, round);
	}
}

Test(guest_output, a_side_sees_the_other_s_store)
{
	uint64_t seed = 4, stuck = 0;
	unsigned rounds = 0;
	const time_t began = time(NULL);
	pthread_t thread;
	memset(&area, 0, sizeof(area));
	cr_assert(pthread_create(&thread, NULL, disarm_once_a_round, NULL) == 0);
	for (unsigned round = 1; round <= MEETINGS && !time_is_over(began); round++) {
		area.output_armed = 1;
		(void)await(&met.ready, round);
		atomic_store(&met.round, round);
		linger(&seed, 1024);
		const uint8_t byte = stream_byte(round - 1);
		write_bytes(stream_fd(round - 1), &byte, 1);
		(void)await(&met.done, round);
		rounds = round;
		stuck += area.output_len != 0 && !area.output_armed;
	}
	atomic_store(&met.round, LAST);
	pthread_join(thread, NULL);
	pthread_mutex_lock(&host);
	(void)empty();
	cr_expect(stuck == 0, "output waited without a timer in %lu of %u rounds", stuck, rounds);
	cr_expect(!atomic_load(&wrong) && received == rounds, "%lu bytes", received);
	pthread_mutex_unlock(&host);
}

/* --- a guest that breaks the protocol --- */

static void *scribble(void *ended)
{
	uint64_t seed = 5;
	while (!atomic_load((atomic_bool *)ended)) {
		uint32_t any = dice(&seed);
		__atomic_store_n(&area.output_len, any % 3 ? any % (2 * MOTE_OUTPUT_BYTES) : any,
				 __ATOMIC_RELAXED);
		__atomic_store_n(&area.output_fd, any, __ATOMIC_RELAXED);
	}
	return NULL;
}

Test(guest_output, a_length_that_moves_ends_nothing)
{
	static uint8_t bytes[MOTE_OUTPUT_BYTES + 64];
	atomic_bool ended = false;
	uint32_t fd;
	uint64_t taken = 0, dropped = 0;
	pthread_t thread;
	memset(&area, 0, sizeof(area));
	cr_assert(pthread_create(&thread, NULL, scribble, &ended) == 0);
	const time_t began = time(NULL);
	for (uint64_t i = 0; (i < SCRIBBLES || taken < SCRIBBLES / 100) && !time_is_over(began);
	     i++) {
		uint32_t len = output_take(&area, bytes, &fd);
		cr_assert(len <= MOTE_OUTPUT_BYTES);
		taken += len != 0;
		dropped += len == 0;
	}
	atomic_store(&ended, true);
	pthread_join(thread, NULL);
	cr_expect(taken > 0 && dropped > 0, "%lu taken, %lu not", taken, dropped);
	for (size_t i = MOTE_OUTPUT_BYTES; i < sizeof(bytes); i++)
		cr_assert(bytes[i] == 0, "written beyond the copy");
}
