/* SPDX-License-Identifier: Apache-2.0 */
/* Tries by way of the host: host calls that map, and what it does at a fault. */
#include "escape.h"

#include "guest/lib/lib.h"

static void map_calls(uint64_t at, uint64_t bytes)
{
	for (uint32_t prot = 0; prot < 8; prot++) {
		const struct mote_mapping m = {
			.addr = at,
			.bytes = bytes,
			.from = prot & 1 ? 0 : MOTE_MAP_ZEROED,
			.prot = prot,
		};
		escape_must_fail(mote_mem_map(guest_area, at, bytes, prot), "mem_map", at);
		escape_must_fail(mote_mem_map_program(guest_area, at, bytes, 0, prot),
				 "mem_map_program", at);
		escape_must_fail(mote_mem_protect(guest_area, at, bytes, prot), "mem_protect", at);
		escape_must_fail(mote_mem_map_many(guest_area, &m, sizeof(m)), "mem_map_many", at);
	}
	escape_must_fail(mote_mem_unmap(guest_area, at, bytes), "mem_unmap", at);
	escape_must_fail(mote_mem_zero(guest_area, at, bytes), "mem_zero", at);
}

int escape_map_over_the_window(void)
{
	for (uint64_t page = MOTE_KERNEL; page < MOTE_KERNEL + 0x14000; page += MOTE_PAGE)
		map_calls(page, MOTE_PAGE);
	map_calls(MOTE_KERNEL - MOTE_PAGE, 2 * MOTE_PAGE);
	map_calls(MOTE_KERNEL_END - MOTE_PAGE, 2 * MOTE_PAGE);
	map_calls(MOTE_KERNEL, MOTE_KERNEL_END - MOTE_KERNEL);
	map_calls(MOTE_KERNEL - 0x200000, 0x400000);
	map_calls(MOTE_KERNEL - 0x40000000, 0x80000000);
	map_calls(0x1000, MOTE_VA_END - 0x1000);
	return escape_verdict();
}

int escape_map_at_the_canonical_boundary(void)
{
	static const uint64_t at[] = {
		MOTE_VA_END,        MOTE_VA_END - MOTE_PAGE, 0x800000000000,  0xffff800000000000,
		0xfffffffffffff000, 0xffff7ffffffff000,      0x1000000000000, 0x0010000000000000,
	};
	for (size_t i = 0; i < ARRAY_SIZE(at); i++)
		map_calls(at[i], at[i] == MOTE_VA_END - MOTE_PAGE ? 2 * MOTE_PAGE : MOTE_PAGE);
	map_calls(0x10000, -0x10000UL);
	map_calls(0x10000, ~0UL - 0xfff);
	map_calls(MOTE_KERNEL_END, -MOTE_KERNEL_END);
	map_calls(0x20000000, 1UL << 63);
	map_calls(0, MOTE_PAGE);
	return escape_verdict();
}

int escape_map_program_beyond_its_end(void)
{
	static const uint64_t from[] = {0x1000,    0x10000,   1UL << 32, 1UL << 47,
					1UL << 62, 1UL << 63, -0x1000UL, -0x10000UL};
	for (size_t i = 0; i < ARRAY_SIZE(from); i++)
		for (uint64_t bytes = 0x1000; bytes; bytes <<= 6) {
			escape_must_fail(mote_mem_map_program(guest_area, 0x30000000, bytes,
							      from[i], MOTE_PROT_READ),
					 "mem_map_program", from[i]);
			escape_must_fail(
				mote_mem_map_program(guest_area, 0x30000000, -bytes, from[i], RW),
				"mem_map_program", from[i]);
		}
	return escape_verdict();
}

static const uint64_t window_places[] = {TABLES,
					 TABLES + 0x400,
					 TABLES + 0x430,
					 STUBS,
					 STUBS + 0x200,
					 MOTE_KERNEL_STATE,
					 MOTE_KERNEL_STATE + 0xfd8,
					 STUBS + 0x1000,
					 MOTE_KERNEL_STACKS,
					 MOTE_KERNEL_STACKS + 0x18,
					 MOTE_KERNEL_STACKS + 0xfc8,
					 MOTE_KERNEL - 8,
					 MOTE_KERNEL_STATE + 0x1000,
					 MOTE_KERNEL_STACKS + 0xffc};

int escape_host_writes_into_the_window(void)
{
	static const struct mote_time now;
	struct mote_area *a = guest_area;
	for (size_t i = 0; i < ARRAY_SIZE(window_places); i++) {
		uint64_t at = window_places[i];
		void *p = (void *)at;
		const struct mote_iovec v[2] = {{DATA, 8}, {at, 8}};
		int32_t pair[2];
		escape_must_fail(mote_clock_get(a, 1, p), "clock_get", at);
		escape_must_fail(mote_clock_resolution(a, 1, p), "clock_resolution", at);
		escape_must_fail(mote_random(a, p, 16), "random", at);
		escape_must_fail(mote_fstat(a, 1, p), "fstat", at);
		escape_must_fail(mote_pipe(a, p, 8, 0), "pipe", at);
		escape_must_fail(mote_statfs(a, 1, p), "statfs", at);
		escape_must_fail(mote_exchange(a, DATA, 8, at, 8), "exchange", at);
		if (mote_pipe(a, pair, sizeof(pair), 0) < 0)
			continue;
		const struct mote_iovec sent = {DATA, 16};
		mote_writev(a, pair[1], &sent, 1);
		/* 8 bytes may go to DATA */
		escape_must_fail(mote_readv(a, pair[0], v, 2) - 9, "readv", at);
		escape_must_fail(mote_readv(a, pair[0], v + 1, 1), "readv", at);
		struct mote_pollfd *fds = p;
		escape_must_fail(mote_poll(a, (uint64_t)fds, 1, &now), "poll", at);
		mote_close(a, pair[0]);
		mote_close(a, pair[1]);
	}
	return escape_verdict();
}

/* What CPL 3 cannot read, the host must not read for it. */
int escape_host_reads_the_window(void)
{
	struct mote_area *a = guest_area;
	for (size_t i = 0; i < ARRAY_SIZE(window_places); i++) {
		uint64_t at = window_places[i];
		struct registers r = {.rsi = at};
		struct outcome o = RUN(&r, 0x48, 0x8b, 0x06);
		if (o.completed)
			continue;
		const struct mote_iovec v[2] = {{DATA, 8}, {at, 8}};
		/* the 8 bytes at DATA may be written */
		escape_must_fail(mote_writev(a, 1, v, 2) - 9, "writev", at);
		escape_must_fail(mote_writev(a, 1, v + 1, 1), "writev", at);
		escape_must_fail(mote_log(a, (const void *)at, 8), "log", at);
		escape_must_fail(mote_sleep(a, 1, 0, (const void *)at), "sleep", at);
		escape_must_fail(mote_exchange(a, at, 8, DATA, 8), "exchange", at);
		escape_must_fail(mote_mem_map_many(a, (const void *)at, 32), "mem_map_many", at);
	}
	return escape_verdict();
}

/* --- the host's part in a fault --- */

static int fault_with(uint64_t entry, uint64_t stack)
{
	guest_area->fault_entry = entry;
	guest_area->fault_stack_top = stack;
	guest_say("1 tried");
	RUN(&escape_usual, 0x0f, 0x0b);
	return 0;
}

int escape_handler_at_a_stub(void)
{
	return fault_with(STUBS + 14 * MOTE_KERNEL_STUB_BYTES, DATA + 0x8000);
}

int escape_handler_at_the_syscall_stub(void)
{
	return fault_with(SYSCALL_STUB, DATA + 0x8000);
}

int escape_handler_at_the_tables(void)
{
	return fault_with(TABLES, DATA + 0x8000);
}

int escape_handler_not_canonical(void)
{
	return fault_with(0x0000800000000000, DATA + 0x8000);
}

int escape_handler_not_mapped(void)
{
	return fault_with(0x66000, DATA + 0x8000);
}

int escape_handler_without_stack(void)
{
	return fault_with(guest_area->fault_entry, 8);
}

int escape_handler_stack_in_the_window(void)
{
	return fault_with(guest_area->fault_entry, MOTE_KERNEL_STACKS + 0x800);
}

int escape_handler_stack_not_canonical(void)
{
	return fault_with(guest_area->fault_entry, 0x8000000000000000);
}

int escape_handler_busy(void)
{
	guest_area->fault_busy = 1;
	return fault_with(guest_area->fault_entry, guest_area->fault_stack_top);
}

/* The handler says it is not busy, and faults again. */
int escape_fault_in_handler_for_ever(void)
{
	/* movl $0, fault_busy(%rdi); ud2 */
	uint8_t code[] = {0xc7, 0x47, (uint8_t)offsetof(struct mote_area, fault_busy), 0, 0, 0, 0,
			  0x0f, 0x0b};
	memcpy((void *)(CODE + 0x800), code, sizeof(code));
	return fault_with(CODE + 0x800, DATA + 0x8000);
}

/* The resume window, in which events may come, laid over the stubs. */
int escape_event_at_a_stub(void)
{
	const struct mote_time soon = {.nsec = 2000000};
	guest_area->resume_at = MOTE_KERNEL;
	guest_area->resume_bytes = MOTE_KERNEL_END - MOTE_KERNEL;
	guest_area->handled_signals = ~0UL;
	guest_area->events_open = 1;
	mote_alarm(guest_area, &soon, &soon);
	guest_say("1 tried");
	/* A jump to itself, if there is one that can be executed; else the fault is the answer. */
	for (uint64_t at = STUBS; at < STUBS + 0x40; at++) {
		struct registers r = {.rsi = at};
		struct outcome o = RUN(&r, 0x66, 0x8b, 0x06);
		if (o.completed && *(volatile uint16_t *)at == 0xfeeb)
			guest_jump(at, &escape_usual);
	}
	return 0;
}

int escape_stack_exhausted(void)
{
	guest_area->fault_stack_top = MOTE_BOOT_STACK_TOP - MOTE_BOOT_STACK_BYTES + 8;
	/* 1: push %rax; jmp 1b on the initial stack, and the handler has none either. */
	struct registers r = {.rax = MOTE_BOOT_STACK_TOP};
	guest_say("1 tried");
	RUN(&r, 0x48, 0x89, 0xc4, 0x50, 0xeb, 0xfd);
	return 0;
}
