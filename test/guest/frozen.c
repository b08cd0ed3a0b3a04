/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A guest runtime for the tests of snapshots. It waits in an exchange for commands of one letter,
 * and keeps state of every kind. On its entry, and on each command, it notes all registers before
 * anything uses them.
 */
#include "guest_check.h"

#define DATA        0x10000000UL
#define DATA_BYTES  0x40000UL
#define LARGE       0x40000000UL
#define LARGE_BYTES 0x600000UL
#define EXTRA       0x80000000UL
#define PATTERN     0x00005a17c0de5a17UL /* an address, too */
#define RW          (MOTE_PROT_READ | MOTE_PROT_WRITE)

enum { XSAVE_BYTES = 4096, NOTED_REGISTERS = 20, MXCSR_AT = 24 };

/* rax rbx rcx rdx rsi rdi rbp r8…r15 rflags fs-base ds es fs */
__attribute__((used)) static uint64_t noted[NOTED_REGISTERS];
__attribute__((used)) static uint8_t noted_xsave[XSAVE_BYTES] __attribute__((aligned(64)));
static uint8_t pattern_xsave[XSAVE_BYTES] __attribute__((aligned(64)));
static struct mote_area *area;
static const struct mote_boot *boot;
static uint64_t counter;

/* clang-format off */
#define NOTE_ALL \
	"	mov %rax, noted(%rip)\n" \
	"	mov %rbx, 8+noted(%rip)\n" \
	"	mov %rcx, 16+noted(%rip)\n" \
	"	mov %rdx, 24+noted(%rip)\n" \
	"	mov %rsi, 32+noted(%rip)\n" \
	"	mov %rdi, 40+noted(%rip)\n" \
	"	mov %rbp, 48+noted(%rip)\n" \
	"	mov %r8, 56+noted(%rip)\n" \
	"	mov %r9, 64+noted(%rip)\n" \
	"	mov %r10, 72+noted(%rip)\n" \
	"	mov %r11, 80+noted(%rip)\n" \
	"	mov %r12, 88+noted(%rip)\n" \
	"	mov %r13, 96+noted(%rip)\n" \
	"	mov %r14, 104+noted(%rip)\n" \
	"	mov %r15, 112+noted(%rip)\n" \
	"	pushfq\n" \
	"	popq 120+noted(%rip)\n" \
	"	rdfsbase %rax\n" \
	"	mov %rax, 128+noted(%rip)\n" \
	"	mov %ds, 136+noted(%rip)\n" \
	"	mov %es, 144+noted(%rip)\n" \
	"	mov %fs, 152+noted(%rip)\n" \
	"	mov $-1, %eax\n" \
	"	mov $-1, %edx\n" \
	"	xsave64 noted_xsave(%rip)\n"

__asm__(".globl mote_guest_entry\n"
	"mote_guest_entry:\n	jmp 1f\n	.org mote_guest_entry + 16, 0xcc\n	ud2\n1:\n"
	NOTE_ALL
	"	mov 40+noted(%rip), %rdi\n	mov 32+noted(%rip), %rsi\n	xor %ebp, %ebp\n"
	"	call start\n	ud2\n"
	/*
	 * exchange_with(rdi: registers to load, rsi: their xsave area): the doorbell with all of
	 * them set.
	 */
	"exchange_with:\n"
	"	push %rbx\n	push %rbp\n	push %r12\n	push %r13\n	push %r14\n"
	"	push %r15\n"
	"	mov $-1, %eax\n	mov $-1, %edx\n	xrstor64 (%rsi)\n"
	"	mov 128(%rdi), %rax\n	wrfsbase %rax\n"
	"	mov (%rdi), %rax\n	mov 8(%rdi), %rbx\n	mov 16(%rdi), %rcx\n"
	"	mov 24(%rdi), %rdx\n"
	"	mov 48(%rdi), %rbp\n	mov 56(%rdi), %r8\n	mov 64(%rdi), %r9\n"
	"	mov 72(%rdi), %r10\n"
	"	mov 80(%rdi), %r11\n	mov 88(%rdi), %r12\n	mov 96(%rdi), %r13\n"
	"	mov 104(%rdi), %r14\n"
	"	mov 112(%rdi), %r15\n	mov 32(%rdi), %rsi\n	mov 40(%rdi), %rdi\n	std\n"
	"	outb %al, $0x10\n" NOTE_ALL
	"	cld\n	pop %r15\n	pop %r14\n	pop %r13\n	pop %r12\n"
	"	pop %rbp\n	pop %rbx\n	ret\n");
/* clang-format on */
void exchange_with(const uint64_t *registers, const void *xsave);

static void fill(uint64_t at, uint64_t bytes, uint64_t value)
{
	for (uint64_t *p = (uint64_t *)at; p < (uint64_t *)(at + bytes); p++)
		*p = value;
}

static uint64_t count(const void *at, uint64_t bytes, uint64_t value)
{
	uint64_t n = 0;
	for (const uint64_t *p = at; p < (const uint64_t *)((const char *)at + bytes); p++)
		n += *p == value;
	return n;
}

/* An extended state with the pattern in every register, as XRSTOR takes it. */
static void make_pattern(void)
{
	uint32_t low, high;
	__asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
	fill((uint64_t)pattern_xsave, sizeof(pattern_xsave), PATTERN);
	fill((uint64_t)pattern_xsave, 32, 0);
	fill((uint64_t)pattern_xsave + 512, 64, 0);
	pattern_xsave[0] = 0x7f;
	pattern_xsave[1] = 0x02;
	pattern_xsave[4] = 0xff;
	*(uint32_t *)(void *)(pattern_xsave + MXCSR_AT) = 0x9f80;
	*(uint64_t *)(void *)(pattern_xsave + 512) = low;
}

/* Everything that this guest can write holds the pattern. */
static void fill_all(void)
{
	uint64_t at = 0x200000000;
	fill(DATA, DATA_BYTES, PATTERN);
	fill(LARGE, LARGE_BYTES, PATTERN);
	while (mote_mem_map(area, at, 0x100000, RW) == 0) {
		fill(at, 0x100000, PATTERN);
		at += 0x100000;
	}
	CHECK(at > 0x200000000 + 0x1000000);
	fill((uint64_t)area->output & ~7UL, MOTE_OUTPUT_BYTES, PATTERN);
	fill((uint64_t)area->personality & ~7UL, sizeof(area->personality), PATTERN);
	fill((uint64_t)&area->fault, sizeof(area->fault), PATTERN);
	fill(MOTE_BOOT_STACK_TOP - MOTE_BOOT_STACK_BYTES, MOTE_BOOT_STACK_BYTES / 2, PATTERN);
	area->saved_rsp = area->stack_top = area->handled_signals = PATTERN;
}

/* Looks for it in what a new guest finds. */
static void look_all(void)
{
	uint64_t at = 0x300000000;
	CHECK_EQ(count(noted, sizeof(noted), PATTERN), 0);
	for (unsigned i = 0; i < 15; i++)
		CHECK(noted[i] == 0 || i == 4 || i == 5); /* rsi, rdi */
	CHECK_EQ(noted[15] | 0x200, 0x202); /* interrupts are enabled if CPL 0 is interpreted */
	CHECK_EQ(noted[16], 0);
	for (unsigned i = 17; i < 20; i++)
		CHECK(noted[i] == MOTE_USER_DS || noted[i] == 0); /* 0 if CPL 0 is interpreted */
	CHECK_EQ(count(noted_xsave + 32, sizeof(noted_xsave) - 32, PATTERN), 0);
	CHECK_EQ(*(uint16_t *)(void *)noted_xsave, 0x37f);
	CHECK_EQ(*(uint32_t *)(void *)(noted_xsave + MXCSR_AT), 0x1f80);
	while (mote_mem_map(area, at, 0x100000, RW) == 0) {
		CHECK_EQ(count((void *)at, 0x100000, 0), 0x100000 / 8);
		at += 0x100000;
	}
	CHECK(at > 0x300000000 + 0x1000000);
	CHECK_EQ(count(area, sizeof(*area), PATTERN), 0);
	CHECK_EQ(count((void *)(MOTE_BOOT_STACK_TOP - MOTE_BOOT_STACK_BYTES), MOTE_BOOT_STACK_BYTES,
		       PATTERN),
		 0);
}

/* The frame of an exchange of 16 bytes. */
static void prepare(char *buffer)
{
	area->frame.nr = HOSTCALL_exchange;
	area->frame.arg[0] = area->frame.arg[2] = (uint64_t)buffer;
	area->frame.arg[1] = area->frame.arg[3] = 16;
}

/* The registers that were set before the doorbell are there after it. */
static void registers_command(char *buffer)
{
	static uint64_t set[NOTED_REGISTERS];
	for (unsigned i = 0; i < NOTED_REGISTERS; i++)
		set[i] = 0x1111111111111111UL * (i + 1) & 0x7fffffffffffffffUL;
	set[16] = 0x12345000;
	make_pattern();
	prepare(buffer);
	exchange_with(set, pattern_xsave);
	for (unsigned i = 0; i < 15; i++)
		CHECK_EQ(noted[i], set[i]);
	CHECK(noted[15] & 0x400); /* RFLAGS.DF */
	CHECK_EQ(noted[16], set[16]);
	CHECK(count(noted_xsave + 32, 128, PATTERN) >= 8);
	for (unsigned i = 160; i < XSAVE_BYTES; i++)
		CHECK(noted_xsave[i] == pattern_xsave[i] || i >= 416 || noted_xsave[i] == 0);
	CHECK_EQ(count(noted_xsave + 160, 256, PATTERN), 32);
	CHECK_EQ(*(uint32_t *)(void *)(noted_xsave + MXCSR_AT), 0x9f80);
}

/* Changes of mappings of every kind. */
static void remap(void)
{
	CHECK_EQ(mote_mem_unmap(area, DATA + 0x1000, 0x1000), 0);
	CHECK_EQ(mote_mem_protect(area, DATA + 0x4000, 0x1000, MOTE_PROT_READ), 0);
	CHECK_EQ(mote_mem_unmap(area, LARGE + 0x5000, 0x1000), 0);
	CHECK_EQ(mote_mem_zero(area, DATA + 0x8000, 0x1000), 0);
	CHECK_EQ(mote_mem_map(area, EXTRA, 0x3000, RW), 0);
	CHECK_EQ(count((void *)EXTRA, 0x3000, 0), 0x3000 / 8);
	fill(EXTRA, 0x3000, counter);
	CHECK_EQ(count((void *)(DATA + 0x8000), 0x1000, 0), 0x1000 / 8);
}

/* All as it was made by start(). */
static void check_data(void)
{
	CHECK_EQ(mote_mem_map(area, EXTRA, 0x3000, RW), 0);
	CHECK_EQ(mote_mem_unmap(area, EXTRA, 0x3000), 0);
	for (uint64_t at = DATA; at < DATA + DATA_BYTES; at += 8)
		CHECK_EQ(*(uint64_t *)at, at);
	for (uint64_t at = LARGE; at < LARGE + LARGE_BYTES; at += 0x1000)
		CHECK_EQ(*(uint64_t *)at, at);
	*(volatile uint64_t *)(DATA + 0x4000) = DATA + 0x4000;
}

/* The same without changing a mapping. */
static void check_pages(void)
{
	for (uint64_t at = DATA; at < DATA + DATA_BYTES; at += 0x1000) {
		CHECK_EQ(*(uint64_t *)at, at);
		CHECK_EQ(*(uint64_t *)(at + 0xff8), at + 0xff8);
	}
}

/* Every vector register and the x87's as after a reset. */
static void forget_vectors(void)
{
	static uint8_t none[XSAVE_BYTES] __attribute__((aligned(64)));
	*(uint32_t *)(void *)(none + MXCSR_AT) = 0x1f80;
	__asm__ volatile("xrstor64 %0" : : "m"(none), "a"(-1), "d"(-1));
}

static void serve(void)
{
	static char buffer[64];
	int64_t n = mote_exchange(area, (uint64_t) "ready", 5, (uint64_t)buffer, sizeof(buffer));
	for (;;) {
		uint64_t answer = ++counter;
		int32_t pair[2];
		CHECK(n >= 1);
		switch (buffer[0]) {
		case 'c': /* count */
			break;
		case 'w': /* write over everything */
			fill(DATA, DATA_BYTES, counter);
			fill(LARGE, LARGE_BYTES, counter);
			break;
		case 'p': /* write one page */
			fill(DATA + (uint64_t)(uint8_t)buffer[1] * 0x1000, 0x1000, counter);
			break;
		case 'v':
			check_pages();
			break;
		case 'x':
			forget_vectors();
			break;
		case 'm':
			remap();
			break;
		case 'k':
			check_data();
			break;
		case 'r':
			registers_command(buffer);
			CHECK_EQ(buffer[0], 'r');
			break;
		case 'o': /* a descriptor of its own, and one fewer of the given */
			CHECK_EQ(mote_pipe(area, pair, sizeof(pair), 0), 0);
			CHECK_EQ(mote_close(area, 1), 0);
			break;
		case 'q': { /* locks of each kind on standard output's file */
			struct mote_lock one = {.type = 1 /* F_WRLCK */, .length = 1};
			answer = (uint64_t)mote_flock(area, 1, 2 /* LOCK_EX */);
			answer |= (uint64_t)mote_lock(area, 1, 6 /* F_SETLK */, &one, NULL);
			one.start = 1;
			answer |= (uint64_t)mote_lock(area, 1, 37 /* F_OFD_SETLK */, &one, NULL);
			break;
		}
		case 's': { /* write to standard output */
			struct mote_iovec v = {.base = (uint64_t) "out", .len = 3};
			answer = (uint64_t)mote_writev(area, 1, &v, 1);
			break;
		}
		case 'b':
			answer = boot->random[0] | (uint64_t)boot->random[9] << 8 |
				 (uint64_t)boot->random[17] << 16 | boot->generation << 32;
			break;
		case 't': { /* the time, the second time without asking */
			struct mote_time t[2];
			CHECK_EQ(lib_clock_get(area, 1, &t[0]), 0);
			CHECK_EQ(lib_clock_get(area, 1, &t[1]), 0);
			answer = (uint64_t)t[1].sec * 1000000000 + (uint64_t)t[1].nsec;
			break;
		}
		case 'f':
			make_pattern();
			fill_all();
			prepare(buffer);
			exchange_with((const uint64_t *)DATA, pattern_xsave);
			break;
		case 'l':
			for (;;)
				__asm__ volatile("pause");
		case 'e':
			mote_exit(area, 7);
		}
		n = mote_exchange(area, (uint64_t)&answer, sizeof(answer), (uint64_t)buffer,
				  sizeof(buffer));
	}
}

__attribute__((used)) static void start(const struct mote_boot *b, struct mote_area *a);
static void start(const struct mote_boot *b, struct mote_area *a)
{
	const uint32_t *argv = (const void *)((const char *)b + b->argv);
	area = a;
	boot = b;
	if (((const char *)b + argv[0])[0] == 'l') {
		look_all();
		mote_exit(area, 0);
	}
	CHECK_EQ(mote_mem_map(area, DATA, DATA_BYTES, RW), 0);
	CHECK_EQ(mote_mem_map(area, LARGE, LARGE_BYTES, RW), 0);
	for (uint64_t at = DATA; at < DATA + DATA_BYTES; at += 8)
		*(uint64_t *)at = at;
	for (uint64_t at = LARGE; at < LARGE + LARGE_BYTES; at += 0x1000)
		*(uint64_t *)at = at;
	serve();
}
