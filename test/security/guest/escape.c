/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tries to get from CPL 3 to more: argv[0] is the number of one in escape.def, argv[1] "long" for
 * all values of what it goes through, argv[2] "native" on a KVM without hardware virtualisation.
 * Exit status 0: contained, as far as the guest sees; 1: something completed that must not have.
 * The line that it says is the figure. The test program has its own look at what the guest must not
 * have reached.
 */
#include "escape.h"

#include "guest/lib/lib.h"

bool escape_whole, escape_native;
unsigned escape_tried, escape_bad;

const struct registers escape_usual = {.rbx = DATA, .rcx = 0xc0000080, .rsi = TABLES, .rdi = DATA};

const uint64_t escape_odd_addresses[ESCAPE_ODD_ADDRESSES] = {0,
							     1,
							     8,
							     0xfff,
							     0x1000,
							     0x7ffffffff,
							     TABLES,
							     TABLES + 0x10,
							     TABLES + 0x400,
							     TABLES + 0xff8,
							     STUBS,
							     STUBS + 1,
							     STUBS + 0x10,
							     SYSCALL_STUB,
							     SYSCALL_STUB + 0x40,
							     STUBS + 0x1000,
							     STUBS + 0x1040,
							     STUBS + 0xff8,
							     MOTE_KERNEL_STATE,
							     MOTE_KERNEL_STATE + 0xff8,
							     MOTE_KERNEL_STACKS,
							     MOTE_KERNEL_STACKS + 0x7f8,
							     MOTE_KERNEL_STACKS + 0xfc8,
							     MOTE_KERNEL_STACKS + 0xff8,
							     MOTE_KERNEL_STACKS + 0x1000,
							     MOTE_KERNEL - 8,
							     MOTE_KERNEL_END,
							     MOTE_VA_END - 8,
							     MOTE_VA_END - 2,
							     MOTE_VA_END,
							     0x7fffffffffff,
							     0x7ffffffffff8,
							     0x800000000000,
							     0x0001000000000000,
							     0x8000000000000000,
							     0xffff7fffffffffff,
							     0xffff7ffffffffff8,
							     0xffff800000000000,
							     0xffffffff80000000,
							     0xffffffffffffe000,
							     0xfffffffffffffff8,
							     0xffffffffffffffff,
							     0xfee00000,
							     MOTE_BOOT_VA,
							     MOTE_PROGRAM_VA};

void escape_judge(const struct outcome *o, bool may, const char *what, uint64_t number)
{
	escape_tried++;
	if (!o->completed || may)
		return;
	if (escape_bad++ == 0)
		guest_say("%s 0x%llx completed", what, (unsigned long long)number);
}

void escape_must_fail(int64_t result, const char *what, uint64_t at)
{
	escape_tried++;
	if (result < 0)
		return;
	if (escape_bad++ == 0)
		guest_say("%s at 0x%llx: %lld", what, (unsigned long long)at, (long long)result);
}

int escape_verdict(void)
{
	if (!escape_bad)
		guest_say("%u tried", escape_tried);
	return escape_bad != 0;
}

static bool has_umip(void)
{
	uint32_t a = 7, b, c = 0, d;
	__asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
	return c >> 2 & 1;
}

static int instruction(const uint8_t *code, size_t bytes, enum may may)
{
	struct outcome o = guest_run(code, bytes, &escape_usual);
	if (o.completed) {
		guest_say("completed%s", may == UMIP ? " (no UMIP)" : "");
		return may == REFUSED || (may == UMIP && has_umip());
	}
	guest_say("vector %u", o.vector);
	return 0;
}

static const struct {
	const uint8_t *code;
	uint8_t bytes;
	enum may may;
	int (*run)(void);
} tries[] = {
#define INSTRUCTION(name, may, ...) \
	{(const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}), may, NULL},
#define TRY(name, ends) {NULL, 0, REFUSED, escape_##name},
#include "escape.def"
#undef INSTRUCTION
#undef TRY
};

int guest_main(int argc, const char **argv)
{
	unsigned n = 0;
	for (const char *c = argv[0]; *c; c++)
		n = n * 10 + (unsigned)(*c - '0');
	escape_whole = argc > 2 && argv[1][0] == 'l';
	escape_native = argc > 2 && argv[2][0] == 'n';
	if (n >= ARRAY_SIZE(tries))
		return 251;
	return tries[n].run ? tries[n].run()
			    : instruction(tries[n].code, tries[n].bytes, tries[n].may);
}
