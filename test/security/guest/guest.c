/* SPDX-License-Identifier: Apache-2.0 */
/* Running hostile code in a guest runtime and getting back from whatever it does at CPL 3. */
#include "guest.h"

#include "guest/lib/lib.h"

struct mote_area *guest_area;
const struct mote_boot *guest_boot;

static char fault_stack[8192] __attribute__((aligned(16)));
static char run_stack[8192] __attribute__((aligned(16)));
static unsigned steps_left;
static uint64_t random_state = 88172645463325252UL;

/*
 * enter(to, registers, stack, flags): leaves the present stack for `stack`, loads the registers and
 * flags and jumps. It returns when back() is called, which the fault handler does.
 */
void enter(uint64_t to, const struct registers *r, uint64_t stack, uint64_t flags);
_Noreturn void back(void);
_Noreturn void resume(const struct mote_context *c);
__asm__("	.local saved_rsp, entering\n	.comm saved_rsp, 8, 8\n	.comm entering, 32, 8\n"
	"enter:	push %rbx\n	push %rbp\n	push %r12\n	push %r13\n	push %r14\n"
	"	push %r15\n	pushfq\n"
	"	mov %rsp, saved_rsp(%rip)\n"
	"	mov %rdi, entering(%rip)\n	mov %rdi, %r15\n"
	"	mov %rsi, %r14\n	mov %rdx, %r13\n	mov %rcx, %r12\n"
	"	mov (%r14), %rax\n	mov 8(%r14), %rbx\n	mov 16(%r14), %rcx\n"
	"	mov 24(%r14), %rdx\n"
	"	mov 32(%r14), %rsi\n	mov 40(%r14), %rdi\n	mov 48(%r14), %rbp\n"
	"	mov 56(%r14), %r8\n"
	"	mov %rax, %r9\n	mov %rax, %r10\n	mov %rax, %r11\n"
	"	push %r12\n	popfq\n"
	"	mov %r13, %rsp\n"
	"	jmp *%r15\n"
	"back:	mov saved_rsp(%rip), %rsp\n	popfq\n"
	"	pop %r15\n	pop %r14\n	pop %r13\n	pop %r12\n	pop %rbp\n"
	"	pop %rbx\n	ret\n"
	/* Every register of a context, by IRETQ. */
	"resume:\n"
	"	push $0x2b\n	push 56(%rdi)\n	push 136(%rdi)\n	push $0x33\n"
	"	push 128(%rdi)\n"
	"	mov (%rdi), %rax\n	mov 8(%rdi), %rbx\n	mov 16(%rdi), %rcx\n"
	"	mov 24(%rdi), %rdx\n"
	"	mov 32(%rdi), %rsi\n	mov 48(%rdi), %rbp\n	mov 64(%rdi), %r8\n"
	"	mov 72(%rdi), %r9\n"
	"	mov 80(%rdi), %r10\n	mov 88(%rdi), %r11\n	mov 96(%rdi), %r12\n"
	"	mov 104(%rdi), %r13\n"
	"	mov 112(%rdi), %r14\n	mov 120(%rdi), %r15\n	mov 40(%rdi), %rdi\n"
	"	iretq\n"
	/* From the host, with RDI = the area. The code may have changed GS and data segments. */
	"fault_entry:\n"
	"	mov $0x2b, %eax\n	mov %eax, %ds\n	mov %eax, %es\n	mov %eax, %gs\n"
	"	wrgsbase %rdi\n	cld\n	call on_fault\n	ud2\n");
extern char fault_entry[];

__attribute__((used)) static void on_fault(struct mote_area *area)
{
	area->fault_busy = 0;
	if (area->fault.vector == DEBUG && steps_left && --steps_left)
		resume(&area->fault.context);
	back();
}

static struct outcome outcome_of(uint64_t landing)
{
	const struct mote_fault *f = &guest_area->fault;
	return (struct outcome){
		.completed =
			f->vector == PROTECTION && f->error_code == 0 && f->context.rip == landing,
		.vector = f->vector,
		.error = f->error_code,
		.address = f->address,
		.rip = f->context.rip,
		.rsp = f->context.rsp,
	};
}

/* Where RET, IRET and POP find nothing but landings. */
static uint64_t prepare_stack(void)
{
	uint64_t *top = (uint64_t *)(void *)(run_stack + sizeof(run_stack)) - 64;
	for (unsigned i = 0; i < 64; i++)
		top[i] = LANDING;
	return (uint64_t)top;
}

struct outcome guest_jump(uint64_t to, const struct registers *r)
{
	steps_left = 0;
	enter(to, r, prepare_stack(), 2);
	return outcome_of(to);
}

struct outcome guest_step(uint64_t to, const struct registers *r, unsigned steps)
{
	steps_left = steps + 2; /* enter() has two instructions behind its POPF */
	enter(to, r, r->rbp ? r->rbp : prepare_stack(), 2 | FLAG_TF);
	return outcome_of(LANDING);
}

struct outcome guest_run(const void *code, size_t bytes, const struct registers *r)
{
	static const uint8_t landing[] = {0xe6, PORT_ESCAPED, 0xeb, 0xfc};
	memcpy((void *)CODE, code, bytes);
	memcpy((void *)(CODE + bytes), landing, sizeof(landing));
	steps_left = 0;
	enter(CODE, r, prepare_stack(), 2);
	return outcome_of(CODE + bytes);
}

bool guest_refused(const struct outcome *o)
{
	return !o->completed && (o->vector == PROTECTION || o->vector == UNDEFINED);
}

void guest_say(const char *fmt, ...)
{
	char line[200];
	va_list ap;
	va_start(ap, fmt);
	size_t n = lib_vformat(line, sizeof(line), fmt, ap);
	va_end(ap);
	mote_log(guest_area, line, n);
}

void guest_seed(uint64_t seed)
{
	random_state = seed ? seed : 1;
}

uint64_t guest_random(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

/*
 * The entry notes all registers before anything uses them; vector registers only at CPL 3, since
 * they are unknown to KVMs that interpret CPL 0. A SYSCALL goes on 16 bytes behind the entry; there
 * it is reported as what reached its end at CPL 3.
 */
__attribute__((used)) static uint64_t noted[24];
__attribute__((used)) static uint8_t noted_vectors[4096] __attribute__((aligned(64)));
__asm__(".globl mote_guest_entry\n	.balign 16\n"
	"mote_guest_entry:\n	jmp first\n"
	"	.org mote_guest_entry + 16, 0xcc\n	mov $0x10030000, %eax\n	jmp *%rax\n"
	"first:	mov %rax, noted(%rip)\n	mov %rbx, 8+noted(%rip)\n	mov %rcx, 16+noted(%rip)\n"
	"	mov %rdx, 24+noted(%rip)\n	mov %rsi, 32+noted(%rip)\n"
	"	mov %rdi, 40+noted(%rip)\n"
	"	mov %rbp, 48+noted(%rip)\n	mov %rsp, 56+noted(%rip)\n"
	"	mov %r8, 64+noted(%rip)\n"
	"	mov %r9, 72+noted(%rip)\n	mov %r10, 80+noted(%rip)\n"
	"	mov %r11, 88+noted(%rip)\n"
	"	mov %r12, 96+noted(%rip)\n	mov %r13, 104+noted(%rip)\n"
	"	mov %r14, 112+noted(%rip)\n"
	"	mov %r15, 120+noted(%rip)\n	pushfq\n	popq 128+noted(%rip)\n"
	"	mov %cs, %eax\n	test $3, %al\n	jz 1f\n"
	"	rdfsbase %rax\n	mov %rax, 136+noted(%rip)\n"
	"	mov $-1, %eax\n	mov $-1, %edx\n	xsave64 noted_vectors(%rip)\n"
	"1:	xorl %ebp, %ebp\n	call guest_start\n	ud2\n");
_Static_assert(LANDING == 0x10030000, "the address in the code above");

uint64_t guest_noted_count(uint64_t inverse)
{
	uint64_t n = 0;
	for (unsigned i = 0; i < sizeof(noted) / 8; i++)
		n += ~noted[i] == inverse;
	for (unsigned i = 0; i < sizeof(noted_vectors) / 8; i++)
		n += ~((const uint64_t *)(const void *)noted_vectors)[i] == inverse;
	return n;
}

__attribute__((used)) static void guest_start(const struct mote_boot *boot, struct mote_area *area)
{
	static const uint8_t landing[] = {0xe6, PORT_ESCAPED};
	const char *argv[8] = {0};
	const uint32_t *offsets = (const void *)((const char *)boot + boot->argv);
	guest_area = area;
	guest_boot = boot;
	for (unsigned i = 0; i < boot->argc && i < 7; i++)
		argv[i] = (const char *)boot + offsets[i];
	area->fault_entry = (uint64_t)fault_entry;
	area->fault_stack_top = (uint64_t)(fault_stack + sizeof(fault_stack));
	if (mote_mem_map(area, CODE, 0x1000, RWX) < 0 ||
	    mote_mem_map(area, DATA, 0x10000, RW) < 0 ||
	    mote_mem_map(area, LANDING, 0x1000, RWX) < 0)
		mote_exit(area, 250);
	for (uint64_t at = LANDING; at < LANDING + 0x1000; at += sizeof(landing))
		memcpy((void *)at, landing, sizeof(landing));
	mote_exit(area, guest_main((int)boot->argc, argv));
}
