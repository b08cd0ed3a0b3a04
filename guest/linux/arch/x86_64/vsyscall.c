/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The vsyscall page: three functions at fixed addresses in the upper half, which is empty in a VM.
 * Programs linked with older C libraries call them. As Linux does with vsyscall=xonly, the page is
 * not there, and the fault of a call becomes the call: it goes on in a page of the program's own
 * that makes the system call and returns.
 */
#include "guest/linux/arch/arch.h"
#include "guest/linux/mm/memory.h"
#include "guest/linux/mm/ranges.h"
#include "guest/linux/state.h"

#include <asm/unistd.h>
#include <asm/vsyscall.h>

enum { FUNCTION_BYTES = 1024, FUNCTIONS = 3 };

/* mov $nr, %eax; syscall; ret */
struct __attribute__((packed)) function {
	uint8_t mov;
	uint32_t nr;
	uint8_t syscall[2], ret;
};

static uint64_t page; /* 0: not mapped yet */

void arch_forget_program(void)
{
	page = 0;
}

static struct function function_of(uint32_t nr)
{
	return (struct function){.mov = 0xb8, .nr = nr, .syscall = {0x0f, 0x05}, .ret = 0xc3};
}

static bool map_page(void)
{
	static const uint32_t calls[FUNCTIONS] = {__NR_gettimeofday, __NR_time, __NR_getcpu};
	uint64_t at = page ? page : ranges_find(MOTE_PAGE, MOTE_PAGE);
	if (page || !at)
		return page;
	/* Memory that is there at once: in here it could not be waited for. */
	if (mote_mem_map(mote_area(), at, MOTE_PAGE, MOTE_PROT_READ | MOTE_PROT_WRITE) < 0)
		return false;
	for (uint64_t i = 0; i < FUNCTIONS; i++) {
		const struct function f = function_of(calls[i]);
		memcpy((void *)(at + i * FUNCTION_BYTES), &f, sizeof(f));
	}
	if (mote_mem_protect(mote_area(), at, MOTE_PAGE, MOTE_PROT_READ | MOTE_PROT_EXEC) < 0) {
		(void)!mote_mem_unmap(mote_area(), at, MOTE_PAGE);
		return false;
	}
	ranges_take(at, MOTE_PAGE);
	page = at;
	return true;
}

bool arch_emulate_call(struct mote_context *c)
{
	const uint64_t offset = c->rip - VSYSCALL_ADDR;
	if (offset % FUNCTION_BYTES || offset / FUNCTION_BYTES >= FUNCTIONS || !map_page())
		return false;
	c->rip = page + offset;
	return true;
}

const char *arch_fixed_maps(void)
{
	return "ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  "
	       "[vsyscall]\n";
}
