/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rewrites the frame, the vectors, the paths and the state of a call while the poller parses it. It
 * has no second vCPU: after asking by the polled call slot it mutates what it has asked until it is
 * answered. It ends by its time limit.
 */
#include "polled_calls.h"
#include "guest.h"

#include "guest/lib/lib.h"

_Static_assert(COUNTS_AT == DATA, "counted there");

/* mapped, RW; after BUFFER_BYTES a hole, then two pages that can only be read */
#define BUFFER       0x20000000UL
#define BUFFER_BYTES 0x40000UL
#define READ_ONLY    (BUFFER + 0x50000UL)

static volatile struct poller_counts *const counts = (volatile struct poller_counts *)DATA;
static int32_t directory = -1, file = -1;

static uint64_t cycles(void)
{
	return __builtin_ia32_rdtsc();
}

static uint64_t any_value(void)
{
	static const uint64_t odd[] = {0,
				       1,
				       7,
				       4095,
				       4096,
				       4097,
				       1024,
				       1025,
				       0x7fffffff,
				       0xffffffff,
				       1UL << 32,
				       1UL << 47,
				       (1UL << 47) - 1,
				       MOTE_VA_END,
				       MOTE_VA_END - 16,
				       1UL << 62,
				       (1UL << 63) - 1,
				       1UL << 63,
				       ~0UL,
				       ~0UL - 4095,
				       BUFFER,
				       BUFFER + 4096,
				       BUFFER + 8191,
				       BUFFER + BUFFER_BYTES - 1,
				       READ_ONLY,
				       READ_ONLY + 4090,
				       MOTE_AREAS_VA,
				       MOTE_BOOT_VA,
				       MOTE_KERNEL,
				       MOTE_KERNEL_STUBS,
				       3,
				       4,
				       5,
				       6};
	uint64_t r = guest_random();
	if (r & 7)
		return odd[(r >> 8) % (sizeof(odd) / sizeof(odd[0]))];
	return r & 8 ? BUFFER + (r >> 8 & 0xffff) : guest_random();
}

/* Each call that a poller may carry out: the rows of calls.def whose thread is not VCPU. */
#define THREAD_VCPU(number)
#define THREAD_POLLED(number)                         number,
#define THREAD_POLLED_IF(condition)                   THREAD_POLLED
#define CALL(number, name, guests, thread, arguments) THREAD_##thread(number)
static const uint8_t numbers[] = {
#include "abi/calls.def"
};
#undef CALL

static uint8_t any_number(uint64_t r)
{
	return numbers[r % sizeof(numbers)];
}

/* A call that means something, mostly. */
static uint8_t ask(volatile struct mote_frame *f)
{
	uint64_t r = guest_random();
	uint8_t nr = any_number(r >> 16);
	for (unsigned i = 0; i < 8; i++)
		f->arg[i] = any_value();
	f->nr = nr;
	f->arg[0] = r & 3 ? (uint64_t)(r & 4 ? file : directory) : any_value();
	if (nr == HOSTCALL_close || nr == HOSTCALL_dup_to)
		f->arg[0] = 20 + (r >> 8 & 15); /* not those that it needs */
	if (nr == HOSTCALL_dup_to)
		f->arg[1] = 20 + (r >> 12 & 15);
	if (nr >= HOSTCALL_readv && nr <= HOSTCALL_pwritev) {
		f->arg[1] = BUFFER;
		f->arg[2] = r & 8 ? 1 + (r >> 8 & 63) : 1024;
	}
	if (nr == HOSTCALL_open || nr == HOSTCALL_stat ||
	    (nr >= HOSTCALL_mkdir && nr <= HOSTCALL_readlink)) {
		f->arg[1] = BUFFER + (r >> 8 & 0xff);
		f->arg[2] = 1 + (r >> 24 & 31);
	}
	return nr;
}

/* One value of what is being parsed. */
static void mutate(volatile struct mote_frame *f)
{
	uint64_t r = guest_random();
	counts->mutations++;
	switch (r & 7) {
	case 0:
	case 1:
		f->arg[r >> 8 & 7] = any_value();
		break;
	case 2:
		f->nr = any_number(r >> 8);
		break;
	case 3:
	case 4:
	case 5:
		((volatile uint64_t *)BUFFER)[r >> 8 & 0x7ff] = any_value();
		break;
	case 6:
		((volatile uint8_t *)BUFFER)[r >> 8 & 0x1ff] = (uint8_t) "ab./\0x"[(r >> 20) % 6];
		break;
	default:
		if ((r >> 8 & 255) == 0)
			guest_area->slot.state = (uint32_t)(r >> 16) % 7;
		if ((r >> 8 & 255) == 1)
			guest_area->output_len = (uint32_t)any_value();
		if ((r >> 8 & 255) == 2)
			guest_area->pending_signals = any_value();
		break;
	}
}

static void use_doorbell(void)
{
	counts->doorbells++;
	mote_doorbell(guest_area);
}

/* Asks by the polled call slot, and mutates until the answer or for some milliseconds. */
static void ask_the_poller(volatile struct mote_frame *f)
{
	volatile struct mote_call_slot *g = &guest_area->slot;
	uint64_t began = cycles();
	__atomic_store_n(&g->state, MOTE_SLOT_REQUEST, __ATOMIC_RELEASE);
	for (;;) {
		uint32_t state = __atomic_load_n(&g->state, __ATOMIC_ACQUIRE);
		if (state == MOTE_SLOT_DONE) {
			counts->by_poller++;
			break;
		}
		if (state == MOTE_SLOT_DECLINED) {
			counts->declined++;
			break;
		}
		for (unsigned i = 0; i < 16; i++)
			mutate(f);
		if (cycles() - began > 4000000) {
			counts->given_up++;
			f->nr = HOSTCALL_fstat;
			use_doorbell();
			break;
		}
	}
	g->state = MOTE_SLOT_FREE;
	guest_area->output_len = 0;
}

int guest_main(int argc, const char **argv)
{
	volatile struct mote_frame *f = &guest_area->frame;
	struct mote_stat st;
	(void)argc;
	guest_seed((uint64_t)argv[0][0] * 0x9e3779b97f4a7c15 + (uint64_t)argv[0][1] + 1);
	if (mote_mem_map(guest_area, BUFFER, BUFFER_BYTES, RW) < 0 ||
	    mote_mem_map(guest_area, READ_ONLY, 0x2000, MOTE_PROT_READ) < 0)
		return 1;
	directory = 3;
	file = (int32_t)mote_open(guest_area, directory, "rr", 2, 0, 0102, 0600);
	if (file < 0)
		return 2;
	/* Close together, until there is a poller. */
	for (unsigned i = 0; i < 1000; i++)
		mote_fstat(guest_area, file, &st);
	for (;;) {
		uint8_t nr = ask(f);
		counts->calls++;
		for (unsigned i = 0; i < 16; i++)
			((volatile uint64_t *)BUFFER)[guest_random() & 0x1ff] = any_value();
		if (guest_area->slot.polling && guest_random() & 63) {
			ask_the_poller(f);
			continue;
		}
		if (nr == HOSTCALL_poll || nr == HOSTCALL_recv) /* would wait */
			f->nr = HOSTCALL_fstat;
		use_doorbell();
	}
}
