/* SPDX-License-Identifier: Apache-2.0 */
/* Tries with instructions: their operands, flags, segments and ports. */
#include "escape.h"

#include "guest/lib/lib.h"

/* --- numbers --- */

static const struct range {
	uint32_t first, last;
} msr_ranges[] = {
	{0, 0x1ff},
	{0x200, 0x280},
	{0x300, 0x3ff},
	{0x400, 0x47f},
	{0x480, 0x4ff},
	{0x560, 0x5a0},
	{0x600, 0x6ff},
	{0x770, 0x7ff},
	{0x800, 0x83f},
	{0xc80, 0xcff},
	{0xd90, 0xdaf},
	{0x1200, 0x12ff},
	{0x40000000, 0x4000011f},
	{0x4b564d00, 0x4b564d0f},
	{0xc0000080, 0xc0000110},
	{0xc0010000, 0xc00102ff},
	{0xc0011000, 0xc0011040},
};

static void each_msr(const uint8_t *code, size_t bytes, const char *what)
{
	for (size_t i = 0; i < ARRAY_SIZE(msr_ranges); i++)
		for (uint32_t n = msr_ranges[i].first; n <= msr_ranges[i].last;
		     n += escape_whole ? 1 : 13) {
			struct registers r = {.rax = n, .rcx = n, .rbx = DATA};
			struct outcome o = guest_run(code, bytes, &r);
			escape_judge(&o, false, what, n);
		}
}

int escape_rdmsr_numbers(void)
{
	static const uint8_t code[] = {0x0f, 0x32};
	each_msr(code, sizeof(code), "RDMSR");
	return escape_verdict();
}

int escape_wrmsr_numbers(void)
{
	static const uint8_t code[] = {0x31, 0xd2, 0x0f, 0x30};
	each_msr(code, sizeof(code), "WRMSR");
	return escape_verdict();
}

int escape_rdpmc_numbers(void)
{
	for (uint32_t n = 0; n < 64; n++) {
		struct registers r = {.rcx = (n & 31) | (n >> 5) << 30};
		struct outcome o = RUN(&r, 0x0f, 0x33);
		escape_judge(&o, false, "RDPMC", r.rcx);
	}
	return escape_verdict();
}

int escape_xgetbv_xsetbv_numbers(void)
{
	for (uint32_t n = 0; n < 64; n++) {
		struct registers r = {.rcx = n, .rax = n & 32 ? ~0u : 7};
		struct outcome o = RUN(&r, 0x0f, 0x01, 0xd1);
		escape_judge(&o, false, "XSETBV", n);
		o = RUN(&r, 0x0f, 0x01, 0xd0);
		escape_judge(&o, n < 2, "XGETBV", n);
	}
	return escape_verdict();
}

static void each_debug_register(uint8_t opcode, const char *what)
{
	for (uint8_t n = 0; n < 16; n++) {
		const uint8_t code[] = {(uint8_t)(0x40 | (n & 8) >> 1), 0x0f, opcode,
					(uint8_t)(0xc0 | (n & 7) << 3)};
		struct registers r = {.rax = n == 7 ? 0x40f : CODE};
		struct outcome o = guest_run(code, sizeof(code), &r);
		escape_judge(&o, false, what, n);
	}
}

int escape_debug_registers_read(void)
{
	each_debug_register(0x21, "reading debug register");
	return escape_verdict();
}

int escape_debug_registers_written(void)
{
	each_debug_register(0x23, "writing debug register");
	return escape_verdict();
}

/* All ports, or a few of every kind. */
static uint32_t next_port(uint32_t port)
{
	return escape_whole || port < 0x100 ? port + 1 : port + 211;
}

int escape_in_every_port(void)
{
	for (uint32_t port = 0; port <= 0xffff; port = next_port(port)) {
		if (port == MOTE_PORT_CALL)
			continue;
		struct registers r = {.rdx = port};
		struct outcome o = RUN(&r, 0xec);
		escape_judge(&o, false, "IN from port", port);
	}
	return escape_verdict();
}

/* The I/O bitmap does not tell reading from writing. */
int escape_in_from_the_doorbell(void)
{
	struct registers r = {.rdx = MOTE_PORT_CALL, .rdi = DATA, .rcx = 3};
	guest_say("2 tried");
	RUN(&r, 0xec);
	RUN(&r, 0xf3, 0x6c);
	return 0;
}

int escape_out_every_port(void)
{
	for (uint32_t port = 0; port <= 0xffff; port = next_port(port)) {
		if (port == MOTE_PORT_CALL)
			continue;
		struct registers r = {.rdx = port};
		struct outcome o = RUN(&r, 0xee);
		escape_judge(&o, false, "OUT to port", port);
	}
	return escape_verdict();
}

int escape_wide_io_over_the_doorbell(void)
{
	for (uint32_t port = MOTE_PORT_CALL - 4; port <= MOTE_PORT_CALL + 4; port++) {
		struct registers r = {.rdx = port, .rsi = DATA, .rdi = DATA, .rcx = 2};
		struct outcome o[] = {
			RUN(&r, 0x66, 0xef), RUN(&r, 0xef), RUN(&r, 0x66, 0xed), RUN(&r, 0xed),
			RUN(&r, 0x66, 0x6f), RUN(&r, 0x6f), RUN(&r, 0x66, 0x6d), RUN(&r, 0x6d),
		};
		for (size_t i = 0; i < ARRAY_SIZE(o); i++)
			escape_judge(&o[i], false, "wide I/O at port", port);
	}
	return escape_verdict();
}

int escape_string_io(void)
{
	for (uint32_t port = 0; port < 0x40; port++) {
		struct registers r = {.rdx = port, .rsi = DATA, .rdi = DATA, .rcx = 4};
		if (port == MOTE_PORT_CALL)
			continue;
		struct outcome outs = RUN(&r, 0xf3, 0x6e), ins = RUN(&r, 0xf3, 0x6c);
		escape_judge(&outs, false, "OUTS to port", port);
		escape_judge(&ins, false, "INS from port", port);
	}
	return escape_verdict();
}

int escape_int_n(void)
{
	for (unsigned n = 0; n < 256; n++) {
		const uint8_t code[] = {0xcd, (uint8_t)n};
		struct outcome o = guest_run(code, sizeof(code), &escape_usual);
		/*
		 * KVM without hardware virtualisation has other answers to these, at CPL 3 all the
		 * same.
		 */
		escape_judge(&o, escape_native, "INT", n);
		bool own = n == BREAKPOINT || n == OVERFLOW;
		if (!escape_native && o.vector != (own ? n : PROTECTION) && escape_bad++ == 0)
			guest_say("INT 0x%x arrived as vector %u", n, o.vector);
	}
	return escape_verdict();
}

/* Nothing to refuse: an instruction that CPL 3 has. It must not stop, end or change the guest. */
int escape_cpuid_leaves(void)
{
	static const uint32_t firsts[] = {0,          0x20000000, 0x40000000, 0x80000000,
					  0x8fffff00, 0xc0000000, 0xfffffff0};
	unsigned hypervisor = 0;
	for (size_t i = 0; i < ARRAY_SIZE(firsts); i++)
		for (uint32_t leaf = 0; leaf < (escape_whole ? 64 : 16); leaf++)
			for (uint32_t sub = 0; sub < 4; sub++) {
				uint32_t a = firsts[i] + leaf, b, c = sub, d;
				__asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
				hypervisor +=
					firsts[i] == 0x40000000 && leaf == 0 && b == 0x4b4d564b;
				escape_tried++;
			}
	guest_say("%u read%s", escape_tried, hypervisor ? ", KVM's own among them" : "");
	return 0;
}

/* --- flags and segments --- */

int escape_popf_every_flag(void)
{
	for (unsigned bit = 0; bit < 64; bit++) {
		struct registers r = {.rax = 1UL << bit};
		/* push %rax; popfq; cli */
		struct outcome o = RUN(&r, 0x50, 0x9d, 0xfa);
		escape_judge(&o, false, "CLI after POPF of bit", bit);
	}
	return escape_verdict();
}

/*
 * IRETQ to the landing with these values; the frame is built by the code, on the stack that it has.
 */
static struct outcome iret_to(uint64_t rip, uint64_t cs, uint64_t flags, uint64_t rsp, uint64_t ss)
{
	const struct registers r = {.rax = rip, .rbx = cs, .rcx = flags, .rdx = rsp, .rsi = ss};
	/* push %rsi; push %rdx; push %rcx; push %rbx; push %rax; iretq */
	return RUN(&r, 0x56, 0x52, 0x51, 0x53, 0x50, 0x48, 0xcf);
}

int escape_iret_every_flag(void)
{
	for (unsigned bit = 0; bit < 64; bit++) {
		struct outcome o =
			iret_to(LANDING, MOTE_USER_CS, 2 | 1UL << bit, DATA + 0x8000, MOTE_USER_DS);
		escape_judge(&o, false, "IRET with flag", bit);
	}
	return escape_verdict();
}

int escape_iopl_and_out(void)
{
	struct registers r = {.rax = FLAG_IOPL | FLAG_IF, .rdx = PORT_ESCAPED};
	struct outcome o = RUN(&r, 0x50, 0x9d, 0xee);
	escape_judge(&o, false, "OUT after POPF of IOPL", 0);
	o = RUN(&r, 0x50, 0x9d, 0xfb);
	escape_judge(&o, false, "STI after POPF of IOPL", 0);
	o = iret_to(LANDING, MOTE_USER_CS, FLAG_IOPL | 2, DATA + 0x8000, MOTE_USER_DS);
	escape_judge(&o, false, "OUT after IRET with IOPL", 0);
	return escape_verdict();
}

static uint32_t selectors(void)
{
	return escape_whole ? 0x10000 : 0x120;
}

int escape_iret_to_every_selector(void)
{
	static const uint16_t stacks[] = {MOTE_USER_DS, 0, MOTE_KERNEL_CS + 8, 3};
	for (uint32_t cs = 0; cs < selectors(); cs++)
		for (size_t i = 0; i < (cs < 0x120 ? ARRAY_SIZE(stacks) : 1); i++) {
			struct outcome o = iret_to(LANDING, cs, 2, DATA + 0x8000, stacks[i]);
			escape_judge(&o, false, "IRET to selector", cs);
		}
	return escape_verdict();
}

int escape_iret_with_every_ss(void)
{
	for (uint32_t ss = 0; ss < selectors(); ss++) {
		struct outcome o = iret_to(LANDING, MOTE_USER_CS, 2, DATA + 0x8000, ss);
		escape_judge(&o, false, "IRET with SS", ss);
	}
	return escape_verdict();
}

int escape_retf_to_every_selector(void)
{
	for (uint32_t cs = 0; cs < selectors(); cs++) {
		struct registers r = {
			.rax = LANDING,
			.rbx = cs,
			.rdx = DATA + 0x8000,
			.rsi = MOTE_KERNEL_CS + 8,
		};
		/* push %rsi; push %rdx; push %rbx; push %rax; lretq */
		struct outcome o = RUN(&r, 0x56, 0x52, 0x53, 0x50, 0x48, 0xcb);
		escape_judge(&o, false, "RETF to selector", cs);
	}
	return escape_verdict();
}

/* m16:64 and m16:32 at DATA. */
static void far_through_memory(uint8_t modrm, const char *what)
{
	for (uint32_t cs = 0; cs < selectors(); cs++) {
		*(volatile uint64_t *)DATA = LANDING;
		*(volatile uint16_t *)(DATA + 8) = (uint16_t)cs;
		*(volatile uint32_t *)(DATA + 16) = (uint32_t)LANDING;
		*(volatile uint16_t *)(DATA + 20) = (uint16_t)cs;
		const uint8_t wide[] = {0x48, 0xff, modrm},
			      narrow[] = {0x48, 0x83, 0xc3, 0x10, 0xff, modrm};
		struct outcome o = guest_run(wide, sizeof(wide), &escape_usual);
		escape_judge(&o, false, what, cs);
		o = guest_run(narrow, sizeof(narrow), &escape_usual);
		escape_judge(&o, false, what, cs);
	}
}

int escape_far_jump_to_every_selector(void)
{
	far_through_memory(0x2b, "far JMP to selector");
	return escape_verdict();
}

int escape_far_call_to_every_selector(void)
{
	far_through_memory(0x1b, "far CALL to selector");
	return escape_verdict();
}

/*
 * Null, the user's data and what reads code of CPL 3 may be loaded; nothing of CPL 0, no LDT's, no
 * TSS. Where CPL 3 is escape_native the table is the host kernel's, as for a process of the host.
 */
static bool loadable(uint32_t selector)
{
	if (escape_native)
		return true;
	uint32_t index = selector & ~3u;
	return index == 0 || index == (MOTE_USER_DS & ~3) || index == (MOTE_USER_CS & ~3);
}

int escape_every_selector_in_data_segments(void)
{
	for (uint32_t s = 0; s < selectors(); s++) {
		struct registers r = {.rax = s};
		struct outcome o[] = {RUN(&r, 0x8e, 0xd8), RUN(&r, 0x8e, 0xc0), RUN(&r, 0x8e, 0xe0),
				      RUN(&r, 0x8e, 0xe8)};
		for (size_t i = 0; i < ARRAY_SIZE(o); i++)
			escape_judge(&o[i], loadable(s), "loading a data segment with selector", s);
	}
	return escape_verdict();
}

int escape_every_selector_in_ss(void)
{
	for (uint32_t s = 0; s < selectors(); s++) {
		struct registers r = {.rax = s};
		struct outcome o = RUN(&r, 0x8e, 0xd0);
		escape_judge(&o, s == MOTE_USER_DS || escape_native, "loading SS with selector", s);
	}
	return escape_verdict();
}

int escape_iret_to_odd_addresses(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(escape_odd_addresses); i++) {
		struct outcome o = iret_to(escape_odd_addresses[i], MOTE_USER_CS, 2, DATA + 0x8000,
					   MOTE_USER_DS);
		escape_judge(&o, false, "IRET to", escape_odd_addresses[i]);
		o = iret_to(LANDING, MOTE_USER_CS, 2, escape_odd_addresses[i], MOTE_USER_DS);
		escape_judge(&o, false, "IRET with RSP", escape_odd_addresses[i]);
		o = iret_to(escape_odd_addresses[i], MOTE_KERNEL_CS, 2, escape_odd_addresses[i],
			    MOTE_KERNEL_CS + 8);
		escape_judge(&o, false, "IRET at CPL 0 to", escape_odd_addresses[i]);
	}
	return escape_verdict();
}
