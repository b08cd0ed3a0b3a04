/* SPDX-License-Identifier: Apache-2.0 */
/* Tries with SYSCALL, with the stubs and with the kernel window. */
#include "escape.h"

#include "guest/lib/lib.h"

/* With GS base RBX: WRGSBASE, SYSCALL. RCX and R11 are what the CPU makes of RIP and RFLAGS. */
static void syscall_with_gs(uint64_t base)
{
	struct registers r = escape_usual;
	r.rbx = base;
	struct outcome o = RUN(&r, 0xf3, 0x48, 0x0f, 0xae, 0xdb, 0x0f, 0x05);
	escape_judge(&o, true, "SYSCALL", base);
}

/*
 * The way that was open once: the stub stored RCX through GS at CPL 0. Here RCX is 0x101224000002,
 * which puts selector 0x10 and an offset into the middle of the SYSCALL stub into IDT gate 3; INT3
 * then runs from there, at CPL 0.
 */
int escape_cpl0_c(void)
{
	const uint64_t page = 0x101224000000;
	static const uint8_t syscall[] = {0x0f, 0x05, 0xcc};
	if (mote_mem_map(guest_area, page, 0x1000, RWX) < 0 ||
	    mote_mem_map(guest_area, 0x7dff000000, 0x1000, RWX) < 0)
		return 1;
	memcpy((void *)page, syscall, sizeof(syscall));
	/*
	 * Where SYSRET goes to: what lies 8 bytes into the IDT's gate 2. WRGSBASE of the area, then
	 * INT3.
	 */
	static const uint8_t back_here[] = {0xf3, 0x48, 0x0f, 0xae, 0xdb, 0x4c, 0x89, 0xc1, 0xcc};
	memcpy((void *)0x7dff00008e, back_here, sizeof(back_here));
	struct registers r = escape_usual;
	r.rbx = TABLES + 0x41d;
	r.r8 = LANDING;
	/* wrgsbase %rbx; mov rdi=area in rbx; jmp *%rax */
	r.rax = page;
	r.rdi = (uint64_t)guest_area;
	struct outcome o = RUN(&r, 0xf3, 0x48, 0x0f, 0xae, 0xdb, 0x48, 0x89, 0xfb, 0xff, 0xe0);
	escape_judge(&o, true, "SYSCALL", page);
	o = RUN(&r, 0xcc);
	escape_judge(&o, true, "INT3", 0);
	return escape_verdict();
}

static int syscall_with_gs_in(uint64_t page)
{
	for (uint64_t at = 0; at <= MOTE_PAGE; at += escape_whole ? 8 : 0x98)
		syscall_with_gs(page + at - 0x10);
	return escape_verdict();
}

int escape_syscall_gs_tables(void)
{
	return syscall_with_gs_in(TABLES);
}

int escape_syscall_gs_stubs(void)
{
	return syscall_with_gs_in(STUBS);
}

int escape_syscall_gs_state(void)
{
	return syscall_with_gs_in(MOTE_KERNEL_STATE);
}

int escape_syscall_gs_stacks(void)
{
	return syscall_with_gs_in(MOTE_KERNEL_STACKS);
}

/* Were the page tables mapped anywhere at CPL 0, then at such addresses. */
int escape_syscall_gs_page_tables(void)
{
	static const uint64_t places[] = {0x1000,
					  0x100000,
					  0x40000000,
					  0xffff888000000000,
					  0xffff800000000000,
					  0xffffff8000000000};
	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		for (uint64_t at = 0; at < MOTE_PAGE; at += 0x208)
			syscall_with_gs(places[i] + at);
	return escape_verdict();
}

int escape_syscall_gs_odd(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(escape_odd_addresses); i++)
		syscall_with_gs(escape_odd_addresses[i]);
	return escape_verdict();
}

int escape_syscall_fs_odd(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(escape_odd_addresses); i++) {
		struct registers r = escape_usual;
		r.rbx = escape_odd_addresses[i];
		/* wrfsbase %rbx; syscall */
		struct outcome o = RUN(&r, 0xf3, 0x48, 0x0f, 0xae, 0xd3, 0x0f, 0x05);
		escape_judge(&o, true, "SYSCALL", r.rbx);
	}
	return escape_verdict();
}

int escape_syscall_every_flag(void)
{
	static const uint64_t sets[] = {FLAG_TF,
					FLAG_NT,
					FLAG_AC,
					FLAG_RF,
					FLAG_DF,
					FLAG_IOPL,
					FLAG_ID,
					FLAG_VM,
					FLAG_IF,
					FLAG_TF | FLAG_AC,
					FLAG_TF | FLAG_NT | FLAG_AC | FLAG_DF | FLAG_IOPL | FLAG_ID,
					FLAG_NT | FLAG_AC | FLAG_DF,
					0x8d5,
					~0UL};
	for (size_t i = 0; i < ARRAY_SIZE(sets); i++) {
		struct registers r = {.rax = sets[i] | 2};
		/* push %rax; popfq; syscall */
		struct outcome o = RUN(&r, 0x50, 0x9d, 0x0f, 0x05);
		escape_judge(&o, true, "SYSCALL", sets[i]);
		o = RUN(&r, 0x50, 0x9d, 0x0f, 0x05, 0xcc);
		escape_judge(&o, true, "SYSCALL", sets[i]);
	}
	return escape_verdict();
}

/* SYSCALL as the last bytes of pages of all kinds. */
int escape_syscall_odd_rip(void)
{
	static const uint64_t ends[] = {
		0x2000,      0x7fffffff000, MOTE_WINDOW, MOTE_KERNEL,
		MOTE_VA_END, 0x100000000,   0x80000000,
	};
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		if (mote_mem_map(guest_area, ends[i] - 0x1000, 0x1000, RWX) < 0)
			continue;
		*(volatile uint8_t *)(ends[i] - 2) = 0x0f;
		*(volatile uint8_t *)(ends[i] - 1) = 0x05;
		struct outcome o = guest_jump(ends[i] - 2, &escape_usual);
		escape_judge(&o, true, "SYSCALL", ends[i]);
	}
	return escape_verdict();
}

int escape_syscall_odd_rsp(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(escape_odd_addresses); i++) {
		struct registers r = {.rax = escape_odd_addresses[i]};
		/* mov %rax, %rsp; syscall */
		struct outcome o = RUN(&r, 0x48, 0x89, 0xc4, 0x0f, 0x05);
		escape_judge(&o, true, "SYSCALL", r.rax);
	}
	return escape_verdict();
}

int escape_syscall_single_stepped(void)
{
	static const uint8_t code[] = {0x90, 0x0f, 0x05, 0x90, 0x0f, 0x05, 0xcd, 0x03};
	memcpy((void *)CODE, code, sizeof(code));
	for (unsigned i = 0; i < 3; i++) {
		struct registers r = escape_usual;
		r.rbp = i == 1 ? MOTE_KERNEL_STACKS + 0x800 : i == 2 ? 0x800000000000 : 0;
		struct outcome o = guest_step(CODE, &r, 64);
		escape_judge(&o, true, "SYSCALL", i);
	}
	return escape_verdict();
}

/*
 * Executes what is at an address of the window, step by step, with registers that would help it do
 * harm.
 */
static void execute_at(uint64_t at)
{
	static const uint64_t hostile[] = {LANDING, TABLES + 0x400, MOTE_KERNEL_STACKS + 0xfc8};
	for (size_t i = 0; i < (escape_whole ? ARRAY_SIZE(hostile) : 1); i++) {
		uint64_t v = hostile[(at + i) % ARRAY_SIZE(hostile)];
		struct registers r = {v, v, v, v, v, v, 0, v};
		struct outcome o = guest_step(at, &r, escape_whole ? 24 : 8);
		escape_judge(&o, true, "code at", at);
	}
}

/* Does an instruction fetch at CPL 3 fault there? */
static bool executable(uint64_t page)
{
	struct outcome o = guest_step(page, &escape_usual, 1);
	return !(o.vector == PAGE_FAULT && o.address == page && o.error & 16);
}

int escape_stubs_every_byte(void)
{
	for (uint64_t page = MOTE_KERNEL; page < MOTE_KERNEL + 0x20000; page += MOTE_PAGE) {
		if (!executable(page))
			continue;
		/* Behind the stubs there are zeros. */
		for (uint64_t at = 0; at < MOTE_PAGE; at += at < 0x300 || escape_whole ? 1 : 61)
			execute_at(page + at);
	}
	return escape_verdict();
}

/* The first pages and the stacks', then every page or some. */
static uint64_t next_page(uint64_t page)
{
	return page + (escape_whole || page < MOTE_KERNEL + 0x20000 ? MOTE_PAGE : 401 * MOTE_PAGE);
}

int escape_window_every_page_executed(void)
{
	unsigned can = 0;
	for (uint64_t page = MOTE_KERNEL; page < MOTE_KERNEL_END; page = next_page(page)) {
		can += executable(page);
		escape_tried++;
	}
	guest_say("%u tried, %u can be executed", escape_tried, can);
	return 0;
}

int escape_window_every_page_read(void)
{
	unsigned can = 0;
	for (uint64_t page = MOTE_KERNEL; page < MOTE_KERNEL_END; page = next_page(page)) {
		struct registers r = {.rsi = page};
		struct outcome o = RUN(&r, 0x48, 0x8b, 0x06);
		can += o.completed;
		escape_tried++;
		if (o.completed && (page == TABLES || (page >= MOTE_KERNEL_STACKS &&
						       page < MOTE_KERNEL_STACKS + 0x10000)))
			escape_judge(&o, false, "reading", page);
	}
	if (!escape_bad)
		guest_say("%u tried, %u can be read", escape_tried, can);
	return escape_bad != 0;
}

int escape_window_every_page_written(void)
{
	for (uint64_t page = MOTE_KERNEL; page < MOTE_KERNEL_END; page = next_page(page)) {
		struct registers r = {.rsi = page + 8 * (guest_random() & 511)};
		struct outcome o = RUN(&r, 0x48, 0x89, 0x06);
		escape_judge(&o, false, "writing", r.rsi);
	}
	return escape_verdict();
}

/* Every way of using the stack, with RSP anywhere. */
int escape_every_stack(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(escape_odd_addresses); i++)
		for (int d = -8; d <= 8; d += 8) {
			struct registers r = {
				.rax = escape_odd_addresses[i] + (uint64_t)(int64_t)d,
				.rbx = DATA,
			};
			/*
			 * mov %rax, %rsp; then one of: push, call, pushf, int3, ud2, int $32,
			 * iretq, ret, enter
			 */
			struct outcome o[] = {
				RUN(&r, 0x48, 0x89, 0xc4, 0x50),
				RUN(&r, 0x48, 0x89, 0xc4, 0xe8, 0, 0, 0, 0),
				RUN(&r, 0x48, 0x89, 0xc4, 0x9c),
				RUN(&r, 0x48, 0x89, 0xc4, 0xcc),
				RUN(&r, 0x48, 0x89, 0xc4, 0x0f, 0x0b),
				RUN(&r, 0x48, 0x89, 0xc4, 0xcd, 0x20),
				RUN(&r, 0x48, 0x89, 0xc4, 0x48, 0xcf),
				RUN(&r, 0x48, 0x89, 0xc4, 0xc3),
				RUN(&r, 0x48, 0x89, 0xc4, 0xc8, 0x10, 0, 8),
			};
			for (size_t k = 0; k < ARRAY_SIZE(o); k++)
				escape_judge(&o[k], true, "stack at", r.rax);
		}
	return escape_verdict();
}

int escape_every_rip(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(escape_odd_addresses); i++) {
		uint64_t at = escape_odd_addresses[i];
		struct registers r = escape_usual;
		r.rax = at;
		/* jmp *%rax, call *%rax, push %rax; ret; the stubs loop, so these step. */
		static const uint8_t ways[][4] = {{0xff, 0xe0}, {0xff, 0xd0}, {0x50, 0xc3}};
		for (size_t k = 0; k < ARRAY_SIZE(ways); k++) {
			memcpy((void *)CODE, ways[k], sizeof(ways[k]));
			struct outcome o = guest_step(CODE, &r, 32);
			escape_judge(&o, true, "jump to", at);
		}
	}
	return escape_verdict();
}

/* MOV SS holds back debug exceptions until after the next instruction, which enters CPL 0. */
int escape_mov_ss_shadow(void)
{
	static const uint8_t seconds[][2] = {{0xcc, 0x90}, {0xcd, 0x03}, {0xcd, 0x80}, {0x0f, 0x05},
					     {0xf1, 0x90}, {0x0f, 0x0b}, {0x48, 0xcf}};
	for (size_t i = 0; i < ARRAY_SIZE(seconds); i++)
		for (unsigned tf = 0; tf < 2; tf++) {
			const uint8_t code[] = {0x8e, 0xd0, seconds[i][0], seconds[i][1]};
			struct registers r = {.rax = MOTE_USER_DS};
			memcpy((void *)CODE, code, sizeof(code));
			memcpy((void *)(CODE + sizeof(code)), (void *)LANDING, 16);
			struct outcome o = tf ? guest_step(CODE, &r, 8) : guest_jump(CODE, &r);
			escape_judge(&o, true, "MOV SS", i);
		}
	return escape_verdict();
}

int escape_breakpoints_single_stepped(void)
{
	static const uint8_t code[][3] = {
		{0xcc, 0x90, 0x90}, {0xcd, 0x04, 0x90}, {0xcd, 0x01, 0x90}, {0xf1, 0x90, 0x90},
		{0xcd, 0x02, 0x90}, {0xcd, 0x12, 0x90}, {0xce, 0x90, 0x90}};
	for (size_t i = 0; i < ARRAY_SIZE(code); i++)
		for (unsigned where = 0; where < 3; where++) {
			struct registers r = escape_usual;
			r.rbp = where == 1 ? 8 : where == 2 ? MOTE_KERNEL_STACKS + 0x1000 : 0;
			memcpy((void *)CODE, code[i], sizeof(code[i]));
			memcpy((void *)(CODE + 3), (void *)LANDING, 16);
			struct outcome o = guest_step(CODE, &r, 16);
			escape_judge(&o, true, "breakpoint", i);
		}
	return escape_verdict();
}

/* XRSTOR of headers with bits that are reserved, compacted or the supervisor's. */
int escape_xrstor_odd(void)
{
	for (unsigned bit = 0; bit < 64; bit++)
		for (unsigned word = 0; word < 3; word++) {
			memset((void *)DATA, 0, 0x1000);
			*(volatile uint32_t *)(DATA + 24) =
				word == 2 ? (uint32_t)(1UL << (bit & 31)) : 0x1f80;
			*(volatile uint64_t *)(DATA + 512 + 8 * (word & 1)) = 1UL << bit;
			struct registers r = {.rax = ~0u, .rdx = ~0u, .rbx = DATA};
			struct outcome o = RUN(&r, 0x48, 0x0f, 0xae, 0x2b);
			escape_judge(&o, true, "XRSTOR", bit);
		}
	memset((void *)DATA, 0, 0x1000);
	*(volatile uint32_t *)(DATA + 24) = 0x1f80;
	struct registers r = {.rax = ~0u, .rdx = ~0u, .rbx = DATA};
	RUN(&r, 0x48, 0x0f, 0xae, 0x2b);
	return escape_verdict();
}

/*
 * The host knows the area by itself: a call with GS, FS and RSP anywhere is carried out all the
 * same.
 */
int escape_doorbell_with_odd_bases(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(escape_odd_addresses); i++) {
		struct registers r = {.rbx = escape_odd_addresses[i]};
		guest_area->frame.nr = 69; /* yield */
		guest_area->frame.result = -1;
		/* wrgsbase %rbx; wrfsbase %rbx; mov %rbx, %rsp; out %al, $MOTE_PORT_CALL */
		struct outcome o = RUN(&r, 0xf3, 0x48, 0x0f, 0xae, 0xdb, 0xf3, 0x48, 0x0f, 0xae,
				       0xd3, 0x48, 0x89, 0xdc, 0xe6, MOTE_PORT_CALL);
		escape_tried++;
		if (o.completed && guest_area->frame.result != 0 && escape_bad++ == 0)
			guest_say("a call with GS base 0x%llx was lost", (unsigned long long)r.rbx);
	}
	return escape_verdict();
}
