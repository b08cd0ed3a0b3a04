/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tries to get from CPL 3 to more: argv[0] is the number of one in escape.def, argv[1] "long" for all values of what it
 * goes through, argv[2] "native" on a KVM without hardware virtualisation. Exit status 0: contained, as far as the guest sees; 1: something completed that must not have. The
 * line that it says is the figure. The test program has its own look at what the guest must not have reached.
 */
#include "guest.h"

#include "guest/lib/lib.h"

#define TABLES MOTE_KERNEL_TABLES
#define STUBS MOTE_KERNEL_STUBS
#define SYSCALL_STUB (STUBS + MOTE_VECTORS * MOTE_KERNEL_STUB_BYTES)
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

enum may { REFUSED, HARMLESS, UMIP };

static bool whole;  /* the long form */
static bool native; /* a KVM without hardware virtualisation: CPL 3 runs with the host's descriptor tables */
static unsigned tried, bad;

static const struct registers usual = {.rbx = DATA, .rcx = 0xc0000080, .rsi = TABLES, .rdi = DATA};

/* Counts an outcome; what completed must not have, unless `may`. */
static void judge(const struct outcome *o, bool may, const char *what, uint64_t number)
{
	tried++;
	if (!o->completed || may)
		return;
	if (bad++ == 0)
		guest_say("%s 0x%llx completed", what, (unsigned long long)number);
}

static int verdict(void)
{
	if (!bad)
		guest_say("%u tried", tried);
	return bad != 0;
}

static bool has_umip(void)
{
	uint32_t a = 7, b, c = 0, d;
	__asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
	return c >> 2 & 1;
}

static int instruction(const uint8_t *code, size_t bytes, enum may may)
{
	struct outcome o = guest_run(code, bytes, &usual);
	if (o.completed) {
		guest_say("completed%s", may == UMIP ? " (no UMIP)" : "");
		return may == REFUSED || (may == UMIP && has_umip());
	}
	guest_say("vector %u", o.vector);
	return 0;
}

#define RUN(registers, ...)                                                                                            \
	({                                                                                                             \
		static const uint8_t code_[] = {__VA_ARGS__};                                                          \
		guest_run(code_, sizeof(code_), registers);                                                            \
	})

/* --- numbers --- */

static const struct range {
	uint32_t first, last;
} msr_ranges[] = {
	{0, 0x1ff}, {0x200, 0x280}, {0x300, 0x3ff}, {0x400, 0x47f}, {0x480, 0x4ff}, {0x560, 0x5a0}, {0x600, 0x6ff},
	{0x770, 0x7ff}, {0x800, 0x83f}, {0xc80, 0xcff}, {0xd90, 0xdaf}, {0x1200, 0x12ff}, {0x40000000, 0x4000011f},
	{0x4b564d00, 0x4b564d0f}, {0xc0000080, 0xc0000110}, {0xc0010000, 0xc00102ff}, {0xc0011000, 0xc0011040},
};

static void each_msr(const uint8_t *code, size_t bytes, const char *what)
{
	for (size_t i = 0; i < ARRAY_SIZE(msr_ranges); i++)
		for (uint32_t n = msr_ranges[i].first; n <= msr_ranges[i].last; n += whole ? 1 : 13) {
			struct registers r = {.rax = n, .rcx = n, .rbx = DATA};
			struct outcome o = guest_run(code, bytes, &r);
			judge(&o, false, what, n);
		}
}

static int rdmsr_numbers(void)
{
	static const uint8_t code[] = {0x0f, 0x32};
	each_msr(code, sizeof(code), "RDMSR");
	return verdict();
}

static int wrmsr_numbers(void)
{
	static const uint8_t code[] = {0x31, 0xd2, 0x0f, 0x30};
	each_msr(code, sizeof(code), "WRMSR");
	return verdict();
}

static int rdpmc_numbers(void)
{
	for (uint32_t n = 0; n < 64; n++) {
		struct registers r = {.rcx = (n & 31) | (n >> 5) << 30};
		struct outcome o = RUN(&r, 0x0f, 0x33);
		judge(&o, false, "RDPMC", r.rcx);
	}
	return verdict();
}

static int xgetbv_xsetbv_numbers(void)
{
	for (uint32_t n = 0; n < 64; n++) {
		struct registers r = {.rcx = n, .rax = n & 32 ? ~0u : 7};
		struct outcome o = RUN(&r, 0x0f, 0x01, 0xd1);
		judge(&o, false, "XSETBV", n);
		o = RUN(&r, 0x0f, 0x01, 0xd0);
		judge(&o, n < 2, "XGETBV", n);
	}
	return verdict();
}

static void each_debug_register(uint8_t opcode, const char *what)
{
	for (uint8_t n = 0; n < 16; n++) {
		const uint8_t code[] = {(uint8_t)(0x40 | (n & 8) >> 1), 0x0f, opcode, (uint8_t)(0xc0 | (n & 7) << 3)};
		struct registers r = {.rax = n == 7 ? 0x40f : CODE};
		struct outcome o = guest_run(code, sizeof(code), &r);
		judge(&o, false, what, n);
	}
}

static int debug_registers_read(void)
{
	each_debug_register(0x21, "reading debug register");
	return verdict();
}

static int debug_registers_written(void)
{
	each_debug_register(0x23, "writing debug register");
	return verdict();
}

/* All ports, or a few of every kind. */
static uint32_t next_port(uint32_t port)
{
	return whole || port < 0x100 ? port + 1 : port + 211;
}

static int in_every_port(void)
{
	for (uint32_t port = 0; port <= 0xffff; port = next_port(port)) {
		if (port == MOTE_PORT_CALL)
			continue;
		struct registers r = {.rdx = port};
		struct outcome o = RUN(&r, 0xec);
		judge(&o, false, "IN from port", port);
	}
	return verdict();
}

/* The I/O bitmap does not tell reading from writing. */
static int in_from_the_doorbell(void)
{
	struct registers r = {.rdx = MOTE_PORT_CALL, .rdi = DATA, .rcx = 3};
	guest_say("2 tried");
	RUN(&r, 0xec);
	RUN(&r, 0xf3, 0x6c);
	return 0;
}

static int out_every_port(void)
{
	for (uint32_t port = 0; port <= 0xffff; port = next_port(port)) {
		if (port == MOTE_PORT_CALL)
			continue;
		struct registers r = {.rdx = port};
		struct outcome o = RUN(&r, 0xee);
		judge(&o, false, "OUT to port", port);
	}
	return verdict();
}

static int wide_io_over_the_doorbell(void)
{
	for (uint32_t port = MOTE_PORT_CALL - 4; port <= MOTE_PORT_CALL + 4; port++) {
		struct registers r = {.rdx = port, .rsi = DATA, .rdi = DATA, .rcx = 2};
		struct outcome o[] = {
			RUN(&r, 0x66, 0xef), RUN(&r, 0xef), RUN(&r, 0x66, 0xed), RUN(&r, 0xed),
			RUN(&r, 0x66, 0x6f), RUN(&r, 0x6f), RUN(&r, 0x66, 0x6d), RUN(&r, 0x6d),
		};
		for (size_t i = 0; i < ARRAY_SIZE(o); i++)
			judge(&o[i], false, "wide I/O at port", port);
	}
	return verdict();
}

static int string_io(void)
{
	for (uint32_t port = 0; port < 0x40; port++) {
		struct registers r = {.rdx = port, .rsi = DATA, .rdi = DATA, .rcx = 4};
		if (port == MOTE_PORT_CALL)
			continue;
		struct outcome outs = RUN(&r, 0xf3, 0x6e), ins = RUN(&r, 0xf3, 0x6c);
		judge(&outs, false, "OUTS to port", port);
		judge(&ins, false, "INS from port", port);
	}
	return verdict();
}

static int int_n(void)
{
	for (unsigned n = 0; n < 256; n++) {
		const uint8_t code[] = {0xcd, (uint8_t)n};
		struct outcome o = guest_run(code, sizeof(code), &usual);
		/* KVM without hardware virtualisation has other answers to these, at CPL 3 all the same. */
		judge(&o, native, "INT", n);
		bool own = n == BREAKPOINT || n == OVERFLOW;
		if (!native && o.vector != (own ? n : PROTECTION) && bad++ == 0)
			guest_say("INT 0x%x arrived as vector %u", n, o.vector);
	}
	return verdict();
}

/* Nothing to refuse: an instruction that CPL 3 has. It must not stop, end or change the guest. */
static int cpuid_leaves(void)
{
	static const uint32_t firsts[] = {0, 0x20000000, 0x40000000, 0x80000000, 0x8fffff00, 0xc0000000, 0xfffffff0};
	unsigned hypervisor = 0;
	for (size_t i = 0; i < ARRAY_SIZE(firsts); i++)
		for (uint32_t leaf = 0; leaf < (whole ? 64 : 16); leaf++)
			for (uint32_t sub = 0; sub < 4; sub++) {
				uint32_t a = firsts[i] + leaf, b, c = sub, d;
				__asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
				hypervisor += firsts[i] == 0x40000000 && leaf == 0 && b == 0x4b4d564b;
				tried++;
			}
	guest_say("%u read%s", tried, hypervisor ? ", KVM's own among them" : "");
	return 0;
}

/* --- flags and segments --- */

static int popf_every_flag(void)
{
	for (unsigned bit = 0; bit < 64; bit++) {
		struct registers r = {.rax = 1UL << bit};
		/* push %rax; popfq; cli */
		struct outcome o = RUN(&r, 0x50, 0x9d, 0xfa);
		judge(&o, false, "CLI after POPF of bit", bit);
	}
	return verdict();
}

/* IRETQ to the landing with these values; the frame is built by the code, on the stack that it has. */
static struct outcome iret_to(uint64_t rip, uint64_t cs, uint64_t flags, uint64_t rsp, uint64_t ss)
{
	const struct registers r = {.rax = rip, .rbx = cs, .rcx = flags, .rdx = rsp, .rsi = ss};
	/* push %rsi; push %rdx; push %rcx; push %rbx; push %rax; iretq */
	return RUN(&r, 0x56, 0x52, 0x51, 0x53, 0x50, 0x48, 0xcf);
}

static int iret_every_flag(void)
{
	for (unsigned bit = 0; bit < 64; bit++) {
		struct outcome o = iret_to(LANDING, MOTE_USER_CS, 2 | 1UL << bit, DATA + 0x8000, MOTE_USER_DS);
		judge(&o, false, "IRET with flag", bit);
	}
	return verdict();
}

static int iopl_and_out(void)
{
	struct registers r = {.rax = FLAG_IOPL | FLAG_IF, .rdx = PORT_ESCAPED};
	struct outcome o = RUN(&r, 0x50, 0x9d, 0xee);
	judge(&o, false, "OUT after POPF of IOPL", 0);
	o = RUN(&r, 0x50, 0x9d, 0xfb);
	judge(&o, false, "STI after POPF of IOPL", 0);
	o = iret_to(LANDING, MOTE_USER_CS, FLAG_IOPL | 2, DATA + 0x8000, MOTE_USER_DS);
	judge(&o, false, "OUT after IRET with IOPL", 0);
	return verdict();
}

static uint32_t selectors(void)
{
	return whole ? 0x10000 : 0x120;
}

static int iret_to_every_selector(void)
{
	static const uint16_t stacks[] = {MOTE_USER_DS, 0, MOTE_KERNEL_CS + 8, 3};
	for (uint32_t cs = 0; cs < selectors(); cs++)
		for (size_t i = 0; i < (cs < 0x120 ? ARRAY_SIZE(stacks) : 1); i++) {
			struct outcome o = iret_to(LANDING, cs, 2, DATA + 0x8000, stacks[i]);
			judge(&o, false, "IRET to selector", cs);
		}
	return verdict();
}

static int iret_with_every_ss(void)
{
	for (uint32_t ss = 0; ss < selectors(); ss++) {
		struct outcome o = iret_to(LANDING, MOTE_USER_CS, 2, DATA + 0x8000, ss);
		judge(&o, false, "IRET with SS", ss);
	}
	return verdict();
}

static int retf_to_every_selector(void)
{
	for (uint32_t cs = 0; cs < selectors(); cs++) {
		struct registers r = {.rax = LANDING, .rbx = cs, .rdx = DATA + 0x8000, .rsi = MOTE_KERNEL_CS + 8};
		/* push %rsi; push %rdx; push %rbx; push %rax; lretq */
		struct outcome o = RUN(&r, 0x56, 0x52, 0x53, 0x50, 0x48, 0xcb);
		judge(&o, false, "RETF to selector", cs);
	}
	return verdict();
}

/* m16:64 and m16:32 at DATA. */
static void far_through_memory(uint8_t modrm, const char *what)
{
	for (uint32_t cs = 0; cs < selectors(); cs++) {
		*(volatile uint64_t *)DATA = LANDING;
		*(volatile uint16_t *)(DATA + 8) = (uint16_t)cs;
		*(volatile uint32_t *)(DATA + 16) = (uint32_t)LANDING;
		*(volatile uint16_t *)(DATA + 20) = (uint16_t)cs;
		const uint8_t wide[] = {0x48, 0xff, modrm}, narrow[] = {0x48, 0x83, 0xc3, 0x10, 0xff, modrm};
		struct outcome o = guest_run(wide, sizeof(wide), &usual);
		judge(&o, false, what, cs);
		o = guest_run(narrow, sizeof(narrow), &usual);
		judge(&o, false, what, cs);
	}
}

static int far_jump_to_every_selector(void)
{
	far_through_memory(0x2b, "far JMP to selector");
	return verdict();
}

static int far_call_to_every_selector(void)
{
	far_through_memory(0x1b, "far CALL to selector");
	return verdict();
}

/*
 * Null, the user's data and what reads code of CPL 3 may be loaded; nothing of CPL 0, no LDT's, no TSS. Where CPL 3 is
 * native the table is the host kernel's, as for a process of the host.
 */
static bool loadable(uint32_t selector)
{
	if (native)
		return true;
	uint32_t index = selector & ~3u;
	return index == 0 || index == (MOTE_USER_DS & ~3) || index == (MOTE_USER_CS & ~3);
}

static int every_selector_in_data_segments(void)
{
	for (uint32_t s = 0; s < selectors(); s++) {
		struct registers r = {.rax = s};
		struct outcome o[] = {RUN(&r, 0x8e, 0xd8), RUN(&r, 0x8e, 0xc0), RUN(&r, 0x8e, 0xe0), RUN(&r, 0x8e, 0xe8)};
		for (size_t i = 0; i < ARRAY_SIZE(o); i++)
			judge(&o[i], loadable(s), "loading a data segment with selector", s);
	}
	return verdict();
}

static int every_selector_in_ss(void)
{
	for (uint32_t s = 0; s < selectors(); s++) {
		struct registers r = {.rax = s};
		struct outcome o = RUN(&r, 0x8e, 0xd0);
		judge(&o, s == MOTE_USER_DS || native, "loading SS with selector", s);
	}
	return verdict();
}

static const uint64_t odd_addresses[] = {
	0, 1, 8, 0xfff, 0x1000, 0x7ffffffff, TABLES, TABLES + 0x10, TABLES + 0x400, TABLES + 0xff8, STUBS, STUBS + 1,
	STUBS + 0x10, SYSCALL_STUB, SYSCALL_STUB + 0x40, STUBS + 0x1000, STUBS + 0x1040, STUBS + 0xff8, MOTE_KERNEL_STATE,
	MOTE_KERNEL_STATE + 0xff8, MOTE_KERNEL_STACKS, MOTE_KERNEL_STACKS + 0x7f8, MOTE_KERNEL_STACKS + 0xfc8,
	MOTE_KERNEL_STACKS + 0xff8, MOTE_KERNEL_STACKS + 0x1000, MOTE_KERNEL - 8, MOTE_KERNEL_END, MOTE_VA_END - 8,
	MOTE_VA_END - 2, MOTE_VA_END, 0x7fffffffffff, 0x7ffffffffff8, 0x800000000000, 0x0001000000000000,
	0x8000000000000000, 0xffff7fffffffffff, 0xffff7ffffffffff8, 0xffff800000000000, 0xffffffff80000000,
	0xffffffffffffe000, 0xfffffffffffffff8, 0xffffffffffffffff, 0xfee00000, MOTE_BOOT_VA, MOTE_PAYLOAD_VA,
};

static int iret_to_odd_addresses(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(odd_addresses); i++) {
		struct outcome o = iret_to(odd_addresses[i], MOTE_USER_CS, 2, DATA + 0x8000, MOTE_USER_DS);
		judge(&o, false, "IRET to", odd_addresses[i]);
		o = iret_to(LANDING, MOTE_USER_CS, 2, odd_addresses[i], MOTE_USER_DS);
		judge(&o, false, "IRET with RSP", odd_addresses[i]);
		o = iret_to(odd_addresses[i], MOTE_KERNEL_CS, 2, odd_addresses[i], MOTE_KERNEL_CS + 8);
		judge(&o, false, "IRET at CPL 0 to", odd_addresses[i]);
	}
	return verdict();
}

/* --- SYSCALL and the stubs --- */

/* The personality's place to go on from a system call: the landing, so that it is told. */
static void want_syscalls(void)
{
#ifdef MOTE_AREA_SYSCALL_ENTRY
	guest_area->syscall_entry = LANDING;
#endif
}

/* With GS base RBX: WRGSBASE, SYSCALL. RCX and R11 are what the CPU makes of RIP and RFLAGS. */
static void syscall_with_gs(uint64_t base)
{
	struct registers r = usual;
	r.rbx = base;
	struct outcome o = RUN(&r, 0xf3, 0x48, 0x0f, 0xae, 0xdb, 0x0f, 0x05);
	judge(&o, true, "SYSCALL", base);
}

/*
 * The way that was open once: the stub stored RCX through GS at CPL 0. Here RCX is 0x101224000002, which puts selector
 * 0x10 and an offset into the middle of the SYSCALL stub into IDT gate 3; INT3 then runs from there, at CPL 0.
 */
static int cpl0_c(void)
{
	const uint64_t page = 0x101224000000;
	static const uint8_t syscall[] = {0x0f, 0x05, 0xcc};
	want_syscalls();
	if (mote_mem_map(guest_area, page, 0x1000, RWX) < 0 || mote_mem_map(guest_area, 0x7dff000000, 0x1000, RWX) < 0)
		return 1;
	memcpy((void *)page, syscall, sizeof(syscall));
	/* Where SYSRET goes to: what lies 8 bytes into the IDT's gate 2. WRGSBASE of the area, then INT3. */
	static const uint8_t back_here[] = {0xf3, 0x48, 0x0f, 0xae, 0xdb, 0x4c, 0x89, 0xc1, 0xcc};
	memcpy((void *)0x7dff00008e, back_here, sizeof(back_here));
	struct registers r = usual;
	r.rbx = TABLES + 0x41d;
	r.r8 = LANDING;
	/* wrgsbase %rbx; mov rdi=area in rbx; jmp *%rax */
	r.rax = page;
	r.rdi = (uint64_t)guest_area;
	struct outcome o = RUN(&r, 0xf3, 0x48, 0x0f, 0xae, 0xdb, 0x48, 0x89, 0xfb, 0xff, 0xe0);
	judge(&o, true, "SYSCALL", page);
	o = RUN(&r, 0xcc);
	judge(&o, true, "INT3", 0);
	return verdict();
}

static int syscall_with_gs_in(uint64_t page)
{
	want_syscalls();
	for (uint64_t at = 0; at <= MOTE_PAGE; at += whole ? 8 : 0x98)
		syscall_with_gs(page + at - 0x10);
	return verdict();
}

static int syscall_gs_tables(void)
{
	return syscall_with_gs_in(TABLES);
}

static int syscall_gs_stubs(void)
{
	return syscall_with_gs_in(STUBS);
}

static int syscall_gs_state(void)
{
	return syscall_with_gs_in(MOTE_KERNEL_STATE);
}

static int syscall_gs_stacks(void)
{
	return syscall_with_gs_in(MOTE_KERNEL_STACKS);
}

/* Were the page tables mapped anywhere at CPL 0, then at such addresses. */
static int syscall_gs_page_tables(void)
{
	static const uint64_t places[] = {0x1000, 0x100000, 0x40000000, 0xffff888000000000, 0xffff800000000000, 0xffffff8000000000};
	want_syscalls();
	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		for (uint64_t at = 0; at < MOTE_PAGE; at += 0x208)
			syscall_with_gs(places[i] + at);
	return verdict();
}

static int syscall_gs_odd(void)
{
	want_syscalls();
	for (size_t i = 0; i < ARRAY_SIZE(odd_addresses); i++)
		syscall_with_gs(odd_addresses[i]);
	return verdict();
}

static int syscall_fs_odd(void)
{
	want_syscalls();
	for (size_t i = 0; i < ARRAY_SIZE(odd_addresses); i++) {
		struct registers r = usual;
		r.rbx = odd_addresses[i];
		/* wrfsbase %rbx; syscall */
		struct outcome o = RUN(&r, 0xf3, 0x48, 0x0f, 0xae, 0xd3, 0x0f, 0x05);
		judge(&o, true, "SYSCALL", r.rbx);
	}
	return verdict();
}

static int syscall_every_flag(void)
{
	static const uint64_t sets[] = {
		FLAG_TF, FLAG_NT, FLAG_AC, FLAG_RF, FLAG_DF, FLAG_IOPL, FLAG_ID, FLAG_VM, FLAG_IF, FLAG_TF | FLAG_AC,
		FLAG_TF | FLAG_NT | FLAG_AC | FLAG_DF | FLAG_IOPL | FLAG_ID, FLAG_NT | FLAG_AC | FLAG_DF, 0x8d5, ~0UL,
	};
	want_syscalls();
	for (size_t i = 0; i < ARRAY_SIZE(sets); i++) {
		struct registers r = {.rax = sets[i] | 2};
		/* push %rax; popfq; syscall */
		struct outcome o = RUN(&r, 0x50, 0x9d, 0x0f, 0x05);
		judge(&o, true, "SYSCALL", sets[i]);
		o = RUN(&r, 0x50, 0x9d, 0x0f, 0x05, 0xcc);
		judge(&o, true, "SYSCALL", sets[i]);
	}
	return verdict();
}

/* SYSCALL as the last bytes of pages of all kinds. */
static int syscall_odd_rip(void)
{
	static const uint64_t ends[] = {
		0x2000, 0x7fffffff000, MOTE_WINDOW, MOTE_KERNEL, MOTE_VA_END, 0x100000000, 0x80000000,
	};
	want_syscalls();
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		if (mote_mem_map(guest_area, ends[i] - 0x1000, 0x1000, RWX) < 0)
			continue;
		*(volatile uint8_t *)(ends[i] - 2) = 0x0f;
		*(volatile uint8_t *)(ends[i] - 1) = 0x05;
		struct outcome o = guest_jump(ends[i] - 2, &usual);
		judge(&o, true, "SYSCALL", ends[i]);
	}
	return verdict();
}

static int syscall_odd_rsp(void)
{
	want_syscalls();
	for (size_t i = 0; i < ARRAY_SIZE(odd_addresses); i++) {
		struct registers r = {.rax = odd_addresses[i]};
		/* mov %rax, %rsp; syscall */
		struct outcome o = RUN(&r, 0x48, 0x89, 0xc4, 0x0f, 0x05);
		judge(&o, true, "SYSCALL", r.rax);
	}
	return verdict();
}

static int syscall_single_stepped(void)
{
	static const uint8_t code[] = {0x90, 0x0f, 0x05, 0x90, 0x0f, 0x05, 0xcd, 0x03};
	want_syscalls();
	memcpy((void *)CODE, code, sizeof(code));
	for (unsigned i = 0; i < 3; i++) {
		struct registers r = usual;
		r.rbp = i == 1 ? MOTE_KERNEL_STACKS + 0x800 : i == 2 ? 0x800000000000 : 0;
		struct outcome o = guest_step(CODE, &r, 64);
		judge(&o, true, "SYSCALL", i);
	}
	return verdict();
}

/* Executes what is at an address of the window, step by step, with registers that would help it do harm. */
static void execute_at(uint64_t at)
{
	static const uint64_t hostile[] = {LANDING, TABLES + 0x400, MOTE_KERNEL_STACKS + 0xfc8};
	for (size_t i = 0; i < (whole ? ARRAY_SIZE(hostile) : 1); i++) {
		uint64_t v = hostile[(at + i) % ARRAY_SIZE(hostile)];
		struct registers r = {v, v, v, v, v, v, 0, v};
		want_syscalls();
		struct outcome o = guest_step(at, &r, whole ? 24 : 8);
		judge(&o, true, "code at", at);
	}
}

/* Does an instruction fetch at CPL 3 fault there? */
static bool executable(uint64_t page)
{
	struct outcome o = guest_step(page, &usual, 1);
	return !(o.vector == PAGE_FAULT && o.address == page && o.error & 16);
}

static int stubs_every_byte(void)
{
	for (uint64_t page = MOTE_KERNEL; page < MOTE_KERNEL + 0x20000; page += MOTE_PAGE) {
		if (!executable(page))
			continue;
		/* Behind the stubs there are zeros. */
		for (uint64_t at = 0; at < MOTE_PAGE; at += at < 0x300 || whole ? 1 : 61)
			execute_at(page + at);
	}
	return verdict();
}

/* The first pages and the stacks', then every page or some. */
static uint64_t next_page(uint64_t page)
{
	return page + (whole || page < MOTE_KERNEL + 0x20000 ? MOTE_PAGE : 401 * MOTE_PAGE);
}

static int window_every_page_executed(void)
{
	unsigned can = 0;
	for (uint64_t page = MOTE_KERNEL; page < MOTE_KERNEL_END; page = next_page(page)) {
		can += executable(page);
		tried++;
	}
	guest_say("%u tried, %u can be executed", tried, can);
	return 0;
}

static int window_every_page_read(void)
{
	unsigned can = 0;
	for (uint64_t page = MOTE_KERNEL; page < MOTE_KERNEL_END; page = next_page(page)) {
		struct registers r = {.rsi = page};
		struct outcome o = RUN(&r, 0x48, 0x8b, 0x06);
		can += o.completed;
		tried++;
		if (o.completed && (page == TABLES || (page >= MOTE_KERNEL_STACKS && page < MOTE_KERNEL_STACKS + 0x10000)))
			judge(&o, false, "reading", page);
	}
	if (!bad)
		guest_say("%u tried, %u can be read", tried, can);
	return bad != 0;
}

static int window_every_page_written(void)
{
	for (uint64_t page = MOTE_KERNEL; page < MOTE_KERNEL_END; page = next_page(page)) {
		struct registers r = {.rsi = page + 8 * (guest_random() & 511)};
		struct outcome o = RUN(&r, 0x48, 0x89, 0x06);
		judge(&o, false, "writing", r.rsi);
	}
	return verdict();
}

/* Every way of using the stack, with RSP anywhere. */
static int every_stack(void)
{
	want_syscalls();
	for (size_t i = 0; i < ARRAY_SIZE(odd_addresses); i++)
		for (int d = -8; d <= 8; d += 8) {
			struct registers r = {.rax = odd_addresses[i] + (uint64_t)(int64_t)d, .rbx = DATA};
			/* mov %rax, %rsp; then one of: push, call, pushf, int3, ud2, int $32, iretq, ret, enter */
			struct outcome o[] = {
				RUN(&r, 0x48, 0x89, 0xc4, 0x50), RUN(&r, 0x48, 0x89, 0xc4, 0xe8, 0, 0, 0, 0),
				RUN(&r, 0x48, 0x89, 0xc4, 0x9c), RUN(&r, 0x48, 0x89, 0xc4, 0xcc),
				RUN(&r, 0x48, 0x89, 0xc4, 0x0f, 0x0b), RUN(&r, 0x48, 0x89, 0xc4, 0xcd, 0x20),
				RUN(&r, 0x48, 0x89, 0xc4, 0x48, 0xcf), RUN(&r, 0x48, 0x89, 0xc4, 0xc3),
				RUN(&r, 0x48, 0x89, 0xc4, 0xc8, 0x10, 0, 8),
			};
			for (size_t k = 0; k < ARRAY_SIZE(o); k++)
				judge(&o[k], true, "stack at", r.rax);
		}
	return verdict();
}

static int every_rip(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(odd_addresses); i++) {
		uint64_t at = odd_addresses[i];
		struct registers r = usual;
		r.rax = at;
		/* jmp *%rax, call *%rax, push %rax; ret; the stubs loop, so these step. */
		static const uint8_t ways[][4] = {{0xff, 0xe0}, {0xff, 0xd0}, {0x50, 0xc3}};
		for (size_t k = 0; k < ARRAY_SIZE(ways); k++) {
			memcpy((void *)CODE, ways[k], sizeof(ways[k]));
			struct outcome o = guest_step(CODE, &r, 32);
			judge(&o, true, "jump to", at);
		}
	}
	return verdict();
}

/* MOV SS holds back debug exceptions until after the next instruction, which enters CPL 0. */
static int mov_ss_shadow(void)
{
	static const uint8_t seconds[][2] = {{0xcc, 0x90}, {0xcd, 0x03}, {0xcd, 0x80}, {0x0f, 0x05}, {0xf1, 0x90}, {0x0f, 0x0b}, {0x48, 0xcf}};
	want_syscalls();
	for (size_t i = 0; i < ARRAY_SIZE(seconds); i++)
		for (unsigned tf = 0; tf < 2; tf++) {
			const uint8_t code[] = {0x8e, 0xd0, seconds[i][0], seconds[i][1]};
			struct registers r = {.rax = MOTE_USER_DS};
			memcpy((void *)CODE, code, sizeof(code));
			memcpy((void *)(CODE + sizeof(code)), (void *)LANDING, 16);
			struct outcome o = tf ? guest_step(CODE, &r, 8) : guest_jump(CODE, &r);
			judge(&o, true, "MOV SS", i);
		}
	return verdict();
}

static int breakpoints_single_stepped(void)
{
	static const uint8_t code[][3] = {{0xcc, 0x90, 0x90}, {0xcd, 0x04, 0x90}, {0xcd, 0x01, 0x90}, {0xf1, 0x90, 0x90}, {0xcd, 0x02, 0x90}, {0xcd, 0x12, 0x90}, {0xce, 0x90, 0x90}};
	for (size_t i = 0; i < ARRAY_SIZE(code); i++)
		for (unsigned where = 0; where < 3; where++) {
			struct registers r = usual;
			r.rbp = where == 1 ? 8 : where == 2 ? MOTE_KERNEL_STACKS + 0x1000 : 0;
			memcpy((void *)CODE, code[i], sizeof(code[i]));
			memcpy((void *)(CODE + 3), (void *)LANDING, 16);
			struct outcome o = guest_step(CODE, &r, 16);
			judge(&o, true, "breakpoint", i);
		}
	return verdict();
}

/* XRSTOR of headers with bits that are reserved, compacted or the supervisor's. */
static int xrstor_odd(void)
{
	for (unsigned bit = 0; bit < 64; bit++)
		for (unsigned word = 0; word < 3; word++) {
			memset((void *)DATA, 0, 0x1000);
			*(volatile uint32_t *)(DATA + 24) = word == 2 ? (uint32_t)(1UL << (bit & 31)) : 0x1f80;
			*(volatile uint64_t *)(DATA + 512 + 8 * (word & 1)) = 1UL << bit;
			struct registers r = {.rax = ~0u, .rdx = ~0u, .rbx = DATA};
			struct outcome o = RUN(&r, 0x48, 0x0f, 0xae, 0x2b);
			judge(&o, true, "XRSTOR", bit);
		}
	memset((void *)DATA, 0, 0x1000);
	*(volatile uint32_t *)(DATA + 24) = 0x1f80;
	struct registers r = {.rax = ~0u, .rdx = ~0u, .rbx = DATA};
	RUN(&r, 0x48, 0x0f, 0xae, 0x2b);
	return verdict();
}

/* The host knows the area by itself: a call with GS, FS and RSP anywhere is carried out all the same. */
static int doorbell_with_odd_bases(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(odd_addresses); i++) {
		struct registers r = {.rbx = odd_addresses[i]};
		guest_area->frame.nr = 69; /* yield */
		guest_area->frame.result = -1;
		/* wrgsbase %rbx; wrfsbase %rbx; mov %rbx, %rsp; out %al, $MOTE_PORT_CALL */
		struct outcome o = RUN(&r, 0xf3, 0x48, 0x0f, 0xae, 0xdb, 0xf3, 0x48, 0x0f, 0xae, 0xd3, 0x48, 0x89, 0xdc,
				       0xe6, MOTE_PORT_CALL);
		tried++;
		if (o.completed && guest_area->frame.result != 0 && bad++ == 0)
			guest_say("a call with GS base 0x%llx was lost", (unsigned long long)r.rbx);
	}
	return verdict();
}

/* --- host calls --- */

static void must_fail(int64_t result, const char *what, uint64_t at)
{
	tried++;
	if (result < 0)
		return;
	if (bad++ == 0)
		guest_say("%s at 0x%llx: %lld", what, (unsigned long long)at, (long long)result);
}

static void map_calls(uint64_t at, uint64_t bytes)
{
	for (uint32_t prot = 0; prot < 8; prot++) {
		const struct mote_mapping m = {.addr = at, .bytes = bytes, .from = prot & 1 ? 0 : MOTE_MAP_ZEROED, .prot = prot};
		must_fail(mote_mem_map(guest_area, at, bytes, prot), "mem_map", at);
		must_fail(mote_mem_map_payload(guest_area, at, bytes, 0, prot), "mem_map_payload", at);
		must_fail(mote_mem_protect(guest_area, at, bytes, prot), "mem_protect", at);
		must_fail(mote_mem_map_many(guest_area, &m, sizeof(m)), "mem_map_many", at);
	}
	must_fail(mote_mem_unmap(guest_area, at, bytes), "mem_unmap", at);
	must_fail(mote_mem_zero(guest_area, at, bytes), "mem_zero", at);
}

static int map_over_the_window(void)
{
	for (uint64_t page = MOTE_KERNEL; page < MOTE_KERNEL + 0x14000; page += MOTE_PAGE)
		map_calls(page, MOTE_PAGE);
	map_calls(MOTE_KERNEL - MOTE_PAGE, 2 * MOTE_PAGE);
	map_calls(MOTE_KERNEL_END - MOTE_PAGE, 2 * MOTE_PAGE);
	map_calls(MOTE_KERNEL, MOTE_KERNEL_END - MOTE_KERNEL);
	map_calls(MOTE_KERNEL - 0x200000, 0x400000);
	map_calls(MOTE_KERNEL - 0x40000000, 0x80000000);
	map_calls(0x1000, MOTE_VA_END - 0x1000);
	return verdict();
}

static int map_at_the_canonical_boundary(void)
{
	static const uint64_t at[] = {
		MOTE_VA_END, MOTE_VA_END - MOTE_PAGE, 0x800000000000, 0xffff800000000000, 0xfffffffffffff000, 0xffff7ffffffff000,
		0x1000000000000, 0x0010000000000000,
	};
	for (size_t i = 0; i < ARRAY_SIZE(at); i++)
		map_calls(at[i], at[i] == MOTE_VA_END - MOTE_PAGE ? 2 * MOTE_PAGE : MOTE_PAGE);
	map_calls(0x10000, -0x10000UL);
	map_calls(0x10000, ~0UL - 0xfff);
	map_calls(MOTE_KERNEL_END, -MOTE_KERNEL_END);
	map_calls(0x20000000, 1UL << 63);
	map_calls(0, MOTE_PAGE);
	return verdict();
}

static int map_payload_beyond_its_end(void)
{
	static const uint64_t from[] = {0x1000, 0x10000, 1UL << 32, 1UL << 47, 1UL << 62, 1UL << 63, -0x1000UL, -0x10000UL};
	for (size_t i = 0; i < ARRAY_SIZE(from); i++)
		for (uint64_t bytes = 0x1000; bytes; bytes <<= 6) {
			must_fail(mote_mem_map_payload(guest_area, 0x30000000, bytes, from[i], MOTE_PROT_READ), "mem_map_payload", from[i]);
			must_fail(mote_mem_map_payload(guest_area, 0x30000000, -bytes, from[i], RW), "mem_map_payload", from[i]);
		}
	return verdict();
}

static const uint64_t window_places[] = {
	TABLES, TABLES + 0x400, TABLES + 0x430, STUBS, STUBS + 0x200, MOTE_KERNEL_STATE, MOTE_KERNEL_STATE + 0xfd8,
	STUBS + 0x1000, MOTE_KERNEL_STACKS, MOTE_KERNEL_STACKS + 0x18, MOTE_KERNEL_STACKS + 0xfc8, MOTE_KERNEL - 8, MOTE_KERNEL_STATE + 0x1000, MOTE_KERNEL_STACKS + 0xffc,
};

static int host_writes_into_the_window(void)
{
	static const struct mote_time now;
	struct mote_area *a = guest_area;
	for (size_t i = 0; i < ARRAY_SIZE(window_places); i++) {
		uint64_t at = window_places[i];
		void *p = (void *)at;
		const struct mote_iovec v[2] = {{DATA, 8}, {at, 8}};
		int32_t pair[2];
		must_fail(mote_clock_get(a, 1, p), "clock_get", at);
		must_fail(mote_clock_resolution(a, 1, p), "clock_resolution", at);
		must_fail(mote_random(a, p, 16), "random", at);
		must_fail(mote_fstat(a, 1, p), "fstat", at);
		must_fail(mote_pipe(a, p, 8, 0), "pipe", at);
		must_fail(mote_statfs(a, 1, p), "statfs", at);
		must_fail(mote_exchange(a, DATA, 8, at, 8), "exchange", at);
		if (mote_pipe(a, pair, sizeof(pair), 0) < 0)
			continue;
		const struct mote_iovec sent = {DATA, 16};
		mote_writev(a, pair[1], &sent, 1);
		must_fail(mote_readv(a, pair[0], v, 2) - 9, "readv", at); /* 8 bytes may go to DATA */
		must_fail(mote_readv(a, pair[0], v + 1, 1), "readv", at);
		struct mote_pollfd *fds = p;
		must_fail(mote_poll(a, (uint64_t)fds, 1, &now), "poll", at);
		mote_close(a, pair[0]);
		mote_close(a, pair[1]);
	}
	return verdict();
}

/* What CPL 3 cannot read, the host must not read for it. */
static int host_reads_the_window(void)
{
	struct mote_area *a = guest_area;
	for (size_t i = 0; i < ARRAY_SIZE(window_places); i++) {
		uint64_t at = window_places[i];
		struct registers r = {.rsi = at};
		struct outcome o = RUN(&r, 0x48, 0x8b, 0x06);
		if (o.completed)
			continue;
		const struct mote_iovec v[2] = {{DATA, 8}, {at, 8}};
		must_fail(mote_writev(a, 1, v, 2) - 9, "writev", at); /* the 8 bytes at DATA may be written */
		must_fail(mote_writev(a, 1, v + 1, 1), "writev", at);
		must_fail(mote_log(a, (const void *)at, 8), "log", at);
		must_fail(mote_sleep(a, 1, 0, (const void *)at), "sleep", at);
		must_fail(mote_exchange(a, at, 8, DATA, 8), "exchange", at);
		must_fail(mote_mem_map_many(a, (const void *)at, 32), "mem_map_many", at);
	}
	return verdict();
}

/* --- the host's part in a fault --- */

static int fault_with(uint64_t entry, uint64_t stack)
{
	guest_area->fault_entry = entry;
	guest_area->fault_stack_top = stack;
	guest_say("1 tried");
	RUN(&usual, 0x0f, 0x0b);
	return 0;
}

static int handler_at_a_stub(void)
{
	return fault_with(STUBS + 14 * MOTE_KERNEL_STUB_BYTES, DATA + 0x8000);
}

static int handler_at_the_syscall_stub(void)
{
	want_syscalls();
	return fault_with(SYSCALL_STUB, DATA + 0x8000);
}

static int handler_at_the_tables(void)
{
	return fault_with(TABLES, DATA + 0x8000);
}

static int handler_not_canonical(void)
{
	return fault_with(0x0000800000000000, DATA + 0x8000);
}

static int handler_not_mapped(void)
{
	return fault_with(0x66000, DATA + 0x8000);
}

static int handler_without_stack(void)
{
	return fault_with(guest_area->fault_entry, 8);
}

static int handler_stack_in_the_window(void)
{
	return fault_with(guest_area->fault_entry, MOTE_KERNEL_STACKS + 0x800);
}

static int handler_stack_not_canonical(void)
{
	return fault_with(guest_area->fault_entry, 0x8000000000000000);
}

static int handler_busy(void)
{
	guest_area->fault_busy = 1;
	return fault_with(guest_area->fault_entry, guest_area->fault_stack_top);
}

/* The handler says it is not busy, and faults again. */
static int fault_in_handler_for_ever(void)
{
	/* movl $0, fault_busy(%rdi); ud2 */
	uint8_t code[] = {0xc7, 0x47, (uint8_t)offsetof(struct mote_area, fault_busy), 0, 0, 0, 0, 0x0f, 0x0b};
	memcpy((void *)(CODE + 0x800), code, sizeof(code));
	return fault_with(CODE + 0x800, DATA + 0x8000);
}

/* The resume window, in which events may come, laid over the stubs. */
static int event_at_a_stub(void)
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
			guest_jump(at, &usual);
	}
	return 0;
}

static int stack_exhausted(void)
{
	guest_area->fault_stack_top = MOTE_BOOT_STACK_TOP - MOTE_BOOT_STACK_BYTES + 8;
	/* 1: push %rax; jmp 1b on the initial stack, and the handler has none either. */
	struct registers r = {.rax = MOTE_BOOT_STACK_TOP};
	guest_say("1 tried");
	RUN(&r, 0x48, 0x89, 0xc4, 0x50, 0xeb, 0xfd);
	return 0;
}

static const struct {
	const uint8_t *code;
	uint8_t bytes;
	enum may may;
	int (*run)(void);
} tries[] = {
#define INSTRUCTION(name, may, ...) {(const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}), may, NULL},
#define TRY(name, ends) {NULL, 0, REFUSED, name},
#include "escape.def"
#undef INSTRUCTION
#undef TRY
};

int guest_main(int argc, const char **argv)
{
	unsigned n = 0;
	for (const char *c = argv[0]; *c; c++)
		n = n * 10 + (unsigned)(*c - '0');
	whole = argc > 2 && argv[1][0] == 'l';
	native = argc > 2 && argv[2][0] == 'n';
	if (n >= ARRAY_SIZE(tries))
		return 251;
	return tries[n].run ? tries[n].run() : instruction(tries[n].code, tries[n].bytes, tries[n].may);
}
